#pragma once

#include <string>
#include <vector>

#include "holdfast/providers/cards/card_layout.hpp"

namespace holdfast::providers {

/// A card as FFmpeg draws it: a filter graph, and the files that it names.
///
/// No text of a card enters the graph. Each line is in a file of its own, named by its number, read with expansion
/// switched off: quotes, colons, percent signs and backslashes mean nothing there.
struct CardGraph {
  std::string filters{};             ///< one complex filter graph, its output called [card]
  std::vector<std::string> texts{};  ///< texts[i] is what the file `text_file(i)` must hold
};

/// Names within the folder in which FFmpeg runs.
inline constexpr const char* regular_font_file = "regular.ttf";
inline constexpr const char* bold_font_file = "bold.ttf";
std::string text_file(std::size_t index);

CardGraph draw(const CardLayout& layout);

}  // namespace holdfast::providers
