#include "holdfast/core/machine.hpp"

#include <algorithm>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {

OperationPhase Operation::phase() const {
  switch (stage) {
    case Stage::queued:
      return OperationPhase::queued;
    case Stage::starting:
    case Stage::running:
      return OperationPhase::running;
    case Stage::ending:
      return ending == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled;
    case Stage::ended:
      return outcome;
  }
  __builtin_unreachable();
}

void Machine::step(Moment now, const Event& event, Effects& out) {
  now_ = now;
  out_ = &out;
  hear(event);
  settle_jobs();
  out_ = nullptr;
}

void Machine::hear(const Event& event) {
  std::visit([this](const auto& news) { on(news); }, event);
}

/// Lets what waited behind a transaction go on, and forgets jobs of which nothing is open.
void Machine::settle_jobs() {
  while (!touched_.empty()) {
    const std::string id = std::move(touched_.back());
    touched_.pop_back();
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) continue;
    Job& job = found->second;
    while (!job.loading && !job.busy && !job.waiting.empty()) {
      const Event next = std::move(job.waiting.front());
      job.waiting.pop_front();
      hear(next);
    }
    const auto adopted = parse_operation_id(job.id);
    const Operation* operation = adopted ? find(*adopted) : nullptr;
    if (operation != nullptr && operation->stage == Operation::Stage::ended) leave_adopted(*operation);
    const bool idle = !job.loading && !job.busy && !job.unwritten && job.waiting.empty() && job.operations.empty();
    const bool closed = !job.opened || (job.state != JobState::running && job.state != JobState::failed);
    if (idle && closed && job.locks.active_count() == 0) jobs_.erase(found);
  }
}

std::optional<Instant> Machine::next_deadline() const {
  return backlog_due_;
}

const Operation* Machine::operation(OperationId id) const {
  const auto found = operations_.find(id);
  return found == operations_.end() ? nullptr : &found->second;
}

Operation* Machine::find(OperationId id) {
  const auto found = operations_.find(id);
  return found == operations_.end() ? nullptr : &found->second;
}

