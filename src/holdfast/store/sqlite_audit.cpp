#include <limits>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/store/audit.hpp"
#include "holdfast/store/image.hpp"
#include "holdfast/store/sqlite.hpp"
#include "holdfast/store/sqlite_rows.hpp"

/// The part of `Sqlite` that looks after the trail: reading, checking, taking away.
namespace holdfast::store {
namespace {

// In one transaction, so that nobody waits long for the write lock. A trail alone may have ten thousand records.
constexpr std::int64_t pruned_jobs_at_once = 200, pruned_trails_at_once = 20;

std::int64_t bounded(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, std::numeric_limits<std::int64_t>::max()));
}

std::vector<std::int64_t> keys(Query query) {
  std::vector<std::int64_t> out;
  while (query.row())
    out.push_back(query.number(0));
  return out;
}

constexpr const char* select_trail =
    "SELECT seq, time, kind, data, previous, hash FROM audit WHERE job = ? AND seq >= ? ORDER BY seq";

/// What a job's row says that its trail says, too.
struct JobFacts {
  std::uint64_t first = 0, epoch = 0;
  std::string state{}, name{}, patience{};
  WallTime opened_at{};
  std::optional<WallTime> closed_at{};
};

std::optional<JobFacts> job_facts(Database& database, std::int64_t key) {
  Query query = database.query(
      "SELECT first_seq, epoch, state, name, patience, opened_at, closed_at FROM jobs WHERE job = ?", key);
  if (!query.row()) return std::nullopt;
  JobFacts row{query.size(0), query.size(1), query.text(2), query.text(3), query.text(4), as_time(query.number(5)), {}};
  if (!query.is_null(6)) row.closed_at = as_time(query.number(6));
  return row;
}

void note_difference(ChainCheck& check, const char* field, const std::string& stands, const std::string& said) {
  check.note(0, field, std::string("the job's ") + field + " is " + stands + " in the store; the trail says " + said);
}

/// The job as its trail tells it; absent: it tells of none. What differs is noted.
const Beginnings::Job* compare_job(const Beginnings& beginnings, const JobFacts& row, ChainCheck& check) {
  const Beginnings::Job* job = beginnings.find(row.first);
  if (job == nullptr) {
    job = beginnings.earliest();
    note_difference(check, "firstSeq", std::to_string(row.first),
                    job == nullptr ? "nothing of a job" : std::to_string(job->seq));
  }
  if (job == nullptr) return job;
  if (row.epoch != job->epoch) note_difference(check, "epoch", std::to_string(row.epoch), std::to_string(job->epoch));
  if (row.state != name(job->state)) note_difference(check, "state", row.state, std::string(name(job->state)));
  return job;
}

/// What the records from a job's beginning on make of it.
struct Retold {
  Consequences consequences{};
  Book book{};
  std::optional<WallTime> opened_at{};

  void add(const AuditRecord& record) {
    const auto said = decode(record);
    if (!said) return;
    consequences.add(record.seq, *said);
    book.add(*said, record.time);
    const auto* opened = std::get_if<JobOpened>(&*said);
    if (!opened_at || (opened != nullptr && !opened->resumed)) opened_at = record.time;
  }
};

void compare_times_and_names(const Retold& trail, const JobFacts& row, ChainCheck& check) {
  const auto shown = [](const std::optional<WallTime>& time) { return time ? rfc3339(*time) : "nothing"; };
  const event::JobImage& job = trail.book.image;
  if (row.name != job.name) note_difference(check, "name", row.name, job.name);
  if (row.patience != job.patience) note_difference(check, "patience", row.patience, job.patience);
  if (trail.opened_at != row.opened_at)
    note_difference(check, "openedAt", shown(row.opened_at), shown(trail.opened_at));
  if (trail.book.closed_at != row.closed_at)
    note_difference(check, "closedAt", shown(row.closed_at), shown(trail.book.closed_at));
}

/// A trail without a name.
std::string called(std::int64_t key) {
  return "(row " + std::to_string(key) + ")";
}

/// Takes one job's own rows away; its locks, decisions and all that hangs on it go along.
void prune_job(Database& database, std::int64_t key) {
  database.run(
      "UPDATE counters SET active_locks = active_locks - (SELECT count(*) FROM locks WHERE job = ? AND state = "
      "'active')",
      key);
  database.run("DELETE FROM jobs WHERE job = ?", key);
}

std::uint64_t prune_trail(Database& database, std::int64_t key) {
  const int records = database.run("DELETE FROM audit WHERE job = ?", key);
  database.run("DELETE FROM chains WHERE job = ?", key);
  return static_cast<std::uint64_t>(records);
}

}  // namespace

