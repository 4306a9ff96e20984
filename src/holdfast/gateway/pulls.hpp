#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "holdfast/gateway/call.hpp"
#include "holdfast/gateway/crew.hpp"

namespace holdfast::gateway {

/// Pulls heartbeats on threads of their own, so that a slow one delays nobody else's.
///
/// Threads: `pull` in the engine's turn. Threads are made when needed, at most `threads_max`; further pulls wait.
/// Owns: nothing of the gateway's. A pull that blocks for ever keeps its thread, its strategy and its call; the gateway
/// can be destroyed all the same.
class Pulls {
 public:
  static constexpr int threads_max = 256;  ///< a blocked pull costs a thread; more than this is a leak elsewhere

  /// Pulls once, reports to the call, and lets the engine know when it is done.
  void pull(std::shared_ptr<Call> call);
  std::uint64_t thrown() const { return thrown_->load(std::memory_order_relaxed); }

 private:
  using Count = std::atomic<std::uint64_t>;
  static void pull_once(Call& call, Count& thrown);

  std::shared_ptr<Count> thrown_ = std::make_shared<Count>(0);  ///< a late pull counts still
  Crew crew_{"hf-pull", threads_max};
};

}  // namespace holdfast::gateway
