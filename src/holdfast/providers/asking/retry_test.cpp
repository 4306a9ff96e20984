#include "holdfast/providers/asking/retry.hpp"

#include "holdfast/net/pause.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace holdfast::providers {
namespace {

using namespace std::chrono_literals;

const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h};

TEST(Retry, ReadsSecondsAndDates) {
  EXPECT_EQ(parse_retry_after("0", now), 0ms);
  EXPECT_EQ(parse_retry_after("20", now), 20s);
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 07:00:30 GMT", now), 30s);
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 06:00:00 GMT", now), 0ms) << "it has passed";
}

TEST(Retry, AnythingElseIsNoTime) {
  for (const char* each :
       {"", "soon", "-1", "1.5", " 3", "3 s", "2026-11-23T07:00:30Z", "Mon, 23 Nov 2026 07:00:30 CET"})
    EXPECT_EQ(parse_retry_after(each, now), std::nullopt) << each;
}

TEST(Retry, ANumberThatFitsNowhereIsALongTime) {
  EXPECT_GT(parse_retry_after("99999999999999999999999999", now), retry_after_max);
}

TEST(Retry, AStopEndsThePauseAtOnce) {
  std::stop_source stop;
  const auto began = std::chrono::steady_clock::now();
  std::thread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(net::wait_unless_stopped(1h, stop.get_token()));
  stopper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 60s);
  EXPECT_TRUE(net::wait_unless_stopped(1ms, {}));
}

}  // namespace
}  // namespace holdfast::providers
