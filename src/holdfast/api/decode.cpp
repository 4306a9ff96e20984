#include "holdfast/api/decode.hpp"

#include <boost/json/parse.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/api/reader.hpp"

namespace holdfast::api {
namespace {

namespace json = boost::json;

ProviderLock lock(Reader& in, std::string_view job_id) {
  return {.job_id = std::string(job_id),
          .provider_name = in.words("providerName"),
          .provider_type = in.words("providerType"),
          .correlation_id = in.optional_words("correlationId"),
          .overridable = in.flag("overridable"),
          .stages = in.list("stages"),
          .except_stages = in.list("exceptStages"),
          .state = in.one_of("state", LockState::ended),
          .locked_at = in.time("lockedAt"),
          .ended_at = in.optional_time("endedAt"),
          .reason = in.optional_words("reason"),
          .epoch = in.number<std::uint64_t>("epoch")};
}

Progress progress(Reader& in) {
  return {.tokens = in.optional_number<std::int64_t>("tokens"),
          .chunks = in.optional_number<std::int64_t>("chunks"),
          .bytes = in.optional_number<std::int64_t>("bytes"),
          .percent = in.optional_number<double>("percent"),
          .remaining = in.optional_ms("remainingMs"),
          .message = in.optional_words("message")};
}

ProviderFault fault(Reader& in) {
  return {.error_class = in.one_of("class", ErrorClass::other),
          .status = in.optional_number<int>("status").value_or(0),
          .code = in.optional_words("code"),
          .message = in.optional_words("message")};
}

AnswerOption option(Reader& in) {
  return {.id = in.words("id"),
          .label = in.words("label"),
          .action = in.one_of("action", AnswerAction::retry),
          .extension = in.ms("extensionMs"),
          .requires_confirmation = in.flag("requiresConfirmation"),
          .offer_partial_artifacts = in.flag("offerPartialArtifacts")};
}

Alternative alternative(Reader& in) {
  return {.provider_name = in.words("providerName"),
          .provider_type = in.words("providerType"),
          .model = in.optional_words("model"),
          .requires_network = in.flag("requiresNetwork"),
          .allowed = in.flag("allowed"),
          .why_not = in.optional_words("whyNot"),
          .failed_here = in.flag_or("failedHere", false),
          .normal_threshold = in.maybe_ms("normalThresholdMs")};
}

StandingConsent consent(Reader& in) {
  StandingConsent out;
  out.id = in.optional_words("consentId");
  const std::string when = in.words("when");
  if (when != "stall" && when != "error") in.wrong("when", "is neither 'stall' nor 'error'");
  out.when = when == "error" ? StandingConsent::When::error : StandingConsent::When::stall;
  out.minimum_silence = in.optional_ms("minimumSilenceMs").value_or(milliseconds(0));
  out.switch_to = in.optional_words("switchTo");
  out.provider_type = in.optional_words("providerType");
  out.given_by = in.optional_words("givenBy");
  return out;
}

FallbackDecision decision(Reader& in) {
  const auto reason = reason_from_name(in.words("reasonCode"));
  if (!reason) in.wrong("reasonCode", "is none of the reason codes");
  return {.job_id = in.words("jobId"),
          .timestamp = in.time("timestamp"),
          .from_provider = in.words("fromProvider"),
          .to_provider = in.words("toProvider"),
          .reason_code = reason.value_or(ReasonCode::legacy_auto),
          .elapsed_before_switch = in.ms("elapsedBeforeSwitchMs"),
          .user_confirmed = in.flag("userConfirmed"),
          .affected_stages = in.list("affectedStages"),
          .correlation_id = in.optional_words("correlationId"),
          .additional_context = in.optional_words("additionalContext"),
          .decided_by = in.optional_words("decidedBy"),
          .operation_id = in.optional_words("operationId"),
          .ask = in.optional_number<int>("ask").value_or(0),
          .consent_id = in.optional_words("consentId")};
}

/// Without what the operation that it belongs to says.
Question question(Reader& in) {
  Question out;
  out.kind = in.one_of("kind", QuestionKind::interrupted);
  out.ask = in.number<int>("ask");
  out.opened_at = in.time("openedAt");
  out.options = in.objects("options", option);
  out.alternatives = in.objects("alternatives", alternative);
  out.evidence = in.words("evidence");
  out.silence = in.ms("silenceMs");
  return out;
}

StageRow stage(Reader& in) {
  return {.stage_name = in.words("stageName"),
          .state = in.one_of("state", StageState::cancelled),
          .items = in.number<std::size_t>("items"),
          .items_done = in.number<std::size_t>("itemsDone"),
          .artifacts = in.list_with_gaps("artifacts")};
}

Owner owner(Reader& in) {
  return {.pid = in.number<std::int64_t>("pid"),
          .socket = in.optional_words("socket"),
          .program = in.optional_words("program")};
}

/// Fills a piece of news, one overload for each kind.
struct Fill {
  Reader& in;
  std::string_view job_id, operation_id;

