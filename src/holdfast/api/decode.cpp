#include "holdfast/api/decode.hpp"

#include <limits>
#include <type_traits>

#include "holdfast/api/json.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast::api {
namespace {

namespace json = boost::json;

/// Reads the keys of one object. The first thing that is wrong is kept, and what is read after it has no meaning.
class Reader {
 public:
  Reader(const json::object& object, std::string& problem, std::string where = "")
      : object_(object), problem_(problem), where_(std::move(where)) {}

  std::string words(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return {};
    if (const json::string* text = value->if_string()) return std::string(*text);
    return wrong(key, "is no string"), std::string();
  }
  /// Null is empty.
  std::string optional_words(std::string_view key) { return is_null(key) ? std::string() : words(key); }

  bool flag(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return false;
    if (const bool* truth = value->if_bool()) return *truth;
    return wrong(key, "is neither true nor false"), false;
  }
  template <class Number>
  Number number(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) return 0;
    boost::system::error_code error;
    const Number out = value->to_number<Number>(error);
    if (!value->is_number() || error) return wrong(key, "is no number of its kind"), Number(0);
    return out;
  }
  template <class Number>
  std::optional<Number> optional_number(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return number<Number>(key);
  }
  milliseconds ms(std::string_view key) { return milliseconds(number<std::int64_t>(key)); }
  std::optional<milliseconds> optional_ms(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return ms(key);
  }
  WallTime time(std::string_view key) {
    const auto time = parse_rfc3339(words(key));
    if (!time) wrong(key, "is no time as this writes it (2026-11-23T07:22:00.123Z)");
    return time.value_or(WallTime{});
  }
  std::optional<WallTime> optional_time(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return time(key);
  }
  /// One of the names of a closed set whose last member is `last`.
  template <class Enum>
  Enum one_of(std::string_view key, Enum last) {
    const std::string said = words(key);
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      if (name(static_cast<Enum>(i)) == said) return static_cast<Enum>(i);
    }
    wrong(key, "is '" + said.substr(0, 40) + "', which is none of its names");
    return last;
  }
  std::vector<std::string> list(std::string_view key) {
    std::vector<std::string> out;
    for (const json::value& each : array(key)) {
      if (const json::string* text = each.if_string()) {
        out.emplace_back(*text);
      } else {
        wrong(key, "holds what is no string");
      }
    }
    return out;
  }
  /// `read` makes one value of each object of the array.
  template <class Read>
  auto objects(std::string_view key, Read read) {
    std::vector<decltype(read(std::declval<Reader&>()))> out;
    for (const json::value& each : array(key)) {
      const json::object* object = each.if_object();
      if (object == nullptr) return wrong(key, "holds what is no object"), out;
      Reader inner(*object, problem_, where_ + std::string(key) + ".");
      out.push_back(read(inner));
    }
    return out;
  }
  /// `read` makes a value of the object; a value as it is made by default where that is null.
  template <class Read>
  auto object(std::string_view key, Read read) {
    using Value = decltype(read(std::declval<Reader&>()));
    const json::value* value = find(key);
    if (value == nullptr || value->is_null()) return Value{};
    const json::object* object = value->if_object();
    if (object == nullptr) return wrong(key, "is no object"), Value{};
    Reader inner(*object, problem_, where_ + std::string(key) + ".");
    return read(inner);
  }
  bool is_null(std::string_view key) {
    const json::value* value = find(key);
    return value == nullptr || value->is_null();
  }
  void wrong(std::string_view key, const std::string& why) {
    if (problem_.empty()) problem_ = "key '" + where_ + std::string(key) + "' " + why;
  }

 private:
  const json::value* find(std::string_view key) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) wrong(key, "is missing");
    return value;
  }
  const json::array& array(std::string_view key) {
    static const json::array none;
    const json::value* value = find(key);
    if (value == nullptr) return none;
    if (const json::array* array = value->if_array()) return *array;
    return wrong(key, "is no list"), none;
  }

  const json::object& object_;
  std::string& problem_;
  std::string where_;
};

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
          .why_not = in.optional_words("whyNot")};
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
    Question& question = news.question;
    ids(question);
    about(question);
    question.kind = in.one_of("kind", QuestionKind::interrupted);
    question.ask = in.number<int>("ask");
    question.opened_at = in.time("openedAt");
    question.options = in.objects("options", option);
    question.alternatives = in.objects("alternatives", alternative);
    question.evidence = in.words("evidence");
    question.total_elapsed = in.ms("elapsedMs");
    question.silence = in.ms("silenceMs");
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

}  // namespace holdfast::api
