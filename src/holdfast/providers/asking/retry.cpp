#include "holdfast/providers/asking/retry.hpp"

#include <algorithm>
#include <ctime>
#include <string>

namespace holdfast::providers {
namespace {

constexpr std::size_t digits_max = 9;  ///< more seconds than that are no pause

/// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that servers may send.
std::optional<WallTime> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    if (value.size() > digits_max) return std::chrono::seconds(999'999'999);
    return std::chrono::seconds(std::stoll(std::string(value)));
  }
  const auto date = parse_http_date(std::string(value));
  if (!date) return std::nullopt;
  return std::max(milliseconds(0), *date - now);
}

}  // namespace holdfast::providers
