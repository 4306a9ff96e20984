#include "holdfast/net/pool.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>
#include <vector>

#include "holdfast/base/check.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

}  // namespace

/// One connection, in use or waiting.
struct Lease::Held {
  Held(Client of, std::weak_ptr<Pool::Core> from) : client(std::move(of)), pool(std::move(from)) {}

  Client client;
  std::weak_ptr<Pool::Core> pool;
  TimePoint born = Clock::now();
  TimePoint until = {};  ///< kept so long at the most
  bool fresh = true;
};

class Pool::Core : public std::enable_shared_from_this<Core> {
 public:
  using Held = std::shared_ptr<Lease::Held>;

  Core(Executor on, Origin to, Connector by, PoolOptions with)
      : executor(std::move(on)), origin(std::move(to)), connector(std::move(by)), options(with) {}

  std::optional<Lease> take_kept();
  awaitable<Lease> connect();
  void keep(Held held);
  void clear() noexcept;
  Lease lease(Held held) const;
  void look_after();

  Executor executor;
  Origin origin;
  Connector connector;
  PoolOptions options;

  /// Unused, the longest unused first.
  std::vector<Held> idle;
  asio::steady_timer timer{executor};
  bool looking_after = false;
};

Lease Pool::Core::lease(Held held) const {
  Lease lease;
  lease.held_ = std::move(held);
  lease.error_ = {};
  return lease;
}

std::optional<Lease> Pool::Core::take_kept() {
  while (!idle.empty()) {
    Held held = std::move(idle.back());
    idle.pop_back();
    if (Clock::now() < held->until && held->client.untouched()) {
      held->fresh = false;
      return lease(std::move(held));
    }
    held->client.close();
  }
  return std::nullopt;
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
  co_return lease(std::make_shared<Lease::Held>(std::move(client), weak_from_this()));
}

/// Waits for its next request, until its time is over.
void Pool::Core::keep(Held held) {
  const TimePoint now = Clock::now();
  held->until = std::min(now + options.idle_max, held->born + options.age_max);
  if (held->until <= now || options.idle_connections_max == 0) return held->client.close();
  if (idle.size() >= options.idle_connections_max) {
    idle.front()->client.close();
    idle.erase(idle.begin());
  }
  held->client.trim();
  idle.push_back(std::move(held));
  if (!looking_after) look_after();
}

/// Closes what nobody has taken in its time, or what its server has closed meanwhile. One timer for all: it is set for
/// the first whose time is over, and seldom.
void Pool::Core::look_after() {
  std::erase_if(idle, [now = Clock::now()](const Held& held) {
    const bool over = held->until <= now || !held->client.untouched();
    if (over) held->client.close();
    return over;
  });
  looking_after = !idle.empty();
  if (!looking_after) return;
  timer.expires_at((*std::ranges::min_element(idle, {}, &Lease::Held::until))->until);
  timer.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto core = weak.lock();
    if (core && !error) core->look_after();
  });
}

void Pool::Core::clear() noexcept {
  timer.cancel();
  looking_after = false;
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

std::optional<Lease> Pool::take_kept() {
  return core_->take_kept();
}
awaitable<Lease> Pool::take_fresh() {
  return core_->connect();
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
