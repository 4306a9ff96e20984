#include "holdfast/store/sqlite_writer.hpp"

#include "holdfast/store/audit.hpp"
#include "holdfast/store/redact.hpp"
#include "holdfast/store/sqlite_rows.hpp"

namespace holdfast::store {

Errc code_of(const Fault& constraint) {
  const std::string_view what = constraint.what();
  if (what.find("stale epoch") != std::string_view::npos) return Errc::stale_epoch;
  if (what.find("silent switch") != std::string_view::npos) return Errc::confirmation_required;
  return Errc::invalid_argument;
}

Holder holder(const std::optional<Owner>& owner, const Owner& me) {
  if (!owner) return Holder::nobody;
  if (same_process(*owner, me)) return Holder::me;
  return alive(*owner) ? Holder::another : Holder::dead;
}

std::string held(const std::string& job_id, const Owner& owner) {
  return "job " + job_id + " is held by " + text(owner) + ", which is running; talk to that one, or end it first";
}

void Counts::add(const Counts& other) {
  statistics.total_jobs += other.statistics.total_jobs;
  statistics.active_locks += other.statistics.active_locks;
  statistics.total_fallback_decisions += other.statistics.total_fallback_decisions;
  statistics.user_requested_fallbacks += other.statistics.user_requested_fallbacks;
  statistics.error_triggered_fallbacks += other.statistics.error_triggered_fallbacks;
  statistics.after_stall_fallbacks += other.statistics.after_stall_fallbacks;
  statistics.stall_questions += other.statistics.stall_questions;
  statistics.stalls_resolved_by_progress += other.statistics.stalls_resolved_by_progress;
  jobs_with_decision += other.jobs_with_decision;
}

void Counts::write(Database& database) const {
  database.run(
      "UPDATE counters SET jobs = jobs + ?, jobs_with_decision = jobs_with_decision + ?, "
      "active_locks = active_locks + ?, decisions = decisions + ?, user_requested = user_requested + ?, "
      "error_triggered = error_triggered + ?, after_stall = after_stall + ?, stall_questions = stall_questions + ?, "
      "stalls_resolved_by_progress = stalls_resolved_by_progress + ?",
      statistics.total_jobs, jobs_with_decision, statistics.active_locks, statistics.total_fallback_decisions,
      statistics.user_requested_fallbacks, statistics.error_triggered_fallbacks, statistics.after_stall_fallbacks,
      statistics.stall_questions, statistics.stalls_resolved_by_progress);
}

void Writer::write(const Transaction& transaction) {
  std::vector<News> records;  // until the rows of locks are written
  records.reserve(transaction.records.size());
  for (const News& news : transaction.records) {
    records.push_back(redacted(news));
    record(row_of(trail_of(news, transaction.time)), transaction.time, records.back());
  }
  for (auto& [id, row] : rows_)
    write_back(row);
}

const std::string& Writer::trail_of(const News& news, WallTime time) {
  const std::string& job = job_of(news);
  if (!job.empty()) return job;
  if (anonymous_.empty()) {
    const std::string day = anonymous_day(time), behind = day + ":";  // the character behind the digits
    Query query =
        database_.query("SELECT id, count FROM chains WHERE id > ? AND id < ? ORDER BY id DESC LIMIT 1", day, behind);
    const bool known = query.row();
    anonymous_ = anonymous_trail(time, known ? query.view(0) : std::string_view(), known ? query.size(1) : 0);
  }
  return anonymous_;
}

Writer::Row& Writer::row_of(const std::string& job_id) {
  const auto found = rows_.find(job_id);
  if (found != rows_.end()) return found->second;
  Row row = read_row(job_id);
  const bool foreign = row.owner && *row.owner != writer_;
  const auto owner = foreign ? read_owner(database_, *row.owner) : std::nullopt;
  if (holder(owner, me_) == Holder::another) throw Refusal(Errc::store_held, held(job_id, *owner));
  return rows_.emplace(job_id, std::move(row)).first->second;
}

Writer::Row Writer::read_row(const std::string& job_id) {
  Row row;
  row.id = job_id;
  {
    Query query = database_.query(
        "SELECT c.job, c.count, c.last_hash, j.state, j.closed_at, j.epoch, j.decided, j.owner FROM chains c "
        "LEFT JOIN jobs j ON j.job = c.job WHERE c.id = ?",
        job_id);
    if (query.row()) {
      row.key = query.number(0);
      row.count = query.size(1);
      row.last_hash = query.text(2);
      row.exists = !query.is_null(3);
      row.state = enum_named(query.view(3), JobState::released);
      if (!query.is_null(4)) row.closed_at = as_time(query.number(4));
      row.epoch = row.written_epoch = query.size(5);
      row.decided = query.number(6) != 0;
      if (!query.is_null(7)) row.owner = query.number(7);
      return row;
    }
  }
  database_.run("INSERT INTO chains(id, count, last_hash) VALUES(?, 0, '')", job_id);
  row.key = database_.last_id();
  return row;
}

void Writer::record(Row& job, WallTime time, const News& news) {
  if (is_record(news)) {
    const AuditRecord kept = make_record(job.last_hash, job.count + 1, time, news, job.id);
    database_.run("INSERT OR FAIL INTO audit(job, seq, time, kind, data, previous, hash) VALUES(?,?,?,?,?,?,?)",
                  job.key, kept.seq, as_number(kept.time), kept.kind, kept.data, kept.previous, kept.hash);
    job.count = kept.seq;
    job.last_hash = kept.hash;
  }
  if (is_anonymous(job.id)) return;  // it has a trail, and is no job
  count(counts_.statistics, news);
  std::visit([&](const auto& each) { apply(job, time, each); }, news);
}

void Writer::write_back(Row& job) {
  write_row(job);
  for (const LockChange& each : std::exchange(job.locks, {}))
    each.taken != nullptr ? take(job, each.taken->lock, each.seq) : end(job, *each.ended);
}

void Writer::write_row(Row& job) {
  if (!job.exists) return;
  const std::optional<std::int64_t> owner = has_owner(job.state) ? std::optional(writer_) : std::nullopt;
  const std::optional<std::int64_t> closed = job.closed_at ? std::optional(as_number(*job.closed_at)) : std::nullopt;
  if (job.beginning) {
    const Beginning& begun = *job.beginning;
    database_.run(
        "INSERT INTO jobs(job, first_seq, name, patience, state, epoch, opened_at, closed_at, decided, owner) "
        "VALUES(?,?,?,?,?,?,?,?,?,?)",
        job.key, begun.first_seq, begun.name, begun.patience, name(job.state), job.epoch, as_number(begun.opened_at),
        closed, job.decided, owner);
  } else if (job.epoch != job.written_epoch) {
    database_.run("UPDATE OR FAIL jobs SET state = ?, epoch = ?, closed_at = ?, decided = ?, owner = ? WHERE job = ?",
                  name(job.state), job.epoch, closed, job.decided, owner, job.key);
  } else if (job.changed || job.owner != owner) {
    database_.run("UPDATE OR FAIL jobs SET state = ?, closed_at = ?, decided = ?, owner = ? WHERE job = ?",
                  name(job.state), closed, job.decided, owner, job.key);
  }
  job.beginning.reset();
  job.written_epoch = job.epoch;
  job.changed = false;
  job.owner = owner;
}

void Writer::need(Row& job, WallTime time) {
  if (!job.exists) insert(job, time, "", "");
}

void Writer::need_row(Row& job, WallTime time) {
  need(job, time);
  if (job.beginning) write_row(job);
}

void Writer::insert(Row& job, WallTime time, std::string_view name, std::string_view patience) {
  job.beginning = {job.count, std::string(name), std::string(patience), time};
  job.exists = true;
  job.state = JobState::running;
  ++counts_.statistics.total_jobs;
}

void Writer::raise(Row& job, std::uint64_t epoch) {
  if (epoch == job.epoch && job.raised) return;  // another lock of the same change
  if (epoch != job.epoch + 1) {
    throw Refusal(Errc::stale_epoch, "the locks of job " + job.id + " are at epoch " + std::to_string(job.epoch) +
                                         ", and a change to epoch " + std::to_string(epoch) +
                                         " does not follow it: somebody else has changed them");
  }
  if (!job.locks.empty()) write_back(job);  // those of the epoch that ends here
  job.epoch = epoch;
  job.raised = true;
}

void Writer::take(const Row& job, const ProviderLock& lock, std::uint64_t seq) {
  const std::string stages = list_text(lock.stages), except = list_text(lock.except_stages);
  database_.run(
      "INSERT OR FAIL INTO locks(job, seq, provider, type, correlation, overridable, stages, except_stages, state, "
      "locked_at, reason, epoch) VALUES(?,?,?,?,?,?,?,?,'active',?,'',?)",
      job.key, seq, lock.provider_name, lock.provider_type, lock.correlation_id, lock.overridable, stages, except,
      as_number(lock.locked_at), lock.epoch);
}

void Writer::end(const Row& job, const LockEnded& news) {
  const ProviderLock& lock = news.lock;
  const std::optional<std::int64_t> ended = lock.ended_at ? std::optional(as_number(*lock.ended_at)) : std::nullopt;
  // By its key: a search that may find several is kept in a table of its own first.
  const auto seq = find_active(job, lock);
  if (!seq) {
    throw Refusal(Errc::stale_epoch, "job " + job.id + " has no such active lock to end: " + lock.text());
  }
  database_.run(
      "UPDATE OR FAIL locks SET state = ?, ended_at = ?, reason = ?, ended_epoch = ? WHERE job = ? AND seq = ?",
      name(lock.state), ended, lock.reason, news.epoch, job.key, *seq);
}

std::optional<std::int64_t> Writer::find_active(const Row& job, const ProviderLock& lock) {
  const std::string stages = list_text(lock.stages), except = list_text(lock.except_stages);
  Query query = database_.query(
      "SELECT seq FROM locks WHERE job = ? AND epoch = ? AND state = 'active' AND stages = ? AND except_stages = ?",
      job.key, lock.epoch, stages, except);
  if (!query.row()) return std::nullopt;
  return query.number(0);
}

void Writer::clear(Row& job) {
  forget_interrupted(job);
  database_.run("DELETE FROM consents WHERE job = ?", job.key);
  database_.run("DELETE FROM stages WHERE job = ?", job.key);
  database_.run("DELETE FROM job_plans WHERE job = ?", job.key);
}

/// Nobody is asked about them any more.
void Writer::forget_interrupted(const Row& job) {
  database_.run("DELETE FROM operations WHERE job = ? AND writer = 0", job.key);
}

/// The stage is whole, or all of it is made again.
void Writer::forget_interrupted(const Row& job, const std::string& stage) {
  database_.run(
      "DELETE FROM operations WHERE job = ?1 AND writer = 0 AND ?2 = (SELECT json_extract(data, '$.stageName') FROM "
      "audit WHERE audit.job = ?1 AND audit.seq = operations.seq) COLLATE NOCASE",
      job.key, stage);
}

void Writer::apply(Row& job, WallTime time, const JobOpened& news) {
  if (!job.exists) {
    insert(job, time, news.name, news.patience);
  } else {
    need_row(job, time);
    if (!news.resumed) clear(job);
    // A resume that does not say a name or a patience keeps them, as it keeps the plan.
    database_.run(
        "UPDATE jobs SET name = iif(?1 = '' AND ?4, name, ?1), patience = iif(?2 = '' AND ?4, patience, ?2), "
        "opened_at = iif(?4, opened_at, ?3) WHERE job = ?5",
        news.name, news.patience, as_number(time), news.resumed, job.key);
    job.state = JobState::running;
    job.closed_at.reset();
    job.changed = true;
  }
  for (const std::string& stage : news.anew) {
    database_.run("DELETE FROM stage_items WHERE job = ? AND stage = ?", job.key, stage);
    database_.run(
        "UPDATE stages SET state = 'pending', finished = 0, items = 1, items_done = 0 WHERE job = ? AND name = ?",
        job.key, stage);
    forget_interrupted(job, stage);
  }
  if (!news.plan) return;
  need_row(job, time);
  write_plan(database_, job.key, *news.plan);
  for (const StagePlan& stage : news.plan->stages) {
    database_.run(
        "INSERT INTO stages(job, name, place, state, planned, finished, items, items_done) VALUES(?1, ?2, "
        "(SELECT count(*) FROM stages WHERE job = ?1), 'pending', 1, 0, 1, 0) ON CONFLICT DO UPDATE SET planned = 1",
        job.key, stage.name);
  }
}

void Writer::apply(Row& job, WallTime time, const JobClosed& news) {
  need(job, time);
  job.state = news.state;
  job.closed_at = time;
  job.changed = true;
  if (is_over(news.state)) forget_interrupted(job);
  if (news.state != JobState::cancelled) return;
  database_.run("UPDATE stages SET state = 'cancelled' WHERE job = ? AND state = 'running'", job.key);
}

void Writer::apply(Row& job, WallTime time, const LockTaken& news) {
  need(job, time);
  raise(job, news.lock.epoch);
  job.locks.push_back({.taken = &news, .seq = job.count});
  ++counts_.statistics.active_locks;
}

void Writer::apply(Row& job, WallTime time, const LockEnded& news) {
  need(job, time);
  raise(job, news.epoch);
  job.locks.push_back({.ended = &news, .seq = job.count});
  --counts_.statistics.active_locks;
}

void Writer::apply(Row& job, WallTime time, const FallbackDecision& news) {
  need_row(job, time);
  const bool may_move = news.user_confirmed && news.reason_code != ReasonCode::legacy_auto;
  const std::optional<std::uint64_t> moves_to = may_move ? std::optional(job.epoch + 1) : std::nullopt;
  const std::string stages = list_text(news.affected_stages);
  database_.run(
      "INSERT INTO decisions(job, seq, time, from_provider, to_provider, reason, elapsed_ms, user_confirmed, stages, "
      "correlation, context, decided_by, operation, ask, consent, moves_to) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      job.key, job.count, as_number(news.timestamp), news.from_provider, news.to_provider, name(news.reason_code),
      news.elapsed_before_switch.count(), news.user_confirmed, stages, news.correlation_id, news.additional_context,
      news.decided_by, news.operation_id, news.ask, news.consent_id, moves_to);
  if (job.decided) return;
  job.decided = true;
  job.changed = true;
  ++counts_.jobs_with_decision;
}

void Writer::apply(Row& job, WallTime time, const QuestionAnswered& news) {
  need_row(job, time);
  database_.run(
      "INSERT INTO answers(job, seq, stage, provider_name, operation, correlation, ask, kind, option, provider, "
      "given_by, door, note, recorded) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      job.key, job.count, news.stage_name, news.provider_name, news.operation_id, news.correlation_id, news.ask,
      name(news.kind), news.option, news.provider, news.by, news.door, news.note, news.recorded);
  if (news.kind != QuestionKind::interrupted) return;
  database_.run("DELETE FROM operations WHERE job = ? AND operation = ? AND writer = 0", job.key, news.operation_id);
}

void Writer::apply(Row& job, WallTime time, const ConsentGiven& news) {
  need_row(job, time);
  const StandingConsent& consent = news.consent;
  database_.run(
      "INSERT INTO consents(job, seq, id, on_error, minimum_silence_ms, switch_to, type, given_by) "
      "VALUES(?,?,?,?,?,?,?,?)",
      job.key, job.count, consent.id, consent.when == StandingConsent::When::error, consent.minimum_silence.count(),
      consent.switch_to, consent.provider_type, consent.given_by);
}

void Writer::apply(Row& job, WallTime time, const OperationStarted& news) {
  need_row(job, time);
  if (!news.queued) {
    database_.run("INSERT OR REPLACE INTO operations(job, operation, seq, writer) VALUES(?,?,?,?)", job.key,
                  news.operation_id, job.count, writer_);
  }
  step(job, news);
}

void Writer::apply(Row& job, WallTime time, const OperationEnded& news) {
  need_row(job, time);
  if (news.outcome == OperationPhase::interrupted && !is_over(job.state)) {
    database_.run("UPDATE operations SET writer = 0, open_stall = 0 WHERE job = ? AND operation = ?", job.key,
                  news.operation_id);
  } else {
    database_.run("DELETE FROM operations WHERE job = ? AND operation = ?", job.key, news.operation_id);
  }
  step(job, news);
}

void Writer::apply(Row& job, WallTime, const StallSuspected& news) {
  database_.run("UPDATE operations SET open_stall = ?1, asks = max(asks, ?1) WHERE job = ?2 AND operation = ?3",
                news.ask, job.key, news.operation_id);
}
void Writer::apply(Row& job, WallTime, const StallResolved& news) {
  database_.run("UPDATE operations SET open_stall = 0 WHERE job = ? AND operation = ?", job.key, news.operation_id);
}
void Writer::apply(Row& job, WallTime, const QuestionOpened& news) {
  database_.run("UPDATE operations SET asks = max(asks, ?) WHERE job = ? AND operation = ?", news.question.ask, job.key,
                news.question.operation_id);
}
void Writer::apply(Row& job, WallTime time, const StageStarted& news) {
  need_row(job, time);
  step(job, news);
}

void Writer::apply(Row& job, WallTime time, const StageFinished& news) {
  need_row(job, time);
  step(job, news);
  std::size_t known = 0;
  {
    Query query = database_.query("SELECT coalesce(max(item), 0) FROM stage_items WHERE job = ? AND stage = ?", job.key,
                                  news.step.stage_name);
    if (query.row()) known = query.size(0);
  }
  for (const auto& [item, artifact] : placed(news.step, known)) {
    database_.run("INSERT OR REPLACE INTO stage_items(job, stage, item, artifact) VALUES(?,?,?,?)", job.key,
                  news.step.stage_name, item, artifact);
  }
  if (news.step.finished) forget_interrupted(job, news.step.stage_name);
}

void Writer::step(Row& job, const News& news) {
  const std::string_view of = stage_of(news);
  if (of.empty()) return;
  auto stage = read_stage(database_, job.key, of);
  const bool fresh = !stage;
  if (fresh) stage = Stage{.row = {.stage_name = std::string(of)}};
  if (!change(*stage, news) && !fresh) return;
  database_.run(
      "INSERT INTO stages(job, name, place, state, planned, finished, items, items_done) VALUES(?1, ?2, "
      "(SELECT count(*) FROM stages WHERE job = ?1), ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET state = ?3, "
      "finished = ?5, items = ?6, items_done = ?7",
      job.key, of, name(stage->row.state), stage->planned, stage->finished, stage->row.items, stage->row.items_done);
}

}  // namespace holdfast::store
