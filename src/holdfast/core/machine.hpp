#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <deque>
#include <functional>
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
#include "holdfast/core/anonymous.hpp"
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
struct CountedTerms : boost::intrusive_ref_counter<CountedTerms>, OperationTerms {
  explicit CountedTerms(OperationTerms terms) : OperationTerms(std::move(terms)) {}
};
/// Counted in the terms themselves: half as wide as a `shared_ptr`, in each of a million operations.
using SharedTerms = boost::intrusive_ptr<const CountedTerms>;

/// One provider call under watch.
struct Operation {
  /// Where it stands. `ending`: `CancelCall` was ordered, its `CallEnded` has not come.
  enum class Stage : unsigned char { queued, starting, running, ending, ended };
  /// What its silence means. `first`: no progress yet. `unattended`: «wait until it finishes, don't ask again».
  enum class Attention : unsigned char { first, watching, asked, extended, unattended };
  static constexpr milliseconds unlimited = milliseconds::max();

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
  milliseconds silence_limit = unlimited;
  std::uint32_t watch_number = 0;
  std::uint32_t place = 0;                     ///< in its job's `operations`
  std::unique_ptr<const ProviderFault> fault;  ///< failed only

  OperationPhase phase() const;
};

/// A switch as one transaction will make it.
struct SwitchPlan {
  FallbackDecision decision;
  StageSet affected;
  std::optional<ProviderLock> ended, renewed, taken;  ///< taken absent: the library locks in a second call
  std::uint64_t epoch = 0;
};

/// What one command, or one thing that happened, adds to its job's trail; and what follows when that is on disk.
struct Write {
  struct Journalled {};  ///< it has happened; nobody waits for its record
  struct Replied {
    Ticket ticket{};
    bool value = true;  ///< where its last record is a lock, that
  };
  struct Started {
    OperationId operation{};
  };
  struct AnswerSaved {
    Ticket ticket{};
    OperationId operation{};
    bool leaves = false;  ///< its call goes to the provider that the stage was switched to
  };
  struct SwitchSaved {
    Ticket ticket{};
    OperationId operation{};  ///< the one asked about; 0: the whole job
    bool cancels_all = false;
  };
  struct CancelSaved {
    Ticket ticket{};
    OperationId operation{};  ///< whose question was answered; 0: none
  };

  std::vector<News> records{};
  std::variant<Journalled, Replied, Started, AnswerSaved, SwitchSaved, CancelSaved> then{};
  std::unique_ptr<const SwitchPlan> plan{};
  bool changes = false;  ///< the job itself: its other commands wait for it

  bool waited_for() const { return !std::holds_alternative<Journalled>(then); }
};

/// The unit of work whose stages are locked. Held while something of it is open or unwritten; else the store has it.
///
/// Its records are one queue, in the order in which things happened. One transaction of it at a time is under way, and
/// takes everything that waits; so nothing overtakes what led to it.
struct Job {
  std::string id, name, patience;
  JobState state = JobState::running;
  bool known = false;          ///< the store has said what it knows of it
  bool loading = false;        ///< the store was asked
  bool opened = false;         ///< its `JobOpened` is on the record, or on its way
  bool stopping = false;       ///< a confirmed cancel was heard; nothing new begins
  bool changing = false;       ///< a command that changes it is unwritten or sent; other commands wait
  bool failing = false;        ///< the store did not take its records: they wait for the next try
  bool consents_rest = false;  ///< it did not take a consent's answer: they wait for the next try, too
  std::vector<Write> unwritten;
  std::vector<Write> sent;  ///< what `save` writes
  SaveId save;              ///< its transaction under way
  std::uint64_t epoch = 0;
  LockTable locks;
  std::vector<StandingConsent> consents;
  std::set<std::string, NameLess> finished_stages;
  std::vector<OperationId> operations;  ///< not ended, in no order
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
/// `Saved` comes back. Per job one transaction at a time is under way (`Job`), and one command at a time changes it;
/// its other commands wait in order.
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
  /// Records that wait to be written, of all jobs: for the transaction in front, or for a store that fails.
  std::size_t backlog() const { return backlog_; }
  const AnonymousTrail& anonymous() const { return anonymous_; }

 private:
  struct Desk {      ///< one provider's places
    int places = 0;  ///< 0: no limit
    int taken = 0;
    std::deque<OperationId> queue;
    std::size_t gone = 0;  ///< in the queue, and cancelled meanwhile
  };

  // machine.cpp: hearing
  void hear(const Event& event);
  void on(const event::ProvidersConfigured&);
  void on(const event::StopOrdered&);
  void settle_jobs();

  // machine_records.cpp: what is written, and what follows when it is
  void on(const event::Saved&);
  void on(const event::SaveFailed&);
  void on(const event::SaveUnknown&);
  void on(const event::SaveLookedUp&);
  void on(const event::TimePassed&);
  /// Announces, and writes down what is a record; nobody waits for it. Of an anonymous operation only its end is one.
  void journal(std::vector<News> news);
  void write_down(std::vector<News> news);
  void write_anonymous();
  void add(Job& job, Write write);
  /// Adds what changes the job itself: until it comes back, the job's commands wait.
  void change(Job& job, Write write);
  void write(Job& job);
  Job* came_back(SaveId save);
  void put_back(Job& job, std::vector<Write>& writes, bool foreign);
  void settle_opening(Job& job, std::size_t place);
  void try_later(const Job& job);
  bool needs_opening(const News& record) const;
  static bool end_unwritten(const Job& job);
  static bool commands_wait(const Job& job);
  void open_record(Job& job, std::vector<News>& records, const std::string& by = {});
  void apply(Job& job, const News& record);
  void saved(Job& job, const Write& write);
  void on(const event::StageBegan&);
  void failed(Job& job, const Write& write, const Failure& failure);

