#include "holdfast/gateway/crew.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {

struct Crew::Shared : std::enable_shared_from_this<Crew::Shared> {
  Shared(const char* name, int max) : thread_name(name), threads_max(max) {}

  void grow();
  void work();

  const char* const thread_name;
  const int threads_max;
  std::mutex mutex;
  std::condition_variable arrived, done;
  std::deque<Task> waiting;
  int threads = 0, idle = 0, busy = 0;
  bool starting = false;  ///< one is on its way, and takes what waits
  bool stopping = false;
};

/// Where nobody is free or on the way. Whoever takes a task looks again whether another one waits: so one at a time is
/// made, and not by the poster of a thousand.
void Crew::Shared::grow() {
  if (idle > 0 || starting || threads == threads_max) return;
  try {
    // Detached: a task that never returns must not keep its gateway from being destroyed.
    std::thread([shared = shared_from_this()] {
      name_this_thread(shared->thread_name);
      shared->work();
    }).detach();
    ++threads;
    starting = true;
  } catch (const std::system_error&) {
    // None to be had now.
  }
}

void Crew::Shared::work() {
  std::unique_lock lock(mutex);
  starting = false;
  while (true) {
    ++idle;
    arrived.wait(lock, [this] { return stopping || !waiting.empty(); });
    --idle;
    if (stopping) break;
    Task task = std::move(waiting.front());
    waiting.pop_front();
    ++busy;
    if (!waiting.empty()) grow();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    --busy;
    if (busy == 0 && waiting.empty()) done.notify_all();
  }
  --threads;
}

Crew::Crew(const char* thread_name, int threads_max) : shared_(std::make_shared<Shared>(thread_name, threads_max)) {}

Crew::~Crew() {
  std::deque<Task> dropped;  // destroyed outside the lock: they may hold anything
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    dropped.swap(shared_->waiting);
  }
  shared_->arrived.notify_all();
}

void Crew::post(Task task) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back(std::move(task));
    shared_->grow();
  }
  shared_->arrived.notify_one();
}

void Crew::finish() {
  std::unique_lock lock(shared_->mutex);
  shared_->done.wait(lock, [this] { return shared_->busy == 0 && shared_->waiting.empty(); });
}

}  // namespace holdfast::gateway
