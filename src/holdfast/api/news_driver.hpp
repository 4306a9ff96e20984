#pragma once

#include <string>
#include <variant>
#include <vector>

#include "holdfast/core/news.hpp"

/// For tests: news of every kind. A kind that is added to `News` does not compile here until it has its own.
namespace holdfast::sample {

using namespace std::chrono_literals;

inline constexpr WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h + 22min + 123ms};

template <class T>
void about(T& news) {
  news.job_id = "job-1";
  news.stage_name = "script";
  news.provider_name = "Ollama";
  news.provider_type = "local_llm";
  news.correlation_id = "corr";
  news.operation_id = "op-1";
}

inline std::vector<AnswerOption> options() {
  return {{.id = "continue_5m", .label = "Wait", .action = AnswerAction::extend, .extension = 5min},
          {.id = "cancel",
           .label = "Cancel \"now\"",
           .action = AnswerAction::cancel,
           .requires_confirmation = true,
           .offer_partial_artifacts = true}};
}
inline std::vector<Alternative> alternatives() {
  return {{"OpenAI", "cloud_llm", "gpt", true, false, "output was delivered", true, 15s},
          {"B", "tts", "", false, true, ""}};
}
inline ProviderLock lock() {
  return {.job_id = "job-1",
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .correlation_id = "corr",
          .overridable = false,
          .stages = {},
          .except_stages = {"speech"},
          .state = LockState::ended,
          .locked_at = noon,
          .ended_at = noon + 1s,
          .reason = "USER_REQUEST",
          .epoch = 3};
}
inline StandingConsent consent() {
  return {"consent-1", StandingConsent::When::stall, 10min, "OpenAI", "cloud_llm", "ana"};
}
inline const Progress progress{
    .tokens = 5, .chunks = 6, .bytes = 7, .percent = 37.5, .remaining = 9s, .message = "m\n"};
inline const ProviderFault fault{ErrorClass::http, 503, "overloaded", "try later"};

inline News full(JobOpened news) {
  return news = {.job_id = "job-1",
                 .name = "video",
                 .patience = "longForm",
                 .opened_by = "ana",
                 .resumed = true,
                 .anew = {"script"}};
}
inline News full(JobClosed news) {
  return news = {"job-1", JobState::released, "ana"};
}
inline News full(LockTaken news) {
  return news = {lock()};
}
inline News full(LockEnded news) {
  return news = {lock(), 4};
}
inline News full(Refused news) {
  return news = {"job-1", "script", "B", "corr", Errc::lock_conflict, "no", "ana"};
}
inline News full(OperationStarted news) {
  about(news);
  news.epoch = 9007199254740992;
  news.queued = true;
  news.kind = "text";
  return news;
}
inline News full(OperationEnded news) {
  about(news);
  news.outcome = OperationPhase::failed;
  news.elapsed = 5s;
  news.fault = fault;
  news.started_at = WallTime(1s);
  return news;
}
inline News full(CategoryChanged news) {
  about(news);
  news.from = LatencyCategory::Extended;
  news.to = LatencyCategory::DeepWait;
  news.elapsed = 1h;
  news.longer_than_usual = true;
  return news;
}
inline News full(OperationProgress news) {
  about(news);
  news.progress = progress;
  news.elapsed = 3ms;
  return news;
}
inline News full(StallSuspected news) {
  about(news);
  news.ask = 2;
  news.elapsed_since_last_heartbeat = 1s;
  news.elapsed_since_last_progress = 2s;
  news.total_elapsed = 3s;
  news.progress = progress;
  news.options = options();
  news.alternatives = alternatives();
  news.evidence = "silent";
  return news;
}
inline News full(StallResolved news) {
  about(news);
  news.ask = 2;
  news.by = "progress";
  news.stalled_for = 77ms;
  return news;
}
inline News full(QuestionOpened news) {
  about(news.question);
  news.question.kind = QuestionKind::hard_error;
  news.question.ask = 3;
  news.question.opened_at = noon;
  news.question.options = options();
  news.question.alternatives = alternatives();
  news.question.evidence = "broke";
  news.question.total_elapsed = 8s;
  news.question.silence = 6s;
  return news;
}
inline News full(QuestionAnswered news) {
  return news = {"job-1",           "script", "Ollama", "op-1", "corr", 3,    QuestionKind::interrupted,
                 "try_alternative", "OpenAI", "ana",    "api",  "note", false};
}
inline News full(QuestionClosed news) {
  return news = {"job-1", "op-1", 3, "answer"};
}
inline News full(ProviderHardError news) {
  about(news);
  news.fault = fault;
  news.elapsed = 4s;
  return news;
}
inline News full(FallbackDecision news) {
  return news = {"job-1", noon,   "Ollama",   "OpenAI",   ReasonCode::provider_fatal_error,
                 5s,      true,   {"script"}, "corr",     "broken",
                 "ana",   "op-1", 3,          "consent-1"};
}
inline News full(ConsentGiven news) {
  return news = {"job-1", consent()};
}
inline News full(ConsentApplied news) {
  return news = {"job-1", "op-1", 4, consent()};
}
inline News full(Cancelled news) {
  return news = {"job-1", "op-1", "ana", false};
}
inline News full(StageStarted news) {
  return news = {"job-1", "script", "Ollama", 12};
}
inline News full(StageFinished news) {
  return news = {{.job_id = "job-1",
                  .stage_name = "script",
                  .items = 12,
                  .items_done = 7,
                  .finished = true,
                  .artifacts = {"a.wav", ""},
                  .item = 7}};
}

/// With nothing that may be absent.
template <class T>
News sparse(T news) {
  if constexpr (requires { news.operation_id; }) news.operation_id = "op-1";
  return news;
}
inline News sparse(JobOpened) {
  return JobOpened{.job_id = "job-1"};
}
inline News sparse(JobClosed) {
  return JobClosed{.job_id = "job-1"};
}
inline News sparse(LockTaken news) {
  news.lock.job_id = "job-1";
  return news;
}
inline News sparse(LockEnded news) {
  news.lock.job_id = "job-1";
  return news;
}
inline News sparse(Refused) {
  return Refused{.code = Errc::provider_locked};
}
inline News sparse(StallResolved) {
  return StallResolved{.operation_id = "op-1", .by = "end"};
}
inline News sparse(QuestionOpened news) {
  news.question.operation_id = "op-1";
  return news;
}
inline News sparse(QuestionClosed) {
  return QuestionClosed{.operation_id = "op-1", .by = "end"};
}
inline News sparse(FallbackDecision) {
  return FallbackDecision{.job_id = "job-1"};
}
inline News sparse(ConsentGiven) {
  return ConsentGiven{.job_id = "job-1"};
}
inline News sparse(ConsentApplied) {
  return ConsentApplied{.job_id = "job-1", .operation_id = "op-1"};
}
inline News sparse(Cancelled) {
  return Cancelled{};
}
inline News sparse(StageStarted) {
  return StageStarted{.job_id = "job-1"};
}
inline News sparse(StageFinished) {
  return StageFinished{{.job_id = "job-1"}};
}

/// Each kind that there is: with everything, and with nothing that may be absent.
template <std::size_t Index = 0>
void each_kind(auto check) {
  if constexpr (Index < std::variant_size_v<News>) {
    using Kind = std::variant_alternative_t<Index, News>;
    check(sparse(Kind{}));
    check(full(Kind{}));
    each_kind<Index + 1>(check);
  }
}

}  // namespace holdfast::sample
