#include "holdfast/providers/rulebased/text.hpp"

#include <algorithm>
#include <array>
#include <boost/locale/utf.hpp>
#include <iterator>

namespace holdfast::rulebased {
namespace {

using Utf8 = boost::locale::utf::utf_traits<char>;

/// A word longer than this many bytes counts as several: see `count_words`.
constexpr std::size_t bytes_per_word_max = 16;

constexpr std::u32string_view closers = U"»›”“’\"')]}";
constexpr std::u32string_view openers = U"«‹„“”‚‘\"'([{";

struct Range {
  char32_t first;
  char32_t last;
};

// Blocks of symbols that are drawn as pictures; arrows are left out: they mean something, if only to the eye.
constexpr std::array pictograms{Range{0x00ad, 0x00ad},   Range{0x200b, 0x200d},   Range{0x20e3, 0x20e3},
                                Range{0x2300, 0x23ff},   Range{0x25a0, 0x27bf},   Range{0x2934, 0x2935},
                                Range{0x2b00, 0x2bff},   Range{0x3030, 0x3030},   Range{0xe000, 0xf8ff},
                                Range{0xfe00, 0xfe0f},   Range{0xfeff, 0xfeff},   Range{0x1f000, 0x1faff},
                                Range{0xe0000, 0xe01ef}, Range{0xf0000, 0x10ffff}};

bool is_pause(char32_t c) {
  return c == ',' || c == ';' || c == ':' || c == U'–' || c == U'—' || c == '-';
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  auto here = text.begin() + static_cast<std::ptrdiff_t>(at);
  const auto c = Utf8::decode(here, text.end());
  at = static_cast<std::size_t>(here - text.begin());
  return c;
}

std::size_t previous_code_point(std::string_view text, std::size_t end) {
  --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0u) == 0x80u)
    --end;
  return end;
}

void append_code_point(std::string& out, char32_t c) {
  Utf8::encode(static_cast<boost::locale::utf::code_point>(c), std::back_inserter(out));
}

bool is_space(char32_t c) {
  return c <= 0x20 || c == 0x7f || (c >= 0x80 && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  if (c <= 0xde) return c >= 0xc0 && c != 0xd7;
  if (c >= 0x100 && c <= 0x137) return c % 2 == 0;
  if (c >= 0x139 && c <= 0x148) return c % 2 == 1;
  if (c >= 0x14a && c <= 0x177) return c % 2 == 0;
  if (c >= 0x178 && c <= 0x17e) return c == 0x178 || c % 2 == 1;
  return (c >= 0x391 && c <= 0x3a9) || (c >= 0x400 && c <= 0x42f) || c == 0x1e9e;
}

char32_t lower(char32_t c) {
  if (!is_upper(c)) return c;
  if (c == 0x178) return 0xff;
  if (c == 0x1e9e) return 0xdf;
  if (c < 0x100 || (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) return c + 0x20;
  return c >= 0x400 && c <= 0x40f ? c + 0x50 : c + 1;
}

bool is_lower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  if (c < 0x100) return c >= 0xdf && c != 0xf7;
  return is_letter(c) && !is_upper(c) && (c <= 0x17f || (c >= 0x3b1 && c <= 0x3c9) || (c >= 0x430 && c <= 0x45f));
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (c < 0x100) return c == 0xaa || c == 0xb5 || c == 0xba || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
  if (c < 0x2000) return true;
  return (c >= 0x3040 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

bool is_pictogram(char32_t c) {
  return std::ranges::any_of(pictograms, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

bool is_closer(char32_t c) {
  return closers.find(c) != std::u32string_view::npos;
}
bool is_opener(char32_t c) {
  return openers.find(c) != std::u32string_view::npos;
}

std::string folded_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();)
    append_code_point(out, lower(next_code_point(text, at)));
  return out;
}

std::string folded_space(std::string_view text, bool keep_no_break) {
  std::string out;
  out.reserve(text.size());
  bool space = false;
  bool no_break = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_space(c)) {
      no_break = no_break || c == 0xa0 || c == 0x202f;
      space = true;
      continue;
    }
    if (space && !out.empty()) append_code_point(out, keep_no_break && no_break ? 0xa0 : ' ');
    space = no_break = false;
    append_code_point(out, c);
  }
  return out;
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_space(c)) {
      inside = false;
    } else if (!inside && (is_letter(c) || is_digit(c))) {
      inside = true;
      ++words;
    }
  }
  return std::max(words, text.size() / bytes_per_word_max);
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_letter(c) || is_digit(c)) {
      append_code_point(word, lower(c));
    } else {
      end_word();
    }
  }
  end_word();
  return words;
}

bool has_letter(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (is_letter(next_code_point(text, at))) return true;
  }
  return false;
}

bool ends_sentence(std::string_view text) {
  std::size_t end = text.size();
  if (text.ends_with(')')) {
    // "(It is.)" is a sentence, "it is (or was?)" is not: the mark belongs to what is within the brackets.
    const auto open = text.rfind('(');
    const bool own = open != std::string_view::npos && text.find(')', open) + 1 == text.size();
    if (own && open > 0) {
      const auto before = text.substr(0, text.find_last_not_of(' ', open - 1) + 1);
      return ends_sentence(before) && ends_sentence(text.substr(open));
    }
  }
  while (end > 0) {
    const std::size_t begin = previous_code_point(text, end);
    std::size_t at = begin;
    const char32_t c = next_code_point(text, at);
    if (c == '.' || c == '!' || c == '?' || c == U'…' || c == U'。' || c == U'！' || c == U'？') return true;
    if (!is_closer(c) && !is_space(c)) return false;
    end = begin;
  }
  return false;
}

std::string terminated(std::string_view text) {
  if (ends_sentence(text)) return std::string(text);
  while (!text.empty()) {
    const std::size_t begin = previous_code_point(text, text.size());
    std::size_t at = begin;
    const char32_t c = next_code_point(text, at);
    if (!is_pause(c) && !is_space(c)) break;
    text = text.substr(0, begin);
  }
  return std::string(text) + '.';
}

}  // namespace holdfast::rulebased
