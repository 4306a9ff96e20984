#include "holdfast/store/sqlite_schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace holdfast::store {
namespace {

namespace fs = std::filesystem;

// Names of providers and stages compare without regard to ASCII case, as NOCASE does.
constexpr const char* version_1 = R"sql(
CREATE TABLE control(one INTEGER PRIMARY KEY CHECK(one = 1), pruning INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO control(one) VALUES(1);

CREATE TABLE counters(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  jobs INTEGER NOT NULL DEFAULT 0, jobs_with_decision INTEGER NOT NULL DEFAULT 0,
  active_locks INTEGER NOT NULL DEFAULT 0, decisions INTEGER NOT NULL DEFAULT 0,
  user_requested INTEGER NOT NULL DEFAULT 0, error_triggered INTEGER NOT NULL DEFAULT 0,
  after_stall INTEGER NOT NULL DEFAULT 0, stall_questions INTEGER NOT NULL DEFAULT 0,
  stalls_resolved_by_progress INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO counters(one) VALUES(1);

-- Processes that write. `last_group` is raised with every commit: by it a commit whose outcome is unknown is decided.
CREATE TABLE writers(
  writer INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  boot_id TEXT NOT NULL, socket TEXT NOT NULL, program TEXT NOT NULL, last_group INTEGER NOT NULL) STRICT;

-- One row for each trail; it outlives its job.
CREATE TABLE chains(
  job INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, count INTEGER NOT NULL, last_hash TEXT NOT NULL) STRICT;

CREATE TABLE audit(
  job INTEGER NOT NULL REFERENCES chains(job), seq INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
  data TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY(job, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE jobs(
  job INTEGER PRIMARY KEY REFERENCES chains(job), first_seq INTEGER NOT NULL, name TEXT NOT NULL,
  patience TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('running','waiting','interrupted','done','failed','cancelled','released')),
  epoch INTEGER NOT NULL DEFAULT 0, opened_at INTEGER NOT NULL, closed_at INTEGER,
  decided INTEGER NOT NULL DEFAULT 0, owner INTEGER REFERENCES writers(writer)) STRICT;
CREATE INDEX jobs_by_age ON jobs(opened_at, job);
CREATE INDEX jobs_active ON jobs(opened_at, job) WHERE state IN ('running','waiting','interrupted','failed');
CREATE INDEX jobs_over ON jobs(closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX jobs_by_owner ON jobs(owner) WHERE owner IS NOT NULL;

CREATE TABLE job_plans(
  job INTEGER PRIMARY KEY REFERENCES jobs(job) ON DELETE CASCADE, file TEXT NOT NULL, text TEXT NOT NULL,
  out TEXT NOT NULL, stages TEXT NOT NULL, inputs TEXT NOT NULL) STRICT;

CREATE TABLE locks(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, seq INTEGER NOT NULL,
  provider TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL, correlation TEXT NOT NULL, overridable INTEGER NOT NULL,
  stages TEXT NOT NULL, except_stages TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('active','unlocked','released','ended')),
  locked_at INTEGER NOT NULL, ended_at INTEGER, reason TEXT NOT NULL, epoch INTEGER NOT NULL, ended_epoch INTEGER,
  PRIMARY KEY(job, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE decisions(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, seq INTEGER NOT NULL, time INTEGER NOT NULL,
  from_provider TEXT NOT NULL COLLATE NOCASE, to_provider TEXT NOT NULL COLLATE NOCASE,
  reason TEXT NOT NULL CHECK(reason IN ('USER_REQUEST','USER_AFTER_STALL','PROVIDER_FATAL_ERROR','LEGACY_AUTO')),
  elapsed_ms INTEGER NOT NULL, user_confirmed INTEGER NOT NULL, stages TEXT NOT NULL, correlation TEXT NOT NULL,
  context TEXT NOT NULL, decided_by TEXT NOT NULL, operation TEXT NOT NULL, ask INTEGER NOT NULL,
  consent TEXT NOT NULL, moves_to INTEGER,
  PRIMARY KEY(job, seq),
  CONSTRAINT decision_changes_the_provider CHECK(from_provider <> to_provider)) STRICT, WITHOUT ROWID;

CREATE TABLE answers(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, seq INTEGER NOT NULL, stage TEXT NOT NULL,
  provider_name TEXT NOT NULL, operation TEXT NOT NULL, correlation TEXT NOT NULL, ask INTEGER NOT NULL,
  kind TEXT NOT NULL, option TEXT NOT NULL, provider TEXT NOT NULL, given_by TEXT NOT NULL, door TEXT NOT NULL,
  note TEXT NOT NULL, recorded INTEGER NOT NULL, PRIMARY KEY(job, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE consents(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, seq INTEGER NOT NULL, id TEXT NOT NULL,
  on_error INTEGER NOT NULL, minimum_silence_ms INTEGER NOT NULL, switch_to TEXT NOT NULL, type TEXT NOT NULL,
  given_by TEXT NOT NULL, PRIMARY KEY(job, seq)) STRICT, WITHOUT ROWID;

CREATE TABLE stages(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, name TEXT NOT NULL COLLATE NOCASE,
  place INTEGER NOT NULL, state TEXT NOT NULL, planned INTEGER NOT NULL, finished INTEGER NOT NULL,
  items INTEGER NOT NULL, items_done INTEGER NOT NULL, PRIMARY KEY(job, name)) STRICT, WITHOUT ROWID;
CREATE TABLE stage_items(
  job INTEGER NOT NULL, stage TEXT NOT NULL COLLATE NOCASE, item INTEGER NOT NULL, artifact TEXT NOT NULL,
  PRIMARY KEY(job, stage, item), FOREIGN KEY(job, stage) REFERENCES stages(job, name) ON DELETE CASCADE)
  STRICT, WITHOUT ROWID;

-- Started, not ended. What started is told by the record `seq`. Of writer 0: interrupted, and nobody has answered for
-- it.
CREATE TABLE operations(
  job INTEGER NOT NULL REFERENCES jobs(job) ON DELETE CASCADE, operation TEXT NOT NULL, seq INTEGER NOT NULL,
  writer INTEGER NOT NULL, open_stall INTEGER NOT NULL DEFAULT 0, asks INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(job, operation)) STRICT, WITHOUT ROWID;

-- The trail: in order, without gaps, only longer.
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NOT EXISTS(SELECT 1 FROM chains WHERE job = NEW.job AND count + 1 = NEW.seq AND last_hash = NEW.previous)
BEGIN SELECT RAISE(FAIL, 'the record does not follow the last one of its trail'); END;
CREATE TRIGGER audit_counted AFTER INSERT ON audit
BEGIN UPDATE chains SET count = NEW.seq, last_hash = NEW.hash WHERE job = NEW.job; END;
CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(FAIL, 'records of the trail are not changed'); END;
CREATE TRIGGER audit_not_deleted BEFORE DELETE ON audit WHEN (SELECT pruning FROM control) = 0
BEGIN SELECT RAISE(FAIL, 'records of the trail are not deleted'); END;
CREATE TRIGGER chains_only_longer BEFORE UPDATE ON chains
WHEN NEW.job <> OLD.job OR NEW.id <> OLD.id OR NEW.count <> OLD.count + 1
BEGIN SELECT RAISE(FAIL, 'a trail only becomes longer'); END;
CREATE TRIGGER chains_not_deleted BEFORE DELETE ON chains WHEN (SELECT pruning FROM control) = 0
BEGIN SELECT RAISE(FAIL, 'trails are not deleted'); END;

-- Epochs: up by one, and every change of a lock at the job's own.
CREATE TRIGGER epochs_only_rise BEFORE UPDATE OF epoch ON jobs
WHEN NEW.epoch <> OLD.epoch AND NEW.epoch <> OLD.epoch + 1
BEGIN SELECT RAISE(FAIL, 'stale epoch: an epoch rises by one'); END;
CREATE TRIGGER lock_at_the_epoch BEFORE INSERT ON locks
WHEN NEW.epoch IS NOT (SELECT epoch FROM jobs WHERE job = NEW.job)
BEGIN SELECT RAISE(FAIL, 'stale epoch: a lock is taken at the epoch of its job'); END;
CREATE TRIGGER lock_ends_at_the_epoch BEFORE UPDATE ON locks
WHEN NEW.ended_epoch IS NOT (SELECT epoch FROM jobs WHERE job = NEW.job)
BEGIN SELECT RAISE(FAIL, 'stale epoch: a lock ends at the epoch of its job'); END;

-- Locks: ended once; moved to another provider only by a decision that the user has confirmed.
CREATE TRIGGER lock_ends_once BEFORE UPDATE ON locks
WHEN OLD.state <> 'active' OR NEW.state = 'active' OR NEW.job <> OLD.job OR NEW.seq <> OLD.seq
  OR NEW.provider <> OLD.provider OR NEW.epoch <> OLD.epoch
BEGIN SELECT RAISE(FAIL, 'a lock ends once, and nothing else about it changes'); END;
CREATE TRIGGER switch_has_its_decision BEFORE UPDATE ON locks
WHEN NEW.state = 'ended' AND NEW.reason IN ('USER_REQUEST','USER_AFTER_STALL','PROVIDER_FATAL_ERROR','LEGACY_AUTO')
  AND NOT EXISTS(SELECT 1 FROM decisions WHERE job = NEW.job AND moves_to = NEW.ended_epoch
                 AND from_provider = OLD.provider AND user_confirmed = 1 AND reason = NEW.reason)
BEGIN SELECT RAISE(FAIL, 'silent switch: no confirmed decision ends this lock'); END;
CREATE TRIGGER absolute_lock_is_not_switched BEFORE UPDATE ON locks
WHEN OLD.overridable = 0 AND (NEW.state = 'unlocked'
  OR NEW.reason IN ('USER_REQUEST','USER_AFTER_STALL','PROVIDER_FATAL_ERROR','LEGACY_AUTO'))
BEGIN SELECT RAISE(FAIL, 'silent switch: an absolute lock ends only by release or by cancelling the job'); END;
CREATE TRIGGER successor_has_its_decision BEFORE INSERT ON locks
WHEN EXISTS(SELECT 1 FROM locks WHERE job = NEW.job AND ended_epoch = NEW.epoch)
  AND NOT EXISTS(SELECT 1 FROM decisions WHERE job = NEW.job AND moves_to = NEW.epoch AND user_confirmed = 1
                 AND NEW.provider IN (from_provider, to_provider))
BEGIN SELECT RAISE(FAIL, 'silent switch: no confirmed decision names the provider of this lock'); END;
CREATE TRIGGER decisions_not_changed BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(FAIL, 'decisions are not changed'); END;
CREATE TRIGGER answers_not_changed BEFORE UPDATE ON answers
BEGIN SELECT RAISE(FAIL, 'answers are not changed'); END;
)sql";

// Changes no row: what SQLite calls a change of the schema that does not affect the content, so a large file is brought
// up at once. Why each: docs/decisions/0018. A list behind IN is a table that SQLite makes anew for each row, and a
// reference beside triggers a copy of each page for each statement.
constexpr const char* version_2 = R"sql(
PRAGMA writable_schema=ON;
UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL REFERENCES chains(job)', 'NOT NULL')
WHERE type = 'table' AND name = 'audit';
UPDATE sqlite_schema SET sql = replace(replace(sql, ' REFERENCES writers(writer)', ''),
  'CHECK(state IN (''running'',''waiting'',''interrupted'',''done'',''failed'',''cancelled'',''released''))',
  'CHECK(state = ''running'' OR state = ''waiting'' OR state = ''interrupted'' OR (owner IS NULL AND (state = ''done''
    OR state = ''failed'' OR state = ''cancelled'' OR state = ''released'')))')
WHERE type = 'table' AND name = 'jobs';
UPDATE sqlite_schema SET sql = replace(replace(sql, ' REFERENCES jobs(job) ON DELETE CASCADE', ''),
  'CHECK(state IN (''active'',''unlocked'',''released'',''ended''))',
  'CHECK(state = ''active'' OR state = ''unlocked'' OR state = ''released'' OR state = ''ended'')')
WHERE type = 'table' AND name = 'locks';
PRAGMA writable_schema=RESET;

-- Only what can be acted for has an owner, so that this index finds the jobs of a process too.
DROP INDEX jobs_active;
DROP INDEX jobs_by_owner;
DROP INDEX jobs_over;
CREATE INDEX jobs_active ON jobs(opened_at, job)
WHERE state = 'running' OR state = 'waiting' OR state = 'interrupted' OR state = 'failed';

-- In the place of the references.
CREATE TRIGGER locks_go_with_their_job AFTER DELETE ON jobs
BEGIN DELETE FROM locks WHERE job = OLD.job; END;
CREATE TRIGGER writer_holds_no_job BEFORE DELETE ON writers
WHEN EXISTS(SELECT 1 FROM jobs WHERE owner = OLD.writer
            AND (state = 'running' OR state = 'waiting' OR state = 'interrupted' OR state = 'failed'))
BEGIN SELECT RAISE(FAIL, 'a process that holds a job is not forgotten'); END;

DROP TRIGGER switch_has_its_decision;
DROP TRIGGER absolute_lock_is_not_switched;
CREATE TRIGGER switch_has_its_decision BEFORE UPDATE ON locks
WHEN NEW.state = 'ended' AND (NEW.reason = 'USER_REQUEST' OR NEW.reason = 'USER_AFTER_STALL'
    OR NEW.reason = 'PROVIDER_FATAL_ERROR' OR NEW.reason = 'LEGACY_AUTO')
  AND NOT EXISTS(SELECT 1 FROM decisions WHERE job = NEW.job AND moves_to = NEW.ended_epoch
                 AND from_provider = OLD.provider AND user_confirmed = 1 AND reason = NEW.reason)
BEGIN SELECT RAISE(FAIL, 'silent switch: no confirmed decision ends this lock'); END;
CREATE TRIGGER absolute_lock_is_not_switched BEFORE UPDATE ON locks
WHEN OLD.overridable = 0 AND (NEW.state = 'unlocked' OR NEW.reason = 'USER_REQUEST'
  OR NEW.reason = 'USER_AFTER_STALL' OR NEW.reason = 'PROVIDER_FATAL_ERROR' OR NEW.reason = 'LEGACY_AUTO')
BEGIN SELECT RAISE(FAIL, 'silent switch: an absolute lock ends only by release or by cancelling the job'); END;
)sql";

constexpr std::array all_migrations = {Migration{1, version_1}, Migration{2, version_2}};

constexpr std::string_view magic("SQLite format 3\0", 16);
constexpr std::size_t header_bytes = 100;

std::uint32_t big_endian(const std::array<unsigned char, header_bytes>& header, std::size_t at) {
  return std::uint32_t{header[at]} << 24 | std::uint32_t{header[at + 1]} << 16 | std::uint32_t{header[at + 2]} << 8 |
         header[at + 3];
}

/// The folder and an empty file for the owner's eyes only; SQLite gives its journal the mode of the file. False where
/// one was there.
bool make_file(const std::string& path) {
  const auto refuse = [&](const std::string& what) {
    throw Fault(SQLITE_CANTOPEN, "store " + path + ": " + what + ": " + std::strerror(errno));
  };
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  fs::path made;
  for (const fs::path& part : folder) {
    made /= part;
    if (!fs::exists(made, error) && ::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST) {
      refuse("its folder " + made.string() + " could not be made");
    }
  }
  if (::access(path.c_str(), F_OK) == 0) return false;
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) {
    if (errno == EEXIST) return false;  // somebody else was first
    refuse("it could not be made");
  }
  ::close(file);  // nobody had it open before, so no lock is lost with the descriptor
  return true;
}

class Opening {
 public:
  Opening(Database& database, std::span<const Migration> steps)
      : database_(database), steps_(steps), version_(steps.back().to) {}

  void bring_up(const std::string& vfs, bool fill) {
    // Read through SQLite's own descriptor: closing another one would drop this process's locks on the file.
    if (size() == 0 && !fill) refuse_empty();
    if (size() == 0) {
      settings();
      return migrate(0, "");
    }
    look_at_header();
    settings();
    const int found = read_under_lock();
    if (found < version_) migrate(found, vfs);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Fault(SQLITE_NOTADB, "store " + database_.path() + ": " + why + "; it was left as it is");
  }
  [[noreturn]] void refuse_newer(std::uint32_t version) const {
    refuse("a newer version of this program has written it (format " + std::to_string(version) + "; this one knows " +
           std::to_string(version_) + ")");
  }

  void refuse_empty() {
    const Scope scope(database_, Scope::Kind::immediate);  // waits for whoever is making it
    if (size() == 0) {
      refuse(
          "it is empty: the program was interrupted when it made it, or what it held is gone; `run` and `serve` fill "
          "it");
    }
  }

  sqlite3_file* file() const {
    sqlite3_file* out = nullptr;
    const int code =
        sqlite3_file_control(database_.handle(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&out));
    if (code != SQLITE_OK || out == nullptr || out->pMethods == nullptr) database_.fail(code, "opening it");
    return out;
  }
  sqlite3_int64 size() const {
    sqlite3_int64 bytes = 0;
    sqlite3_file* const opened = file();
    if (const int code = opened->pMethods->xFileSize(opened, &bytes)) database_.fail(code, "reading its size");
    return bytes;
  }

  /// What never changes in a file of ours, so that it can be read beside a process that writes.
  void look_at_header() {
    std::array<unsigned char, header_bytes> header{};
    sqlite3_file* const opened = file();
    const int code = opened->pMethods->xRead(opened, header.data(), header_bytes, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) database_.fail(code, "reading it");
    const bool blank = std::ranges::all_of(header, [](unsigned char byte) { return byte == 0; });
    if (blank && has_journal()) return;  // the power went while it was made: SQLite puts it in order first
    if (std::memcmp(header.data(), magic.data(), magic.size()) != 0) {
      refuse("this is no store of Holdfast, and no SQLite file");
    }
    if (has_journal()) return;  // it may be in the middle of a change: the same
    if (big_endian(header, 68) != application_id)
      refuse("this is an SQLite file of another program, no store of Holdfast");
    const unsigned page = static_cast<unsigned>(header[16]) << 8 | header[17];
    const bool whole = page >= 512 && (page & (page - 1)) == 0 && header[18] == 1 && header[19] == 1 &&
                       header[20] == 0 && header[21] == 64 && header[22] == 32 && header[23] == 32 &&
                       big_endian(header, 44) == 4 && big_endian(header, 56) == 1;
    if (!whole) refuse("its header is damaged");
    if (const auto version = big_endian(header, 60); version > static_cast<std::uint32_t>(version_)) {
      refuse_newer(version);
    }
  }
  bool has_journal() const {
    struct stat found{};
    return ::stat((database_.path() + "-journal").c_str(), &found) == 0 && found.st_size > 0;
  }

  std::int64_t pragma(const char* sql) {
    Query query = database_.query(sql);
    return query.row() ? query.number(0) : 0;
  }

  /// Its version, read while no other process can change it. What a journal has left is put in order here.
  int read_under_lock() {
    const Scope scope(database_, Scope::Kind::read);
    const std::int64_t tables = pragma("SELECT count(*) FROM sqlite_schema");
    if (tables == 0 && pragma("PRAGMA application_id") == 0) return 0;  // another process is about to make it
    if (pragma("PRAGMA application_id") != application_id) {
      refuse("this is an SQLite file of another program, no store of Holdfast");
    }
    const std::int64_t version = pragma("PRAGMA user_version");
    if (version > version_) refuse_newer(static_cast<std::uint32_t>(version));
    const std::int64_t expected = pragma("PRAGMA page_count") * pragma("PRAGMA page_size");
    if (size() < expected) {
      refuse("it is cut short: " + std::to_string(size()) + " bytes are there of " + std::to_string(expected));
    }
    constexpr const char* ours =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('audit','chains','jobs','writers')";
    if (version < 1 || pragma(ours) != 4) refuse("its tables are not those of a store");
    return static_cast<int>(version);
  }

  void settings() {
    // TRUNCATE, not WAL: the WAL of SQLite 3.40 can lose a reset between two connections, and one small file is
    // easier to copy than three.
    database_.script(
        "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA locking_mode=NORMAL; PRAGMA foreign_keys=ON;"
        "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA cell_size_check=ON");
  }

  void migrate(int from, const std::string& vfs) {
    if (from == 0) database_.script("PRAGMA page_size=4096");
    Scope scope(database_, Scope::Kind::immediate);
    const auto now = static_cast<int>(pragma("PRAGMA user_version"));
    if (now == version_) return;  // another process was first
    if (now > 0) copy_to(database_.path() + ".before-v" + std::to_string(version_), vfs);
    // A step may change the words of a table whose rows it leaves alone.
    sqlite3_db_config(database_.handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    for (const Migration& step : steps_) {
      if (step.to > now) database_.script(step.sql);
    }
    sqlite3_db_config(database_.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    const std::string marks =
        "PRAGMA application_id=" + std::to_string(application_id) + "; PRAGMA user_version=" + std::to_string(version_);
    database_.script(marks.c_str());
    scope.commit();
  }

  /// The file as it was committed last, by a connection that reads beside the one that is about to change it.
  void copy_to(const std::string& path, const std::string& vfs) {
    const std::string part = path + ".part";
    ::unlink(part.c_str());
    make_file(part);
    {
      Database from(database_.path(), vfs), to(part, vfs);
      sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
      if (backup == nullptr) to.fail(sqlite3_extended_errcode(to.handle()), "copying the store before it is changed");
      const int code = sqlite3_backup_step(backup, -1);
      sqlite3_backup_finish(backup);
      if (code != SQLITE_DONE) to.fail(code, "copying the store before it is changed");
    }
    if (::rename(part.c_str(), path.c_str()) != 0) {
      throw Fault(SQLITE_IOERR, "store " + path + ": the copy could not be named: " + std::strerror(errno));
    }
  }

  Database& database_;
  std::span<const Migration> steps_;
  int version_;
};

}  // namespace

std::span<const Migration> migrations() {
  return all_migrations;
}

result<std::unique_ptr<Database>> open_database(const std::string& path, const std::string& vfs,
                                                std::span<const Migration> steps, Empty empty) {
  try {
    std::error_code error;
    if (fs::exists(path, error) && !fs::is_regular_file(path, error)) {
      throw Fault(SQLITE_CANTOPEN, "store " + path + ": this is no file");
    }
    const bool made = make_file(path);
    auto database = std::make_unique<Database>(path, vfs);
    Opening(*database, steps).bring_up(vfs, made || empty == Empty::filled);
    return database;
  } catch (const Fault& fault) {
    const bool refused =
        fault.primary() == SQLITE_NOTADB || fault.primary() == SQLITE_CANTOPEN || fault.primary() == SQLITE_CORRUPT;
    return Failure{refused ? Errc::config : Errc::store_unavailable, fault.what()};
  } catch (const std::exception& error) {
    return Failure{Errc::store_unavailable, "store " + path + ": " + error.what()};
  }
}

}  // namespace holdfast::store
