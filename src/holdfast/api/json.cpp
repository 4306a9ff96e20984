#include "holdfast/api/json.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/locale/utf.hpp>
#include <charconv>

#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast::api {
namespace {

namespace json = boost::json;

constexpr std::string_view replacement = "\xEF\xBF\xBD";

json::value optional_words(std::string_view text) {
  if (text.empty()) return nullptr;
  return words(text);
}

json::value optional_time(const std::optional<WallTime>& time) {
  if (!time) return nullptr;
  return json::string(rfc3339(*time));
}

json::value optional_ms(const std::optional<milliseconds>& duration) {
  if (!duration) return nullptr;
  return duration->count();
}

template <class Number>
json::value optional_number(const std::optional<Number>& number) {
  if (!number) return nullptr;
  return *number;
}

json::array list(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& each : texts)
    out.emplace_back(words(each));
  return out;
}

template <class T>
json::array objects(const std::vector<T>& values) {
  json::array out;
  for (const T& each : values)
    out.emplace_back(to_json(each));
  return out;
}

json::object option_json(const AnswerOption& option) {
  return {{"id", words(option.id)},
          {"label", words(option.label)},
          {"requiresConfirmation", option.requires_confirmation},
          {"action", name(option.action)},
          {"extensionMs", option.extension.count()},
          {"offerPartialArtifacts", option.offer_partial_artifacts}};
}

json::object alternative_json(const Alternative& alternative) {
  return {{"providerName", words(alternative.provider_name)},
          {"providerType", words(alternative.provider_type)},
          {"model", optional_words(alternative.model)},
          {"requiresNetwork", alternative.requires_network},
          {"allowed", alternative.allowed},
          {"whyNot", optional_words(alternative.why_not)},
          {"failedHere", alternative.failed_here},
          {"normalThresholdMs", optional_ms(alternative.normal_threshold)}};
}

json::array options_json(const std::vector<AnswerOption>& options) {
  json::array out;
  for (const AnswerOption& each : options)
    out.emplace_back(option_json(each));
  return out;
}

json::array alternatives_json(const std::vector<Alternative>& alternatives) {
  json::array out;
  for (const Alternative& each : alternatives)
    out.emplace_back(alternative_json(each));
  return out;
}

/// What every piece of news about an operation has.
json::object about(const auto& news) {
  return {{"stageName", optional_words(news.stage_name)},
          {"providerName", optional_words(news.provider_name)},
          {"providerType", optional_words(news.provider_type)},
          {"correlationId", optional_words(news.correlation_id)}};
}

