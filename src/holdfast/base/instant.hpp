#pragma once

#include <chrono>

namespace holdfast {

using std::chrono::milliseconds;

/// The monotonic clock as the core knows it: it has no `now()`, so reading the time in the core does not compile.
struct ToldClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ToldClock>;
  static constexpr bool is_steady = true;
};

/// A point on the monotonic clock, in nanoseconds. Only differences mean anything.
using Instant = ToldClock::time_point;
using Nanoseconds = std::chrono::nanoseconds;

/// Wall-clock time, for display and records only.
using WallTime = std::chrono::sys_time<milliseconds>;

/// What an event's hearer is told about time: when it happened, and what the calendar said.
struct Moment {
  Instant at;
  WallTime wall;
};

/// Rounded down to whole milliseconds, as durations are shown and recorded.
inline milliseconds in_ms(Nanoseconds duration) {
  return std::chrono::floor<milliseconds>(duration);
}

}  // namespace holdfast
