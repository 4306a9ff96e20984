#include "holdfast/providers/cards/card_graph.hpp"

#include <fmt/format.h>

namespace holdfast::providers {
namespace {

// Light text on a dark blue: 15:1 for headings, 11:1 for points, 5:1 for the page number (WCAG asks 4.5:1).
constexpr const char* background_from = "0x0E1726";
constexpr const char* background_to = "0x1B3350";
constexpr const char* accent = "0x4CC2FF";

struct Ink {
  const char* font;
  const char* colour;
};

Ink ink_of(CardInk ink) {
  switch (ink) {
    case CardInk::heading:
      return {bold_font_file, "0xFFFFFF"};
    case CardInk::point:
      return {regular_font_file, "0xDCE6F2"};
    case CardInk::bullet:
      return {bold_font_file, accent};
    case CardInk::page:
      return {regular_font_file, "0x8FA6C1"};
  }
  return {regular_font_file, "0xFFFFFF"};
}

}  // namespace

std::string text_file(std::size_t index) {
  return fmt::format("line-{}.txt", index);
}

CardGraph draw(const CardLayout& layout) {
  CardGraph graph;
  graph.filters = fmt::format(
      "gradients=s={0}x{1}:c0={2}:c1={3}:x0=0:y0=0:x1={0}:y1={1}:nb_colors=2:duration=1:seed=1:"
      "speed=0.00001[paper];\n"
      "[paper]drawbox=x={4}:y={5}:w={6}:h={7}:color={8}:t=fill",
      card_width, card_height, background_from, background_to, layout.bar_x, layout.bar_y, layout.bar_width,
      layout.bar_height, accent);
  for (const PlacedLine& line : layout.lines) {
    const Ink ink = ink_of(line.ink);
    // drawtext's y is where the tallest glyph of the line begins; `ascent` is that glyph's, so baselines agree.
    graph.filters +=
        fmt::format(",\ndrawtext=fontfile={}:textfile={}:expansion=none:fontsize={}:fontcolor={}:x={}:y={}-ascent",
                    ink.font, text_file(graph.texts.size()), line.size, ink.colour, line.x, line.y);
    graph.texts.push_back(utf8(line.text));
  }
  graph.filters += "[card]\n";
  return graph;
}

}  // namespace holdfast::providers
