#pragma once

#include <vector>

#include "holdfast/store/store.hpp"
#include "world.hpp"

namespace holdfast::sim {

/// Everything that one simulated run of so many jobs has saved, in order.
inline std::vector<store::Transaction> saved(std::uint64_t seed, int jobs) {
  std::vector<store::Transaction> out;
  Rows rows;
  World world(seed, rows);
  world.also_keep([&](const effect::Save& order) {
    const WallTime time(milliseconds(1'000'000 + static_cast<std::int64_t>(out.size())));
    out.push_back({order.save, time, order.records});
  });
  world.run(jobs);
  return out;
}

}  // namespace holdfast::sim
