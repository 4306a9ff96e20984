#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

#include "holdfast/api/json.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

constexpr WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h + 22min + 123ms};
constexpr std::string_view noon_text = "2026-11-23T07:22:00.123Z";

std::string golden(std::string text) {
  for (auto at = text.find("NOON"); at != std::string::npos; at = text.find("NOON"))
    text.replace(at, 4, noon_text);
  return text;
}

ProviderLock a_lock() {
  return {.job_id = "job-12345",
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .correlation_id = "corr-67890",
          .stages = {"script-generation", "refinement"},
          .locked_at = noon,
          .epoch = 1};
}

Question a_question() {
  return {.job_id = "job-1",
          .stage_name = "script",
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .operation_id = "op-1",
          .ask = 1,
          .opened_at = noon,
          .options = {{.id = "continue_30s", .label = "Continue"},
                      {.id = "cancel_job", .label = "Cancel", .requires_confirmation = true}},
          .alternatives = {{.provider_name = "OpenAI",
                            .provider_type = "cloud_llm",
                            .model = "gpt",
                            .requires_network = true,
                            .allowed = false,
                            .why_not = "output was delivered",
                            .normal_threshold = 15s}},
          .evidence = "No progress for 46 s.",
          .total_elapsed = 134s};
}

TEST(Api, a_lock_has_the_keys_of_the_interface_in_their_order) {
  EXPECT_EQ(api::text(api::to_json(a_lock())),
            golden(R"({"providerName": "Ollama", "providerType": "local_llm", "stages": ["script-generation", )"
                   R"("refinement"], "overridable": true, "state": "active", "lockedAt": "NOON", "endedAt": null, )"
                   R"("reason": null, "correlationId": "corr-67890", "text": "ProviderLock[Ollama (local_llm) for Job )"
                   R"(job-12345, Stages: script-generation, refinement, Active]", "exceptStages": [], "epoch": 1})"));
}

TEST(Api, an_ended_lock_says_when_and_why) {
  ProviderLock lock = a_lock();
  lock.state = LockState::ended;
  lock.ended_at = noon;
  lock.reason = "USER_AFTER_STALL";
  const auto out = api::to_json(lock);
  EXPECT_EQ(out.at("state").as_string(), "ended");
  EXPECT_EQ(out.at("endedAt").as_string(), noon_text);
  EXPECT_EQ(out.at("reason").as_string(), "USER_AFTER_STALL");
}

TEST(Api, a_decision_has_the_keys_of_the_interface_in_their_order) {
  FallbackDecision decision = FallbackDecision::after_stall("job-1", "Ollama", "OpenAI", 48s, "corr", {"script"}, 46s);
  decision.timestamp = noon;
  decision.decided_by = "ana";
  decision.operation_id = "op-1";
  decision.ask = 1;
  EXPECT_EQ(api::text(api::to_json(decision)),
            golden(R"({"jobId": "job-1", "timestamp": "NOON", "fromProvider": "Ollama", "toProvider": "OpenAI", )"
                   R"("reasonCode": "USER_AFTER_STALL", "elapsedBeforeSwitchMs": 48000, "userConfirmed": true, )"
                   R"("affectedStages": ["script"], "correlationId": "corr", "additionalContext": )"
                   R"("no progress for 46 s", "decidedBy": "ana", "operationId": "op-1", "ask": 1, )"
                   R"("consentId": null})"));
  EXPECT_TRUE(api::to_json(FallbackDecision{}).at("ask").is_null());
}

TEST(Api, an_operation_has_the_keys_of_the_interface_in_their_order) {
  const api::OperationView operation{.operation_id = "op-1",
                                     .job_id = "job-1",
                                     .stage_name = "script",
                                     .provider_name = "Ollama",
                                     .provider_type = "local_llm",
                                     .category = LatencyCategory::StallSuspected,
                                     .started_at = noon,
                                     .elapsed = 134s,
                                     .heartbeat_count = 9,
                                     .last_heartbeat = noon,
                                     .since_last_heartbeat = 3100ms,
                                     .since_last_progress = 46s,
                                     .stall_threshold = 45s,
                                     .progress = {.tokens = 512},
                                     .question = a_question()};
  EXPECT_EQ(
      api::text(api::to_json(operation)),
      golden(
          R"({"operationId": "op-1", "jobId": "job-1", "stageName": "script", "providerName": "Ollama", )"
          R"("providerType": "local_llm", "correlationId": null, "state": "running", "category": )"
          R"("StallSuspected", "startedAt": "NOON", "elapsedMs": 134000, "heartbeatCount": 9, "lastHeartbeatAt": )"
          R"("NOON", "sinceLastHeartbeatMs": 3100, "sinceLastProgressMs": 46000, "stallThresholdMs": 45000, )"
          R"("progress": {"tokens": 512, "chunks": null, "bytes": null, "percent": null, "remainingMs": null, )"
          R"("message": null}, "question": {"kind": "stall", "ask": 1, "openedAt": "NOON", "options": [{"id": )"
          R"("continue_30s", "label": "Continue", "requiresConfirmation": false, "action": "extend", "extensionMs": 0, )"
          R"("offerPartialArtifacts": false}, {"id": "cancel_job", "label": "Cancel", "requiresConfirmation": true, )"
          R"("action": "extend", "extensionMs": 0, "offerPartialArtifacts": false}], "evidence": "No progress for 46 s.", "silenceMs": 0, "alternatives": )"
          R"([{"providerName": "OpenAI", "providerType": "cloud_llm", "model": "gpt", "requiresNetwork": true, )"
          R"("allowed": false, "whyNot": "output was delivered", "failedHere": false, "normalThresholdMs": 15000}]}, "error": null})"));
}