struct Data {
  json::object operator()(const JobOpened& news) const {
    return {{"name", optional_words(news.name)},
            {"patienceProfile", optional_words(news.patience)},
            {"openedBy", optional_words(news.opened_by)},
            {"resumed", news.resumed},
            {"anew", list(news.anew)}};
  }
  json::object operator()(const JobClosed& news) const {
    return {{"state", name(news.state)}, {"by", optional_words(news.by)}};
  }
  json::object operator()(const LockTaken& news) const { return to_json(news.lock); }
  json::object operator()(const LockEnded& news) const {
    json::object out = to_json(news.lock);
    out["jobEpoch"] = news.epoch;
    return out;
  }
  json::object operator()(const Refused& news) const {
    return {{"stageName", optional_words(news.stage_name)},
            {"providerName", optional_words(news.provider_name)},
            {"correlationId", optional_words(news.correlation_id)},
            {"code", name(news.code)},
            {"message", words(news.message)},
            {"by", optional_words(news.by)}};
  }
  json::object operator()(const OperationStarted& news) const {
    json::object out = about(news);
    out["kind"] = optional_words(news.kind);
    out["epoch"] = news.epoch;
    out["state"] = news.queued ? "queued" : "running";
    return out;
  }
  json::object operator()(const OperationEnded& news) const {
    json::object out = about(news);
    out["outcome"] = name(news.outcome);
    out["elapsedMs"] = news.elapsed.count();
    out["error"] = news.outcome == OperationPhase::failed ? json::value(to_json(news.fault)) : json::value(nullptr);
    out["startedAt"] = optional_time(news.started_at);
    return out;
  }
  json::object operator()(const CategoryChanged& news) const {
    json::object out = about(news);
    out["from"] = name(news.from);
    out["to"] = name(news.to);
    out["elapsedMs"] = news.elapsed.count();
    out["longerThanUsual"] = news.longer_than_usual;
    return out;
  }
  json::object operator()(const OperationProgress& news) const {
    json::object out = about(news);
    out["progress"] = to_json(news.progress);
    out["elapsedMs"] = news.elapsed.count();
    return out;
  }
  json::object operator()(const StallSuspected& news) const {
    json::object out = about(news);
    out["ask"] = news.ask;
    out["sinceLastHeartbeatMs"] = news.elapsed_since_last_heartbeat.count();
    out["sinceLastProgressMs"] = news.elapsed_since_last_progress.count();
    out["elapsedMs"] = news.total_elapsed.count();
    out["progress"] = to_json(news.progress);
    out["options"] = options_json(news.options);
    out["evidence"] = words(news.evidence);
    out["alternatives"] = alternatives_json(news.alternatives);
    return out;
  }
  json::object operator()(const StallResolved& news) const {
    json::object out = about(news);
    out["ask"] = news.ask;
    out["by"] = words(news.by);
    out["stalledForMs"] = news.stalled_for.count();
    return out;
  }
  json::object operator()(const QuestionOpened& news) const {
    json::object out = about(news.question);
    for (const auto& each : to_json(news.question))
      out[each.key()] = each.value();
    out["elapsedMs"] = news.question.total_elapsed.count();
    return out;
  }
  json::object operator()(const QuestionAnswered& news) const {
    return {{"stageName", optional_words(news.stage_name)},
            {"correlationId", optional_words(news.correlation_id)},
            {"kind", name(news.kind)},
            {"ask", news.ask},
            {"option", words(news.option)},
            {"provider", optional_words(news.provider)},
            {"by", optional_words(news.by)},
            {"door", words(news.door)},
            {"note", optional_words(news.note)},
            {"recorded", news.recorded},
            {"providerName", optional_words(news.provider_name)}};
  }
  json::object operator()(const QuestionClosed& news) const { return {{"ask", news.ask}, {"by", words(news.by)}}; }
  json::object operator()(const ProviderHardError& news) const {
    json::object out = about(news);
    out["error"] = to_json(news.fault);
    out["elapsedMs"] = news.elapsed.count();
    return out;
  }
  json::object operator()(const FallbackDecision& news) const { return to_json(news); }
  json::object operator()(const ConsentGiven& news) const { return to_json(news.consent); }
  json::object operator()(const ConsentApplied& news) const {
    json::object out = to_json(news.consent);
    out["ask"] = news.ask;
    return out;
  }
  json::object operator()(const Cancelled& news) const {
    return {{"by", optional_words(news.by)}, {"recorded", news.recorded}};
  }
  json::object operator()(const StageStarted& news) const {
    return {{"stageName", words(news.stage_name)},
            {"providerName", optional_words(news.provider_name)},
            {"items", news.items}};
  }
  json::object operator()(const StageFinished& news) const {
    return {{"stageName", words(news.step.stage_name)}, {"items", news.step.items},
            {"itemsDone", news.step.items_done},        {"finished", news.step.finished},
            {"artifacts", list(news.step.artifacts)},   {"item", news.step.item}};
  }
};

struct Operation {
  std::string_view operator()(const JobOpened&) const { return {}; }
  std::string_view operator()(const JobClosed&) const { return {}; }
  std::string_view operator()(const LockTaken&) const { return {}; }
  std::string_view operator()(const LockEnded&) const { return {}; }
  std::string_view operator()(const Refused&) const { return {}; }
  std::string_view operator()(const ConsentGiven&) const { return {}; }
  std::string_view operator()(const StageStarted&) const { return {}; }
  std::string_view operator()(const StageFinished&) const { return {}; }
  std::string_view operator()(const QuestionOpened& news) const { return news.question.operation_id; }
  std::string_view operator()(const auto& news) const { return news.operation_id; }
};

void write(const json::value& value, std::string& out);

void write_number(double number, std::string& out) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  // JSON has no infinity and no NaN: nothing of ours makes them, and a reader is better off with null than with both.
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += error == std::errc{} && number - number == 0 ? text : "null";
}

