#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "holdfast/core/words.hpp"

namespace holdfast {

struct HeartbeatOptions {
  std::optional<milliseconds> interval{};    ///< absent: the profile's
  std::optional<double> stall_multiplier{};  ///< × interval = silence that opens a question; absent: the profile's
};

/// Where the gateway learns how far an operation has come.
///
/// Shared: may still be pulled when the call that used it has returned, and a pull that blocks outlives even the
/// gateway. So capture by value or `shared_ptr`, never a reference to something of the caller's stack.
///
/// Threads: pulled on a thread of its own, never by two at once. Errors: a pull that throws is counted, and
/// told to `GatewayOptions::on_pull_thrown`; it is neither progress nor a sign of life.
class HeartbeatStrategy {
 public:
  virtual ~HeartbeatStrategy() = default;
  /// What has been done so far: totals. May block, may throw.
  virtual Progress pull(std::stop_token stop) = 0;
  /// False: silence is judged by the deep-wait threshold, and nothing is pulled.
  virtual bool gives_heartbeats() const { return true; }
  /// False: the operation reports by itself, through `OperationContext::progress`.
  virtual bool pulled() const { return gives_heartbeats(); }
  virtual HeartbeatOptions options() const { return {}; }
};

using SharedHeartbeat = std::shared_ptr<HeartbeatStrategy>;

/// Tokens so far: counts as progress when it grows.
SharedHeartbeat llm_streaming_heartbeat(std::function<std::int64_t()> count_tokens, HeartbeatOptions options = {});
/// Audio chunks so far.
SharedHeartbeat tts_chunk_heartbeat(std::function<std::int64_t()> count_chunks, HeartbeatOptions options = {});
/// Percent complete, 0 to 100: counts as progress when it rises above the highest seen.
SharedHeartbeat percentage_heartbeat(std::function<double()> percent, HeartbeatOptions options = {});
/// No progress to be had: only elapsed time is known.
SharedHeartbeat no_heartbeat();
/// Pushed only: the operation reports through `OperationContext::progress`, nothing is pulled.
SharedHeartbeat pushed_heartbeat(HeartbeatOptions options = {});

}  // namespace holdfast