TEST(Api, what_an_operation_does_not_have_is_null) {
  const auto out =
      api::to_json(api::OperationView{.operation_id = "op-1", .error = ProviderFault{ErrorClass::http, 500}});
  for (const char* key : {"jobId", "stageName", "lastHeartbeatAt", "sinceLastHeartbeatMs", "question"}) {
    EXPECT_TRUE(out.at(key).is_null()) << key;
  }
  EXPECT_EQ(api::text(out.at("error")), R"({"class": "http", "status": 500, "code": null, "message": null})");
}

TEST(Api, a_job_has_the_keys_of_the_interface_in_their_order) {
  const JobRow job{.job_id = "v-k3f9q2",
                   .name = "v",
                   .patience = "balanced",
                   .epoch = 1,
                   .opened_at = noon,
                   .stages = {{.stage_name = "tts",
                               .state = StageState::running,
                               .items = 12,
                               .items_done = 7,
                               .artifacts = {"a.wav", ""}}}};
  EXPECT_EQ(
      api::text(api::to_json(job)),
      golden(
          R"({"jobId": "v-k3f9q2", "name": "v", "state": "running", "patienceProfile": "balanced", "epoch": )"
          R"(1, "openedAt": "NOON", "closedAt": null, "locks": [], "stages": [{"stageName": "tts", "state": )"
          R"("running", "items": 12, "itemsDone": 7, "artifacts": ["a.wav", null]}], "owner": null, "consents": []})"));
}

TEST(Api, a_job_names_the_process_that_holds_it) {
  const JobRow job{.job_id = "v", .owner = Owner{.pid = 4711, .socket = "/run/4711.sock", .program = "holdfast run"}};
  EXPECT_EQ(api::text(api::to_json(job).at("owner")),
            R"({"pid": 4711, "program": "holdfast run", "socket": "/run/4711.sock"})");
}

TEST(Api, an_answer_that_lost_names_the_option_that_won) {
  const AnswerResult lost{
      .applied = false, .refused = Errc::already_answered, .winning_option = "continue_5m", .message = "before"};
  EXPECT_EQ(api::text(api::to_json(lost)),
            R"({"applied": false, "refused": "already_answered", "winningOption": "continue_5m", )"
            R"("message": "before", "recorded": true})");
}

TEST(Api, statistics_have_the_keys_of_the_interface_in_their_order) {
  const Statistics statistics{.total_fallback_decisions = 1, .total_jobs = 4, .fallback_rate = 0.25};
  EXPECT_EQ(api::text(api::to_json(statistics)),
            R"({"activeLocks": 0, "activeOperations": 0, "totalFallbackDecisions": 1, "userRequestedFallbacks": 0, )"
            R"("errorTriggeredFallbacks": 0, "afterStallFallbacks": 0, "totalJobs": 4, "fallbackRate": 0.25, )"
            R"("stallQuestions": 0, "stallsResolvedByProgress": 0, "openQuestions": 0})");
}

TEST(Api, a_profile_has_the_keys_of_the_interface_in_their_order) {
  const api::ProfileView profile{.provider_name = "Ollama",
                                 .provider_type = "local_llm",
                                 .patience_profile = "longForm",
                                 .normal_threshold = 60s,
                                 .extended_threshold = 360s,
                                 .deep_wait_threshold = 600s,
                                 .heartbeat_interval = 15s,
                                 .stall_threshold = 67500ms};
  EXPECT_EQ(api::text(api::to_json(profile)),
            R"({"providerName": "Ollama", "providerType": "local_llm", "patienceProfile": "longForm", )"
            R"("normalThresholdMs": 60000, "extendedThresholdMs": 360000, "deepWaitThresholdMs": 600000, )"
            R"("heartbeatIntervalMs": 15000, "stallThresholdMs": 67500, "firstProgressThresholdMs": null})");
}

