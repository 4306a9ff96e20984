#include "holdfast/providers/video_prompt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view line) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && blank(line.front()))
    line.remove_prefix(1);
  while (!line.empty() && blank(line.back()))
    line.remove_suffix(1);
  return line;
}

/// The path of `'…'`, where '\'' is a quote; nothing where it is not closed or something follows.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '\'') return std::nullopt;
  text.remove_prefix(1);
  std::string path;
  for (;;) {
    const std::size_t quote = text.find('\'');
    if (quote == std::string_view::npos) return std::nullopt;
    path += text.substr(0, quote);
    text.remove_prefix(quote + 1);
    if (text.empty()) return path;
    if (!text.starts_with("\\''")) return std::nullopt;
    path += '\'';
    text.remove_prefix(3);
  }
}

std::string quoted(const std::string& path) {
  std::string out = "'";
  for (const char c : path)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Failure wrong_line(std::size_t number, std::string_view line) {
  constexpr std::size_t shown_bytes_max = 60;
  return {Errc::invalid_argument,
          fmt::format("line {} of the prompt, \"{}\", is neither `image: PATH`, `audio: PATH` nor `file 'PATH'`",
                      number, line.substr(0, shown_bytes_max))};
}

}  // namespace

result<std::variant<ScenePrompt, JoinPrompt>> read_video_prompt(std::string_view text) {
  ScenePrompt scene;
  JoinPrompt join;
  std::size_t number = 0;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    const bool image = line.starts_with("image:"), audio = line.starts_with("audio:");
    if (image || audio) {
      fs::path& path = image ? scene.image : scene.audio;
      const std::string_view value = trimmed(line.substr(6));
      if (value.empty()) return wrong_line(number, line);
      if (!path.empty()) {
        return Failure{Errc::invalid_argument, fmt::format("line {} of the prompt names a second {}; a scene has one",
                                                           number, image ? "image" : "audio")};
      }
      path = value;
    } else {
      const auto path = line.starts_with("file ") ? unquoted(trimmed(line.substr(5))) : std::nullopt;
      if (!path || path->empty()) return wrong_line(number, line);
      join.files.emplace_back(*path);
    }
  }
  const bool has_scene = !scene.image.empty() || !scene.audio.empty();
  if (has_scene == !join.files.empty()) {
    return Failure{Errc::invalid_argument, has_scene ? "the prompt asks for a scene and for a joined film at once"
                                                     : "the prompt names no files: nothing to make a video of"};
  }
  if (has_scene && (scene.image.empty() || scene.audio.empty())) {
    return Failure{Errc::invalid_argument, fmt::format("the prompt names no {}: a scene needs both, `image: PATH` and "
                                                       "`audio: PATH`",
                                                       scene.image.empty() ? "image" : "audio")};
  }
  if (join.files.size() > joined_files_max) {
    return Failure{Errc::too_large,
                   fmt::format("the prompt joins {} files; {} are allowed", join.files.size(), joined_files_max)};
  }
  if (has_scene) return {std::move(scene)};
  return {std::move(join)};
}

std::string concat_list(const JoinPrompt& join) {
  std::string list = "ffconcat version 1.0\n";
  for (const fs::path& file : join.files)
    list += "file " + quoted("file:" + fs::absolute(file).string()) + "\n";
  return list;
}

}  // namespace holdfast::providers
