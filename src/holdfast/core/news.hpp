#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/core/decision.hpp"
#include "holdfast/core/lock.hpp"
#include "holdfast/core/question.hpp"

/// What is told to everybody, and what is written down. Each kind is announced under the name that `event_name` gives;
/// those that `is_record` names enter the audit trail.
namespace holdfast {

struct JobOpened {
  std::string job_id{}, name{}, patience{}, opened_by{};
  bool resumed = false;                   ///< it was open before, and goes on
  std::shared_ptr<const JobPlan> plan{};  ///< kept by the store, no part of the record
  std::vector<std::string> anew{};        ///< resumed: stages that begin from their start
};

struct JobClosed {
  std::string job_id{};
  JobState state = JobState::done;
  std::string by{};
};

struct LockTaken {
  ProviderLock lock{};
};

/// Unlocked, released, or ended by a decision: `lock.state` says which.
struct LockEnded {
  ProviderLock lock{};
  std::uint64_t epoch = 0;  ///< of the job afterwards
};

/// Something asked for was not done, by policy.
struct Refused {
  std::string job_id{}, stage_name{}, provider_name{}, correlation_id{};
  Errc code = Errc::ok;
  std::string message{}, by{};
};

struct OperationStarted {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  std::uint64_t epoch = 0;
  bool queued = false;  ///< told, not recorded: it waits for a place at its provider
  std::string kind{};   ///< text, speech, …; empty: not said
};

struct OperationEnded {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  OperationPhase outcome = OperationPhase::completed;
  milliseconds elapsed{};
  ProviderFault fault{};                 ///< failed only
  std::optional<WallTime> started_at{};  ///< absent: written by a version that did not say it
};

struct CategoryChanged {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  LatencyCategory from = LatencyCategory::Normal, to = LatencyCategory::Normal;
  milliseconds elapsed{};
  bool longer_than_usual = false;  ///< the deep-wait threshold has passed
};

/// How far an operation is. Made by the gateway, at most once a second and operation; never recorded.
struct OperationProgress {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  Progress progress{};
  milliseconds elapsed{};
};

/// A stall episode opened. `question` holds options, alternatives and evidence.
struct StallSuspected {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  int ask = 0;
  milliseconds elapsed_since_last_heartbeat{};  ///< any sign of life; the start where there was none
  milliseconds elapsed_since_last_progress{};
  milliseconds total_elapsed{};
  Progress progress{};
  std::vector<AnswerOption> options{};
  std::vector<Alternative> alternatives{};
  std::string evidence{};
};

struct StallResolved {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  int ask = 0;
  std::string by{};  ///< "progress", "answer", "end"
  milliseconds stalled_for{};
};

struct QuestionOpened {
  Question question{};
};

struct QuestionAnswered {
  std::string job_id{}, stage_name{}, provider_name{}, operation_id{}, correlation_id{};
  int ask = 0;
  QuestionKind kind = QuestionKind::stall;
  std::string option{}, provider{}, by{}, door{}, note{};
  bool recorded = true;
};

struct QuestionClosed {
  std::string job_id{}, operation_id{};
  int ask = 0;
  std::string by{};  ///< "progress", "answer", "end"
};

struct ProviderHardError {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  ProviderFault fault{};
  milliseconds elapsed{};
};

struct ConsentGiven {
  std::string job_id{};
  StandingConsent consent{};
};

struct ConsentApplied {
  std::string job_id{}, operation_id{};
  int ask = 0;
  StandingConsent consent{};
};

struct Cancelled {
  std::string job_id{}, operation_id{};  ///< no operation: the whole job
  std::string by{};
  bool recorded = true;  ///< false: what ran is stopped, and the trail could not be written then
};

struct StageStarted {
  std::string job_id{}, stage_name{}, provider_name{};
  std::size_t items = 1;
};

struct StageFinished {
  StageProgress step{};
};

using News = std::variant<JobOpened, JobClosed, LockTaken, LockEnded, Refused, OperationStarted, OperationEnded,
                          CategoryChanged, OperationProgress, StallSuspected, StallResolved, QuestionOpened,
                          QuestionAnswered, QuestionClosed, ProviderHardError, FallbackDecision, ConsentGiven,
                          ConsentApplied, Cancelled, StageStarted, StageFinished>;

/// The name in the event feed and in `run --json`: "stall.suspected".
std::string_view event_name(const News& news) noexcept;
/// The job it concerns; empty for anonymous operations.
const std::string& job_of(const News& news) noexcept;
/// Whether it belongs in the audit trail.
bool is_record(const News& news) noexcept;

}  // namespace holdfast
