#pragma once

#include <memory>
#include <string>
#include <vector>

#include "holdfast/cli/line/arguments.hpp"
#include "holdfast/config/config.hpp"
#include "holdfast/profiles/timeout_profiles.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::cli {

/// What every command begins with: the configuration, read and checked, and the profiles that it names.
struct Session {
  Config config{};
  TimeoutProfiles profiles = TimeoutProfiles::defaults();
  std::string store{};       ///< never empty: `default_store` where nobody said one
  std::string store_from{};  ///< who said it, for messages: "--store"
  /// How a command from another terminal and another folder begins, so that it comes to the same store: this program
  /// ("holdfast"; its path where PATH does not lead to it), and the store and the configuration where somebody named
  /// them.
  std::vector<std::string> command{"holdfast"};
  std::vector<std::string> notices{};  ///< worth telling the user, and no errors
};

/// The process's environment.
EnvironmentLookup process_environment();

/// The login name of whoever runs this.
std::string user_name();

/// Throws `Error` config with everything that is wrong with the file, the profiles, or the default patience.
Session load_session(const GlobalArguments& arguments, const EnvironmentLookup& environment);

/// Gives the session the store that the command line or else the environment names, where one of them does.
void name_store(Session& session, const GlobalArguments& arguments, const EnvironmentLookup& environment);

/// Throws `Error` where there is no such patience profile, naming those there are. `flag`: who said it.
void check_patience(const TimeoutProfiles& profiles, const std::string& patience, const std::string& flag);

/// `sqlite:` in `$XDG_STATE_HOME/holdfast/holdfast.db` (`~/.local/state` where that is not set; without a home, the
/// working folder).
std::string default_store(const EnvironmentLookup& environment);

/// The file of the session's store where it is not there; empty where it is, or where the store is in no file.
std::filesystem::path missing_store(const Session& session);

/// The session's store, opened. Throws `Error`: config where it is none that this version knows, store_unavailable
/// where it cannot be opened; with who named it in front.
///
/// Only who begins jobs (`filled`) makes a file or fills one that is empty. For the others, one that somebody named and
/// that is not there is a slip of the pen: it is refused. One that nobody named holds nothing yet.
std::unique_ptr<store::Store> open_store(const Session& session, store::Empty empty = store::Empty::refused);

}  // namespace holdfast::cli