/// What most texts are: nothing in them has to be written in another way.
bool is_plain(std::string_view text) {
  return std::ranges::none_of(text,
                              [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
}

void write_text(std::string_view text, std::string& out) {
  if (!is_plain(text)) {
    out += json::serialize(json::string_view(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void write_object(const json::object& object, std::string& out) {
  out += '{';
  bool first = true;
  for (const auto& each : object) {
    if (!first) out += ", ";
    first = false;
    write_text(each.key(), out);
    out += ": ";
    write(each.value(), out);
  }
  out += '}';
}

void write_array(const json::array& array, std::string& out) {
  out += '[';
  bool first = true;
  for (const json::value& each : array) {
    if (!first) out += ", ";
    first = false;
    write(each, out);
  }
  out += ']';
}

void write(const json::value& value, std::string& out) {
  if (const json::object* object = value.if_object()) return write_object(*object, out);
  if (const json::array* array = value.if_array()) return write_array(*array, out);
  if (const json::string* text = value.if_string()) return write_text(*text, out);
  if (const double* number = value.if_double()) return write_number(*number, out);
  if (value.is_null()) {
    out += "null";
    return;
  }
  out += json::serialize(value);
}

}  // namespace

json::string words(std::string_view text) {
  if (is_utf8(text)) return json::string(text);
  using Utf8 = boost::locale::utf::utf_traits<char>;
  json::string out;
  for (const char* at = text.begin(); at != text.end();) {
    const char* const begin = at;
    const auto character = Utf8::decode(at, text.end());
    if (boost::locale::utf::is_valid_codepoint(character)) {
      out.append(std::string_view(begin, at));
    } else {
      out.append(replacement);
      at = begin + 1;  // the decoder may have taken a good byte along with the broken ones
    }
  }
  return out;
}

std::string_view name(AnswerAction action) noexcept {
  switch (action) {
    case AnswerAction::extend:
      return "extend";
    case AnswerAction::wait:
      return "wait";
    case AnswerAction::fallback:
      return "fallback";
    case AnswerAction::cancel:
      return "cancel";
    case AnswerAction::retry:
      return "retry";
  }
  __builtin_unreachable();
}

json::object to_json(const ProviderLock& lock) {
  return {{"providerName", words(lock.provider_name)},
          {"providerType", words(lock.provider_type)},
          {"stages", list(lock.stages)},
          {"overridable", lock.overridable},
          {"state", name(lock.state)},
          {"lockedAt", rfc3339(lock.locked_at)},
          {"endedAt", optional_time(lock.ended_at)},
          {"reason", optional_words(lock.reason)},
          {"correlationId", optional_words(lock.correlation_id)},
          {"text", words(lock.text())},
          {"exceptStages", list(lock.except_stages)},
          {"epoch", lock.epoch}};
}

json::object to_json(const FallbackDecision& decision) {
  return {{"jobId", words(decision.job_id)},
          {"timestamp", rfc3339(decision.timestamp)},
          {"fromProvider", words(decision.from_provider)},
          {"toProvider", words(decision.to_provider)},
          {"reasonCode", name(decision.reason_code)},
          {"elapsedBeforeSwitchMs", decision.elapsed_before_switch.count()},
          {"userConfirmed", decision.user_confirmed},
          {"affectedStages", list(decision.affected_stages)},
          {"correlationId", optional_words(decision.correlation_id)},
          {"additionalContext", optional_words(decision.additional_context)},
          {"decidedBy", optional_words(decision.decided_by)},
          {"operationId", optional_words(decision.operation_id)},
          {"ask", decision.ask == 0 ? json::value(nullptr) : json::value(decision.ask)},
          {"consentId", optional_words(decision.consent_id)}};
}

json::object to_json(const Progress& progress) {
  return {{"tokens", optional_number(progress.tokens)},     {"chunks", optional_number(progress.chunks)},
          {"bytes", optional_number(progress.bytes)},       {"percent", optional_number(progress.percent)},
          {"remainingMs", optional_ms(progress.remaining)}, {"message", optional_words(progress.message)}};
}

json::object to_json(const ProviderFault& fault) {
  return {{"class", name(fault.error_class)},
          {"status", fault.status == 0 ? json::value(nullptr) : json::value(fault.status)},
          {"code", optional_words(fault.code)},
          {"message", optional_words(fault.message)}};
}

json::object to_json(const Question& question) {
  return {{"kind", name(question.kind)},
          {"ask", question.ask},
          {"openedAt", rfc3339(question.opened_at)},
          {"options", options_json(question.options)},
          {"evidence", words(question.evidence)},
          {"silenceMs", question.silence.count()},
          {"alternatives", alternatives_json(question.alternatives)}};
}

json::object to_json(const StandingConsent& consent) {
  const bool stall = consent.when == StandingConsent::When::stall;
  return {{"consentId", optional_words(consent.id)},
          {"text", words(consent.text())},
          {"when", stall ? "stall" : "error"},
          {"minimumSilenceMs", stall ? json::value(consent.minimum_silence.count()) : json::value(nullptr)},
          {"switchTo", optional_words(consent.switch_to)},
          {"givenBy", optional_words(consent.given_by)},
          {"providerType", optional_words(consent.provider_type)}};
}

json::object to_json(const OperationView& operation) {
  return {{"operationId", words(operation.operation_id)},
          {"jobId", optional_words(operation.job_id)},
          {"stageName", optional_words(operation.stage_name)},
          {"providerName", words(operation.provider_name)},
          {"providerType", words(operation.provider_type)},
          {"correlationId", optional_words(operation.correlation_id)},
          {"state", name(operation.state)},
          {"category", name(operation.category)},
          {"startedAt", rfc3339(operation.started_at)},
          {"elapsedMs", operation.elapsed.count()},
          {"heartbeatCount", operation.heartbeat_count},
          {"lastHeartbeatAt", optional_time(operation.last_heartbeat)},
          {"sinceLastHeartbeatMs", optional_ms(operation.since_last_heartbeat)},
          {"sinceLastProgressMs", optional_ms(operation.since_last_progress)},
          {"stallThresholdMs", operation.stall_threshold.count()},
          {"progress", to_json(operation.progress)},
          {"question", operation.question ? json::value(to_json(*operation.question)) : json::value(nullptr)},
          {"error", operation.error ? json::value(to_json(*operation.error)) : json::value(nullptr)}};
}

json::object to_json(const StageRow& stage) {
  json::array artifacts;
  for (const std::string& each : stage.artifacts)
    artifacts.push_back(optional_words(each));
  return {{"stageName", words(stage.stage_name)},
          {"state", name(stage.state)},
          {"items", stage.items},
          {"itemsDone", stage.items_done},
          {"artifacts", std::move(artifacts)}};
}

json::object to_json(const Owner& owner) {
  return {{"pid", owner.pid}, {"program", optional_words(owner.program)}, {"socket", optional_words(owner.socket)}};
}

json::object to_json(const JobRow& job) {
  return {{"jobId", words(job.job_id)},
          {"name", optional_words(job.name)},
          {"state", name(job.state)},
          {"patienceProfile", optional_words(job.patience)},
          {"epoch", job.epoch},
          {"openedAt", rfc3339(job.opened_at)},
          {"closedAt", optional_time(job.closed_at)},
          {"locks", objects(job.locks)},
          {"stages", objects(job.stages)},
          {"owner", job.owner ? json::value(to_json(*job.owner)) : json::value(nullptr)},
          {"consents", objects(job.consents)}};
}

json::object to_json(const AnswerResult& result) {
  return {{"applied", result.applied},
          {"refused", result.refused == Errc::ok ? json::value(nullptr) : json::value(name(result.refused))},
          {"winningOption", optional_words(result.winning_option)},
          {"message", optional_words(result.message)},
          {"recorded", result.recorded}};
}

json::object to_json(const Statistics& statistics) {
  return {{"activeLocks", statistics.active_locks},
          {"activeOperations", statistics.active_operations},
          {"totalFallbackDecisions", statistics.total_fallback_decisions},
          {"userRequestedFallbacks", statistics.user_requested_fallbacks},
          {"errorTriggeredFallbacks", statistics.error_triggered_fallbacks},
          {"afterStallFallbacks", statistics.after_stall_fallbacks},
          {"totalJobs", statistics.total_jobs},
          {"fallbackRate", statistics.fallback_rate},
          {"stallQuestions", statistics.stall_questions},
          {"stallsResolvedByProgress", statistics.stalls_resolved_by_progress},
          {"openQuestions", statistics.open_questions}};
}

json::object to_json(const ProviderView& provider) {
  const ProviderInfo& info = provider.info;
  return {{"providerName", words(info.name)},
          {"providerType", words(info.type)},
          {"protocol", words(provider.protocol)},
          {"model", optional_words(info.model)},
          {"kinds", list(info.kinds)},
          {"requiresNetwork", info.requires_network},
          {"concurrentMax", info.concurrent_max == 0 ? json::value(nullptr) : json::value(info.concurrent_max)},
          {"builtIn", provider.built_in},
          {"problems", provider.problems ? json::value(list(*provider.problems)) : json::value(nullptr)}};
}

json::object to_json(const ProfileView& profile) {
  return {{"providerName", optional_words(profile.provider_name)},
          {"providerType", words(profile.provider_type)},
          {"patienceProfile", words(profile.patience_profile)},
          {"normalThresholdMs", profile.normal_threshold.count()},
          {"extendedThresholdMs", profile.extended_threshold.count()},
          {"deepWaitThresholdMs", profile.deep_wait_threshold.count()},
          {"heartbeatIntervalMs", profile.heartbeat_interval.count()},
          {"stallThresholdMs", profile.stall_threshold.count()},
          {"firstProgressThresholdMs", optional_ms(profile.first_progress_threshold)}};
}

json::object to_json(const News& news) {
  return std::visit(Data{}, news);
}

std::string_view operation_of(const News& news) noexcept {
  return std::visit(Operation{}, news);
}

json::object event_line(std::uint64_t seq, WallTime time, const News& news) {
  return {{"event", event_name(news)},
          {"seq", seq},
          {"time", rfc3339(time)},
          {"jobId", optional_words(job_of(news))},
          {"operationId", optional_words(operation_of(news))},
          {"data", to_json(news)}};
}

json::object listing(std::string_view name, json::array entries) {
  return {{name, std::move(entries)}, {"next", nullptr}};
}

std::string text(const json::value& value) {
  std::string out;
  write(value, out);
  return out;
}

}  // namespace holdfast::api
