#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "holdfast/cli/line/session.hpp"

/// The commands. Each prints to `out`, throws `Error` for what is refused, and returns the process's status.
namespace holdfast::cli {

/// `words`: the command line as it was typed, program first, for the command that runs it again.
Exit run_command(const RunArguments& arguments, const GlobalArguments& global, const std::vector<std::string>& words);
/// Serves until it is told to stop.
Exit serve_command(const ServeArguments& arguments, const GlobalArguments& global);
Exit init_command(const InitArguments& arguments, std::ostream& out);
Exit profiles_command(const ProfilesArguments& arguments, const Session& session, std::ostream& out);
Exit providers_command(const ProvidersArguments& arguments, const Session& session, std::ostream& out);
/// Goes on where the configuration is broken: that is one of the things it says.
Exit doctor_command(const DoctorArguments& arguments, const GlobalArguments& global,
                    const EnvironmentLookup& environment, std::ostream& out);
/// The screen of a job that another process runs, until the job is over or Ctrl-C; answers reach that process.
Exit watch_command(const WatchArguments& arguments, const Session& session);
Exit version_command(const VersionArguments& arguments, std::ostream& out);

}  // namespace holdfast::cli
