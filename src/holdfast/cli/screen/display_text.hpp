#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Texts of others on a terminal: made harmless, measured, cut and wrapped by the columns they take.
namespace holdfast::cli {

/// A text that can do nothing to a terminal. Line ends and tabs become blanks; other control characters become their
/// pictures (ESC is "␛"); what turns the direction of writing and bytes that are not UTF-8 become "�".
std::string harmless(std::string_view text);

/// The same for a terminal that does not know UTF-8: typographic characters become their ASCII cousins, others "?".
std::string ascii(std::string_view text);

/// Columns on a terminal. `text` is harmless.
int columns(std::string_view text);

/// At most `width` columns; what was cut off shows as "…" ("~" without UTF-8). `text` is harmless.
std::string cut(std::string_view text, int width, bool utf8);

/// Cut or filled with blanks to exactly `width` columns.
std::string padded(std::string_view text, int width, bool utf8);

/// Lines of at most `width` columns, broken at blanks where there are any. At least one. `text` is harmless.
std::vector<std::string> wrapped(std::string_view text, int width);

/// As it can be pasted into a shell: in single quotes where it needs them.
std::string shell_quoted(std::string_view text);

/// Words as one line of a shell.
std::string shell_line(const std::vector<std::string>& words);

/// As it is, but for typographic signs, which become their ASCII cousins: for lines of text where there is no UTF-8.
/// The letters of names and paths stay, so that a command in it is still the command.
std::string ascii_signs(std::string_view text);

}  // namespace holdfast::cli
