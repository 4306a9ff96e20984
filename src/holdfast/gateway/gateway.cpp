#include "holdfast/gateway/gateway.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <span>

#include "holdfast/base/text.hpp"
#include "holdfast/gateway/call.hpp"
#include "holdfast/gateway/engine.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast {
namespace {

using gateway::Call;
using gateway::Engine;

std::unique_ptr<store::Store> opened(const GatewayOptions& options) {
  auto store = store::open(options.store);
  if (!store) throw Error(store.error().code, store.error().message);
  (*store)->act_as(store::this_process(options.program, options.socket));
  return std::move(*store);
}

/// Asks and waits. A `Failure` is thrown, anything else is `T`.
template <class T>
T ask(Engine& engine, Engine::EventMaker make) {
  std::promise<Engine::Reply> promise;
  engine.ask(std::move(make), [&promise](Engine::Reply reply) { promise.set_value(std::move(reply)); });
  Engine::Reply reply = promise.get_future().get();
  if (const auto* failure = std::get_if<Failure>(&reply)) throw Error(failure->code, failure->message);
  return std::get<T>(std::move(reply));
}

/// Asks, and calls back.
template <class T>
void begin(Engine& engine, Engine::EventMaker make, std::function<void(result<T>)> handler) {
  engine.ask(std::move(make), [handler = std::move(handler)](Engine::Reply reply) {
    if (auto* failure = std::get_if<Failure>(&reply)) return handler(std::move(*failure));
    handler(std::get<T>(std::move(reply)));
  });
}

Engine::EventMaker locking(LockRequest request) {
  return [request = std::move(request)](Engine& engine, Ticket ticket) mutable {
    request.provider_type = engine.type_of(request.provider_name, request.provider_type);
    return event::LockRequested{ticket, std::move(request)};
  };
}

Engine::EventMaker answering(Answer answer) {
  return [answer = std::move(answer)](Engine& engine, Ticket ticket) mutable {
    const auto operation = parse_operation_id(answer.operation_id);
    std::string type = answer.provider.empty() ? "" : engine.type_of(answer.provider, "");
    return event::Answered{ticket, operation.value_or(OperationId{}), std::move(answer), std::move(type)};
  };
}

Engine::EventMaker cancelling(CancelRequest request) {
  return [request = std::move(request)](Engine&, Ticket ticket) mutable -> Event {
    OperationId operation;
    if (!request.operation_id.empty()) {
      const auto parsed = parse_operation_id(request.operation_id);
      if (!parsed) throw Error(Errc::no_such_operation, "there is no operation " + request.operation_id);
      operation = *parsed;
    }
    return event::CancelRequested{ticket, std::move(request), operation, {}};
  };
}

template <class T>
T value_of(result<T> outcome) {
  if (!outcome) throw Error(outcome.error().code, outcome.error().message);
  return std::move(*outcome);
}

ProviderFault fault_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const ProviderError& provider) {
    return provider.fault();
  } catch (const std::exception& other) {
    return {ErrorClass::other, 0, {}, other.what()};
  } catch (...) {
    return {ErrorClass::other, 0, {}, "an exception that is no std::exception"};
  }
}

Error ended_by(Call::Fate fate) {
  return fate == Call::Fate::switched
             ? Error(Errc::switched, "a confirmed decision moved the stage to another provider: run it there")
             : Error(Errc::cancelled, "the operation was cancelled");
}

void report_end(Call& call, bool here, event::CallEnded::How how, ProviderFault fault = {}) {
  if (call.caller) call.caller->on_stop.reset();
  auto tell = [ended = event::CallEnded{call.id, how, std::move(fault)}](Engine& engine) { engine.hear(ended); };
  if (here) {
    call.inbox->run(std::move(tell));
  } else {
    call.inbox->post(std::move(tell));
  }
}

}  // namespace

struct Gateway::Impl {
  Impl(GatewayOptions options, std::unique_ptr<store::Store> store) : engine(std::move(options), std::move(store)) {}

