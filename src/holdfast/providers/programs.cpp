#include "holdfast/providers/programs.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

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

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<fs::path> find_program(const std::string& name, const fs::path& folder) {
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string::npos) {
    const fs::path path = folder / name;  // an absolute name stands for itself
    return is_program(path) ? std::optional(path) : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  const std::string_view folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string_view one = folders.substr(at, end - at);
    const fs::path candidate = (one.empty() ? fs::path(".") : fs::path(one)) / name;
    if (is_program(candidate)) return candidate;
    at = end + 1;
  }
  return std::nullopt;
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
