#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "holdfast/control/options.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/server.hpp"

namespace holdfast::control {

/// Answers requests of the control API, whoever accepted them.
///
/// A table of routes (`routes.hpp`), blocking handlers on a pool, and an event feed of its own (`feed.hpp`). A process
/// with several I/O threads has one on each, made with the same options: then the ids of their events are the same, and
/// a follower may come back to another one.
/// Threads: made anywhere; `handle` on the executor's thread, which must be one; handlers on the pool's threads, since
/// the gateway's functions wait for the engine and the disk.
/// Lifetime: gateway and pool outlive it, and it outlives what it handles: stop the server first. Destroyed on any
/// thread but the gateway's notice thread, when the executor's loop is over.
/// Errors: nothing is thrown; what is refused is a problem document.
/// Limits: `limits.hpp`.
class Api {
 public:
  Api(Gateway& gateway, net::Executor executor, ServiceOptions options, boost::asio::thread_pool& pool);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// Whether the path is one of its own: `/`, `/metrics`, and everything below `/holdfast`, known or not, so that a
  /// mistyped one never reaches a provider.
  static bool owns(const net::Request& request);
  /// Any request: one that it does not own is answered with 404. Both arguments outlive it.
  net::awaitable<void> handle(net::Request& request, net::Response& response);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::control
