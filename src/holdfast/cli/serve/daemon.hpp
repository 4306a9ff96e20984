#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "holdfast/control/options.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/server.hpp"
#include "holdfast/net/tls/tls.hpp"
#include "holdfast/proxy/options.hpp"

namespace holdfast::cli {

struct DaemonOptions {
  net::Endpoint endpoint{};
  std::size_t threads = 2;
  std::shared_ptr<const proxy::ProxyOptions> proxy{};
  control::ServiceOptions control{};
  net::ServerOptions server{};
  std::optional<net::TlsServerContext> tls{};
};

/// Proxy and control API behind one port, on several I/O threads that share it and nothing else.
///
/// Threads: its functions from one thread that is none of its own. Owns: the I/O threads. Lifetime: the gateway
/// outlives it. Errors: the constructor throws `Error` where it cannot listen.
class Daemon {
 public:
  Daemon(Gateway& gateway, DaemonOptions options);
  /// Stops at once.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// With the port that was chosen where port 0 was asked for.
  const net::Endpoint& endpoint() const;
  std::size_t connections() const;
  /// For requests that begin from now on.
  void reload(std::shared_ptr<const proxy::ProxyOptions> proxy);
  /// Accepts no more, and lets what runs end for `grace`. `done` is called on a thread of its own when all is over.
  void begin_stop(std::chrono::milliseconds grace, std::function<void()> done);

 private:
  struct Worker;
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  net::Endpoint endpoint_;
};

}  // namespace holdfast::cli
