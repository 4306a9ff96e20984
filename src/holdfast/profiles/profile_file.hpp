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

/// Longest time a file may name or its multipliers may lead to: more is a mistake in the unit. It also keeps every sum
/// of times far from the end of 64-bit nanoseconds.
inline constexpr milliseconds patience_max{366LL * 24 * 3600 * 1000};
inline constexpr double multiplier_max = 1000.0;        ///< more is a number in the wrong place
inline constexpr std::size_t provider_types_max = 256;  ///< each is checked under every patience profile
inline constexpr std::size_t patience_profiles_max = 64;
inline constexpr std::size_t mapped_providers_max = 1024;
inline constexpr std::size_t stall_options_max = 16;  ///< a dialog that a person still reads

/// A type's numbers as the file has them; whole milliseconds.
struct TypeEntry {
  std::string name{}, description{};
  std::optional<double> normal_ms{}, extended_ms{}, deep_wait_ms{}, heartbeat_ms{}, suspicion{}, first_progress_ms{};
};

/// What a profiles file says, checked. Vectors keep the order of the file; what is built in only comes after it in
/// `mapping` and before it elsewhere.
struct ProfileFile {
  std::vector<TypeEntry> types{};
  std::vector<PatienceProfile> patience{};
  std::vector<std::pair<std::string, std::string>> mapping{};  ///< provider and type
  std::vector<AnswerOption> stall_options{};                   ///< `wait_until_done` among them
  double check_interval_ms = 5000;
  std::map<std::string, CategoryMessage, std::less<>> messages{};  ///< by "normal", "extended", …

  const TypeEntry* type(std::string_view name) const;
};

/// Lays `text` over `base`. The failure is «FILE:LINE: key: what would be right».
///
/// In what it returns every type is whole, and under every patience profile its thresholds are at least 1 ms, none
/// smaller than the one before it, and at most `patience_max`; so are the silences it allows.
result<ProfileFile> read_profile_file(std::string_view text, std::string_view file_name, ProfileFile base);

/// The numbers of a whole type under a patience; the names are left empty.
TimeoutProfile scaled(const TypeEntry& type, const PatienceProfile& patience);

/// The built-in numbers, as a file.
std::string_view default_profiles_text();

}  // namespace holdfast::profiles
