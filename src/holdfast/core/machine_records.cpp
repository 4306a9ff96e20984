#include <algorithm>
#include <iterator>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {
namespace {

/// The opening that a write brings, where it is the job's first in this life: a resumed job was open before.
const JobOpened* opening_of(const Write& write) {
  for (const News& record : write.records) {
    const auto* opened = std::get_if<JobOpened>(&record);
    if (opened != nullptr && !opened->resumed) return opened;
  }
  return nullptr;
}

bool ends_a_job(const Write& write) {
  return std::ranges::any_of(write.records, [](const News& each) { return std::holds_alternative<JobClosed>(each); });
}

/// Of those that wait; the cancel of one operation never does.
bool stops_the_job(const Event& event) {
  return std::holds_alternative<event::CancelRequested>(event);
}

std::size_t count_records(const std::vector<Write>& writes) {
  std::size_t sum = 0;
  for (const Write& each : writes)
    sum += each.records.size();
  return sum;
}

/// A cancel happens whether or not it can be written down; what is told, and written later, says so.
void mark_unrecorded(std::vector<News>& records) {
  for (News& record : records) {
    if (auto* answered = std::get_if<QuestionAnswered>(&record)) answered->recorded = false;
    if (auto* cancelled = std::get_if<Cancelled>(&record)) cancelled->recorded = false;
  }
}

Refused gap(const AnonymousTrail::Missing& missing) {
  Refused out;
  out.code = Errc::store_unavailable;
  if (missing.ends != 0) out.message = std::to_string(missing.ends) + " ends of operations without a job";
  if (missing.refusals != 0) {
    out.message += (missing.ends != 0 ? " and " : "") + std::to_string(missing.refusals) + " refusals";
  }
  out.message += " are not on the record: the store did not take them in time";
  return out;
}

}  // namespace

// Queueing.

void Machine::journal(std::vector<News> news) {
  announce_all(news);
  write_down(std::move(news));
}

void Machine::write_down(std::vector<News> news) {
  std::erase_if(news, [](const News& each) { return !is_record(each); });
  if (backlog_ >= limits::backlog_max) {
    // Whoever is refused may ask again at once, and as often as he likes.
    const std::size_t refused =
        std::erase_if(news, [](const News& each) { return std::holds_alternative<Refused>(each); });
    anonymous_.miss(now_.at, {.ends = 0, .refusals = refused});
  }
  if (news.empty()) return;
  if (job_of(news.front()).empty()) {
    for (News& each : news) {
      if (auto* ended = std::get_if<OperationEnded>(&each)) anonymous_.add(now_.at, std::move(*ended));
    }
    return;
  }
  Job& job = hold(job_of(news.front()));
  add(job, {.records = std::move(news)});
}

/// No record, and nothing waits for it: it goes along with what the job writes next, the start of its first operation.
void Machine::on(const event::StageBegan& event) {
  announce(event.news);
  Job* job = find_job(event.news.job_id);
  if (job == nullptr || !job->opened) return;
  ++backlog_;
  job->unwritten.push_back({.records = {event.news}});
}

void Machine::add(Job& job, Write write) {
  backlog_ += write.records.size();
  if (write.waited_for()) job.failing = false;  // somebody wants to know: what waits is tried with it
  job.unwritten.push_back(std::move(write));
  touch(job.id);
}

void Machine::change(Job& job, Write write) {
  HOLDFAST_CHECK(!job.changing, "one command at a time changes a job");
  job.changing = write.changes = true;
  add(job, std::move(write));
}

void Machine::open_record(Job& job, std::vector<News>& records, const std::string& by) {
  if (job.opened || job.changing) return;
  job.opened = true;
  job.state = JobState::running;
  job.consents.clear();  // of an earlier life, as is what follows
  job.finished_stages.clear();
  job.locks.begin_anew();
  records.insert(records.begin(), JobOpened{job.id, job.name, job.patience, by});
}

