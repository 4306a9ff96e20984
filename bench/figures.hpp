#pragma once

#include <algorithm>
#include <cstdio>
#include <vector>

/// The p-th percentile (0 to 100) of what was measured; sorts it.
inline double percentile(std::vector<double>& values, double p) {
  std::sort(values.begin(), values.end());
  const auto index = static_cast<std::size_t>(p / 100.0 * static_cast<double>(values.size() - 1));
  return values[index];
}

inline void print_percentiles(const char* what, std::vector<double> values, const char* unit) {
  std::printf("%-52s p50 %9.2f  p99 %9.2f  max %9.2f %s  (%zu)\n", what, percentile(values, 50), percentile(values, 99),
              percentile(values, 100), unit, values.size());
}
