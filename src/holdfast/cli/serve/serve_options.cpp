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

std::shared_ptr<const proxy::ProxyOptions> proxy_options(const Config& config, const EnvironmentLookup& environment) {
  auto options = std::make_shared<proxy::ProxyOptions>();
  options->providers = http_providers(config, environment);
  return options;
}

}  // namespace holdfast::cli
