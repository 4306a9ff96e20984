#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace holdfast::cli {

/// Columns as wide as their widest cell, two blanks between them; the first row is the heading. Cells are made
/// harmless.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows);

}  // namespace holdfast::cli
