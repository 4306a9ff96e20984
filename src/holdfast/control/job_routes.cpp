#include <algorithm>
#include <functional>
#include <set>

#include "holdfast/api/json.hpp"
#include "holdfast/api/requests.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/control/handlers.hpp"
#include "holdfast/control/page.hpp"
#include "holdfast/core/limits.hpp"
#include "holdfast/gateway/job_id.hpp"

namespace holdfast::control {
namespace {

/// An id that is there already would be joined: programs open hundreds of thousands of one name, and none is typed.
constexpr std::size_t job_id_letters = 8;

Error no_such_job(const std::string& id) {
  return {Errc::no_such_job, "there is no job " + id};
}

JobRow job_of(const Call& call, const std::string& id) {
  auto row = call.gateway.job(id);
  if (!row) throw no_such_job(id);
  return std::move(*row);
}

template <class T>
boost::json::object object(const T& value) {
  return api::to_json(value);
}

bool is_held(const std::vector<ProviderLock>& locks, const LockRequest& request) {
  const auto as_set = [](const std::vector<std::string>& stages) {
    return std::set<std::string, NameLess>(stages.begin(), stages.end());
  };
  const auto same_set = [&](const ProviderLock& lock) {
    return std::ranges::equal(as_set(lock.stages), as_set(request.stages), same_name);
  };
  return std::ranges::any_of(locks, [&](const ProviderLock& lock) {
    return lock.active() && same_name(lock.provider_name, request.provider_name) &&
           lock.overridable == request.overridable && lock.except_stages.empty() && same_set(lock);
  });
}

/// The locks still to be taken, all of them good as things stand; throws, before anything is taken, where one is not.
std::vector<LockRequest> locks_to_take(const Call& call, const std::string& job_id, const api::JobBody& body) {
  const std::vector<ProviderLock> held = call.gateway.provider_locks(job_id);
  LockTable now, then;
  now.restore(held);
  then.restore(held);
  std::vector<LockRequest> out;
  for (LockRequest request : body.locks) {
    if (is_held(held, request)) continue;
    request.job_id = job_id;
    if (request.correlation_id.empty()) request.correlation_id = body.correlation_id;
    const StageSet stages{request.stages, {}};
    if (now.conflict(stages, request.provider_name)) {
      call.gateway.lock_provider(request);  // refuses it too, and records that it did
      continue;                             // unless what was in the way has ended meanwhile
    }
    if (const auto why = then.conflict(stages, request.provider_name)) {
      throw Error(why->code, "two of the locks asked for govern the same stages: " + why->message);
    }
    if (then.full()) {
      throw Error(Errc::too_large,
                  "a job has at most " + std::to_string(limits::locks_per_job_max) + " locks in its life");
    }
    then.take({.job_id = job_id, .provider_name = request.provider_name, .stages = request.stages});
    out.push_back(std::move(request));
  }
  return out;
}

/// The decision that a switch has just recorded: its time is that of the lock that it took.
FallbackDecision decision_behind(const Call& call, const ProviderLock& taken) {
  const std::vector<FallbackDecision> all = call.gateway.fallback_history(taken.job_id);
  const auto found = std::ranges::find_if(all.rbegin(), all.rend(), [&](const FallbackDecision& each) {
    return each.timestamp == taken.locked_at && same_name(each.to_provider, taken.provider_name);
  });
  if (found == all.rend()) {
    throw Error(Errc::outcome_unknown, "the lock is taken, but its decision cannot be read: look at the job");
  }
  return *found;
}

/// The decision and the locks in one transaction; then what runs on these stages ends as switched.
FallbackDecision switch_now(const Call& call, const api::DecisionBody& body) {
  const FallbackDecision& asked = body.decision;
  const ProviderLock taken = call.gateway.switch_provider({.job_id = asked.job_id,
                                                           .to_provider = asked.to_provider,
                                                           .to_type = body.to_type,
                                                           .stages = asked.affected_stages,
                                                           .confirmed = asked.user_confirmed,
                                                           .by = asked.decided_by,
                                                           .correlation_id = asked.correlation_id,
                                                           .from_provider = asked.from_provider});
  return decision_behind(call, taken);
}

/// The decision, which ends the old lock, and then the new lock: nothing that runs is cancelled.
FallbackDecision record_then_lock(const Call& call, const api::DecisionBody& body) {
  FallbackDecision decision = call.gateway.record_fallback_decision(body.decision);
  const std::vector<ProviderLock> locks = call.gateway.provider_locks(decision.job_id);
  const auto ended = std::ranges::find_if(locks, [&](const ProviderLock& each) {
    return each.state == LockState::ended && each.ended_at == decision.timestamp &&
           same_name(each.provider_name, decision.from_provider);
  });
  if (ended == locks.end()) return decision;
  try {
    call.gateway.lock_provider({.job_id = decision.job_id,
                                .provider_name = decision.to_provider,
                                .provider_type = body.to_type,
                                .correlation_id = decision.correlation_id,
                                .stages = decision.affected_stages});
  } catch (const Error& error) {
    throw Error(error.errc(), "the decision is recorded and the old lock has ended, but the new lock was not taken: " +
                                  std::string(error.what()));
  }
  return decision;
}

}  // namespace

Reply list_jobs(const Call& call) {
  const std::string state = call.parameter("state");
  if (!state.empty() && state != "active") {
    throw Error(Errc::invalid_argument, "parameter 'state' knows only 'active'");
  }
  const Page page(call);
  try {
    const std::vector<JobRow> rows =
        call.gateway.jobs({.active_only = !state.empty(), .after = page.after(), .limit = page.entries_to_read()});
    return page.reply("jobs", rows, std::mem_fn(&JobRow::job_id), object<JobRow>);
  } catch (const Error& error) {
    if (error.errc() == Errc::no_such_job) throw page.bad_cursor();
    throw;
  }
}

Reply open_job(const Call& call) {
  const api::JobBody body = checked(api::job_from_json(call.body));
  const std::string id = body.job_id.empty() ? new_job_id(body.name, job_id_letters) : body.job_id;
  const std::string by = call.by(body.by);
  if (!body.patience.empty()) call.gateway.profiles().for_provider("Ollama", body.patience);  // throws where unknown
  const std::vector<LockRequest> locks = locks_to_take(call, id, body);
  const bool opened =
      call.gateway.open_job({.job_id = id, .name = body.name, .patience = body.patience, .opened_by = by});
  for (const LockRequest& each : locks)
    call.gateway.lock_provider(each);
  for (StandingConsent each : body.consents) {
    each.given_by = by;
    call.gateway.give_consent(id, std::move(each));
  }
  Reply reply = json_reply(api::to_json(job_of(call, id)), opened ? 201 : 200);
  if (opened) reply.fields.add("Location", std::string(root) + "/jobs/" + net::percent_encode(id));
  return reply;
}

Reply show_job(const Call& call) {
  return json_reply(api::to_json(job_of(call, call.path[0])));
}

Reply release_job(const Call& call) {
  const JobRow job = job_of(call, call.path[0]);
  // Its run would go on, with nothing that keeps it on its providers.
  if (job.plan && (job.state == JobState::running || job.state == JobState::waiting)) {
    throw Error(Errc::confirmation_required, "job " + job.job_id +
                                                 " is being run, and releases its locks when it ends; to end it now: "
                                                 "holdfast cancel " +
                                                 job.job_id + " --confirm");
  }
  const bool released = call.gateway.release_provider_lock(call.path[0]);
  return json_reply({{"jobId", call.path[0]}, {"released", released}});
}

Reply cancel_job(const Call& call) {
  CancelRequest request = checked(api::cancel_from_json(call.body));
  job_of(call, call.path[0]);
  request.job_id = call.path[0];
  request.by = call.by(request.by);
  return result_reply(call.gateway.cancel(std::move(request)));
}

Reply list_locks(const Call& call) {
  const std::vector<ProviderLock> locks = call.gateway.provider_locks(call.path[0]);
  if (locks.empty()) job_of(call, call.path[0]);
  return Page(call).reply_numbered("locks", locks, object<ProviderLock>);
}

Reply take_lock(const Call& call) {
  return json_reply(
      api::to_json(call.gateway.lock_provider(checked(api::lock_request_from_json(call.path[0], call.body)))), 201);
}

Reply list_decisions(const Call& call) {
  const std::vector<FallbackDecision> decisions = call.gateway.fallback_history(call.path[0]);
  if (decisions.empty()) job_of(call, call.path[0]);
  return Page(call).reply_numbered("decisions", decisions, object<FallbackDecision>);
}

Reply decide(const Call& call) {
  api::DecisionBody body = checked(api::decision_from_json(call.path[0], call.body));
  body.decision.decided_by = call.by(body.decision.decided_by);
  switch (body.decision.reason_code) {
    case ReasonCode::user_request:
      return json_reply(api::to_json(switch_now(call, body)), 201);
    case ReasonCode::user_after_stall:
    case ReasonCode::provider_fatal_error:
    case ReasonCode::legacy_auto:
      return json_reply(api::to_json(record_then_lock(call, body)), 201);
  }
  __builtin_unreachable();
}

}  // namespace holdfast::control
