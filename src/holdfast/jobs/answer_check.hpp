#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace holdfast::jobs {

/// What stands inside a fence of three backticks around the whole text, with or without a word such as `json` behind
/// the first; any other text as it is.
std::string_view without_fence(std::string_view text);

/// Checks what a stage with a schema has made, whoever made it. An answer in a fence is unwrapped in its file; nothing
/// else is guessed. Throws `ProviderError` of class `protocol`, with the first place that is wrong.
void check_answer(const std::string& schema, const std::filesystem::path& artifact);

}  // namespace holdfast::jobs
