#include <algorithm>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {

/// Which lock a decision leaves that was not made about one: the lock over the stages that it names, else the newest of
/// the provider to leave.
const ProviderLock* Machine::lock_left_by(const Job& job, const FallbackDecision& decision) {
  const StageSet named{decision.affected_stages, {}};
  const ProviderLock* lock = nullptr;
  for (const ProviderLock& each : job.locks.all()) {
    if (!each.active()) continue;
    const bool concerns =
        named.all() ? same_name(each.provider_name, decision.from_provider) : each.governed().overlaps(named);
    if (concerns) lock = &each;
  }
  return named.all() && lock == nullptr ? job.locks.newest_active() : lock;
}

std::optional<Failure> Machine::why_it_stays(const ProviderLock& lock, const FallbackDecision& decision) {
  if (!same_name(lock.provider_name, decision.from_provider)) {
    return Failure{Errc::invalid_argument, "the decision leaves " + decision.from_provider +
                                               ", but the stages are locked to " + lock.provider_name};
  }
  if (!lock.overridable) {
    return Failure{Errc::lock_not_overridable,
                   "the lock is absolute and ends only by release or by cancelling the job: " + lock.text()};
  }
  if (!decision.user_confirmed) {
    return Failure{Errc::confirmation_required,
                   std::string(name(decision.reason_code)) +
                       " without the user's confirmation never moves a lock: " + lock.text()};
  }
  const StageSet named{decision.affected_stages, {}};
  if (!named.all() && !lock.governed().covers(named)) {
    return Failure{Errc::invalid_argument,
                   "the decision affects stages (" + named.text() + ") beyond those of the lock: " + lock.text()};
  }
  return std::nullopt;
}

/// The lock ends; what the decision does not name, and what is finished, stays with its provider.
void Machine::leave(const Job& job, const ProviderLock& lock, SwitchPlan& plan) const {
  const StageSet governed = lock.governed();
  if (plan.affected.all()) {
    plan.affected = governed;
    std::erase_if(plan.affected.stages, [&](const auto& stage) { return job.finished_stages.contains(stage); });
    if (plan.affected.stages.empty()) plan.affected = governed;
  }
  if (const auto rest = governed.without(plan.affected)) {
    plan.renewed = lock;
    plan.renewed->stages = rest->stages;
    plan.renewed->except_stages = rest->except;
    plan.renewed->locked_at = now_.wall;
    plan.renewed->epoch = plan.epoch;
  }
  plan.decision.affected_stages = plan.affected.stages;
  plan.ended = lock;
  plan.ended->state = LockState::ended;
  plan.ended->reason = name(plan.decision.reason_code);
  plan.ended->ended_at = now_.wall;
}

result<SwitchPlan> Machine::plan_switch(const Job& job, FallbackDecision decision, const ProviderLock* lock,
                                        const std::string& to_type, bool takes_lock) const {
  if (auto wrong = problem(decision)) return std::move(*wrong);
  if (takes_lock) {
    if (const auto why = name_problem(to_type)) {
      return Failure{Errc::invalid_argument, "the type of provider " + decision.to_provider + " " + *why};
    }
  }
  decision.timestamp = now_.wall;
  StageSet named{decision.affected_stages, {}};
  SwitchPlan plan{.decision = std::move(decision),
                  .affected = std::move(named),
                  .ended = {},
                  .renewed = {},
                  .taken = {},
                  .epoch = job.epoch + 1};
  if (lock != nullptr) {
    if (auto why = why_it_stays(*lock, plan.decision)) return std::move(*why);
    leave(job, *lock, plan);
  } else {
    if (!plan.decision.user_confirmed && plan.decision.reason_code != ReasonCode::legacy_auto) {
      return Failure{Errc::confirmation_required, "a switch needs the user's confirmation"};
    }
    if (!takes_lock) {
      plan.epoch = job.epoch;  // history: nothing is locked, nothing moves
      return plan;
    }
  }
  if ((takes_lock || plan.renewed) && job.locks.full()) {
    return Failure{Errc::too_large, "job " + job.id + " has had " + std::to_string(limits::locks_per_job_max) +
                                        " locks, which is the limit; open another job"};
  }
  if (takes_lock) {
    plan.taken = ProviderLock{.job_id = job.id,
                              .provider_name = plan.decision.to_provider,
                              .provider_type = to_type,
                              .correlation_id = plan.decision.correlation_id,
                              .overridable = true,
                              .stages = plan.affected.stages,
                              .except_stages = plan.affected.except,
                              .state = LockState::active,
                              .locked_at = now_.wall,
                              .ended_at = {},
                              .reason = {},
                              .epoch = plan.epoch};
  }
  return plan;
}

