#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/listing.hpp"
#include "holdfast/store/audit.hpp"
#include "holdfast/store/image.hpp"
#include "holdfast/store/sqlite_database.hpp"

/// Rows ↔ values. Everything here throws `Fault`, and is called within a transaction.
namespace holdfast::store {

inline std::int64_t as_number(WallTime time) {
  return time.time_since_epoch().count();
}
/// Within the years that RFC 3339 can say, whatever a damaged row holds.
inline WallTime as_time(std::int64_t number) {
  constexpr std::int64_t year_10000_ms = 253'402'300'800'000;
  return WallTime(milliseconds(std::clamp<std::int64_t>(number, 0, year_10000_ms - 1)));
}

/// The inverse of `name`; what a damaged row holds counts as the last.
template <class Enum>
Enum enum_named(std::string_view said, Enum last) {
  for (int i = 0; i < static_cast<int>(last); ++i) {
    if (name(static_cast<Enum>(i)) == said) return static_cast<Enum>(i);
  }
  return last;
}

/// A list of texts as a JSON array.
std::string list_text(const std::vector<std::string>& list);

/// The row that stands for a job's trail; absent: nothing was ever recorded about it.
std::optional<std::int64_t> chain_key(Database& database, const std::string& job_id);

std::vector<ProviderLock> read_locks(Database& database, std::int64_t key, const std::string& job_id);
std::vector<FallbackDecision> read_decisions(Database& database, std::int64_t key, const std::string& job_id);
/// With the numbers of their records.
Consequences read_consequences(Database& database, std::int64_t key, const std::string& job_id);
std::vector<StandingConsent> read_consents(Database& database, std::int64_t key);
std::vector<Stage> read_stages(Database& database, std::int64_t key);
std::optional<Stage> read_stage(Database& database, std::int64_t key, std::string_view name);
std::shared_ptr<const JobPlan> read_plan(Database& database, std::int64_t key);
void write_plan(Database& database, std::int64_t key, const JobPlan& plan);
std::optional<Owner> read_owner(Database& database, std::int64_t writer);
AuditRecord audit_row(const Query& row, const std::string& job_id);
std::optional<AuditRecord> read_record(Database& database, std::int64_t key, const std::string& job_id,
                                       std::uint64_t seq);

}  // namespace holdfast::store
