#include "holdfast/base/wall_time.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace holdfast {
namespace {

struct Calendar {
  int year;
  unsigned month, day, hour, minute, second, millisecond;
};

Calendar calendar(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{days};
  const auto of_day = static_cast<unsigned>((time - days).count());
  return {int(date.year()),    unsigned(date.month()), unsigned(date.day()), of_day / 3600000,
          of_day / 60000 % 60, of_day / 1000 % 60,     of_day % 1000};
}

template <class... Args>
std::string printed(const char* format, Args... args) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), format, args...);
  return {text.data(), static_cast<std::size_t>(length)};
}

/// Decimal, with leading zeros. Every record of a trail holds several times, and a format string is read anew each
/// time.
void write_digits(unsigned number, std::size_t width, char* to) {
  for (; width > 0; number /= 10)
    to[--width] = static_cast<char>('0' + number % 10);
}

/// YYYY-MM-DDTHH:MM:SS of a year that has four digits, at the beginning of `form`.
std::string filled(std::string form, const Calendar& c) {
  write_digits(static_cast<unsigned>(c.year), 4, form.data());
  write_digits(c.month, 2, form.data() + 5);
  write_digits(c.day, 2, form.data() + 8);
  write_digits(c.hour, 2, form.data() + 11);
  write_digits(c.minute, 2, form.data() + 14);
  write_digits(c.second, 2, form.data() + 17);
  return form;
}

bool has_four_digits(int year) {
  return year >= 0 && year <= 9999;
}

}  // namespace

std::string rfc3339(WallTime time) {
  const Calendar c = calendar(time);
  if (has_four_digits(c.year)) {
    std::string out = filled("0000-00-00T00:00:00.000Z", c);
    write_digits(c.millisecond, 3, out.data() + 20);
    return out;
  }
  return printed("%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", c.year, c.month, c.day, c.hour, c.minute, c.second,
                 c.millisecond);
}

std::string rfc3339_seconds(WallTime time) {
  const Calendar c = calendar(time);
  if (has_four_digits(c.year)) return filled("0000-00-00T00:00:00Z", c);
  return printed("%04d-%02u-%02uT%02u:%02u:%02uZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

std::string clock_time(WallTime time) {
  const Calendar c = calendar(time);
  return printed("%02u:%02u:%02u", c.hour, c.minute, c.second);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits))
      value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + milliseconds(number(20, 3));
}

std::string spoken(milliseconds duration) {
  const long long ms = duration.count();
  if (ms < 1000) return printed("%lld ms", ms);
  const long long s = ms / 1000;
  if (s < 60) return ms < 10000 && ms % 1000 >= 100 ? printed("%lld.%lld s", s, ms / 100 % 10) : printed("%lld s", s);
  if (s < 3600) return s % 60 == 0 ? printed("%lld min", s / 60) : printed("%lld min %02lld s", s / 60, s % 60);
  return printed("%lld h %02lld min", s / 3600, s / 60 % 60);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  long long amount = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || amount < 0 || text.front() == '-') return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  const long long factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60000 : unit == "h" ? 3600000 : 0;
  constexpr long long year_ms = 366LL * 24 * 3600000;
  if (factor == 0 || amount > year_ms / factor) return std::nullopt;
  return milliseconds(amount * factor);
}

}  // namespace holdfast
