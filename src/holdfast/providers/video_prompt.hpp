#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/base/error.hpp"

namespace holdfast::providers {

/// A still picture for as long as a sound.
struct ScenePrompt {
  std::filesystem::path image{}, audio{};
};

/// Scenes, one after the other.
struct JoinPrompt {
  std::vector<std::filesystem::path> files{};
};

/// Clips of one film; the concat list is read anew for each.
inline constexpr std::size_t joined_files_max = 10'000;

/// Reads the prompt of a video stage: lines `image: PATH` and `audio: PATH`, or lines `file 'PATH'`, in which a quote
/// is written '\'' as FFmpeg's own lists do. Empty lines do not count. Fails with `invalid_argument`, naming the line.
result<std::variant<ScenePrompt, JoinPrompt>> read_video_prompt(std::string_view text);

/// The list that FFmpeg's concat demuxer reads.
std::string concat_list(const JoinPrompt& join);

}  // namespace holdfast::providers
