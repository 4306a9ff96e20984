#pragma once

#include <optional>
#include <string_view>

#include "holdfast/base/instant.hpp"
#include "holdfast/base/wall_time.hpp"

/// Asking the same provider again, which is no switch: only where it cannot have begun the work.
namespace holdfast::providers {

/// After this many the provider is busy for longer than a pause.
inline constexpr int retries_max = 3;
/// Before the first; doubled each time.
inline constexpr milliseconds retry_pause_first{500};
/// A provider that wants to be left alone for longer is out of quota, and somebody should know.
inline constexpr milliseconds retry_after_max{10 * 60 * 1000};

/// What a field `Retry-After` says: seconds, or a date of HTTP (RFC 9110 §10.2.3). Nothing where it says neither.
/// `now`: to count from to a date; one that has passed is 0.
std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now);

}  // namespace holdfast::providers
