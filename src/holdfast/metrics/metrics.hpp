#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/gateway/gateway.hpp"

/// What a process has counted and measured, for Prometheus.
namespace holdfast::metrics {

/// Names of providers that get a series of their own; the others share the name "other". Names come from requests, too,
/// and each series is kept for ever.
inline constexpr std::size_t providers_max = 256;
/// The same for what is switched from, to and why.
inline constexpr std::size_t decisions_max = 1024;

/// What a relay knows of an operation that has ended, and no news says. Absent: it never came to that.
struct RelayTimes {
  std::string provider_name{}, provider_type{};
  /// What Holdfast itself added: from the arrival of the request until it left for the provider.
  std::optional<std::chrono::nanoseconds> overhead{};
  /// Since it left. Without progress there is none.
  std::optional<std::chrono::nanoseconds> first_progress{};
  /// The longest between two pieces of progress. With less than two there is none.
  std::optional<std::chrono::nanoseconds> longest_gap{};
};

/// The metrics of one gateway, under the names that `docs/reference/metrics.md` lists.
///
///     Metrics metrics;
///     GatewayOptions options = …;
///     metrics.measure(options);                                  // commits and sweeps
///     Gateway gateway(std::move(options));
///     const Subscription counting = metrics.follow(gateway);     // what the gateway tells
///     proxy.ended = [&](…) { metrics.ended({…}); };              // what only the relay knows
///     api.metrics = [&] { return metrics.text(gateway); };       // GET /metrics
///
/// Counts and durations are recorded when an operation has ended, never while it runs; gauges are read from the gateway
/// when somebody asks. News that the gateway had to drop (`CallbackCounts::dropped`) is not counted.
/// Threads: any. `ended` takes a mutex for some tens of nanoseconds a number: call it once an operation.
/// Lifetime: what `measure` has put into options keeps alive what it needs.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Before the gateway is made: it measures its commits and sweeps.
  void measure(GatewayOptions& options);
  /// Counts until the subscription ends.
  [[nodiscard]] Subscription follow(Gateway& gateway);
  void ended(const RelayTimes& times);
  /// Everything, in Prometheus's text format. Waits for the gateway; where its store cannot be read, the last number of
  /// active locks stands.
  std::string text(Gateway& gateway);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace holdfast::metrics
