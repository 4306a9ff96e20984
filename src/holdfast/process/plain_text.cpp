#include "holdfast/process/plain_text.hpp"

#include <algorithm>
#include <boost/locale/utf.hpp>

namespace holdfast::process {
namespace {

using Utf8 = boost::locale::utf::utf_traits<char>;
using boost::locale::utf::code_point;

constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::string_view cut_mark = "\xe2\x80\xa6";
constexpr char escape = '\x1b';

bool is_harmful(code_point c) {
  const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  const bool turns_text = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
  return control || turns_text;
}

/// How many bytes the escape sequence at the start of `text` has; all of them where its end is missing.
std::size_t escape_bytes(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {  // control sequence: ends with a byte from @ to ~
    for (std::size_t at = 2; at < text.size(); ++at) {
      if (text[at] >= '@' && text[at] <= '~') return at + 1;
    }
    return text.size();
  }
  if (text[1] == ']') {  // operating system command, such as a window title: ends with BEL or ESC backslash
    for (std::size_t at = 2; at < text.size(); ++at) {
      if (text[at] == '\a') return at + 1;
      if (text[at] == escape) return std::min(at + 2, text.size());
    }
    return text.size();
  }
  std::size_t last = 1;  // such as the choice of a character set: bytes from blank to slash, and one more
  while (last + 1 < text.size() && text[last] >= ' ' && text[last] <= '/')
    ++last;
  return last + 1;
}

void add_plain_line(std::string& out, std::string_view line) {
  while (line.ends_with('\r'))
    line.remove_suffix(1);
  if (const auto overwritten = line.rfind('\r'); overwritten != std::string_view::npos) {
    line.remove_prefix(overwritten + 1);
  }
  while (!line.empty()) {
    if (line.front() == escape) {
      line.remove_prefix(escape_bytes(line));
      continue;
    }
    if (line.front() == '\t') {
      out += ' ';
      line.remove_prefix(1);
      continue;
    }
    auto at = line.begin();
    const code_point c = Utf8::decode(at, line.end());
    const bool valid = boost::locale::utf::is_valid_codepoint(c);
    // After a bad byte the next one is looked at again: the decoder has swallowed it.
    const std::size_t size = valid ? static_cast<std::size_t>(at - line.begin()) : 1;
    out += valid && !is_harmful(c) ? line.substr(0, size) : replacement;
    line.remove_prefix(size);
  }
}

}  // namespace

std::string plain_text(std::string_view raw) {
  std::string out;
  while (true) {
    const auto end = raw.find('\n');
    add_plain_line(out, raw.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += '\n';
    raw.remove_prefix(end + 1);
  }
}

std::string end_of(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::string_view end = text.substr(text.size() - bytes_max);
  if (text[text.size() - bytes_max - 1] == '\n') return std::string(end);
  if (const auto line = end.find('\n'); line != std::string_view::npos && line + 1 < end.size()) {
    return std::string(end.substr(line + 1));
  }
  end.remove_prefix(std::min(cut_mark.size(), end.size()));
  while (!end.empty() && (static_cast<unsigned char>(end.front()) & 0xc0) == 0x80)
    end.remove_prefix(1);
  return std::string(cut_mark).append(end);
}

void Tail::add(std::string_view bytes) {
  count_ += static_cast<std::int64_t>(bytes.size());
  if (bytes.size() > bytes_max_) bytes.remove_prefix(bytes.size() - bytes_max_);
  kept_ += bytes;
  // Trimmed only now and then: a move of the whole at every small write would cost more than the writes.
  if (kept_.size() > 2 * bytes_max_) kept_.erase(0, kept_.size() - bytes_max_);
}

std::string Tail::text() const {
  std::string_view raw = kept_;
  while (!raw.empty() && static_cast<std::int64_t>(kept_.size()) < count_ && (raw.front() & 0xc0) == 0x80) {
    raw.remove_prefix(1);  // the rest of a character whose beginning was dropped
  }
  const std::string plain = plain_text(raw);
  const auto first = plain.find_first_not_of(" \n");
  if (first == std::string::npos) return {};
  const auto last = plain.find_last_not_of(" \n");
  return end_of(std::string_view(plain).substr(first, last - first + 1), bytes_max_);
}

}  // namespace holdfast::process
