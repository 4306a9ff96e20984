#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

#include "holdfast/core/news.hpp"
#include "holdfast/gateway/heartbeat.hpp"
#include "holdfast/gateway/operation_context.hpp"
#include "holdfast/gateway/subscription.hpp"
#include "holdfast/profiles/timeout_profiles.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast {

struct GatewayOptions {
  TimeoutProfiles profiles = TimeoutProfiles::defaults();
  std::string store = "memory:";
  std::string patience = "balanced";      ///< of jobs that do not say their own
  std::vector<ProviderInfo> providers{};  ///< who can be an alternative, and how many calls each takes at once
  std::string program{};  ///< under which its jobs say who holds them, such as "holdfast run"; empty: "a program"
  std::string socket{};   ///< where that process answers for its jobs; empty: nowhere
  /// How long a group of transactions took to become durable, and a sweep over what runs. Called on the store's thread
  /// and in the engine's turn, once for each: do not block. Empty: nobody measures.
  std::function<void(std::chrono::nanoseconds)> on_commit{}, on_sweep{};
  /// A heartbeat strategy threw, for the log: the operation's id, and what the exception says (200 bytes at most).
  /// Called in the engine's turn: do not block. Empty: it is counted only (`Gateway::callback_counts`).
  std::function<void(const std::string& operation_id, const std::string& why)> on_pull_thrown{};
};

/// How many operations of one provider are in one category. Those that have not ended.
struct ActiveOperations {
  std::string provider_name{};
  LatencyCategory category = LatencyCategory::Normal;
  std::size_t count = 0;
};

/// Something that happened, with its number in this gateway and its time.
struct Notice {
  std::uint64_t seq = 0;
  WallTime time{};
  std::shared_ptr<const News> news{};
};

/// An operation as it stands, or as it ended. The newest 1 024 ended ones can still be looked at.
struct OperationState {
  std::string operation_id{}, job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{};
  LatencyCategory current_category = LatencyCategory::Normal;
  WallTime started_at{};
  milliseconds elapsed_time{};
  std::int64_t heartbeat_count = 0;
  std::optional<WallTime> last_heartbeat{};
  std::optional<milliseconds> time_since_last_heartbeat{};
  std::optional<milliseconds> time_since_last_progress{};
  std::optional<Progress> progress{};  ///< absent: none was reported
  int open_ask = 0;                    ///< 0: no open question
  OperationPhase outcome = OperationPhase::running;
  std::vector<std::string> others{};  ///< active operations with the same correlation id
  milliseconds stall_threshold{};
  std::optional<Question> question{};  ///< the open one
  std::optional<ProviderFault> fault{};
};

namespace gateway {
/// A call on its way to the coroutine that runs it, and in its frame. Where their context is destroyed, so is this, and
/// the operation is cancelled: nobody waits for it any more.
class HeldCall {
 public:
  HeldCall() = default;
  explicit HeldCall(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  HeldCall(HeldCall&&) noexcept = default;
  HeldCall& operator=(HeldCall other) noexcept {
    call_.swap(other.call_);
    return *this;
  }
  /// Cancels it where neither its function has ended nor anybody has ended it.
  ~HeldCall();

  const std::shared_ptr<Call>& call() const { return call_; }

 private:
  std::shared_ptr<Call> call_;
};
}  // namespace gateway

/// The gateway: locks jobs to providers, watches their calls, asks, and keeps the record.
///
/// Threads: every function may be called from any thread, callbacks included. Callbacks run one at a time, in order,
/// on the gateway's notice thread; a slow one delays only later callbacks, one that throws is counted
/// (`callback_counts`). Destruction cancels what runs and does not wait for functions that ignore their stop token:
/// those end on their own threads with `cancelled`. Errors: refused commands throw `Error`; the `async_` forms give the
/// same as `std::exception_ptr`, as Asio does.
class Gateway {
 public:
  explicit Gateway(GatewayOptions options = {});
  /// With a store of the caller's own behind the port.
  Gateway(GatewayOptions options, std::unique_ptr<store::Store> store);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Locks. Each is acknowledged when it is durable.

  /// Throws lock_conflict, provider_locked, invalid_argument, store_unavailable.
  ProviderLock lock_provider(LockRequest request);
  Validation validate_provider(const std::string& job_id, const std::string& provider, const std::string& stage);
  /// The newest active lock.
  std::optional<ProviderLock> provider_lock(const std::string& job_id);
  /// All locks the job ever had, oldest first.
  std::vector<ProviderLock> provider_locks(const std::string& job_id);
  /// Once, for an overridable lock, with a reason; false where it was not active any more.
  bool unlock_provider_lock(const std::string& job_id, const std::string& reason, const std::string& provider = {});
  /// Ends every lock of the job; false where there was none.
  bool release_provider_lock(const std::string& job_id);

