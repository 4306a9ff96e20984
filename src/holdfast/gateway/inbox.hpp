#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <utility>

namespace holdfast::gateway {

/// The way onto the engine's thread. Outlives the engine, so that late heartbeats have somewhere to go.
///
/// Threads: any. After `close` nothing that is posted runs, and `post` says so.
class Inbox {
 public:
  template <class Task>
  bool post(Task&& task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    boost::asio::post(io_, std::forward<Task>(task));
    return true;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  boost::asio::io_context& io() { return io_; }

 private:
  std::mutex mutex_;
  bool closed_ = false;
  boost::asio::io_context io_{1};
};

}  // namespace holdfast::gateway
