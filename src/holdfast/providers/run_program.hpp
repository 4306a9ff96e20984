#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "holdfast/base/instant.hpp"
#include "holdfast/providers/provider.hpp"

namespace holdfast::process {
class Spawner;
}

namespace holdfast::providers {

/// One program to run for a call.
struct ProgramRun {
  std::vector<std::string> arguments{};      ///< the program first
  std::map<std::string, std::string> env{};  ///< added to this process's own
  std::filesystem::path cwd{};               ///< empty: this process's own
  std::string input{};                       ///< for its stdin, which is closed behind it
  std::filesystem::path stdout_file{};       ///< becomes what it prints; empty: dropped, when it has been counted
  std::filesystem::path output{};            ///< the file that it writes by itself: its growth is progress
  std::vector<int> success_exit_codes{0};
  std::string progress{};  ///< as `CommandSpec::progress`; "none": signs of life only
  milliseconds total{};    ///< progress "ffmpeg": length of what is made, for percent; 0: unknown
};

/// Runs it to its end for `call`, reporting what it does as the operation's progress.
///
/// A stop of the operation ends the program's whole process group, TERM first and KILL five seconds later, and throws
/// `Error` cancelled. Otherwise throws `ProviderError` of class `command`: the program is not there, or ended with
/// another exit status than it should, with the end of its stderr (`without_secrets`).
void run_program(process::Spawner& spawner, const StageCall& call, const ProgramRun& run, OperationContext& operation);

}  // namespace holdfast::providers