  void about(auto& news) const {
    news.stage_name = in.optional_words("stageName");
    news.provider_name = in.optional_words("providerName");
    news.provider_type = in.optional_words("providerType");
    news.correlation_id = in.optional_words("correlationId");
  }
  void ids(auto& news) const {
    news.job_id = job_id;
    news.operation_id = operation_id;
  }

  void operator()(JobOpened& news) const {
    news.job_id = job_id;
    news.name = in.optional_words("name");
    news.patience = in.optional_words("patienceProfile");
    news.opened_by = in.optional_words("openedBy");
    news.resumed = in.flag("resumed");
    news.anew = in.list("anew");
  }
  void operator()(JobClosed& news) const {
    news.job_id = job_id;
    news.state = in.one_of("state", JobState::released);
    news.by = in.optional_words("by");
  }
  void operator()(LockTaken& news) const { news.lock = lock(in, job_id); }
  void operator()(LockEnded& news) const {
    news.lock = lock(in, job_id);
    news.epoch = in.number<std::uint64_t>("jobEpoch");
  }
  void operator()(Refused& news) const {
    news.job_id = job_id;
    news.stage_name = in.optional_words("stageName");
    news.provider_name = in.optional_words("providerName");
    news.correlation_id = in.optional_words("correlationId");
    const std::string code = in.words("code");
    news.code = errc_from_name(code);
    if (news.code == Errc::ok && code != "ok") in.wrong("code", "is none of the error codes");
    news.message = in.words("message");
    news.by = in.optional_words("by");
  }
  void operator()(OperationStarted& news) const {
    ids(news);
    about(news);
    news.kind = in.optional_words("kind");
    news.epoch = in.number<std::uint64_t>("epoch");
    const std::string state = in.words("state");
    if (state != "queued" && state != "running") in.wrong("state", "is neither 'queued' nor 'running'");
    news.queued = state == "queued";
  }
  void operator()(OperationEnded& news) const {
    ids(news);
    about(news);
    news.outcome = in.one_of("outcome", OperationPhase::interrupted);
    news.elapsed = in.ms("elapsedMs");
    news.fault = in.object("error", fault);
    if (in.has("startedAt")) news.started_at = in.time("startedAt");
  }
  void operator()(CategoryChanged& news) const {
    ids(news);
    about(news);
    news.from = in.one_of("from", LatencyCategory::Error);
    news.to = in.one_of("to", LatencyCategory::Error);
    news.elapsed = in.ms("elapsedMs");
    news.longer_than_usual = in.flag("longerThanUsual");
  }
  void operator()(OperationProgress& news) const {
    ids(news);
    about(news);
    news.progress = in.object("progress", progress);
    news.elapsed = in.ms("elapsedMs");
  }
  void operator()(StallSuspected& news) const {
    ids(news);
    about(news);
    news.ask = in.number<int>("ask");
    news.elapsed_since_last_heartbeat = in.ms("sinceLastHeartbeatMs");
    news.elapsed_since_last_progress = in.ms("sinceLastProgressMs");
    news.total_elapsed = in.ms("elapsedMs");
    news.progress = in.object("progress", progress);
    news.options = in.objects("options", option);
    news.evidence = in.words("evidence");
    news.alternatives = in.objects("alternatives", alternative);
  }
  void operator()(StallResolved& news) const {
    ids(news);
    about(news);
    news.ask = in.number<int>("ask");
    news.by = in.words("by");
    news.stalled_for = in.ms("stalledForMs");
  }
  void operator()(QuestionOpened& news) const {
    news.question = question(in);
    ids(news.question);
    about(news.question);
    news.question.total_elapsed = in.ms("elapsedMs");
  }
  void operator()(QuestionAnswered& news) const {
    ids(news);
    news.stage_name = in.optional_words("stageName");
    news.provider_name = in.optional_words("providerName");
    news.correlation_id = in.optional_words("correlationId");
    news.ask = in.number<int>("ask");
    news.kind = in.one_of("kind", QuestionKind::interrupted);
    news.option = in.words("option");
    news.provider = in.optional_words("provider");
    news.by = in.optional_words("by");
    news.door = in.words("door");
    news.note = in.optional_words("note");
    news.recorded = in.flag("recorded");
  }
  void operator()(QuestionClosed& news) const {
    ids(news);
    news.ask = in.number<int>("ask");
    news.by = in.words("by");
  }
  void operator()(ProviderHardError& news) const {
    ids(news);
    about(news);
    news.fault = in.object("error", fault);
    news.elapsed = in.ms("elapsedMs");
  }
  void operator()(FallbackDecision& news) const {
    news = decision(in);
    if (news.job_id != job_id) in.wrong("jobId", "names another job than its record");
  }
  void operator()(ConsentGiven& news) const {
    news.job_id = job_id;
    news.consent = consent(in);
  }
  void operator()(ConsentApplied& news) const {
    ids(news);
    news.ask = in.number<int>("ask");
    news.consent = consent(in);
  }
  void operator()(Cancelled& news) const {
    ids(news);
    news.by = in.optional_words("by");
    if (in.has("recorded")) news.recorded = in.flag("recorded");
  }
  void operator()(StageStarted& news) const {
    news.job_id = job_id;
    news.stage_name = in.words("stageName");
    news.provider_name = in.optional_words("providerName");
    news.items = in.number<std::size_t>("items");
  }
  void operator()(StageFinished& news) const {
    news.step.job_id = job_id;
    news.step.stage_name = in.words("stageName");
    news.step.items = in.number<std::size_t>("items");
    news.step.items_done = in.number<std::size_t>("itemsDone");
    news.step.finished = in.flag("finished");
    news.step.artifacts = in.list("artifacts");
    news.step.item = in.number<std::size_t>("item");
  }
};

/// News of the kind that is called `event_name`; nothing where none is.
template <std::size_t Index = 0>
std::optional<News> blank(std::string_view event_name) {
  if constexpr (Index == std::variant_size_v<News>) {
    return std::nullopt;
  } else {
    News news(std::in_place_index<Index>);
    if (holdfast::event_name(news) == event_name) return news;
    return blank<Index + 1>(event_name);
  }
}

}  // namespace

result<News> news_from_json(std::string_view event_name, std::string_view job_id, std::string_view operation_id,
                            const json::object& data) {
  std::optional<News> news = blank(event_name);
  if (!news) {
    return Failure{Errc::invalid_argument, "there is no event of the name '" + std::string(event_name.substr(0, 40)) +
                                               "'; a newer version may have written it"};
  }
  std::string problem;
  Reader reader(data, problem);
  std::visit(Fill{reader, job_id, operation_id}, *news);
  if (!problem.empty()) return Failure{Errc::invalid_argument, std::string(event_name) + ": " + problem};
  return std::move(*news);
}

result<OperationView> operation_from_json(const json::object& object) {
  std::string problem;
  Reader in(object, problem);
  OperationView out{.operation_id = in.words("operationId"),
                    .job_id = in.optional_words("jobId"),
                    .stage_name = in.optional_words("stageName"),
                    .provider_name = in.words("providerName"),
                    .provider_type = in.words("providerType"),
                    .correlation_id = in.optional_words("correlationId"),
                    .state = in.one_of("state", OperationPhase::interrupted),
                    .category = in.one_of("category", LatencyCategory::Error),
                    .started_at = in.time("startedAt"),
                    .elapsed = in.ms("elapsedMs"),
                    .heartbeat_count = in.number<std::int64_t>("heartbeatCount"),
                    .last_heartbeat = in.optional_time("lastHeartbeatAt"),
                    .since_last_heartbeat = in.optional_ms("sinceLastHeartbeatMs"),
                    .since_last_progress = in.optional_ms("sinceLastProgressMs"),
                    .stall_threshold = in.ms("stallThresholdMs"),
                    .progress = in.object("progress", progress)};
  if (!in.is_null("error")) out.error = in.object("error", fault);
  if (!in.is_null("question")) {
    Question& asked = out.question.emplace(in.object("question", question));
    asked.operation_id = out.operation_id;
    asked.job_id = out.job_id;
    asked.stage_name = out.stage_name;
    asked.provider_name = out.provider_name;
    asked.provider_type = out.provider_type;
    asked.correlation_id = out.correlation_id;
    asked.total_elapsed = out.elapsed;
  }
  if (!problem.empty()) return Failure{Errc::invalid_argument, "an operation: " + problem};
  return out;
}

result<JobRow> job_row_from_json(const json::object& object) {
  std::string problem;
  Reader in(object, problem);
  JobRow out{.job_id = in.words("jobId"),
             .name = in.optional_words("name"),
             .patience = in.optional_words("patienceProfile"),
             .state = in.one_of("state", JobState::released),
             .epoch = in.number<std::uint64_t>("epoch"),
             .opened_at = in.time("openedAt"),
             .closed_at = in.optional_time("closedAt")};
  const std::string_view job_id = out.job_id;
  out.locks = in.objects("locks", [job_id](Reader& one) { return lock(one, job_id); });
  out.stages = in.objects("stages", stage);
  if (!in.is_null("owner")) out.owner = in.object("owner", owner);
  if (in.has("consents")) out.consents = in.objects("consents", consent);  // a process of 0.1 says nothing of them
  if (!problem.empty()) return Failure{Errc::invalid_argument, "a job: " + problem};
  return out;
}

result<Told> told_from_line(std::string_view line) {
  boost::system::error_code error;
  const json::value value = json::parse(line, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return Failure{Errc::invalid_argument, "an event's line is no JSON object"};
  std::string problem;
  Reader in(*object, problem);
  Told told{.seq = in.number<std::uint64_t>("seq"), .time = in.time("time")};
  const std::string event = in.words("event"), job = in.optional_words("jobId"),
                    operation = in.optional_words("operationId");
  const json::value* data = object->if_contains("data");
  if (data == nullptr || !data->is_object()) in.wrong("data", "is no object");
  if (!problem.empty()) return Failure{Errc::invalid_argument, "an event's line: " + problem};
  auto news = news_from_json(event, job, operation, data->get_object());
  if (!news) return news.error();
  told.news = std::move(*news);
  return told;
}

}  // namespace holdfast::api
