#pragma once

#include <map>
#include <set>
#include <string>

#include "holdfast/base/name.hpp"
#include "holdfast/proxy/address.hpp"
#include "holdfast/proxy/proxy.hpp"

namespace holdfast::proxy {

/// The providers as one version of the configuration has them, and this thread's connections to them.
struct Table {
  Table(const net::Executor& executor, std::shared_ptr<const ProxyOptions> with);

  const ProviderOptions* find(std::string_view name) const;
  /// The first that speaks it.
  const ProviderOptions* first(wire::Dialect dialect) const;
  /// Whose server a provider is: by its address, or as it has said in its last answer.
  wire::Server server(const ProviderOptions& provider) const;
  void heard(const ProviderOptions& provider, wire::Server said);
  net::Pool& pool(const ProviderOptions& provider) { return *pools.at(provider.name); }

  std::shared_ptr<const ProxyOptions> options;
  std::map<std::string, std::unique_ptr<net::Pool>, NameLess> pools;
  std::set<std::string, NameLess> llama;  ///< those that have said so
};

struct Proxy::Impl : std::enable_shared_from_this<Proxy::Impl> {
  Impl(Gateway& of, net::Executor on, std::shared_ptr<const ProxyOptions> with, std::shared_ptr<Joins> among);

  /// What a client said in advance about stalls is its answer when one comes.
  void subscribe();
  void answer_in_advance(const StallSuspected& stall);

  Gateway& gateway;
  net::Executor executor;
  std::shared_ptr<Table> table;
  std::shared_ptr<Joins> joins;
  std::map<std::string, OnStall> said_in_advance;  ///< by operation; only those that do not say ask
  Subscription stalls;
};

}  // namespace holdfast::proxy
