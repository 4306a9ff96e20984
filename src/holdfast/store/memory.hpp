#pragma once

#include <map>
#include <unordered_set>

#include "holdfast/store/image.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::store {

/// Everything in this process's memory; gone with it. Never fails, and has no owners: nobody else sees it. The chain of
/// hashes is made when it is read. Of the trails that belong to no job the newest two are kept.
class Memory : public Store {
 public:
  std::vector<Outcome> commit(std::span<const Transaction> transactions) override;
  void act_as(Owner owner) override { owner_ = std::move(owner); }
  result<bool> contains(SaveId save) override;
  result<std::optional<event::JobImage>> load(const std::string& job_id) override;
  result<void> let_go() override { return {}; }
  result<std::vector<JobRow>> jobs(const JobsQuery& query) override;
  result<std::optional<JobRow>> job(const std::string& job_id) override;
  result<std::vector<ProviderLock>> locks(const std::string& job_id) override;
  result<std::vector<FallbackDecision>> history(const std::string& job_id) override;
  result<std::vector<KeptRecord>> records(const std::string& job_id) override;
  result<Statistics> statistics() override;
  result<std::vector<std::string>> trails(const std::string& after, std::size_t limit) override;
  result<std::vector<AuditRecord>> trail(const std::string& job_id, std::uint64_t from, std::size_t limit) override;
  result<std::optional<TrailEnd>> trail_end(const std::string& job_id) override;
  result<AuditReport> verify(const std::string& job_id) override;
  result<Pruned> prune(WallTime closed_before, bool with_audit) override;

 private:
  struct Kept {
    Book book;
    std::vector<KeptRecord> records;
    std::size_t first = 0;    ///< of the records: what came before belongs to a job of this name that was pruned
    std::uint64_t order = 0;  ///< in which jobs were opened
    bool decided = false;
  };

  void keep_anonymous(const News& record, WallTime time, std::string& trail);
  /// Absent where it was never opened.
  const Kept* find(const std::string& job_id) const;

  std::map<std::string, Kept, std::less<>> jobs_;
  Owner owner_;
  Statistics statistics_;
  std::int64_t jobs_with_decision_ = 0;
  std::uint64_t opened_ = 0;
};

}  // namespace holdfast::store
