#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace holdfast::gateway {

class Engine;

/// The way into the engine: what is brought here is done one after the other, in the order in which it came.
///
/// Like a shop with one chair behind the counter: whoever finds the chair empty sits down, does what they brought and
/// what others bring meanwhile, and nobody stands waiting for the chair. A request that comes to an idle engine is
/// opened by the thread that brought it; waking another one would cost it more than all the rest.
///
/// Outlives the engine, so that late heartbeats have somewhere to go. Tasks are `task()` or `task(Engine&)`; they do
/// not block, do not throw and call nobody's code.
///
/// Threads: any. After `close` nothing that is brought runs, and both functions say so.
/// Limits: who sits down does `guests_max` tasks of others; the engine's own thread takes the chair over then. It looks
/// at its timers after each `own_max`.
class Inbox : public boost::intrusive_ref_counter<Inbox> {
 public:
  static constexpr int guests_max = 16;  ///< some hundred microseconds, of tasks that are for `run`
  static constexpr int own_max = 256;

  /// Without an engine for those only whose tasks ask for none.
  explicit Inbox(Engine* engine) : engine_(engine) {}

  /// At once, on this thread, where the engine is free; else soon, by the thread that has it. For what takes a step of
  /// the machine at most: whoever has the chair may be a thread with ten thousand streams.
  template <class Task>
  bool run(Task&& task) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      if (taken_) {
        waiting_.push_back({kept(std::forward<Task>(task)), false});
        return true;
      }
      taken_ = true;
    }
    call(task);
    work(false);
    return true;
  }

  /// Soon, on the engine's own thread: for what may take long, and for callers that have something else to do.
  template <class Task>
  bool post(Task&& task) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      waiting_.push_back({kept(std::forward<Task>(task)), true});
      if (taken_) return true;
      taken_ = true;
    }
    hand_over();
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  /// Until nothing runs and nothing waits. After `close`, and not from within a task.
  void wait_until_idle() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !taken_; });
  }

  /// The engine's own thread runs it.
  boost::asio::io_context& io() { return io_; }

 private:
  struct Kept {
    virtual ~Kept() = default;
    virtual void call(Inbox& inbox) = 0;
  };
  template <class Task>
  struct KeptTask : Kept {
    explicit KeptTask(Task what) : task(std::move(what)) {}
    void call(Inbox& inbox) override { inbox.call(task); }
    Task task;
  };
  struct Waiting {
    std::unique_ptr<Kept> task;
    bool on_own_thread = false;
  };

  template <class Task>
  static std::unique_ptr<Kept> kept(Task&& task) {
    return std::make_unique<KeptTask<std::decay_t<Task>>>(std::forward<Task>(task));
  }
  template <class Task>
  void call(Task& task) noexcept {
    if constexpr (std::is_invocable_v<Task&, Engine&>) {
      task(*engine_);
    } else {
      task();
    }
  }
  /// Whoever calls it has the chair. Behind what the engine's thread has to do besides: its timers.
  void hand_over() {
    boost::asio::post(io_, [this] { work(true); });
  }
  /// Does what waits, up to a limit, and gives the chair up; `own`: on the engine's own thread.
  void work(bool own) noexcept {
    for (int left = own ? own_max : guests_max;; --left) {
      std::unique_ptr<Kept> task;
      {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) {
          taken_ = false;
          idle_.notify_all();
          return;
        }
        if (left == 0 || (!own && waiting_.front().on_own_thread)) break;
        task = std::move(waiting_.front().task);
        waiting_.pop_front();
      }
      task->call(*this);
    }
    hand_over();
  }

  Engine* const engine_;  ///< there as long as the inbox is open
  std::mutex mutex_;
  std::condition_variable idle_;
  bool closed_ = false, taken_ = false;
  std::deque<Waiting> waiting_;
  boost::asio::io_context io_{1};
};
using SharedInbox = boost::intrusive_ptr<Inbox>;

}  // namespace holdfast::gateway
