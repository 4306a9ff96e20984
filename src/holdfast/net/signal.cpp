#include "holdfast/net/signal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/net/fault.hpp"

namespace holdfast::net {

struct Signal::Waiter {
  Waiter(Signal& signal, TimePoint deadline) : signal(signal), timer(signal.executor_, deadline) {
    signal.waiters_.push_back(this);
  }
  ~Waiter() { std::erase(signal.waiters_, this); }

  Signal& signal;
  boost::asio::steady_timer timer;
  bool notified = false;
};

awaitable<Woken> Signal::wait_until(TimePoint deadline) {
  Waiter waiter(*this, deadline);
  auto waiting = waiter.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  const auto [error] = co_await std::move(waiting);
  if (waiter.notified) co_return Woken::notified;
  co_return error ? Woken::cancelled : Woken::timed_out;
}

void Signal::notify() {
  for (Waiter* const waiter : waiters_) {
    waiter->notified = true;
    waiter->timer.cancel();
  }
}

/// Shared with the timer's handler, which may be on its way already when the `Deadline` goes.
struct Deadline::State {
  State(const Executor& executor, TimePoint when, std::function<void()> act)
      : timer(executor, when), act(std::move(act)) {}

  boost::asio::steady_timer timer;
  std::function<void()> act;
  bool passed = false;
};

Deadline::Deadline(const Executor& executor, TimePoint when, std::function<void()> act) {
  if (when == never) return;
  state_ = std::make_shared<State>(executor, when, std::move(act));
  state_->timer.async_wait([state = state_](const error_code& error) {
    if (error || !state->act) return;
    state->passed = true;
    state->act();
  });
}

Deadline::~Deadline() {
  if (!state_) return;
  state_->act = nullptr;
  state_->timer.cancel();
}

bool Deadline::passed() const {
  return state_ && state_->passed;
}

TimePoint after(std::chrono::milliseconds time) {
  const TimePoint now = std::chrono::steady_clock::now();
  return never - now <= time ? never : now + time;
}

}  // namespace holdfast::net
