#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/listing.hpp"
#include "holdfast/store/image.hpp"
#include "holdfast/store/owner.hpp"
#include "holdfast/store/sqlite_database.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::store {

/// Why a transaction is not written although the disk works: it fails alone.
class Refusal : public std::runtime_error {
 public:
  Refusal(Errc code, const std::string& why) : std::runtime_error(why), code_(code) {}
  Errc code() const { return code_; }

 private:
  Errc code_;
};

/// What a refusal by the tables means to the caller.
Errc code_of(const Fault& constraint);

/// Who may act for a job.
enum class Holder : unsigned char { nobody, me, another, dead };
Holder holder(const std::optional<Owner>& owner, const Owner& me);
/// The sentence of `store_held`.
std::string held(const std::string& job_id, const Owner& owner);

/// What a span of transactions adds to the counts; written once, at its end.
struct Counts {
  Statistics statistics{};
  std::int64_t jobs_with_decision = 0;

  void add(const Counts& other);
  void write(Database& database) const;
};

/// Writes one transaction: the records into the trail, and what they change into the other tables.
///
/// Lives for one transaction, within a savepoint that its caller opened. Throws `Refusal` or `Fault`.
class Writer {
 public:
  Writer(Database& database, const Owner& me, std::int64_t writer) : database_(database), me_(me), writer_(writer) {}

  void write(const Transaction& transaction);
  const Counts& counts() const { return counts_; }

 private:
  /// A lock's record, whose row is written when its job's epoch is.
  struct LockChange {
    const LockTaken* taken = nullptr;
    const LockEnded* ended = nullptr;
    std::uint64_t seq = 0;
  };
  /// What a job begins with, until its row is there.
  struct Beginning {
    std::uint64_t first_seq = 0;
    std::string name{}, patience{};
    WallTime opened_at{};
  };

  /// A job's rows `chains` and `jobs` as they are read once and written back once.
  struct Row {
    std::string id;
    std::int64_t key = 0;
    std::uint64_t count = 0;
    std::string last_hash;
    bool exists = false;  ///< in `jobs`
    bool raised = false;  ///< the epoch rose in this transaction
    bool decided = false;
    bool changed = false;
    JobState state = JobState::running;
    std::optional<WallTime> closed_at;
    std::uint64_t epoch = 0, written_epoch = 0;
    std::optional<std::int64_t> owner;
    std::optional<Beginning> beginning;  ///< `exists` so far only here
    std::vector<LockChange> locks;       ///< at `epoch`, and not written yet
  };

  Row& row_of(const std::string& job_id);
  Row read_row(const std::string& job_id);
  const std::string& trail_of(const News& news, WallTime time);
  void record(Row& job, WallTime time, const News& news);
  /// The job's row, once for all that the records change about it, and then its locks: their triggers look at it.
  void write_back(Row& job);
  void write_row(Row& job);
  /// The job of a lock or an end that came before its `JobOpened`.
  void need(Row& job, WallTime time);
  /// The same where other rows are about to refer to it.
  void need_row(Row& job, WallTime time);
  void insert(Row& job, WallTime time, std::string_view name, std::string_view patience);
  void raise(Row& job, std::uint64_t epoch);
  void take(const Row& job, const ProviderLock& lock, std::uint64_t seq);
  void end(const Row& job, const LockEnded& news);
  /// The number of an active lock; absent: there is none such.
  std::optional<std::int64_t> find_active(const Row& job, const ProviderLock& lock);
  void step(Row& job, const News& news);
  void forget_interrupted(const Row& job);
  void forget_interrupted(const Row& job, const std::string& stage);
  void clear(Row& job);

  void apply(Row& job, WallTime time, const JobOpened& news);
  void apply(Row& job, WallTime time, const JobClosed& news);
  void apply(Row& job, WallTime time, const LockTaken& news);
  void apply(Row& job, WallTime time, const LockEnded& news);
  void apply(Row& job, WallTime time, const FallbackDecision& news);
  void apply(Row& job, WallTime time, const QuestionAnswered& news);
  void apply(Row& job, WallTime time, const ConsentGiven& news);
  void apply(Row& job, WallTime time, const OperationStarted& news);
  void apply(Row& job, WallTime time, const OperationEnded& news);
  void apply(Row& job, WallTime time, const StallSuspected& news);
  void apply(Row& job, WallTime time, const StallResolved& news);
  void apply(Row& job, WallTime time, const QuestionOpened& news);
  void apply(Row& job, WallTime time, const StageStarted& news);
  void apply(Row& job, WallTime time, const StageFinished& news);
  void apply(Row&, WallTime, const auto&) {}  // told or recorded; no row depends on it

  Database& database_;
  const Owner& me_;
  std::int64_t writer_;
  std::map<std::string, Row, std::less<>> rows_;
  std::string anonymous_;  ///< the trail of what belongs to no job; empty: nothing of this transaction did so far
  Counts counts_;
};

}  // namespace holdfast::store