  template <class N, class F>
  Subscription on(F callback) {
    return engine.notices().subscribe([callback = std::move(callback)](const Notice& notice) {
      if (const auto* news = std::get_if<N>(notice.news.get())) callback(*news);
    });
  }

  /// The store knows of questions about stalls only.
  void note_questions(std::span<JobRow> rows) {
    engine.look([rows](Engine& engine) {
      std::set<std::string_view> asked;
      for (const auto& [id, open] : engine.machine().questions().all_open())
        asked.insert(open.question.job_id);
      for (JobRow& row : rows) {
        if (row.state == JobState::running && asked.contains(row.job_id)) row.state = JobState::waiting;
      }
    });
  }

  gateway::Engine engine;
};

gateway::HeldCall::~HeldCall() {
  if (!call_ || call_->fate.load() != Call::Fate::running) return;
  call_->inbox->post([id = call_->id](Engine& engine) { engine.cancel_for_caller(id); });
}

ProviderError::ProviderError(ProviderFault fault)
    : Error(fault.error_class == ErrorClass::truncated    ? Errc::truncated
            : fault.error_class == ErrorClass::connection ? Errc::provider_unreachable
                                                          : Errc::provider_failed,
            fault.message),
      fault_(std::move(fault)) {}

ScopedProviderLock::~ScopedProviderLock() {
  try {
    gateway_.release_provider_lock(lock_.job_id);
  } catch (const Error&) {
    // The store does not take it now; the lock stays, as it would after a crash, and the next run finds it.
  }
}

Gateway::Gateway(GatewayOptions options) {
  auto store = opened(options);
  impl_ = std::make_unique<Impl>(std::move(options), std::move(store));
}

Gateway::Gateway(GatewayOptions options, std::unique_ptr<store::Store> store)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(store))) {}

Gateway::~Gateway() = default;

ProviderLock Gateway::lock_provider(LockRequest request) {
  return ask<ProviderLock>(impl_->engine, locking(std::move(request)));
}

void Gateway::begin_lock(LockRequest request, Handler<ProviderLock> handler) {
  begin<ProviderLock>(impl_->engine, locking(std::move(request)), std::move(handler));
}

void Gateway::begin_answer(Answer answer, Handler<AnswerResult> handler) {
  begin<AnswerResult>(impl_->engine, answering(std::move(answer)), std::move(handler));
}

void Gateway::begin_cancel(CancelRequest request, Handler<AnswerResult> handler) {
  begin<AnswerResult>(impl_->engine, cancelling(std::move(request)), std::move(handler));
}

void Gateway::begin_governing_lock(std::string job_id, std::string stage,
                                   Handler<std::optional<GoverningLock>> handler) {
  const auto governing = [](const LockTable& locks, const std::string& stage) {
    const ProviderLock* lock = locks.governing(stage);
    return lock == nullptr ? std::nullopt : std::optional(GoverningLock{*lock, locks.moved(stage)});
  };
  // Shared by what answers, what reads, and what refuses.
  const auto shared = std::make_shared<Handler<std::optional<GoverningLock>>>(std::move(handler));
  impl_->engine.look_or_read(
      [=](Engine& engine) {
        const Job* job = engine.machine().job(job_id);
        if (job == nullptr || job->loading) return false;
        (*shared)(governing(job->locks, stage));
        return true;
      },
      [=](store::Store& store) {
        // Not held by this process: the store has its locks.
        auto kept = store.locks(job_id);
        if (!kept) return (*shared)(kept.error());
        LockTable locks;
        locks.restore(std::move(*kept));
        (*shared)(governing(locks, stage));
      },
      [shared](Failure failure) { (*shared)(std::move(failure)); });
}

Validation Gateway::validate_provider(const std::string& job_id, const std::string& provider,
                                      const std::string& stage) {
  if (auto valid = impl_->engine.look([&](Engine& engine) -> std::optional<Validation> {
        const Job* job = engine.machine().job(job_id);
        if (job == nullptr || job->loading) return std::nullopt;
        return job->locks.validate(provider, stage);
      })) {
    return *valid;
  }
  // Not held by this process: the store has its locks.
  LockTable locks;
  locks.restore(provider_locks(job_id));
  return locks.validate(provider, stage);
}

