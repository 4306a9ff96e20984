#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"

namespace holdfast {

/// Problems named at once. Whoever has mended these sees the next; a broken generator does not fill the screen.
inline constexpr std::size_t problems_max = 100;

/// One thing that is wrong with a file, and where.
struct Problem {
  std::string file;        ///< a path, or the flag that said it ("--input"); empty: neither
  std::uint32_t line = 0;  ///< from 1; 0: the file as a whole
  std::string message;     ///< what is wrong and what would be right

  /// "FILE:LINE: message", without a line "FILE: message", without a file the message.
  std::string text() const;
  bool operator==(const Problem&) const = default;
};

/// Everything that is wrong with a file, collected: all of it is said, not only the first.
class Problems {
 public:
  explicit Problems(std::string file = {}) : file_(std::move(file)) {}

  void add(std::uint32_t line, std::string message) { add(Problem{file_, line, std::move(message)}); }
  void add(Problem problem);
  void add(const Problems& others);

  bool empty() const { return list_.empty(); }
  const std::string& file() const { return file_; }
  /// In the order of the lines.
  const std::vector<Problem>& list() const { return list_; }
  /// How many more there were, above `problems_max`.
  std::size_t left_out() const { return left_out_; }
  /// One a line, without a line end after the last; says how many more there were above `problems_max`.
  std::string text() const;

 private:
  std::string file_;
  std::vector<Problem> list_;
  std::size_t left_out_ = 0;
};

[[noreturn]] void throw_exception_from_error(const Problems& problems, const boost::source_location& where);

/// A value, or everything that is wrong with what it was made of. `value()` on problems throws `Error` (config).
template <class T>
using checked = boost::system::result<T, Problems>;

/// A text of the user's inside a message: control characters and broken UTF-8 made visible, `bytes_max` at most.
std::string shown(std::string_view text, std::size_t bytes_max = 80);

/// The one of `known` that `word` was probably meant to be; empty where none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);
/// "; did you mean 'NEAREST'?", or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace holdfast
