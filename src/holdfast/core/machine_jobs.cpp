#include <algorithm>

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
  touch(job->id);
  if (!news.image) return;
  job->name = news.image->name;
  job->patience = news.image->patience;
  job->state = news.image->state;
  job->epoch = news.image->epoch;
  job->opened = job->state == JobState::running || job->state == JobState::failed ||
                job->state == JobState::interrupted || job->state == JobState::waiting;
  job->locks.restore(news.image->locks);
  job->consents = news.image->consents;
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
  ended_.push_back(*id);
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
  job.loading = true;
  out_->push_back(effect::LoadJob{job.id});
}

void Machine::on(const event::JobLoadFailed& news) {
  Job* job = find_job(news.job_id);
  if (job == nullptr || !job->loading) return;
  const std::deque<Event> waiting = std::move(job->waiting);
  jobs_.erase(news.job_id);  // nothing is known of it: the next command asks the store again
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
  job->finished_stages.clear();
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, true}};
  open_record(*job, pending.records, event.request.opened_by);
  std::get<JobOpened>(pending.records.front()).plan = event.request.plan;
  save(std::move(pending));
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
  save({.job_id = job.id, .records = {std::move(again)}, .plan = {}, .then = Replied{event.ticket, true}});
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
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, true}};
  if (event.state == JobState::failed) {
    pending.records.push_back(JobClosed{job->id, event.state, event.by});  // its locks are kept for the resume
  } else {
    close_job(*job, event.state, event.by, LockState::released, "", pending.records);
  }
  save(std::move(pending));
}

void Machine::on(const event::StageReached& event) {
  Job* job = ready_job(event.step.job_id, event);
  if (job == nullptr) return;
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, true}};
  open_record(*job, pending.records);
  pending.records.push_back(StageFinished{event.step});
  save(std::move(pending));
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
    journal({Refused{.job_id = job->id,
                     .stage_name = {},
                     .provider_name = request.provider_name,
                     .correlation_id = request.correlation_id,
                     .code = in_the_way->code,
                     .message = in_the_way->message,
                     .by = {}}});
    return reply(event.ticket, std::move(*in_the_way));
  }
  ProviderLock lock{.job_id = request.job_id,
                    .provider_name = request.provider_name,
                    .provider_type = request.provider_type,
                    .correlation_id = request.correlation_id,
                    .overridable = request.overridable,
                    .stages = request.stages,
                    .locked_at = now_.wall,
                    .epoch = job->epoch + 1};
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, lock}};
  open_record(*job, pending.records);
  pending.records.push_back(LockTaken{std::move(lock)});
  save(std::move(pending));
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
    const std::string why = "the lock is absolute and ends only by release or by cancelling the job: " + lock->text();
    journal({Refused{.job_id = job->id,
                     .stage_name = {},
                     .provider_name = lock->provider_name,
                     .correlation_id = lock->correlation_id,
                     .code = Errc::lock_not_overridable,
                     .message = why,
                     .by = {}}});
    return refuse(event.ticket, Errc::lock_not_overridable, why);
  }
  ProviderLock unlocked = *lock;
  unlocked.state = LockState::unlocked;
  unlocked.reason = event.reason;
  unlocked.ended_at = now_.wall;
  save({.job_id = job->id,
        .records = {LockEnded{std::move(unlocked), job->epoch + 1}},
        .plan = {},
        .then = Replied{event.ticket, true}});
}

void Machine::on(const event::ReleaseRequested& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  if (job->locks.active_count() == 0 && !job->opened) return reply(event.ticket, false);
  const bool had_lock = job->locks.active_count() != 0;
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, had_lock}};
  close_job(*job, JobState::released, "", LockState::released, "", pending.records);
  save(std::move(pending));
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
  Pending pending{.job_id = job->id, .records = {}, .plan = {}, .then = Replied{event.ticket, true}};
  open_record(*job, pending.records, consent.given_by);
  pending.records.push_back(ConsentGiven{job->id, std::move(consent)});
  save(std::move(pending));
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
  if (!event.ticket || record.job_id.empty()) {
    journal({record});
    return reply(event.ticket, AnswerResult{.applied = true, .refused = {}, .winning_option = {}, .message = {}});
  }
  save({.job_id = {}, .records = {record}, .plan = {}, .then = CancelSaved{event.ticket, {}}});
}

