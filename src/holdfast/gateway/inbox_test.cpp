#include "holdfast/gateway/inbox.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <thread>
#include <vector>

namespace holdfast::gateway {
namespace {

/// An inbox whose own thread runs. The tasks of these tests ask for no engine, so there is none.
class InboxTest : public testing::Test {
 protected:
  ~InboxTest() override {
    inbox_->close();
    inbox_->wait_until_idle();
    work_.reset();
    thread_.join();
  }
  std::thread::id own() const { return thread_.get_id(); }
  /// Keeps the chair on a thread of its own until `go_on`; returns once it is taken.
  std::thread occupied(std::promise<void>& go_on) {
    std::promise<void> taken;
    auto sits = taken.get_future();
    std::thread guest([this, &go_on, taken = std::move(taken)]() mutable {
      inbox_->run([&] {
        taken.set_value();
        go_on.get_future().wait();
      });
    });
    sits.wait();
    return guest;
  }
  void settle() {
    std::promise<void> done;
    inbox_->post([&] { done.set_value(); });
    done.get_future().wait();
  }

  SharedInbox inbox_{new Inbox(nullptr)};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{inbox_->io().get_executor()};
  std::thread thread_{[this] { inbox_->io().run(); }};
};

TEST_F(InboxTest, WhatComesToAFreeEngineRunsAtOnceOnTheThreadThatBringsIt) {
  std::thread::id where;
  EXPECT_TRUE(inbox_->run([&] { where = std::this_thread::get_id(); }));
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(InboxTest, WhatIsPostedRunsOnTheEnginesOwnThread) {
  std::promise<std::thread::id> where;
  EXPECT_TRUE(inbox_->post([&] { where.set_value(std::this_thread::get_id()); }));
  EXPECT_EQ(where.get_future().get(), own());
}

TEST_F(InboxTest, WhatComesWhileTheEngineIsBusyWaitsForNobodyAndRunsInTheOrderInWhichItCame) {
  std::promise<void> go_on;
  std::thread guest = occupied(go_on);
  std::vector<int> order;
  std::thread::id where;
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(inbox_->run([&order, &where, i] {
      order.push_back(i);
      where = std::this_thread::get_id();
    }));
  const std::thread::id guests = guest.get_id();
  go_on.set_value();
  guest.join();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_EQ(where, guests);
}

TEST_F(InboxTest, WhatATaskBringsRunsAfterItAndNotInside) {
  std::vector<int> order;
  inbox_->run([&] {
    inbox_->run([&] { order.push_back(2); });
    order.push_back(1);
  });
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_F(InboxTest, AGuestIsNotKeptForEver) {
  std::promise<void> go_on;
  std::thread guest = occupied(go_on);
  std::vector<std::thread::id> where;
  for (int i = 0; i < Inbox::guests_max + 3; ++i)
    inbox_->run([&] { where.push_back(std::this_thread::get_id()); });
  const std::thread::id guests = guest.get_id();
  go_on.set_value();
  guest.join();
  settle();
  ASSERT_EQ(where.size(), Inbox::guests_max + 3u);
  EXPECT_EQ(where[Inbox::guests_max - 1], guests);
  EXPECT_EQ(where[Inbox::guests_max], own());
  EXPECT_EQ(where.back(), own());
}

TEST_F(InboxTest, AGuestHandsTheChairToTheEnginesThreadWhereTheNextTaskBelongsThere) {
  std::promise<void> go_on;
  std::thread guest = occupied(go_on);
  std::vector<std::thread::id> where;
  inbox_->post([&] { where.push_back(std::this_thread::get_id()); });
  inbox_->run([&] { where.push_back(std::this_thread::get_id()); });
  go_on.set_value();
  guest.join();
  settle();
  EXPECT_EQ(where, (std::vector{own(), own()}));
}

// While there was always something waiting, the engine's thread never looked at its timers: nothing was swept.
TEST_F(InboxTest, TimersOfTheEnginesThreadRunHoweverMuchIsWaiting) {
  std::atomic<bool> fired = false;
  boost::asio::steady_timer timer(inbox_->io(), std::chrono::milliseconds(1));
  std::function<void()> again = [&] {
    if (!fired) inbox_->post([&] { again(); });
  };
  inbox_->post([&] { again(); });  // something waits at any time, until the timer has fired
  timer.async_wait([&](const boost::system::error_code&) { fired = true; });
  while (!fired)
    std::this_thread::yield();
  settle();
}

TEST_F(InboxTest, NothingRunsAfterItIsClosedButWhatCameBeforeDoes) {
  std::promise<void> go_on;
  std::thread guest = occupied(go_on);
  bool before = false, after = false;
  inbox_->run([&] { before = true; });
  inbox_->close();
  EXPECT_FALSE(inbox_->run([&] { after = true; }));
  EXPECT_FALSE(inbox_->post([&] { after = true; }));
  go_on.set_value();
  guest.join();
  inbox_->wait_until_idle();
  EXPECT_TRUE(before);
  EXPECT_FALSE(after);
}

TEST_F(InboxTest, ManyThreadsAtOnceRunOneTaskAtATimeAndLoseNone) {
  constexpr int threads = 4, each = 5000;
  std::atomic<int> inside{0};
  int seen = 0;  // guarded by the turn alone
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        auto task = [&] {
          EXPECT_EQ(inside.fetch_add(1), 0);
          ++seen;
          inside.fetch_sub(1);
        };
        if ((i + t) % 7 == 0) {
          inbox_->post(task);
        } else {
          inbox_->run(task);
        }
      }
    });
  }
  for (std::thread& caller : callers)
    caller.join();
  settle();
  inbox_->close();
  inbox_->wait_until_idle();
  EXPECT_EQ(seen, threads * each);
}

}  // namespace
}  // namespace holdfast::gateway
