#include "holdfast/cli/screen/display_text.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>

namespace holdfast::cli {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Takes one character off the front; -1, and one byte, where it is not UTF-8.
utf8proc_int32_t take(std::string_view& text) {
  utf8proc_int32_t character = -1;
  const auto taken = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                      static_cast<utf8proc_ssize_t>(text.size()), &character);
  text.remove_prefix(taken > 0 ? static_cast<std::size_t>(taken) : 1);
  return taken > 0 ? character : -1;
}

void append(std::string& out, utf8proc_int32_t character) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(character, bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(length));
}

bool turns_direction(utf8proc_int32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool is_blank(utf8proc_int32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029;
}

struct Cousin {
  utf8proc_int32_t character;
  std::string_view ascii;
};

constexpr std::array cousins = {
    Cousin{0x2022, "-"}, Cousin{0xb7, "-"},   Cousin{0x2013, "-"},  Cousin{0x2014, "-"},  Cousin{0x2026, "..."},
    Cousin{0xab, "\""},  Cousin{0xbb, "\""},  Cousin{0x201c, "\""}, Cousin{0x201d, "\""}, Cousin{0x201e, "\""},
    Cousin{0x2018, "'"}, Cousin{0x2019, "'"}, Cousin{0xd7, "x"},    Cousin{0x2192, "->"}, Cousin{0xa0, " "},
    Cousin{0x2713, "*"}, Cousin{0x2502, "|"}, Cousin{0x2500, "-"},  Cousin{0xe4, "ae"},   Cousin{0xf6, "oe"},
    Cousin{0xfc, "ue"},  Cousin{0xdf, "ss"},  Cousin{0xe9, "e"},    Cousin{0xe8, "e"},    Cousin{0xe0, "a"},
    Cousin{0xe7, "c"},
};

bool is_letter(utf8proc_int32_t character) {
  const auto category = utf8proc_category(character);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

int width_of(utf8proc_int32_t character) {
  return character < 0 ? 1 : utf8proc_charwidth(character);
}

}  // namespace

std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto c = take(text);
    if (c < 0 || (c >= 0x80 && c < 0xa0) || turns_direction(c)) {
      out += replacement;
    } else if (is_blank(c)) {
      out += ' ';
    } else if (c < 0x20) {
      append(out, 0x2400 + c);
    } else if (c == 0x7f) {
      append(out, 0x2421);
    } else {
      append(out, c);
    }
  }
  return out;
}

std::string ascii(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto c = take(text);
    if (c >= 0x20 && c < 0x7f) {
      out += static_cast<char>(c);
      continue;
    }
    const auto found = std::ranges::find(cousins, c, &Cousin::character);
    out += found == cousins.end() ? "?" : found->ascii;
  }
  return out;
}

std::string ascii_signs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const auto c = take(text);
    const auto found = std::ranges::find(cousins, c, &Cousin::character);
    const bool picture = (c >= 0x2400 && c <= 0x2421) || c == 0xfffd;
    if (picture) {
      out += '?';
    } else if (found != cousins.end() && !is_letter(c)) {
      out += found->ascii;
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
  return out;
}

int columns(std::string_view text) {
  int sum = 0;
  while (!text.empty())
    sum += width_of(take(text));
  return sum;
}

std::string cut(std::string_view text, int width, bool utf8) {
  if (width <= 0) return {};
  if (columns(text) <= width) return std::string(text);
  std::string_view rest = text;
  int used = 0;
  std::size_t end = 0;
  while (!rest.empty()) {
    used += width_of(take(rest));
    if (used > width - 1) break;
    end = text.size() - rest.size();
  }
  return std::string(text.substr(0, end)) + (utf8 ? "…" : "~");
}

std::string padded(std::string_view text, int width, bool utf8) {
  std::string out = cut(text, width, utf8);
  const int missing = width - columns(out);
  if (missing > 0) out.append(static_cast<std::size_t>(missing), ' ');
  return out;
}

std::vector<std::string> wrapped(std::string_view text, int width) {
  std::vector<std::string> lines;
  width = std::max(width, 1);
  while (columns(text) > width) {
    std::string_view rest = text;
    int used = 0;
    std::size_t fits = 0, blank = 0;
    while (!rest.empty()) {
      const std::size_t at = text.size() - rest.size();
      const auto c = take(rest);
      used += width_of(c);
      if (c == ' ' && used <= width + 1) blank = at;
      if (used > width) break;
      fits = text.size() - rest.size();
    }
    if (fits == 0) fits = text.size() - rest.size();  // one character that is wider than the line: taken all the same
    const std::size_t end = blank > 0 ? blank : fits;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    while (!text.empty() && text.front() == ' ')
      text.remove_prefix(1);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

std::string shell_quoted(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& each : words)
    out += (out.empty() ? "" : " ") + shell_quoted(each);
  return out;
}

}  // namespace holdfast::cli