/// Everything that waits, in one transaction.
void Machine::write(Job& job) {
  if (job.save || job.failing || job.unwritten.empty()) return;
  job.save = SaveId{++last_save_};
  job.sent = std::exchange(job.unwritten, {});
  effect::Save order{job.save, {}};
  order.records.reserve(count_records(job.sent));
  for (const Write& each : job.sent)
    order.records.insert(order.records.end(), each.records.begin(), each.records.end());
  backlog_ -= order.records.size();
  saves_.emplace(job.save, job.id);
  out_->push_back(std::move(order));
}

/// Its end has happened, and the store has not heard of it.
bool Machine::end_unwritten(const Job& job) {
  return !job.opened && (std::ranges::any_of(job.unwritten, ends_a_job) || std::ranges::any_of(job.sent, ends_a_job));
}

bool Machine::commands_wait(const Job& job) {
  return !job.known || job.changing || (job.save && end_unwritten(job));
}

// Coming back.

Job* Machine::came_back(SaveId save) {
  const auto found = saves_.find(save);
  if (found == saves_.end()) return nullptr;  // old news
  Job* job = find_job(found->second);
  saves_.erase(found);
  HOLDFAST_CHECK(job != nullptr && job->save == save, "a job is held while something of it is being written");
  job->save = {};
  touch(job->id);
  return job;
}

void Machine::on(const event::Saved& news) {
  if (anonymous_.writes(news.save)) {
    if (auto gap = anonymous_.saved(now_.at)) announce(std::move(*gap));
    return;
  }
  Job* job = came_back(news.save);
  if (job == nullptr) return;
  const std::vector<Write> writes = std::exchange(job->sent, {});
  // What is on disk holds before anything follows: a call that begins sees the lock that was written behind its start.
  for (const Write& write : writes) {
    if (!write.changes) continue;
    job->changing = false;
    if (write.plan) {
      carry_out(*job, *write.plan, news.save);
    } else {
      for (const News& record : write.records)
        apply(*job, record);
    }
  }
  close_settled_questions(*job);  // before anybody hears why
  for (const Write& write : writes) {
    if (write.waited_for()) saved(*job, write);
  }
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
    job.stopping = std::ranges::any_of(job.waiting, stops_the_job);
    if (closed->state != JobState::failed) {
      job.opened = false;
      job.consents.clear();
      job.locks.end_all(LockState::ended, "", now_.wall);
    }
  } else if (const auto* given = std::get_if<ConsentGiven>(&record)) {
    job.consents.push_back(given->consent);
  } else if (const auto* finished = std::get_if<StageFinished>(&record)) {
    if (finished->step.finished) job.finished_stages.insert(finished->step.stage_name);
  }
}

void Machine::saved(Job& job, const Write& write) {
  announce_all(write.records);
  if (const auto* replied = std::get_if<Write::Replied>(&write.then)) {
    const auto* taken = std::get_if<LockTaken>(&write.records.back());
    taken != nullptr ? reply(replied->ticket, taken->lock) : reply(replied->ticket, replied->value);
  } else if (const auto* started = std::get_if<Write::Started>(&write.then)) {
    Operation* operation = find(started->operation);
    HOLDFAST_CHECK(operation != nullptr, "an operation that has not begun is known");
    operation->start_recorded = true;
    open_call(*operation);
  } else if (const auto* answer = std::get_if<Write::AnswerSaved>(&write.then)) {
    answer_saved(*answer);
  } else if (const auto* switched = std::get_if<Write::SwitchSaved>(&write.then)) {
    switch_saved(job, *switched, *write.plan);
  } else {
    finish_cancel(std::get<Write::CancelSaved>(write.then), true);
  }
}

void Machine::on(const event::SaveFailed& news) {
  if (anonymous_.writes(news.save)) return anonymous_.failed(now_.at, news.code == Errc::store_unavailable);
  Job* job = came_back(news.save);
  if (job == nullptr) return;
  std::vector<Write> writes = std::exchange(job->sent, {});
  if (std::ranges::any_of(writes, &Write::changes)) job->changing = false;
  const bool foreign = news.code != Errc::store_unavailable;  // somebody else acts for the job
  if (foreign) read_again(*job);
  put_back(*job, writes, foreign);
  const Failure failure{
      news.code,
      foreign ? news.why : "the record could not be written (" + news.why + "); nothing was changed, try again"};
  for (const Write& write : writes) {
    if (write.waited_for()) failed(*job, write, failure);
  }
}

