#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/core/event.hpp"
#include "holdfast/core/listing.hpp"
#include "holdfast/core/news.hpp"

namespace holdfast {

/// A record as it is kept: what happened, when, and its place in its job's trail.
struct KeptRecord {
  std::uint64_t seq = 0;  ///< from 1, per job, without gaps
  WallTime time{};
  News record{};
};

/// A record as it stands in the chain: `hash` is the SHA-256 of all that stands before it, canonical (RFC 8785).
struct AuditRecord {
  std::uint64_t seq = 0;
  WallTime time{};
  std::string kind{};  ///< "lock.created": the name of its event
  std::string job_id{};
  std::string data{};      ///< canonical JSON
  std::string previous{};  ///< hash of the record before, in hex; empty for the first
  std::string hash{};

  bool operator==(const AuditRecord&) const = default;
};

/// Something that the trail should say and does not, or says and should not.
struct AuditFinding {
  std::string job_id{};
  std::uint64_t seq = 0;  ///< of the record; 0: of the job as a whole
  std::string field{};    ///< "hash", "previous", "seq", "count", "toProvider", …
  std::string message{};  ///< a sentence: what stands there, and what should
};

/// What `verify` saw.
struct AuditReport {
  std::uint64_t jobs = 0, records = 0;
  std::vector<AuditFinding> findings{};
};

/// Where a trail ends by its own row, whatever stands there of it.
struct TrailEnd {
  std::uint64_t count = 0;
  std::string last_hash{};
};

/// Which jobs to list: newest first.
struct JobsQuery {
  bool active_only = false;  ///< running, waiting, interrupted, failed
  std::string after{};       ///< the id of the last one seen; empty: from the newest
  std::size_t limit = 100;
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
  std::string why{};                    ///< failed and unknown
  Errc code = Errc::store_unavailable;  ///< failed: or store_held, stale_epoch
};

/// What was taken away by `prune`.
struct Pruned {
  std::uint64_t jobs = 0, records = 0;
};

/// What outlives the operation, and with a disk behind it the process.
///
/// Threads: one at a time; the gateway's store thread. Errors: values, never exceptions.
class Store {
 public:
  virtual ~Store() = default;

  /// Who acts through this store from now on. Jobs that it changes become its own with the change.
  virtual void act_as(Owner owner) = 0;
  /// Commits in order, each transaction whole or not at all; one sync may serve all of them. One outcome each.
  /// A transaction about a job that a living process owns fails with `store_held`.
  virtual std::vector<Outcome> commit(std::span<const Transaction> transactions) = 0;
  /// Whether a transaction whose outcome was `unknown` is there.
  virtual result<bool> contains(SaveId save) = 0;
  /// The job, taken over for this owner where its last one is dead, with the operations that nobody has answered for
  /// since. Absent: never heard of the job. Fails with `store_held`, naming the process, where a living one owns it.
  virtual result<std::optional<event::JobImage>> load(const std::string& job_id) = 0;
  /// Gives back every job that this owner holds: it ends in an orderly way.
  virtual result<void> let_go() = 0;

  /// Whether a transaction could be begun and written to now: fails with `store_unavailable`. Changes nothing and waits
  /// for no disk. A store that cannot say is taken for one that can.
  virtual result<void> check_writable() { return {}; }

  // Reads: nothing is taken over.

  /// The jobs, those that are over left out, of which a process of that program, dead now, has left an operation
  /// running. A store without owners knows of none.
  virtual result<std::vector<std::string>> left_running(const std::string& /*program*/) {
    return std::vector<std::string>();
  }
  virtual result<std::vector<JobRow>> jobs(const JobsQuery& query) = 0;
  virtual result<std::optional<JobRow>> job(const std::string& job_id) = 0;
  virtual result<std::vector<ProviderLock>> locks(const std::string& job_id) = 0;
  /// All decisions of a job, oldest first.
  virtual result<std::vector<FallbackDecision>> history(const std::string& job_id) = 0;
  virtual result<std::vector<KeptRecord>> records(const std::string& job_id) = 0;
  virtual result<Statistics> statistics() = 0;

  // The audit trail.

  /// The ids of the jobs that have a trail, also where `prune` took the job itself away: in their own order, those
  /// behind `after` (empty: from the first), at most `limit`.
  virtual result<std::vector<std::string>> trails(const std::string& after, std::size_t limit) = 0;
  /// Records of one job from number `from` on, at most `limit`.
  virtual result<std::vector<AuditRecord>> trail(const std::string& job_id, std::uint64_t from, std::size_t limit) = 0;
  /// Absent: there is no trail of that job.
  virtual result<std::optional<TrailEnd>> trail_end(const std::string& job_id) = 0;
  /// Trails that have lost their own row, and with it their name; called by its number, "(row 7)".
  virtual result<std::vector<std::string>> nameless_trails() { return std::vector<std::string>(); }
  /// Checks the chain of one job, or of all (empty), and that every lock, answer, decision and consent has its record.
  virtual result<AuditReport> verify(const std::string& job_id) = 0;
  /// Takes away jobs that were closed before `closed_before`; their trails only `with_audit`.
  virtual result<Pruned> prune(WallTime closed_before, bool with_audit) = 0;
};

/// What becomes of a file that is there and empty. SQLite leaves one where the very first transaction was interrupted;
/// but it may also have held everything, and whoever only looks must not make that look whole.
enum class Empty : unsigned char { filled, refused };

/// "memory:" or "sqlite:PATH". Anything else is refused with the forms that are known.
result<std::unique_ptr<Store>> open(const std::string& url, Empty empty = Empty::filled);

}  // namespace holdfast::store
