#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/machine.hpp"
#include "holdfast/gateway/heartbeat.hpp"
#include "holdfast/gateway/inbox.hpp"

namespace holdfast::gateway {

/// At most so many bytes of it, cut between characters.
std::string shortened(std::string text, std::size_t bytes_max);

/// Made by whoever needs it first; most calls never do. Threads: any.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;
  ~Lazy() { delete made_.load(std::memory_order_acquire); }

  T& get() {
    if (T* seen = made_.load(std::memory_order_acquire)) return *seen;
    auto fresh = std::make_unique<T>();
    T* seen = nullptr;
    if (made_.compare_exchange_strong(seen, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *seen;
  }
  const T* if_made() const { return made_.load(std::memory_order_acquire); }

 private:
  std::atomic<T*> made_{nullptr};
};

/// One running provider call, shared by its caller, the engine and whoever pulls its heartbeat.
///
/// Its fate is settled once, by one compare-and-swap: by the function that returns, or by the engine that ends it.
struct Call {
  enum class Fate : unsigned char { running, returned, cancelled, switched };

  Call(OperationId id, SharedTerms terms, SharedInbox inbox, ActivityWriter writer);
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
  void remaining_is(milliseconds estimate);
  void progressed();
  void alive();

  /// Who pulls its heartbeat, and how often.
  struct Pulled {
    SharedHeartbeat heartbeat;
    milliseconds interval{};
  };
  /// Whoever asked for the call may stop it too.
  struct Caller {
    std::stop_token token;
    std::optional<std::stop_callback<std::function<void()>>> on_stop{};
  };

  const OperationId id;
  const SharedTerms terms;
  const SharedInbox inbox;
  ActivityWriter writer;
  std::uint64_t epoch = 0;
  std::unique_ptr<const Pulled> pulled{};  ///< absent: it reports by itself, or not at all
  std::unique_ptr<Caller> caller{};        ///< absent: its stop token can never fire
  Lazy<std::stop_source> stop{};

  std::atomic<std::int64_t> tokens{-1}, chunks{-1}, bytes{-1}, heartbeats{0};
  std::atomic<double> percent{-1.0};
  std::atomic<Fate> fate{Fate::running};
  std::uint32_t noticed = 0;  ///< the engine's: heartbeats at the last progress notice, as far as 32 bits tell

 private:
  /// What is only shown.
  struct Shown {
    mutable std::mutex mutex;
    std::string message;
    std::optional<milliseconds> remaining;
  };

  Lazy<Shown> shown_;
};

}  // namespace holdfast::gateway
