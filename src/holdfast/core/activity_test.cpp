#include "holdfast/core/activity.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::chrono_literals;

class Activity : public testing::Test {
 protected:
  Activity() { sweep(); }

  void sweep() {
    std::vector<Due> due;
    slots.sweep(now, due);
    for (const Due& each : due)
      events.push_back(each.event());
  }

  ActivityWriter begin(std::uint64_t id, std::optional<milliseconds> limit, bool armed = false) {
    ActivityWriter writer = slots.take({id}, now).value();
    effect::Watch watch{.operation = {id}, .since = now, .silence_limit = limit, .category_at = {}, .armed = armed};
    watch.number = 7;
    slots.order(watch);
    return writer;
  }
  /// On time, every quarter of a second.
  void pass(Nanoseconds how_long) {
    const Instant until = now + how_long;
    while (now < until) {
      now += slots.interval();
      sweep();
    }
  }
  template <class E>
  std::vector<E> heard() const {
    std::vector<E> found;
    for (const Event& each : events) {
      if (const auto* one = std::get_if<E>(&each)) found.push_back(*one);
    }
    return found;
  }

  ActivitySlots slots;
  Instant now{1h};
  std::vector<Event> events;
};

TEST_F(Activity, SilenceIsReportedOnceNotAtEverySweep) {
  begin(1, 1000ms);
  pass(10s);
  ASSERT_EQ(heard<event::SilenceExceeded>().size(), 1u);
  EXPECT_EQ(heard<event::SilenceExceeded>()[0].silence, 1000ms);
  EXPECT_EQ(heard<event::SilenceExceeded>()[0].watch, 7u);
}

TEST_F(Activity, ProgressResetsTheClockAndAPingDoesNot) {
  ActivityWriter crawling = begin(1, 1000ms), pinging = begin(2, 1000ms);
  for (int i = 0; i < 8; ++i) {
    pass(500ms);
    crawling.progress(now);
    pinging.alive(now);
  }
  const auto silences = heard<event::SilenceExceeded>();
  ASSERT_EQ(silences.size(), 1u);
  EXPECT_EQ(silences[0].operation, OperationId{2});
  EXPECT_LE(silences[0].since_heartbeat, 500ms);
}

TEST_F(Activity, StoppedForFiveSecondsUnderAThresholdOfOneAsksNothing) {
  begin(1, 1000ms);
  pass(500ms);
  now += 5s;
  sweep();
  EXPECT_TRUE(heard<event::SilenceExceeded>().empty());
  pass(750ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 1u) << "then its own silence counts on";
}

TEST_F(Activity, AProcessThatIsAlwaysLateForgetsTheOldestOfItsPauses) {
  begin(1, std::nullopt);
  const Instant start = now;
  for (int i = 0; i < 65537; ++i) {
    now += 251ms;
    sweep();
  }
  slots.order(effect::Watch{.operation = {1}, .since = start, .silence_limit = 1ms, .category_at = {}, .armed = false});
  sweep();
  ASSERT_EQ(heard<event::SilenceExceeded>().size(), 1u);
  EXPECT_EQ(heard<event::SilenceExceeded>()[0].silence, 65537 * 250ms + 1ms) << "one of the late milliseconds counts";
}

TEST_F(Activity, BackpressureStandsTheProgressClockStill) {
  ActivityWriter writer = begin(1, 1000ms);
  pass(500ms);
  writer.hold(now);
  pass(60s);
  writer.resume(now);
  EXPECT_TRUE(heard<event::SilenceExceeded>().empty());
  pass(250ms);
  EXPECT_TRUE(heard<event::SilenceExceeded>().empty());
  pass(500ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 1u);
}

TEST_F(Activity, BackpressureThatWasOverAtOnceTakesNothingOff) {
  ActivityWriter writer = begin(1, 1000ms);
  pass(500ms);
  writer.hold(now);
  writer.resume(now);
  writer.hold(now);
  writer.resume(now - 250ms);  // told by another thread, whose clock was read before
  pass(500ms);
  ASSERT_EQ(heard<event::SilenceExceeded>().size(), 1u);
  EXPECT_EQ(heard<event::SilenceExceeded>()[0].silence, 1000ms);
}

TEST_F(Activity, TheEndOfBackpressureIsNoProgress) {
  ActivityWriter writer = begin(1, std::nullopt, true);
  writer.hold(now);
  pass(1s);
  writer.resume(now);
  pass(1s);
  EXPECT_TRUE(heard<event::ProgressMade>().empty()) << "an open question would be withdrawn by the client";
  EXPECT_FALSE(slots.news({1}));
  EXPECT_FALSE(slots.last_progress({1}));
}

TEST_F(Activity, APauseDuringBackpressureDoesNotMakeTheNextStallLate) {
  ActivityWriter writer = begin(1, 2000ms);
  writer.hold(now);
  now += 30s;
  sweep();
  writer.resume(now);
  pass(250ms);
  writer.progress(now);
  pass(2250ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 1u);
}

