#include "holdfast/net/pause.hpp"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using namespace std::chrono_literals;

TEST(Pause, IsDoubledAndShakenAndNeverShorterThanAskedFor) {
  EXPECT_EQ(pause_before(0, 500ms, 0ms, 0), 500ms);
  EXPECT_EQ(pause_before(2, 500ms, 0ms, 0), 2000ms);
  EXPECT_EQ(pause_before(2, 500ms, 0ms, 1), 3000ms);
  EXPECT_EQ(pause_before(0, 500ms, 20s, 0.5), 20'125ms);
}

TEST(Pause, ByChanceStaysWithinItsBounds) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_GE(pause_before(1, 500ms), 1000ms);
    EXPECT_LE(pause_before(1, 500ms), 1500ms);
  }
}

}  // namespace
}  // namespace holdfast::net
