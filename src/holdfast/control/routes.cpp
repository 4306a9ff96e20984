#include "holdfast/control/routes.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "holdfast/api/json.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/control/handlers.hpp"

namespace holdfast::control {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

/// The values of the {…}; nothing where the path is another one.
std::optional<std::vector<std::string>> values_of(std::string_view front, std::string_view path,
                                                  std::span<const std::string> segments) {
  std::vector<std::string_view> parts = split(front);
  const std::vector<std::string_view> behind = split(path);
  parts.insert(parts.end(), behind.begin(), behind.end());
  if (parts.size() != segments.size()) return std::nullopt;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      if (segments[i].empty()) return std::nullopt;
      values.push_back(segments[i]);
    } else if (parts[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return values;
}

void allow(std::string& list, std::string_view method) {
  list.append(list.empty() ? "" : ", ").append(method);
}

}  // namespace

std::string new_boot() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string out;
  for (int i = 0; i < 12; ++i)
    out += digits[random() % digits.size()];
  return out;
}

std::string Call::by(const std::string& said) const {
  if (token.empty()) return said.empty() ? caller : said;
  if (said.empty() || said == token) return token;
  const std::string both = token + " (" + said + ")";
  return both.size() <= name_bytes_max ? both : token;
}

std::string Call::parameter(std::string_view name) const {
  return std::string(query.find(name).value_or(""));
}

std::uint64_t Call::number(std::string_view name, std::uint64_t otherwise, std::uint64_t min, std::uint64_t max) const {
  const auto text = query.find(name);
  if (!text) return otherwise;
  const auto number = net::parse_length(*text);
  if (!number || *number < min || *number > max) {
    throw Error(Errc::invalid_argument, "parameter '" + std::string(name) + "' is no whole number from " +
                                            std::to_string(min) + " to " + std::to_string(max));
  }
  return *number;
}

Reply json_reply(boost::json::object object, int status) {
  return {.status = status, .body = api::text(object) + "\n"};
}

Reply problem_reply(const api::Problem& problem) {
  return {
      .status = problem.status, .type = "application/problem+json", .body = api::text(api::to_json(problem)) + "\n"};
}

Reply problem_reply(Errc code, int status, std::string detail) {
  api::Problem problem = api::problem_of(code, std::move(detail));
  problem.status = status;
  return problem_reply(problem);
}

std::span<const Route> routes() {
  using enum Scope;
  static const std::array all = {
      Route{"GET", "/", open, show_welcome, false, {}, ""},
      Route{"GET", "/metrics", read, show_metrics, false, {}, ""},
      Route{"GET", "/health/live", open, say_live},
      Route{"GET", "/health/ready", open, say_ready},
      Route{"GET", "/openapi.json", open, show_document},
      Route{"GET", "/jobs", read, list_jobs, false, {"state", "limit", "after"}},
      Route{"POST", "/jobs", admin, open_job, true},
      Route{"GET", "/jobs/{job}", read, show_job},
      Route{"DELETE", "/jobs/{job}", admin, release_job},
      Route{"POST", "/jobs/{job}/cancel", answer, cancel_job, true},
      Route{"GET", "/jobs/{job}/locks", read, list_locks, false, {"limit", "after"}},
      Route{"POST", "/jobs/{job}/locks", admin, take_lock, true},
      Route{"GET", "/jobs/{job}/decisions", read, list_decisions, false, {"limit", "after"}},
      Route{"POST", "/jobs/{job}/decisions", answer, decide, true},
      Route{"GET", "/operations", read, list_operations, false, {"state", "job", "limit", "after"}},
      Route{"GET", "/operations/{operation}", read, show_operation},
      Route{"POST", "/operations/{operation}/answer", answer, answer_question, true},
      Route{"POST", "/operations/{operation}/cancel", answer, cancel_operation, true},
      Route{"GET", "/statistics", read, show_statistics},
      Route{"GET", "/providers", read, list_providers},
      Route{"GET", "/profiles", read, list_profiles, false, {"patience"}},
      Route{"GET", "/profiles/{provider}", read, show_profile, false, {"patience"}},
      Route{"GET", "/audit", read, list_audit, false, {"job", "limit", "after"}},
      Route{"GET", "/audit/verify", read, verify_audit, false, {"job"}},
      Route{"GET", "/events", read, nullptr, false, {"job"}},
  };
  return all;
}

Match match(std::string_view method, const std::vector<std::string>& segments) {
  Match out;
  for (const Route& route : routes()) {
    auto values = values_of(route.front, route.path, segments);
    if (!values) continue;
    allow(out.allow, route.method);
    if (route.method == "GET") allow(out.allow, "HEAD");
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      out.route = &route;
      out.path = std::move(*values);
    }
  }
  if (!out.allow.empty()) allow(out.allow, "OPTIONS");
  return out;
}

}  // namespace holdfast::control
