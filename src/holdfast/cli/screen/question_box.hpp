#pragma once

#include <vector>

#include "holdfast/cli/screen/board.hpp"
#include "holdfast/cli/screen/dialog.hpp"
#include "holdfast/cli/screen/line.hpp"

namespace holdfast::cli {

/// The open question, or what is being confirmed, in a frame; nothing where there is neither. `compact`: without the
/// evidence, for a screen that has no room for it.
std::vector<Line> question_box(const Board& board, const Dialog& dialog, milliseconds now, bool compact, int width,
                               Style style);

}  // namespace holdfast::cli
