#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/words.hpp"
#include "holdfast/gateway/heartbeat.hpp"

namespace holdfast::gateway {

class Engine;
class Inbox;

/// One running provider call, shared by its caller, the engine and whoever pulls its heartbeat.
///
/// Its fate is settled once, by one compare-and-swap: by the function that returns, or by the engine that ends it.
struct Call {
  enum class Fate : unsigned char { running, returned, cancelled, switched };

  Call(OperationId id, std::shared_ptr<Inbox> inbox, Engine& engine, ActivityWriter writer);
  /// Gives the slot back: the last writer is gone.
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// True for the one who settles it.
  bool settle(Fate fate);
  Progress progress() const;
  /// A total that may have grown: progress if it has, else a sign of life.
  void total(std::atomic<std::int64_t>& cell, std::int64_t total);
  void percent_is(double percent);
  void message_is(std::string text);
  void progressed();
  void alive();

  const OperationId id;
  const std::shared_ptr<Inbox> inbox;
  Engine& engine;  ///< only to be touched by what runs through the inbox
  ActivityWriter writer;
  std::string provider_name{};
  std::uint64_t epoch = 0;
  SharedHeartbeat heartbeat{};
  milliseconds pull_interval{};
  std::stop_source stop{};
  std::stop_token caller_stop{};
  std::optional<std::stop_callback<std::function<void()>>> on_caller_stop{};

  std::atomic<Fate> fate{Fate::running};
  std::atomic<std::int64_t> tokens{-1}, chunks{-1}, bytes{-1}, remaining_ms{-1}, heartbeats{0};
  std::atomic<double> percent{-1.0};
  std::int64_t noticed = 0;  ///< the engine's: heartbeats at the last progress notice

 private:
  mutable std::mutex message_mutex_;
  std::string message_;
};

}  // namespace holdfast::gateway
