#pragma once

#include <cstddef>
#include <string_view>

#include "holdfast/net/limits.hpp"

namespace holdfast::net {

/// Finds the end of a head, and refuses on the way what two readers could read differently.
///
/// Stricter than the parser behind it: lines end with CRLF and nothing else, no line continues the one before
/// (obs-fold), nothing stands between a name and its colon, no control characters. Incremental, so that a head that
/// comes byte by byte costs no more than one that comes at once. Pure.
class HeadScanner {
 public:
  enum class Kind { request, response };
  enum class State {
    more,     ///< good so far
    whole,    ///< `length()` bytes are the head
    refused,  ///< `status()` and `reason()` say why, for good
  };

  HeadScanner(Kind kind, const HeadLimits& limits) : kind_(kind), limits_(limits) {}

  /// `bytes`: everything since the first byte of the head; the beginning must be what was shown before.
  State scan(std::string_view bytes);

  std::size_t length() const { return line_begin_; }
  /// What a server answers: 400, 414, 431.
  int status() const { return status_; }
  std::string_view reason() const { return reason_; }

 private:
  State refuse(int status, std::string_view reason);
  bool may_begin(std::string_view line) const;
  State take_line(std::string_view line);

  Kind kind_;
  HeadLimits limits_;
  std::size_t line_begin_ = 0;
  std::size_t looked_at_ = 0;
  std::size_t lines_ = 0;
  int status_ = 0;
  std::string_view reason_;
};

}  // namespace holdfast::net
