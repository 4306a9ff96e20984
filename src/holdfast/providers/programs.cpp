#include "holdfast/providers/programs.hpp"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

#include "holdfast/process/launch.hpp"

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

/// Programs that jobs often run and whose Debian package has another name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> packages = {{
    {"ffmpeg", "ffmpeg"},
    {"ffprobe", "ffmpeg"},
    {"espeak-ng", "espeak-ng"},
    {"sox", "sox"},
    {"convert", "imagemagick"},
    {"python3", "python3"},
    {"curl", "curl"},
}};

}  // namespace

std::optional<fs::path> find_program(const std::string& name, const fs::path& folder) {
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) {
    fs::path path = folder / name;  // an absolute name stands for itself
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored) || ::access(path.c_str(), X_OK) != 0) return std::nullopt;
    return path;
  }
  int why = 0;
  auto program = process::find_program(name, process::environment_with({}), why);
  return program ? std::optional<fs::path>(std::move(*program)) : std::nullopt;
}

std::optional<std::string> missing_program(const std::string& name, const fs::path& folder) {
  if (find_program(name, folder)) return std::nullopt;
  const std::string_view known = name;
  for (const auto& [program, package] : packages) {
    if (program == known) {
      return "program " + name + " is not installed: apt-get install " + std::string(package);
    }
  }
  if (name.find('/') != std::string::npos) return "there is no program " + name + ", or it may not be executed";
  return "program " + name + " is not installed, or not in a folder of PATH";
}

}  // namespace holdfast::providers
