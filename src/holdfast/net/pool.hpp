#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "holdfast/net/client.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/limits.hpp"
#include "holdfast/net/origin.hpp"

namespace holdfast::net {

/// Makes a connection; heeds per-operation cancellation. Copies of what it needs live in it: the pool keeps it for as
/// long as a connection is being made.
using Connector = std::function<awaitable<Connected>()>;

/// Without TLS, whatever the origin says.
Connector plain_connector(Origin origin, std::chrono::milliseconds address_time = connect_time);

struct PoolOptions {
  /// Since it was made. Names move to other addresses; a connection that never ends never follows.
  std::chrono::milliseconds age_max = pool_age_max;
  /// Unused. Shorter than servers keep theirs (60 s and more), so that they seldom close first.
  std::chrono::milliseconds idle_max = pool_idle_max;
  /// Beyond this the one that is unused longest goes.
  std::size_t idle_connections_max = pool_idle_connections_max;
  HeadLimits head = {};
};

class Lease;

/// Connections to one origin, kept for the next request.
///
/// Whoever takes one has it alone; the lease gives it back. The last one given back is the first one taken, so that a
/// quiet time lets the others go. A kept connection is looked at when it is taken: one that its server has closed, or
/// on which it said what nobody asked for, is thrown away. A server can still close in the very moment in which a
/// request leaves. Where that was a kept connection (`!lease.fresh()`) and the head of the answer is `Fault::closed`,
/// nothing was answered: take a fresh one and send again.
///
/// Threads: the executor's one; a pool for each I/O thread, without locks. Time: the steady clock.
/// Limits: on what is unused. How many are in use is the caller's business.
/// Lifetime: what is unused closes with the pool; leases may outlive it, and then close what they hold.
class Pool {
 public:
  Pool(Executor executor, Origin origin, Connector connector, PoolOptions options = {});
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A kept connection, at once; nothing where none is kept that still stands.
  std::optional<Lease> take_kept();
  /// A new one, whatever is kept. Per-operation cancellation ends the waiting.
  awaitable<Lease> take_fresh();

  /// Closes what is unused: after the settings or the address changed.
  void clear() noexcept;
  std::size_t idle_connections() const noexcept;
  const Origin& origin() const noexcept;

 private:
  friend class Lease;
  class Core;

  std::shared_ptr<Core> core_;
};

/// A connection for one request after the other, or why there is none.
///
/// When it goes, the connection is kept if `Client::reusable()`, and closed if not: an answer that was not read to its
/// end is never in the way of the next. Threads: the pool's.
class Lease {
 public:
  Lease() = default;
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;

  explicit operator bool() const noexcept { return held_ != nullptr; }
  const error_code& error() const noexcept { return error_; }

  /// Only of a lease that holds one.
  Client& client() noexcept;
  Client& operator*() noexcept { return client(); }
  Client* operator->() noexcept { return &client(); }
  /// Nobody used the connection before.
  bool fresh() const noexcept;

  /// Closes the connection, and so cancels what the server still does.
  void close() noexcept;

 private:
  friend class Pool;
  struct Held;

  void give_back() noexcept;

  std::shared_ptr<Held> held_;
  error_code error_ = boost::asio::error::not_connected;
};

}  // namespace holdfast::net
