#include <algorithm>
#include <iterator>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {
namespace {

std::optional<Failure> problem(const LockRequest& request) {
  const auto invalid = [](std::string why) { return Failure{Errc::invalid_argument, std::move(why)}; };
  if (const auto why = name_problem(request.job_id)) return invalid("the job id " + *why);
  if (const auto why = name_problem(request.provider_name)) return invalid("the provider's name " + *why);
  if (const auto why = name_problem(request.provider_type)) return invalid("the provider's type " + *why);
  if (!request.correlation_id.empty()) {
    if (const auto why = name_problem(request.correlation_id)) return invalid("the correlation id " + *why);
  }
  if (request.stages.size() > limits::stages_per_lock_max) {
    return invalid("a lock lists at most " + std::to_string(limits::stages_per_lock_max) +
                   " stages; list none to lock all");
  }
  std::set<std::string, NameLess> seen;
  for (const std::string& stage : request.stages) {
    if (const auto why = name_problem(stage)) return invalid("a stage's name " + *why);
    if (!seen.insert(stage).second) return invalid("stage " + stage + " is listed twice");
  }
  return std::nullopt;
}

}  // namespace

void Machine::on(const event::JobLoaded& news) {
  Job* job = find_job(news.job_id);
  if (job == nullptr || !job->loading) return;
  job->loading = false;
  job->known = true;
  touch(job->id);
  if (!news.image) return;
  job->name = news.image->name;
  job->patience = news.image->patience;
  job->state = news.image->state;
  job->epoch = news.image->epoch;
  job->opened = job->state == JobState::running || job->state == JobState::failed ||
                job->state == JobState::interrupted || job->state == JobState::waiting;
  job->locks.restore(news.image->locks);
  job->consents = job->opened ? news.image->consents : std::vector<StandingConsent>{};
  job->finished_stages.clear();
  job->finished_stages.insert(news.image->finished_stages.begin(), news.image->finished_stages.end());
  for (const event::LostOperation& lost : news.image->lost)
    take_over(*job, lost);
}

/// Its process died while it ran: it has ended, nobody knows how, and nobody sends it again without being asked.
void Machine::take_over(Job& job, const event::LostOperation& lost) {
  const OperationStarted& started = lost.started;
  const auto id = parse_operation_id(started.operation_id);
  if (!id || operations_.contains(*id)) return;
  Operation& operation = operations_[*id];
  operation.id = *id;
  operation.terms = share(job.terms, {job.id,
                                      started.stage_name,
                                      started.provider_name,
                                      started.provider_type,
                                      started.kind,
                                      std::make_shared<const Patience>(),
                                      {}});
  operation.correlation_id = started.correlation_id;
  operation.stage = Operation::Stage::ended;
  operation.outcome = OperationPhase::interrupted;
  operation.start_recorded = true;
  operation.epoch = started.epoch;
  operation.asks = lost.asks;
  operation.ended_at = now_.at;
  operation.started_at = now_.at - std::max(now_.wall - lost.started_at, milliseconds(0));
  keep_ended(*id);
  if (lost.ended) return;
  std::vector<News> records;
  if (lost.open_stall != 0) {
    auto resolved = about<StallResolved>(operation);
    resolved.ask = lost.open_stall;
    resolved.by = "end";
    records.push_back(std::move(resolved));
  }
  records.push_back(ended_news(operation));
  journal(std::move(records));
}

/// Somebody else has changed it, or may: what this process believes of it is read again.
void Machine::read_again(Job& job) {
  job.known = false;
  if (job.loading) return;
  job.loading = true;
  out_->push_back(effect::LoadJob{job.id});
}

void Machine::on(const event::JobLoadFailed& news) {
  Job* job = find_job(news.job_id);
  if (job == nullptr || !job->loading) return;
  job->loading = false;  // nothing is known of it: the next command asks the store again
  job->stopping = false;
  touch(job->id);
  const std::deque<Event> waiting = std::exchange(job->waiting, {});
  for (const Event& event : waiting) {
    const Ticket ticket = std::visit(
        [](const auto& each) {
          if constexpr (requires { each.ticket; }) return each.ticket;
          return Ticket{};
        },
        event);
    const std::string why =
        news.code == Errc::store_held
            ? news.why
            : "job " + news.job_id + " could not be read from the store (" + news.why + "); nothing was changed";
    const auto* cancel = std::get_if<event::CancelRequested>(&event);
    if (cancel != nullptr && cancel->answer) {
      answer_failed(ticket, *parse_operation_id(cancel->answer->operation_id), news.code, why);
    } else {
      refuse(ticket, news.code, why);
    }
  }
}

