#include "holdfast/gateway/notice_board.hpp"

#include <algorithm>

#include "holdfast/base/check.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {

NoticeBoard::NoticeBoard()
    : thread_([this] {
        name_this_thread("hf-notices");
        run();
      }) {}

NoticeBoard::~NoticeBoard() {
  HOLDFAST_CHECK(std::this_thread::get_id() != thread_.get_id(), "a gateway is not destroyed in its own callback");
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void NoticeBoard::post(Notice notice) {
  {
    const std::lock_guard lock(mutex_);
    if (subscribers_.empty()) return;
    if (waiting_.size() >= waiting_max) make_room();
    last_seq_ = notice.seq;
    waiting_.push_back(std::move(notice));
    if (resting_) return;
  }
  arrived_.notify_one();
}

void NoticeBoard::make_room() {
  const auto progress = std::ranges::find_if(
      waiting_, [](const Notice& each) { return std::holds_alternative<OperationProgress>(*each.news); });
  waiting_.erase(progress != waiting_.end() ? progress : waiting_.begin());
  ++dropped_;
}

Subscription NoticeBoard::subscribe(Callback callback) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = ++last_id_;
  subscribers_.push_back(std::make_shared<Subscriber>(Subscriber{id, last_seq_, std::move(callback)}));
  return Subscription([board = weak_from_this(), id] {
    if (const auto alive = board.lock()) alive->unsubscribe(id);
  });
}

void NoticeBoard::unsubscribe(std::uint64_t id) {
  std::shared_ptr<Subscriber> ended;  // destroyed outside the lock: its captures may hold anything
  std::unique_lock lock(mutex_);
  const auto found = std::ranges::find(subscribers_, id, [](const auto& each) { return each->id; });
  if (found != subscribers_.end()) {
    ended = std::move(*found);
    subscribers_.erase(found);
  }
  if (std::this_thread::get_id() == thread_.get_id()) return;  // from inside a callback: it may be the one that runs
  changed_.wait(lock, [&] { return calling_ != id; });
}

bool NoticeBoard::has_subscribers() const {
  const std::lock_guard lock(mutex_);
  return !subscribers_.empty();
}

std::uint64_t NoticeBoard::thrown() const {
  const std::lock_guard lock(mutex_);
  return thrown_;
}

std::uint64_t NoticeBoard::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void NoticeBoard::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    while (!waiting_.empty())
      tell_one(lock);
    resting_ = true;
    arrived_.wait_for(lock, rest, [this] { return stopping_; });
    resting_ = false;
  }
}

void NoticeBoard::tell_one(std::unique_lock<std::mutex>& lock) {
  const Notice notice = std::move(waiting_.front());
  waiting_.pop_front();
  std::vector<std::shared_ptr<Subscriber>> audience(subscribers_.begin(), subscribers_.end());
  for (const auto& subscriber : audience) {
    const bool still_there = std::ranges::find(subscribers_, subscriber) != subscribers_.end();
    if (!still_there || notice.seq <= subscriber->after) continue;
    calling_ = subscriber->id;
    lock.unlock();
    bool threw = false;
    try {
      subscriber->callback(notice);
    } catch (...) {
      threw = true;  // a callback's fault harms nobody else
    }
    lock.lock();
    calling_ = 0;
    thrown_ += threw ? 1 : 0;
    changed_.notify_all();
  }
  lock.unlock();  // who has left meanwhile goes here: its captures may hold anything
  audience.clear();
  lock.lock();
}

}  // namespace holdfast::gateway
