#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/instant.hpp"

namespace holdfast {

/// RFC 3339 in UTC with milliseconds: "2026-11-23T07:22:00.123Z".
std::string rfc3339(WallTime time);
/// RFC 3339 in UTC, whole seconds, as locks print it: "2026-11-23T07:22:00Z".
std::string rfc3339_seconds(WallTime time);
/// What `rfc3339` has written, to the letter; nothing for any other form of time.
std::optional<WallTime> parse_rfc3339(std::string_view text);
/// "07:22:00", UTC.
std::string clock_time(WallTime time);

/// A duration as a person says it: "850 ms", "48 s", "2 min 14 s", "1 h 05 min".
std::string spoken(milliseconds duration);

/// "90s", "10m", "2h", "500ms", a whole number and its unit; nothing else, no sign, no space.
std::optional<milliseconds> parse_duration(std::string_view text);

}  // namespace holdfast
