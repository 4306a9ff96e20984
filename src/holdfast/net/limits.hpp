#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of this module, with its reason.
namespace holdfast::net {

/// The head of a message, before anybody has looked at it.
struct HeadLimits {
  /// Request or status line. Long targets carry long queries; browsers and balancers stop at about 8 KiB themselves.
  std::size_t line_bytes_max = 8 * 1024;
  /// The whole head: four times nginx's default of one header buffer, since tokens and trace headers grow.
  std::size_t head_bytes_max = 32 * 1024;
  /// Apache's default. SDKs send about 20.
  std::size_t fields_max = 100;
};

/// Line of a chunk with its extensions, and the trailers: nobody uses either for much.
inline constexpr std::size_t chunk_line_bytes_max = 8 * 1024;
/// Informational answers before the final one. One or two occur; without a bound a peer can keep a reader for ever.
inline constexpr int informational_answers_max = 16;
/// Parameters of a query: an answer of the API has five at most.
inline constexpr std::size_t query_parameters_max = 100;

/// What one connection may hold back before the kernel's own flow control takes over: read ahead while a handler works.
inline constexpr std::size_t read_ahead_bytes_max = 64 * 1024;
/// Room for one read. It begins small, since most connections wait most of the time and ten thousand of them hold it
/// meanwhile, and grows while reads fill it. A head of an SDK, or some frames of a stream, fit.
inline constexpr std::size_t read_bytes_min = 1024;
inline constexpr std::size_t read_bytes_max = 64 * 1024;
/// What goes out under one write time-out: small enough for a slow line to make it in time.
inline constexpr std::size_t write_slice_bytes = 64 * 1024;
/// A body nobody read is read to its end up to here, so that the connection can be used again; else it is closed.
inline constexpr std::uint64_t drain_bytes_max = 64 * 1024;

/// One event of a stream of events: 1 MiB, far above what a provider sends in one.
inline constexpr std::size_t sse_event_bytes_max = 1024 * 1024;

/// A dead peer is seen after 30 s + 6 × 10 s, in time for balancers that cut at 100 s.
inline constexpr std::chrono::seconds keepalive_idle{30};
inline constexpr std::chrono::seconds keepalive_interval{10};
inline constexpr int keepalive_probes = 6;

/// One address: longer than three lost SYNs (1 + 2 + 4 s), shorter than a person's patience.
inline constexpr std::chrono::seconds connect_time{10};

/// Connections that wait for their next request: a pool's, for one origin and thread.
inline constexpr std::chrono::minutes pool_age_max{5};
inline constexpr std::chrono::seconds pool_idle_max{30};
/// More than a burst leaves behind; each is a descriptor here and there.
inline constexpr std::size_t pool_idle_connections_max = 32;

}  // namespace holdfast::net
