#include "world.hpp"

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

TEST(World, TheSameSeedGivesTheSameEffects) {
  const auto hash = [](std::uint64_t seed) {
    Rows rows;
    World world(seed, rows, true);
    world.run(32);
    return world.hash();
  };
  EXPECT_EQ(hash(7), hash(7));
  EXPECT_NE(hash(7), hash(8));
}

}  // namespace
}  // namespace holdfast::sim