  // machine_jobs.cpp: jobs, their locks and consents
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
  static bool is_over(const Job& job);
  void answer_by_consents(Job& job);
  bool answer_by_consents(const Job& job, Operation& operation);
  void watch_for_consents(const Job& job, Operation& operation);
  bool consented(const Operation& operation, const QuestionTable::Open& open) const;
  std::optional<event::Answered> answer_by(const StandingConsent& consent, const Operation& operation,
                                           const QuestionTable::Open& open) const;
  bool leads_nowhere(const StandingConsent& consent, const Operation& operation) const;
  void add_consent(const Operation& operation, const QuestionTable::Open& open, std::vector<News>& records) const;
  void resume_job(Job& job, const event::JobRequested& event);
  void cancel_job(const event::CancelRequested&);
  void cancel_one(const event::CancelRequested&, Operation&);
  void finish_cancel(const Write::CancelSaved&, bool recorded);
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
  void keep_ended(OperationId operation);
  OperationEnded ended_news(const Operation& operation) const;
  static void join(Job& job, Operation& operation);
  void leave(Job& job, const Operation& operation);
  void release_place(const std::string& provider);
  void leave_queue(Desk& desk);
  void fill(Desk& desk);
  void set_category(Operation& operation, LatencyCategory to);
  void watch(Operation& operation, Instant since, std::optional<milliseconds> limit, bool armed);
  void watch_again(Operation& operation, bool armed);
  void watch_ordinary(Operation& operation);

  // machine_questions.cpp
  void on(const event::ProgressMade&);
  void on(const event::SilenceExceeded&);
  void on(const event::QuestionRaised&);
  void on(const event::Answered&);
  void open_stall(Operation& operation, const event::SilenceExceeded& silence);
  void take_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event);
  void resolve_by_progress(Operation& operation);
  StallResolved resolved(const Operation& operation, const QuestionTable::Open& open, std::string by) const;
  void save_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event);
  FallbackDecision decision_of(const Operation& operation, const QuestionTable::Open& open, const ProviderLock* lock,
                               const Answer& answer) const;
  void save_switch_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event);
  void answer_saved(const Write::AnswerSaved& saved);
  void answer_failed(Ticket ticket, OperationId operation, Errc code, const std::string& why);
  void adopt(Operation& operation);
  void leave_adopted(const Operation& operation);
  static bool is_left(const Job& job, const Question& question);
  void close_settled_questions(const Job& job, bool never_begun = false);
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
  static const ProviderLock* lock_left_by(const Job& job, const FallbackDecision& decision);
  std::optional<Failure> problem_of_target(const Job& job, const ProviderLock& lock,
                                           const SwitchRequest& request) const;
  static std::optional<Failure> why_it_stays(const ProviderLock& lock, const FallbackDecision& decision);
  /// `lock`: the one that is left; null: none governs what is switched.
  result<SwitchPlan> plan_switch(const Job& job, FallbackDecision decision, const ProviderLock* lock,
                                 const std::string& to_type, bool takes_lock) const;
  void leave(const Job& job, const ProviderLock& lock, SwitchPlan& plan) const;
  std::vector<News> records_of(const SwitchPlan& plan) const;
  void carry_out(Job& job, const SwitchPlan& plan, SaveId saved);
  void switch_queued(Job& job);
  void switch_saved(const Job& job, const Write::SwitchSaved& saved, const SwitchPlan& plan);

  // Helpers
  /// Held from now on, known or not.
  Job& hold(const std::string& id);
  /// The same, and the store is asked where it is not known.
  Job& job_for(const std::string& id);
  /// The job, where it may be changed now; else `event` waits behind what changes it, and the answer is null.
  template <class E>
  Job* ready_job(const std::string& id, const E& event);
  Operation* find(OperationId id);
  const Operation* find(OperationId id) const { return operation(id); }
  Job* find_job(std::string_view id);
  static SharedTerms share(std::vector<SharedTerms>& known, OperationTerms terms);
  const Job* job_of_operation(const Operation& operation) const { return job(operation.terms->job_id); }
  void reply(Ticket ticket, decltype(effect::Reply::value) value);
  void refuse(Ticket ticket, Errc code, std::string message);
  /// `refused`: who wanted what of whom; `why` completes it.
  void refuse_on_record(Ticket ticket, Refused refused, Failure why);
  void announce(News news);
  void announce_all(const std::vector<News>& records);
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
  std::unordered_map<SaveId, std::string> saves_;  ///< under way; whose
  std::uint64_t last_save_ = 0;
  std::size_t backlog_ = 0;             ///< records in all `Job::unwritten`
  std::vector<std::string> failing_;    ///< jobs that are tried again
  std::optional<Instant> backlog_due_;  ///< when
  AnonymousTrail anonymous_;
  std::vector<std::string> touched_;
  bool stopping_ = false;
};

}  // namespace holdfast
