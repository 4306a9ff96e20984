#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/arguments.hpp"
#include "holdfast/config/config.hpp"
#include "holdfast/profiles/timeout_profiles.hpp"

namespace holdfast::cli {

/// What every command begins with: the configuration, read and checked, and the profiles that it names.
struct Session {
  Config config{};
  TimeoutProfiles profiles = TimeoutProfiles::defaults();
  std::string store = "memory:";
  std::string store_from{};            ///< who said it, for messages: "--store"
  std::vector<std::string> notices{};  ///< worth telling the user, and no errors
};

/// The process's environment.
EnvironmentLookup process_environment();

/// Throws `Error` config with everything that is wrong with the file, the profiles, or the default patience.
Session load_session(const GlobalArguments& arguments, const EnvironmentLookup& environment);

/// Throws `Error` where there is no such patience profile, naming those there are. `flag`: who said it.
void check_patience(const TimeoutProfiles& profiles, const std::string& patience, const std::string& flag);

/// Throws `Error` config where the store is none that this version knows.
void check_store(const Session& session);

}  // namespace holdfast::cli
