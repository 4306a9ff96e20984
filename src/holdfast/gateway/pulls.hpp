#pragma once

#include <cstdint>
#include <memory>

#include "holdfast/gateway/call.hpp"

namespace holdfast::gateway {

/// Pulls heartbeats on threads of their own, so that a slow one delays nobody else's.
///
/// Threads: `pull` in the engine's turn. Threads are made when needed, at most `threads_max`; further pulls wait.
/// Owns: nothing of the gateway's. A pull that blocks for ever keeps its thread, its strategy and its call; the gateway
/// can be destroyed all the same.
class Pulls {
 public:
  static constexpr int threads_max = 256;  ///< a blocked pull costs a thread; more than this is a leak elsewhere

  Pulls();
  ~Pulls();
  Pulls(const Pulls&) = delete;
  Pulls& operator=(const Pulls&) = delete;

  /// Pulls once, reports to the call, and lets the engine know when it is done.
  void pull(std::shared_ptr<Call> call);
  std::uint64_t thrown() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace holdfast::gateway
