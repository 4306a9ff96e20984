#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/provider_config.hpp"
#include "holdfast/toml/toml_reader.hpp"

namespace holdfast {

/// Arguments of one command: far more than any, and far below what the kernel takes.
inline constexpr std::size_t arguments_max = 4096;
/// A pattern for percentages is a dozen characters; a long one makes matching slow.
inline constexpr std::size_t pattern_bytes_max = 256;

/// Reads `command`, `env`, `cwd`, `success_exit_codes` and `progress`, which providers and stages have in common.
/// A program named with a slash and a `cwd` are relative to `folder`, that of the file.
CommandSpec read_command(TomlReader& reader, const std::filesystem::path& folder);

/// `command` alone: the arguments, empty where there are none or they are wrong.
std::vector<std::string> read_program(TomlReader& reader, const std::filesystem::path& folder);

/// What is wrong with a `progress`, as the end of a sentence; nothing where it is good.
std::optional<std::string> progress_problem(std::string_view progress);

/// ASCII letters, digits and underscores, not beginning with a digit: what every shell can set.
bool is_environment_name(std::string_view name);

/// Against `folder` where it is relative, without `.` and `..`.
std::filesystem::path against(const std::filesystem::path& folder, const std::filesystem::path& path);

}  // namespace holdfast
