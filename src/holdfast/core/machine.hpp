#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "holdfast/base/name.hpp"
#include "holdfast/core/effect.hpp"
#include "holdfast/core/event.hpp"

namespace holdfast {

/// What operations of one stage on one provider have in common. Shared: there may be a million of them.
struct OperationTerms {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, kind{};
  SharedPatience patience{};
  std::string protocol{};

  bool operator==(const OperationTerms&) const = default;
};
using SharedTerms = std::shared_ptr<const OperationTerms>;

/// One provider call under watch.
struct Operation {
  /// Where it stands. `ending`: `CancelCall` was ordered, its `CallEnded` has not come.
  enum class Stage : unsigned char { queued, starting, running, ending, ended };
  /// What its silence means. `first`: no progress yet. `unattended`: «wait until it finishes, don't ask again».
  enum class Attention : unsigned char { first, watching, asked, extended, unattended };

  OperationId id;
  SharedTerms terms;
  std::string correlation_id;
  Ticket ticket;
  Stage stage = Stage::queued;
  Attention attention = Attention::first;
  LatencyCategory category = LatencyCategory::Normal;
  OperationPhase outcome = OperationPhase::running;  ///< ended only
  Errc ending = Errc::ok;                            ///< what the caller hears: cancelled or switched
  bool recorded_first = true, start_recorded = false, longer_announced = false;
  int asks = 0;
  std::uint64_t epoch = 0;
  Instant started_at, last_progress, ended_at;  ///< last_progress: as far as the Machine was told
  Instant silence_since;                        ///< of the last `Watch`, as is `silence_limit`
  std::optional<milliseconds> silence_limit;
  std::uint32_t watch_number = 0;
  std::unique_ptr<const ProviderFault> fault;  ///< failed only

  OperationPhase phase() const;
};

/// The unit of work whose stages are locked. Held while something of it is open; else the store has it.
struct Job {
  std::string id, name, patience;
  JobState state = JobState::running;
  bool loading = false;    ///< the store was asked for it
  bool opened = false;     ///< its `JobOpened` is on the record, or on its way
  bool stopping = false;   ///< a confirmed cancel was heard; nothing new begins
  bool unwritten = false;  ///< its end is in the backlog: the store knows less than the Machine
  SaveId busy;             ///< the transaction that is changing its locks; commands wait behind it
  std::uint64_t epoch = 0;
  LockTable locks;
  std::vector<StandingConsent> consents;
  std::set<std::string, NameLess> finished_stages;
  std::vector<OperationId> operations;  ///< not ended
  std::vector<SharedTerms> terms;       ///< of its operations; each kind once
  std::deque<Event> waiting;
};

/// Decides. Told what happened and when; orders what to do. Does nothing itself.
///
/// Same events at the same moments give the same effects, on every machine.
///
/// Threads: none. Time: told, never read. Owns: jobs, operations, questions.
/// Errors: refusals are replies; a broken invariant stops the process. Limits: limits.hpp.
///
/// Durability is a state: what must be on disk first is ordered as `Save`, and what follows from it happens when
/// `Saved` comes back. Per job one transaction at a time changes locks; its other commands wait in order behind it.
class Machine {
 public:
  void step(Moment now, const Event& event, Effects& out);
  /// When to send `TimePassed` if nothing else happens.
  std::optional<Instant> next_deadline() const;

  const Operation* operation(OperationId id) const;
  const Job* job(std::string_view id) const;
  const QuestionTable& questions() const { return questions_; }
  const std::unordered_map<OperationId, Operation>& operations() const { return operations_; }
  std::size_t active_operations() const { return active_; }
  const std::vector<ProviderInfo>& providers() const { return providers_; }
  std::size_t job_count() const { return jobs_.size(); }
  /// Records that could not be written yet.
  std::size_t backlog() const { return backlog_.size(); }