result<std::vector<std::string>> Sqlite::trails(const std::string& after, std::size_t limit) {
  try {
    const Scope scope(*database_, Scope::Kind::read);
    std::vector<std::string> out;
    Query query = database_->query(
        "SELECT id FROM chains c WHERE id > ? AND (count > 0 OR EXISTS(SELECT 1 FROM audit WHERE job = c.job)) "
        "ORDER BY id LIMIT ?",
        after, bounded(limit));
    while (query.row())
      out.push_back(query.text(0));
    return out;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<std::vector<AuditRecord>> Sqlite::trail(const std::string& job_id, std::uint64_t from, std::size_t limit) {
  try {
    const Scope scope(*database_, Scope::Kind::read);
    std::vector<AuditRecord> out;
    if (from > std::numeric_limits<std::int64_t>::max()) return out;  // no row has such a number
    const auto key = chain_key(*database_, job_id);
    if (!key) return out;
    Query query = database_->query(
        "SELECT seq, time, kind, data, previous, hash FROM audit WHERE job = ? AND seq >= ? ORDER BY seq LIMIT ?", *key,
        from, bounded(limit));
    while (query.row())
      out.push_back(audit_row(query, job_id));
    return out;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<std::optional<TrailEnd>> Sqlite::trail_end(const std::string& job_id) {
  try {
    const Scope scope(*database_, Scope::Kind::read);
    Query query = database_->query("SELECT count, last_hash FROM chains WHERE id = ?", job_id);
    if (!query.row()) return std::optional<TrailEnd>();
    return std::optional(TrailEnd{query.size(0), query.text(1)});
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<std::vector<std::string>> Sqlite::nameless_trails() {
  try {
    const Scope scope(*database_, Scope::Kind::read);
    std::vector<std::string> out;
    Query query = database_->query("SELECT DISTINCT job FROM audit WHERE job NOT IN (SELECT job FROM chains)");
    while (query.row())
      out.push_back(called(query.number(0)));
    return out;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<AuditReport> Sqlite::verify(const std::string& job_id) {
  try {
    AuditReport report;
    std::vector<std::int64_t> all;
    {
      const Scope scope(*database_, Scope::Kind::read);
      if (!job_id.empty()) {
        const auto key = chain_key(*database_, job_id);
        if (!key) return Failure{Errc::no_such_job, "the store has no trail of a job " + job_id};
        all.push_back(*key);
      } else {
        all = keys(database_->query("SELECT job FROM chains UNION SELECT job FROM audit UNION SELECT job FROM jobs"));
      }
    }
    // Job by job, so that nobody who writes waits for the whole of it.
    for (const std::int64_t key : all) {
      const Scope scope(*database_, Scope::Kind::read);
      verify_job(key, report);
    }
    return report;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

void Sqlite::verify_job(std::int64_t key, AuditReport& report) {
  std::string id = called(key);
  std::optional<TrailEnd> end;
  {
    Query query = database_->query("SELECT id, count, last_hash FROM chains WHERE job = ?", key);
    if (query.row()) {
      id = query.text(0);
      end = TrailEnd{query.size(1), query.text(2)};
    }
  }
  ChainCheck check(id, report);
  Beginnings beginnings;
  for (Query query = database_->query(select_trail, key, std::numeric_limits<std::int64_t>::min()); query.row();) {
    const AuditRecord record = audit_row(query, id);
    const auto said = check.next(record);
    if (said && !is_anonymous(id)) beginnings.add(record.seq, *said);
  }
  const auto row = job_facts(*database_, key);
  if (end) {
    check.end(end->count, end->last_hash);
  } else if (check.seen() != 0 || row) {
    check.end_unknown();
  }
  const Beginnings::Job* job = nullptr;
  if (row) {
    job = compare_job(beginnings, *row, check);
  } else if (end && beginnings.earliest() != nullptr && !beginnings.may_be_pruned()) {
    check.note(0, "job",
               "the job's row is gone, and its trail does not say that the job is over: pruning takes no other");
  }
  Retold trail;
  if (job != nullptr) {
    for (Query query = database_->query(select_trail, key, job->seq); query.row();)
      trail.add(audit_row(query, id));
    compare_times_and_names(trail, *row, check);
  }
  compare(trail.consequences, read_consequences(*database_, key, id), check);
}

result<Pruned> Sqlite::prune(WallTime closed_before, bool with_audit) {
  Pruned pruned;
  try {
    std::int64_t behind = 0;  // rows are walked once: no index is kept for what happens so seldom
    for (bool more = true; more;) {
      Scope scope(*database_, Scope::Kind::immediate);
      const auto over = keys(database_->query(
          "SELECT job FROM jobs WHERE job > ? AND closed_at < ? AND state IN ('done','cancelled','released') "
          "ORDER BY job LIMIT ?",
          behind, as_number(closed_before), pruned_jobs_at_once));
      if (!over.empty()) behind = over.back();
      std::vector<std::int64_t> trails;
      // Trails whose jobs an earlier pruning took away.
      if (with_audit && over.empty()) {
        trails = keys(database_->query(
            "SELECT c.job FROM chains c WHERE NOT EXISTS(SELECT 1 FROM jobs WHERE job = c.job) AND coalesce((SELECT "
            "time FROM audit a WHERE a.job = c.job AND a.seq = c.count), -1) < ? LIMIT ?",
            as_number(closed_before), pruned_trails_at_once));
      }
      database_->run("UPDATE control SET pruning = 1");
      std::uint64_t records = 0;
      for (const std::int64_t key : over) {
        prune_job(*database_, key);
        if (with_audit) records += prune_trail(*database_, key);
      }
      for (const std::int64_t key : trails)
        records += prune_trail(*database_, key);
      database_->run("UPDATE control SET pruning = 0");
      scope.commit();
      pruned.jobs += over.size();
      pruned.records += records;
      more = !over.empty() || !trails.empty();
    }
    return pruned;
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

}  // namespace holdfast::store