void Machine::on(const event::JobRequested& event) {
  if (const auto why = name_problem(event.request.job_id)) {
    return refuse(event.ticket, Errc::invalid_argument, "the job id " + *why);
  }
  Job* job = ready_job(event.request.job_id, event);
  if (job == nullptr) return;
  if (event.request.resume) return resume_job(*job, event);
  if (job->opened) return reply(event.ticket, false);
  job->name = event.request.name;
  job->patience = event.request.patience;
  Write opening{.records = {}, .then = Write::Replied{event.ticket}};
  open_record(*job, opening.records, event.request.opened_by);
  std::get<JobOpened>(opening.records.front()).plan = event.request.plan;
  change(*job, std::move(opening));
}

void Machine::resume_job(Job& job, const event::JobRequested& event) {
  if (!job.opened) {
    return refuse(event.ticket, Errc::no_such_job,
                  "there is no open job " + job.id + " to resume: it never began, or it is over");
  }
  const JobRequest& request = event.request;
  JobOpened again{
      job.id,       job.name,    request.patience.empty() ? job.patience : request.patience, request.opened_by, true,
      request.plan, request.anew};
  change(job, {.records = {std::move(again)}, .then = Write::Replied{event.ticket}});
}

void Machine::close_job(Job& job, JobState state, const std::string& by, LockState lock_state,
                        const std::string& reason, std::vector<News>& records) {
  const std::uint64_t epoch = job.epoch + 1;
  for (ProviderLock lock : job.locks.all()) {
    if (!lock.active()) continue;
    lock.state = lock_state;
    lock.reason = reason;
    lock.ended_at = now_.wall;
    records.push_back(LockEnded{std::move(lock), epoch});
  }
  records.push_back(JobClosed{job.id, state, by});
}

void Machine::on(const event::JobFinished& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  if (!job->opened) return refuse(event.ticket, Errc::no_such_job, "there is no open job " + event.job_id);
  Write closing{.records = {}, .then = Write::Replied{event.ticket}};
  if (event.state == JobState::failed) {
    closing.records.push_back(JobClosed{job->id, event.state, event.by});  // its locks are kept for the resume
  } else {
    close_job(*job, event.state, event.by, LockState::released, "", closing.records);
  }
  change(*job, std::move(closing));
}

/// It was there, and has ended for good. What failed can be run again.
bool Machine::is_over(const Job& job) {
  return !job.opened &&
         (job.state == JobState::done || job.state == JobState::cancelled || job.state == JobState::released);
}

void Machine::on(const event::StageReached& event) {
  Job* job = ready_job(event.step.job_id, event);
  if (job == nullptr) return;
  if (is_over(*job)) {
    return refuse(event.ticket, Errc::no_such_job,
                  "job " + job->id + " is over (" + std::string(name(job->state)) + "); no stage of it is reached");
  }
  Write reached{.records = {}, .then = Write::Replied{event.ticket}};
  open_record(*job, reached.records);
  reached.records.push_back(StageFinished{event.step});
  change(*job, std::move(reached));
}

