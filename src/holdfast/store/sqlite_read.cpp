#include <algorithm>
#include <limits>

#include "holdfast/store/audit.hpp"
#include "holdfast/store/owner.hpp"
#include "holdfast/store/sqlite.hpp"
#include "holdfast/store/sqlite_rows.hpp"
#include "holdfast/store/sqlite_writer.hpp"

namespace holdfast::store {
namespace {

/// Runs `read` in a transaction, so that all it sees is of one moment.
template <class Read>
auto reading(Database& database, Read read) -> result<decltype(read())> {
  try {
    Scope scope(database, Scope::Kind::read);
    auto out = read();
    scope.commit();
    return out;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

/// A job's row, and whether its owner has died.
struct Found {
  std::int64_t key = 0;
  JobRow row{};
  std::optional<Owner> owner{};
  bool has_owner = false;
};

Found job_row(const Query& query) {
  Found out;
  out.key = query.number(1);
  out.row = {.job_id = query.text(0),
             .name = query.text(2),
             .patience = query.text(3),
             .state = enum_named(query.view(4), JobState::released),
             .epoch = query.size(5),
             .opened_at = as_time(query.number(6))};
  if (!query.is_null(7)) out.row.closed_at = as_time(query.number(7));
  out.has_owner = !query.is_null(8);
  return out;
}

/// By the process that owns it: what others have left open is not asked any more.
bool stall_asked_about(Database& database, std::int64_t job) {
  Query query = database.query(
      "SELECT EXISTS(SELECT 1 FROM operations o JOIN jobs j ON j.job = o.job AND j.owner = o.writer "
      "WHERE o.job = ? AND o.open_stall <> 0)",
      job);
  return query.row() && query.number(0) != 0;
}

JobRow filled(Database& database, Found found) {
  JobRow& row = found.row;
  row.locks = read_locks(database, found.key, row.job_id);
  row.plan = read_plan(database, found.key);
  const bool died = found.has_owner && (!found.owner || !alive(*found.owner));
  for (Stage& stage : read_stages(database, found.key)) {
    if (died && stage.row.state == StageState::running) stage.row.state = StageState::interrupted;
    row.stages.push_back(std::move(stage.row));
  }
  if (found.has_owner && !died) row.owner = found.owner;
  if (is_active(row.state)) row.consents = read_consents(database, found.key);
  if (row.state == JobState::running) {
    // A job file that nobody runs: its run has died, or could not write how it ended.
    const bool left = died || (row.plan && !found.has_owner);
    if (left) row.state = JobState::interrupted;
    if (row.owner && stall_asked_about(database, found.key)) row.state = JobState::waiting;
  }
  return std::move(row);
}

/// Reads one job with its owner; absent where it was never opened.
std::optional<Found> find_job(Database& database, const std::string& job_id) {
  static constexpr const char* sql =
      "SELECT c.id, j.job, j.name, j.patience, j.state, j.epoch, j.opened_at, j.closed_at, j.owner "
      "FROM jobs j JOIN chains c ON c.job = j.job WHERE c.id = ?";
  std::optional<Found> found;
  std::int64_t owner = 0;
  {
    Query query = database.query(sql, job_id);
    if (!query.row()) return found;
    found = job_row(query);
    owner = query.number(8);
  }
  if (found->has_owner) found->owner = read_owner(database, owner);
  return found;
}

/// Operations that began and never ended, and of which nobody who lives knows; and those that are on the record as
/// interrupted, and that nobody has answered for.
std::vector<event::LostOperation> lost_operations(Database& database, const Found& job, const Owner& me) {
  struct Open {
    std::uint64_t seq;
    std::int64_t writer;
    int open_stall, asks;
  };
  std::vector<Open> open;
  {
    Query query =
        database.query("SELECT seq, writer, open_stall, asks FROM operations WHERE job = ? ORDER BY seq", job.key);
    while (query.row()) {
      open.push_back(
          {query.size(0), query.number(1), static_cast<int>(query.number(2)), static_cast<int>(query.number(3))});
    }
  }
  std::vector<event::LostOperation> lost;
  const bool mine = holder(job.owner, me) == Holder::me;
  for (const Open& each : open) {
    const bool ended = each.writer == 0;
    const Holder by = ended ? Holder::nobody : holder(read_owner(database, each.writer), me);
    if (by == Holder::another || (mine && by == Holder::me)) continue;  // it runs, whoever has the job
    const auto record = read_record(database, job.key, job.row.job_id, each.seq);
    const auto said = record ? decode(*record) : result<News>(Failure{});
    const auto* started = said ? std::get_if<OperationStarted>(&*said) : nullptr;
    if (started != nullptr) lost.push_back({*started, record->time, each.open_stall, each.asks, ended});
  }
  return lost;
}

}  // namespace

result<std::optional<event::JobImage>> Sqlite::load_job(const std::string& job_id, bool may_take, bool& must_take) {
  must_take = false;
  const auto found = find_job(*database_, job_id);
  if (!found) return std::optional<event::JobImage>();
  const Holder by = found->has_owner && !found->owner ? Holder::dead : holder(found->owner, owner_);
  if (by == Holder::another) return Failure{Errc::store_held, held(job_id, *found->owner)};
  event::JobImage image{.name = found->row.name,
                        .patience = found->row.patience,
                        .state = by == Holder::dead ? JobState::interrupted : found->row.state,
                        .epoch = found->row.epoch,
                        .locks = read_locks(*database_, found->key, job_id),
                        .consents = read_consents(*database_, found->key),
                        .finished_stages = {},
                        .lost = lost_operations(*database_, *found, owner_)};
  for (const Stage& stage : read_stages(*database_, found->key)) {
    if (stage.finished) image.finished_stages.push_back(stage.row.stage_name);
  }
  // Who finds operations that nobody knows of is the one to ask about them.
  const bool running = !std::ranges::all_of(image.lost, &event::LostOperation::ended);
  const bool unowned = by == Holder::nobody && has_owner(found->row.state) && running;
  must_take = by == Holder::dead || unowned;
  if (must_take && may_take) {
    const std::int64_t writer = write_writer();
    database_->run("UPDATE jobs SET owner = ? WHERE job = ?", writer, found->key);
    must_take = false;
  }
  return std::optional(std::move(image));
}

result<std::optional<event::JobImage>> Sqlite::load(const std::string& job_id) {
  try {
    if (unknown_) decide();
    bool must_take = false;
    {
      Scope scope(*database_, Scope::Kind::read);
      auto image = load_job(job_id, false, must_take);
      scope.commit();
      if (!must_take) return image;
    }
    // Looked at again under the write lock: of two processes that find a dead owner, one takes over.
    ++group_;
    Scope scope(*database_, Scope::Kind::immediate);
    auto image = load_job(job_id, true, must_take);
    scope.commit();
    return image;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<std::vector<std::string>> Sqlite::left_running(const std::string& program) {
  return reading(*database_, [&] {
    std::vector<std::pair<std::string, std::int64_t>> open;
    {
      Query query = database_->query(
          "SELECT DISTINCT c.id, o.writer FROM operations o JOIN writers w ON w.writer = o.writer "
          "JOIN chains c ON c.job = o.job JOIN jobs j ON j.job = o.job "
          "WHERE w.program = ? AND " HOLDFAST_ACTIVE_JOBS " ORDER BY o.job",
          program);
      while (query.row())
        open.emplace_back(query.text(0), query.number(1));
    }
    std::map<std::int64_t, bool> dead;  // few have written, and each is looked up in /proc
    std::vector<std::string> jobs;
    for (auto& [job, writer] : open) {
      const auto [known, fresh] = dead.try_emplace(writer);
      if (fresh) known->second = holder(read_owner(*database_, writer), owner_) == Holder::dead;
      if (known->second && (jobs.empty() || jobs.back() != job)) jobs.push_back(std::move(job));
    }
    return jobs;
  });
}

result<std::vector<JobRow>> Sqlite::jobs(const JobsQuery& query) {
  static constexpr const char* all =
      "SELECT c.id, j.job, j.name, j.patience, j.state, j.epoch, j.opened_at, j.closed_at, j.owner "
      "FROM jobs j JOIN chains c ON c.job = j.job WHERE (j.opened_at, j.job) < (?, ?) "
      "ORDER BY j.opened_at DESC, j.job DESC LIMIT ?";
  static constexpr const char* active =
      "SELECT c.id, j.job, j.name, j.patience, j.state, j.epoch, j.opened_at, j.closed_at, j.owner "
      "FROM jobs j JOIN chains c ON c.job = j.job WHERE (j.opened_at, j.job) < (?, ?) "
      "AND " HOLDFAST_ACTIVE_JOBS " ORDER BY j.opened_at DESC, j.job DESC LIMIT ?";
  auto rows = reading(*database_, [&]() -> std::optional<std::vector<JobRow>> {
    std::pair<std::int64_t, std::int64_t> after(std::numeric_limits<std::int64_t>::max(), 0);
    if (!query.after.empty()) {
      const auto last = find_job(*database_, query.after);
      if (!last) return std::nullopt;
      after = {as_number(last->row.opened_at), last->key};
    }
    std::vector<std::pair<Found, std::int64_t>> found;
    {
      const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(query.limit, 1'000'000));
      Query each = database_->query(query.active_only ? active : all, after.first, after.second, limit);
      while (each.row())
        found.emplace_back(job_row(each), each.number(8));
    }
    std::vector<JobRow> out;
    for (auto& [job, owner] : found) {
      if (job.has_owner) job.owner = read_owner(*database_, owner);
      out.push_back(filled(*database_, std::move(job)));
    }
    return out;
  });
  if (!rows) return rows.error();
  if (!*rows) {
    return Failure{Errc::no_such_job, "the list was to go on behind job " + query.after + ", which is not there"};
  }
  return std::move(**rows);
}

result<std::optional<JobRow>> Sqlite::job(const std::string& job_id) {
  return reading(*database_, [&]() -> std::optional<JobRow> {
    auto found = find_job(*database_, job_id);
    if (!found) return std::nullopt;
    return filled(*database_, std::move(*found));
  });
}

result<std::vector<ProviderLock>> Sqlite::locks(const std::string& job_id) {
  return reading(*database_, [&] {
    const auto key = chain_key(*database_, job_id);
    return key ? read_locks(*database_, *key, job_id) : std::vector<ProviderLock>();
  });
}

result<std::vector<FallbackDecision>> Sqlite::history(const std::string& job_id) {
  return reading(*database_, [&] {
    const auto key = chain_key(*database_, job_id);
    return key ? read_decisions(*database_, *key, job_id) : std::vector<FallbackDecision>();
  });
}

result<std::vector<KeptRecord>> Sqlite::records(const std::string& job_id) {
  const auto audit = trail(job_id, 1, std::numeric_limits<std::size_t>::max());
  if (!audit) return audit.error();
  std::vector<KeptRecord> out;
  for (const AuditRecord& record : *audit) {
    auto said = decode(record);
    if (!said) {
      return Failure{Errc::store_unavailable, "record " + std::to_string(record.seq) + " of job " + job_id +
                                                  " cannot be read: " + said.error().message};
    }
    out.push_back({record.seq, record.time, std::move(*said)});
  }
  return out;
}

result<Statistics> Sqlite::statistics() {
  return reading(*database_, [&] {
    Statistics all;
    Query row = database_->query(
        "SELECT jobs, jobs_with_decision, active_locks, decisions, user_requested, error_triggered, after_stall, "
        "stall_questions, stalls_resolved_by_progress FROM counters");
    if (!row.row()) return all;
    all.total_jobs = row.number(0);
    if (all.total_jobs != 0) {
      all.fallback_rate = static_cast<double>(row.number(1)) / static_cast<double>(all.total_jobs);
    }
    all.active_locks = row.number(2);
    all.total_fallback_decisions = row.number(3);
    all.user_requested_fallbacks = row.number(4);
    all.error_triggered_fallbacks = row.number(5);
    all.after_stall_fallbacks = row.number(6);
    all.stall_questions = row.number(7);
    all.stalls_resolved_by_progress = row.number(8);
    return all;
  });
}

}  // namespace holdfast::store
