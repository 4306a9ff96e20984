#include "holdfast/core/patience.hpp"

namespace holdfast {

std::string_view name(LatencyCategory category) noexcept {
  switch (category) {
    case LatencyCategory::Normal:
      return "Normal";
    case LatencyCategory::Extended:
      return "Extended";
    case LatencyCategory::DeepWait:
      return "DeepWait";
    case LatencyCategory::StallSuspected:
      return "StallSuspected";
    case LatencyCategory::Error:
      return "Error";
  }
  __builtin_unreachable();
}

LatencyCategory Patience::category_after(Nanoseconds elapsed) const {
  if (elapsed < normal) return LatencyCategory::Normal;
  if (elapsed < extended) return LatencyCategory::Extended;
  return LatencyCategory::DeepWait;
}

std::optional<milliseconds> Patience::next_threshold(Nanoseconds elapsed) const {
  for (const milliseconds threshold : {normal, extended, deep_wait}) {
    if (elapsed < threshold) return threshold;
  }
  return std::nullopt;
}

}  // namespace holdfast
