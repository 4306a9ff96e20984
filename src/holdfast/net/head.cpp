#include "holdfast/net/head.hpp"

#include "holdfast/net/message.hpp"

namespace holdfast::net {

HeadScanner::State HeadScanner::refuse(int status, std::string_view reason) {
  status_ = status;
  reason_ = reason;
  return State::refused;
}

bool HeadScanner::may_begin(std::string_view line) const {
  return kind_ == Kind::request ? is_token(line.substr(0, 1)) : line.starts_with('H');
}

HeadScanner::State HeadScanner::take_line(std::string_view line) {
  if (!is_field_value(line)) return refuse(400, "a control character in the head");
  if (lines_ == 1) {
    return may_begin(line) ? State::more : refuse(400, "the first line is not one");
  }
  if (line.empty()) return State::whole;
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "a field is continued on the next line");
  if (lines_ - 1 > limits_.fields_max) return refuse(431, "too many fields");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "a field without a colon");
  if (!is_token(line.substr(0, colon))) return refuse(400, "the name of a field is not one");
  return State::more;
}

HeadScanner::State HeadScanner::scan(std::string_view bytes) {
  if (status_ != 0) return State::refused;
  for (;;) {
    const std::size_t end = bytes.find('\n', looked_at_);
    const std::size_t seen = end == std::string_view::npos ? bytes.size() : end + 1;
    if (lines_ == 0 && seen > limits_.line_bytes_max) return refuse(414, "the first line is too long");
    if (seen > limits_.head_bytes_max) return refuse(431, "the head is too large");
    if (end == std::string_view::npos) {
      looked_at_ = bytes.size();
      // What cannot become a request need not be waited for: TLS spoken to a plain port, a scan of ports.
      if (lines_ == 0 && !bytes.empty() && !may_begin(bytes)) return refuse(400, "the first line is not one");
      return State::more;
    }
    if (end == line_begin_ || bytes[end - 1] != '\r') return refuse(400, "a line ends without a carriage return");
    ++lines_;
    const State state = take_line(bytes.substr(line_begin_, end - 1 - line_begin_));
    if (state == State::refused) return state;
    line_begin_ = looked_at_ = end + 1;
    if (state == State::whole) return state;
  }
}

}  // namespace holdfast::net
