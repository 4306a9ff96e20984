#include "holdfast/cli/serve/serve_options.hpp"

#include "holdfast/providers/http_access.hpp"

namespace holdfast::cli {
namespace {

proxy::Streaming streaming_of(StreamToProvider said) {
  switch (said) {
    case StreamToProvider::automatic:
      return proxy::Streaming::automatic;
    case StreamToProvider::always:
      return proxy::Streaming::always;
    case StreamToProvider::never:
      return proxy::Streaming::never;
  }
  __builtin_unreachable();
}

}  // namespace

std::vector<proxy::ProviderOptions> http_providers(const Config& config, const EnvironmentLookup& environment) {
  std::vector<proxy::ProviderOptions> all;
  for (const ProviderConfig& each : config.providers) {
    if (!providers::dialect_of(each.protocol)) continue;
    providers::HttpAccess access = providers::http_access(each, environment);
    all.push_back({.name = each.name,
                   .type = each.type,
                   .dialect = access.dialect,
                   .speaks = std::move(access.speaks),
                   .base = std::move(access.base),
                   .connector = std::move(access.connector),
                   .models = each.models,
                   .api_key = std::move(access.api_key),
                   .streaming = streaming_of(each.stream_to_provider)});
  }
  return all;
}

net::Access access_of(const ServerConfig& server) {
  net::AccessOptions options{.hosts = server.hosts, .insecure = server.insecure};
  for (const TokenConfig& each : server.tokens)
    options.tokens.push_back({.name = each.name, .sha256 = each.sha256, .scopes = each.scopes});
  auto access = net::Access::make(std::move(options));
  if (!access) throw Error(Errc::config, "server: " + access.error().message);
  return std::move(*access);
}

std::shared_ptr<proxy::ProxyOptions> proxy_options(const Config& config, const EnvironmentLookup& environment,
                                                   metrics::Metrics& metrics,
                                                   std::shared_ptr<const net::CurrentAccess> access) {
  auto options = std::make_shared<proxy::ProxyOptions>();
  options->providers = http_providers(config, environment);
  options->access = std::move(access);
  options->ended = [&metrics](const proxy::RelayFacts& facts) {
    metrics.ended({.provider_name = facts.provider_name,
                   .provider_type = facts.provider_type,
                   .overhead = facts.overhead,
                   .first_progress = facts.first_progress,
                   .longest_gap = facts.longest_gap});
  };
  return options;
}

}  // namespace holdfast::cli
