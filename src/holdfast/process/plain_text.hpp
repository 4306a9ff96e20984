#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::process {

/// What a terminal would show of `raw`, safe to print and to store: valid UTF-8, no control characters but line feeds
/// (tabs become spaces). Of a line that was overwritten with carriage returns, the last writing. Escape sequences are
/// left out; other control characters, direction overrides and bytes that are not UTF-8 become U+FFFD.
std::string plain_text(std::string_view raw);

/// At most `bytes_max` bytes from the end of valid UTF-8, begun at a line where one begins there, else with "…".
std::string end_of(std::string_view text, std::size_t bytes_max);

/// The last bytes of a stream of any length, in bounded memory: error messages come last.
class Tail {
 public:
  explicit Tail(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void add(std::string_view bytes);
  /// At most `bytes_max` bytes of `plain_text`, without blank lines around it.
  std::string text() const;
  /// Bytes ever added.
  std::int64_t count() const { return count_; }

 private:
  std::size_t bytes_max_;
  std::string kept_;
  std::int64_t count_ = 0;
};

}  // namespace holdfast::process