TEST(Api, a_provider_says_whether_anybody_looked_for_problems) {
  api::ProviderView provider{
      .info = {.name = "FFmpeg", .type = "video_render", .kinds = {"video"}, .concurrent_max = 2},
      .protocol = "command",
      .built_in = true};
  EXPECT_EQ(api::text(api::to_json(provider)),
            R"({"providerName": "FFmpeg", "providerType": "video_render", "protocol": "command", "model": null, )"
            R"("kinds": ["video"], "requiresNetwork": false, "concurrentMax": 2, "builtIn": true, "problems": null})");
  provider.problems = std::vector<std::string>{"no ffmpeg"};
  EXPECT_EQ(api::text(api::to_json(provider).at("problems")), R"(["no ffmpeg"])");
}

TEST(Api, an_event_line_names_event_number_time_job_and_operation_before_its_data) {
  const News news = QuestionClosed{.job_id = "job-1", .operation_id = "op-1", .ask = 2, .by = "progress"};
  EXPECT_EQ(
      api::text(api::event_line(12, noon, news)),
      golden(R"({"event": "question.closed", "seq": 12, "time": "NOON", "jobId": "job-1", "operationId": "op-1", )"
             R"("data": {"ask": 2, "by": "progress"}})"));
  const News anonymous = OperationStarted{.provider_name = "Ollama", .operation_id = "op-2", .queued = true};
  const auto line = api::event_line(1, noon, anonymous);
  EXPECT_TRUE(line.at("jobId").is_null());
  EXPECT_EQ(line.at("data").at("state").as_string(), "queued");
  const News closed = JobClosed{.job_id = "job-1"};
  EXPECT_TRUE(api::event_line(1, noon, closed).at("operationId").is_null());
}

