#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "holdfast/base/instant.hpp"
#include "holdfast/base/secret.hpp"
#include "holdfast/config/config.hpp"
#include "holdfast/net/origin.hpp"
#include "holdfast/net/pool.hpp"

namespace holdfast::cli {

/// Hands something over by HTTP, signed as Standard Webhooks says (https://www.standardwebhooks.com, version 1):
/// `webhook-id`, `webhook-timestamp`, and with a secret `webhook-signature`. What the other side says with 2xx is a
/// success; a connection that was not to be had, 429 and 5xx are tried again, with the same id.
///
/// Threads: any; a call blocks its own. Errors: a sentence. Limits: `attempts_max`, `call_time`.
class Webhook {
 public:
  static constexpr int attempts_max = 3;
  static constexpr std::chrono::milliseconds call_time{10'000};   ///< of one attempt
  static constexpr std::chrono::milliseconds first_pause{1'000};  ///< see `net::pause_before`

  /// Nothing where no URL is configured. Throws `Error` (config): the URL cannot be read, the secret's environment
  /// variable is not set or its `whsec_` is no base 64, there are no trusted certificates.
  static std::optional<Webhook> configured(const NotifyConfig& notify, const EnvironmentLookup& environment);

  /// `id`: the same for each attempt and for nothing else. Nothing: it was taken.
  std::optional<std::string> post(const std::string& id, const std::string& body, std::stop_token stop) const;

  /// "v1,…": base 64 of the HMAC-SHA256 of `id.timestamp.body`. `secret`: the bytes themselves.
  static std::string signature(std::string_view secret, std::string_view id, std::string_view timestamp,
                               std::string_view body);

 private:
  net::BaseUrl base_;
  std::string target_;
  net::Connector connector_;
  Secret secret_;  ///< its bytes; empty: not signed
};

}  // namespace holdfast::cli