 private:
  /// A switch as one transaction will make it.
  struct SwitchPlan {
    FallbackDecision decision;
    StageSet affected;
    std::optional<ProviderLock> ended, renewed, taken;  ///< taken absent: the library locks in a second call
    std::uint64_t epoch = 0;
  };
  // What follows when a transaction comes back.
  struct Journalled {};
  struct Replied {
    Ticket ticket;
    std::variant<bool, ProviderLock> value;
  };
  struct Started {
    OperationId operation;
  };
  struct AnswerSaved {
    Ticket ticket;
    OperationId operation;
    int ask = 0;
  };
  struct SwitchSaved {
    Ticket ticket;
    OperationId operation;  ///< the one asked about; 0: the whole job
    bool cancels_all = false;
  };
  struct CancelSaved {
    Ticket ticket;
    OperationId operation;  ///< whose question was answered; 0: none
  };
  struct Late {               ///< a record that could not be written when it was due
    std::uint64_t order = 0;  ///< in which things happened
    News record;
  };
  struct Pending {
    std::string job_id;  ///< whose locks it changes; empty: none
    std::vector<News> records;
    std::vector<Late> late{};  ///< of the backlog; written in front, in the same transaction
    std::optional<SwitchPlan> plan;
    std::variant<Journalled, Replied, Started, AnswerSaved, SwitchSaved, CancelSaved> then;
  };
  struct Desk {      ///< one provider's places
    int places = 0;  ///< 0: no limit
    int taken = 0;
    std::deque<OperationId> queue;
  };

  // machine.cpp: hearing
  void hear(const Event& event);
  void on(const event::Saved&);
  void on(const event::SaveFailed&);
  void on(const event::SaveUnknown&);
  void on(const event::SaveLookedUp&);
  void on(const event::ProvidersConfigured&);
  void on(const event::TimePassed&);
  void on(const event::StopOrdered&);
  void settle_jobs();

  // machine_jobs.cpp: jobs and locks
  void on(const event::JobRequested&);
  void on(const event::JobFinished&);
  void on(const event::StageReached&);
  void on(const event::LockRequested&);
  void on(const event::UnlockRequested&);
  void on(const event::ReleaseRequested&);
  void on(const event::ConsentOffered&);
  void on(const event::JobLoaded&);
  void on(const event::JobLoadFailed&);
  void on(const event::CancelRequested&);
  void take_over(Job& job, const event::LostOperation& lost);
  void read_again(Job& job);
  void resume_job(Job& job, const event::JobRequested& event);
  void cancel_job(const event::CancelRequested&);
  void cancel_one(const event::CancelRequested&, Operation&);
  void finish_cancel(const Pending&, const CancelSaved&, bool recorded);
  void close_job(Job& job, JobState state, const std::string& by, LockState lock_state, const std::string& reason,
                 std::vector<News>& records);

  // machine_operations.cpp
  void on(const event::OperationRequested&);
  void on(const event::CallEnded&);
  void on(const event::CategoryDue&);
  void admit(Operation& operation);
  void begin(Operation& operation);
  void open_call(Operation& operation);
  void order_cancel(Operation& operation, Errc why);
  void end(Operation& operation, OperationPhase outcome);
  OperationEnded ended_news(const Operation& operation) const;
  void release_place(const std::string& provider);
  void fill(Desk& desk);
  void set_category(Operation& operation, LatencyCategory to);
  void watch(Operation& operation, Instant since, std::optional<milliseconds> limit, bool armed);
  void watch_ordinary(Operation& operation);

