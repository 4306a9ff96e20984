#include "holdfast/api/requests.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "holdfast/api/reader.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast::api {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 32;

/// Counts keys as they are written: a value keeps only one of two that are the same.
struct KeyCounter {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Code = boost::system::error_code;

  std::size_t keys = 0;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t, Code&) { return true; }
  bool on_string_part(std::string_view, std::size_t, Code&) { return true; }
  bool on_string(std::string_view, std::size_t, Code&) { return true; }
  bool on_key_part(std::string_view, std::size_t, Code&) { return true; }
  bool on_key(std::string_view, std::size_t, Code&) { return ++keys, true; }
  bool on_number_part(std::string_view, Code&) { return true; }
  bool on_int64(std::int64_t, std::string_view, Code&) { return true; }
  bool on_uint64(std::uint64_t, std::string_view, Code&) { return true; }
  bool on_double(double, std::string_view, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(std::string_view, Code&) { return true; }
  bool on_comment(std::string_view, Code&) { return true; }
};

std::size_t keys_written(std::string_view text) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<KeyCounter> parser(options);
  boost::system::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().keys;
}

std::size_t keys_kept(const json::value& value) {
  std::size_t keys = 0;
  if (const json::object* object = value.if_object()) {
    keys += object->size();
    for (const auto& each : *object)
      keys += keys_kept(each.value());
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& each : *array)
      keys += keys_kept(each);
  }
  return keys;
}

/// A name that may be left out.
std::string maybe_name(Reader& in, std::string_view key) {
  std::string text = in.maybe_words(key);
  if (text.empty()) return text;
  if (const auto why = name_problem(text)) in.wrong(key, *why);
  return text;
}

std::string needed_name(Reader& in, std::string_view key) {
  std::string text = in.words(key);
  if (const auto why = name_problem(text)) in.wrong(key, *why);
  return text;
}

/// Notes, contexts.
std::string maybe_text(Reader& in, std::string_view key) {
  std::string text = in.maybe_words(key);
  if (text.size() > limits::text_bytes_max) {
    in.wrong(key, "is longer than " + std::to_string(limits::text_bytes_max) + " bytes");
  }
  return text;
}

/// Stages, each once.
std::vector<std::string> maybe_stages(Reader& in, std::string_view key) {
  std::vector<std::string> out = in.maybe_list(key);
  if (out.size() > limits::stages_per_lock_max) {
    in.wrong(key, "names more than " + std::to_string(limits::stages_per_lock_max) + "; leave it out for all");
  }
  std::set<std::string, NameLess> seen;
  for (const std::string& each : out) {
    if (const auto why = name_problem(each)) in.wrong(key, "holds a name that " + *why);
    if (!seen.insert(each).second) in.wrong(key, "names a stage twice");
  }
  return out;
}

LockRequest lock_request(Reader& in) {
  LockRequest out{.job_id = {},
                  .provider_name = needed_name(in, "providerName"),
                  .provider_type = maybe_name(in, "providerType"),
                  .correlation_id = maybe_name(in, "correlationId"),
                  .overridable = in.flag_or("overridable", true),
                  .stages = maybe_stages(in, "stages")};
  in.refuse_unknown();
  return out;
}

std::vector<StandingConsent> consents(Reader& in, const std::string& by) {
  std::vector<StandingConsent> out;
  const std::vector<std::string> texts = in.maybe_list("consents");
  if (texts.size() > limits::consents_per_job_max) {
    in.wrong("consents", "holds more than " + std::to_string(limits::consents_per_job_max));
    return out;
  }
  for (const std::string& text : texts) {
    auto consent = parse_consent(text);
    if (!consent) return in.wrong("consents", "holds what is no consent: " + consent.error().message), out;
    consent->given_by = by;
    out.push_back(std::move(*consent));
  }
  return out;
}

template <class T>
result<T> checked(T value, const std::string& problem) {
  if (!problem.empty()) return Failure{Errc::invalid_argument, problem};
  return value;
}

/// What is empty is left out.
void put(json::object& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out[key] = text;
}

void put(json::object& out, std::string_view key, const std::vector<std::string>& texts) {
  if (!texts.empty()) out[key] = json::array(texts.begin(), texts.end());
}

}  // namespace

result<json::object> parse_body(std::string_view text) {
  json::parse_options options;
  options.max_depth = depth_max;
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, options);
  if (error) return Failure{Errc::invalid_argument, "the body is no JSON: " + error.message()};
  json::object* object = value.if_object();
  if (object == nullptr) return Failure{Errc::invalid_argument, "the body is JSON, but no object"};
  if (keys_written(text) != keys_kept(value)) {
    return Failure{Errc::invalid_argument, "the body says a key twice"};
  }
  return std::move(*object);
}

result<JobBody> job_from_json(const json::object& body) {
  std::string problem;
  Reader in(body, problem);
  JobBody out;
  out.job_id = maybe_name(in, "jobId");
  out.name = maybe_name(in, "name");
  out.patience = maybe_name(in, "patienceProfile");
  out.correlation_id = maybe_name(in, "correlationId");
  out.by = maybe_name(in, "by");
  if (in.has("locks")) out.locks = in.objects("locks", lock_request);
  if (out.locks.size() > limits::locks_per_job_max) {
    in.wrong("locks", "holds more than " + std::to_string(limits::locks_per_job_max));
  }
  out.consents = consents(in, out.by);
  in.refuse_unknown();
  return checked(std::move(out), problem);
}

