#include "holdfast/cli/screen/line.hpp"

#include <algorithm>
#include <cmath>

#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

std::string_view select_graphic(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return {};
    case Tone::strong:
      return "\x1b[1m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::good:
      return "\x1b[32m";
    case Tone::warning:
      return "\x1b[33m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::accent:
      return "\x1b[36m";
  }
  __builtin_unreachable();
}

std::string repeated(std::string_view what, int times) {
  std::string out;
  for (int i = 0; i < times; ++i)
    out += what;
  return out;
}

}  // namespace

std::string shown_as(std::string_view text, Style style) {
  std::string out = harmless(text);
  return style.utf8 ? out : ascii(out);
}

std::string finished(const Line& line, int width, Style style) {
  std::string out;
  int left = width;
  for (std::size_t i = 0; i < line.size() && left > 0; ++i) {
    const std::string text = shown_as(line[i].text, style);
    const bool more = std::ranges::any_of(line.begin() + static_cast<std::ptrdiff_t>(i) + 1, line.end(),
                                          [](const Span& each) { return !each.text.empty(); });
    // A span that fits to the last column is cut all the same where another follows: the cut must be seen.
    const bool full = more && columns(text) == left;
    const std::string shown = cut(full ? text + " " : text, left, style.utf8);
    left -= columns(shown);
    if (shown.empty()) continue;
    const std::string_view begin = style.color ? select_graphic(line[i].tone) : std::string_view();
    out.append(begin).append(shown);
    if (!begin.empty()) out += "\x1b[0m";
  }
  const std::size_t end = out.find_last_not_of(' ');
  return end == std::string::npos ? std::string() : out.substr(0, end + 1);
}

std::vector<Line> framed(const std::string& title, const std::vector<Line>& lines, Tone tone, int width, Style style) {
  std::vector<Line> out;
  if (inside_frame(width) == width) {  // too narrow to give columns away
    out.push_back({{title, tone}});
    out.insert(out.end(), lines.begin(), lines.end());
    return out;
  }
  const std::string_view side = style.utf8 ? "│" : "|", flat = style.utf8 ? "─" : "-";
  const auto corner = [&](std::string_view unicode) { return std::string(style.utf8 ? unicode : "+"); };
  const std::string head = cut(shown_as(title, style), width - 6, style.utf8);
  out.push_back({{corner("┌") + std::string(flat) + " ", tone},
                 {head, Tone::strong},
                 {" " + repeated(flat, width - 5 - columns(head)) + corner("┐"), tone}});
  for (const Line& each : lines) {
    Line framed_line{{std::string(side) + " ", tone}};
    int left = width - 4;
    for (const Span& span : each) {
      const std::string text = cut(shown_as(span.text, style), left, style.utf8);
      left -= columns(text);
      framed_line.push_back({text, span.tone});
    }
    framed_line.push_back(
        {std::string(static_cast<std::size_t>(std::max(left, 0)), ' ') + " " + std::string(side), tone});
    out.push_back(std::move(framed_line));
  }
  out.push_back({{corner("└") + repeated(flat, width - 2) + corner("┘"), tone}});
  return out;
}

std::string bar(double fraction, int width, Style style) {
  const int full = std::clamp(static_cast<int>(std::lround(fraction * width)), 0, width);
  return repeated(style.utf8 ? "█" : "#", full) + repeated(style.utf8 ? "░" : ".", width - full);
}

}  // namespace holdfast::cli
