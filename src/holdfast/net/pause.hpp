#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <stop_token>

namespace holdfast::net {

/// How long to wait before retry number `attempt`, from 0: `first`, doubled each time, or what the other side asked for
/// where that is more; and up to half of the doubled pause on top, so that a hundred who wait do not come back in one
/// moment. `chance`: 0 to 1.
inline std::chrono::milliseconds pause_before(int attempt, std::chrono::milliseconds first,
                                              std::chrono::milliseconds asked_for, double chance) {
  const std::chrono::milliseconds doubled = first * (1 << attempt);
  const auto jitter = static_cast<std::int64_t>(chance * static_cast<double>(doubled.count()) / 2);
  return std::max(doubled, asked_for) + std::chrono::milliseconds(jitter);
}

/// By the chance of the moment.
inline std::chrono::milliseconds pause_before(int attempt, std::chrono::milliseconds first,
                                              std::chrono::milliseconds asked_for = {}) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return pause_before(attempt, first, asked_for, std::uniform_real_distribution<double>(0, 1)(random));
}

/// Waits on this thread. False: `stop` ended it, at once.
inline bool wait_unless_stopped(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace holdfast::net