std::vector<News> Machine::records_of(const SwitchPlan& plan) const {
  std::vector<News> records{plan.decision};
  if (plan.ended) records.push_back(LockEnded{*plan.ended, plan.epoch});
  if (plan.renewed) records.push_back(LockTaken{*plan.renewed});
  if (plan.taken) records.push_back(LockTaken{*plan.taken});
  return records;
}

/// The only place where a consent is made: the decision is on disk.
void Machine::carry_out(Job& job, const SwitchPlan& plan, SaveId saved) {
  Consent consent(saved);
  job.epoch = plan.epoch;
  if (plan.taken) {
    job.locks.replace(plan.ended, plan.renewed, *plan.taken, std::move(consent));
  } else if (plan.ended || (plan.decision.user_confirmed && job.locks.awaited(plan.affected) != nullptr)) {
    job.locks.await(plan.ended, plan.renewed, plan.affected, plan.decision.to_provider, std::move(consent));
  }
  switch_queued(job);
}

/// What has not begun goes to the new provider.
void Machine::switch_queued(Job& job) {
  for (const OperationId id : std::vector(job.operations)) {
    Operation* operation = find(id);
    if (operation->stage != Operation::Stage::queued) continue;
    if (job.locks.validate(operation->terms->provider_name, operation->terms->stage_name).allowed) continue;
    order_cancel(*operation, Errc::switched);
  }
}

void Machine::on(const event::DecisionSubmitted& event) {
  if (auto wrong = problem(event.decision)) return reply(event.ticket, std::move(*wrong));
  Job* job = ready_job(event.decision.job_id, event);
  if (job == nullptr) return;
  auto plan = plan_switch(*job, event.decision, lock_left_by(*job, event.decision), "", false);
  if (!plan) {
    return refuse_on_record(event.ticket,
                            {.job_id = job->id,
                             .provider_name = event.decision.to_provider,
                             .correlation_id = event.decision.correlation_id,
                             .by = event.decision.decided_by},
                            plan.error());
  }
  // History moves nothing; and it is the operation of a stage that moves which ends.
  OperationId asked{};
  if (const Operation* named = find(parse_operation_id(event.decision.operation_id).value_or(OperationId{}));
      named != nullptr && event.decision.user_confirmed && named->terms->job_id == job->id &&
      plan->affected.contains(named->terms->stage_name)) {
    asked = named->id;
  }
  std::vector<News> records = records_of(*plan);
  if (!is_over(*job)) open_record(*job, records, event.decision.decided_by);  // else it is history
  change(*job, {.records = std::move(records),
                .then = Write::SwitchSaved{event.ticket, asked},
                .plan = std::make_unique<const SwitchPlan>(std::move(*plan))});
}