std::optional<ProviderLock> Gateway::provider_lock(const std::string& job_id) {
  LockTable locks;
  locks.restore(provider_locks(job_id));
  const ProviderLock* newest = locks.newest_active();
  return newest == nullptr ? std::nullopt : std::optional(*newest);
}

std::vector<ProviderLock> Gateway::provider_locks(const std::string& job_id) {
  return value_of(impl_->engine.read([job_id](store::Store& store) { return store.locks(job_id); }));
}

bool Gateway::unlock_provider_lock(const std::string& job_id, const std::string& reason, const std::string& provider) {
  return ask<bool>(impl_->engine,
                   [=](Engine&, Ticket ticket) { return event::UnlockRequested{ticket, job_id, reason, provider}; });
}

bool Gateway::release_provider_lock(const std::string& job_id) {
  return ask<bool>(impl_->engine, [=](Engine&, Ticket ticket) { return event::ReleaseRequested{ticket, job_id}; });
}

std::shared_ptr<Call> Gateway::open_call(OperationRequest request, const SharedHeartbeat& heartbeat,
                                         std::stop_token stop) {
  std::promise<result<std::shared_ptr<Call>>> promise;
  impl_->engine.open(std::move(request), heartbeat, std::move(stop),
                     [&promise](result<std::shared_ptr<Call>> opened) { promise.set_value(std::move(opened)); });
  return value_of(promise.get_future().get());
}

void Gateway::async_open_call(OperationRequest request, const SharedHeartbeat& heartbeat, std::stop_token stop,
                              Handler<gateway::HeldCall> handler) {
  impl_->engine.open(std::move(request), heartbeat, std::move(stop),
                     [handler = std::move(handler)](result<std::shared_ptr<Call>> opened) {
                       if (!opened) return handler(opened.error());
                       handler(gateway::HeldCall(std::move(*opened)));
                     });
}

void Gateway::close_returned(Call& call, EndIsTold told) {
  if (!call.settle(Call::Fate::returned)) throw ended_by(call.fate.load());
  report_end(call, told == EndIsTold::here, event::CallEnded::How::returned);
}

void Gateway::close_failed(Call& call, const std::exception_ptr& error, EndIsTold told, bool stopped) {
  const bool here = told == EndIsTold::here;
  stopped = stopped || (call.caller && call.caller->token.stop_requested());
  if (stopped && call.settle(Call::Fate::cancelled)) {
    // It ended because its caller said so, before the engine could hear of it.
    report_end(call, here, event::CallEnded::How::closed);
    throw ended_by(Call::Fate::cancelled);
  }
  if (!call.settle(Call::Fate::returned)) {
    const Call::Fate fate = call.fate.load();
    if (fate == Call::Fate::returned) return;
    if (call.caller) call.caller->on_stop.reset();
    throw ended_by(fate);
  }
  ProviderFault fault = fault_of(error);
  fault.message = std::string(cut_to_bytes(fault.message, limits::error_text_bytes_max));  // enters a record
  report_end(call, here, event::CallEnded::How::failed, std::move(fault));
}

std::optional<OperationState> Gateway::provider_state(const std::string& id) {
  return impl_->engine.look([&](Engine& engine) {
    if (const auto operation = parse_operation_id(id)) {
      if (auto state = engine.state_of(*operation)) return state;
    }
    return engine.state_of_correlation(id);
  });
}

std::vector<OperationState> Gateway::operations(const std::string& job_id) {
  return impl_->engine.look([&](Engine& engine) {
    return engine.states([&](const Operation& operation) {
      const bool open =
          operation.stage != Operation::Stage::ended || engine.machine().questions().find(operation.id) != nullptr;
      return open && (job_id.empty() || operation.terms->job_id == job_id);
    });
  });
}

std::vector<ActiveOperations> Gateway::active_operations() {
  return impl_->engine.look([](Engine& engine) {
    std::map<std::pair<std::string, LatencyCategory>, std::size_t> counts;
    for (const auto& [id, operation] : engine.machine().operations()) {
      if (operation.stage == Operation::Stage::ended) continue;
      ++counts[{operation.terms->provider_name, operation.category}];
    }
    std::vector<ActiveOperations> out;
    for (const auto& [of, count] : counts)
      out.push_back({of.first, of.second, count});
    return out;
  });
}