  // machine_questions.cpp
  void on(const event::ProgressMade&);
  void on(const event::SilenceExceeded&);
  void on(const event::QuestionRaised&);
  void on(const event::Answered&);
  void open_stall(Operation& operation, const event::SilenceExceeded& silence);
  void resolve_by_progress(Operation& operation);
  void save_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event,
                   const AnswerOption& option);
  void save_switch_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event);
  void answer_saved(const AnswerSaved& saved, bool cancelled_call);
  void answer_failed(Ticket ticket, OperationId operation, Errc code, const std::string& why);
  void apply_stall_consents(Operation& operation, Nanoseconds silence);
  void apply_error_consents(Operation& operation);
  bool apply_consent(Operation& operation, const StandingConsent& consent);
  void answer_by_consents(const std::string& job_id);
  void adopt(Operation& operation);
  void leave_adopted(const Operation& operation);
  void close_questions_of(const std::string& job_id);
  void add_consent(const Operation& operation, const QuestionTable::Open& open, std::vector<News>& records) const;
  const StandingConsent* consent_of(const Operation& operation, const Answer& answer) const;
  Question question_about(const Operation& operation, QuestionKind kind) const;
  QuestionAnswered answered_news(const Operation& operation, const QuestionTable::Open& open) const;
  void refuse_answer(Ticket ticket, Errc code, std::string message, std::string winning = {});
  std::optional<AnswerResult> refusal_of(const event::Answered& event, const Operation* operation,
                                         const QuestionTable::Open* open) const;
  std::optional<AnswerResult> refusal_of_switch(const event::Answered& event, const Operation& operation,
                                                const Question& question) const;

  // machine_switching.cpp
  void on(const event::DecisionSubmitted&);
  void on(const event::SwitchRequested&);
  result<SwitchPlan> plan_switch(const Job& job, FallbackDecision decision, const std::string& to_type,
                                 bool takes_lock) const;
  std::vector<News> records_of(const SwitchPlan& plan) const;
  void carry_out(Job& job, SwitchPlan plan, SaveId saved);
  void switch_queued(Job& job);
  void switch_saved(const SwitchSaved& saved, const Pending& pending);

  // Helpers
  Job& job_for(const std::string& id);
  /// The job, where it may be changed now; else `event` waits behind what changes it, and the answer is null.
  template <class E>
  Job* ready_job(const std::string& id, const E& event);
  Operation* find(OperationId id);
  Job* find_job(std::string_view id);
  static SharedTerms share(std::vector<SharedTerms>& known, OperationTerms terms);
  const Job* job_of_operation(const Operation& operation) const { return job(operation.terms->job_id); }
  void reply(Ticket ticket, decltype(effect::Reply::value) value);
  void refuse(Ticket ticket, Errc code, std::string message);
  void announce(News news);
  /// Announces, and writes down what is a record; nobody waits for it. Anonymous operations leave no trail here.
  void journal(std::vector<News> news);
  void write_down(std::vector<News> news);
  SaveId save(Pending pending);
  void let_go(SaveId save, const Pending& pending);
  std::vector<Late> writable_backlog();
  void keep_for_later(std::uint64_t order, std::vector<News> records, std::vector<Late> late);
  void announce_all(const std::vector<News>& records);
  void apply(Job& job, const News& record);
  void open_record(Job& job, std::vector<News>& records, const std::string& by = {});
  void touch(const std::string& job_id) { touched_.push_back(job_id); }
  Nanoseconds elapsed(const Operation& operation) const;
  template <class N>
  N about(const Operation& operation) const;

  Moment now_{};
  Effects* out_ = nullptr;
  std::map<std::string, Job, std::less<>> jobs_;
  std::unordered_map<OperationId, Operation> operations_;
  std::vector<SharedTerms> anonymous_terms_;  ///< of operations without a job; each kind once
  std::deque<OperationId> ended_;             ///< oldest first
  std::size_t active_ = 0;
  QuestionTable questions_;
  std::vector<ProviderInfo> providers_;
  std::map<std::string, Desk, NameLess> desks_;
  std::unordered_map<SaveId, Pending> pending_;
  std::uint64_t last_save_ = 0;
  std::vector<Late> backlog_;  ///< in the order in which things happened
  std::optional<Instant> backlog_due_;
  std::vector<std::string> touched_;
  bool stopping_ = false;
};

}  // namespace holdfast
