#include "holdfast/providers/rulebased/card.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "holdfast/providers/rulebased/sentences.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::string_view bullet = "• ";
constexpr std::size_t line_characters = 60;        ///< of a point, in the size that a full card is set in
constexpr std::size_t point_characters_max = 120;  ///< two lines
constexpr std::size_t longest_point_characters = card_line_characters_max - 2;
constexpr std::size_t point_bytes_max = 4096;  ///< a cell of a table may be a book
constexpr std::size_t sentences_max = 4;
// A card's height in half lines, of which a point takes one as its distance from the next: seven points of one line,
// four of two. Of sentences fewer: they are heard, and nobody reads as much beside.
constexpr std::size_t half_lines_max = 21;
constexpr std::size_t half_lines_of_sentences_max = 15;
constexpr std::size_t item_words_max = 4;          ///< of an enumeration; more may be a clause
constexpr std::size_t clause_characters_min = 26;  ///< a shorter clause says too little

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count)
    next_code_point(text, at);
  return text.substr(0, at);
}

std::string first_word(std::string_view text) {
  const auto words = words_of(text.substr(0, text.find(' ')));
  return words.empty() ? std::string() : words.front();
}

/// Whether the clause before the comma at `at` can stand alone: "Er wurde, wie er sagt, gefällt" has none, nor has
/// "Wenn es regnet, bleibt er". So it is the first comma, no conjunction opens it, and either the last comma too or
/// followed by one that begins a clause of the same rank.
bool ends_main_clause(std::string_view text, std::size_t at, Language language) {
  const bool first = text.substr(0, at).find(", ") == std::string_view::npos;
  const bool only = text.find(", ", at + 1) == std::string_view::npos;
  if (!first || subordinates(language, first_word(text))) return false;
  const auto next = first_word(text.substr(at + 2));
  static constexpr std::array<std::string_view, 7> objects{"dass", "daß", "ob", "that", "whether", "que", "qu"};
  if (std::ranges::find(objects, next) != objects.end()) return false;  // "Sie verlangen, dass …"
  return only || coordinates(language, next);
}

/// Whether an enumeration behind a colon may break off at the comma at `at`: "Tools: a saw, a plane …".
bool ends_item(std::string_view text, std::size_t at) {
  const auto colon = text.rfind(": ", at);
  if (colon == std::string_view::npos) return false;
  std::size_t items = 0;
  for (auto begin = colon + 2; begin < at; ++items) {
    const auto end = std::min(text.find(", ", begin), at);
    if (count_words(text.substr(begin, end - begin)) > item_words_max) return false;
    begin = end + 2;
  }
  const auto next = text.substr(at + 2, text.find(", ", at + 2) - at - 2);
  return items >= 2 && count_words(next) <= item_words_max;
}

/// The end of the longest clause within `window` bytes that stands for itself; 0 where none does.
std::size_t clause_end(std::string_view text, std::size_t window, Language language) {
  std::size_t best = 0;
  for (const std::string_view mark : {", ", "; ", ": ", " – ", " — "}) {
    for (auto at = text.find(mark); at != std::string_view::npos && at <= window; at = text.find(mark, at + 1)) {
      if (at == 0 || text[at - 1] == '.') continue;  // "p. ex., "
      const bool inserted = mark.front() == ' ' && text.find(mark, at + 1) != std::string_view::npos;
      if (inserted || (mark == ", " && !ends_main_clause(text, at, language) && !ends_item(text, at))) continue;
      const bool outside = mark == ", " || text.substr(0, at).find(", ") == std::string_view::npos;
      if (outside || mark == "; ") best = std::max(best, at);
    }
  }
  return best;
}

