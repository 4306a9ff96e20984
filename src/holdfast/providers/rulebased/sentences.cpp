#include "holdfast/providers/rulebased/sentences.hpp"

#include <algorithm>
#include <array>

#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t token_bytes_max = 24;     ///< longest word that is looked up as an abbreviation
constexpr std::size_t bracket_bytes_max = 600;  ///< a bracket that stays open for longer is a slip of the author's

bool is_wide_stop(char32_t c) {
  return c == U'。' || c == U'！' || c == U'？';
}
bool is_stop(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == U'…' || is_wide_stop(c);
}

/// Walks one paragraph from stop to stop.
class Splitter {
 public:
  Splitter(std::string_view text, Language language) : text_(text), language_(language) {}

  std::vector<std::string> run() {
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t here = at;
      const char32_t c = next_code_point(text_, at);
      if (c == '(' && here >= bracket_end_) open_bracket(here);
      if (!is_stop(c)) continue;
      const std::size_t stops_end = skip_stops(at);
      const std::size_t end = skip_closers(stops_end);
      const bool plain = c == '.' && stops_end == at && end == at;
      at = stops_end;
      if (end < bracket_end_ || !(is_wide_stop(c) || ends_here(here, plain, end))) continue;
      add(end);
      at = end;
    }
    add(text_.size());
    return std::move(sentences_);
  }

 private:
  void open_bracket(std::size_t at) {
    const auto window = text_.substr(at, bracket_bytes_max);
    const auto close = window.find(')');
    if (close != std::string_view::npos) bracket_end_ = at + close + 1;
  }

  std::size_t skip_stops(std::size_t at) const {
    while (at < text_.size()) {
      std::size_t next = at;
      if (!is_stop(next_code_point(text_, next))) break;
      at = next;
    }
    return at;
  }

  /// Behind closing quotes and brackets, the French ones with their blank too: "Vraiment ? »".
  std::size_t skip_closers(std::size_t at) const {
    for (std::size_t next = at; next < text_.size();) {
      const char32_t c = next_code_point(text_, next);
      if (is_closer(c)) {
        at = next;
      } else if (!is_space(c) || !french_closer(next)) {
        break;
      }
    }
    return at;
  }

  bool french_closer(std::size_t at) const { return text_.substr(at).starts_with("»"); }

  void add(std::size_t end) {
    auto sentence = folded_space(text_.substr(begin_, end - begin_), true);
    if (!sentence.empty()) sentences_.push_back(std::move(sentence));
    begin_ = end;
  }

  /// Whether the stop at `here`, with all that belongs to it before byte `end`, ends a sentence. `plain`: it is one
  /// full stop and nothing else; "…", "?!" and what a quote closes know no abbreviations.
  bool ends_here(std::size_t here, bool plain, std::size_t end) const {
    if (end >= text_.size()) return false;  // the rest is added anyway
    std::size_t at = end;
    if (!is_space(next_code_point(text_, at))) return false;
    const std::string next = next_word(at);
    if (next.empty()) return false;
    std::size_t first_end = 0;
    if (is_lower(next_code_point(next, first_end)) && !is_identifier(next)) return false;
    return !plain || !goes_on(here, next);
  }

  /// A small letter may begin a sentence where it is the name of a file or a function.
  static bool is_identifier(std::string_view word) {
    const auto inner = word.substr(0, word.size() - 1);
    return word.find('_') != std::string_view::npos || word.find("::") != std::string_view::npos ||
           inner.find('.') != std::string_view::npos;
  }

  /// The word behind the blank, opening quotes and dashes skipped; with everything up to the next blank.
  std::string next_word(std::size_t at) const {
    std::string word;
    while (at < text_.size()) {
      const char32_t c = next_code_point(text_, at);
      if (is_space(c)) {
        if (word.empty()) continue;
        break;
      }
      if (word.empty() && (is_opener(c) || c == U'–' || c == U'—' || c == '-' || c == U'»')) continue;
      append_code_point(word, c);
      if (word.size() > token_bytes_max) break;
    }
    return word;
  }

  /// The word that ends at byte `end`, in lower case, without what opens it; `begin` becomes where it begins.
  std::string word_before(std::size_t end, std::size_t& begin) const {
    begin = end;
    while (begin > begin_ && end - begin < token_bytes_max) {
      const std::size_t previous = previous_code_point(text_, begin);
      std::size_t at = previous;
      const char32_t c = next_code_point(text_, at);
      if (is_space(c) || is_opener(c) || c == U'’' || c == '/' || c == U'–' || c == U'—') break;
      begin = previous;
    }
    return folded_case(text_.substr(begin, end - begin));
  }

  Abbreviation abbreviation_before(std::size_t stop) const {
    std::size_t begin = 0;
    std::string word = word_before(stop, begin);
    auto found = abbreviation(language_, word);
    for (int parts = 1; parts < 4 && begin > begin_; ++parts) {  // "i. d. R." has three, "c. à. d." too
      const std::size_t blank = previous_code_point(text_, begin);
      std::size_t at = blank;
      if (!is_space(next_code_point(text_, at)) || blank <= begin_ || text_[blank - 1] != '.') break;
      word = word_before(blank, begin) + word;
      const auto longer = abbreviation(language_, word);
      if (longer != Abbreviation::none) found = longer;
    }
    return found;
  }

  /// Whether the full stop at `here` belongs to the word before it, and the sentence goes on with `next`.
  bool goes_on(std::size_t here, const std::string& next) const {
    std::size_t begin = 0;
    const std::string word = word_before(here, begin);
    const auto words = words_of(next);
    const bool starter = !words.empty() && is_stop_word(language_, words.front());
    const bool number = !word.empty() && std::ranges::all_of(word, [](char c) { return is_digit(c); });
    if (number && begin == begin_) return true;  // "1. First of all": the number of a list
    if (is_unit_of_number(here, begin)) return false;
    switch (abbreviation_before(here)) {
      case Abbreviation::inside:
        return true;
      case Abbreviation::either:
        return !starter && (language_ == Language::de || word != "etc");
      case Abbreviation::numeral:
        if (is_digit(static_cast<unsigned char>(next.front()))) return true;
        break;
      case Abbreviation::none:
        if (consonants_only(text_.substr(begin, here - begin))) return !starter;  // "2 Ztr. Kartoffeln"
        break;
    }
    if (number) return german_ordinal(word, words, starter);
    if (is_initial(here, begin)) return !starter;
    if (dotted(word)) return !starter;
    return roman(here, begin) && language_ == Language::de && !starter;
  }

  /// "am 3. Mai", "im 19. Jahrhundert"; "1923. Krieg" is the end of a sentence: nobody counts that far.
  bool german_ordinal(std::string_view number, const std::vector<std::string>& next, bool starter) const {
    if (language_ != Language::de || next.empty()) return false;
    if (is_month(next.front())) return true;
    return number.size() <= 2 && !starter;
  }

  /// "18 h", "5 ms": behind a number they are units, and nobody's name or title. "500 v. Chr." has none.
  bool is_unit_of_number(std::size_t here, std::size_t begin) const {
    const auto word = text_.substr(begin, here - begin);
    static constexpr std::array<std::string_view, 11> units{"h", "m", "g", "l", "t", "s", "W", "V", "A", "K", "ms"};
    if (std::ranges::find(units, word) == units.end()) return false;
    while (begin > begin_) {
      const std::size_t previous = previous_code_point(text_, begin);
      std::size_t at = previous;
      const char32_t c = next_code_point(text_, at);
      if (!is_space(c)) return is_digit(c);
      begin = previous;
    }
    return false;
  }

  bool is_initial(std::size_t here, std::size_t begin) const {
    if (begin >= here) return false;
    std::size_t at = begin;
    const char32_t c = next_code_point(text_, at);
    if (at == here) return is_letter(c);
    // "J.-P. Dupont"
    const auto dash = text_.substr(begin, here - begin).rfind(".-");
    return dash != std::string_view::npos && begin + dash + 3 >= here;
  }

  /// "U.S.", "n.b.": single letters between full stops.
  static bool dotted(std::string_view word) {
    if (word.size() < 3 || word.find('.') == std::string_view::npos) return false;
    std::size_t run = 0;
    for (const char c : word) {
      run = c == '.' ? 0 : run + 1;
      if (run > 1 || is_digit(static_cast<unsigned char>(c))) return false;
    }
    return true;
  }

  /// No word is without a vowel; units of measure are not either, but they end sentences and abbreviations.
  static bool consonants_only(std::string_view word) {
    static constexpr std::array<std::string_view, 12> units{"kg", "cm", "km", "mm", "ml", "ms",
                                                            "kB", "MB", "GB", "TB", "dB", "Hz"};
    if (word.size() < 2 || std::ranges::find(units, word) != units.end()) return false;
    const bool small = word.find_first_of("bcdfghjklmnpqrstvwxz") != std::string_view::npos;
    return small && word.find_first_not_of("bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ") == std::string_view::npos;
  }

  bool roman(std::size_t here, std::size_t begin) const {
    const auto word = text_.substr(begin, here - begin);
    return word.size() > 1 && word.find_first_not_of("IVXLC") == std::string_view::npos;
  }

  std::string_view text_;
  Language language_;
  std::size_t begin_ = 0;        ///< of the sentence at hand
  std::size_t bracket_end_ = 0;  ///< no sentence ends before
  std::vector<std::string> sentences_;
};

}  // namespace

std::vector<std::string> split_sentences(std::string_view paragraph, Language language) {
  return Splitter(paragraph, language).run();
}

}  // namespace holdfast::rulebased
