#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/store/store.hpp"

/// The chain of records: how one is made, how it is read again, and what is wrong with a sequence of them.
namespace holdfast::store {

/// Of the findings of one check, at most so many are told: whoever has a thousand of them needs the backup, not a list.
inline constexpr std::size_t findings_max = 1000;

/// SHA-256 in lower-case hex.
std::string sha256(std::string_view bytes);

/// The bytes whose SHA-256 is the record's hash: the canonical JSON of data, jobId, kind, previous, seq and time.
std::string hashed_text(const AuditRecord& record);
/// A record as one line of an export: the canonical JSON of the same and of hash.
std::string record_line(const AuditRecord& record);
std::string hash_of(const AuditRecord& record);

/// What belongs to no job has trails of its own, one after the other for each day (UTC): "anonymous/2026-11-23/00001".
/// A new one begins with the transaction behind which the last is full, so that none is too long to be checked or taken
/// away in one go.
inline constexpr std::uint64_t anonymous_records_max = 10000;
bool is_anonymous(std::string_view trail);
/// What the names of the trails of that day begin with; they follow each other in the order of their names.
std::string anonymous_day(WallTime day);
/// The trail that a transaction of that day goes to. `last`: the newest of the day, and its count; empty: there is
/// none.
std::string anonymous_trail(WallTime day, std::string_view last, std::uint64_t count);

/// The record of `news`, which `is_record` and is redacted; of its job's trail, unless another is named. The
/// operation's id, where there is one, stands in `data` as `operationId`, so that it is hashed like all else.
AuditRecord make_record(std::string previous, std::uint64_t seq, WallTime time, const News& news,
                        const std::string& trail = {});
/// What a record says. The failure names the key that is wrong.
result<News> decode(const AuditRecord& record);

/// Goes along the records of one job, and notes what the chain does not allow.
///
/// A fault is noted once, where it stands: behind it the chain is taken up again with what was found.
class ChainCheck {
 public:
  ChainCheck(std::string job_id, AuditReport& report) : job_id_(std::move(job_id)), report_(report) {}

  /// What the record says, where that can be read.
  std::optional<News> next(const AuditRecord& record);
  /// After the last record: what the job's own row says of their number and of the last hash.
  void end(std::uint64_t count, std::string_view last_hash);
  /// Where that row is gone.
  void end_unknown();
  void note(std::uint64_t seq, std::string field, std::string message);
  std::uint64_t seen() const { return seen_; }
  const std::string& last_hash() const { return last_hash_; }

 private:
  std::string job_id_;
  AuditReport& report_;
  std::uint64_t last_seq_ = 0, seen_ = 0;
  std::string last_hash_;
};

/// Where in its trail the job began that stands in the store.
///
/// A job that is pruned leaves its trail, and the next of its name goes on in it, with epochs from 0. So a job can have
/// begun with the first record that makes one, and with the first behind each end of one that may be pruned; the epochs
/// of the locks that follow say with which of these it did not.
class Beginnings {
 public:
  /// A job as it would be now, had it begun with the record `seq`.
  struct Job {
    std::uint64_t seq = 0, epoch = 0;
    JobState state = JobState::running;
  };

  void add(std::uint64_t seq, const News& record);
  const Job* find(std::uint64_t seq) const;
  /// Absent: no record makes a job.
  const Job* earliest() const { return jobs_.empty() ? nullptr : &jobs_.front(); }
  /// Whether pruning can have taken it.
  bool may_be_pruned() const;

 private:
  void follow(std::uint64_t epoch);

  std::vector<Job> jobs_;
};

struct LockKept {
  ProviderLock lock{};
  std::optional<std::uint64_t> ended_epoch{};  ///< the job's, when it ended
};

struct DecisionKept {
  FallbackDecision decision{};
  std::optional<std::uint64_t> moves_to{};  ///< the epoch to which it may move locks
};

/// Locks, answers, decisions and consents of one job, by the number of the record that made them.
struct Consequences {
  std::uint64_t epoch = 0;  ///< of the job, so far
  std::map<std::uint64_t, LockKept> locks{};
  std::map<std::uint64_t, QuestionAnswered> answers{};
  std::map<std::uint64_t, DecisionKept> decisions{};
  std::map<std::uint64_t, ConsentGiven> consents{};
  std::map<std::uint64_t, ConsentApplied> unfounded{};  ///< applied, though no record in front says that it was given

  void add(std::uint64_t seq, const News& record);
};

/// Notes every lock, answer, decision and consent that stands in the rows and not in the records, or the other way
/// round, or differs, by the field that does; and every consent that was applied and not given.
void compare(const Consequences& records, const Consequences& rows, ChainCheck& check);

}  // namespace holdfast::store
