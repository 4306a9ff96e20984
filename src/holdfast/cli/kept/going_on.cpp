#include "holdfast/cli/kept/going_on.hpp"

#include <algorithm>

#include "holdfast/base/name.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/jobs/job_file.hpp"
#include "holdfast/jobs/stage_runner.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::cli {
namespace {

/// Whether a stage of the lock runs a command of its own: its provider is a name, and need not be known anywhere.
bool runs_own_command(const JobFile& job, const ProviderLock& lock) {
  return std::ranges::any_of(job.stages, [&](const Stage& each) {
    return lock.governed().contains(each.name) && jobs::runs_own_command(each, lock.provider_name);
  });
}

/// Those of the job's locks that neither the configuration nor this program knows, each once.
std::vector<std::string> unknown_providers(const JobRow& job, const Session& session) {
  process::Spawner spawner;
  const providers::Catalogue built_in({}, session.profiles, spawner);
  const JobReading plan = read_job_text(job.plan->text, job.plan->file);
  std::vector<std::string> out;
  for (const ProviderLock& lock : job.locks) {
    const std::string& name = lock.provider_name;
    if (session.config.provider(name) != nullptr || built_in.find(name) != nullptr) continue;
    if (runs_own_command(plan.job, lock)) continue;
    if (std::ranges::none_of(out, [&](const std::string& each) { return same_name(each, name); })) out.push_back(name);
  }
  return out;
}

}  // namespace

std::vector<std::string> how_to_go_on(const JobRow& job, const Session& session) {
  const std::string holdfast = shell_line(session.command), id = shell_quoted(job.job_id);
  if (!job.plan) {
    return {"It was not run from a job file: its next request goes on with it; `" + holdfast + " release " + id +
            "` gives its locks back."};
  }
  std::vector<std::string> out{"Go on with it: " + holdfast + " run --resume " + id};
  std::string unknown;
  for (const std::string& each : unknown_providers(job, session))
    unknown += (unknown.empty() ? "" : ", ") + each;
  if (!unknown.empty()) {
    out.push_back("No configuration here names " + unknown +
                  ": a job that was run with --config FILE is gone on with by the same one, before `run`.");
  }
  return out;
}

}  // namespace holdfast::cli