TEST_F(Activity, ProgressWhileHeldBeforeAnAnswerDoesNotShortenTheExtension) {
  ActivityWriter writer = begin(1, std::nullopt, true);
  writer.hold(now);
  pass(1s);
  writer.progress(now);
  now += 5ms;
  slots.order(effect::Watch{.operation = {1}, .since = now, .silence_limit = 3s, .category_at = {}, .armed = true});
  pass(1s);
  writer.resume(now);
  pass(2750ms);
  EXPECT_TRUE(heard<event::SilenceExceeded>().empty());
  pass(500ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 1u);
}

TEST_F(Activity, OldProgressDoesNotWithdrawTheQuestionAskedAfterIt) {
  ActivityWriter writer = begin(1, 1000ms);
  pass(250ms);
  writer.progress(now);
  pass(1250ms);
  ASSERT_EQ(heard<event::SilenceExceeded>().size(), 1u);
  slots.order(
      effect::Watch{.operation = {1}, .since = Instant(1h), .silence_limit = {}, .category_at = {}, .armed = true});
  EXPECT_FALSE(slots.news({1}));
  pass(1s);
  EXPECT_TRUE(heard<event::ProgressMade>().empty());
  EXPECT_TRUE(writer.progress(now)) << "the next one is posted";
  EXPECT_FALSE(writer.progress(now)) << "once";
}

TEST_F(Activity, ProgressBeforeAnExtensionDoesNotEndIt) {
  ActivityWriter writer = begin(1, std::nullopt, true);
  writer.progress(now);
  now += 100ms;
  slots.order(effect::Watch{.operation = {1}, .since = now, .silence_limit = 30s, .category_at = {}, .armed = true});
  pass(1s);
  EXPECT_TRUE(heard<event::ProgressMade>().empty());
}

TEST_F(Activity, AnArmedSlotWhoseWriterDidNotSeeItIsFoundByTheSweep) {
  ActivityWriter writer = begin(1, std::nullopt);
  now += 10ms;
  writer.progress(now);
  slots.order(
      effect::Watch{.operation = {1}, .since = Instant(1h), .silence_limit = {}, .category_at = {}, .armed = true});
  pass(250ms);
  EXPECT_EQ(heard<event::ProgressMade>().size(), 1u);
}

TEST_F(Activity, NewsIsToldOnce) {
  ActivityWriter writer = begin(1, 45s);
  EXPECT_FALSE(slots.news({1}));
  EXPECT_FALSE(slots.last_alive({1})) << "it has given no sign of life yet";
  now += 1ms;
  writer.progress(now);
  EXPECT_EQ(slots.news({1})->at, now);
  EXPECT_FALSE(slots.news({1}));
  EXPECT_FALSE(slots.news({99}));
  EXPECT_EQ(slots.slot_of({1}), writer.slot());
  EXPECT_FALSE(slots.slot_of({99}));
  EXPECT_EQ(slots.last_progress({1}), now);
  writer.alive(now + 1ms);
  EXPECT_EQ(slots.last_alive({1}), now + 1ms);
  EXPECT_FALSE(slots.last_alive({99}));
  EXPECT_FALSE(slots.last_progress({99}));
}

TEST_F(Activity, ACategoryIsDueOnceAtItsInstant) {
  begin(1, std::nullopt);
  slots.order(effect::WatchCategory{{1}, now + 600ms});
  slots.order(effect::WatchCategory{{99}, now});
  slots.order(effect::Watch{.operation = {99}});
  slots.end({99});
  pass(500ms);
  EXPECT_TRUE(heard<event::CategoryDue>().empty());
  pass(1s);
  EXPECT_EQ(heard<event::CategoryDue>().size(), 1u);
}

TEST_F(Activity, ALateHeartbeatNeverFeedsAStrangersClock) {
  ActivityWriter old = begin(1, 1000ms, true);
  slots.end({1});
  EXPECT_EQ(slots.taken(), 1u) << "its writer still holds it";
  EXPECT_FALSE(old.progress(now));
  const ActivityWriter stranger = begin(2, 1000ms);
  EXPECT_NE(stranger.slot(), old.slot());
  slots.give_back(old.slot());
  EXPECT_EQ(slots.taken(), 1u);
  slots.give_back(stranger.slot());
  slots.end({2});
  EXPECT_EQ(slots.taken(), 0u);
}

TEST_F(Activity, ASlotThatIsTakenAgainHasForgotten) {
  ActivityWriter old = begin(1, 1000ms);
  old.progress(now);
  old.hold(now);
  slots.end({1});
  slots.give_back(old.slot());
  const ActivityWriter next = begin(2, 1000ms);
  EXPECT_EQ(next.slot(), old.slot());
  EXPECT_FALSE(slots.last_progress({2}));
  pass(1250ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 1u);
}

TEST_F(Activity, MoreThanOneSegmentIsSwept) {
  for (std::uint64_t i = 1; i <= 5000; ++i)
    begin(i, 1000ms);
  pass(1250ms);
  EXPECT_EQ(heard<event::SilenceExceeded>().size(), 5000u);
}

TEST_F(Activity, GivingBackTwiceIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const ActivityWriter writer = begin(1, 1000ms);
  EXPECT_TRUE(writer);
  EXPECT_FALSE(ActivityWriter());
  slots.give_back(writer.slot());
  EXPECT_DEATH(slots.give_back(writer.slot()), "given back once");
}

}  // namespace
}  // namespace holdfast
