#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>

namespace holdfast::control {

/// Commands with an idempotency key, while they are carried out: the same one again waits for the first, so that it
/// hears what became of it and not that somebody else is being heard.
///
/// Threads: any. Limits: as many as calls are carried out at once.
class InFlight {
 public:
  /// From when the key is free until the end of its scope.
  class Turn {
   public:
    Turn(InFlight& desk, std::string key) : desk_(desk), key_(std::move(key)) {
      std::unique_lock lock(desk_.mutex_);
      desk_.changed_.wait(lock, [this] { return !desk_.keys_.contains(key_); });
      desk_.keys_.insert(key_);
    }
    ~Turn() {
      {
        const std::lock_guard lock(desk_.mutex_);
        desk_.keys_.erase(key_);
      }
      desk_.changed_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    InFlight& desk_;
    const std::string key_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> keys_;
};

}  // namespace holdfast::control
