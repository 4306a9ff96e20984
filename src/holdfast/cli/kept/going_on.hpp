#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/line/session.hpp"

namespace holdfast::cli {

/// How a job that nobody runs any more is gone on with: sentences with the whole command, as it has to be typed here.
///
/// Only a job that was run from a job file can be run again. The store does not know with which configuration it was
/// run: where this one lacks a provider of its locks, that is said.
std::vector<std::string> how_to_go_on(const JobRow& job, const Session& session);

}  // namespace holdfast::cli
