#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/net/fault.hpp"
#include "holdfast/net/limits.hpp"

/// Server-Sent Events as bytes and as values. Pure.
namespace holdfast::net {

struct SseEvent {
  std::string id = {};     ///< the last id that was sent: it stays for events that bring none
  std::string event = {};  ///< empty means "message"
  std::string data = {};   ///< lines joined by \n

  bool operator==(const SseEvent&) const = default;
};

/// Bytes become events, wherever the bytes are cut.
///
/// As the HTML standard reads a stream: lines end with CR, LF or CRLF, a BOM at the beginning and comments are skipped,
/// unknown fields ignored, an event without data is none, and one that the stream's end cuts off is dropped.
/// Threads: none. Limits: a line, and an event, of `event_bytes_max`; then `Fault::body_too_large`, for good.
class SseReader {
 public:
  explicit SseReader(std::size_t event_bytes_max = sse_event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  /// Adds the events that these bytes complete.
  error_code feed(std::string_view bytes, std::vector<SseEvent>& out);

  /// What `retry:` said last: how long to wait before coming back.
  std::optional<std::chrono::milliseconds> retry() const { return retry_; }
  /// The id to come back with, as `Last-Event-ID`.
  const std::string& last_id() const { return last_id_; }

 private:
  void take_line(std::vector<SseEvent>& out);

  std::size_t event_bytes_max_;
  std::string line_;
  SseEvent event_;
  std::string last_id_;
  std::optional<std::chrono::milliseconds> retry_;
  bool has_data_ = false;
  bool after_return_ = false;
  bool first_line_ = true;
  bool too_large_ = false;
};

/// One event as bytes. `id` and `event` are left out where they are empty; a line end in either, or a zero byte in
/// `id`, is a bug (what `SseReader` gives has none). `data` may be anything, and each of its lines gets its own field.
std::string format_sse(const SseEvent& event);
/// A line that readers skip, to show that the line is alive. `text` without line ends.
std::string format_sse_comment(std::string_view text);

}  // namespace holdfast::net
