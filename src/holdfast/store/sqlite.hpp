#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "holdfast/store/sqlite_database.hpp"
#include "holdfast/store/sqlite_schema.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::store {

struct SqliteOptions {
  std::string vfs{};  ///< SQLite's file layer; empty: its own
  std::span<const Migration> migrations = store::migrations();
  Empty empty = Empty::filled;
};

/// Everything in one SQLite file: any number of processes read it, and write it one after the other.
///
/// A span of transactions is one SQLite transaction with one sync. Where one breaks a rule of the tables, they are
/// written once more with a savepoint each, so that it is undone alone. What a caller could do wrong to a lock, an
/// epoch, a decision or the trail the tables themselves refuse.
///
/// Threads: one at a time. Errors: values; a full disk or a failing one is an outcome, and the store works again when
/// the disk does. Owns: one connection. Who has not said `act_as` acts as this process, without a socket.
class Sqlite : public Store {
 public:
  static result<std::unique_ptr<Store>> open(const std::string& path, const SqliteOptions& options = {});

  void act_as(Owner owner) override;
  std::vector<Outcome> commit(std::span<const Transaction> transactions) override;
  result<bool> contains(SaveId save) override;
  result<std::optional<event::JobImage>> load(const std::string& job_id) override;
  result<void> let_go() override;
  result<void> check_writable() override;
  result<std::vector<std::string>> left_running(const std::string& program) override;
  result<std::vector<JobRow>> jobs(const JobsQuery& query) override;
  result<std::optional<JobRow>> job(const std::string& job_id) override;
  result<std::vector<ProviderLock>> locks(const std::string& job_id) override;
  result<std::vector<FallbackDecision>> history(const std::string& job_id) override;
  result<std::vector<KeptRecord>> records(const std::string& job_id) override;
  result<Statistics> statistics() override;
  result<std::vector<std::string>> trails(const std::string& after, std::size_t limit) override;
  result<std::vector<AuditRecord>> trail(const std::string& job_id, std::uint64_t from, std::size_t limit) override;
  result<std::optional<TrailEnd>> trail_end(const std::string& job_id) override;
  result<std::vector<std::string>> nameless_trails() override;
  result<AuditReport> verify(const std::string& job_id) override;
  result<Pruned> prune(WallTime closed_before, bool with_audit) override;

 private:
  explicit Sqlite(std::unique_ptr<Database> database);

  /// A group that was committed without a word about what became of it.
  struct Unknown {
    std::int64_t group = 0;
    std::vector<std::uint64_t> saves{};
  };

  /// One outcome each; throws the fault that undid all of them.
  std::vector<Outcome> commit_group(std::span<const Transaction> transactions);
  /// Begins, and writes all of them. False where one is refused: then nothing of any is written.
  bool write_together(std::span<const Transaction> transactions);
  /// Begins, and writes those that are not refused: each has a savepoint of its own.
  std::vector<Outcome> write_one_by_one(std::span<const Transaction> transactions);
  /// Says who writes. Within the transaction of each commit, so that it is there with the first.
  std::int64_t write_writer();
  std::vector<Outcome> after_broken_commit(std::vector<Outcome> outcomes, const std::string& why);
  /// Whether the group whose outcome is unknown is there. Throws where the file cannot be read or written.
  bool decide();
  /// Nothing where the job has to be taken over and `may_take` is false.
  result<std::optional<event::JobImage>> load_job(const std::string& job_id, bool may_take, bool& must_take);
  void verify_job(std::int64_t key, AuditReport& report);

  std::unique_ptr<Database> database_;
  Owner owner_;
  std::string token_;       ///< of this store object, among all that ever wrote the file
  std::int64_t group_ = 0;  ///< number of the last commit tried
  std::optional<Unknown> unknown_;
  std::unordered_map<std::uint64_t, bool> decided_;  ///< what became of saves that were unknown
};

}  // namespace holdfast::store
