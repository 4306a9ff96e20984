#pragma once

#include <set>
#include <string>
#include <vector>

#include "holdfast/base/name.hpp"
#include "holdfast/core/listing.hpp"
#include "holdfast/jobs/job_file.hpp"

namespace holdfast::jobs {

using StageNames = std::set<std::string, NameLess>;

/// What is kept of a job file for a resume. Inputs enter as hashes only: what they say may be anybody's secret.
JobPlan plan_of(const JobFile& job, const std::filesystem::path& out);

/// `from` and the stages behind it: they begin from their start. Empty where `from` is.
StageNames stages_from(const JobFile& job, const std::string& from);

/// The stages of which the job file, or an input that they use, says something else than when the job was run last.
StageNames changed_stages(const JobFile& job, const JobRow& kept);

/// Whether there is anything to go on with: it is not over, and no living process holds it.
bool can_resume(const JobRow& kept);

/// Why `job` cannot go on where `kept` ended, one sentence each: it is over, a living process holds it, a stage that is
/// finished was made from something else than the file says now, an artifact is gone. Each says what to do.
///
/// What is finished counts only outside of `anew`. Reads the disk for artifacts.
std::vector<std::string> resume_problems(const JobFile& job, const JobRow& kept, const StageNames& anew);

}  // namespace holdfast::jobs
