#include "holdfast/core/patience.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::chrono_literals;

Patience terms() {
  Patience made;
  made.normal = 10s;
  made.extended = 60s;
  made.deep_wait = 120s;
  return made;
}

TEST(Patience, CategoriesBeginAtTheThresholdsOfTheProfileNotAtFixed30And180Seconds) {
  const Patience patience = terms();
  EXPECT_EQ(patience.category_after(10s - 1ns), LatencyCategory::Normal);
  EXPECT_EQ(patience.category_after(10s), LatencyCategory::Extended);
  EXPECT_EQ(patience.category_after(60s - 1ns), LatencyCategory::Extended);
  EXPECT_EQ(patience.category_after(60s), LatencyCategory::DeepWait);
  EXPECT_EQ(patience.category_after(500s), LatencyCategory::DeepWait);
}

TEST(Patience, EachThresholdComesOnce) {
  const Patience patience = terms();
  EXPECT_EQ(patience.next_threshold(0s), 10s);
  EXPECT_EQ(patience.next_threshold(10s), 60s);
  EXPECT_EQ(patience.next_threshold(60s), 120s);
  EXPECT_EQ(patience.next_threshold(120s), std::nullopt);
}

TEST(Patience, NamesItsCategories) {
  EXPECT_EQ(name(LatencyCategory::Normal), "Normal");
  EXPECT_EQ(name(LatencyCategory::Extended), "Extended");
  EXPECT_EQ(name(LatencyCategory::DeepWait), "DeepWait");
  EXPECT_EQ(name(LatencyCategory::StallSuspected), "StallSuspected");
  EXPECT_EQ(name(LatencyCategory::Error), "Error");
}

}  // namespace
}  // namespace holdfast