void drop_leading_on(std::string& text, Language language) {
  while (true) {
    const auto blank = text.rfind(' ');
    if (blank == std::string::npos || blank < text.size() / 2) return;
    const auto words = words_of(std::string_view(text).substr(blank));
    const bool number = !words.empty() && is_digit(static_cast<unsigned char>(words.front().front()));
    const bool abbreviated = text.back() == '.';  // "says Mrs. J. R. …"
    if (!words.empty() && !number && !abbreviated && !is_stop_word(language, words.front())) return;
    text.resize(blank);
  }
}

/// Quotes and brackets whose other half was cut off, or stands in another sentence.
std::string balanced(std::string_view text) {
  struct Pair {
    std::string_view open;
    std::string_view close;
  };
  static constexpr std::array pairs{Pair{"„", "“"}, Pair{"«", "»"}, Pair{"“", "”"}, Pair{"(", ")"}, Pair{"\"", "\""}};
  std::string out(text);
  const auto count = [&](std::string_view mark) {
    std::size_t n = 0;
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at + mark.size()))
      ++n;
    return n;
  };
  const auto erase = [&](std::string_view mark) {
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at))
      out.erase(at, mark.size());
  };
  const bool german = count("„") > 0;
  for (const auto& pair : pairs) {
    if (pair.open == (german ? "“" : "„")) continue;
    const bool same = pair.open == pair.close;
    const bool whole = same ? count(pair.open) % 2 == 0 : count(pair.open) == count(pair.close);
    if (whole) continue;
    erase(pair.open);
    erase(pair.close);
  }
  return folded_space(out, true);
}

/// The text without what stands in brackets.
std::string without_asides(std::string_view text) {
  std::string out;
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '(') {
      ++depth;
      if (!out.empty() && out.back() == ' ') out.pop_back();
    }
    if (depth == 0) out += c;
    if (c == ')' && depth > 0) --depth;
  }
  return out;
}

/// "5 p.m.", "usw.": the full stop belongs to the word. "5 ms." ends with a unit, and not with a lady.
bool ends_abbreviated(std::string_view text, Language language) {
  if (!text.ends_with('.')) return false;
  text.remove_suffix(1);
  const auto blank = text.find_last_of(' ');
  const bool counted =
      blank != std::string_view::npos && blank > 0 && is_digit(static_cast<unsigned char>(text[blank - 1]));
  const auto kind = abbreviation(language, folded_case(text.substr(blank == std::string_view::npos ? 0 : blank + 1)));
  return kind == Abbreviation::either || (kind == Abbreviation::inside && !counted);
}

