#include "holdfast/net/message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::net {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Looked up for every byte of every head.
constexpr auto token_characters = [] {
  std::array<bool, 256> out{};
  for (unsigned char c = '0'; c <= 'z'; ++c)
    out[c] = (c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a');
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    out[static_cast<unsigned char>(c)] = true;
  return out;
}();
constexpr bool is_token_character(char c) noexcept {
  return token_characters[static_cast<unsigned char>(c)];
}

/// A head has about so many: they are not moved four times while they come in.
constexpr std::size_t fields_expected = 8;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool append(std::string& out, const Fields& fields) {
  for (const Field& field : fields) {
    if (!is_token(field.name) || !is_field_value(field.value)) return false;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  out.append("\r\n");
  return true;
}

struct Phrase {
  int status;
  std::string_view text;
};

constexpr std::array phrases = {
    Phrase{100, "Continue"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{421, "Misdirected Request"},
    Phrase{422, "Unprocessable Content"},
    Phrase{425, "Too Early"},
    Phrase{428, "Precondition Required"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{499, "Client Closed Request"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{507, "Insufficient Storage"},
};

}  // namespace

bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size() || (!a.empty() && lower(a.front()) != lower(b.front()))) return false;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  std::uint64_t length = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, length);  // takes no sign and no space for unsigned numbers
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return length;
}

std::string_view reason_phrase(int status) noexcept {
  const auto found = std::lower_bound(phrases.begin(), phrases.end(), status,
                                      [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  return found != phrases.end() && found->status == status ? found->text : "Status";
}

void Fields::add(std::string_view name, std::string_view value) {
  if (fields_.capacity() == 0) fields_.reserve(fields_expected);
  fields_.push_back({std::string(name), std::string(value)});
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

std::size_t Fields::remove(std::string_view name) {
  return std::erase_if(fields_, [name](const Field& field) { return same_word(field.name, name); });
}

std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (same_word(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [name](const Field& field) { return same_word(field.name, name); }));
}

bool Fields::lists(std::string_view name, std::string_view token) const {
  for (const Field& field : fields_) {
    if (!same_word(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      if (same_word(trimmed(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return false;
}

boost::system::result<std::string, error_code> format_head(const RequestHead& head) {
  const bool plain = std::all_of(head.target.begin(), head.target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_token(head.method) || head.target.empty() || !plain) return error_code(Fault::malformed);
  std::string out;
  out.reserve(512);
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  if (!append(out, head.fields)) return error_code(Fault::malformed);
  return out;
}

boost::system::result<std::string, error_code> format_head(const ResponseHead& head) {
  if (head.status < 100 || head.status > 999 || !is_field_value(head.reason)) return error_code(Fault::malformed);
  std::string out;
  out.reserve(512);
  out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
  out.append(head.reason.empty() ? reason_phrase(head.status) : head.reason).append("\r\n");
  if (!append(out, head.fields)) return error_code(Fault::malformed);
  return out;
}

std::string format_chunk_line(std::size_t bytes) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), bytes, 16).ptr;
  return std::string(text.data(), end).append("\r\n");
}

}  // namespace holdfast::net