result<LockRequest> lock_request_from_json(std::string_view job_id, const json::object& body) {
  std::string problem;
  Reader in(body, problem);
  LockRequest out = lock_request(in);
  out.job_id = job_id;
  return checked(std::move(out), problem);
}

result<DecisionBody> decision_from_json(std::string_view job_id, const json::object& body) {
  std::string problem;
  Reader in(body, problem);
  DecisionBody out;
  FallbackDecision& decision = out.decision;
  decision.job_id = job_id;
  decision.from_provider = needed_name(in, "fromProvider");
  decision.to_provider = needed_name(in, "toProvider");
  const auto reason = reason_from_name(in.words("reasonCode"));
  if (!reason) in.wrong("reasonCode", "is none of USER_REQUEST, USER_AFTER_STALL, PROVIDER_FATAL_ERROR, LEGACY_AUTO");
  decision.reason_code = reason.value_or(ReasonCode::legacy_auto);
  if (in.has("elapsedBeforeSwitchMs")) decision.elapsed_before_switch = in.ms("elapsedBeforeSwitchMs");
  decision.user_confirmed = in.flag("userConfirmed");
  decision.affected_stages = maybe_stages(in, "affectedStages");
  decision.correlation_id = maybe_name(in, "correlationId");
  decision.additional_context = maybe_text(in, "additionalContext");
  decision.decided_by = maybe_name(in, "by");
  out.to_type = maybe_name(in, "toProviderType");
  in.refuse_unknown();
  return checked(std::move(out), problem);
}

result<Answer> answer_from_json(std::string_view operation_id, const json::object& body) {
  std::string problem;
  Reader in(body, problem);
  Answer out{.operation_id = std::string(operation_id),
             .ask = in.number<int>("ask"),
             .option = needed_name(in, "option"),
             .provider = maybe_name(in, "provider"),
             .confirmed = in.flag_or("confirmed", false),
             .by = maybe_name(in, "by"),
             .note = maybe_text(in, "note")};
  if (out.ask < 0) in.wrong("ask", "is below 0 (0 is the open question)");
  in.refuse_unknown();
  return checked(std::move(out), problem);
}

result<CancelRequest> cancel_from_json(const json::object& body) {
  std::string problem;
  Reader in(body, problem);
  CancelRequest out{.confirmed = in.flag("confirmed"), .by = maybe_name(in, "by")};
  in.refuse_unknown();
  return checked(std::move(out), problem);
}

result<AnswerResult> answer_result_from_json(const json::object& object) {
  std::string problem;
  Reader in(object, problem);
  AnswerResult out{.applied = in.flag("applied"),
                   .refused = errc_from_name(in.optional_words("refused")),
                   .winning_option = in.optional_words("winningOption"),
                   .message = in.optional_words("message"),
                   .recorded = in.flag("recorded")};
  return checked(std::move(out), problem);
}

json::object to_json(const LockRequest& request) {
  json::object out{{"providerName", request.provider_name}, {"overridable", request.overridable}};
  put(out, "providerType", request.provider_type);
  put(out, "correlationId", request.correlation_id);
  put(out, "stages", request.stages);
  return out;
}

json::object to_json(const JobBody& body) {
  json::object out;
  put(out, "jobId", body.job_id);
  put(out, "name", body.name);
  put(out, "patienceProfile", body.patience);
  put(out, "correlationId", body.correlation_id);
  put(out, "by", body.by);
  json::array locks, consents;
  for (const LockRequest& each : body.locks)
    locks.emplace_back(to_json(each));
  for (const StandingConsent& each : body.consents)
    consents.emplace_back(each.text());
  out["locks"] = std::move(locks);
  out["consents"] = std::move(consents);
  return out;
}

json::object to_json(const DecisionBody& body) {
  const FallbackDecision& decision = body.decision;
  json::object out{{"fromProvider", decision.from_provider},
                   {"toProvider", decision.to_provider},
                   {"reasonCode", name(decision.reason_code)},
                   {"userConfirmed", decision.user_confirmed},
                   {"elapsedBeforeSwitchMs", decision.elapsed_before_switch.count()}};
  put(out, "toProviderType", body.to_type);
  put(out, "affectedStages", decision.affected_stages);
  put(out, "correlationId", decision.correlation_id);
  put(out, "additionalContext", decision.additional_context);
  put(out, "by", decision.decided_by);
  return out;
}

json::object to_json(const Answer& answer) {
  json::object out{{"ask", answer.ask}, {"option", answer.option}, {"confirmed", answer.confirmed}};
  put(out, "provider", answer.provider);
  put(out, "by", answer.by);
  put(out, "note", answer.note);
  return out;
}

json::object to_json(const CancelRequest& request) {
  json::object out{{"confirmed", request.confirmed}};
  put(out, "by", request.by);
  return out;
}

}  // namespace holdfast::api
