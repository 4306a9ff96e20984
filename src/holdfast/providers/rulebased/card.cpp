#include "holdfast/providers/rulebased/card.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "holdfast/providers/rulebased/sentences.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::string_view bullet = "• ";
constexpr std::size_t point_characters_max = card_line_characters_max - 2;
constexpr std::size_t clause_characters_min = 26;  ///< a shorter clause says too little

std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count)
    next_code_point(text, at);
  return text.substr(0, at);
}

/// The end of the last clause that ends within `window` bytes; 0 where none does.
std::size_t clause_end(std::string_view text, std::size_t window) {
  std::size_t best = 0;
  for (const std::string_view mark : {", ", "; ", ": ", " – ", " — ", " ("}) {
    for (auto at = text.find(mark); at != std::string_view::npos && at <= window; at = text.find(mark, at + 1)) {
      if (at == 0 || text[at - 1] == '.') continue;  // "p. ex., "
      best = std::max(best, at);
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

/// A line as it looks well alone: no end mark, a capital first where the first word is a plain one.
std::string styled(std::string_view text) {
  std::string out = balanced(text);
  while (!out.empty() && std::string_view(".:;, ").find(out.back()) != std::string_view::npos &&
         !out.ends_with("...")) {
    out.pop_back();
  }
  const auto first = std::string_view(out).substr(0, out.find(' '));
  const bool plain = !first.empty() &&
                     std::ranges::all_of(first, [](char c) { return (c >= 'a' && c <= 'z') || c == ',' || c == ':'; });
  if (plain) out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

/// As many whole sentences as fit on a line ("Sticky. A job is locked to its provider"), else the text shortened.
std::string first_sentences(std::string_view text, Language language) {
  if (count_characters(text) <= point_characters_max) return std::string(text);
  std::string whole;
  for (const auto& sentence : split_sentences(text, language)) {
    if (count_characters(whole) + 1 + count_characters(sentence) > point_characters_max) break;
    whole += whole.empty() ? sentence : ' ' + sentence;
  }
  if (count_characters(whole) >= clause_characters_min) return whole;
  return shortened(text, point_characters_max, language);
}

}  // namespace

std::string shortened(std::string_view text, std::size_t characters_max, Language language) {
  if (count_characters(text) <= characters_max) return std::string(text);
  const auto room = first_characters(text, characters_max - 2);  // for " …"
  if (const auto end = clause_end(text, room.size()); count_characters(text.substr(0, end)) >= clause_characters_min) {
    return std::string(text.substr(0, end)) + " …";
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
                      const std::vector<std::string>& spare_points, Language language) {
  std::vector<std::string> lines;
  const std::string head = shortened(heading, card_line_characters_max, language);
  const auto add = [&](std::string_view text) {
    auto line = styled(text);  // asides go only where there is no room for them
    if (count_characters(line) > point_characters_max) line = styled(without_asides(line));
    line = styled(first_sentences(line, language));
    const bool known =
        std::ranges::any_of(lines, [&](const auto& other) { return folded_case(other) == folded_case(line); });
    if (!line.empty() && !known && folded_case(line) != folded_case(head) && lines.size() < card_points_max) {
      lines.push_back(std::move(line));
    }
  };
  std::vector<std::string_view> points;
  for (const auto* unit : units)
    points.insert(points.end(), unit->points.begin(), unit->points.end());
  if (points.size() < 2 && units.size() == 1) points.insert(points.end(), spare_points.begin(), spare_points.end());
  if (points.size() >= 2) {
    // Points that fit are better than points that are cut.
    const auto fits = [](std::string_view point) { return count_characters(point) <= point_characters_max; };
    const auto cut = static_cast<std::ptrdiff_t>(card_points_max) - std::ranges::count_if(points, fits);
    auto room = std::max<std::ptrdiff_t>(cut, 0);
    for (const auto point : points) {
      if (fits(point) || room-- > 0) add(point);
    }
  }
  if (lines.size() < 2) {
    std::vector<const Unit*> best(units);
    // Units lie in one run, in order: among equals the address tells the earlier one.
    std::ranges::sort(best,
                      [](const Unit* a, const Unit* b) { return a->score != b->score ? a->score > b->score : a < b; });
    if (best.size() > card_points_max) best.resize(card_points_max);
    for (const auto* unit : units) {
      if (std::ranges::find(best, unit) != best.end()) add(unit->shown.empty() ? unit->text : unit->shown);
    }
  }
  if (lines.empty()) lines.push_back(styled(shortened(units.front()->text, point_characters_max, language)));
  std::string out = head;
  for (const auto& line : lines) {
    out += '\n';
    out += bullet;
    out += line;
  }
  return out;
}

}  // namespace holdfast::rulebased
