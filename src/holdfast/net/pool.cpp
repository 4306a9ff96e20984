#include "holdfast/net/pool.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

#include "holdfast/base/check.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

}  // namespace

/// One connection, in use or waiting. While it waits, a coroutine reads from it.
struct Lease::Held {
  Held(Executor executor, Client of, std::weak_ptr<Pool::Core> from)
      : client(std::move(of)), pool(std::move(from)), watched(std::move(executor)) {}

  Client client;
  std::weak_ptr<Pool::Core> pool;
  TimePoint born = Clock::now();
  bool fresh = true;
  /// The coroutine that reads runs.
  bool watching = false;
  asio::cancellation_signal stop_watching;
  Signal watched;
};

class Pool::Core : public std::enable_shared_from_this<Core> {
 public:
  using Held = std::shared_ptr<Lease::Held>;

  Core(Executor on, Origin to, Connector by, PoolOptions with)
      : executor(std::move(on)), origin(std::move(to)), connector(std::move(by)), options(with) {}

  awaitable<Lease> take(bool kept_ones);
  awaitable<bool> stop_watching(Held held);
  awaitable<Lease> connect();
  void keep(Held held);
  void clear() noexcept;
  Lease lease(Held held) const;

  Executor executor;
  Origin origin;
  Connector connector;
  PoolOptions options;
  /// Unused, the longest unused first.
  std::vector<Held> idle;
};

namespace {

/// Reads until the connection is taken, its time is over, or its server has spoken or closed. `reusable()` tells which.
awaitable<void> watch(std::shared_ptr<Client> client, Executor executor, TimePoint until) {
  const Deadline limit(executor, until, [client] { client->close(); });
  auto waiting = client->wait_idle();
  co_await std::move(waiting);
}

}  // namespace

Lease Pool::Core::lease(Held held) const {
  Lease lease;
  lease.held_ = std::move(held);
  lease.error_ = {};
  return lease;
}

awaitable<Lease> Pool::Core::take(bool kept_ones) {
  const auto self = shared_from_this();
  while (kept_ones && !idle.empty()) {
    Held held = idle.back();
    idle.pop_back();
    auto stopping = stop_watching(held);
    const bool good = co_await std::move(stopping);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      Lease none;
      none.error_ = asio::error::operation_aborted;
      co_return none;
    }
    if (!good || Clock::now() - held->born >= options.age_max) continue;
    held->fresh = false;
    co_return lease(std::move(held));
  }
  auto connecting = connect();
  co_return co_await std::move(connecting);
}

awaitable<bool> Pool::Core::stop_watching(Held held) {
  held->stop_watching.emit(asio::cancellation_type::terminal);
  while (held->watching) {
    auto waiting = held->watched.wait();
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::cancelled) co_return false;
  }
  co_return held->client.reusable();
}

awaitable<Lease> Pool::Core::connect() {
  const auto self = shared_from_this();
  auto connecting = connector();
  Connected connected = co_await std::move(connecting);
  if (connected.error) {
    Lease none;
    none.error_ = connected.error;
    co_return none;
  }
  const ClientOptions with{.head = options.head, .host = origin.host_field()};
  Client client(std::move(connected.stream), with);
  co_return lease(std::make_shared<Lease::Held>(executor, std::move(client), weak_from_this()));
}

/// Waits for its next request, until its time is over.
void Pool::Core::keep(Held held) {
  const TimePoint now = Clock::now();
  const TimePoint until = std::min(now + options.idle_max, held->born + options.age_max);
  if (until <= now || options.idle_connections_max == 0) return held->client.close();
  if (idle.size() >= options.idle_connections_max) {
    const Held oldest = idle.front();
    idle.erase(idle.begin());
    oldest->client.close();
  }
  held->watching = true;
  // Part of what it is in: lives as long.
  const std::shared_ptr<Client> client(held, &held->client);
  auto watching = watch(client, executor, until);
  auto ended = [held, pool = weak_from_this()](std::exception_ptr) {
    held->watching = false;
    held->watched.notify();
    // Told to end, perhaps before it began; else the connection is closed.
    if (held->client.reusable()) return;
    if (const auto core = pool.lock()) std::erase(core->idle, held);
  };
  idle.push_back(held);
  asio::co_spawn(executor, std::move(watching),
                 asio::bind_cancellation_slot(held->stop_watching.slot(), std::move(ended)));
}

void Pool::Core::clear() noexcept {
  for (const Held& held : std::exchange(idle, {}))
    held->client.close();
}

Connector plain_connector(Origin origin, std::chrono::milliseconds address_time) {
  return [endpoint = origin.endpoint(), address_time] { return connect(endpoint, address_time); };
}

Pool::Pool(Executor executor, Origin origin, Connector connector, PoolOptions options)
    : core_(std::make_shared<Core>(std::move(executor), std::move(origin), std::move(connector), options)) {}

Pool::~Pool() {
  core_->clear();
  // What is being connected is still delivered, but comes back to nobody.
  core_->options.idle_connections_max = 0;
}

awaitable<Lease> Pool::take() {
  return core_->take(true);
}
awaitable<Lease> Pool::take_fresh() {
  return core_->take(false);
}
void Pool::clear() noexcept {
  core_->clear();
}
std::size_t Pool::idle_connections() const noexcept {
  return core_->idle.size();
}
const Origin& Pool::origin() const noexcept {
  return core_->origin;
}

Lease::~Lease() {
  give_back();
}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  held_ = std::move(other.held_);
  error_ = other.error_;
  return *this;
}

void Lease::give_back() noexcept {
  const auto held = std::exchange(held_, nullptr);
  if (!held) return;
  const auto core = held->pool.lock();
  if (core && held->client.reusable()) {
    core->keep(held);
  } else {
    held->client.close();
  }
}

Client& Lease::client() noexcept {
  HOLDFAST_CHECK(held_, "a lease that holds a connection");
  return held_->client;
}
bool Lease::fresh() const noexcept {
  return held_ && held_->fresh;
}
void Lease::close() noexcept {
  if (const auto held = std::exchange(held_, nullptr)) held->client.close();
}

}  // namespace holdfast::net
