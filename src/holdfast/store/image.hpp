#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/base/name.hpp"
#include "holdfast/core/event.hpp"
#include "holdfast/core/news.hpp"
#include "holdfast/store/store.hpp"

/// What records change about their job. Pure; every store asks here, whatever it keeps the answer in.
namespace holdfast::store {

/// A stage of a job, as far as its records tell.
struct Stage {
  StageRow row{};
  bool planned = false;
  bool finished = false;  ///< by `StageFinished`: a resume does not run it again
};

/// What a record does to the stage that it concerns. True where anything changed; artifacts are `placed`.
bool change(Stage& stage, const News& record);
/// The stage that a record concerns; empty: none.
std::string_view stage_of(const News& record);
/// Which items of a stage, from 1, a step has made whole, with the artifact of each; `known` were there before.
std::vector<std::pair<std::size_t, std::string>> placed(const StageProgress& step, std::size_t known);

/// Whether somebody acts for a job in this state, so that it has an owner.
bool has_owner(JobState state);
/// Whether listings of active jobs show it.
bool is_active(JobState state);
/// Whether `prune` may take it away: what failed can still be resumed.
bool is_over(JobState state);

/// What a record adds to the counts that are kept over all time.
void count(Statistics& statistics, const News& record);

/// A whole job as a value: for stores that keep jobs in memory.
struct Book {
  bool opened = false;  ///< a refusal alone makes no job
  event::JobImage image{};
  WallTime opened_at{};
  std::optional<WallTime> closed_at{};
  std::vector<Stage> stages{};  ///< planned ones in their order, then others in theirs
  std::shared_ptr<const JobPlan> plan{};

  void add(const News& record, WallTime time);
  JobRow row(const std::string& job_id) const;

 private:
  Stage& stage(std::string_view name);
  void open(const JobOpened& record, WallTime time);
};

}  // namespace holdfast::store
