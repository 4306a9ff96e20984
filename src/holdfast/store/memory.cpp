#include "holdfast/store/memory.hpp"

#include <algorithm>

#include "holdfast/core/anonymous.hpp"
#include "holdfast/store/audit.hpp"
#include "holdfast/store/redact.hpp"

namespace holdfast::store {

std::vector<Outcome> Memory::commit(std::span<const Transaction> transactions) {
  for (const Transaction& transaction : transactions) {
    std::string anonymous;
    for (const News& each : transaction.records) {
      const News record = redacted(each);
      if (job_of(record).empty()) {
        keep_anonymous(record, transaction.time, anonymous);
        continue;
      }
      Kept& job = jobs_[job_of(record)];
      const auto* opened = std::get_if<JobOpened>(&record);
      if (opened != nullptr && (!opened->resumed || !job.book.opened)) job.order = ++opened_;
      if (opened != nullptr && !job.book.opened) {
        ++statistics_.total_jobs;
        job.first = job.records.size();
      }
      job.book.add(record, transaction.time);
      if (is_record(record)) job.records.push_back({job.records.size() + 1, transaction.time, record});
      count(statistics_, record);
      if (std::holds_alternative<FallbackDecision>(record) && !std::exchange(job.decided, true)) ++jobs_with_decision_;
    }
  }
  return std::vector<Outcome>(transactions.size());
}

void Memory::keep_anonymous(const News& record, WallTime time, std::string& trail) {
  if (!is_record(record)) return;
  if (trail.empty()) {
    const std::string day = anonymous_day(time);
    const auto behind = jobs_.lower_bound(day + ":");  // the character behind the digits
    const bool known = behind != jobs_.begin() && std::prev(behind)->first.starts_with(day);
    trail = known ? anonymous_trail(time, std::prev(behind)->first, std::prev(behind)->second.records.size())
                  : anonymous_trail(time, {}, 0);
  }
  std::vector<KeptRecord>& records = jobs_[trail].records;
  records.push_back({records.size() + 1, time, record});
  const auto begin = jobs_.lower_bound(anonymous_prefix);
  const auto end = std::find_if_not(begin, jobs_.end(), [](const auto& each) { return is_anonymous(each.first); });
  if (std::distance(begin, end) > 2) jobs_.erase(begin);
}

result<bool> Memory::contains(SaveId) {
  return true;
}  // no commit of this store has an unknown outcome

const Memory::Kept* Memory::find(const std::string& job_id) const {
  const auto found = jobs_.find(job_id);
  return found == jobs_.end() || !found->second.book.opened ? nullptr : &found->second;
}

result<std::optional<event::JobImage>> Memory::load(const std::string& job_id) {
  const Kept* job = find(job_id);
  return job == nullptr ? std::optional<event::JobImage>() : std::optional(job->book.image);
}

result<std::vector<ProviderLock>> Memory::locks(const std::string& job_id) {
  const Kept* job = find(job_id);
  return job == nullptr ? std::vector<ProviderLock>() : job->book.image.locks;
}

result<std::vector<FallbackDecision>> Memory::history(const std::string& job_id) {
  std::vector<FallbackDecision> decisions;
  const Kept* job = find(job_id);
  if (job == nullptr) return decisions;
  for (const KeptRecord& kept : std::span(job->records).subspan(job->first)) {
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
  for (const auto& [id, job] : jobs_) {
    for (const ProviderLock& lock : job.book.image.locks)
      all.active_locks += lock.active() ? 1 : 0;
  }
  if (all.total_jobs != 0) {
    all.fallback_rate = static_cast<double>(jobs_with_decision_) / static_cast<double>(all.total_jobs);
  }
  return all;
}

result<std::vector<JobRow>> Memory::jobs(const JobsQuery& query) {
  const auto newer = [](const auto* a, const auto* b) {
    return std::pair(a->second.book.opened_at, a->second.order) > std::pair(b->second.book.opened_at, b->second.order);
  };
  std::vector<decltype(jobs_)::const_pointer> all;
  decltype(jobs_)::const_pointer after = nullptr;
  for (const auto& each : jobs_) {
    if (!each.second.book.opened) continue;
    if (each.first == query.after) after = &each;
    if (!query.active_only || is_active(each.second.book.image.state)) all.push_back(&each);
  }
  if (!query.after.empty() && after == nullptr) {
    return Failure{Errc::no_such_job, "the list was to go on behind job " + query.after + ", which is not there"};
  }
  std::ranges::sort(all, newer);
  std::vector<JobRow> rows;
  for (const auto* each : all) {
    if (rows.size() == query.limit) break;
    if (after == nullptr || newer(after, each)) rows.push_back(each->second.book.row(each->first));
  }
  return rows;
}

result<std::optional<JobRow>> Memory::job(const std::string& job_id) {
  const Kept* job = find(job_id);
  return job == nullptr ? std::optional<JobRow>() : std::optional(job->book.row(job_id));
}

result<std::vector<std::string>> Memory::trails(const std::string& after, std::size_t limit) {
  std::vector<std::string> out;
  for (auto each = after.empty() ? jobs_.begin() : jobs_.upper_bound(after); each != jobs_.end(); ++each) {
    if (out.size() == limit) break;
    if (!each->second.records.empty()) out.push_back(each->first);
  }
  return out;
}

result<std::vector<AuditRecord>> Memory::trail(const std::string& job_id, std::uint64_t from, std::size_t limit) {
  std::vector<AuditRecord> out;
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) return out;
  std::string previous;
  for (const KeptRecord& kept : found->second.records) {
    AuditRecord record = make_record(previous, kept.seq, kept.time, kept.record, job_id);
    previous = record.hash;
    if (kept.seq >= from && out.size() < limit) out.push_back(std::move(record));
  }
  return out;
}

result<std::optional<TrailEnd>> Memory::trail_end(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end() || found->second.records.empty()) return std::optional<TrailEnd>();
  const std::uint64_t count = found->second.records.size();
  return std::optional(TrailEnd{count, trail(job_id, count, 1)->at(0).hash});
}

result<AuditReport> Memory::verify(const std::string& job_id) {
  AuditReport report;
  if (!job_id.empty() && !jobs_.contains(job_id)) {
    return Failure{Errc::no_such_job, "the store has no trail of a job " + job_id};
  }
  for (const auto& [id, job] : jobs_) {
    if (job.records.empty() || (!job_id.empty() && id != job_id)) continue;
    ++report.jobs;  // what is kept is the records themselves: there is nothing that could differ from them
    report.records += job.records.size();
  }
  return report;
}

result<Pruned> Memory::prune(WallTime closed_before, bool with_audit) {
  Pruned pruned;
  for (auto each = jobs_.begin(); each != jobs_.end();) {
    Kept& job = each->second;
    const bool over = job.book.opened && is_over(job.book.image.state) && job.book.closed_at < closed_before;
    const bool left_over = !job.book.opened && !job.records.empty() && job.records.back().time < closed_before;
    if (over) {
      ++pruned.jobs;
      job.book = {};
      job.decided = false;
    }
    if (with_audit && (over || left_over)) {
      pruned.records += job.records.size();
      each = jobs_.erase(each);
    } else {
      ++each;
    }
  }
  return pruned;
}

}  // namespace holdfast::store
