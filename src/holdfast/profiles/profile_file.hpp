#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/core/patience.hpp"
#include "holdfast/profiles/timeout_profiles.hpp"

namespace holdfast::profiles {

/// A type's numbers as the file has them.
struct TypeEntry {
  std::string name{}, description{};
  std::optional<double> normal_ms{}, extended_ms{}, deep_wait_ms{}, heartbeat_ms{}, suspicion{}, first_progress_ms{};
};

/// What a profiles file says, checked. Vectors keep the order of the file.
struct ProfileFile {
  std::vector<TypeEntry> types{};
  std::vector<PatienceProfile> patience{};
  std::vector<std::pair<std::string, std::string>> mapping{};
  std::vector<AnswerOption> stall_options{};
  double check_interval_ms = 5000;
  std::map<std::string, CategoryMessage, std::less<>> messages{};  ///< by "normal", "extended", …

  const TypeEntry* type(std::string_view name) const;
};

/// Lays `text` over `base`. The failure is «FILE:LINE: key: what would be right».
result<ProfileFile> read_profile_file(std::string_view text, std::string_view file_name, ProfileFile base);

/// The built-in numbers, as a file.
std::string_view default_profiles_text();

}  // namespace holdfast::profiles
