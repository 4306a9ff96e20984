#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/core/event.hpp"
#include "holdfast/core/news.hpp"

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

/// A record as it is kept: what happened, when, and its place in its job's trail.
struct KeptRecord {
  std::uint64_t seq = 0;  ///< from 1, per job, without gaps
  WallTime time{};
  News record{};
};

}  // namespace holdfast

namespace holdfast::store {

/// What must be written whole or not at all.
struct Transaction {
  SaveId save{};
  WallTime time{};
  std::vector<News> records{};
};

/// What became of a transaction. `unknown`: it may be on disk; ask `contains`.
struct Outcome {
  enum class Kind : unsigned char { saved, failed, unknown };
  Kind kind = Kind::saved;
  std::string why{};  ///< failed and unknown
};

/// What outlives the operation, and with a disk behind it the process.
///
/// Threads: one at a time; the gateway's store thread. Errors: values, never exceptions.
class Store {
 public:
  virtual ~Store() = default;

  /// Commits in order, each transaction whole or not at all; one sync may serve all of them. One outcome each.
  virtual std::vector<Outcome> commit(std::span<const Transaction> transactions) = 0;
  /// Whether a transaction whose outcome was `unknown` is there.
  virtual result<bool> contains(SaveId save) = 0;
  /// Absent: never heard of the job.
  virtual result<std::optional<event::JobImage>> load(const std::string& job_id) = 0;
  virtual result<std::vector<ProviderLock>> locks(const std::string& job_id) = 0;
  /// All decisions of a job, oldest first.
  virtual result<std::vector<FallbackDecision>> history(const std::string& job_id) = 0;
  virtual result<std::vector<KeptRecord>> records(const std::string& job_id) = 0;
  virtual result<Statistics> statistics() = 0;
};

/// "memory:". Anything else is refused with the forms that are known.
result<std::unique_ptr<Store>> open(const std::string& url);

}  // namespace holdfast::store
