#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/screen/board.hpp"
#include "holdfast/cli/screen/dialog.hpp"
#include "holdfast/cli/screen/line.hpp"

namespace holdfast::cli {

struct Size {
  int columns = 80, rows = 24;
};

/// The board as lines of at most `size.columns` columns, at most `size.rows` - 1 of them: the cursor stands below.
///
/// Pure. Every text in it that came from a provider, a job file or a configuration is harmless; the only escape
/// sequences are colours, and those only where `style.color`. Where there is no room for everything, what goes first is
/// the past (events), then hints, then stages that do not run; the options of an open question go last.
std::vector<std::string> render(const Board& board, const Dialog& dialog, milliseconds now, Size size, Style style);

}  // namespace holdfast::cli
