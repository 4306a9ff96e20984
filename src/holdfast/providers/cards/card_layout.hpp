#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/providers/cards/fonts.hpp"

/// Where each line of a title card stands. Pure but for the fonts' measures.
namespace holdfast::providers {

/// What a card shows: its first line is the heading, the others are points.
struct CardText {
  std::u32string heading{};
  std::vector<std::u32string> points{};  ///< without their bullets
};

/// What is looked at of a card's text: twice what the smallest type lets in. The rest would be cut off anyway.
inline constexpr std::size_t card_points_max = 32, card_line_characters_max = 2000;

/// Takes a card's text apart. Bullets ("•", "-", "*") at the beginning of a line are taken off, blanks run together,
/// control characters and what neither font can draw are left out, as is a byte that is not UTF-8.
/// Fails with `invalid_argument` where nothing is left to show.
result<CardText> read_card(std::string_view text, const FontMetrics& regular, const FontMetrics& bold);

enum class CardInk : unsigned char { heading, point, bullet, page };

/// One line of text: its baseline begins at (x, y), in pixels from the top left corner.
struct PlacedLine {
  std::u32string text{};
  CardInk ink = CardInk::point;
  int x = 0, y = 0;
  int size = 0;  ///< pixels to the em
};

struct CardLayout {
  std::vector<PlacedLine> lines{};
  int bar_x = 0, bar_y = 0, bar_width = 0, bar_height = 0;  ///< the accent above the heading
};

inline constexpr int card_width = 1920, card_height = 1080;
inline constexpr int card_margin = 150;  ///< text never comes nearer to an edge, page number apart

/// Sets a card: the heading in at most three lines, the points below it, each with a bullet unless it ends with a colon
/// and announces the next, and wrapped by what the fonts measure. What is too long is set smaller, step by step; what
/// is too long for the smallest size that can still be read from across a room ends with an ellipsis. `page`: such as
/// "3 / 12", shown small in the corner; empty: none.
CardLayout lay_out(const CardText& card, std::u32string_view page, const FontMetrics& regular, const FontMetrics& bold);

/// The UTF-8 of a line, and the characters of a UTF-8 text (a byte that is not UTF-8 is left out).
std::string utf8(std::u32string_view text);
std::u32string characters(std::string_view text);

}  // namespace holdfast::providers
