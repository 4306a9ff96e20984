#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "holdfast/toml/problems.hpp"

namespace holdfast {

/// The whole of a file that must be UTF-8 text of at most `bytes_max` bytes. Reads no more than that, so an endless
/// one (a device, a pipe) is refused too.
///
/// Problems: it cannot be read, is a folder, is too large (with the limit), is not UTF-8 (with the line).
checked<std::string> read_text_file(const std::filesystem::path& file, std::size_t bytes_max);

/// "1 MiB", "16 MiB", else "300 bytes".
std::string spoken_bytes(std::size_t bytes);

/// The line, from 1, of the first byte that is not UTF-8; 0 where all is.
std::size_t broken_utf8_line(std::string_view text);

}  // namespace holdfast
