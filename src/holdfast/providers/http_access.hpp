#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "holdfast/base/secret.hpp"
#include "holdfast/net/origin.hpp"
#include "holdfast/net/pool.hpp"
#include "holdfast/providers/provider_config.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::providers {

/// How a provider is asked over HTTP: everything about it that is no model and no request.
struct HttpAccess {
  wire::Dialect dialect = wire::Dialect::openai;
  std::vector<wire::Dialect> speaks{};  ///< beside its own
  net::BaseUrl base{};
  net::Connector connector{};
  Secret api_key{};  ///< empty: it needs none, or the client's own is passed on
};

/// The dialect of a protocol that is one of HTTP.
std::optional<wire::Dialect> dialect_of(Protocol protocol) noexcept;

/// Reads the key too. Throws `Error` config, naming the provider, its line and what is wrong: a variable that is not
/// set, a file that cannot be read or is empty, an address that is none. `environment`: the value of a variable.
HttpAccess http_access(const ProviderConfig& config,
                       const std::function<std::optional<std::string>(std::string_view)>& environment);

}  // namespace holdfast::providers
