#include <filesystem>
#include <fstream>
#include <sstream>

#include "holdfast/profiles/located_json.hpp"
#include "holdfast/profiles/timeout_profiles.hpp"

namespace holdfast {

TimeoutProfiles TimeoutProfiles::load(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    TimeoutProfiles profiles = defaults();
    profiles.notices_.push_back(path.string() + " does not exist; the built-in timeout profiles are used");
    return profiles;
  }
  if (std::filesystem::is_directory(status)) {
    throw Error(Errc::config, path.string() + ": this is a folder; name a JSON file of timeout profiles");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(profiles::json_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    throw Error(Errc::config, path.string() + ": the timeout profiles cannot be read; check its permissions");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse(text, path.string());
}

}  // namespace holdfast
