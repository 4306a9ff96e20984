#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

/// Stands for the caller's own provider client in these examples: it makes one piece of work after another, slowly, can
/// be asked how far it is, and ends when it is told to stop.
class SlowProvider {
 public:
  explicit SlowProvider(std::chrono::milliseconds per_piece) : per_piece_(per_piece) {}

  /// Makes `pieces` pieces; returns how many it made before it was stopped.
  std::int64_t work(std::int64_t pieces, std::stop_token stop) {
    while (done_ < pieces && !stop.stop_requested()) {
      pause(per_piece_, stop);
      ++done_;
    }
    return done_;
  }
  /// Hangs, as a provider does that has lost its way, until it is stopped.
  void hang(std::stop_token stop) { pause(std::chrono::hours(1), stop); }
  std::int64_t done() const { return done_; }

 private:
  void pause(std::chrono::milliseconds time, std::stop_token stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
  }

  std::chrono::milliseconds per_piece_;
  std::atomic<std::int64_t> done_ = 0;
};
