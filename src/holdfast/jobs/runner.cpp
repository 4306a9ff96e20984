#include "holdfast/jobs/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "holdfast/base/text.hpp"
#include "holdfast/gateway/job_id.hpp"
#include "holdfast/jobs/resume.hpp"
#include "holdfast/jobs/run_check.hpp"
#include "holdfast/jobs/stage_runner.hpp"

namespace holdfast::jobs {
namespace {

namespace fs = std::filesystem;

/// People type it to resume, and one person starts no million jobs of one name.
constexpr std::size_t job_id_letters = 6;

/// What is a name for a person is not always one for a folder.
std::string folder_name(const std::string& text) {
  std::string name(cut_to_bytes(text, 200));
  std::ranges::replace(name, '/', '-');
  if (name.starts_with('.') || name.starts_with('-')) name.insert(0, "job");
  return name;
}

/// "out", "./out" and "out/" are one folder.
fs::path plain(const fs::path& folder) {
  const fs::path normal = folder.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

struct PlannedLock {
  std::string provider, type;
  bool absolute = false;
  std::vector<std::string> stages;
};

/// One lock for each provider with its stages; each absolute stage has its own, so that it holds nothing else back.
std::vector<PlannedLock> locks_of(const JobFile& job, const RunOptions& options,
                                  const providers::Catalogue& catalogue) {
  std::vector<PlannedLock> locks;
  for (const Stage& stage : job.stages) {
    const std::string provider = first_provider(stage, options);
    const auto same = std::ranges::find_if(locks, [&](const PlannedLock& lock) {
      return !stage.absolute && !lock.absolute && same_name(lock.provider, provider);
    });
    if (same != locks.end()) {
      same->stages.push_back(stage.name);
    } else {
      locks.push_back({provider, type_of(stage, provider, catalogue), stage.absolute, {stage.name}});
    }
  }
  return locks;
}

}  // namespace

Runner::Runner(Gateway& gateway, const providers::Catalogue& catalogue, JobFile job, RunOptions options)
    : gateway_(gateway), catalogue_(catalogue), job_(std::move(job)), options_(std::move(options)) {
  if (options_.job_id.empty()) options_.job_id = new_job_id(job_.name, job_id_letters);
  if (options_.patience.empty()) options_.patience = job_.patience;
  if (options_.resume) {
    kept_ = gateway_.job(options_.job_id);
    if (kept_ && kept_->plan && options_.out.empty()) options_.out = kept_->plan->out;
  }
  if (options_.out.empty()) {
    const bool named = options_.job_id.starts_with(job_.name + "-");
    options_.out = folder_name(named ? options_.job_id : job_.name + "-" + options_.job_id);
  }
  options_.out = plain(options_.out);
  for (StandingConsent& consent : options_.consents) {
    const providers::Provider* target = catalogue_.find(consent.switch_to);
    if (target != nullptr && consent.provider_type.empty()) consent.provider_type = target->info().type;
    if (consent.given_by.empty()) consent.given_by = options_.by;
  }
}

Problems Runner::problems(const Problems& of_file) const {
  const bool whole = of_file.empty();
  Problems problems(job_.shown_as);
  problems.add(of_file);
  const auto add_all = [&](const std::vector<std::string>& found) {
    for (const std::string& each : found)
      problems.add(Problem{"", 0, each});
  };
  // Of a job that cannot be gone on with, nothing else matters.
  if (options_.resume && (!kept_ || !can_resume(*kept_))) {
    add_all(problems_of_resume());
    return problems;
  }
  if (const auto why = name_problem(options_.job_id)) problems.add(Problem{"", 0, "the job id " + *why});
  const TimeoutProfiles profiles = gateway_.profiles();
  RunCheck check(job_, options_, catalogue_, profiles, problems);
  for (const Stage& stage : job_.stages)
    check.check(stage, provider_of(stage));
  add_option_problems(problems);
  if (!whole) return problems;
  for (const Stage& stage : job_.stages)
    check.check_outputs(stage);
  for (const auto& [stage, provider] : options_.providers) {
    if (job_.stage(stage) != nullptr) continue;
    problems.add(
        Problem{"--provider", 0, fmt::format("a provider is named for stage {}, which the job does not have", stage)});
  }
  if (options_.resume) add_all(problems_of_resume());
  return problems;
}

void Runner::add_option_problems(Problems& problems) const {
  for (const StandingConsent& consent : options_.consents) {
    if (consent.cancels()) continue;
    const providers::Provider* target = catalogue_.find(consent.switch_to);
    if (target == nullptr) {
      problems.add(Problem{"--consent", 0,
                           fmt::format("'{}' names a provider that is not configured; there are {}", consent.text(),
                                       known_providers(catalogue_))});
    } else if (std::ranges::none_of(job_.stages, [&](const Stage& each) { return may_move(each, *target); })) {
      problems.add(Problem{"--consent", 0,
                           fmt::format("'{}' can apply to no stage: there is none that another provider runs, whose "
                                       "lock is not absolute, and whose kind {} serves",
                                       consent.text(), target->info().name)});
    }
  }
  try {
    if (!options_.patience.empty()) (void)gateway_.profiles().for_provider("RuleBased", options_.patience);
  } catch (const Error& error) {
    if (options_.patience == job_.patience) {
      problems.add(job_.patience_line, fmt::format("[job]: {}", error.what()));
    } else {
      problems.add(Problem{"", 0, error.what()});
    }
  }
  if (const auto why = ArtifactFolder(options_.out, options_.job_id).problem()) problems.add(Problem{"", 0, *why});
}

bool Runner::may_move(const Stage& stage, const providers::Provider& to) const {
  return !stage.absolute && to.runs_jobs() && !same_name(provider_of(stage), to.info().name) &&
         !kind_problem(stage, to);
}

std::string Runner::provider_of(const Stage& stage) const {
  for (const ProviderLock& lock : kept_ ? kept_->locks : std::vector<ProviderLock>{}) {
    if (lock.active() && lock.governed().contains(stage.name)) return lock.provider_name;
  }
  return first_provider(stage, options_);
}

bool Runner::begins_anew(const std::string& stage) const {
  return !options_.resume || stages_from(job_, options_.from).contains(stage);
}

std::vector<std::string> Runner::problems_of_resume() const {
  if (!kept_) return {fmt::format("there is no job {} in the store; see `holdfast jobs`", options_.job_id)};
  std::vector<std::string> problems;
  if (kept_->plan && plain(kept_->plan->out) != plain(fs::absolute(options_.out))) {
    problems.push_back(
        fmt::format("job {} writes to '{}': leave --out away, or name that folder", options_.job_id, kept_->plan->out));
  }
  if (!options_.from.empty() && job_.stage(options_.from) == nullptr) {
    problems.push_back(fmt::format("--from names stage {}, which the job does not have", options_.from));
  }
  for (const auto& [stage, provider] : options_.providers) {
    for (const ProviderLock& lock : kept_->locks) {
      if (!lock.active() || !lock.governed().contains(stage) || same_name(lock.provider_name, provider)) continue;
      problems.push_back(
          fmt::format("stage {} is locked to {}; `holdfast switch {} --to {} --stages {} --confirm` moves it", stage,
                      lock.provider_name, options_.job_id, provider, stage));
    }
  }
  for (std::string& each : resume_problems(job_, *kept_, stages_from(job_, options_.from)))
    problems.push_back(std::move(each));
  return problems;
}

std::vector<PlannedStage> Runner::plan() const {
  std::vector<PlannedStage> plan;
  const TimeoutProfiles profiles = gateway_.profiles();
  const std::string patience = options_.patience.empty() ? "balanced" : options_.patience;
  Problems none;
  const RunCheck check(job_, options_, catalogue_, profiles, none);
  for (const Stage& stage : job_.stages) {
    const std::string provider = provider_of(stage);
    const std::string type = type_of(stage, provider, catalogue_);
    const auto profile = profiles.for_provider(provider, patience, type);
    const auto items = check.items_of(stage);
    plan.push_back({.name = stage.name,
                    .kind = std::string(name(stage.kind)),
                    .provider = provider,
                    .provider_type = profile.provider_type,
                    .output = text(stage.output),
                    .items = items ? std::to_string(items->size()) : text(*stage.for_each),
                    .stall_threshold = profile.stall_threshold(),
                    .absolute = stage.absolute,
                    .parallel = static_cast<int>(stage.parallel),
                    .notice = profile.notice});
  }
  return plan;
}

namespace {

/// Locks what no lock governs yet: a resumed job has its locks still, or those that it got to.
void lock_stages(JobRun& run, const std::vector<PlannedLock>& locks) {
  const std::string& job_id = run.options.job_id;
  for (const PlannedLock& lock : locks) {
    std::vector<std::string> stages = lock.stages;
    std::erase_if(stages, [&](const auto& each) { return !governing_provider(run.gateway, job_id, each).empty(); });
    if (stages.empty()) continue;
    run.gateway.lock_provider({.job_id = job_id,
                               .provider_name = lock.provider,
                               .provider_type = lock.type,
                               .correlation_id = job_id,
                               .overridable = !lock.absolute,
                               .stages = std::move(stages)});
  }
}

StageEnd run_stages(JobRun& run, const std::vector<PlannedLock>& locks) {
  const RunOptions& options = run.options;
  const StageNames anew = stages_from(run.job, options.from);
  run.gateway.open_job({.job_id = options.job_id,
                        .name = run.job.name,
                        .patience = options.patience,
                        .opened_by = options.by,
                        .plan = std::make_shared<const JobPlan>(plan_of(run.job, options.out)),
                        .resume = options.resume,
                        .anew = {anew.begin(), anew.end()}});
  run.opened = true;
  if (options.resume) {
    run.folder.end_children();  // now that the job is this process's own: until then they may be another's
    run.take_over(anew);
  }
  try {
    for (const StandingConsent& consent : options.consents)
      run.gateway.give_consent(options.job_id, consent);
    lock_stages(run, locks);
  } catch (const Error& error) {
    return {JobState::failed, error.errc(), error.what()};
  }
  for (std::size_t position = 0; position < run.job.stages.size(); ++position) {
    if (run.stop.stop_requested() || run.desk.job_cancelled()) return {JobState::cancelled, Errc::cancelled, {}};
    StageEnd end = StageRunner(run, position).run();
    if (end.state != JobState::done) return end;
  }
  return {};
}

/// Puts on the record how the job ended; a job that somebody else has closed stays as they closed it. False: it is
/// cancelled, and that could not be written.
bool close(JobRun& run, StageEnd& end) {
  try {
    if (run.desk.job_cancelled()) {
      end = {JobState::cancelled, Errc::cancelled, {}};
    } else if (run.desk.job_closed()) {
      return true;
    } else if (end.state == JobState::cancelled) {
      const CancelRequest request{
          .job_id = run.options.job_id, .operation_id = {}, .confirmed = true, .by = run.options.by};
      return run.gateway.cancel(request).recorded;
    } else {
      run.gateway.close_job(run.options.job_id, end.state, run.options.by);
    }
  } catch (const Error& error) {
    if (error.errc() == Errc::no_such_job) return true;  // closed a moment ago
    if (end.state == JobState::done) end = {JobState::failed, error.errc(), error.what()};
  }
  return true;
}

}  // namespace

RunResult Runner::run(std::stop_token stop) {
  RunResult result{.job_id = options_.job_id};
  ArtifactFolder folder(options_.out, options_.job_id);
  result.out = folder.out();
  if (const auto opened = folder.open(); !opened) {
    result.state = JobState::failed;
    result.code = opened.error().code;
    result.error = opened.error().message;
    return result;
  }
  AnswerDesk desk(gateway_, options_.job_id);
  JobRun run{.gateway = gateway_,
             .catalogue = catalogue_,
             .job = job_,
             .options = options_,
             .folder = folder,
             .desk = desk,
             .stop = stop};
  if (kept_) run.changed = changed_stages(job_, *kept_);
  run.scope.job = options_.job_id;
  for (const JobInput& input : job_.inputs)
    run.scope.set_input(input.name, input.value);
  StageEnd end;
  try {
    end = run_stages(run, locks_of(job_, options_, catalogue_));
  } catch (const Error& error) {
    end = {JobState::failed, error.errc(), error.what()};
  }
  result.recorded = close(run, end) && desk.cancel_recorded();
  result.state = end.state;
  result.code = end.code;
  result.error = std::move(end.error);
  result.artifacts = std::move(run.artifacts);
  // Of a job that was never opened there is only its mark, which would keep the next one from the folder.
  if (result.state == JobState::done || (!run.opened && !options_.resume)) {
    folder.finish();
  } else {
    result.partial = folder.partial();
  }
  return result;
}

}  // namespace holdfast::jobs