void Machine::on(const event::LockRequested& event) {
  const LockRequest& request = event.request;
  if (auto wrong = problem(request)) return reply(event.ticket, std::move(*wrong));
  Job* job = ready_job(request.job_id, event);
  if (job == nullptr) return;
  auto in_the_way = job->locks.conflict({request.stages, {}}, request.provider_name);
  if (!in_the_way && job->locks.full()) {
    in_the_way = Failure{Errc::too_large, "job " + job->id + " has had " + std::to_string(limits::locks_per_job_max) +
                                              " locks, which is the limit; open another job"};
  }
  if (in_the_way) {
    return refuse_on_record(
        event.ticket,
        {.job_id = job->id, .provider_name = request.provider_name, .correlation_id = request.correlation_id},
        std::move(*in_the_way));
  }
  ProviderLock lock{.job_id = request.job_id,
                    .provider_name = request.provider_name,
                    .provider_type = request.provider_type,
                    .correlation_id = request.correlation_id,
                    .overridable = request.overridable,
                    .stages = request.stages,
                    .locked_at = now_.wall,
                    .epoch = job->epoch + 1};
  Write locking{.records = {}, .then = Write::Replied{event.ticket}};
  open_record(*job, locking.records);
  locking.records.push_back(LockTaken{std::move(lock)});
  change(*job, std::move(locking));
}

void Machine::on(const event::UnlockRequested& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  if (name_problem(event.reason) && (event.reason.empty() || *name_problem(event.reason) == "is blank")) {
    return refuse(event.ticket, Errc::invalid_argument, "an unlock needs a reason that is not blank");
  }
  if (event.reason.size() > limits::text_bytes_max) {
    return refuse(event.ticket, Errc::too_large, "the reason is over 4096 bytes");
  }
  const ProviderLock* lock = job->locks.newest(event.provider);
  if (lock == nullptr) return refuse(event.ticket, Errc::no_such_job, "job " + event.job_id + " has no such lock");
  if (!lock->active()) return reply(event.ticket, false);
  if (!lock->overridable) {
    return refuse_on_record(
        event.ticket, {.job_id = job->id, .provider_name = lock->provider_name, .correlation_id = lock->correlation_id},
        {Errc::lock_not_overridable,
         "the lock is absolute and ends only by release or by cancelling the job: " + lock->text()});
  }
  ProviderLock unlocked = *lock;
  unlocked.state = LockState::unlocked;
  unlocked.reason = event.reason;
  unlocked.ended_at = now_.wall;
  change(*job, {.records = {LockEnded{std::move(unlocked), job->epoch + 1}}, .then = Write::Replied{event.ticket}});
}

void Machine::on(const event::ReleaseRequested& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  if (job->locks.active_count() == 0 && !job->opened) return reply(event.ticket, false);
  const bool had_lock = job->locks.active_count() != 0;
  Write closing{.records = {}, .then = Write::Replied{event.ticket, had_lock}};
  close_job(*job, JobState::released, "", LockState::released, "", closing.records);
  change(*job, std::move(closing));
}

void Machine::on(const event::ConsentOffered& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  const bool given = std::ranges::any_of(job->consents, [&](const StandingConsent& each) {
    return each.when == event.consent.when && each.minimum_silence == event.consent.minimum_silence &&
           same_name(each.switch_to, event.consent.switch_to);
  });
  if (given) return reply(event.ticket, false);  // a resumed run says it again
  if (job->consents.size() >= limits::consents_per_job_max) {
    return refuse(event.ticket, Errc::too_large,
                  "a job holds at most " + std::to_string(limits::consents_per_job_max) + " consents");
  }
  StandingConsent consent = event.consent;
  consent.id = "consent-" + std::to_string(job->consents.size() + 1);
  Write giving{.records = {}, .then = Write::Replied{event.ticket}};
  open_record(*job, giving.records, consent.given_by);
  giving.records.push_back(ConsentGiven{job->id, std::move(consent)});
  change(*job, std::move(giving));
}

/// Applying a consent is on the record with the answer that it gives.
void Machine::add_consent(const Operation& operation, const QuestionTable::Open& open,
                          std::vector<News>& records) const {
  if (open.answer.door != "consent") return;
  const std::vector<StandingConsent>& consents = job_of_operation(operation)->consents;
  const auto given = std::ranges::find(consents, open.answer.note, &StandingConsent::id);
  HOLDFAST_CHECK(given != consents.end(), "only a consent that stands answers");
  records.push_back(ConsentApplied{operation.terms->job_id, text(operation.id), open.question.ask, *given});
}

