#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace holdfast::providers {

/// Where the program is that a command would run: as it is written where it holds a slash (relative to `folder`), else
/// where `process::start` would find it for a command that sets no PATH of its own. Nothing where there is none.
std::optional<std::filesystem::path> find_program(const std::string& name, const std::filesystem::path& folder = {});

/// The sentence for a program that is not there, with the Debian package that brings it where that is known: "program
/// ffmpeg is not installed: apt-get install ffmpeg". Nothing where the program is there.
std::optional<std::string> missing_program(const std::string& name, const std::filesystem::path& folder = {});

}  // namespace holdfast::providers
