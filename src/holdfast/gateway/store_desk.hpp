#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/core/event.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::gateway {

/// The store's thread, and the queue in front of it: a commit takes what has queued while the last one ran.
///
/// Limits: above `waiting_max` orders it is `full`: then nothing new is begun. What is under way, cancels and answers
/// still queue, each of them bounded by what runs.
/// Threads: everything is called in the engine's turn; the store is touched on its own thread only.
class StoreDesk {
 public:
  /// Told on the store's thread how long a commit took.
  using Measure = std::function<void(std::chrono::nanoseconds)>;
  static constexpr std::size_t waiting_max = 10000;  ///< some seconds of a disk's commits
  /// A tenth of a commit, which costs the same for one and for sixty: those who were answered by the last one, and have
  /// more to order, come into the next one together. One alone never waits.
  static constexpr std::chrono::microseconds gather_time{150};

  StoreDesk(std::unique_ptr<store::Store> store, SharedInbox inbox, std::function<void(std::vector<Event>)> deliver,
            Measure on_commit = {});
  ~StoreDesk();

  void save(store::Transaction transaction);
  /// Until it can be said: where the store cannot be read either, again after `limits::backlog_retry`.
  void look_up(SaveId save);
  void stop_looking_up() { unread_timer_.cancel(); }
  void load(std::string job_id);
  /// Runs on the store's thread, after what was ordered before.
  void read(std::function<void(store::Store&)> read);
  bool full() const { return waiting_.size() >= waiting_max; }
  bool idle() const { return !busy_ && waiting_.empty(); }

 private:
  struct LookUp {
    SaveId save;
  };
  struct Load {
    std::string job_id;
  };
  using Task = std::variant<store::Transaction, LookUp, Load, std::function<void(store::Store&)>>;

  void add(Task task);
  void flush();
  void go_on();
  void look_up_later(std::vector<SaveId> unread);
  struct Worked {
    std::vector<Event> events{};
    std::vector<SaveId> unread{};  ///< looked up, and the store could not be read
  };
  /// On the store's thread.
  Worked work(std::vector<Task> tasks);
  void commit(std::vector<store::Transaction>& batch, std::vector<Event>& out);

  std::unique_ptr<store::Store> store_;
  SharedInbox inbox_;
  std::function<void(std::vector<Event>)> deliver_;
  Measure on_commit_;
  std::vector<Task> waiting_;
  boost::asio::steady_timer gathering_;  ///< for the next orders of those who have just been answered
  std::vector<SaveId> unread_;
  boost::asio::steady_timer unread_timer_;  ///< for those
  bool busy_ = false;
  boost::asio::thread_pool thread_{1};
};

}  // namespace holdfast::gateway
