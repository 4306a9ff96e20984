#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/machine.hpp"
#include "holdfast/gateway/call.hpp"
#include "holdfast/gateway/crew.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/gateway/notice_board.hpp"
#include "holdfast/gateway/pulls.hpp"
#include "holdfast/gateway/store_desk.hpp"

namespace holdfast::gateway {

/// The core made alive: it owns the Machine, tells it what happens, and carries out what it orders.
///
/// Threads: whatever touches the Machine is brought through the inbox and has its turn there: one at a time, on the
/// thread that brought it or on the engine's own, which also keeps the time. The public functions up to `notices` may
/// be called from anywhere and answer in their turn, often before they return; the rest is for tasks that have it.
/// Time: read here, told to the Machine.
class Engine {
 public:
  using Reply = decltype(effect::Reply::value);
  using ReplyHandler = std::function<void(Reply)>;
  using OpenHandler = std::function<void(result<std::shared_ptr<Call>>)>;
  /// Makes the event when its turn has come; throws `Error` to refuse.
  using EventMaker = std::function<Event(Engine&, Ticket)>;

  static constexpr int stoppers_max = 64;  ///< as many stop callbacks may hang before one delays another

  Engine(GatewayOptions options, std::unique_ptr<store::Store> store);
  /// Ends what runs, writes down what is under way, stops the threads.
  ~Engine();

  /// The handler is called once, in the engine's turn, or at once where the engine is closed.
  void ask(EventMaker make, ReplyHandler handler);
  /// Whoever opens keeps the strategy until the handler was called: its end is the caller's code, too.
  void open(OperationRequest request, const SharedHeartbeat& heartbeat, std::stop_token caller_stop,
            OpenHandler handler);
  /// Runs `look` in the engine's turn and returns what it returns. Throws cancelled where the engine is closed.
  template <class Look>
  auto look(Look look) -> std::invoke_result_t<Look, Engine&>;
  /// Runs `read` on the store's thread.
  template <class Read>
  auto read(Read read) -> std::invoke_result_t<Read, store::Store&>;
  /// Without blocking: `look` in the engine's turn and, where it says no, `read` on the store's. Where the engine is
  /// closed, `refuse`.
  void look_or_read(std::function<bool(Engine&)> look, std::function<void(store::Store&)> read,
                    std::function<void(Failure)> refuse);
  SharedInbox inbox() const { return inbox_; }
  NoticeBoard& notices() { return notices_; }
  const Pulls& pulls() const { return pulls_; }

  // In the engine's turn.

  void hear(Event event);
  void give_back(std::uint32_t slot) { slots_.give_back(slot); }
  void pulled(OperationId id);
  void pull_threw(OperationId id, const std::string& why);
  /// Whoever asked for it wants it no more.
  void cancel_for_caller(OperationId id);
  void announce(News news);
  const Machine& machine() const { return machine_; }
  std::optional<OperationState> state_of(OperationId id) const;
  /// Of those that `wanted` says yes to, oldest first.
  template <class Wanted>
  std::vector<OperationState> states(Wanted wanted) const;
  std::optional<OperationState> state_of_correlation(const std::string& correlation_id) const;
  /// The type that was given, or the provider's, or the mapping's. Throws `Error` where it has no profile.
  std::string type_of(const std::string& provider, const std::string& given) const;
  void reload(TimeoutProfiles profiles, std::vector<ProviderInfo> providers);
  const GatewayOptions& options() const { return options_; }

 private:
  struct Opening {
    bool gives_heartbeats = false;
    HeartbeatOptions wanted;
    SharedHeartbeat pulled;  ///< absent: it reports by itself, or not at all
    std::stop_token caller_stop;
    OpenHandler handler;
    std::unique_ptr<Call::Caller> caller{};  ///< its stop is heard while the operation is queued, too
    milliseconds pull_interval{};
  };
  /// An answer with an idempotency key while it is being recorded, and whoever repeats it meanwhile.
  struct Answering {
    Answer answer;
    std::vector<ReplyHandler> joined;
  };
  /// What is left of a call when it has ended.
  struct Ended {
    Progress progress;
    std::int64_t heartbeats = 0;
    std::optional<Instant> last_alive, last_progress;
  };

  void pump();
  void step(const Event& event);
  void deliver_newer_progress(const Event& event);
  void perform(Effects effects);
  void perform(effect::Reply& order);
  void perform(effect::Save& order);
  void perform(effect::LookUp& order) { desk_.look_up(order.save); }
  void perform(effect::LoadJob& order) { desk_.load(std::move(order.job_id)); }
  void perform(effect::OpenCall& order);
  void perform(effect::CancelCall& order);
  void perform(effect::Watch& order) { slots_.order(order); }
  void perform(effect::WatchCategory& order) { slots_.order(order); }
  void perform(effect::EndWatch& order);
  void perform(effect::Announce& order) { announce(std::move(order.news)); }

