#pragma once

#include <filesystem>
#include <string_view>

namespace holdfast::providers {

/// Writes a file whole or not at all: under another name with the same extension beside it, to the disk, then renamed.
/// Throws `ProviderError`; then nothing of it is left.
void write_artifact(const std::filesystem::path& path, std::string_view content);

}  // namespace holdfast::providers
