#include "holdfast/store/memory.hpp"

#include "holdfast/store/image.hpp"

namespace holdfast::store {

std::vector<Outcome> Memory::commit(std::span<const Transaction> transactions) {
  for (const Transaction& transaction : transactions) {
    for (const News& record : transaction.records) {
      Kept& job = jobs_[job_of(record)];
      fold(job.image, record);
      job.records.push_back({job.records.size() + 1, transaction.time, record});
      count(statistics_, record);
      if (std::holds_alternative<FallbackDecision>(record) && !std::exchange(job.decided, true)) ++jobs_with_decision_;
    }
  }
  return std::vector<Outcome>(transactions.size());
}

result<bool> Memory::contains(SaveId) {
  return true;
}  // no commit of this store has an unknown outcome

result<std::optional<event::JobImage>> Memory::load(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) return std::optional<event::JobImage>();
  return std::optional(found->second.image);
}

result<std::vector<ProviderLock>> Memory::locks(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  return found == jobs_.end() ? std::vector<ProviderLock>() : found->second.image.locks;
}

result<std::vector<FallbackDecision>> Memory::history(const std::string& job_id) {
  std::vector<FallbackDecision> decisions;
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) return decisions;
  for (const KeptRecord& kept : found->second.records) {
    if (const auto* decision = std::get_if<FallbackDecision>(&kept.record)) decisions.push_back(*decision);
  }
  return decisions;
}

result<std::vector<KeptRecord>> Memory::records(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  return found == jobs_.end() ? std::vector<KeptRecord>() : found->second.records;
}

result<Statistics> Memory::statistics() {
  Statistics all = statistics_;
  all.total_jobs = static_cast<std::int64_t>(jobs_.size());
  for (const auto& [id, job] : jobs_) {
    for (const ProviderLock& lock : job.image.locks)
      all.active_locks += lock.active() ? 1 : 0;
  }
  if (all.total_jobs != 0) {
    all.fallback_rate = static_cast<double>(jobs_with_decision_) / static_cast<double>(all.total_jobs);
  }
  return all;
}

result<std::vector<JobRow>> Memory::jobs(const JobsQuery&) {
  return std::vector<JobRow>();
}

result<std::optional<JobRow>> Memory::job(const std::string&) {
  return std::optional<JobRow>();
}

result<std::vector<AuditRecord>> Memory::trail(const std::string&, std::uint64_t, std::size_t) {
  return std::vector<AuditRecord>();
}

result<AuditReport> Memory::verify(const std::string&) {
  return AuditReport{};
}

result<Pruned> Memory::prune(WallTime, bool) {
  return Pruned{};
}

}  // namespace holdfast::store
