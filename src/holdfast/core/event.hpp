#pragma once

#include <string>
#include <variant>

#include "holdfast/core/news.hpp"

/// Everything the Machine can hear. News, in the past tense; news of something that is gone is normal and ignored.
namespace holdfast::event {

// What callers asked for. Each is answered once, by `effect::Reply` or `effect::OpenCall` with the same ticket.

struct JobRequested {
  Ticket ticket{};
  JobRequest request{};
};
struct JobFinished {  ///< by whoever ran it: done, failed (lock and work are kept)
  Ticket ticket{};
  std::string job_id{};
  JobState state = JobState::done;
  std::string by{};
};
struct StageBegan {
  StageStarted news{};
};
struct StageReached {
  Ticket ticket{};
  StageProgress step{};
};
struct LockRequested {
  Ticket ticket{};
  LockRequest request{};
};
struct UnlockRequested {
  Ticket ticket{};
  std::string job_id{}, reason{};
  std::string provider{};  ///< empty: the newest lock
};
struct ReleaseRequested {
  Ticket ticket{};
  std::string job_id{};
};
struct DecisionSubmitted {  ///< the library's two calls: this one ends the old lock
  Ticket ticket{};
  FallbackDecision decision{};
};
struct SwitchRequested {  ///< one call: ends the old lock and takes the new one
  Ticket ticket{};
  SwitchRequest request{};
};
struct ConsentOffered {
  Ticket ticket{};
  std::string job_id{};
  StandingConsent consent{};
};
struct OperationRequested {
  Ticket ticket{};
  OperationId id{};
  OperationRequest request{};
  SharedPatience patience{};
  bool recorded_first = true;  ///< false: its start is journalled behind it (proxied requests)
};
struct QuestionRaised {  ///< about an operation that failed, by whoever can run it again
  Ticket ticket{};
  OperationId operation{};
  QuestionKind kind = QuestionKind::hard_error;
  bool consents_only = false;  ///< raised only where a consent answers it: nobody else is there
};
struct Answered {
  Ticket ticket{};
  OperationId operation{};
  Answer answer{};
  std::string provider_type{};  ///< of `answer.provider`
};
struct CancelRequested {
  Ticket ticket{};  ///< 0: nobody waits for a reply (the caller's own stop token)
  CancelRequest request{};
  OperationId operation{};         ///< 0: the job
  std::optional<Answer> answer{};  ///< the answer to a question that asked for it
};

// What adapters report.

struct CallEnded {
  enum class How : unsigned char { returned, failed, closed };
  OperationId operation{};
  How how = How::returned;  ///< closed: because `CancelCall` said so
  ProviderFault fault{};    ///< failed only
};
struct ProgressMade {  ///< posted by the slot's writer or read by the engine, only where the slot is armed
  OperationId operation{};
  Instant at{};
};
struct SilenceExceeded {
  OperationId operation{};
  Nanoseconds silence{};          ///< without progress; own pauses and backpressure taken off
  Nanoseconds since_heartbeat{};  ///< without any sign of life
  Progress progress{};            ///< as far as the writers said
  std::uint32_t watch = 0;        ///< the order that it carries out; 0: not said
};
struct CategoryDue {
  OperationId operation{};
};
struct Saved {
  SaveId save{};
};
struct SaveFailed {
  SaveId save{};
  std::string why{};
  Errc code = Errc::store_unavailable;  ///< or store_held, stale_epoch: somebody else acts for the job
};
struct SaveUnknown {  ///< it may be on disk: the store is read again, and that decides
  SaveId save{};
};
struct SaveLookedUp {
  SaveId save{};
  bool found = false;
};
/// An operation that was running when its process died: whether the provider did the work is unknown.
struct LostOperation {
  OperationStarted started{};
  WallTime started_at{};
  int open_stall = 0;  ///< the ask of a stall that was never resolved; 0: none
  int asks = 0;        ///< how often it was asked about
  bool ended = false;  ///< that it was interrupted is on the record; nobody has answered for it yet
};
/// What the store knows of a job that the Machine does not hold.
struct JobImage {
  std::string name{}, patience{};
  JobState state = JobState::running;
  std::uint64_t epoch = 0;
  std::vector<ProviderLock> locks{};
  std::vector<StandingConsent> consents{};
  std::vector<std::string> finished_stages{};
  std::vector<LostOperation> lost{};  ///< of an owner that is dead, each until somebody has answered for it
};
struct JobLoaded {
  std::string job_id{};
  std::optional<JobImage> image{};  ///< absent: the store has never heard of it
};
struct JobLoadFailed {
  std::string job_id{}, why{};
  Errc code = Errc::store_unavailable;  ///< or store_held: a living process owns it
};
struct ProvidersConfigured {
  std::vector<ProviderInfo> providers{};
};
struct TimePassed {};   ///< `next_deadline` has come
struct StopOrdered {};  ///< the process ends: running calls are closed

}  // namespace holdfast::event

namespace holdfast {

using Event = std::variant<event::JobRequested, event::JobFinished, event::StageBegan, event::StageReached,
                           event::LockRequested, event::UnlockRequested, event::ReleaseRequested,
                           event::DecisionSubmitted, event::SwitchRequested, event::ConsentOffered,
                           event::OperationRequested, event::QuestionRaised, event::Answered, event::CancelRequested,
                           event::CallEnded, event::ProgressMade, event::SilenceExceeded, event::CategoryDue,
                           event::Saved, event::SaveFailed, event::SaveUnknown, event::SaveLookedUp, event::JobLoaded,
                           event::JobLoadFailed, event::ProvidersConfigured, event::TimePassed, event::StopOrdered>;

}  // namespace holdfast
