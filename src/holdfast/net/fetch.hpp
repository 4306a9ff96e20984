#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/pool.hpp"
#include "holdfast/net/sse.hpp"

/// The client for those who have nothing else to do: each call blocks its thread and brings its own loop.
namespace holdfast::net {

struct FetchOptions {
  /// Of an answer that is kept in memory: lists of the API have a tenth of it.
  std::size_t body_bytes_max = 64 * 1024 * 1024;
  std::chrono::milliseconds connect_time = net::connect_time;
  /// For everything together; empty: as long as it takes.
  std::optional<std::chrono::milliseconds> total_time = {};
  /// Ends the call from another thread (`Errc::cancelled`).
  std::stop_token stop = {};
  /// How to connect, where it is not over the endpoint as it is: with TLS.
  Connector connector = {};
};

struct Fetched {
  ResponseHead head = {};
  std::string body = {};
};

/// One request on a connection of its own. Any status is an answer, none is followed. Failures have a sentence that
/// names the endpoint: `provider_unreachable`, `truncated`, `too_large`, `cancelled`, …
result<Fetched> fetch(const Endpoint& endpoint, RequestHead request, std::string body = {}, FetchOptions options = {});

/// A stream of events: calls `on_event` for each, on this thread, until it says false (a success), the stream ends
/// (`Errc::truncated`: such a stream has no end) or `options.stop` fires. An answer that is no stream of events is
/// returned with its body.
result<Fetched> follow(const Endpoint& endpoint, RequestHead request, std::function<bool(const SseEvent&)> on_event,
                       FetchOptions options = {});

}  // namespace holdfast::net
