#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/wire/limits.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::wire {

/// How an answer is cut into pieces. `whole`: one JSON document.
enum class Framing : unsigned char { whole, sse, ndjson, bytes };
/// By the type that the answer says it is of; parameters and case do not matter.
Framing framing_of(std::string_view content_type);

/// Shows a waiting client that the line is alive, without meaning anything in the dialect: a comment, a ping, a blank
/// in front of what follows. It may stand wherever `AnswerReader::at_boundary`. Empty: none is possible.
std::string_view keepalive(const Route& route, Framing framing);

/// One event or line of a streamed answer. Views hold until the splitter is used again.
struct Frame {
  std::string_view event{};  ///< of an SSE event that names one
  std::string_view data{};
  bool readable = true;  ///< false: longer than the limit, and `data` is not all of it
};

/// Bytes become frames, wherever they are cut, and it is known where foreign bytes may stand between them.
///
/// SSE as the HTML standard reads it: lines end with CR, LF or CRLF, a byte order mark and comments are skipped, an
/// event without data is none, and one that the end cuts off is dropped. NDJSON: a line a frame, blank ones are none,
/// and the last may lack its end. Threads: none. Limits: `frame_bytes_max` of a line and of an event; the rest of a
/// longer one is skipped.
class FrameSplitter {
 public:
  explicit FrameSplitter(Framing framing, std::size_t bytes_max = frame_bytes_max)
      : framing_(framing), bytes_max_(bytes_max) {}

  /// Takes bytes from the front until a frame is whole; nothing: all are taken.
  std::optional<Frame> next(std::string_view& bytes);
  /// A last line without its end, where nothing follows.
  std::optional<Frame> last();
  /// All that has come is whole frames: what is put in here stands between two.
  bool at_boundary() const;

 private:
  void take(std::string_view part);
  bool take_line();
  void take_field(std::string_view line);
  void begin_frame();

  Framing framing_;
  std::size_t bytes_max_;
  std::string line_, event_, data_;
  bool line_begun_ = false;  ///< a byte of a line has come, kept or not
  bool line_too_long_ = false;
  bool first_line_ = true;
  bool after_return_ = false;   ///< a line feed that follows belongs to the line before
  bool returns_alone_ = false;  ///< this stream ends lines with CR: none is waited for
  bool event_begun_ = false, has_data_ = false, too_long_ = false;
  bool handed_out_ = false;
};

}  // namespace holdfast::wire