AnswerResult Gateway::answer(Answer answer) {
  return ask<AnswerResult>(impl_->engine, answering(std::move(answer)));
}

bool Gateway::ask_about_failure(const std::string& operation_id, Asked whom) {
  try {
    return ask<bool>(impl_->engine, [&](Engine& engine, Ticket ticket) {
      const OperationId id = parse_operation_id(operation_id).value_or(OperationId{});
      const Operation* operation = engine.machine().operation(id);
      const bool lost = operation != nullptr && operation->phase() == OperationPhase::interrupted;
      return event::QuestionRaised{ticket, id, lost ? QuestionKind::interrupted : QuestionKind::hard_error,
                                   whom == Asked::consents};
    });
  } catch (const Error& error) {
    if (error.errc() == Errc::no_such_operation || error.errc() == Errc::invalid_argument) return false;
    throw;
  }
}

std::vector<OperationState> Gateway::interrupted_operations(const std::string& job_id) {
  return impl_->engine.look([&](Engine& engine) {
    return engine.states([&](const Operation& operation) {
      return operation.phase() == OperationPhase::interrupted && (job_id.empty() || operation.terms->job_id == job_id);
    });
  });
}

std::vector<Question> Gateway::open_questions() {
  return impl_->engine.look([](Engine& engine) {
    std::vector<Question> questions;
    for (const auto& [id, open] : engine.machine().questions().all_open())
      questions.push_back(open.question);
    std::ranges::sort(questions, {}, &Question::operation_id);
    return questions;
  });
}

AnswerResult Gateway::cancel(CancelRequest request) {
  return ask<AnswerResult>(impl_->engine, cancelling(std::move(request)));
}

FallbackDecision Gateway::record_fallback_decision(FallbackDecision decision) {
  return ask<FallbackDecision>(impl_->engine, [decision = std::move(decision)](Engine&, Ticket ticket) mutable {
    return event::DecisionSubmitted{ticket, std::move(decision)};
  });
}

ProviderLock Gateway::switch_provider(SwitchRequest request) {
  return ask<ProviderLock>(impl_->engine, [request = std::move(request)](Engine& engine, Ticket ticket) mutable {
    request.to_type = engine.type_of(request.to_provider, request.to_type);
    return event::SwitchRequested{ticket, std::move(request)};
  });
}

std::vector<FallbackDecision> Gateway::fallback_history(const std::string& job_id) {
  return value_of(impl_->engine.read([job_id](store::Store& store) { return store.history(job_id); }));
}

void Gateway::give_consent(const std::string& job_id, StandingConsent consent) {
  ask<bool>(impl_->engine, [=](Engine& engine, Ticket ticket) mutable {
    if (!consent.cancels()) consent.provider_type = engine.type_of(consent.switch_to, consent.provider_type);
    return event::ConsentOffered{ticket, job_id, std::move(consent)};
  });
}

bool Gateway::open_job(JobRequest request) {
  return ask<bool>(impl_->engine, [request = std::move(request)](Engine& engine, Ticket ticket) mutable {
    if (!request.patience.empty()) engine.options().profiles.for_provider("Ollama", request.patience);
    return event::JobRequested{ticket, std::move(request)};
  });
}

void Gateway::close_job(const std::string& job_id, JobState state, const std::string& by) {
  ask<bool>(impl_->engine, [=](Engine&, Ticket ticket) { return event::JobFinished{ticket, job_id, state, by}; });
}

void Gateway::stage_started(StageStarted news) {
  impl_->engine.look([&](Engine& engine) { engine.hear(event::StageBegan{std::move(news)}); });
}

void Gateway::stage_finished(StageProgress step) {
  ask<bool>(impl_->engine, [step = std::move(step)](Engine&, Ticket ticket) mutable {
    return event::StageReached{ticket, std::move(step)};
  });
}

