#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/process/child.hpp"
#include "holdfast/process/descriptor.hpp"

namespace holdfast::process {

/// A program that runs, and our ends of its pipes, non-blocking. The holder reaps it.
struct Running {
  pid_t pid = -1;      ///< its process group and session too
  Descriptor ended{};  ///< readable once it has ended (a pidfd)
  Descriptor in{};     ///< none where there is nothing to feed
  Descriptor out{}, err{};
};

/// What makes a command impossible, before anything is tried: invalid_argument. The rest needs a command without.
std::optional<Failure> command_problem(const Command& command);

/// provider_unreachable: «cannot start 'x': …».
Failure cannot_start(const Command& command, const std::string& why);

/// «ffmpeg», as sentences name a program: without its folder, harmless to print.
std::string program_name(const Command& command);

/// outcome_unknown: the kernel gave the exit status to somebody else.
Failure ending_taken(const Command& command);

/// "NAME=value" for each variable: the parent's, with `added` laid over them.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& added);

/// The file to execute. A name without a slash is looked for in the PATH of `environment`, in absolute folders only:
/// an empty or relative entry would run what somebody put into the working folder. With a slash it is taken as it is.
/// Nothing where there is none; `error` is then ENOENT, or EACCES where one was found that may not be executed.
std::optional<std::string> find_program(const std::string& name, const std::vector<std::string>& environment,
                                        int& error);

/// Starts the command and waits until the program runs or could not be started. Errors: see `run`.
result<Running> start(Spawner& spawner, const Command& command);

}  // namespace holdfast::process
