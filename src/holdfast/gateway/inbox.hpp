#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <type_traits>
#include <utility>

namespace holdfast::gateway {

class Engine;

/// The way onto the engine's thread. Outlives the engine, so that late heartbeats have somewhere to go.
///
/// Threads: any. After `close` nothing that is posted runs, and `post` says so.
class Inbox {
 public:
  explicit Inbox(Engine& engine) : engine_(engine) {}

  /// `task()` or `task(Engine&)`, on the engine's thread.
  template <class Task>
  bool post(Task&& task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if constexpr (std::is_invocable_v<Task, Engine&>) {
      boost::asio::post(io_, [&engine = engine_, task = std::forward<Task>(task)]() mutable { task(engine); });
    } else {
      boost::asio::post(io_, std::forward<Task>(task));
    }
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  boost::asio::io_context& io() { return io_; }

 private:
  Engine& engine_;  ///< there as long as the inbox is open
  std::mutex mutex_;
  bool closed_ = false;
  boost::asio::io_context io_{1};
};

}  // namespace holdfast::gateway
