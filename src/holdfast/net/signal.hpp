#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace holdfast::net {

using Executor = boost::asio::any_io_executor;
template <class T>
using awaitable = boost::asio::awaitable<T>;
using TimePoint = std::chrono::steady_clock::time_point;

/// For waits that only a notification ends.
inline constexpr TimePoint never = TimePoint::max();

enum class Woken {
  notified,
  timed_out,
  cancelled,  ///< by Asio's per-operation cancellation
};

/// A condition for the coroutines of one thread: `while (!condition) co_await signal.wait_until(…)`.
///
/// Nothing is remembered: a notification wakes those who wait now. Between looking at the condition and waiting nothing
/// else runs, because all run on one thread, so no notification is lost.
/// Threads: the executor's, which must be one. Lifetime: outlives its waits.
class Signal {
 public:
  explicit Signal(Executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  awaitable<Woken> wait_until(TimePoint deadline);
  awaitable<Woken> wait() { return wait_until(never); }
  /// Wakes all that wait. They resume later, not inside.
  void notify();

 private:
  struct Waiter;

  Executor executor_;
  std::vector<Waiter*> waiters_;
};

/// Does something when a time has come, unless it is destroyed before. `act` runs on the executor's thread.
class Deadline {
 public:
  Deadline(const Executor& executor, TimePoint when, std::function<void()> act);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  bool passed() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// `now() + time`, or `never` where that would overflow.
TimePoint after(std::chrono::milliseconds time);

}  // namespace holdfast::net