/// Answers what the job's consents answer. Called whenever the job stands still, so that nothing is missed: what was in
/// the way when a question opened may be gone.
void Machine::answer_by_consents(Job& job) {
  if (job.consents.empty() || job.consents_rest) return;
  std::set<OperationId> asked = questions_.failures_of(job.id);
  asked.insert(job.operations.begin(), job.operations.end());
  for (const OperationId id : asked) {
    if (commands_wait(job)) return;  // until that is on disk
    const QuestionTable::Open* open = questions_.find(id);
    if (open == nullptr || open->recording) continue;
    Operation& operation = *find(id);
    if (!answer_by_consents(job, operation) && open->question.kind == QuestionKind::stall)
      watch_for_consents(job, operation);
  }
}

bool Machine::answer_by_consents(const Job& job, Operation& operation) {
  QuestionTable::Open& open = *questions_.find(operation.id);
  for (const StandingConsent& consent : job.consents) {
    if (open.silence < consent.minimum_silence) continue;
    const auto answered = answer_by(consent, operation, open);
    if (!answered) continue;
    take_answer(operation, open, *answered);
    if (open.recording) return true;
  }
  return false;
}

/// Until the next of their silences is reached. The limit counts from the last progress, as they do.
void Machine::watch_for_consents(const Job& job, Operation& operation) {
  const QuestionTable::Open& open = *questions_.find(operation.id);
  std::optional<milliseconds> next;
  for (const StandingConsent& consent : job.consents) {
    if (consent.when != StandingConsent::When::stall || consent.minimum_silence <= open.silence) continue;
    next = std::min(next.value_or(milliseconds::max()), consent.minimum_silence);
  }
  if (next && *next != operation.silence_limit) watch(operation, operation.started_at, next, true);
}

/// Whether a consent answers what would be asked.
bool Machine::consented(const Operation& operation, const QuestionTable::Open& open) const {
  return std::ranges::any_of(job_of_operation(operation)->consents, [&](const StandingConsent& consent) {
    return answer_by(consent, operation, open).has_value();
  });
}

/// The answer that it gives; nothing where it is for something else or does not apply here: the lock is absolute, the
/// provider is the one that stalled, or it leads nowhere.
std::optional<event::Answered> Machine::answer_by(const StandingConsent& consent, const Operation& operation,
                                                  const QuestionTable::Open& open) const {
  const QuestionKind kind =
      consent.when == StandingConsent::When::stall ? QuestionKind::stall : QuestionKind::hard_error;
  if (open.question.kind != kind) return std::nullopt;
  const AnswerAction wanted = consent.cancels() ? AnswerAction::cancel : AnswerAction::fallback;
  const auto option = std::ranges::find(open.question.options, wanted, &AnswerOption::action);
  if (option == open.question.options.end()) return std::nullopt;
  event::Answered answered;
  answered.operation = operation.id;
  answered.provider_type = consent.provider_type;
  answered.answer = {.operation_id = text(operation.id),
                     .ask = open.question.ask,
                     .option = option->id,
                     .provider = consent.switch_to,
                     .confirmed = true,
                     .by = consent.given_by,
                     .note = consent.id,
                     .idempotency_key = {},
                     .door = "consent"};
  if (leads_nowhere(consent, operation) || refusal_of(answered, &operation, &open)) return std::nullopt;
  return answered;
}

/// Two that fail in turn would be paid in turn, with nobody asked; a stage that has gone elsewhere has not stalled
/// there; and there is an end to the locks of a job.
bool Machine::leads_nowhere(const StandingConsent& consent, const Operation& operation) const {
  if (consent.cancels()) return false;
  const LockTable& locks = job_of_operation(operation)->locks;
  const OperationTerms& terms = *operation.terms;
  const ProviderLock* lock = locks.governing(terms.stage_name);
  if (lock != nullptr && same_name(lock->provider_name, consent.switch_to)) return false;
  const bool elsewhere = lock != nullptr && !same_name(lock->provider_name, terms.provider_name);
  return elsewhere || locks.left_after_failure(consent.switch_to, terms.stage_name) || locks.full();
}

