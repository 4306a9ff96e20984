#include "holdfast/gateway/pulls.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "holdfast/gateway/engine.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/gateway/operation_context.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {

struct Pulls::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Call>> waiting;
  int threads = 0, idle = 0;
  bool stopping = false;
  std::atomic<std::uint64_t> thrown{0};

  void run();
  void pull_once(Call& call);
};

void Pulls::Shared::pull_once(Call& call) {
  try {
    const Progress progress = call.pulled->heartbeat->pull(call.stop.get().get_token());
    ProgressReporter(call).report(progress);
  } catch (...) {
    thrown.fetch_add(1, std::memory_order_relaxed);  // neither progress nor a sign of life
  }
  call.inbox->run([id = call.id](Engine& engine) { engine.pulled(id); });
}

void Pulls::Shared::run() {
  std::unique_lock lock(mutex);
  while (true) {
    ++idle;
    changed.wait(lock, [this] { return stopping || !waiting.empty(); });
    --idle;
    if (stopping) break;
    std::shared_ptr<Call> call = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    if (call->fate.load(std::memory_order_relaxed) == Call::Fate::running) pull_once(*call);
    call.reset();
    lock.lock();
  }
  --threads;
}

Pulls::Pulls() : shared_(std::make_shared<Shared>()) {}

Pulls::~Pulls() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->waiting.clear();
  }
  shared_->changed.notify_all();
}

void Pulls::pull(std::shared_ptr<Call> call) {
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting.push_back(std::move(call));
  if (shared_->idle < static_cast<int>(shared_->waiting.size()) && shared_->threads < threads_max) {
    try {
      // Detached: a strategy that never returns must not keep the gateway from being destroyed.
      std::thread([shared = shared_] {
        name_this_thread("hf-pull");
        shared->run();
      }).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {
      // No thread to be had now: those that there are pull it, or the next pull makes one.
    }
  }
  shared_->changed.notify_one();
}

std::uint64_t Pulls::thrown() const {
  return shared_->thrown.load(std::memory_order_relaxed);
}

}  // namespace holdfast::gateway