  // Operations.

  /// Calls `function(OperationContext&)` on this thread, under watch, and returns what it returns.
  ///
  /// The lock is checked first; a refused function is never called. An exception of the function reaches the caller
  /// unchanged; after a cancel or a switch a late value is dropped and `Error` cancelled or switched is thrown.
  template <class Function>
  auto execute_with_patience(OperationRequest request, SharedHeartbeat heartbeat, Function&& function,
                             std::stop_token stop = {}) -> std::invoke_result_t<Function, OperationContext&>;

  /// Defined in <holdfast/gateway/async.hpp>. The same for a coroutine `function(OperationContext&) ->
  /// boost::asio::awaitable<T>`, which runs on the completion token's executor. Completes with (std::exception_ptr, T).
  /// Where that executor's context is destroyed while the function runs, the operation is cancelled. It has to be there
  /// until the call was opened.
  template <class Function, class Token>
  auto async_execute_with_patience(OperationRequest request, SharedHeartbeat heartbeat, Function function,
                                   Token&& token, std::stop_token stop = {});

  // Defined in <holdfast/gateway/async.hpp>, for coroutines that must not block. Each completes on the handler's
  // executor with (std::exception_ptr, T), where the blocking form throws or returns T.

  template <class Token>
  auto async_lock_provider(LockRequest request, Token&& token);  ///< T: ProviderLock
  /// The active lock that governs the stage. T: std::optional<GoverningLock>
  template <class Token>
  auto async_governing_lock(std::string job_id, std::string stage, Token&& token);
  template <class Token>
  auto async_answer(Answer answer, Token&& token);  ///< T: AnswerResult
  template <class Token>
  auto async_cancel(CancelRequest request, Token&& token);  ///< T: AnswerResult

  /// By correlation id (the newest active operation, else the newest that ended) or by operation id.
  std::optional<OperationState> provider_state(const std::string& correlation_or_operation_id);
  /// All operations that have not ended or are asked about, oldest first; of one job where it is named.
  std::vector<OperationState> operations(const std::string& job_id = {});

  /// The same, counted: one entry for each provider and category.
  std::vector<ActiveOperations> active_operations();

  // Questions and answers.

  /// A lost race or a refusal is no exception: it is in the result. The same answer again with the same idempotency key
  /// is applied once; while the first is being recorded, it waits and hears the same.
  AnswerResult answer(Answer answer);
  enum class Asked : unsigned char { anybody, consents };
  /// Asks about an operation that failed (`hard_error`) or whose process died while it ran (`interrupted`): try again,
  /// an alternative, or cancel. False where it cannot; with `consents`, where no standing consent answers it.
  bool ask_about_failure(const std::string& operation_id, Asked whom = Asked::anybody);
  /// Operations of a job that an earlier process left running, oldest first. Known once the job was changed here.
  /// `job_id` empty: of all jobs that were changed or taken over here.
  std::vector<OperationState> interrupted_operations(const std::string& job_id = {});
  std::vector<Question> open_questions();
  /// Throws confirmation_required, no_such_job, no_such_operation.
  AnswerResult cancel(CancelRequest request);

  // Switching.

  /// Records the decision and ends the old lock; the caller then locks the new provider.
  FallbackDecision record_fallback_decision(FallbackDecision decision);
  /// Both in one transaction; the running calls of the stages end as `switched`. Returns the new lock.
  ProviderLock switch_provider(SwitchRequest request);
  std::vector<FallbackDecision> fallback_history(const std::string& job_id);
  void give_consent(const std::string& job_id, StandingConsent consent);

  // Jobs, for those who run whole ones.

  /// False where the job is open already. With `resume` it goes on: throws no_such_job where it is not open any more,
  /// store_held where a living process holds it.
  bool open_job(JobRequest request);
  void close_job(const std::string& job_id, JobState state, const std::string& by = {});
  /// Told, and not in the trail; how many items it has is durable with the start of its first operation.
  void stage_started(StageStarted news);
  /// Durable when it returns.
  void stage_finished(StageProgress step);

  // What is kept: of every job in the store, whoever holds it.

  Statistics statistics();
  std::vector<JobRow> jobs(const JobsQuery& query = {});
  std::optional<JobRow> job(const std::string& job_id);
  /// The job's trail.
  std::vector<KeptRecord> records(const std::string& job_id);
  /// The same as it stands in the chain: numbers from `from` on, at most `limit`.
  std::vector<AuditRecord> audit(const std::string& job_id, std::uint64_t from = 1, std::size_t limit = 1000);
  /// Checks the chain of one job, or of all (empty).
  AuditReport verify_audit(const std::string& job_id = {});
  /// Throws store_unavailable where nothing could be written now.
  void check_store();
  /// The job's epoch as committed; 0 where it has none.
  std::uint64_t epoch(const std::string& job_id);
  /// For operations that begin from now on.
  void reload(TimeoutProfiles profiles, std::vector<ProviderInfo> providers);
  TimeoutProfiles profiles() const;
  std::vector<ProviderInfo> providers() const;

