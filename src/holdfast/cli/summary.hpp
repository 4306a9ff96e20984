#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/line/exit_status.hpp"
#include "holdfast/core/decision.hpp"
#include "holdfast/jobs/runner.hpp"

/// What is said when a job is over.
namespace holdfast::cli {

/// How it ended and after how long, what was made (the film first), what was decided. Harmless lines. `holdfast` is how
/// this program is called for the same store.
std::vector<std::string> summary(const jobs::RunResult& result, milliseconds elapsed,
                                 const std::vector<FallbackDecision>& decisions, const std::string& holdfast);

/// The command line, as it can be pasted into a shell.
std::string again(const std::vector<std::string>& words, const std::string& resume);

Exit exit_of(const jobs::RunResult& result);

}  // namespace holdfast::cli
