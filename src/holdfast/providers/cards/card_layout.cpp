#include "holdfast/providers/cards/card_layout.hpp"

#include <algorithm>
#include <optional>

namespace holdfast::providers {
namespace {

// Sizes in pixels to the em on a card of 1080 lines. The smallest point is 1/34 of the height, about what subtitles
// use.
constexpr int heading_size_max = 84, heading_size_min = 52, title_size_max = 112;
constexpr int point_size_max = 64, point_size_wrapped_max = 56, point_size_min = 32, page_size = 30;
constexpr int size_step = 4;
constexpr std::size_t heading_lines_wanted = 2, heading_lines_max = 3;
constexpr int text_width = card_width - 2 * card_margin;
constexpr int bar_width = 132, bar_height = 12, bar_gap = 50;
constexpr int bar_top = 160, bar_top_max = 250, text_bottom = card_height - card_margin;
constexpr int heading_gap = 76;  ///< between the heading's last baseline and the top of the first point

using Line = std::u32string;

int line_height(int size) {
  return size * 134 / 100;
}
/// From the top of a line's capitals to its baseline.
int rise(int size) {
  return size * 76 / 100;
}

std::vector<Line> words_of(std::u32string_view text) {
  std::vector<Line> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(U' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// A word that is wider than a whole line, cut where it must be: an address, a hash.
std::vector<Line> cut(const Line& word, int width, int size, const FontMetrics& font) {
  if (font.width(word, size) <= width) return {word};
  std::vector<Line> pieces(1);
  for (const char32_t character : word) {
    pieces.back() += character;
    if (pieces.back().size() == 1 || font.width(pieces.back(), size) <= width) continue;
    pieces.back().pop_back();
    pieces.emplace_back(1, character);
  }
  return pieces;
}

std::vector<Line> wrapped_greedily(std::u32string_view text, int width, int size, const FontMetrics& font) {
  std::vector<Line> lines;
  for (const Line& word : words_of(text)) {
    for (const Line& piece : cut(word, width, size, font)) {
      const bool whole = piece.size() == word.size();
      if (whole && !lines.empty()) {
        const Line longer = lines.back() + U' ' + piece;
        if (font.width(longer, size) <= width) {
          lines.back() = longer;
          continue;
        }
      }
      lines.push_back(piece);
    }
  }
  return lines;
}

/// In as few lines as fit, and those as even as they can be: a last line of one word looks like a mistake.
std::vector<Line> wrapped(std::u32string_view text, int width, int size, const FontMetrics& font) {
  std::vector<Line> lines = wrapped_greedily(text, width, size, font);
  if (lines.size() < 2) return lines;
  // Never so narrow that a word would be cut.
  int too_narrow = width / 3, enough = width;
  for (const Line& word : words_of(text))
    too_narrow = std::max(too_narrow, font.width(word, size) - 1);
  while (enough - too_narrow > 8) {
    const int middle = (too_narrow + enough) / 2;
    std::vector<Line> tried = wrapped_greedily(text, middle, size, font);
    if (tried.size() > lines.size()) {
      too_narrow = middle;
    } else {
      enough = middle;
      lines = std::move(tried);
    }
  }
  return lines;
}

/// The first `keep` lines, the last of them ending in an ellipsis.
void shorten(std::vector<Line>& lines, std::size_t keep, int width, int size, const FontMetrics& font) {
  if (lines.size() <= keep) return;
  lines.resize(keep);
  Line& last = lines.back();
  while (!last.empty() && (last.back() == U' ' || font.width(last + U"\u2026", size) > width))
    last.pop_back();
  last += U'\u2026';
}

struct Heading {
  std::vector<Line> lines;
  int size = 0;
};

Heading set_heading(const Line& text, int size_max, const FontMetrics& bold) {
  Heading heading;
  for (heading.size = size_max;; heading.size -= size_step) {
    heading.lines = wrapped(text, text_width, heading.size, bold);
    if (heading.lines.size() <= heading_lines_wanted || heading.size - size_step < heading_size_min) break;
  }
  shorten(heading.lines, heading_lines_max, text_width, heading.size, bold);
  return heading;
}

struct Points {
  std::vector<std::vector<Line>> points;
  int size = 0;

  int indent() const { return size; }
  int gap() const { return size * 70 / 100; }
  int height() const {
    int sum = 0;
    for (const auto& lines : points)
      sum += static_cast<int>(lines.size()) * line_height(size) + gap();
    return sum - gap() - (line_height(size) - rise(size));
  }
};

/// As large as fits into `room` pixels; what does not fit at the smallest size is left out, visibly.
Points set_points(const std::vector<Line>& texts, int room, const FontMetrics& regular) {
  Points set;
  for (set.size = point_size_max;; set.size -= size_step) {
    set.points.clear();
    for (const Line& text : texts) {
      set.points.push_back(wrapped(text, text_width - set.indent(), set.size, regular));
    }
    const bool wraps = std::ranges::any_of(set.points, [](const auto& lines) { return lines.size() > 1; });
    if (wraps && set.size > point_size_wrapped_max) continue;  // large only while each point is one line
    if (set.height() <= room || set.size - size_step < point_size_min) break;
  }
  while (set.points.size() > 1 && set.height() > room)
    set.points.pop_back();
  auto& last = set.points.back();
  const std::size_t lines_fit = static_cast<std::size_t>(std::max(1, room / line_height(set.size)));
  if (set.height() > room) shorten(last, lines_fit, text_width - set.indent(), set.size, regular);
  if (set.points.size() < texts.size()) {
    if (last.back().ends_with(U'\u2026')) return set;
    Line marked = last.back() + U" \u2026";
    if (regular.width(marked, set.size) <= text_width - set.indent()) last.back() = marked;
  }
  return set;
}

int place_heading(CardLayout& layout, const Heading& heading, int top) {
  layout.bar_x = card_margin;
  layout.bar_y = top;
  layout.bar_width = bar_width;
  layout.bar_height = bar_height;
  int baseline = top + bar_height + bar_gap + rise(heading.size);
  for (const Line& line : heading.lines) {
    layout.lines.push_back({line, CardInk::heading, card_margin, baseline, heading.size});
    baseline += line_height(heading.size) * 92 / 100;
  }
  return layout.lines.back().y;
}

/// A card of a heading alone is a title: larger, and in the middle of the height.
void lay_out_title(CardLayout& layout, const CardText& card, const FontMetrics& bold) {
  const Heading heading = set_heading(card.heading, title_size_max, bold);
  const int height = bar_height + bar_gap + static_cast<int>(heading.lines.size()) * line_height(heading.size);
  place_heading(layout, heading, (card_height - height) / 2 - card_height / 40);
}

std::u32string cleaned(std::u32string_view line, const FontMetrics& regular, const FontMetrics& bold) {
  std::u32string clean;
  for (char32_t character : line) {
    if (character < 0x20 || character == 0x7f || character == 0xa0 || character == 0x2028) character = U' ';
    if (character == U' ') {
      if (!clean.empty() && clean.back() != U' ') clean += U' ';
    } else if ((character < 0x80 || character > 0x9f) && regular.has(character) && bold.has(character)) {
      clean += character;
    }
  }
  if (!clean.empty() && clean.back() == U' ') clean.pop_back();
  return clean;
}

std::u32string without_bullet(std::u32string line) {
  const bool marked =
      line.size() > 1 && (line[0] == U'\u2022' || line[0] == U'-' || line[0] == U'*') && line[1] == U' ';
  return marked ? line.substr(2) : line == U"\u2022" ? U"" : std::move(line);
}

}  // namespace

result<CardText> read_card(std::string_view text, const FontMetrics& regular, const FontMetrics& bold) {
  CardText card;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::u32string line = without_bullet(cleaned(characters(text.substr(at, end - at)), regular, bold));
    at = end + 1;
    if (line.empty()) continue;
    line.resize(std::min(line.size(), card_line_characters_max));
    if (card.heading.empty()) {
      card.heading = std::move(line);
    } else if (card.points.size() < card_points_max) {
      card.points.push_back(std::move(line));
    }
  }
  if (card.heading.empty()) {
    return Failure{Errc::invalid_argument,
                   "there is nothing on the card that its font can show: give it a heading line, and points below it"};
  }
  return card;
}

CardLayout lay_out(const CardText& card, std::u32string_view page, const FontMetrics& regular,
                   const FontMetrics& bold) {
  CardLayout layout;
  if (card.points.empty()) {
    lay_out_title(layout, card, bold);
  } else {
    const Heading heading = set_heading(card.heading, heading_size_max, bold);
    CardLayout measured;
    const int above = place_heading(measured, heading, bar_top) + heading_gap;
    const Points set = set_points(card.points, text_bottom - above, regular);
    // A short card begins lower: two fifths of what is left stand above it, three below.
    const int left = text_bottom - above - set.height();
    const int lowered = std::clamp(left * 2 / 5, 0, bar_top_max - bar_top);
    const int top = place_heading(layout, heading, bar_top + lowered) + heading_gap;
    int baseline = top + rise(set.size);
    for (const auto& lines : set.points) {
      const bool announces = lines.back().ends_with(U':');
      if (!announces) layout.lines.push_back({U"\u2022", CardInk::bullet, card_margin, baseline, set.size});
      const int left_edge = announces ? card_margin : card_margin + set.indent();
      for (const Line& line : lines) {
        layout.lines.push_back({line, CardInk::point, left_edge, baseline, set.size});
        baseline += line_height(set.size);
      }
      baseline += set.gap();
    }
  }
  if (!page.empty()) {
    const int x = card_width - card_margin - regular.width(page, page_size);
    layout.lines.push_back({Line(page), CardInk::page, x, card_height - card_margin / 2, page_size});
  }
  return layout;
}

std::string utf8(std::u32string_view text) {
  std::string bytes;
  const auto put = [&bytes](char32_t byte) { bytes += static_cast<char>(byte); };
  for (const char32_t c : text) {
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
    } else {
      put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
    }
  }
  return bytes;
}

std::u32string characters(std::string_view text) {
  std::u32string decoded;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || at + length > text.size()) {
      ++at;
      continue;
    }
    char32_t character = length == 1 ? lead : lead & (0x7f >> length);
    bool whole = true;
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      whole = whole && next >> 6 == 2;
      character = character << 6 | (next & 0x3f);
    }
    if (whole) decoded += character;
    at += whole ? length : 1;
  }
  return decoded;
}

}  // namespace holdfast::providers
