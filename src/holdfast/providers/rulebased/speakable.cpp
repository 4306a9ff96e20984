#include "holdfast/providers/rulebased/speakable.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t sentence_words_max = 120;  ///< longer is a listing without full stops
constexpr std::size_t sentence_bytes_max = 1500;
constexpr std::size_t hash_bytes_min = 16;  ///< letters mixed with digits, that long without a break, are no word

constexpr std::u32string_view measures = U"€$£¥¢%‰°§&+№½¼¾⅓⅔¹²³×±′″";  ///< each is read as a word, or not heard
constexpr std::u32string_view quotes = U"\"'’‘“”„‚«»‹›";
constexpr std::u32string_view pauses = U".,;:!?…-–—/()[]。！？、，";

/// What a text is made of.
struct Signs {
  std::size_t letters = 0;
  std::size_t digits = 0;
  std::size_t pauses = 0;   ///< heard as a rest, if at all
  std::size_t noise = 0;    ///< neither read nor heard as a rest
  std::size_t words = 0;    ///< runs between blanks with two letters or more
  std::size_t numbers = 0;  ///< those with a digit and fewer letters
  bool hash = false;
};

void end_run(Signs& signs, std::string_view run, std::size_t letters, std::size_t digits) {
  signs.words += letters >= 2 ? 1 : 0;
  signs.numbers += letters < 2 && digits > 0 ? 1 : 0;
  const bool plain = std::ranges::all_of(
      run, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
  signs.hash = signs.hash || (plain && run.size() >= hash_bytes_min && digits >= 4 && letters >= 2);
}

Signs signs_of(std::string_view text) {
  Signs signs;
  std::size_t begin = 0;
  std::size_t letters = 0;
  std::size_t digits = 0;
  char32_t before = ' ';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t here = at;
    const char32_t c = next_code_point(text, at);
    const bool call = c == '(' && is_letter(before);  // "main()"
    if (is_space(c)) {
      end_run(signs, text.substr(begin, here - begin), std::exchange(letters, 0), std::exchange(digits, 0));
      begin = at;
    } else if (is_letter(c)) {
      ++signs.letters, ++letters;
    } else if (is_digit(c)) {
      ++signs.digits, ++digits;
    } else if (!call && pauses.find(c) != std::u32string_view::npos) {
      ++signs.pauses;
    } else if (measures.find(c) == std::u32string_view::npos && quotes.find(c) == std::u32string_view::npos) {
      ++signs.noise;
    }
    before = c;
  }
  end_run(signs, text.substr(begin), letters, digits);
  return signs;
}

bool has_code(std::string_view text) {
  static constexpr std::array<std::string_view, 27> marks{
      "://", "www.", "mailto:", "](", "->", "=>", "==", "~~", "{",  "}",  "|",  "`",  "\\", "*",
      "<",   ">",    "→",       "←",  "↔",  "⇒",  "##", "__", "||", "&&", "+=", "@@", "();"};
  return std::ranges::any_of(marks, [&](std::string_view mark) { return text.find(mark) != std::string_view::npos; });
}

/// No matter how many figures: a price list is read as well as a poem. But not a column of numbers without words.
bool is_readable(std::string_view text, const Signs& signs) {
  if (text.size() > sentence_bytes_max || count_words(text) > sentence_words_max || has_code(text)) return false;
  const auto said = signs.letters + signs.digits;
  return !signs.hash && said >= signs.pauses && said > 3 * signs.noise && signs.numbers <= 4 * signs.words + 4;
}

char32_t code_point_before(std::string_view text, std::size_t end) {
  std::size_t at = previous_code_point(text, end);
  return next_code_point(text, at);
}

/// "1 cup = 240 ml" is read, "port = 631" and "x = f(a);" are not.
bool assigns(std::string_view text, const Signs& signs, std::size_t words_min) {
  return text.find(" = ") != std::string_view::npos &&
         (signs.words < words_min || text.find('"') != std::string_view::npos);
}

}  // namespace

bool is_speakable(std::string_view sentence) {
  const auto signs = signs_of(sentence);
  return signs.letters >= 2 && signs.words > 0 && is_readable(sentence, signs) && !assigns(sentence, signs, 3);
}

bool is_speakable_point(std::string_view point) {
  const auto signs = signs_of(point);
  return signs.letters + signs.digits > 0 && is_readable(point, signs) && !assigns(point, signs, 2);
}

std::string as_spoken(std::string_view text) {
  std::string out(text);
  if (text.size() > sentence_bytes_max) return out;  // is not spoken, and would take long
  for (const std::string_view arrow : {" -> ", " → ", " > "}) {
    for (auto at = out.find(arrow); at != std::string::npos; at = out.find(arrow, at + 1)) {
      std::size_t next = at + arrow.size();
      if (at == 0 || next >= out.size()) continue;
      // "Settings > Network" is a way, "5 > 3" and "a > b" are not.
      const bool way = is_letter(code_point_before(out, at)) && is_upper(next_code_point(out, next));
      if (arrow != " > " || way) out.replace(at, arrow.size(), " – ");
    }
  }
  return out;
}

bool is_filler(std::string_view point) {
  static constexpr std::array<std::string_view, 14> fillers{
      "etc",   "usw",       "u a",      "u ä",       "u s w",         "uvm",      "u v m",
      "u a m", "and so on", "and more", "et cetera", "und so weiter", "und mehr", "et ainsi de suite"};
  std::string words;
  for (const auto& word : words_of(point))
    words += (words.empty() ? "" : " ") + word;
  return words.empty() || std::ranges::find(fillers, words) != fillers.end();
}

}  // namespace holdfast::rulebased
