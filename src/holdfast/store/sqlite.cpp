#include "holdfast/store/sqlite.hpp"

#include <random>

#include "holdfast/store/owner.hpp"
#include "holdfast/store/sqlite_rows.hpp"
#include "holdfast/store/sqlite_writer.hpp"

namespace holdfast::store {
namespace {

std::string fresh_token() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i)
    token += std::to_string(random()) + (i < 3 ? "-" : "");
  return token;
}

/// Writers that died and hold no job: nobody will ask for them again.
void forget_dead_writers(Database& database) {
  std::vector<std::int64_t> gone;
  {
    Query query = database.query(
        "SELECT writer, pid, start_time, boot_id FROM writers WHERE writer NOT IN "
        "(SELECT owner FROM jobs WHERE owner IS NOT NULL AND " HOLDFAST_ACTIVE_JOBS ")");
    while (query.row()) {
      if (!alive({.pid = query.number(1), .start_time = query.size(2), .boot_id = query.text(3)})) {
        gone.push_back(query.number(0));
      }
    }
  }
  for (const std::int64_t writer : gone)
    database.run("DELETE FROM writers WHERE writer = ?", writer);
}

/// Whether SQLite has undone a commit that failed in this way. Where it was writing or syncing, it cannot be known
/// before the file is read again.
bool surely_undone(const Fault& fault) {
  return fault.primary() == SQLITE_BUSY || fault.primary() == SQLITE_FULL || fault.is_constraint();
}

}  // namespace

result<std::unique_ptr<Store>> Sqlite::open(const std::string& path, const SqliteOptions& options) {
  auto database = open_database(path, options.vfs, options.migrations, options.empty);
  if (!database) return database.error();
  return std::unique_ptr<Store>(new Sqlite(std::move(*database)));
}

Sqlite::Sqlite(std::unique_ptr<Database> database)
    : database_(std::move(database)), owner_(this_process("", "")), token_(fresh_token()) {}

void Sqlite::act_as(Owner owner) {
  owner_ = std::move(owner);
}

std::int64_t Sqlite::write_writer() {
  if (group_ == 1) forget_dead_writers(*database_);
  Query query = database_->query(
      "INSERT INTO writers(token, pid, start_time, boot_id, socket, program, last_group) VALUES(?,?,?,?,?,?,?) "
      "ON CONFLICT(token) DO UPDATE SET pid = excluded.pid, start_time = excluded.start_time, "
      "boot_id = excluded.boot_id, socket = excluded.socket, program = excluded.program, "
      "last_group = excluded.last_group RETURNING writer",
      token_, owner_.pid, owner_.start_time, owner_.boot_id, owner_.socket, owner_.program, group_);
  std::int64_t writer = 0;
  while (query.row())
    writer = query.number(0);
  return writer;
}

std::vector<Outcome> Sqlite::commit(std::span<const Transaction> transactions) {
  try {
    if (unknown_) decide();
    return commit_group(transactions);
  } catch (const std::exception& error) {
    database_->roll_back();
    return std::vector<Outcome>(transactions.size(), {Outcome::Kind::failed, error.what(), Errc::store_unavailable});
  }
}

std::vector<Outcome> Sqlite::commit_group(std::span<const Transaction> transactions) {
  ++group_;
  std::vector<Outcome> outcomes(transactions.size());
  if (!write_together(transactions)) outcomes = write_one_by_one(transactions);

  Unknown group{group_, {}};
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].kind == Outcome::Kind::saved) group.saves.push_back(transactions[i].save.value);
  }
  try {
    database_->run("COMMIT");
    return outcomes;
  } catch (const Fault& fault) {
    database_->roll_back();
    if (surely_undone(fault)) throw;
    unknown_ = std::move(group);
    return after_broken_commit(std::move(outcomes), fault.what());
  }
}

