#include <algorithm>

#include "holdfast/base/check.hpp"
#include "holdfast/gateway/clock.hpp"
#include "holdfast/gateway/engine.hpp"

namespace holdfast::gateway {

const std::string& Engine::patience_of(const OperationRequest& request) const {
  const Job* job = machine_.job(request.job_id);
  return !request.patience.empty()                  ? request.patience
         : job != nullptr && !job->patience.empty() ? job->patience
                                                    : options_.patience;
}

/// Its patience is the job's own, which the core does not know.
bool Engine::has_unread_job(const OperationRequest& request) const {
  if (request.job_id.empty() || !request.patience.empty()) return false;
  const Job* job = machine_.job(request.job_id);
  return job == nullptr || !job->known;
}

SharedPatience Engine::terms(const OperationRequest& request, const Opening& opening) {
  const std::string& patience = patience_of(request);
  const HeartbeatOptions& wanted = opening.wanted;
  std::string key = request.provider_type + '\n' + patience + '\n';
  key += wanted.interval ? std::to_string(wanted.interval->count()) : "-";
  key += wanted.stall_multiplier ? '\n' + std::to_string(*wanted.stall_multiplier) : "\n-";
  key += opening.gives_heartbeats ? "+" : "-";
  SharedPatience& shared = terms_[key];
  if (!shared) {
    try {
      const TimeoutProfile profile =
          options_.profiles.for_provider(request.provider_name, patience, request.provider_type);
      Patience made = profile.terms(wanted.interval, wanted.stall_multiplier, opening.gives_heartbeats,
                                    options_.profiles.stall_options());
      for (const std::string& type : options_.profiles.provider_types()) {
        made.normal_by_type[type] =
            options_.profiles.for_provider(request.provider_name, patience, type).normal_threshold;
      }
      shared = std::make_shared<const Patience>(std::move(made));
    } catch (...) {
      terms_.erase(key);
      throw;
    }
  }
  return shared;
}

void Engine::start_operation(Ticket ticket, OperationRequest request, Opening opening) {
  if (opening.caller_stop.stop_requested()) {
    return opening.handler(Failure{Errc::cancelled, "the stop token was requested before the operation began"});
  }
  const OperationId id = next_operation_id();
  opening.caller = watched_caller(ticket, id, std::move(opening.caller_stop));
  openings_.emplace(ticket, std::move(opening));
  if (!has_unread_job(request)) return begin_operation(ticket, id, std::move(request));
  desk_.read([this, inbox = inbox_, ticket, id, request = std::move(request)](store::Store& store) mutable {
    const auto kept = store.job(request.job_id);  // where it cannot be read, the core will hear why
    inbox->post([this, ticket, id, request = std::move(request),
                 patience = kept && *kept ? (*kept)->patience : std::string()]() mutable {
      if (has_unread_job(request)) request.patience = std::move(patience);
      begin_operation(ticket, id, std::move(request));
    });
  });
}

void Engine::begin_operation(Ticket ticket, OperationId id, OperationRequest request) {
  const auto found = openings_.find(ticket);
  if (found == openings_.end()) return;  // its caller has stopped it
  event::OperationRequested asked;
  try {
    Opening& opening = found->second;
    request.provider_type = type_of(request.provider_name, request.provider_type);
    asked.patience = terms(request, opening);
    if (opening.pulled) {
      const milliseconds usual =
          options_.profiles.for_provider(request.provider_name, patience_of(request), request.provider_type)
              .heartbeat_interval;
      opening.pull_interval = std::max(opening.wanted.interval.value_or(usual), milliseconds(1));
    }
  } catch (const Error& error) {
    const OpenHandler handler = std::move(found->second.handler);
    openings_.erase(found);
    return handler(Failure{error.errc(), error.what()});
  }
  asked.ticket = ticket;
  asked.id = id;
  asked.recorded_first = request.recorded_first;
  asked.request = std::move(request);
  hear(std::move(asked));
}

void Engine::perform(effect::OpenCall& order) {
  const auto found = openings_.find(order.ticket);
  if (found == openings_.end()) {
    // Its caller stopped it while it waited for its job, when the core did not know it yet: now it can be told.
    cancel_for_caller(order.operation);
    return hear(event::CallEnded{order.operation, event::CallEnded::How::closed, {}});
  }
  Opening opening = std::move(found->second);
  openings_.erase(found);
  const auto writer = slots_.take(order.operation, instant_now());
  if (!writer) {
    // Late writers of ended calls hold every slot: as many as operations may run.
    hear(event::CallEnded{order.operation, event::CallEnded::How::closed, {}});
    return opening.handler(Failure{Errc::too_large, "all activity slots are taken"});
  }
  const SharedTerms& terms = machine_.operation(order.operation)->terms;
  const auto call = std::make_shared<Call>(order.operation, terms, inbox_, *writer);
  call->epoch = order.epoch;
  if (calls_.size() <= writer->slot()) calls_.resize(writer->slot() + 1);
  calls_[writer->slot()] = call;
  call->caller = std::move(opening.caller);
  if (opening.pulled) {
    call->pulled = std::make_unique<const Call::Pulled>(std::move(opening.pulled), opening.pull_interval);
    schedule_pull(call);
  }
  opening.handler(call);
}

/// The caller's stop token cancels the operation, in the order of news like any other cancel.
std::unique_ptr<Call::Caller> Engine::watched_caller(Ticket ticket, OperationId id, std::stop_token token) {
  if (!token.stop_possible()) return nullptr;
  auto caller = std::make_unique<Call::Caller>(std::move(token));
  // Posted: whoever requests the stop may hold anything, and this callback may be destroyed by what it begins.
  caller->on_stop.emplace(caller->token, [inbox = inbox_, ticket, id] {
    inbox->post([ticket, id](Engine& engine) {
      engine.cancel_for_caller(id);
      engine.let_go(ticket);
    });
  });
  return caller;
}

void Engine::cancel_for_caller(OperationId id) {
  CancelRequest request;
  request.operation_id = text(id);
  request.confirmed = true;
  request.by = "caller";
  hear(event::CancelRequested{{}, std::move(request), id, {}});
}

/// A caller that stopped does not wait for the disk: neither for its job to be read nor for its start to be written.
/// What the core says of it later finds nobody.
void Engine::let_go(Ticket ticket) {
  const auto waiting = openings_.find(ticket);
  if (waiting == openings_.end()) return;
  const OpenHandler handler = std::move(waiting->second.handler);
  openings_.erase(waiting);
  handler(Failure{Errc::cancelled, "the stop token was requested before the operation began"});
}

void Engine::perform(effect::CancelCall& order) {
  const std::shared_ptr<Call> call = call_of(order.operation);
  if (!call) return;
  const bool won = call->settle(order.why == Errc::switched ? Call::Fate::switched : Call::Fate::cancelled);
  if (!won) return;  // the function has returned: its end is on the way, and its result stands
  stoppers_.post([call] { call->stop.get().request_stop(); });
  queue_.push_back(event::CallEnded{order.operation, event::CallEnded::How::closed, {}});
}

void Engine::perform(effect::EndWatch& order) {
  std::shared_ptr<Call> call = call_of(order.operation);
  if (call) {
    ended_[order.operation] = {call->progress(), call->heartbeats.load(std::memory_order_relaxed),
                               slots_.last_alive(order.operation), slots_.last_progress(order.operation)};
    ended_line_.push_back(order.operation);
    forget_one();
  }
  slots_.end(order.operation);
  if (!call) return;
  calls_[call->writer.slot()] = nullptr;
  // Where nobody else holds it any more, its strategy goes with it: that is the caller's code, and not for our turn.
  if (call->pulled) stoppers_.post([call = std::move(call)] {});
}

/// What is left of the one that ended first, where the core has forgotten it too: one that is asked about is kept.
void Engine::forget_one() {
  if (ended_line_.size() <= limits::ended_kept_max) return;
  const OperationId first = ended_line_.front();
  ended_line_.pop_front();
  if (machine_.operation(first) != nullptr) return ended_line_.push_back(first);
  ended_.erase(first);
}

std::shared_ptr<Call> Engine::call_of(OperationId id) const {
  const auto slot = slots_.slot_of(id);
  return slot && *slot < calls_.size() ? calls_[*slot] : nullptr;
}

void Engine::schedule_pull(const std::shared_ptr<Call>& call) {
  if (closed_) return;
  const auto place = pull_due_.emplace(instant_now() + call->pulled->interval, call);
  if (place == pull_due_.begin()) arm_pull_timer();
}

void Engine::arm_pull_timer() {
  if (pull_due_.empty()) return;
  pull_timer_.expires_at(std::chrono::steady_clock::time_point(pull_due_.begin()->first.time_since_epoch()));
  pull_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) inbox_->post([this] { pull_what_is_due(); });
  });
}