/// Why what runs, or has failed and is asked about, cannot go on there. What is to come may be anything.
std::optional<Failure> Machine::problem_of_target(const Job& job, const ProviderLock& lock,
                                                  const SwitchRequest& request) const {
  if (providers_.empty()) return std::nullopt;
  const auto target = std::ranges::find_if(
      providers_, [&](const ProviderInfo& each) { return same_name(each.name, request.to_provider); });
  if (target == providers_.end()) {
    std::string known;
    for (const ProviderInfo& each : providers_)
      known += (known.empty() ? "" : ", ") + each.name;
    return Failure{Errc::invalid_argument,
                   "no provider named " + request.to_provider + " is configured; there are " + known};
  }
  const StageSet moved = request.stages.empty() ? lock.governed() : StageSet{request.stages, {}};
  std::set<OperationId> going_on = questions_.failures_of(job.id);
  going_on.insert(job.operations.begin(), job.operations.end());
  for (const OperationId id : going_on) {
    const OperationTerms& terms = *find(id)->terms;
    if (!moved.contains(terms.stage_name)) continue;
    if (!target->serves(terms.kind)) {
      return Failure{Errc::invalid_argument, target->name + " does not serve " + terms.kind + ", which stage " +
                                                 terms.stage_name + " asks for"};
    }
    if (!target->speaks(terms.protocol)) {
      return Failure{Errc::invalid_argument, target->name + " does not speak " + terms.protocol +
                                                 ", which the client of stage " + terms.stage_name + " does"};
    }
  }
  return std::nullopt;
}

void Machine::on(const event::SwitchRequested& event) {
  const SwitchRequest& request = event.request;
  if (const auto why = name_problem(request.job_id)) {
    return refuse(event.ticket, Errc::invalid_argument, "the job id " + *why);
  }
  Job* job = ready_job(request.job_id, event);
  if (job == nullptr) return;
  const ProviderLock* lock = !request.stages.empty()         ? job->locks.covering({request.stages, {}})
                             : request.from_provider.empty() ? job->locks.newest_active()
                                                             : job->locks.newest(request.from_provider);
  if (lock == nullptr || !lock->active()) {
    return refuse(event.ticket, Errc::no_such_job,
                  "job " + request.job_id + " has no active lock over " +
                      (request.stages.empty() ? "any stage" : StageSet{request.stages, {}}.text()));
  }
  if (auto wrong = problem_of_target(*job, *lock, request)) return reply(event.ticket, std::move(*wrong));
  FallbackDecision decision = FallbackDecision::user_requested(
      request.job_id, request.from_provider.empty() ? lock->provider_name : request.from_provider, request.to_provider,
      milliseconds(0), request.correlation_id.empty() ? lock->correlation_id : request.correlation_id, request.stages);
  decision.user_confirmed = request.confirmed;
  decision.decided_by = request.by;
  for (const OperationId id : job->operations) {
    const Operation* operation = find(id);
    if (lock->governed().contains(operation->terms->stage_name)) {
      decision.elapsed_before_switch = std::max(decision.elapsed_before_switch, in_ms(elapsed(*operation)));
    }
  }
  auto plan = plan_switch(*job, std::move(decision), lock, request.to_type, true);
  if (!plan) {
    return refuse_on_record(event.ticket,
                            {.job_id = job->id,
                             .provider_name = request.to_provider,
                             .correlation_id = request.correlation_id,
                             .by = request.by},
                            plan.error());
  }
  change(*job, {.records = records_of(*plan),
                .then = Write::SwitchSaved{event.ticket, {}, true},
                .plan = std::make_unique<const SwitchPlan>(std::move(*plan))});
}

void Machine::switch_saved(const Job& job, const Write::SwitchSaved& saved, const SwitchPlan& plan) {
  if (Operation* asked = find(saved.operation)) order_cancel(*asked, Errc::switched);
  if (saved.cancels_all) {
    // Asked for out of the blue: everything that runs on these stages at the provider that is left.
    for (const OperationId id : std::vector(job.operations)) {
      Operation* operation = find(id);
      if (!plan.affected.contains(operation->terms->stage_name)) continue;
      if (!same_name(operation->terms->provider_name, plan.decision.from_provider)) continue;
      order_cancel(*operation, Errc::switched);
    }
  }
  if (plan.taken) {
    reply(saved.ticket, *plan.taken);
  } else {
    reply(saved.ticket, plan.decision);
  }
}

}  // namespace holdfast
