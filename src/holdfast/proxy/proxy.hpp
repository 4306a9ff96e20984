#pragma once

#include <memory>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/server.hpp"
#include "holdfast/proxy/joins.hpp"
#include "holdfast/proxy/options.hpp"

namespace holdfast::proxy {

/// Serves the clients of OpenAI, Anthropic and Ollama as their providers would, and waits as long as it takes.
///
/// A request is bound to a provider: by its job's lock, by its own word, or as the first that speaks its language; a
/// job's first request locks what it chose. Its bytes pass through unchanged. Silence towards the client is filled with
/// what the dialect allows; silence of the provider is a question, and never an end.
///
/// Threads: one for each I/O thread, all calls on the executor's. Owns: the connections to providers of its thread.
/// Errors: requests that are refused are answered in the dialect's shape (`wire::error_body`).
/// Lifetime: the gateway and the options outlive it; it outlives the server whose handler it is.
class Proxy {
 public:
  /// `joins`: shared by all proxies of a process, so that a client finds its answer on whatever thread it comes back.
  Proxy(Gateway& gateway, net::Executor executor, std::shared_ptr<const ProxyOptions> options,
        std::shared_ptr<Joins> joins = std::make_shared<Joins>());
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  net::awaitable<void> handle(net::Request& request, net::Response& response);

  /// From now on, for requests that begin. What runs keeps what it has.
  void reload(std::shared_ptr<const ProxyOptions> options);

 private:
  friend class Session;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::proxy