void Engine::pull_what_is_due() {
  if (closed_) return;
  const Instant now = instant_now();
  while (!pull_due_.empty() && pull_due_.begin()->first <= now) {
    if (auto call = pull_due_.begin()->second.lock(); call && call_of(call->id)) pulls_.pull(std::move(call));
    pull_due_.erase(pull_due_.begin());
  }
  arm_pull_timer();
}

void Engine::pulled(OperationId id) {
  if (const auto call = call_of(id)) schedule_pull(call);
}

void Engine::pull_threw(OperationId id, const std::string& why) {
  if (options_.on_pull_thrown) options_.on_pull_thrown(text(id), why);
}

std::optional<OperationState> Engine::state_of(OperationId id) const {
  const Operation* operation = machine_.operation(id);
  if (operation == nullptr) return std::nullopt;
  const Instant now = instant_now();
  const Moment moment = moment_now();
  const bool over = operation->stage == Operation::Stage::ended;
  OperationState state;
  state.operation_id = text(id);
  state.job_id = operation->terms->job_id;
  state.stage_name = operation->terms->stage_name;
  state.provider_name = operation->terms->provider_name;
  state.provider_type = operation->terms->provider_type;
  state.correlation_id = operation->correlation_id;
  state.current_category = operation->category;
  state.started_at = moment.wall - in_ms(now - operation->started_at);
  const Instant until = over ? operation->ended_at : now;
  const bool begun = operation->stage != Operation::Stage::queued;
  state.elapsed_time = begun ? in_ms(until - operation->started_at) : milliseconds(0);
  state.outcome = operation->phase();
  state.stall_threshold = operation->terms->patience->stall;
  if (operation->fault) state.fault = *operation->fault;

  Ended seen;
  if (const auto call = call_of(id)) {
    seen = {call->progress(), call->heartbeats.load(std::memory_order_relaxed), slots_.last_alive(id),
            slots_.last_progress(id)};
  } else if (const auto kept = ended_.find(id); kept != ended_.end()) {
    seen = kept->second;
  }
  state.heartbeat_count = seen.heartbeats;
  if (seen.progress != Progress{}) state.progress = seen.progress;
  if (seen.last_alive) {
    state.time_since_last_heartbeat = in_ms(until - *seen.last_alive);
    state.last_heartbeat = moment.wall - in_ms(now - *seen.last_alive);
  }
  if (begun)
    state.time_since_last_progress =
        in_ms(until - std::max(seen.last_progress.value_or(Instant{}), operation->started_at));
  if (const QuestionTable::Open* open = machine_.questions().find(id)) {
    state.open_ask = open->question.ask;
    state.question = open->question;
  }
  return state;
}

std::optional<OperationState> Engine::state_of_correlation(const std::string& correlation_id) const {
  OperationId newest_active, newest_ended;
  std::vector<OperationId> active;
  for (const auto& [id, operation] : machine_.operations()) {
    if (operation.correlation_id != correlation_id) continue;
    if (operation.stage == Operation::Stage::ended) {
      newest_ended = std::max(newest_ended, id);
    } else {
      newest_active = std::max(newest_active, id);
      active.push_back(id);
    }
  }
  auto state = state_of(newest_active ? newest_active : newest_ended);
  if (!state) return state;
  std::ranges::sort(active);
  for (const OperationId id : active) {
    if (id != newest_active) state->others.push_back(text(id));
  }
  return state;
}

}  // namespace holdfast::gateway