  /// Whether the same answer is being recorded: then the handler hears what becomes of that one.
  bool joined(const event::Answered& answered, ReplyHandler& handler);
  /// The handler, and behind it those that join until then.
  ReplyHandler leading(const event::Answered& answered, ReplyHandler handler);
  void start_operation(Ticket ticket, OperationRequest request, Opening opening);
  void begin_operation(Ticket ticket, OperationId id, OperationRequest request);
  std::unique_ptr<Call::Caller> watched_caller(Ticket ticket, OperationId id, std::stop_token token);
  void let_go(Ticket ticket);
  void forget_one();
  void schedule_pull(const std::shared_ptr<Call>& call);
  void arm_pull_timer();
  void pull_what_is_due();
  void sweep();
  void hear_due();
  std::shared_ptr<Call> call_of(OperationId id) const;
  void arm_sweep();
  void announce_progress(Instant now);
  void fail_everybody();
  OperationId next_operation_id();
  const std::string& patience_of(const OperationRequest& request) const;
  bool has_unread_job(const OperationRequest& request) const;
  SharedPatience terms(const OperationRequest& request, const Opening& opening);
  /// The end of a function that has returned is on its way.
  bool ends_are_told() const;

  GatewayOptions options_;
  SharedInbox inbox_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Machine machine_;
  ActivitySlots slots_;
  std::deque<Event> queue_;
  bool pumping_ = false, closed_ = false;
  std::deque<std::shared_ptr<Call>> calls_;       ///< by slot; null where none runs
  std::unordered_map<OperationId, Ended> ended_;  ///< as many as the Machine keeps
  std::deque<OperationId> ended_line_;            ///< who ended first is forgotten first
  std::unordered_map<Ticket, ReplyHandler> replies_;
  std::unordered_map<Ticket, Opening> openings_;
  std::map<std::pair<OperationId, std::string>, Answering> answering_;  ///< as many as callers wait for
  std::map<std::string, SharedPatience> terms_;  ///< shared by operations that wait alike; emptied by `reload`
  const std::uint64_t ids_begin_;                ///< in each millisecond: see `next_operation_id`
  std::uint64_t last_ticket_ = 0, last_operation_ = 0, last_notice_ = 0;
  std::vector<Due> due_;  ///< what the last sweep found
  std::size_t due_next_ = 0;
  std::multimap<Instant, std::weak_ptr<Call>> pull_due_;
  boost::asio::steady_timer sweep_timer_, pull_timer_;
  Instant progress_noticed_{};
  NoticeBoard notices_;
  Pulls pulls_;
  Crew stoppers_{"hf-stop", stoppers_max};  ///< stop callbacks are the caller's code: not in the engine's turn
  StoreDesk desk_;
  std::thread thread_;
};

template <class Wanted>
std::vector<OperationState> Engine::states(Wanted wanted) const {
  std::vector<OperationId> found;
  for (const auto& [id, operation] : machine_.operations()) {
    if (wanted(operation)) found.push_back(id);
  }
  std::ranges::sort(found);
  std::vector<OperationState> states;
  for (const OperationId id : found)
    states.push_back(*state_of(id));
  return states;
}

template <class Look>
auto Engine::look(Look look) -> std::invoke_result_t<Look, Engine&> {
  using T = std::invoke_result_t<Look, Engine&>;
  const auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  const bool brought = inbox_->post([this, promise, look = std::move(look)]() mutable {
    try {
      if constexpr (std::is_void_v<T>) {
        look(*this);
        promise->set_value();
      } else {
        promise->set_value(look(*this));
      }
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  });
  if (!brought) throw Error(Errc::cancelled, "the gateway is closed");
  return future.get();
}

template <class Read>
auto Engine::read(Read read) -> std::invoke_result_t<Read, store::Store&> {
  using T = std::invoke_result_t<Read, store::Store&>;
  const auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  const bool brought = inbox_->post([this, promise, read = std::move(read)]() mutable {
    if (closed_) {
      promise->set_exception(std::make_exception_ptr(Error(Errc::cancelled, "the gateway is closed")));
      return;
    }
    desk_.read([promise, read = std::move(read)](store::Store& store) mutable {
      try {
        promise->set_value(read(store));
      } catch (...) {
        promise->set_exception(std::current_exception());
      }
    });
  });
  if (!brought) throw Error(Errc::cancelled, "the gateway is closed");
  return future.get();
}

}  // namespace holdfast::gateway