void Machine::on(const event::CancelRequested& event) {
  if (!event.request.confirmed) {
    return refuse(event.ticket, Errc::confirmation_required,
                  "cancelling ends what is running; what is finished is kept. Say confirmed to do it");
  }
  if (!event.operation) return cancel_job(event);
  Operation* operation = find(event.operation);
  if (operation == nullptr) {
    return refuse(event.ticket, Errc::no_such_operation, "there is no operation " + text(event.operation));
  }
  cancel_one(event, *operation);
}

void Machine::cancel_one(const event::CancelRequested& event, Operation& operation) {
  if (operation.stage == Operation::Stage::ended || operation.stage == Operation::Stage::ending) {
    return reply(event.ticket,
                 AnswerResult{.applied = false,
                              .refused = Errc::stale_answer,
                              .winning_option = {},
                              .message = "the operation has ended: " + std::string(name(operation.phase())),
                              .recorded = true});
  }
  const Cancelled record{operation.terms->job_id, text(operation.id), event.request.by};
  order_cancel(operation, Errc::cancelled);
  const Job* job = find_job(record.job_id);
  if (!operation.start_recorded && (job == nullptr || !job->opened)) {
    announce(record);  // it was queued, and nothing of it or of its job is on the record
    return reply(event.ticket, AnswerResult{.applied = true, .refused = {}, .winning_option = {}, .message = {}});
  }
  if (!event.ticket || record.job_id.empty()) {
    journal({record});
    return reply(event.ticket, AnswerResult{.applied = true, .refused = {}, .winning_option = {}, .message = {}});
  }
  add(hold(record.job_id), {.records = {record}, .then = Write::CancelSaved{event.ticket}});
}

/// Stops everything of the job at once, and writes it down behind: stopping never waits for the disk.
void Machine::cancel_job(const event::CancelRequested& event) {
  const std::string& id = event.request.job_id;
  if (Job* job = find_job(id)) {
    job->stopping = !end_unwritten(*job);  // where it is over already, nothing is left to stop
    for (const OperationId each : std::vector(job->operations))
      order_cancel(*find(each), Errc::cancelled);
  }
  if (const Job* job = find_job(id); job != nullptr && event.answer && !commands_wait(*job) && end_unwritten(*job)) {
    // The answer changes nothing any more.
    return answer_failed(event.ticket, *parse_operation_id(event.answer->operation_id), Errc::store_unavailable,
                         "job " + id + " is over, and the store has not heard of it yet");
  }
  Job* job = ready_job(id, event);
  if (job == nullptr) return;
  if (!job->opened) job->stopping = false;
  if (!job->opened && !event.answer) return refuse(event.ticket, Errc::no_such_job, "there is no open job " + id);
  Write::CancelSaved then{event.ticket, event.operation};
  std::vector<News> records;
  if (event.answer) {
    const OperationId asked = *parse_operation_id(event.answer->operation_id);
    then.operation = asked;
    const Operation* operation = find(asked);
    const QuestionTable::Open* open = questions_.find(asked);
    HOLDFAST_CHECK(operation != nullptr && open != nullptr, "an answered question is kept");
    add_consent(*operation, *open, records);
    records.push_back(answered_news(*operation, *open));
    if (open->question.kind == QuestionKind::stall) {
      records.push_back(resolved(*operation, *open, "answer"));
    }
  }
  if (job->opened) {  // else another cancel came first: the answer is kept, the job is over
    records.push_back(Cancelled{id, {}, event.request.by});
    close_job(*job, JobState::cancelled, event.request.by, LockState::ended, "cancelled", records);
  }
  change(*job, {.records = std::move(records), .then = then});
}

void Machine::finish_cancel(const Write::CancelSaved& cancel, bool recorded) {
  if (const QuestionTable::Open* open = questions_.find(cancel.operation)) {
    announce(QuestionClosed{open->question.job_id, open->question.operation_id, open->question.ask, "answer"});
    questions_.close(cancel.operation, {QuestionTable::ClosedBy::answer, open->answer, recorded});
  }
  reply(cancel.ticket, AnswerResult{.applied = true,
                                    .refused = Errc::ok,
                                    .winning_option = {},
                                    .message = recorded ? "" : "stopped; the trail could not be written",
                                    .recorded = recorded});
}

}  // namespace holdfast
