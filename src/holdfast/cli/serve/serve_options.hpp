#pragma once

#include <memory>

#include "holdfast/config/config.hpp"
#include "holdfast/metrics/metrics.hpp"
#include "holdfast/proxy/options.hpp"

/// A configuration becomes the options of the parts that serve.
namespace holdfast::cli {

/// The providers of the configuration that are asked over HTTP, as the proxy needs them. Throws `Error` config, as
/// `providers::http_access` does.
std::vector<proxy::ProviderOptions> http_providers(const Config& config, const EnvironmentLookup& environment);

/// Who may ask. Throws `Error` config for tokens or hosts that are none.
net::Access access_of(const ServerConfig& server);

/// What one version of the configuration means for the proxy; `access` is that of all versions. `metrics` outlives it.
std::shared_ptr<proxy::ProxyOptions> proxy_options(const Config& config, const EnvironmentLookup& environment,
                                                   metrics::Metrics& metrics,
                                                   std::shared_ptr<const net::CurrentAccess> access);

}  // namespace holdfast::cli