TEST(Api, every_kind_of_news_has_its_data) {
  const StandingConsent consent{.id = "consent-1", .minimum_silence = 10min, .switch_to = "OpenAI"};
  const std::vector<std::pair<News, std::string>> all = {
      {JobOpened{.job_id = "j", .name = "n", .patience = "balanced", .opened_by = "ana"},
       R"({"name": "n", "patienceProfile": "balanced", "openedBy": "ana", "resumed": false, "anew": []})"},
      {JobClosed{.job_id = "j", .state = JobState::cancelled, .by = "ana"}, R"({"state": "cancelled", "by": "ana"})"},
      {LockTaken{a_lock()}, api::text(api::to_json(a_lock()))},
      {LockEnded{a_lock(), 2},
       [] {
         auto data = api::to_json(a_lock());
         data["jobEpoch"] = 2;
         return api::text(data);
       }()},
      {Refused{.job_id = "j", .stage_name = "s", .provider_name = "P", .code = Errc::provider_locked, .message = "no"},
       R"({"stageName": "s", "providerName": "P", "correlationId": null, "code": "provider_locked", "message": "no", )"
       R"("by": null})"},
      {OperationEnded{.stage_name = "s",
                      .provider_name = "P",
                      .provider_type = "tts",
                      .operation_id = "op",
                      .outcome = OperationPhase::failed,
                      .elapsed = 5s,
                      .fault = {ErrorClass::command, 1, "", "died"},
                      .started_at = noon},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "outcome": "failed", )"
       R"("elapsedMs": 5000, "error": {"class": "command", "status": 1, "code": null, "message": "died"}, )"
       R"("startedAt": "2026-11-23T07:22:00.123Z"})"},
      {CategoryChanged{.stage_name = "s",
                       .provider_name = "P",
                       .provider_type = "tts",
                       .to = LatencyCategory::Extended,
                       .elapsed = 5s},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "from": "Normal", )"
       R"("to": "Extended", "elapsedMs": 5000, "longerThanUsual": false})"},
      {OperationProgress{.stage_name = "s",
                         .provider_name = "P",
                         .provider_type = "tts",
                         .progress = {.percent = 12.5},
                         .elapsed = 5s},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "progress": {"tokens": )"
       R"(null, "chunks": null, "bytes": null, "percent": 12.5, "remainingMs": null, "message": null}, "elapsedMs": 5000})"},
      {StallSuspected{.stage_name = "s",
                      .provider_name = "P",
                      .provider_type = "tts",
                      .ask = 1,
                      .elapsed_since_last_heartbeat = 1s,
                      .elapsed_since_last_progress = 2s,
                      .total_elapsed = 3s,
                      .evidence = "quiet"},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "ask": 1, )"
       R"("sinceLastHeartbeatMs": 1000, "sinceLastProgressMs": 2000, "elapsedMs": 3000, "progress": {"tokens": null, )"
       R"("chunks": null, "bytes": null, "percent": null, "remainingMs": null, "message": null}, "options": [], )"
       R"("evidence": "quiet", "alternatives": []})"},
      {StallResolved{.stage_name = "s",
                     .provider_name = "P",
                     .provider_type = "tts",
                     .ask = 1,
                     .by = "progress",
                     .stalled_for = 2s},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "ask": 1, "by": )"
       R"("progress", "stalledForMs": 2000})"},
      {QuestionAnswered{.stage_name = "s", .ask = 1, .option = "continue_5m", .by = "ana", .door = "terminal"},
       R"({"stageName": "s", "correlationId": null, "kind": "stall", "ask": 1, "option": "continue_5m", "provider": )"
       R"(null, "by": "ana", "door": "terminal", "note": null, "recorded": true, "providerName": null})"},
      {ProviderHardError{.stage_name = "s",
                         .provider_name = "P",
                         .provider_type = "tts",
                         .fault = {ErrorClass::auth, 401},
                         .elapsed = 1s},
       R"({"stageName": "s", "providerName": "P", "providerType": "tts", "correlationId": null, "error": {"class": )"
       R"("auth", "status": 401, "code": null, "message": null}, "elapsedMs": 1000})"},
      {ConsentGiven{"j", consent},
       R"({"consentId": "consent-1", "text": "stall after 10m: switch to OpenAI", "when": "stall", )"
       R"("minimumSilenceMs": 600000, "switchTo": "OpenAI", "givenBy": null, "providerType": null})"},
      {Cancelled{"j", "op", "ana"}, R"({"by": "ana", "recorded": true})"},
      {StageStarted{"j", "s", "P", 12}, R"({"stageName": "s", "providerName": "P", "items": 12})"},
      {StageFinished{{.job_id = "j", .stage_name = "s", .items = 2, .items_done = 1, .artifacts = {"a"}}},
       R"({"stageName": "s", "items": 2, "itemsDone": 1, "finished": false, "artifacts": ["a"], "item": 0})"},
  };
  for (const auto& [news, data] : all)
    EXPECT_EQ(api::text(api::to_json(news)), data) << event_name(news);
  EXPECT_EQ(api::to_json(News(ConsentApplied{"j", "op", 3, consent})).at("ask"), 3);
  EXPECT_EQ(api::to_json(News(FallbackDecision{.job_id = "j"})).at("jobId"), "j");
  const auto question = api::to_json(News(QuestionOpened{a_question()}));
  EXPECT_EQ(question.at("stageName"), "script");
  EXPECT_EQ(question.at("kind"), "stall");
  EXPECT_EQ(question.at("elapsedMs"), 134000);
}

TEST(Api, a_consent_after_an_error_has_no_minimum_silence) {
  const auto out = api::to_json(StandingConsent{.when = StandingConsent::When::error});
  EXPECT_TRUE(out.at("minimumSilenceMs").is_null());
  EXPECT_TRUE(out.at("switchTo").is_null());
}

TEST(Api, bytes_that_are_not_utf8_do_not_break_the_document) {
  const auto out = api::to_json(ProviderFault{.error_class = ErrorClass::command,
                                              .message = "a\xff"
                                                         "b\xc3"});
  EXPECT_EQ(out.at("message").as_string(),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_NO_THROW(boost::json::parse(api::text(out)));
}

TEST(Api, control_characters_leave_the_document_escaped) {
  const std::string line = api::text(api::to_json(Progress{.message = "\x1b[2J\n"}));
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Api, numbers_are_written_as_people_write_them) {
  EXPECT_EQ(api::text(boost::json::value(0.0)), "0");
  EXPECT_EQ(api::text(boost::json::value(37.5)), "37.5");
  EXPECT_EQ(api::text(boost::json::value(std::numeric_limits<double>::infinity())), "null");
}

TEST(Api, a_listing_names_its_entries_and_what_comes_next) {
  EXPECT_EQ(api::text(api::listing("jobs", {1, 2})), R"({"jobs": [1, 2], "next": null})");
}

TEST(Api, stage_states_have_names) {
  using enum StageState;
  for (const auto& [state, text] :
       std::initializer_list<std::pair<StageState, const char*>>{{pending, "pending"},
                                                                 {running, "running"},
                                                                 {done, "done"},
                                                                 {interrupted, "interrupted"},
                                                                 {failed, "failed"},
                                                                 {cancelled, "cancelled"}}) {
    EXPECT_EQ(name(state), text);
  }
}

}  // namespace
}  // namespace holdfast
