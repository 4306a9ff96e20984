#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/base/name.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/jobs/job_file.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::jobs {

struct RunOptions {
  std::string job_id{};         ///< empty: NAME and six characters, "narrated-video-k3f9q2"
  std::filesystem::path out{};  ///< empty: ./NAME-JOB
  std::string patience{};       ///< empty: the job file's
  /// Stage → provider, over the job file's. In a resume, no lock is moved by it.
  std::map<std::string, std::string, NameLess> providers{};
  std::vector<StandingConsent> consents{};
  bool ask_on_error = false;  ///< false: a hard error ends the job, lock and work kept
  bool resume = false;        ///< goes on with `job_id` where an earlier run of it ended
  std::string from{};         ///< resume: this stage and those behind it begin from their start; empty: none does
  std::string by{};           ///< who runs it, for the record
};

/// What a run would do, checked: nothing is started and nothing is written.
struct PlannedStage {
  std::string name{}, kind{}, provider{}, provider_type{}, output{};
  std::string items{};  ///< how many, or the expression that gives them
  milliseconds stall_threshold{};
  bool absolute = false;
  int parallel = 1;
  std::string notice{};  ///< how its type was guessed; empty: it was not
};

struct RunResult {
  JobState state = JobState::done;  ///< done, failed or cancelled
  std::string job_id{};
  std::filesystem::path out{};
  std::vector<std::filesystem::path> artifacts{};  ///< what is whole, in the order made
  std::vector<std::filesystem::path> partial{};    ///< what a cancelled or failed call left behind, if anything
  std::string error{};                             ///< failed: the sentence to show
  Errc code = Errc::ok;                            ///< failed by policy or by a provider
  bool recorded = true;                            ///< false: it is cancelled, and the store could not be told
};

/// Runs a job file's stages through a gateway, each locked to its provider.
///
/// Threads: `run` blocks its caller; items of a stage run on threads of its own. What happens is told by the gateway's
/// news (job.opened, stage.started, operation.…, stage.finished, job.closed), so that whoever shows it subscribes
/// there. Owns: the folder OUT/.holdfast, with unfinished artifacts, until the job is done.
class Runner {
 public:
  Runner(Gateway& gateway, const providers::Catalogue& catalogue, JobFile job, RunOptions options);

  /// Everything that is wrong and can be known before anything runs: providers nobody configured, programs that are
  /// missing, an output folder that cannot be made, a patience profile that does not exist. Each with the line of the
  /// job file or the flag that said it, where one did.
  ///
  /// `of_file`: what reading the job file has found, which is among what is returned. What only a whole file can have
  /// is not looked for then.
  Problems problems(const Problems& of_file = Problems()) const;
  std::vector<PlannedStage> plan() const;
  const std::string& job_id() const { return options_.job_id; }
  const std::filesystem::path& out() const { return options_.out; }
  /// The stage is run from its start whatever an earlier run has done.
  bool begins_anew(const std::string& stage) const;

  /// A requested stop cancels the job: what is finished is kept and named.
  RunResult run(std::stop_token stop);

 private:
  std::vector<std::string> problems_of_resume() const;
  void add_option_problems(Problems& problems) const;
  /// Whom the stage is locked to already, else whom the run or the job file names.
  std::string provider_of(const Stage& stage) const;
  bool may_move(const Stage& stage, const providers::Provider& to) const;

  Gateway& gateway_;
  const providers::Catalogue& catalogue_;
  JobFile job_;
  RunOptions options_;
  std::optional<JobRow> kept_{};  ///< of the run that is resumed
};

}  // namespace holdfast::jobs
