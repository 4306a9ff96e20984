#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "holdfast/core/effect.hpp"
#include "holdfast/core/event.hpp"
#include "ledger.hpp"
#include "rows.hpp"

namespace holdfast::sim {

/// The invariants of design/08-proof.md §1, checked after every step.
///
/// Knows only what the Machine was told and what it ordered, and, from the world, when providers truly made progress.
/// Call `heard` before a step, `ordered` for each effect, `stepped` after it; `swept` after each sweep's events.
///
/// Errors: throws `Violation`.
class Invariants {
 public:
  explicit Invariants(Rows& rows) : rows_(rows) {}

  void heard(Moment now, const Event& event);
  void ordered(const Effect& effect);
  void stepped();

  // The truth about providers.
  void progress(OperationId operation, Instant at);
  void held(OperationId operation, Instant at);
  void resumed(OperationId operation, Instant at);
  /// Holdfast itself stood still.
  void late(Instant from, Instant to) { late_.push_back({from, to}); }
  /// A sweep's events were all delivered; `paused` by our own lateness.
  void swept(Instant now, bool paused);
  /// Everything has come to rest: whoever waited was answered, and the trail is whole.
  void finished() const;

  /// Whoever ran has ended and the store has taken everything: a job that was adopted is closed as its operation was.
  void adopted_jobs_closed() const;
  /// The store has taken everything for a while: what a consent answers is answered.
  void due_consents_are_used() const;

  bool asked(OperationId operation) const;
  const Ledgers& committed() const { return ledgers_; }

 private:
  struct Op {
    OperationRequest request;
    SharedPatience patience;
    bool recorded_first = true, requested_recorded = false;
    bool opened = false, ended = false, cancel_ordered = false, unattended = false, start_on_disk = false;
    LatencyCategory category = LatencyCategory::Normal;
    OperationPhase outcome = OperationPhase::running;
    bool ended_anonymous = false;
    int asks = 0, open_ask = 0, stall_ask = 0;  ///< open_ask 0: no question; stall_ask: an episode is open
    QuestionKind kind = QuestionKind::stall;
    std::vector<AnswerOption> options;
    int answers_under_way = 0;
    Instant opened_at, asked_at;
    Instant base, since;  ///< silence counts from base
    Instant progress_at, told_progress_at;
    milliseconds limit_min{}, limit_max{};
    Instant limited_at;  ///< when news of progress, which may come late, set it
    std::optional<Instant> held_since;
    Nanoseconds held{};  ///< whole holds since base
    Nanoseconds held_since_progress{};
  };
  struct Asked {  ///< an `Answered` that waits for its reply
    OperationId operation;
    Answer answer;
    int open_ask = 0;  ///< when it was heard
  };
  struct Window {
    Instant from, to;
  };
  struct Awaited {  ///< a two-call decision that no lock has followed yet
    std::string job;
    ProviderLock left;  ///< its stages
    std::string provider;
    std::size_t locks_before = 0;
  };

  [[noreturn]] void fail(const std::string& what) const { throw Violation(what); }
  void check(bool holds, const char* what) const {
    if (!holds) fail(what);
  }
  Op* find(OperationId id);
  Op* find(const std::string& text_id);
  /// An answer is on its way to the disk, or may be: a consent's waits without a ticket behind its job's transaction.
  bool recording(OperationId id, const Op& op) const;
  Nanoseconds silence(const Op& op, Instant now, bool most) const;
  /// Since the last progress, whatever was answered.
  Nanoseconds unheard(const Op& op, Instant now, bool most) const;
  Nanoseconds silence_since(Instant base, Nanoseconds held, const Op& op, Instant now, bool most) const;
  bool would_answer(const StandingConsent& consent, const Op& op, const Ledger& ledger) const;

  void note(const event::OperationRequested&);
  void note(const event::Answered&);
  void note(const event::ProgressMade&);
  void note(const event::CallEnded&);
  void commit(SaveId save);
  void lose(SaveId save);
  void commit_plain_answer(OperationId id, const QuestionAnswered& answered, const Ledger& ledger);
  void commit_consent(const ConsentApplied& applied, const std::vector<News>& records, const Ledger& ledger);
  void commit_anonymous(const News& record);
  void commit_lock(const ProviderLock& lock, const std::vector<News>& records);
  void commit_end(const LockEnded& ended, const std::vector<News>& records);
  void commit_decision(const FallbackDecision& decision, const std::vector<News>& records);
  const Awaited* awaited(const std::string& job, const std::string& stage) const;

  void on(const effect::Reply&);
  void on(const effect::Save&);
  void on(const effect::LookUp&) {}
  void on(const effect::LoadJob&) {}
  void on(const effect::OpenCall&);
  void on(const effect::CancelCall&);
  void on(const effect::Watch&) {}
  void on(const effect::WatchCategory&) {}
  void on(const effect::EndWatch&) {}
  void on(const effect::Announce&);
  void on_answer(const Asked& asked, const AnswerResult& result);

  template <class N>
  void told(const N&) {}
  void told(const OperationStarted&);
  void told(const OperationEnded&);
  void told(const CategoryChanged&);
  void told(const StallSuspected&);
  void told(const StallResolved&);
  void told(const QuestionOpened&);
  void told(const QuestionClosed&);
  void told(const LockTaken&);
  void told(const FallbackDecision&);
  void told(const ConsentApplied&);
  void told(const Refused&);
  void told(const ProviderHardError&);
  void told(const JobClosed&);

  Rows& rows_;
  Moment now_{};
  const Event* event_ = nullptr;
  std::unordered_map<OperationId, Op> operations_;
  std::set<OperationId> running_;
  std::set<std::uint64_t> tickets_;  ///< without a reply
  std::map<std::uint64_t, Asked> answers_;
  std::map<SaveId, std::vector<News>> saves_;  ///< under way
  Ledgers ledgers_;
  std::set<std::string> opening_;  ///< jobs whose `JobOpened` was ordered and is not known to be lost
  std::vector<Awaited> awaited_;
  std::vector<Window> late_;
  std::set<std::string> decisions_this_step_;           ///< jobs
  std::set<std::string> moved_this_step_;               ///< jobs of which a lock was taken, too
  std::set<OperationId> went_along_;                    ///< this step: to where an earlier decision has moved its stage
  std::set<std::pair<OperationId, std::string>> keys_;  ///< of answers that were applied
  std::set<std::pair<OperationId, int>> answered_, closed_, applied_;
  std::map<std::string, int> trail_;       ///< "operation.started op-…" → how often on disk
  std::optional<OperationId> must_close_;  ///< I5: by this step
  int suspected_this_step_ = 0, opened_this_step_ = 0;
};

}  // namespace holdfast::sim