/// What has happened goes back in front, in its order; what somebody waited for is refused. A cancel has happened too:
/// what ran is stopped. Where the job is somebody else's, nothing is kept: the trail is not ours.
void Machine::put_back(Job& job, std::vector<Write>& writes, bool foreign) {
  backlog_ -= count_records(job.unwritten);
  std::vector<Write> queue;
  std::optional<std::size_t> opening;
  for (Write& write : writes) {
    const bool cancels = std::holds_alternative<Write::CancelSaved>(write.then);
    if (cancels) mark_unrecorded(write.records);
    if (!write.waited_for() || cancels) {
      if (!foreign) queue.push_back({.records = write.records});
    } else if (const JobOpened* opened = opening_of(write)) {
      opening = queue.size();
      queue.push_back({.records = {*opened}});
    }
  }
  std::ranges::move(job.unwritten, std::back_inserter(queue));
  job.unwritten = std::move(queue);
  if (opening) settle_opening(job, *opening);
  backlog_ += count_records(job.unwritten);
  job.failing = !job.unwritten.empty() && std::ranges::none_of(job.unwritten, &Write::waited_for);
  if (job.failing) try_later(job);
}

void Machine::try_later(const Job& job) {
  failing_.push_back(job.id);
  if (!backlog_due_) backlog_due_ = now_.at + limits::backlog_retry;
}

/// The command that opened the job was refused. The opening at this place of the queue stays where something behind it
/// needs it; else the job has never begun.
void Machine::settle_opening(Job& job, std::size_t place) {
  const auto behind = job.unwritten.begin() + static_cast<std::ptrdiff_t>(place) + 1;
  const auto needs_it = [this](const Write& write) {
    return std::ranges::any_of(write.records, [this](const News& record) { return needs_opening(record); });
  };
  if (std::any_of(behind, job.unwritten.end(), needs_it)) return announce(job.unwritten[place].records.front());
  std::vector<Write> rest;
  std::move(behind, job.unwritten.end(), std::back_inserter(rest));
  job.unwritten.erase(behind - 1, job.unwritten.end());
  job.opened = false;
  close_settled_questions(job, true);
  for (Write& write : rest) {
    if (std::holds_alternative<Refused>(write.records.front())) {
      job.unwritten.push_back(std::move(write));
    } else if (write.waited_for()) {
      failed(job, write, {});  // the cancel of what has never begun
    }
  }
}

/// A refusal stands for itself, the begin of a stage is no record. The cancel of an operation whose start is not on the
/// record says nothing alone.
bool Machine::needs_opening(const News& record) const {
  if (std::holds_alternative<Refused>(record) || std::holds_alternative<StageStarted>(record)) return false;
  const auto* cancelled = std::get_if<Cancelled>(&record);
  const auto id = cancelled != nullptr ? parse_operation_id(cancelled->operation_id) : std::nullopt;
  const Operation* operation = id ? find(*id) : nullptr;
  return operation == nullptr || operation->start_recorded;
}

void Machine::failed(Job& job, const Write& write, const Failure& failure) {
  if (const auto* replied = std::get_if<Write::Replied>(&write.then)) {
    reply(replied->ticket, failure);
  } else if (const auto* started = std::get_if<Write::Started>(&write.then)) {
    Operation* operation = find(started->operation);
    HOLDFAST_CHECK(operation != nullptr, "an operation that has not begun is known");
    const bool cancelled = operation->ending != Errc::ok;
    refuse(operation->ticket, cancelled ? operation->ending : failure.code,
           cancelled ? "the operation was ended before it began" : failure.message);
    operation->ticket = {};
    end(*operation, operation->ending == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled);
  } else if (const auto* answer = std::get_if<Write::AnswerSaved>(&write.then)) {
    answer_failed(answer->ticket, answer->operation, failure.code, failure.message);
  } else if (const auto* switched = std::get_if<Write::SwitchSaved>(&write.then)) {
    reply(switched->ticket, failure);
  } else {
    // What happened is told all the same; the trail gets it when the store is back.
    if (write.changes) {
      for (const News& record : write.records)
        apply(job, record);
    }
    close_settled_questions(job);
    announce_all(write.records);
    finish_cancel(std::get<Write::CancelSaved>(write.then), false);
  }
}

