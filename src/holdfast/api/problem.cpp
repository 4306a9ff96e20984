#include "holdfast/api/problem.hpp"

#include <boost/json/parse.hpp>

#include "holdfast/api/json.hpp"

namespace holdfast::api {
namespace {

namespace json = boost::json;

/// What is true of every problem with this code.
std::string_view title(Errc code) {
  switch (code) {
    case Errc::ok:
      return "Nothing is wrong";
    case Errc::invalid_argument:
      return "The request is wrong";
    case Errc::config:
      return "The configuration is wrong";
    case Errc::unauthorized:
      return "A token is needed";
    case Errc::forbidden:
      return "The token does not allow this";
    case Errc::no_such_job:
      return "There is no such job";
    case Errc::no_such_operation:
      return "There is no such operation";
    case Errc::lock_conflict:
      return "Another lock governs one of the stages";
    case Errc::provider_locked:
      return "The stage is locked to another provider";
    case Errc::lock_not_overridable:
      return "The lock is absolute";
    case Errc::stale_answer:
      return "The question is gone";
    case Errc::already_answered:
      return "Somebody answered first";
    case Errc::confirmation_required:
      return "A person must confirm this";
    case Errc::stale_epoch:
      return "The locks changed meanwhile";
    case Errc::switched:
      return "The stage moved to another provider";
    case Errc::cancelled:
      return "It was cancelled";
    case Errc::too_large:
      return "It is too large";
    case Errc::provider_unreachable:
      return "The provider cannot be reached";
    case Errc::provider_failed:
      return "The provider failed";
    case Errc::truncated:
      return "The answer ended too early";
    case Errc::store_unavailable:
      return "The store cannot be used now";
    case Errc::store_held:
      return "Another process holds the job";
    case Errc::outcome_unknown:
      return "It is unknown whether it happened";
  }
  __builtin_unreachable();
}

}  // namespace

Problem problem_of(Errc code, std::string detail) {
  return {.code = code, .status = http_status(code), .detail = std::move(detail)};
}

Problem problem_of(const AnswerResult& refused) {
  Problem problem = problem_of(refused.refused, refused.message);
  problem.winning_option = refused.winning_option;
  return problem;
}

json::object to_json(const Problem& problem) {
  json::object out{{"type", "urn:holdfast:problem:" + std::string(name(problem.code))},
                   {"title", title(problem.code)},
                   {"status", problem.status},
                   {"detail", words(problem.detail)},
                   {"code", name(problem.code)}};
  if (!problem.winning_option.empty()) out["winningOption"] = words(problem.winning_option);
  return out;
}

std::optional<Problem> problem_from_json(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto words = [&](std::string_view key) -> std::string {
    const json::value* found = object->if_contains(key);
    const json::string* said = found == nullptr ? nullptr : found->if_string();
    return said == nullptr ? std::string() : std::string(*said);
  };
  Problem problem{.code = errc_from_name(words("code")),
                  .status = 0,
                  .detail = words("detail"),
                  .winning_option = words("winningOption")};
  if (problem.code == Errc::ok) return std::nullopt;
  problem.status = http_status(problem.code);
  if (const json::value* status = object->if_contains("status"); status != nullptr && status->is_int64()) {
    const std::int64_t said = status->get_int64();
    if (said >= 400 && said <= 599) problem.status = static_cast<int>(said);
  }
  return problem;
}

}  // namespace holdfast::api
