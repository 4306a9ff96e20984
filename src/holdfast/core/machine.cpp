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
  if (anonymous_.presses()) write_anonymous();
  out_ = nullptr;
}

void Machine::hear(const Event& event) {
  std::visit([this](const auto& news) { on(news); }, event);
}

/// Closes questions that are settled, lets what waited behind a transaction go on, answers what consents answer, writes
/// what the step has added, and forgets jobs of which nothing is open.
void Machine::settle_jobs() {
  while (!touched_.empty()) {
    const std::string id = std::move(touched_.back());
    touched_.pop_back();
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) continue;
    Job& job = found->second;
    close_settled_questions(job);
    while (!commands_wait(job) && !job.waiting.empty()) {
      const Event next = std::move(job.waiting.front());
      job.waiting.pop_front();
      hear(next);
    }
    answer_by_consents(job);
    const auto adopted = parse_operation_id(job.id);
    const Operation* operation = adopted ? find(*adopted) : nullptr;
    if (operation != nullptr && operation->stage == Operation::Stage::ended) leave_adopted(*operation);
    write(job);
    const bool idle =
        !job.loading && !job.save && job.unwritten.empty() && job.waiting.empty() && job.operations.empty();
    // What failed can still be asked about and run again; an adopted job for as long as its operation is known.
    const bool failed = job.state == JobState::failed && !(adopted && operation == nullptr);
    const bool closed = !job.opened || (job.state != JobState::running && !failed);
    if (idle && (!job.known || (closed && job.locks.active_count() == 0))) jobs_.erase(found);
  }
}

std::optional<Instant> Machine::next_deadline() const {
  const auto anonymous = anonymous_.due();
  if (!backlog_due_ || !anonymous) return backlog_due_ ? backlog_due_ : anonymous;
  return std::min(*backlog_due_, *anonymous);
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

Job& Machine::hold(const std::string& id) {
  const auto [place, fresh] = jobs_.try_emplace(id);
  if (fresh) place->second.id = id;
  return place->second;
}

Job& Machine::job_for(const std::string& id) {
  Job& job = hold(id);
  if (!job.known) read_again(job);
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

void Machine::refuse_on_record(Ticket ticket, Refused refused, Failure why) {
  refused.code = why.code;
  refused.message = why.message;
  journal({std::move(refused)});
  reply(ticket, std::move(why));
}

void Machine::announce(News news) {
  out_->push_back(effect::Announce{std::move(news)});
}

void Machine::announce_all(const std::vector<News>& records) {
  for (const News& record : records)
    announce(record);
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

void Machine::on(const event::StopOrdered&) {
  stopping_ = true;
  anonymous_.hurry();
  std::vector<OperationId> open;
  for (const auto& [id, operation] : operations_) {
    if (operation.stage != Operation::Stage::ended) open.push_back(id);
  }
  std::ranges::sort(open);
  for (const OperationId id : open)
    order_cancel(*find(id), Errc::cancelled);
}

}  // namespace holdfast
