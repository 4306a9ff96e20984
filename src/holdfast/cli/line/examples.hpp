#pragma once

#include <string_view>

namespace holdfast::cli {

/// What stands below the options in the help of a command, and with an empty name in that of the program: examples of
/// its own, each complete. Empty: it has none, which a test forbids.
std::string_view examples_of(std::string_view command) noexcept;

}  // namespace holdfast::cli
