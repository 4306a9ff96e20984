#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/secret.hpp"
#include "holdfast/net/access/access.hpp"
#include "holdfast/net/origin.hpp"
#include "holdfast/net/pool.hpp"
#include "holdfast/net/server.hpp"
#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::proxy {

/// The largest body of a request whose model is looked at: images travel in chat requests, as base 64.
inline constexpr std::size_t request_bytes_max = std::size_t{64} * 1024 * 1024;
/// Of a provider's error: what is passed on to the client. The rest is cut off.
inline constexpr std::size_t error_bytes_max = std::size_t{1024} * 1024;
/// Of one answer, and of all answers of a process: what is recorded for clients that come back. Texts have some KiB,
/// pictures some MiB.
inline constexpr std::size_t recording_bytes_max = std::size_t{16} * 1024 * 1024;
inline constexpr std::size_t recordings_bytes_max = std::size_t{256} * 1024 * 1024;
/// How much too early a client that timed out may seem to have left: its clock began before ours.
inline constexpr std::chrono::milliseconds timeout_tolerance{1'000};
/// Connections that were refused before the request left are tried again so often (policy §8).
inline constexpr int connect_retries_max = 3;
inline constexpr std::chrono::milliseconds connect_retry_pause{250};  ///< doubled each time, plus up to half of jitter

/// Whether the provider is asked to stream an answer that the client wants whole, so that its progress can be heard.
/// `automatic`: where the server is known and the answer is put together again exactly (`wire::assembles_exactly`).
/// Another server of the same language may stream what its whole answers do not have, and the answer, paid for, would
/// be an error.
enum class Streaming : unsigned char { automatic, always, never };

/// A provider that can be asked over HTTP.
struct ProviderOptions {
  std::string name{};
  std::string type{};  ///< empty: the mapping of the profiles decides
  wire::Dialect dialect = wire::Dialect::openai;
  std::vector<wire::Dialect> speaks{};  ///< beside its own
  net::BaseUrl base{};
  net::Connector connector{};
  std::vector<std::pair<std::string, std::string>> models{};  ///< what a model name of the client means here
  Secret api_key{};                                           ///< empty: the client's own is passed on
  Streaming streaming = Streaming::automatic;

  bool understands(wire::Dialect asked) const;
  /// Whose server it is, by its address alone.
  wire::Server server() const;
  /// The name of a model here: as it is mapped; else `default`, where the request was made for another provider.
  std::string model(std::string_view asked, bool moved) const;
};

/// What is known about an operation when it has ended, for metrics. Durations absent: it never came to that.
struct RelayFacts {
  std::string provider_name{}, provider_type{};
  std::optional<std::chrono::nanoseconds> overhead{};  ///< from the request's arrival until it left for the provider
  std::optional<std::chrono::nanoseconds> first_progress{};  ///< since it left
  std::optional<std::chrono::nanoseconds> longest_gap{};     ///< between two pieces of progress
};

struct ProxyOptions {
  std::vector<ProviderOptions> providers{};
  /// Who may be served. Its tokens are never passed on. The same object in all versions of the options, and in the
  /// control API's: it is renewed by itself.
  std::shared_ptr<const net::CurrentAccess> access = std::make_shared<const net::CurrentAccess>();
  std::function<void(const RelayFacts&)> ended{};
  /// How long an answer's head may take before one is sent in its place, which fixes the status: fast errors keep
  /// theirs.
  std::chrono::milliseconds header_grace{5'000};
  /// Silence towards the client before a keepalive; half of it after a head.
  std::chrono::milliseconds keepalive{10'000};
  /// One that leaves later, and has not said how long it would wait, has probably timed out: before the 60 s of most
  /// balancers.
  std::chrono::milliseconds likely_timeout{55'000};
  /// How long an operation goes on without its client where that has timed out.
  std::chrono::milliseconds client_return{20'000};
  /// How long an outcome that its client could not be told waits for it.
  std::chrono::milliseconds outcome_kept{60'000};
};

}  // namespace holdfast::proxy
