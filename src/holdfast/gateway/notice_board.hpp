#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "holdfast/core/news.hpp"
#include "holdfast/gateway/subscription.hpp"

namespace holdfast {
struct Notice;
}

namespace holdfast::gateway {

/// Tells subscribers, one notice at a time, in order, on a thread of its own: at once where none came in the last
/// millisecond, else within one. Waking a thread for each of ten thousand a second costs more than telling them.
///
/// A subscriber hears what is posted after it subscribed, and nothing that still waited then. `seq` ascends.
///
/// Threads: `post`, `subscribe` and the end of a subscription from anywhere, callbacks included.
/// Limits: `waiting_max` notices; above that progress notices go first, then the oldest, and both are counted.
class NoticeBoard {
 public:
  using Callback = std::function<void(const Notice&)>;
  static constexpr std::size_t waiting_max = 10000;  ///< a few seconds of a busy gateway, some MiB
  static constexpr std::chrono::milliseconds rest{1};

  NoticeBoard();
  /// Delivers what waits, then joins. Not from inside a callback.
  ~NoticeBoard();

  void post(Notice notice);
  Subscription subscribe(Callback callback);
  bool has_subscribers() const;
  std::uint64_t thrown() const;
  std::uint64_t dropped() const;

 private:
  struct Subscriber {
    std::uint64_t id = 0, after = 0;  ///< of itself; of the last notice before it
    Callback callback;
  };
  /// What a subscription that is being ended needs still when the board is gone.
  struct Shared {
    void run();
    void tell_one(std::unique_lock<std::mutex>& lock);
    void make_room();
    void unsubscribe(std::uint64_t id);

    std::mutex mutex;
    std::condition_variable arrived, changed;
    std::deque<Notice> waiting;
    std::list<std::shared_ptr<Subscriber>> subscribers;
    std::uint64_t last_id = 0, last_seq = 0, calling = 0, thrown = 0, dropped = 0;
    bool stopping = false;
    bool resting = false;  ///< the thread comes by itself
    std::thread::id teller{};
  };

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace holdfast::gateway
