#include "holdfast/gateway/crew.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace holdfast::gateway {
namespace {

TEST(Crew, ATaskThatTakesLongDelaysNoOther) {
  Crew crew("hf-test", 8);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> slow = 0;
  for (int i = 0; i < 7; ++i) {
    crew.post([&slow, released] {
      ++slow;
      released.wait();
    });
  }
  std::promise<void> done;
  crew.post([&] { done.set_value(); });
  done.get_future().wait();
  release.set_value();
  crew.finish();
  EXPECT_EQ(slow, 7);
}

TEST(Crew, MakesNoMoreThreadsThanItMayAndDoesTheRestLater) {
  Crew crew("hf-test", 2);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> begun = 0;
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    crew.post([&, released] {
      ++begun;
      released.wait();
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    });
  }
  while (begun < 2)
    std::this_thread::yield();
  EXPECT_EQ(begun, 2);
  release.set_value();
  crew.finish();
  EXPECT_EQ(begun, 100);
  EXPECT_LE(threads.size(), 2u);
}

TEST(Crew, WhoeverIsFreeTakesTheNextTask) {
  Crew crew("hf-test", 8);
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    crew.post([&] { threads.insert(std::this_thread::get_id()); });
    crew.finish();
  }
  // Who has finished is free a moment later; a task that comes in that moment may find nobody.
  EXPECT_LE(threads.size(), 8u);
}

TEST(Crew, IsDestroyedWhileATaskGoesOnAndDropsWhatHasNotBegun) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  const auto dropped = std::make_shared<std::atomic<bool>>(true);
  {
    Crew crew("hf-test", 1);
    std::promise<void> begun;
    crew.post([&begun, ended, released = release->get_future().share()] {
      begun.set_value();
      released.wait();
      ended->set_value();
    });
    begun.get_future().wait();
    crew.post([dropped] { *dropped = false; });
  }
  release->set_value();
  ended->get_future().wait();
  EXPECT_TRUE(*dropped);
}

TEST(Crew, LosesNoneOfWhatManyThreadsPost) {
  Crew crew("hf-test", 4);
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> posters;
    for (int t = 0; t < 4; ++t) {
      posters.emplace_back([&] {
        for (int i = 0; i < 1000; ++i)
          crew.post([&] { ++done; });
      });
    }
  }
  crew.finish();
  EXPECT_EQ(done, 4000);
}

}  // namespace
}  // namespace holdfast::gateway
