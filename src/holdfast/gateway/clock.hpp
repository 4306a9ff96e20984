#pragma once

#include <chrono>

#include "holdfast/base/instant.hpp"

/// Where time is read. Nothing below the gateway does.
namespace holdfast::gateway {

inline Instant instant_now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

inline Moment moment_now() {
  return {instant_now(), std::chrono::floor<milliseconds>(std::chrono::system_clock::now())};
}

}  // namespace holdfast::gateway