const Job* Machine::job(std::string_view id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Job* Machine::find_job(std::string_view id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}

Job& Machine::job_for(const std::string& id) {
  const auto [place, fresh] = jobs_.try_emplace(id);
  Job& job = place->second;
  if (fresh) {
    job.id = id;
    job.loading = true;
    out_->push_back(effect::LoadJob{id});
  }
  return job;
}

Nanoseconds Machine::elapsed(const Operation& operation) const {
  if (operation.stage == Operation::Stage::ended) return operation.ended_at - operation.started_at;
  return now_.at - operation.started_at;
}

void Machine::reply(Ticket ticket, decltype(effect::Reply::value) value) {
  if (ticket) out_->push_back(effect::Reply{ticket, std::move(value)});
}

void Machine::refuse(Ticket ticket, Errc code, std::string message) {
  reply(ticket, Failure{code, std::move(message)});
}

void Machine::announce(News news) {
  out_->push_back(effect::Announce{std::move(news)});
}

void Machine::announce_all(const std::vector<News>& records) {
  for (const News& record : records)
    announce(record);
}

void Machine::journal(std::vector<News> news) {
  announce_all(news);
  write_down(std::move(news));
}

void Machine::write_down(std::vector<News> news) {
  std::erase_if(news, [](const News& each) { return !is_record(each) || job_of(each).empty(); });
  if (news.empty()) return;
  if (!backlog_.empty()) {
    // Behind what waits already, so that the trail keeps the order in which things happened.
    return keep_for_later(++last_save_, std::move(news), {});
  }
  Pending pending;
  pending.records = std::move(news);
  if (const auto* opened = std::get_if<JobOpened>(&pending.records.front())) {
    // Holds the job like any change of it: were this lost and the job's end saved, the job would open again behind it.
    const Job* job = find_job(opened->job_id);
    if (job != nullptr && !job->busy) pending.job_id = job->id;
  }
  save(std::move(pending));
}

SaveId Machine::save(Pending pending) {
  const SaveId id{++last_save_};
  // What waits already goes in front: no lock, answer or switch overtakes the trail that led to it. It holds its jobs,
  // so that nothing of them overtakes it should this fail too.
  if (pending.late.empty()) pending.late = writable_backlog();
  if (!pending.job_id.empty()) {
    Job* job = find_job(pending.job_id);
    HOLDFAST_CHECK(job != nullptr && !job->busy, "one transaction at a time changes a job's locks");
    job->busy = id;
  }
  for (const Late& late : pending.late) {
    if (Job* job = find_job(job_of(late.record))) job->busy = id;
  }
  effect::Save order{id, {}};
  order.records.reserve(pending.late.size() + pending.records.size());
  for (const Late& late : pending.late)
    order.records.push_back(late.record);
  order.records.insert(order.records.end(), pending.records.begin(), pending.records.end());
  out_->push_back(std::move(order));
  pending_.emplace(id, std::move(pending));
  return id;
}

/// Lets the jobs go on that a transaction held.
void Machine::let_go(SaveId save, const Pending& pending) {
  const auto release = [&](const std::string& id) {
    Job* job = find_job(id);
    if (job == nullptr || job->busy != save) return;
    job->busy = {};
    touch(id);
  };
  release(pending.job_id);
  for (const Late& late : pending.late)
    release(job_of(late.record));
}

/// What of the backlog may be written now: not what would overtake an earlier record of its job that is under way, and
/// may fail and wait too; nothing of a job that another transaction holds.
std::vector<Machine::Late> Machine::writable_backlog() {
  const auto overtakes = [this](const Late& late) {
    const auto before = [&](std::uint64_t order, const News& record) {
      return order < late.order && job_of(record) == job_of(late.record);
    };
    const Job* job = find_job(job_of(late.record));
    if (job != nullptr && job->busy) return true;
    return std::ranges::any_of(pending_, [&](const auto& each) {
      const auto& [save, under_way] = each;
      const bool journalled = std::holds_alternative<Journalled>(under_way.then);
      const bool by_record =
          journalled && std::ranges::any_of(under_way.records, [&, &order = save](const News& record) {
            return before(order.value, record);
          });
      return by_record ||
             std::ranges::any_of(under_way.late, [&](const Late& other) { return before(other.order, other.record); });
    });
  };
  std::vector<Late> writable, rest;
  for (Late& each : backlog_)
    (overtakes(each) ? rest : writable).push_back(std::move(each));
  backlog_ = std::move(rest);
  if (!backlog_.empty() && !backlog_due_) backlog_due_ = now_.at + limits::backlog_retry;
  return writable;
}

/// Transactions fail in any order; their records keep the one in which things happened.
void Machine::keep_for_later(std::uint64_t order, std::vector<News> records, std::vector<Late> late) {
  for (News& record : records)
    late.push_back({order, std::move(record)});
  for (Late& each : late) {
    backlog_.insert(std::ranges::upper_bound(backlog_, each.order, {}, &Late::order), std::move(each));
  }
  if (!backlog_.empty() && !backlog_due_) backlog_due_ = now_.at + limits::backlog_retry;
}

void Machine::open_record(Job& job, std::vector<News>& records, const std::string& by) {
  if (job.opened) return;
  job.opened = true;
  job.state = JobState::running;
  records.insert(records.begin(), JobOpened{job.id, job.name, job.patience, by});
}

/// What a record that is on disk changes about its job. Switches have `carry_out`.
void Machine::apply(Job& job, const News& record) {
  if (const auto* opened = std::get_if<JobOpened>(&record)) {
    job.state = JobState::running;
    job.patience = opened->patience;
    for (const std::string& stage : opened->anew)
      job.finished_stages.erase(stage);
  } else if (const auto* taken = std::get_if<LockTaken>(&record)) {
    job.locks.take(taken->lock);
    job.epoch = taken->lock.epoch;
  } else if (const auto* ended = std::get_if<LockEnded>(&record)) {
    job.locks.end(ended->lock);
    job.epoch = ended->epoch;
  } else if (const auto* closed = std::get_if<JobClosed>(&record)) {
    job.state = closed->state;
    job.stopping = false;
    if (closed->state != JobState::failed) {
      job.opened = false;
      job.consents.clear();
      job.locks.end_all(LockState::ended, "", now_.wall);
      close_questions_of(job.id);
    }
  } else if (const auto* given = std::get_if<ConsentGiven>(&record)) {
    job.consents.push_back(given->consent);
  } else if (const auto* finished = std::get_if<StageFinished>(&record)) {
    if (finished->step.finished) job.finished_stages.insert(finished->step.stage_name);
  }
}

void Machine::on(const event::Saved& news) {
  const auto found = pending_.find(news.save);
  if (found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);

  for (const Late& late : pending.late) {
    Job* ended = std::holds_alternative<JobClosed>(late.record) ? find_job(job_of(late.record)) : nullptr;
    if (ended == nullptr) continue;
    ended->unwritten = false;
    touch(ended->id);
  }
  let_go(news.save, pending);
  Job* job = find_job(pending.job_id);
  if (job != nullptr) {
    if (pending.plan) {
      carry_out(*job, *pending.plan, news.save);
    } else {
      for (const News& record : pending.records)
        apply(*job, record);
    }
  }
  if (std::holds_alternative<Journalled>(pending.then)) return;  // announced when it happened
  announce_all(pending.records);
  if (const auto* then = std::get_if<Replied>(&pending.then)) {
    std::visit([&](const auto& value) { reply(then->ticket, value); }, then->value);
    if (std::holds_alternative<ConsentGiven>(pending.records.back())) answer_by_consents(pending.job_id);
  } else if (const auto* started = std::get_if<Started>(&pending.then)) {
    if (Operation* operation = find(started->operation)) {
      operation->start_recorded = true;
      open_call(*operation);
    }
  } else if (const auto* answer = std::get_if<AnswerSaved>(&pending.then)) {
    answer_saved(*answer, pending.plan.has_value());
  } else if (const auto* switched = std::get_if<SwitchSaved>(&pending.then)) {
    switch_saved(*switched, pending);
  } else if (const auto* cancel = std::get_if<CancelSaved>(&pending.then)) {
    finish_cancel(pending, *cancel, true);
  }
}

void Machine::on(const event::SaveFailed& news) {
  const auto found = pending_.find(news.save);
  if (found == pending_.end()) return;
  Pending pending = std::move(found->second);
  pending_.erase(found);

  let_go(news.save, pending);
  Job* job = find_job(pending.job_id);
  for (const News& record : pending.records) {
    Job* owner = find_job(job_of(record));
    const auto* opened = std::get_if<JobOpened>(&record);
    if (opened != nullptr && !opened->resumed && owner != nullptr &&
        !std::holds_alternative<Journalled>(pending.then)) {
      owner->opened = false;
      // What was noted behind the opening belongs to a job that has never begun.
      std::erase_if(backlog_, [&](const Late& each) {
        return each.order > news.save.value && job_of(each.record) == owner->id &&
               !std::holds_alternative<Refused>(each.record);
      });
      close_questions_of(owner->id);
      touch(owner->id);
    }
  }
  const bool foreign = news.code != Errc::store_unavailable;  // somebody else acts for the job
  const std::string why =
      foreign ? news.why : "the record could not be written (" + news.why + "); nothing was changed, try again";
  const bool journalled = std::holds_alternative<Journalled>(pending.then);
  if (foreign && job != nullptr) read_again(*job);
  const bool kept = journalled && !foreign;  // else it is told by a refusal, or the trail is somebody else's
  keep_for_later(news.save.value, kept ? pending.records : std::vector<News>{}, std::move(pending.late));
  if (journalled) return;
  if (const auto* then = std::get_if<Replied>(&pending.then)) {
    refuse(then->ticket, news.code, why);
  } else if (const auto* started = std::get_if<Started>(&pending.then)) {
    if (Operation* operation = find(started->operation)) {
      const bool cancelled = operation->ending != Errc::ok;
      refuse(operation->ticket, cancelled ? operation->ending : news.code,
             cancelled ? "the operation was ended before it began" : why);
      operation->ticket = {};
      end(*operation, operation->ending == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled);
    }
  } else if (const auto* answer = std::get_if<AnswerSaved>(&pending.then)) {
    answer_failed(answer->ticket, answer->operation, news.code, why);
  } else if (const auto* switched = std::get_if<SwitchSaved>(&pending.then)) {
    refuse(switched->ticket, news.code, why);
  } else if (const auto* cancel = std::get_if<CancelSaved>(&pending.then)) {
    finish_cancel(pending, *cancel, false);
  }
}

void Machine::on(const event::SaveUnknown& news) {
  if (pending_.contains(news.save)) out_->push_back(effect::LookUp{news.save});
}

void Machine::on(const event::SaveLookedUp& news) {
  if (news.found) {
    on(event::Saved{news.save});
  } else {
    on(event::SaveFailed{news.save, "it was lost on the way to the disk"});
  }
}

void Machine::on(const event::ProvidersConfigured& news) {
  providers_ = news.providers;
  for (auto& [name, desk] : desks_)
    desk.places = 0;
  for (const ProviderInfo& provider : providers_)
    desks_[provider.name].places = provider.concurrent_max;
  for (auto& [name, desk] : desks_)
    fill(desk);  // there may be more places than before
}

void Machine::on(const event::TimePassed&) {
  if (!backlog_due_ || now_.at < *backlog_due_) return;
  backlog_due_.reset();
  Pending pending;
  pending.late = writable_backlog();
  if (!pending.late.empty()) save(std::move(pending));
}

void Machine::on(const event::StopOrdered&) {
  stopping_ = true;
  std::vector<OperationId> open;
  for (const auto& [id, operation] : operations_) {
    if (operation.stage != Operation::Stage::ended) open.push_back(id);
  }
  std::ranges::sort(open);
  for (const OperationId id : open) {
    if (Operation* operation = find(id)) order_cancel(*operation, Errc::cancelled);
  }
}

}  // namespace holdfast
