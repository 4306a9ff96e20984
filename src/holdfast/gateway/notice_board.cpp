#include "holdfast/gateway/notice_board.hpp"

#include <algorithm>

#include "holdfast/base/check.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {

NoticeBoard::NoticeBoard()
    : shared_(std::make_shared<Shared>()), thread_([shared = shared_] {
        name_this_thread("hf-notices");
        shared->run();
      }) {}

NoticeBoard::~NoticeBoard() {
  HOLDFAST_CHECK(std::this_thread::get_id() != thread_.get_id(), "a gateway is not destroyed in its own callback");
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->arrived.notify_one();
  thread_.join();
  std::list<std::shared_ptr<Subscriber>> left;  // destroyed here, by whoever destroys the board, outside the lock
  const std::lock_guard lock(shared_->mutex);
  left.swap(shared_->subscribers);
}

void NoticeBoard::post(Notice notice) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->subscribers.empty()) return;
    if (shared_->waiting.size() >= waiting_max) shared_->make_room();
    shared_->last_seq = notice.seq;
    shared_->waiting.push_back(std::move(notice));
    if (shared_->resting) return;
  }
  shared_->arrived.notify_one();
}

void NoticeBoard::Shared::make_room() {
  const auto progress = std::ranges::find_if(
      waiting, [](const Notice& each) { return std::holds_alternative<OperationProgress>(*each.news); });
  waiting.erase(progress != waiting.end() ? progress : waiting.begin());
  ++dropped;
}

Subscription NoticeBoard::subscribe(Callback callback) {
  const std::lock_guard lock(shared_->mutex);
  const std::uint64_t id = ++shared_->last_id;
  shared_->subscribers.push_back(std::make_shared<Subscriber>(Subscriber{id, shared_->last_seq, std::move(callback)}));
  return Subscription([board = std::weak_ptr(shared_), id] {
    if (const auto alive = board.lock()) alive->unsubscribe(id);
  });
}

void NoticeBoard::Shared::unsubscribe(std::uint64_t id) {
  std::shared_ptr<Subscriber> ended;  // destroyed outside the lock: its captures may hold anything
  std::unique_lock lock(mutex);
  const auto found = std::ranges::find(subscribers, id, [](const auto& each) { return each->id; });
  if (found != subscribers.end()) {
    ended = std::move(*found);
    subscribers.erase(found);
  }
  if (std::this_thread::get_id() == teller) return;  // from inside a callback: it may be the one that runs
  changed.wait(lock, [&] { return calling != id; });
}

bool NoticeBoard::has_subscribers() const {
  const std::lock_guard lock(shared_->mutex);
  return !shared_->subscribers.empty();
}

std::uint64_t NoticeBoard::thrown() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->thrown;
}

std::uint64_t NoticeBoard::dropped() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->dropped;
}

void NoticeBoard::Shared::run() {
  std::unique_lock lock(mutex);
  teller = std::this_thread::get_id();
  while (true) {
    arrived.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (waiting.empty()) return;
    while (!waiting.empty())
      tell_one(lock);
    resting = true;
    arrived.wait_for(lock, rest, [this] { return stopping; });
    resting = false;
  }
}

void NoticeBoard::Shared::tell_one(std::unique_lock<std::mutex>& lock) {
  const Notice notice = std::move(waiting.front());
  waiting.pop_front();
  std::vector<std::shared_ptr<Subscriber>> audience(subscribers.begin(), subscribers.end());
  for (const auto& subscriber : audience) {
    const bool still_there = std::ranges::find(subscribers, subscriber) != subscribers.end();
    if (!still_there || notice.seq <= subscriber->after) continue;
    calling = subscriber->id;
    lock.unlock();
    bool threw = false;
    try {
      subscriber->callback(notice);
    } catch (...) {
      threw = true;  // a callback's fault harms nobody else
    }
    lock.lock();
    calling = 0;
    thrown += threw ? 1 : 0;
    changed.notify_all();
  }
  lock.unlock();  // who has left meanwhile goes here: its captures may hold anything
  audience.clear();
  lock.lock();
}

}  // namespace holdfast::gateway
