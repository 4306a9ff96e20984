#include "holdfast/net/sse.hpp"

#include <algorithm>
#include <cstdint>

#include "holdfast/base/check.hpp"
#include "holdfast/net/message.hpp"

namespace holdfast::net {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
/// A day: no server means more, and the number must fit.
constexpr std::uint64_t retry_ms_max = 24ULL * 3600 * 1000;

bool is_one_line(std::string_view text) {
  return text.find_first_of("\r\n") == std::string_view::npos;
}

}  // namespace

error_code SseReader::feed(std::string_view bytes, std::vector<SseEvent>& out) {
  while (!bytes.empty() && !too_large_) {
    if (after_return_ && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      after_return_ = false;
      continue;
    }
    after_return_ = false;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + end > event_bytes_max_) {
      too_large_ = true;
      break;
    }
    line_.append(bytes.substr(0, end));
    if (end == bytes.size()) return {};
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(out);
    line_.clear();
  }
  return too_large_ ? error_code(Fault::body_too_large) : error_code();
}

void SseReader::take_line(std::vector<SseEvent>& out) {
  std::string_view line = line_;
  if (first_line_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) {
      event_.id = last_id_;
      out.push_back(std::move(event_));
    }
    event_ = {};
    has_data_ = false;
    return;
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (event_.data.size() + value.size() + 1 > event_bytes_max_) {
      too_large_ = true;
      return;
    }
    if (has_data_) event_.data.push_back('\n');
    event_.data.append(value);
    has_data_ = true;
  } else if (name == "event") {
    event_.event = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    last_id_ = value;
  } else if (name == "retry") {
    if (const auto length = parse_length(value); length && *length <= retry_ms_max) {
      retry_ = std::chrono::milliseconds(*length);
    }
  }
}

std::string format_sse(const SseEvent& event) {
  HOLDFAST_CHECK(is_one_line(event.id) && is_one_line(event.event), "an event's id and name are one line each");
  HOLDFAST_CHECK(event.id.find('\0') == std::string::npos, "readers ignore an id with a zero byte");
  std::string out;
  out.reserve(event.data.size() + event.id.size() + event.event.size() + 32);
  if (!event.id.empty()) out.append("id: ").append(event.id).append("\n");
  if (!event.event.empty()) out.append("event: ").append(event.event).append("\n");
  std::string_view rest = event.data;
  for (;;) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == rest.size()) break;
    rest.remove_prefix(rest.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  out.append("\n");
  return out;
}

std::string format_sse_comment(std::string_view text) {
  HOLDFAST_CHECK(is_one_line(text), "a comment is one line");
  return std::string(": ").append(text).append("\n\n");
}

}  // namespace holdfast::net