bool Sqlite::write_together(std::span<const Transaction> transactions) {
  database_->run("BEGIN IMMEDIATE");
  const std::int64_t writer_id = write_writer();
  Counts counts;
  try {
    for (const Transaction& transaction : transactions) {
      Writer writer(*database_, owner_, writer_id);
      writer.write(transaction);
      counts.add(writer.counts());
    }
  } catch (const Refusal&) {
    database_->roll_back();
    return false;
  } catch (const Fault& fault) {
    if (!fault.is_constraint()) throw;
    database_->roll_back();
    return false;
  }
  counts.write(*database_);
  return true;
}

std::vector<Outcome> Sqlite::write_one_by_one(std::span<const Transaction> transactions) {
  std::vector<Outcome> outcomes;
  Counts counts;
  database_->run("BEGIN IMMEDIATE");
  const std::int64_t writer_id = write_writer();
  for (const Transaction& transaction : transactions) {
    database_->run("SAVEPOINT one");
    Writer writer(*database_, owner_, writer_id);
    Outcome outcome;
    try {
      writer.write(transaction);
      counts.add(writer.counts());
    } catch (const Refusal& refusal) {
      outcome = {Outcome::Kind::failed, refusal.what(), refusal.code()};
    } catch (const Fault& fault) {
      if (!fault.is_constraint()) throw;
      outcome = {Outcome::Kind::failed, fault.what(), code_of(fault)};
    }
    if (outcome.kind == Outcome::Kind::failed) database_->run("ROLLBACK TO one");
    database_->run("RELEASE one");
    outcomes.push_back(std::move(outcome));
  }
  counts.write(*database_);
  return outcomes;
}

std::vector<Outcome> Sqlite::after_broken_commit(std::vector<Outcome> outcomes, const std::string& why) {
  Outcome outcome{Outcome::Kind::unknown, why, Errc::outcome_unknown};
  try {
    const bool found = decide();
    outcome = found ? Outcome{} : Outcome{Outcome::Kind::failed, why, Errc::store_unavailable};
  } catch (const std::exception&) {
    database_->roll_back();  // `contains` decides, when the disk lets it
  }
  for (Outcome& each : outcomes) {
    if (each.kind == Outcome::Kind::saved) each = outcome;
  }
  return outcomes;
}

bool Sqlite::decide() {
  // Reading puts in order what the broken commit has left behind.
  std::int64_t last = 0;
  {
    Query query = database_->query("SELECT last_group FROM writers WHERE token = ?", token_);
    if (query.row()) last = query.number(0);
  }
  const bool found = last >= unknown_->group;
  if (found) {
    // It is there, but the sync that failed may have been the one that makes it stay: a commit that succeeds ends that.
    Scope scope(*database_, Scope::Kind::immediate);
    database_->run("UPDATE writers SET last_group = ? WHERE token = ?", ++group_, token_);
    scope.commit();
  }
  for (const std::uint64_t save : unknown_->saves)
    decided_[save] = found;
  unknown_.reset();
  return found;
}

result<bool> Sqlite::contains(SaveId save) {
  try {
    if (unknown_) decide();
    const auto found = decided_.find(save.value);
    return found != decided_.end() && found->second;
  } catch (const std::exception& error) {
    database_->roll_back();
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<void> Sqlite::let_go() {
  try {
    if (unknown_) decide();
    Scope scope(*database_, Scope::Kind::immediate);
    database_->run("UPDATE jobs SET owner = NULL WHERE " HOLDFAST_ACTIVE_JOBS
                   " AND owner IN (SELECT writer FROM writers WHERE pid = ? AND start_time = ? AND boot_id = ?)",
                   owner_.pid, owner_.start_time, owner_.boot_id);
    scope.commit();
    return {};
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

result<void> Sqlite::check_writable() {
  try {
    const Scope scope(*database_, Scope::Kind::immediate);
    // Takes the lock, and writes the page to the journal as any commit does first; undone with the scope. Another
    // value, since SQLite writes nothing where nothing differs.
    database_->run("UPDATE counters SET jobs = jobs + 1");
    return {};
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, error.what()};
  }
}

}  // namespace holdfast::store