/// A line as it looks well alone: no end mark, a capital first where the first word is a plain one.
std::string styled(std::string_view text, Language language) {
  std::string out = balanced(text);
  for (auto at = out.find(" -> "); at != std::string::npos; at = out.find(" -> ", at))
    out.replace(at, 4, " → ");
  while (!out.empty() && std::string_view(".:;, ").find(out.back()) != std::string_view::npos &&
         !out.ends_with("...") && !ends_abbreviated(out, language)) {
    out.pop_back();
  }
  const auto first = std::string_view(out).substr(0, out.find(' '));
  const bool plain = !first.empty() &&
                     std::ranges::all_of(first, [](char c) { return (c >= 'a' && c <= 'z') || c == ',' || c == ':'; });
  if (plain) out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

/// The text as a point of at most `characters_max`: whole, without its asides, its first whole sentences, or its main
/// clause; nothing where all of these are too long or say too little.
std::string fitted(std::string_view text, std::size_t characters_max, Language language) {
  if (text.size() > point_bytes_max) return {};
  auto line = styled(text, language);
  if (count_characters(line) > characters_max) line = styled(without_asides(line), language);
  if (count_characters(line) <= characters_max) return line;
  std::string whole;
  for (const auto& sentence : split_sentences(line, language)) {
    if (count_characters(whole) + 1 + count_characters(sentence) > characters_max) break;
    whole += whole.empty() ? sentence : ' ' + sentence;
  }
  if (count_characters(whole) >= clause_characters_min) return styled(whole, language);
  const auto room = first_characters(line, characters_max - 2);
  const auto clause = std::string_view(line).substr(0, clause_end(line, room.size(), language));
  return count_characters(clause) >= clause_characters_min ? folded_space(clause, true) + " …" : std::string();
}

std::size_t half_lines(std::string_view line) {
  return 2 * ((count_characters(line) + line_characters - 1) / line_characters) + 1;
}

/// The lines below one heading.
class Lines {
 public:
  Lines(std::string_view head, Language language) : head_(folded_case(head)), language_(language) {}

  const std::vector<std::string>& lines() const { return lines_; }

  /// From the first on, as many as there is room for; where that is not all, the longest give way to their short forms.
  void add_list(const std::vector<std::string_view>& points) {
    std::vector<std::string> shown(points.size());
    std::ranges::transform(points, shown.begin(), [this](std::string_view point) { return best_fit(point); });
    const auto too_high = [&] {
      std::size_t height = 0;
      for (const auto& line : shown)
        height += half_lines(line);
      return height > half_lines_max;
    };
    std::vector<std::size_t> longest(points.size());
    std::iota(longest.begin(), longest.end(), 0u);
    std::ranges::sort(longest, [&](std::size_t a, std::size_t b) {
      const auto of_a = half_lines(shown[a]);
      const auto of_b = half_lines(shown[b]);
      return of_a != of_b ? of_a > of_b : a < b;
    });
    for (const auto i : longest) {
      if (!too_high()) break;
      auto brief = fitted(points[i], line_characters, language_);
      if (!brief.empty()) shown[i] = std::move(brief);
    }
    for (auto& line : shown) {
      if (line.empty() || lines_.size() == card_points_max || height_ + half_lines(line) > half_lines_max) break;
      add(std::move(line));
    }
  }

  /// The most telling that there is room for, in their order. Those that point back last: what they point at may not be
  /// on the card.
  void add_sentences(const std::vector<const Unit*>& units, const std::vector<std::string>& lead_ins) {
    std::vector<std::size_t> ranked(units.size());
    std::iota(ranked.begin(), ranked.end(), 0u);
    std::ranges::sort(ranked, [&](std::size_t a, std::size_t b) {
      if (units[a]->points_back != units[b]->points_back) return units[b]->points_back;
      return units[a]->score != units[b]->score ? units[a]->score > units[b]->score : a < b;
    });
    std::vector<std::string> chosen(units.size());
    std::size_t count = 0;
    std::size_t height = height_;
    for (const auto i : ranked) {
      auto line = best_fit(sentence(*units[i], lead_ins[i]));
      if (line.empty() || count == sentences_max) continue;
      if (count > 0 && height + half_lines(line) > half_lines_of_sentences_max) continue;
      height += half_lines(line);
      chosen[i] = std::move(line);
      ++count;
    }
    for (auto& line : chosen)
      add(std::move(line));
  }

  /// Beside a list, what stands under other headings than the list does.
  void add_joined(const std::vector<const Unit*>& units, const std::vector<std::string>& lead_ins) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (lead_ins[i].empty() || !units[i]->points.empty() || units[i]->list != 0) continue;
      auto line = best_fit(sentence(*units[i], lead_ins[i]));
      if (lines_.size() < card_points_max && height_ + half_lines(line) <= half_lines_max) add(std::move(line));
    }
  }

 private:
  /// With the heading that is said before it, unless that is the card's own; the heading alone where both are too long.
  std::string sentence(const Unit& unit, const std::string& heading) const {
    const bool short_form = !unit.shown.empty() && count_characters(unit.text) > line_characters;
    const auto& text = short_form ? unit.shown : unit.text;
    if (is_filler(text)) return {};
    if (heading.empty() || folded_case(styled(heading, language_)) == head_) return text;
    const bool marked = heading.ends_with('.');
    auto both = marked ? announcing(language_, heading.substr(0, heading.size() - 1)) : heading;
    both += ' ' + text;
    return count_characters(both) <= point_characters_max ? both : heading;
  }

  std::string best_fit(std::string_view text) const {
    auto line = fitted(text, point_characters_max, language_);
    return line.empty() ? fitted(text, longest_point_characters, language_) : line;
  }

  void add(std::string line) {
    const auto folded = folded_case(line);
    const auto same = [&](const std::string& other) { return folded_case(other) == folded; };
    if (line.empty() || is_filler(line) || folded == head_ || std::ranges::any_of(lines_, same)) return;
    height_ += half_lines(line);
    lines_.push_back(std::move(line));
  }

  std::string head_;  ///< in lower case
  Language language_;
  std::vector<std::string> lines_;
  std::size_t height_ = 0;  ///< in half lines
};

