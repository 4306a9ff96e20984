#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/lock.hpp"
#include "holdfast/core/words.hpp"

/// What listings show: jobs, their stages, who acts for them, and counts. Values, filled by stores.
namespace holdfast {

/// Counts over the whole store, all time; `active…` and `open…` are of the process that answers.
struct Statistics {
  std::int64_t active_locks = 0;
  std::int64_t active_operations = 0;
  std::int64_t total_fallback_decisions = 0;
  std::int64_t user_requested_fallbacks = 0;
  std::int64_t error_triggered_fallbacks = 0;
  std::int64_t after_stall_fallbacks = 0;
  std::int64_t total_jobs = 0;
  double fallback_rate = 0.0;  ///< jobs with a decision / total_jobs; 0 where there are no jobs
  std::int64_t stall_questions = 0;
  std::int64_t stalls_resolved_by_progress = 0;
  std::int64_t open_questions = 0;
};

/// The process that acts for a job: no other changes it while this one lives.
struct Owner {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  ///< clock ticks from boot to its start: tells it from a later process of that number
  std::string boot_id{};
  std::string socket{};   ///< where it answers; empty: nowhere
  std::string program{};  ///< "holdfast run"

  bool operator==(const Owner&) const = default;
};

enum class StageState : unsigned char { pending, running, done, interrupted, failed, cancelled };
/// "pending", "running", …
std::string_view name(StageState state) noexcept;

/// A stage of a job, as far as it has come.
struct StageRow {
  std::string stage_name{};
  StageState state = StageState::pending;
  std::size_t items = 1, items_done = 0;
  std::vector<std::string> artifacts{};  ///< in the order of their items; empty where that item is not whole
};

/// A job as a listing shows it.
struct JobRow {
  std::string job_id{}, name{}, patience{};
  JobState state = JobState::running;  ///< `interrupted`: its owner died, or could not write how it ended
  std::uint64_t epoch = 0;
  WallTime opened_at{};
  std::optional<WallTime> closed_at{};
  std::vector<ProviderLock> locks{};
  std::vector<StageRow> stages{};  ///< planned ones in their order, then others in theirs
  std::shared_ptr<const JobPlan> plan{};
  std::optional<Owner> owner{};             ///< a living one
  std::vector<StandingConsent> consents{};  ///< those that stand: none where it is over
};

}  // namespace holdfast
