#include "holdfast/gateway/notice_board.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "holdfast/gateway/gateway.hpp"

namespace holdfast::gateway {
namespace {

Notice notice(std::uint64_t seq, News news) {
  return {seq, WallTime{}, std::make_shared<const News>(std::move(news))};
}

TEST(NoticeBoard, DeliversInOrderAndEverythingBeforeItEnds) {
  std::vector<std::uint64_t> seen;
  Subscription subscription;
  {
    const auto board = std::make_shared<NoticeBoard>();
    subscription = board->subscribe([&](const Notice& each) { seen.push_back(each.seq); });
    for (std::uint64_t i = 1; i <= 100; ++i)
      board->post(notice(i, JobClosed{}));
  }
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

// A job that was resumed in the process of its earlier run heard of that run's end, and ended as cancelled.
TEST(NoticeBoard, WhatWaitedBeforeASubscriptionIsNotToldToIt) {
  std::promise<void> release, blocked;
  std::vector<std::uint64_t> seen;
  Subscription first, second;
  {
    const auto board = std::make_shared<NoticeBoard>();
    first = board->subscribe([&](const Notice& each) {
      if (each.seq != 1) return;
      blocked.set_value();
      release.get_future().wait();
    });
    board->post(notice(1, JobClosed{}));
    blocked.get_future().wait();
    board->post(notice(2, JobClosed{}));
    second = board->subscribe([&](const Notice& each) { seen.push_back(each.seq); });
    board->post(notice(3, JobClosed{}));
    release.set_value();
  }
  EXPECT_EQ(seen, std::vector<std::uint64_t>{3});
}

TEST(NoticeBoard, DropsProgressFirstWhenCallbacksAreTooSlow) {
  std::promise<void> release, blocked;
  std::size_t progress = 0, others = 0;
  Subscription subscription;
  {
    const auto board = std::make_shared<NoticeBoard>();
    subscription = board->subscribe([&, first = true](const Notice& each) mutable {
      if (std::exchange(first, false)) {
        blocked.set_value();
        release.get_future().wait();
        return;
      }
      (std::holds_alternative<OperationProgress>(*each.news) ? progress : others) += 1;
    });
    board->post(notice(1, JobClosed{}));
    blocked.get_future().wait();
    for (std::size_t i = 0; i < 10; ++i)
      board->post(notice(2, OperationProgress{}));
    for (std::size_t i = 0; i < NoticeBoard::waiting_max; ++i)
      board->post(notice(3, JobClosed{}));
    EXPECT_EQ(board->dropped(), 10u);
    release.set_value();
  }
  EXPECT_EQ(progress, 0u);
  EXPECT_EQ(others, NoticeBoard::waiting_max);
}

TEST(NoticeBoard, EndingASubscriptionWaitsForTheCallbackThatRuns) {
  const auto board = std::make_shared<NoticeBoard>();
  std::promise<void> entered, release;
  std::atomic<bool> finished = false;
  Subscription subscription = board->subscribe([&](const Notice&) {
    entered.set_value();
    release.get_future().wait();
    finished = true;
  });
  board->post(notice(1, JobClosed{}));
  entered.get_future().wait();
  auto ending = std::async(std::launch::async, [&] { subscription.reset(); });
  release.set_value();
  ending.get();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(board->has_subscribers());
}

// What a callback held was destroyed under the board's lock, and waited for itself.
TEST(NoticeBoard, WhatALeavingSubscriberHoldsMayCallTheBoard) {
  struct Calls {
    std::shared_ptr<NoticeBoard> board;
    ~Calls() { board->has_subscribers(); }
  };
  const auto board = std::make_shared<NoticeBoard>();
  std::promise<void> told;
  Subscription leaving, staying;
  leaving = board->subscribe([&leaving, held = std::make_shared<Calls>(board)](const Notice&) { leaving = {}; });
  staying = board->subscribe([&](const Notice& each) {
    if (each.seq == 2) told.set_value();
  });
  board->post(notice(1, JobClosed{}));
  board->post(notice(2, JobClosed{}));
  told.get_future().wait();
  staying = {};
}

/// Says that it is ending, and takes until somebody else is through, or a tenth of a second.
struct SlowToEnd {
  std::promise<void>* ending;
  std::shared_future<void> through;
  ~SlowToEnd() {
    ending->set_value();
    through.wait_for(std::chrono::milliseconds(100));
  }
};

// Whoever ended a subscription meanwhile had the board to itself, and destroyed it: on its own thread that is a stop.
TEST(NoticeBoard, IsDestroyedWhileACallbackEndsASubscription) {
  std::promise<void> ending, destroyed;
  auto board = std::make_shared<NoticeBoard>();
  NoticeBoard* const there = board.get();
  std::shared_ptr<SlowToEnd> held(new SlowToEnd{&ending, destroyed.get_future().share()});
  std::atomic<bool> finished = false;
  Subscription subscription = there->subscribe([&, there](const Notice&) {
    Subscription inner = there->subscribe([kept = std::move(held)](const Notice&) {});
    inner.reset();
    finished = true;
  });
  there->post(notice(1, JobClosed{}));
  ending.get_future().wait();
  board.reset();
  EXPECT_TRUE(finished) << "the board waits for its callbacks";
  destroyed.set_value();
}

TEST(NoticeBoard, IsDestroyedWhileAnotherThreadEndsASubscriptionAndTellsNothingAfterwards) {
  std::promise<void> ending, destroyed;
  auto board = std::make_shared<NoticeBoard>();
  std::shared_ptr<SlowToEnd> held(new SlowToEnd{&ending, destroyed.get_future().share()});
  std::atomic<int> told = 0;
  Subscription staying = board->subscribe([&](const Notice&) { ++told; });
  Subscription leaving = board->subscribe([kept = std::move(held)](const Notice&) {});
  std::thread other([&] { leaving.reset(); });
  ending.get_future().wait();
  for (std::uint64_t seq = 1; seq <= 1000; ++seq)
    board->post(notice(seq, JobClosed{}));
  board.reset();
  EXPECT_EQ(told, 1000);
  destroyed.set_value();
  other.join();
}

}  // namespace
}  // namespace holdfast::gateway
