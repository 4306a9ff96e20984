#include "holdfast/net/server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <cstdio>
#include <ctime>

#include "holdfast/net/server_internal.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
/// After an accept that failed for want of descriptors, unless a connection ends before.
constexpr std::chrono::milliseconds accept_pause{100};

}  // namespace

void Server::Core::start(std::unique_ptr<Stream> stream) {
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(stream));
  auto running = connection->run();
  // Through the executor: a handler never runs inside the call that brought its connection. The completion handler
  // keeps the connection, and so the cancellation signal, for as long as the coroutine may look at its slot.
  asio::co_spawn(executor, std::move(running),
                 asio::bind_cancellation_slot(connection->slot(), [connection](std::exception_ptr) {}));
}

awaitable<void> Server::Core::accept_from(std::shared_ptr<Listener> listener) {
  const auto self = shared_from_this();
  while (!stopping) {
    auto accepting_one = listener->accept();
    Connected accepted = co_await std::move(accepting_one);
    if (accepted.error == asio::error::operation_aborted) break;
    if (accepted.error) {
      auto pausing = changed.wait_until(after(accept_pause));
      co_await std::move(pausing);
      continue;
    }
    ++waiting;
    while (full() && !stopping) {
      close_idle_one();
      auto waiting_for_room = changed.wait();
      co_await std::move(waiting_for_room);
    }
    --waiting;
    if (!stopping) start(std::move(accepted.stream));
  }
  listener->close();
  --accepting;
  changed.notify();
}

void Server::Core::close_idle_one() {
  Connection* oldest = nullptr;
  for (Connection* const connection : connections) {
    const auto since = connection->idle_since();
    if (since && (!oldest || *since < *oldest->idle_since())) oldest = connection;
  }
  if (oldest) oldest->cut();
}

void Server::Core::begin_stop() {
  stopping = true;
  for (const auto& weak : listeners) {
    if (const auto listener = weak.lock()) listener->close();
  }
  const auto now = connections;  // a connection that ends takes itself out
  for (Connection* const connection : now)
    connection->begin_stop();
  changed.notify();
}

void Server::Core::cut_all() {
  const auto now = connections;
  for (Connection* const connection : now)
    connection->cut();
}

void Server::Core::watch_writes() {
  if (std::exchange(watching_writes_, true)) return;
  constexpr std::chrono::milliseconds interval_max{1'000};
  writes_.expires_after(std::min(options.write_time / 4, interval_max));
  writes_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto core = weak.lock();
    if (core && !error) core->look_at_writes();
  });
}

void Server::Core::look_at_writes() {
  watching_writes_ = false;
  const TimePoint now = std::chrono::steady_clock::now();
  bool somebody_writes = false;
  for (Connection* const connection : connections)
    somebody_writes |= connection->still_writes(now);
  if (somebody_writes) watch_writes();
}

const std::string& Server::Core::date() {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> text{};  // not strftime, which follows the locale
    std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT",
                  days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                  months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                  utc.tm_sec);
    date_ = text.data();
    date_second_ = now;
  }
  return date_;
}

Server::Server(Executor executor, Handler handler, ServerOptions options)
    : core_(std::make_shared<Core>(std::move(executor), std::move(handler), options)) {}

Server::~Server() {
  core_->begin_stop();
  core_->cut_all();
}

void Server::serve(std::unique_ptr<Listener> listener) {
  const std::shared_ptr<Listener> shared = std::move(listener);
  core_->listeners.push_back(shared);
  ++core_->accepting;
  auto accepting = core_->accept_from(shared);
  asio::co_spawn(core_->executor, std::move(accepting), asio::detached);
}

void Server::serve(std::unique_ptr<Stream> stream) {
  if (!core_->stopping) core_->start(std::move(stream));
}

awaitable<void> Server::stop(std::chrono::milliseconds grace) {
  const std::shared_ptr<Core> core = core_;
  core->begin_stop();
  const TimePoint deadline = after(grace);
  bool in_time = true;
  while (!core->connections.empty() || core->accepting > 0) {
    auto waiting = core->changed.wait_until(in_time ? deadline : never);
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::notified || !in_time) continue;
    in_time = false;
    core->cut_all();
  }
}

std::size_t Server::connections() const {
  return core_->connections.size();
}

}  // namespace holdfast::net
