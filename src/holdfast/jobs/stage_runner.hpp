#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/jobs/answer_desk.hpp"
#include "holdfast/jobs/artifacts.hpp"
#include "holdfast/jobs/job_file.hpp"
#include "holdfast/jobs/output_names.hpp"
#include "holdfast/jobs/resume.hpp"
#include "holdfast/jobs/runner.hpp"

namespace holdfast::jobs {

/// The provider that a stage begins with: what the run says, else the job file.
std::string first_provider(const Stage& stage, const RunOptions& options);
/// Whether the stage's own command is run while `provider` serves it: only by the one that the job file names. Whoever
/// the stage is switched to does the work in its own way.
bool runs_own_command(const Stage& stage, const std::string& provider);

/// What the stages of one run share. Outlives the run's threads.
struct JobRun {
  Gateway& gateway;
  const providers::Catalogue& catalogue;
  const JobFile& job;
  const RunOptions& options;
  ArtifactFolder& folder;
  AnswerDesk& desk;
  std::stop_token stop;
  bool opened = false;  ///< the job is on the record
  Scope scope{};
  OutputNames taken{};
  std::vector<std::filesystem::path>
      artifacts{};  ///< of finished stages, and of finished items of the one that ended it
  /// What an earlier run left: artifacts of finished items by stage, empty where one is not whole …
  std::map<std::string, std::vector<std::string>, NameLess> finished{};
  /// … and the operations that its end interrupted, by their correlation id.
  struct Interrupted {
    std::string operation_id{};
    WallTime started_at{};
  };
  std::map<std::string, Interrupted> interrupted{};
  StageNames changed{};  ///< of the job file, since that run

  /// Finds them, but for stages that begin anew.
  void take_over(const StageNames& anew);
};

/// How a stage ended.
struct StageEnd {
  JobState state = JobState::done;  ///< done, failed or cancelled
  Errc code = Errc::ok;
  std::string error{};
};

/// Runs one stage: all its items, `parallel` at a time, each until it is whole, and tells the gateway of each.
///
/// After a failure or a cancel no further item begins, and none waits for an answer; those that are running run to
/// their end, and what they finish is kept. Threads: `run` blocks; items run on threads of their own.
class StageRunner {
 public:
  StageRunner(JobRun& run, std::size_t position);

  StageEnd run();

 private:
  /// A failure that ends the stage, with what it is about in front.
  struct Ended {
    StageEnd end;
  };

  void prepare();
  void work();
  void run_item(std::size_t item);
  /// One attempt; false where it is to be tried again.
  bool attempt(std::size_t item);
  /// What the call has made gets its name and goes on the record while the call is still open: whoever dies in between
  /// leaves an interrupted call, and not one that is over and has made nothing.
  void keep(std::size_t item, const Attempt& made, const std::string& provider);
  /// What an interrupted call has made all the same: it came back whole, and its record could not be written.
  std::optional<std::filesystem::path> made_before(std::size_t item) const;
  void ask_where_interrupted(std::size_t item);
  void wait_for_answer(const std::string& operation_id, const std::string& provider);
  std::string correlation_id(std::size_t item) const;
  void find_finished_items();
  /// An earlier run has finished it.
  bool whole() const { return run_.finished.contains(stage_.name) && items_done_ == items_.size(); }
  providers::StageCall call_for(std::size_t item, const Attempt& attempt, const providers::Provider& provider,
                                const std::string& provider_name);
  void add_command(providers::StageCall& call, const Scope& scope, const Attempt& attempt,
                   const providers::Provider& provider, bool own_command);
  const providers::Provider& provider_named(const std::string& name) const;
  void finish_item(std::size_t item, std::filesystem::path artifact);
  void after_failure(const std::string& operation_id, const std::string& provider, const ProviderError& error,
                     std::size_t item);
  [[noreturn]] void fail(std::size_t item, const std::string& provider, Errc code, const std::string& why) const;
  void end(StageEnd end);
  bool record_item(std::size_t item, const std::filesystem::path& artifact, bool last);
  Scope scope_of(std::size_t item) const;

  JobRun& run_;
  const Stage& stage_;
  const std::size_t position_;
  std::vector<boost::json::value> items_{};  ///< one, of null, where there is no `for_each`
  std::vector<std::string> outputs_{};
  std::string language_{};
  std::atomic<std::size_t> next_{0};
  std::stop_source stopped_{};  ///< no further item begins, and nobody waits; by `run.stop`, too
  std::mutex scope_mutex_{};    ///< a scope and its copies are for one at a time
  std::mutex finish_mutex_{};
  std::size_t items_done_ = 0;  ///< under finish_mutex_, as are those below
  std::vector<std::optional<std::filesystem::path>> artifacts_{};
  std::optional<StageEnd> end_{};  ///< the first that was not `done`
};

}  // namespace holdfast::jobs