  // Subscriptions.

  [[nodiscard]] Subscription on_stall_suspected(std::function<void(const StallSuspected&)> callback);
  [[nodiscard]] Subscription on_stall_resolved(std::function<void(const StallResolved&)> callback);
  [[nodiscard]] Subscription on_category_changed(std::function<void(const CategoryChanged&)> callback);
  [[nodiscard]] Subscription on_hard_error(std::function<void(const ProviderHardError&)> callback);
  [[nodiscard]] Subscription on_operation_ended(std::function<void(const OperationEnded&)> callback);
  [[nodiscard]] Subscription on_lock_changed(std::function<void(const ProviderLock&)> callback);
  [[nodiscard]] Subscription on_fallback_decision(std::function<void(const FallbackDecision&)> callback);
  /// Everything, in order.
  [[nodiscard]] Subscription on_news(std::function<void(const Notice&)> callback);
  /// Callbacks that threw, and notices dropped because callbacks were slower than the news (10 000 may wait).
  struct CallbackCounts {
    std::uint64_t thrown = 0, dropped = 0, pulls_thrown = 0;
  };
  CallbackCounts callback_counts() const;

 private:
  template <class T>
  using Handler = std::function<void(result<T>)>;

  /// These call back once, on any thread, often before they return.
  void begin_lock(LockRequest request, Handler<ProviderLock> handler);
  void begin_governing_lock(std::string job_id, std::string stage, Handler<std::optional<GoverningLock>> handler);
  void begin_answer(Answer answer, Handler<AnswerResult> handler);
  void begin_cancel(CancelRequest request, Handler<AnswerResult> handler);
  /// Whoever opens keeps the strategy until it is open.
  std::shared_ptr<gateway::Call> open_call(OperationRequest request, const SharedHeartbeat& heartbeat,
                                           std::stop_token stop);
  void async_open_call(OperationRequest request, const SharedHeartbeat& heartbeat, std::stop_token stop,
                       Handler<gateway::HeldCall> handler);
  /// Who tells the engine that a call has ended: its own thread, while a blocked caller goes on with the value, or this
  /// one, which saves an I/O thread the waking of another.
  enum class EndIsTold { behind, here };
  /// Returns where the function's result counts; throws cancelled or switched where it does not.
  static void close_returned(gateway::Call& call, EndIsTold told);
  /// Returns where the function's exception counts; throws cancelled or switched where it does not.
  /// `stopped`: by its caller, who may also have said so by the stop token.
  static void close_failed(gateway::Call& call, const std::exception_ptr& error, EndIsTold told, bool stopped = false);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a caller's function throws to say what kind of hard error ended its call.
class ProviderError : public Error {
 public:
  explicit ProviderError(ProviderFault fault);
  const ProviderFault& fault() const { return fault_; }

 private:
  ProviderFault fault_;
};

/// A lock that is released when the scope is left, exceptions included.
class ScopedProviderLock {
 public:
  ScopedProviderLock(Gateway& gateway, LockRequest request)
      : gateway_(gateway), lock_(gateway.lock_provider(std::move(request))) {}
  ~ScopedProviderLock();
  ScopedProviderLock(const ScopedProviderLock&) = delete;
  ScopedProviderLock& operator=(const ScopedProviderLock&) = delete;

  const ProviderLock& lock() const { return lock_; }

 private:
  Gateway& gateway_;
  ProviderLock lock_;
};

template <class Function>
auto Gateway::execute_with_patience(OperationRequest request, SharedHeartbeat heartbeat, Function&& function,
                                    std::stop_token stop) -> std::invoke_result_t<Function, OperationContext&> {
  using T = std::invoke_result_t<Function, OperationContext&>;
  const std::shared_ptr<gateway::Call> call = open_call(std::move(request), heartbeat, std::move(stop));
  OperationContext context(call);
  try {
    if constexpr (std::is_void_v<T>) {
      std::forward<Function>(function)(context);
      close_returned(*call, EndIsTold::behind);
    } else {
      T&& value = std::forward<Function>(function)(context);  // a reference stays one
      close_returned(*call, EndIsTold::behind);
      return std::forward<T>(value);
    }
  } catch (...) {
    close_failed(*call, std::current_exception(), EndIsTold::behind);
    throw;
  }
}

}  // namespace holdfast
