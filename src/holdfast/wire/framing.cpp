#include "holdfast/wire/framing.hpp"

#include <algorithm>

#include "holdfast/base/name.hpp"

namespace holdfast::wire {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
/// Line ends are looked for in pieces, so that a stream of lines that all end with CR is not searched again and again.
constexpr std::size_t search_bytes = 512;

std::size_t line_end(std::string_view bytes, bool returns_end_lines) {
  if (!returns_end_lines) return bytes.find('\n');
  for (std::size_t at = 0; at < bytes.size(); at += search_bytes) {
    const std::string_view piece = bytes.substr(at, search_bytes);
    const std::size_t feed = piece.find('\n');
    const std::size_t end = std::min(feed, piece.substr(0, feed).find('\r'));
    if (end != std::string_view::npos) return at + end;
  }
  return std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

Framing framing_of(std::string_view content_type) {
  const std::string type = folded(trimmed(content_type.substr(0, content_type.find(';'))));
  if (type == "text/event-stream") return Framing::sse;
  for (const std::string_view lines : {"application/x-ndjson", "application/ndjson", "application/jsonl",
                                       "application/x-jsonlines", "application/json-lines"}) {
    if (type == lines) return Framing::ndjson;
  }
  if (type == "application/json" || type == "text/json" || type.ends_with("+json")) return Framing::whole;
  return Framing::bytes;
}

std::string_view keepalive(const Route& route, Framing framing) {
  switch (framing) {
    case Framing::whole:
    case Framing::ndjson:
      return " ";
    case Framing::sse:
      return route.dialect == Dialect::anthropic ? "event: ping\ndata: {\"type\": \"ping\"}\n\n" : ": holdfast\n\n";
    case Framing::bytes:
      return {};
  }
  __builtin_unreachable();
}

void FrameSplitter::begin_frame() {
  event_.clear();
  data_.clear();
  event_begun_ = has_data_ = too_long_ = handed_out_ = false;
}

std::optional<Frame> FrameSplitter::next(std::string_view& bytes) {
  if (handed_out_) begin_frame();
  while (!bytes.empty()) {
    if (after_return_) {
      after_return_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
      returns_alone_ = true;
    }
    const std::size_t end = line_end(bytes, framing_ == Framing::sse);
    if (end == std::string_view::npos) {
      take(bytes);
      bytes = {};
      break;
    }
    take(bytes.substr(0, end));
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    const bool whole = take_line();
    line_.clear();
    line_begun_ = line_too_long_ = first_line_ = false;
    if (!whole) continue;
    handed_out_ = true;
    return Frame{event_, data_, !too_long_};
  }
  return std::nullopt;
}

std::optional<Frame> FrameSplitter::last() {
  if (handed_out_) begin_frame();
  if (framing_ != Framing::ndjson || !line_begun_ || !take_line()) return std::nullopt;
  line_.clear();  // but it stays begun: what is put behind it would stand in it
  line_too_long_ = false;
  handed_out_ = true;
  return Frame{event_, data_, !too_long_};
}

bool FrameSplitter::at_boundary() const {
  if (line_begun_) return false;
  if (framing_ == Framing::ndjson) return true;
  return (!event_begun_ || handed_out_) && (!after_return_ || returns_alone_);
}

void FrameSplitter::take(std::string_view part) {
  if (part.empty()) return;
  line_begun_ = true;
  const std::size_t room = bytes_max_ - line_.size();
  line_too_long_ |= part.size() > room;
  line_.append(part.substr(0, room));
}

/// The line that is whole now. True: it makes a frame whole.
bool FrameSplitter::take_line() {
  std::string_view line = line_;
  if (framing_ == Framing::ndjson) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) return false;
    data_ = line;
    too_long_ = line_too_long_;
    return true;
  }
  if (first_line_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (!line.empty()) return take_field(line), false;
  const bool whole = has_data_;
  if (!whole) begin_frame();
  return whole;
}

void FrameSplitter::take_field(std::string_view line) {
  if (line.front() == ':') return;
  event_begun_ = true;
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view field = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_ = value;
  } else if (field == "data") {
    if (has_data_) data_.push_back('\n');
    has_data_ = true;
    const std::size_t room = bytes_max_ - std::min(data_.size(), bytes_max_);
    too_long_ |= line_too_long_ || value.size() > room;
    data_.append(value.substr(0, room));
  }
}

}  // namespace holdfast::wire