/// What announces all the points of a card: without it those of "Not in this version:" say the opposite, and so would
/// others below it. Nothing where they are not of one list, and where the heading says it already.
std::string announcement_of(const std::vector<const Unit*>& units, const std::vector<std::string>& lead_ins,
                            std::string_view heading, Language language) {
  const Unit* list = nullptr;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const bool shown = !units[i]->points.empty() || units[i]->list != 0;
    if (!shown && !lead_ins[i].empty()) return {};  // stands beside the list, see `add_joined`
    if (!shown) continue;
    if (list != nullptr && (list->list == 0 || units[i]->list != list->list)) return {};
    if (list == nullptr) list = units[i];
  }
  if (list == nullptr || !list->announcement.ends_with(':')) return {};
  const std::string text = styled(list->announcement, language);
  if (count_characters(text) >= line_characters || folded_case(text) == folded_case(heading)) return {};
  return text + (list->announcement.ends_with(" :") ? " :" : ":");  // as in French
}

}  // namespace

std::string shortened(std::string_view text, std::size_t characters_max, Language language) {
  if (count_characters(text) <= characters_max) return std::string(text);
  const auto room = first_characters(text, characters_max - 2);  // for " …"
  if (const auto end = clause_end(text, room.size(), language);
      count_characters(text.substr(0, end)) >= clause_characters_min) {
    return folded_space(text.substr(0, end), true) + " …";
  }
  const bool whole_word = text[room.size()] == ' ';
  const auto blank = whole_word ? room.size() : room.rfind(' ');
  if (blank == std::string_view::npos || blank == 0) return std::string(room) + "…";  // one word without end
  std::string out(text.substr(0, blank));
  drop_leading_on(out, language);
  while (!out.empty() && std::string_view(",;:- ").find(out.back()) != std::string_view::npos)
    out.pop_back();
  return out + " …";
}

std::string card_text(std::string_view heading, const std::vector<const Unit*>& units,
                      const std::vector<std::string>& lead_ins, const std::vector<std::string>& spare_points,
                      Language language) {
  std::string out = shortened(heading, card_line_characters_max, language);
  std::vector<std::string_view> points;
  for (const auto* unit : units) {
    points.insert(points.end(), unit->points.begin(), unit->points.end());
    if (unit->points.empty() && unit->list != 0) points.push_back(unit->shown.empty() ? unit->text : unit->shown);
  }
  std::string announcement = announcement_of(units, lead_ins, heading, language);
  if (points.size() < 2 && units.size() == 1 && !spare_points.empty()) {
    points.insert(points.end(), spare_points.begin(), spare_points.end());
    announcement.clear();
  }
  Lines lines(out, language);
  if (points.size() >= 2) lines.add_list(points);
  if (lines.lines().size() >= 2) {
    if (!announcement.empty()) out += '\n' + announcement;
    lines.add_joined(units, lead_ins);
  } else {
    lines = Lines(out, language);  // the one point of a list that fits says less than the sentences
    lines.add_sentences(units, lead_ins);
  }
  for (const auto& line : lines.lines()) {
    out += '\n';
    out += bullet;
    out += line;
  }
  return out;
}

}  // namespace holdfast::rulebased
