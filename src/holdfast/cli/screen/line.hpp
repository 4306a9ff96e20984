#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What a screen is made of.
namespace holdfast::cli {

/// What a terminal can show.
struct Style {
  bool utf8 = true;
  bool color = true;
};

enum class Tone : unsigned char { plain, strong, faint, good, warning, bad, accent };

struct Span {
  std::string text{};
  Tone tone = Tone::plain;
};

/// Spans side by side.
using Line = std::vector<Span>;

/// Made harmless, cut to `width` columns, coloured.
std::string finished(const Line& line, int width, Style style);

/// What `text` will be shown as: harmless, and ASCII where there is no UTF-8.
std::string shown_as(std::string_view text, Style style);

/// Lines in a frame with a title. Lines wider than the frame are cut: wrap before.
std::vector<Line> framed(const std::string& title, const std::vector<Line>& lines, Tone tone, int width, Style style);

/// Columns inside a frame of `width`.
constexpr int inside_frame(int width) {
  return width >= 12 ? width - 4 : width;
}

/// A bar of `width` columns, `fraction` of it full.
std::string bar(double fraction, int width, Style style);

}  // namespace holdfast::cli
