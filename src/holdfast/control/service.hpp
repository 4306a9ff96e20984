#pragma once

#include <memory>

#include "holdfast/control/options.hpp"
#include "holdfast/gateway/gateway.hpp"

namespace holdfast::control {

/// Answers the control API for a gateway, over one endpoint.
///
/// An `Api` (`api.hpp`) with a server, a thread and a pool of `calls_at_once` threads of its own.
/// Threads: one of its own for connections and feeds, and the pool's, since the gateway's functions wait for the engine
/// and the disk. Its functions from any thread but its own and the gateway's notice thread.
/// Owns: the socket and its file. Lifetime: the gateway outlives it.
/// Errors: the constructor throws `Error`: invalid_argument where the endpoint cannot be listened at, config where
/// others can reach it and it has no tokens. Afterwards nothing is thrown; what is refused is a problem document.
/// Limits: `limits.hpp`, and those of `net::ServerOptions`. A connection has one request at a time, so at most
/// `connections_max` requests wait for the pool.
class Service {
 public:
  Service(Gateway& gateway, ServiceOptions options);
  /// Stops.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Where it listens; with the port that was chosen where port 0 was asked for.
  const net::Endpoint& endpoint() const;
  /// Accepts no more, ends feeds, lets requests that are being answered end for `stop_grace`, cuts the others.
  /// Returns when all of it is over. Again: nothing.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::control