Statistics Gateway::statistics() {
  Statistics all = value_of(impl_->engine.read([](store::Store& store) { return store.statistics(); }));
  impl_->engine.look([&](Engine& engine) {
    all.active_operations = static_cast<std::int64_t>(engine.machine().active_operations());
    all.open_questions = static_cast<std::int64_t>(engine.machine().questions().open_count());
  });
  return all;
}

std::vector<JobRow> Gateway::jobs(const JobsQuery& query) {
  auto rows = value_of(impl_->engine.read([query](store::Store& store) { return store.jobs(query); }));
  impl_->note_questions(rows);
  return rows;
}

std::optional<JobRow> Gateway::job(const std::string& job_id) {
  auto row = value_of(impl_->engine.read([job_id](store::Store& store) { return store.job(job_id); }));
  if (row) impl_->note_questions({&*row, 1});
  return row;
}

std::vector<AuditRecord> Gateway::audit(const std::string& job_id, std::uint64_t from, std::size_t limit) {
  return value_of(impl_->engine.read([=](store::Store& store) { return store.trail(job_id, from, limit); }));
}

AuditReport Gateway::verify_audit(const std::string& job_id) {
  return value_of(impl_->engine.read([job_id](store::Store& store) { return store.verify(job_id); }));
}

std::vector<KeptRecord> Gateway::records(const std::string& job_id) {
  return value_of(impl_->engine.read([job_id](store::Store& store) { return store.records(job_id); }));
}

void Gateway::check_store() {
  const auto writable = impl_->engine.read([](store::Store& store) { return store.check_writable(); });
  if (!writable) throw Error(writable.error().code, writable.error().message);
}

std::uint64_t Gateway::epoch(const std::string& job_id) {
  const auto row = value_of(impl_->engine.read([job_id](store::Store& store) { return store.job(job_id); }));
  return row ? row->epoch : 0;
}

void Gateway::reload(TimeoutProfiles profiles, std::vector<ProviderInfo> providers) {
  impl_->engine.look([&](Engine& engine) { engine.reload(std::move(profiles), std::move(providers)); });
}

TimeoutProfiles Gateway::profiles() const {
  return impl_->engine.look([](Engine& engine) { return engine.options().profiles; });
}

std::vector<ProviderInfo> Gateway::providers() const {
  return impl_->engine.look([](Engine& engine) { return engine.options().providers; });
}

Subscription Gateway::on_stall_suspected(std::function<void(const StallSuspected&)> callback) {
  return impl_->on<StallSuspected>(std::move(callback));
}
Subscription Gateway::on_stall_resolved(std::function<void(const StallResolved&)> callback) {
  return impl_->on<StallResolved>(std::move(callback));
}
Subscription Gateway::on_category_changed(std::function<void(const CategoryChanged&)> callback) {
  return impl_->on<CategoryChanged>(std::move(callback));
}
Subscription Gateway::on_hard_error(std::function<void(const ProviderHardError&)> callback) {
  return impl_->on<ProviderHardError>(std::move(callback));
}
Subscription Gateway::on_operation_ended(std::function<void(const OperationEnded&)> callback) {
  return impl_->on<OperationEnded>(std::move(callback));
}
Subscription Gateway::on_fallback_decision(std::function<void(const FallbackDecision&)> callback) {
  return impl_->on<FallbackDecision>(std::move(callback));
}
Subscription Gateway::on_lock_changed(std::function<void(const ProviderLock&)> callback) {
  return on_news([callback = std::move(callback)](const Notice& notice) {
    if (const auto* taken = std::get_if<LockTaken>(notice.news.get())) callback(taken->lock);
    if (const auto* ended = std::get_if<LockEnded>(notice.news.get())) callback(ended->lock);
  });
}
Subscription Gateway::on_news(std::function<void(const Notice&)> callback) {
  return impl_->engine.notices().subscribe(std::move(callback));
}

Gateway::CallbackCounts Gateway::callback_counts() const {
  return {impl_->engine.notices().thrown(), impl_->engine.notices().dropped(), impl_->engine.pulls().thrown()};
}

}  // namespace holdfast