/// Stops everything of the job at once, and writes it down behind: stopping never waits for the disk.
void Machine::cancel_job(const event::CancelRequested& event) {
  const std::string& id = event.request.job_id;
  if (Job* job = find_job(id)) {
    job->stopping = true;
    for (const OperationId each : std::vector(job->operations)) {
      if (Operation* operation = find(each)) order_cancel(*operation, Errc::cancelled);
    }
  }
  if (const Job* job = find_job(id); job != nullptr && job->unwritten && event.answer) {
    // It was cancelled before, and the store has not heard of it: the answer changes nothing any more.
    return answer_failed(event.ticket, *parse_operation_id(event.answer->operation_id), Errc::store_unavailable,
                         "job " + id + " was cancelled, and the store has not heard of it yet");
  }
  Job* job = ready_job(id, event);
  if (job == nullptr) return;
  if (!job->opened && !event.answer) {
    job->stopping = false;
    return refuse(event.ticket, Errc::no_such_job, "there is no open job " + id);
  }
  Pending pending{.job_id = id, .records = {}, .plan = {}, .then = CancelSaved{event.ticket, event.operation}};
  if (event.answer) {
    const OperationId asked = *parse_operation_id(event.answer->operation_id);
    std::get<CancelSaved>(pending.then).operation = asked;
    const Operation* operation = find(asked);
    const QuestionTable::Open* open = questions_.find(asked);
    if (operation != nullptr && open != nullptr) {
      add_consent(*operation, *open, pending.records);
      pending.records.push_back(answered_news(*operation, *open));
      if (open->question.kind == QuestionKind::stall) {
        auto resolved = about<StallResolved>(*operation);
        resolved.ask = open->question.ask;
        resolved.by = "answer";
        resolved.stalled_for = in_ms(now_.at - open->asked_at);
        pending.records.push_back(std::move(resolved));
      }
    }
  }
  pending.records.push_back(Cancelled{id, {}, event.request.by});
  close_job(*job, JobState::cancelled, event.request.by, LockState::ended, "cancelled", pending.records);
  save(std::move(pending));
}

void Machine::finish_cancel(const Pending& pending, const CancelSaved& cancel, bool recorded) {
  if (!recorded) {
    // What happened is told all the same; the trail gets it when the store is back.
    std::vector<News> records = pending.records;
    for (News& record : records) {
      if (auto* answered = std::get_if<QuestionAnswered>(&record)) answered->recorded = false;
    }
    if (Job* job = find_job(pending.job_id)) {
      for (const News& record : records)
        apply(*job, record);
      job->unwritten = true;
    }
    announce_all(records);
    // Where the start could not be written either, and with it the job, there is nothing to add to.
    std::erase_if(records, [this](const News& record) {
      const auto* cancelled = std::get_if<Cancelled>(&record);
      const auto id = cancelled != nullptr ? parse_operation_id(cancelled->operation_id) : std::nullopt;
      const Operation* operation = id ? find(*id) : nullptr;
      const Job* job = operation != nullptr ? job_of_operation(*operation) : nullptr;
      return operation != nullptr && !operation->start_recorded && (job == nullptr || !job->opened);
    });
    keep_for_later(++last_save_, std::move(records), {});
  }
  if (const QuestionTable::Open* open = questions_.find(cancel.operation)) {
    announce(QuestionClosed{open->question.job_id, open->question.operation_id, open->question.ask, "answer"});
    questions_.close(cancel.operation,
                     {QuestionTable::ClosedBy::answer, open->answer.option, open->answer.idempotency_key, recorded});
  }
  reply(cancel.ticket, AnswerResult{.applied = true,
                                    .refused = Errc::ok,
                                    .winning_option = {},
                                    .message = recorded ? "" : "stopped; the trail could not be written",
                                    .recorded = recorded});
}

}  // namespace holdfast