void Machine::on(const event::SaveUnknown& news) {
  if (anonymous_.writes(news.save)) return out_->push_back(effect::LookUp{news.save});
  const auto found = saves_.find(news.save);
  if (found == saves_.end()) return;
  out_->push_back(effect::LookUp{news.save});
  Job* job = find_job(found->second);
  HOLDFAST_CHECK(job != nullptr, "a job is held while something of it is being written");
  for (Write& write : job->sent) {
    // Whoever stops something does not wait until the disk can be read again. The answer to a question does: it is
    // closed with its record.
    auto* cancel = std::get_if<Write::CancelSaved>(&write.then);
    if (cancel != nullptr && !cancel->operation) finish_cancel(std::exchange(*cancel, {}), false);
  }
}

void Machine::on(const event::SaveLookedUp& news) {
  if (news.found) {
    on(event::Saved{news.save});
  } else {
    on(event::SaveFailed{news.save, "it was lost on the way to the disk"});
  }
}

void Machine::on(const event::TimePassed&) {
  if (const auto due = anonymous_.due(); due && *due <= now_.at) write_anonymous();
  if (!backlog_due_ || now_.at < *backlog_due_) return;
  backlog_due_.reset();
  for (const std::string& id : std::exchange(failing_, {})) {
    Job* job = find_job(id);
    if (job == nullptr) continue;
    job->failing = job->consents_rest = false;
    touch(id);
  }
}

// What belongs to no job.

void Machine::write_anonymous() {
  const SaveId save{++last_save_};
  out_->push_back(effect::Save{save, anonymous_.take(save)});
}

void AnonymousTrail::add(Instant now, OperationEnded ended) {
  if (waiting_.size() >= limits::anonymous_waiting_max) return miss(now, {.ends = 1});
  if (!due_) due_ = now + limits::anonymous_linger;
  waiting_.push_back(std::move(ended));
}

void AnonymousTrail::miss(Instant now, Missing more) {
  if (more.total() == 0) return;
  if (!due_) due_ = now + limits::anonymous_linger;
  missing_.ends += more.ends;
  missing_.refusals += more.refusals;
}

std::optional<Instant> AnonymousTrail::due() const {
  return save_ || empty() ? std::nullopt : due_;
}

bool AnonymousTrail::presses() const {
  if (save_ || empty() || failing_) return false;
  return hurried_ || waiting_.size() >= limits::anonymous_bundle_max;
}

std::vector<News> AnonymousTrail::take(SaveId save) {
  HOLDFAST_CHECK(!save_, "one bundle is under way");
  save_ = save;
  sent_ = std::min(waiting_.size(), limits::anonymous_bundle_max);
  std::vector<News> records(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent_));
  if (sent_ == waiting_.size() && missing_.total() != 0) {
    said_ = missing_;
    records.emplace_back(gap(said_));
  }
  return records;
}

std::optional<Refused> AnonymousTrail::saved(Instant now) {
  std::optional<Refused> said;
  if (said_.total() != 0) said = gap(said_);
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent_));
  missing_.ends -= said_.ends;
  missing_.refusals -= said_.refusals;
  sent_ = 0;
  said_ = {};
  save_ = {};
  failing_ = false;
  due_.reset();
  if (!empty()) due_ = now + limits::anonymous_linger;
  return said;
}

void AnonymousTrail::failed(Instant now, bool kept) {
  if (!kept) {
    missing_.ends += sent_;
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(sent_));
  }
  sent_ = 0;
  said_ = {};
  save_ = {};
  failing_ = true;
  due_ = now + limits::backlog_retry;
}

}  // namespace holdfast
