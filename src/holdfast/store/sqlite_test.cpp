#include "holdfast/store/sqlite.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>

#include <thread>

#include "holdfast/store/export.hpp"
#include "store_driver.hpp"

namespace holdfast::store {
namespace {

/// A connection beside the store, for what no caller of the store could do.
class Raw {
 public:
  explicit Raw(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
    run("PRAGMA synchronous=OFF");
  }
  ~Raw() { sqlite3_close(database_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  /// Empty where it worked.
  std::string run(const std::string& sql) {
    char* said = nullptr;
    sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &said);
    std::string out = said == nullptr ? "" : said;
    sqlite3_free(said);
    return out;
  }
  std::string value(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK) << sql;
    std::string out;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      out = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    return out;
  }
  void must(const std::string& sql) { EXPECT_EQ(run(sql), "") << sql; }

 private:
  sqlite3* database_ = nullptr;
};

class SqliteStore : public testing::Test {
 protected:
  std::string path() const { return folder_.file(); }
  Folder folder_;
};

// Opening.

TEST_F(SqliteStore, makes_its_folder_and_its_file_for_its_owner_alone) {
  const std::string path = folder_.file("deep/er/holdfast.db");
  const auto store = open("sqlite:" + path);
  ASSERT_TRUE(store.has_value()) << store.error().message;
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(folder_.file("deep").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  must(**store, {JobOpened{"job"}});
  ASSERT_EQ(::stat((path + "-journal").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(SqliteStore, refuses_what_is_no_place_for_a_file_and_names_the_forms_it_knows) {
  EXPECT_EQ(open("sqlite:").error().code, Errc::config);
  EXPECT_NE(open("mysql://x").error().message.find("sqlite:PATH"), std::string::npos);
  EXPECT_NE(open("sqlite:/proc/nowhere/x.db").error().message.find("/proc/nowhere"), std::string::npos);
  EXPECT_EQ(Sqlite::open(folder_.file("")).error().code, Errc::config);
}

TEST_F(SqliteStore, has_the_settings_that_its_reference_names) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}});
  Raw raw(path());
  EXPECT_EQ(raw.value("PRAGMA application_id"), std::to_string(application_id));
  EXPECT_EQ(raw.value("PRAGMA user_version"), "1");
  EXPECT_EQ(raw.value("PRAGMA journal_mode"), "delete") << "nothing of it is kept in the file but that it is no WAL";
  EXPECT_EQ(std::filesystem::file_size(path() + "-journal"), 0u) << "TRUNCATE";
}

TEST_F(SqliteStore, finds_everything_again_when_it_is_opened_anew) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job", "video", "longForm", "ana", false, a_plan()}, taken("job", "Ollama", 1)});
    must(*store, switched("job", "Ollama", "OpenAI", 2));
  }
  auto store = open_sqlite(path());
  EXPECT_EQ(store->load("job").value()->epoch, 2u);
  EXPECT_EQ(store->history("job").value().size(), 1u);
  EXPECT_EQ(store->job("job").value()->plan->text, a_plan()->text);
  EXPECT_EQ(store->statistics().value().active_locks, 1);
  EXPECT_EQ(findings(store->verify("job").value()), "");
  must(*store, {taken("job", "Ollama", 3)});  // goes on in the chain
  EXPECT_EQ(findings(store->verify("job").value()), "");
}

TEST_F(SqliteStore, refuses_what_is_no_store_and_leaves_it_as_it_is_to_the_byte) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job"}});
  }
  const std::string good = bytes_of(path());
  const auto flipped = [&](std::size_t at, char value) {
    std::string out = good;
    out[at] = value;
    return out;
  };
  Raw(folder_.file("other.db")).must("CREATE TABLE t(x); PRAGMA application_id=7");
  Raw(folder_.file("plain.db")).must("CREATE TABLE t(x)");
  const std::vector<std::pair<std::string, std::string>> all = {
      {"another program's", bytes_of(folder_.file("other.db"))},
      {"another program's, without a name", bytes_of(folder_.file("plain.db"))},
      {"garbage", std::string(10000, 'x')},
      {"a text", "[job]\nname = \"video\"\n"},
      {"cut", good.substr(0, good.size() / 2)},
      {"cut after the header", good.substr(0, 100)},
      {"its magic", flipped(3, 'x')},
      {"its page size", flipped(16, 3)},
      {"its format", flipped(18, 2)},
      {"its fractions", flipped(21, 1)},
      {"its encoding", flipped(59, 2)},
      {"its application", flipped(70, 0)},
      {"a newer version", flipped(63, 9)}};
  for (const auto& [what, bytes] : all) {
    const std::string file = folder_.file("refused.db");
    std::ofstream(file, std::ios::binary) << bytes;
    const auto refused = Sqlite::open(file);
    ASSERT_FALSE(refused.has_value()) << what;
    EXPECT_EQ(refused.error().code, Errc::config) << what << ": " << refused.error().message;
    EXPECT_NE(refused.error().message.find("refused.db"), std::string::npos) << what;
    EXPECT_EQ(bytes_of(file), bytes) << what;
    EXPECT_FALSE(std::filesystem::exists(file + "-journal")) << what;
  }
  EXPECT_NE(Sqlite::open(folder_.file("refused.db")).error().message.find("newer version"), std::string::npos);
}

TEST_F(SqliteStore, that_was_cut_to_nothing_is_not_made_anew_by_who_only_looks) {
  std::ofstream(path()).close();
  const auto refused = open("sqlite:" + path(), Empty::refused);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::config);
  EXPECT_NE(refused.error().message.find("it is empty"), std::string::npos) << refused.error().message;
  EXPECT_EQ(std::filesystem::file_size(path()), 0u);
  EXPECT_FALSE(std::filesystem::exists(path() + "-journal"));
  EXPECT_TRUE(open("sqlite:" + folder_.file("new.db"), Empty::refused).has_value()) << "one that is not there is made";
  EXPECT_TRUE(open("sqlite:" + path()).has_value()) << "who begins jobs fills it";
  EXPECT_TRUE(open("sqlite:" + path(), Empty::refused).has_value());
}

TEST_F(SqliteStore, opens_beside_a_process_that_is_writing) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}});
  Raw writer(path());
  writer.must("BEGIN IMMEDIATE; UPDATE counters SET jobs = 7");
  auto reader = Sqlite::open(path());
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  EXPECT_EQ((*reader)->statistics().value().total_jobs, 1);
  writer.must("ROLLBACK");
}

// Migrations.

constexpr const char* second_version = "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO extra VALUES(5);";

TEST_F(SqliteStore, an_older_file_is_copied_and_then_brought_up_to_date) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job", "video"}});
  }
  const std::vector<Migration> two = {migrations()[0], {2, second_version}};
  auto store = Sqlite::open(path(), {.migrations = two});
  ASSERT_TRUE(store.has_value()) << store.error().message;
  EXPECT_EQ((*store)->job("job").value()->name, "video");
  EXPECT_EQ(Raw(path()).value("SELECT x FROM extra"), "5");
  EXPECT_EQ(Raw(path()).value("PRAGMA user_version"), "2");
  const std::string copy = path() + ".before-v2";
  EXPECT_EQ(Raw(copy).value("PRAGMA user_version"), "1");
  EXPECT_EQ(open_sqlite(copy)->job("job").value()->name, "video");
  EXPECT_NE(Sqlite::open(path()).error().message.find("newer version"), std::string::npos);
  EXPECT_TRUE(Sqlite::open(path(), {.migrations = two}).has_value());
}

TEST_F(SqliteStore, a_migration_that_fails_leaves_the_old_file) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job", "video"}});
  }
  const std::vector<Migration> broken = {migrations()[0], {2, "CREATE TABLE extra(x INTEGER); SELECT nonsense();"}};
  EXPECT_FALSE(Sqlite::open(path(), {.migrations = broken}).has_value());
  EXPECT_EQ(Raw(path()).value("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), "0");
  EXPECT_EQ(open_sqlite(path())->job("job").value()->name, "video");
}

// Groups.

TEST_F(SqliteStore, a_transaction_that_breaks_a_rule_fails_alone_and_its_neighbours_are_kept) {
  auto store = open_sqlite(path());
  const std::vector<Transaction> all = {
      saves(1, {JobOpened{"a"}, taken("a", "Ollama", 1)}), saves(2, {JobOpened{"b"}, taken("b", "Ollama", 2)}),
      saves(3, {JobOpened{"c"}, decision("c", "Same", "same")}), saves(4, {JobOpened{"d"}})};
  const auto outcomes = store->commit(all);
  EXPECT_EQ(outcomes[0].kind, Outcome::Kind::saved);
  EXPECT_EQ(outcomes[1].kind, Outcome::Kind::failed);
  EXPECT_EQ(outcomes[1].code, Errc::stale_epoch);
  EXPECT_EQ(outcomes[2].kind, Outcome::Kind::failed);
  EXPECT_EQ(outcomes[2].code, Errc::invalid_argument);
  EXPECT_EQ(outcomes[3].kind, Outcome::Kind::saved);
  EXPECT_TRUE(store->job("a").value());
  EXPECT_FALSE(store->job("b").value());
  EXPECT_TRUE(store->records("b").value().empty());
  EXPECT_FALSE(store->job("c").value());
  EXPECT_TRUE(store->job("d").value());
  EXPECT_EQ(store->statistics().value().total_jobs, 2);
  EXPECT_EQ(findings(store->verify("").value()), "");
}

// What no caller can do.

TEST_F(SqliteStore, a_switch_without_its_decision_is_refused) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  const News end = ended(lock("job", "Ollama", 1), LockState::ended, "USER_REQUEST", 2);
  FallbackDecision unconfirmed = decision("job", "Ollama", "OpenAI");
  unconfirmed.user_confirmed = false;
  const News silent_release = ended(lock("job", "Ollama", 1), LockState::released, "", 2);
  const std::vector<std::vector<News>> all = {{end},
                                              {end, taken("job", "OpenAI", 2)},
                                              {unconfirmed, end, taken("job", "OpenAI", 2)},
                                              {decision("job", "Claude", "OpenAI"), end, taken("job", "OpenAI", 2)},
                                              {decision("job", "Ollama", "OpenAI"), end, taken("job", "Other", 2)},
                                              {silent_release, taken("job", "OpenAI", 2)}};
  for (const std::vector<News>& records : all) {
    const Outcome outcome = commit(*store, records);
    EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
    EXPECT_EQ(outcome.code, Errc::confirmation_required) << outcome.why;
  }
  EXPECT_TRUE(store->locks("job").value().at(0).active());
  EXPECT_TRUE(store->history("job").value().empty());
  must(*store, switched("job", "ollama", "OpenAI", 2));  // the same provider in another case
}

TEST_F(SqliteStore, an_absolute_lock_is_neither_switched_nor_unlocked) {
  auto store = open_sqlite(path());
  ProviderLock absolute = lock("job", "Ollama", 1);
  absolute.overridable = false;
  must(*store, {JobOpened{"job"}, LockTaken{absolute}});
  EXPECT_EQ(commit(*store, switched("job", "Ollama", "OpenAI", 2)).code, Errc::confirmation_required);
  EXPECT_EQ(commit(*store, {ended(absolute, LockState::unlocked, "please", 2)}).kind, Outcome::Kind::failed);
  must(*store, {ended(absolute, LockState::released, "", 2), JobClosed{"job", JobState::released, ""}});
}

TEST_F(SqliteStore, an_epoch_rises_by_one_and_is_shared_only_within_a_transaction) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, LockTaken{lock("job", "A", 1, {"a"})}});
  for (const std::uint64_t epoch : {0u, 1u, 3u}) {
    const Outcome outcome = commit(*store, {LockTaken{lock("job", "B", epoch, {"b"})}});
    EXPECT_EQ(outcome.code, Errc::stale_epoch) << epoch;
    EXPECT_NE(outcome.why.find("epoch 1"), std::string::npos) << outcome.why;
  }
  must(*store, {LockTaken{lock("job", "B", 2, {"b"})}, LockTaken{lock("job", "B", 2, {"c"})}});
  EXPECT_EQ(commit(*store, {ended(lock("job", "Nobody", 1), LockState::released, "", 3)}).code, Errc::stale_epoch);
  Raw raw(path());
  EXPECT_NE(raw.run("UPDATE jobs SET epoch = 1"), "");
  EXPECT_NE(raw.run("UPDATE jobs SET epoch = 9"), "");
}

TEST_F(SqliteStore, the_trail_is_neither_changed_nor_shortened_nor_filled_out_of_order) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, decision("job", "A", "B"), JobClosed{"job"}});
  Raw raw(path());
  EXPECT_NE(raw.run("UPDATE audit SET data = '{}' WHERE seq = 1"), "");
  EXPECT_NE(raw.run("DELETE FROM audit WHERE seq = 3"), "");
  EXPECT_NE(raw.run("DELETE FROM chains"), "");
  EXPECT_NE(raw.run("UPDATE chains SET count = 1"), "");
  EXPECT_NE(raw.run("INSERT INTO audit SELECT job, 5, time, kind, data, hash, hash FROM audit WHERE seq = 3"), "");
  EXPECT_NE(raw.run("INSERT INTO audit SELECT job, 4, time, kind, data, 'x', hash FROM audit WHERE seq = 3"), "");
  EXPECT_NE(raw.run("UPDATE decisions SET to_provider = 'C'"), "");
  EXPECT_NE(raw.run("UPDATE locks SET state = 'active'") + raw.run("UPDATE answers SET option = 'x'"), "x");
  EXPECT_EQ(findings(store->verify("").value()), "");
}

// What somebody with the file in hand can do, and `verify` finds.

struct Tampering {
  std::string sql, field;
  std::uint64_t seq;
};

/// As somebody would who can write the file.
void tamper(const std::string& path, const std::string& sql) {
  std::string triggers = "PRAGMA foreign_keys=OFF;";
  for (const char* each :
       {"audit_in_order", "audit_counted", "audit_not_changed", "audit_not_deleted", "chains_only_longer",
        "chains_not_deleted", "lock_ends_once", "lock_ends_at_the_epoch", "lock_at_the_epoch",
        "successor_has_its_decision", "decisions_not_changed", "answers_not_changed", "switch_has_its_decision"})
    triggers += std::string("DROP TRIGGER ") + each + ";";
  Raw(path).must(triggers + sql);
}

TEST_F(SqliteStore, verify_finds_what_was_changed_in_the_trail_of_what_belongs_to_no_job) {
  {
    auto store = open_sqlite(path());
    must(*store, {anonymous_end(1), anonymous_end(2), anonymous_end(3)});
    must(*store, {JobOpened{"innocent"}});
  }
  const std::string good = bytes_of(path());
  const std::vector<Tampering> all = {
      {"UPDATE audit SET data = replace(data, 'completed', 'cancelled') WHERE job = 1 AND seq = 2", "hash", 2},
      {"UPDATE audit SET data = replace(data, 'Ollama', 'Claude') WHERE job = 1 AND seq = 1", "hash", 1},
      {"DELETE FROM audit WHERE job = 1 AND seq = 2", "seq", 3},
      {"DELETE FROM audit WHERE job = 1 AND seq = 3", "count", 0},
      {"DELETE FROM audit WHERE job = 1 AND seq = 3; UPDATE chains SET count = 2 WHERE job = 1", "lastHash", 0},
      {"DELETE FROM chains WHERE job = 1", "count", 0}};
  for (const Tampering& tampering : all) {
    std::ofstream(path(), std::ios::binary) << good;
    tamper(path(), tampering.sql);
    const AuditReport report = open_sqlite(path())->verify("").value();
    EXPECT_TRUE(std::ranges::any_of(report.findings,
                                    [&](const AuditFinding& each) {
                                      const bool whose =
                                          each.job_id == "anonymous/2026-11-23/00001" || each.job_id == "(row 1)";
                                      return whose && each.field == tampering.field && each.seq == tampering.seq;
                                    }))
        << tampering.sql << ":\n"
        << findings(report);
  }
}

TEST_F(SqliteStore, an_export_of_a_trail_whose_end_was_cut_off_says_so_and_so_does_its_check) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job"}, decision("job", "A", "B"), decision("job", "B", "A"), JobClosed{"job"}});
    must(*store, {JobOpened{"innocent"}});
  }
  const std::string good = bytes_of(path());
  const auto exported = [&](const std::string& sql, const std::string& job) {
    std::ofstream(path(), std::ios::binary) << good;
    tamper(path(), sql);
    std::ostringstream out;
    const AuditReport report = write_export(*open_sqlite(path()), job, out).value();
    std::istringstream in(out.str());
    return std::pair(findings(report), findings(verify_export(in).value()));
  };
  for (const std::string job : {"", "job"}) {
    EXPECT_EQ(exported("", job), std::pair(std::string(), std::string()));
    for (const std::string sql :
         {"DELETE FROM audit WHERE job = 1 AND seq > 2", "DELETE FROM audit WHERE job = 1",
          "UPDATE chains SET count = 0 WHERE job = 1", "UPDATE chains SET count = 2 WHERE job = 1"}) {
      const auto [said, checked] = exported(sql, job);
      EXPECT_NE(said.find("job 0 count"), std::string::npos) << sql << ": " << said;
      EXPECT_NE(checked.find("job 0 count"), std::string::npos) << sql << ": " << checked;
    }
  }
  EXPECT_NE(exported("UPDATE audit SET data = '{}' WHERE job = 1 AND seq = 2", "job").first.find("job 2 hash"),
            std::string::npos);
  EXPECT_NE(exported("DELETE FROM chains WHERE job = 1", "").first.find("(row 1) 0 count"), std::string::npos);
}

TEST_F(SqliteStore, an_export_ends_where_a_record_has_the_greatest_number_of_all) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, JobClosed{"job"}});
  tamper(path(), "UPDATE audit SET seq = 9223372036854775807 WHERE seq = 2");
  std::ostringstream out;
  EXPECT_NE(findings(write_export(*store, "job", out).value()).find("job 9223372036854775807 seq"), std::string::npos);
  EXPECT_TRUE(store->trail("job", std::uint64_t{1} << 63, 1).value().empty());
}

TEST_F(SqliteStore, two_processes_write_into_one_trail_what_belongs_to_no_job) {
  const auto one = open_sqlite(path()), other = open_sqlite(path());
  other->act_as(living_owner());
  must(*one, {anonymous_end(1)});
  must(*other, {anonymous_end(2)});
  must(*one, {anonymous_end(3)});
  EXPECT_EQ(one->records("anonymous/2026-11-23/00001").value().size(), 3u);
  EXPECT_EQ(findings(one->verify("").value()), "");
}

TEST_F(SqliteStore, verify_names_job_number_and_field_of_everything_that_was_tampered_with) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1)});
    must(*store, switched("job", "Ollama", "OpenAI", 2));
    must(*store, {QuestionAnswered{.job_id = "job", .operation_id = "op-1", .ask = 1, .option = "try_alternative"}});
    must(*store, {JobOpened{"innocent"}});
  }
  const std::string good = bytes_of(path());
  const std::vector<Tampering> all = {
      {"UPDATE audit SET data = replace(data, 'OpenAI', 'Claude') WHERE seq = 3", "hash", 3},
      {"UPDATE audit SET time = time + 1 WHERE seq = 2", "hash", 2},
      {"UPDATE audit SET kind = 'job.closed' WHERE seq = 4", "hash", 4},
      {"UPDATE audit SET hash = 'x' WHERE seq = 2", "previous", 3},
      {"UPDATE audit SET data = '{' WHERE seq = 6", "data", 6},
      {"DELETE FROM audit WHERE seq = 3 AND job = 1", "seq", 4},
      {"DELETE FROM audit WHERE seq = 1 AND job = 1", "seq", 2},
      {"DELETE FROM audit WHERE seq = 6", "count", 0},
      {"DELETE FROM audit WHERE seq = 6; UPDATE chains SET count = 5 WHERE job = 1", "lastHash", 0},
      {"UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 "
       "WHERE "
       "seq = 99",
       "previous", 3},
      {"INSERT INTO audit SELECT job, 7, time, kind, data, previous, hash FROM audit WHERE seq = 6", "previous", 7},
      {"DELETE FROM chains WHERE id = 'job'", "count", 0},
      {"UPDATE decisions SET to_provider = 'Claude'", "toProvider", 3},
      {"UPDATE decisions SET user_confirmed = 0", "userConfirmed", 3},
      {"DELETE FROM decisions", "decision", 3},
      {"UPDATE locks SET provider = 'Claude' WHERE seq = 5", "providerName", 5},
      {"UPDATE locks SET state = 'active', reason = '' WHERE seq = 2", "state", 2},
      {"DELETE FROM locks WHERE seq = 5", "lock", 5},
      {"INSERT INTO locks SELECT job, 4, provider, type, correlation, 1, stages, except_stages, 'active', 0, NULL, '', "
       "2, "
       "NULL FROM locks WHERE seq = 5",
       "lock", 4},
      {"UPDATE answers SET option = 'cancel_job'", "option", 6},
      {"DELETE FROM answers", "answer", 6}};
  for (const Tampering& tampering : all) {
    std::ofstream(path(), std::ios::binary) << good;
    tamper(path(), tampering.sql);
    auto store = open_sqlite(path());
    const AuditReport report = store->verify("").value();
    bool named = false;
    for (const AuditFinding& finding : report.findings) {
      const bool gone = tampering.sql.find("FROM chains WHERE id") != std::string::npos;
      EXPECT_TRUE(finding.job_id == "job" || gone) << finding.job_id;
      named = named || (finding.field == tampering.field && finding.seq == tampering.seq);
    }
    EXPECT_TRUE(named) << tampering.sql << " should be found in " << tampering.field << " of " << tampering.seq
                       << ", found:\n"
                       << findings(report);
  }
}

TEST_F(SqliteStore, verify_finds_rows_that_are_gone_together_with_what_their_job_says_of_itself) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1)});
    must(*store, switched("job", "Ollama", "OpenAI", 2));
    must(*store, {QuestionAnswered{.job_id = "job", .operation_id = "op-1", .ask = 1, .option = "try_alternative"}});
    must(*store, {JobOpened{"done"}, JobClosed{"done", JobState::done}});
    must(*store, {JobOpened{"failed"}, JobClosed{"failed", JobState::failed}});
    must(*store, {Refused{.job_id = "refused"}, anonymous_end(1)});
    EXPECT_EQ(findings(store->verify("").value()), "");
  }
  const std::string good = bytes_of(path());
  const std::vector<std::pair<std::string, std::vector<std::string>>> all = {
      {"UPDATE jobs SET first_seq = 99 WHERE job = 1; DELETE FROM locks; DELETE FROM decisions; DELETE FROM answers",
       {"job 0 firstSeq: the job's firstSeq is 99 in the store; the trail says 1\n", "job 2 lock", "job 3 decision",
        "job 5 lock", "job 6 answer"}},
      {"PRAGMA foreign_keys=ON; DELETE FROM jobs WHERE job = 1", {"job 0 job: the job's row is gone"}},
      {"PRAGMA foreign_keys=ON; DELETE FROM jobs WHERE job = 3", {"failed 0 job: the job's row is gone"}},
      {"UPDATE jobs SET state = 'failed' WHERE job = 2",
       {"done 0 state: the job's state is failed in the store; the trail says done\n"}},
      {"DROP TRIGGER epochs_only_rise; UPDATE jobs SET epoch = 99 WHERE job = 1",
       {"job 0 epoch: the job's epoch is 99 in the store; the trail says 2\n"}},
      {"UPDATE locks SET ended_epoch = 99 WHERE seq = 2",
       {"job 2 endedEpoch: the lock's endedEpoch is 99 in the store; the trail says 2\n"}},
      {"UPDATE decisions SET moves_to = 99",
       {"job 3 movesTo: the decision's movesTo is 99 in the store; the trail says 2\n"}},
      {"INSERT INTO jobs(job, first_seq, name, patience, state, opened_at) VALUES(4, 1, '', '', 'running', 0)",
       {"refused 0 firstSeq: the job's firstSeq is 1 in the store; the trail says nothing of a job\n"}},
      {"INSERT INTO jobs(job, first_seq, name, patience, state, opened_at) VALUES(5, 1, '', '', 'running', 0)",
       {"anonymous/2026-11-23/00001 0 firstSeq"}}};
  for (const auto& [sql, expected] : all) {
    std::ofstream(path(), std::ios::binary) << good;
    tamper(path(), sql);
    const AuditReport report = open_sqlite(path())->verify("").value();
    EXPECT_EQ(report.findings.size(), expected.size()) << sql << ":\n" << findings(report);
    for (const std::string& each : expected)
      EXPECT_NE(findings(report).find(each), std::string::npos) << each << " in:\n" << findings(report);
  }
}

TEST_F(SqliteStore, a_job_that_began_anew_behind_a_pruned_one_of_its_name_is_whole) {
  auto store = open_sqlite(path());
  const auto whole = [&](const char* when) { EXPECT_EQ(findings(store->verify("").value()), "") << when; };
  const auto pruned = [&] { EXPECT_EQ(store->prune(noon + 1h, false).value().jobs, 1u); };
  must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1), decision("job", "Ollama", "OpenAI")});
  must(*store, {ended(lock("job", "Ollama", 1), LockState::released, "", 2), JobClosed{"job", JobState::failed}});
  must(*store, {JobOpened{.job_id = "job", .resumed = true}});
  whole("resumed");
  must(*store, {taken("job", "Ollama", 3), JobClosed{"job", JobState::cancelled}});
  must(*store, {JobOpened{"job"}});
  whole("opened again behind its end");
  must(*store, {taken("job", "OpenAI", 4), LockTaken{lock("job", "OpenAI", 4, {"b"})}, decision("job", "A", "B")});
  whole("with two locks of one epoch");
  must(*store, {JobClosed{"job", JobState::released}});
  pruned();
  whole("pruned");
  must(*store, {Refused{.job_id = "job"}});
  must(*store, {ended_as(started("job", "op-1", "s"), OperationPhase::cancelled)});
  whole("a late record behind it");
  must(*store, {JobOpened{"job"}, decision("job", "A", "B")});
  whole("opened behind the pruned one, without a lock");
  must(*store, {taken("job", "Ollama", 1)});
  whole("with a lock");
  must(*store, {JobClosed{"job"}});
  pruned();
  must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1), JobClosed{"job"}});
  whole("and once more, its first epoch again 1");
}

const StandingConsent given{.id = "consent-1",
                            .minimum_silence = 10min,
                            .switch_to = "OpenAI",
                            .provider_type = "cloud_llm",
                            .given_by = "ana"};

TEST_F(SqliteStore, verify_finds_a_consent_that_nobody_gave_and_one_that_was_changed_or_taken_away) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job"}, ConsentGiven{"job", given}, ConsentApplied{"job", "op-1", 1, given}});
    EXPECT_EQ(findings(store->verify("").value()), "");
  }
  const std::string good = bytes_of(path());
  const std::vector<Tampering> all = {
      {"INSERT INTO consents VALUES(1, 3, 'consent-2', 1, 0, 'Claude', 'cloud_llm', 'ana')", "consent", 3},
      {"UPDATE consents SET switch_to = 'Claude'", "switchTo", 2},
      {"UPDATE consents SET on_error = 1", "when", 2},
      {"UPDATE consents SET minimum_silence_ms = 0", "minimumSilenceMs", 2},
      {"DELETE FROM consents", "consent", 2}};
  for (const Tampering& tampering : all) {
    std::ofstream(path(), std::ios::binary) << good;
    tamper(path(), tampering.sql);
    const AuditReport report = open_sqlite(path())->verify("").value();
    ASSERT_EQ(report.findings.size(), 1u + (tampering.field == "when")) << tampering.sql << ":\n" << findings(report);
    EXPECT_EQ(report.findings[0].field, tampering.field) << findings(report);
    EXPECT_EQ(report.findings[0].seq, tampering.seq) << findings(report);
  }
}

TEST_F(SqliteStore, verify_names_a_consent_that_was_applied_and_not_given) {
  auto store = open_sqlite(path());
  StandingConsent other = given;
  other.switch_to = "Claude";
  must(*store, {JobOpened{"job"}, ConsentGiven{"job", given}, ConsentApplied{"job", "op-1", 1, other}});
  const AuditReport report = store->verify("job").value();
  ASSERT_EQ(report.findings.size(), 1u) << findings(report);
  EXPECT_EQ(report.findings[0].seq, 3u);
  EXPECT_EQ(report.findings[0].field, "consent");
}

TEST_F(SqliteStore, the_consents_of_an_earlier_run_are_neither_kept_nor_missed) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, ConsentGiven{"job", given}, JobClosed{"job", JobState::failed}});
  must(*store, {JobOpened{.job_id = "job", .resumed = true}, ConsentApplied{"job", "op-1", 1, given}});
  EXPECT_EQ(findings(store->verify("job").value()), "") << "a resumed job has them still";
  must(*store, {JobClosed{"job"}});
  must(*store, {JobOpened{"job"}});
  EXPECT_TRUE(store->load("job").value()->consents.empty());
  EXPECT_EQ(findings(store->verify("job").value()), "");
}

// Owners.

TEST_F(SqliteStore, a_job_of_a_living_process_is_neither_read_for_acting_nor_changed) {
  auto theirs = open_sqlite(path()), ours = open_sqlite(path());
  const Owner other = living_owner();
  ASSERT_TRUE(alive(other));
  theirs->act_as(other);
  must(*theirs, {JobOpened{"job"}, taken("job", "Ollama", 1)});

  const auto load = ours->load("job");
  ASSERT_FALSE(load.has_value());
  EXPECT_EQ(load.error().code, Errc::store_held);
  for (const std::string& part : {std::to_string(other.pid), other.program, other.socket, std::string("job job")})
    EXPECT_NE(load.error().message.find(part), std::string::npos) << load.error().message;
  const Outcome outcome = commit(*ours, {JobClosed{"job"}});
  EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
  EXPECT_EQ(outcome.code, Errc::store_held);
  EXPECT_EQ(ours->job("job").value()->owner, other);
  EXPECT_EQ(ours->job("job").value()->state, JobState::running);

  ASSERT_TRUE(theirs->let_go().has_value());
  EXPECT_FALSE(ours->job("job").value()->owner);
  EXPECT_TRUE(ours->load("job").value()->lost.empty());
  must(*ours, {JobClosed{"job"}});
  EXPECT_FALSE(ours->job("job").value()->owner) << "what is closed has no owner";
}

TEST_F(SqliteStore, a_dead_owner_is_replaced_and_its_open_operations_are_lost) {
  const OperationStarted running = started("job", "op-1", "script"), whole = started("job", "op-2", "script");
  {
    auto theirs = open_sqlite(path());
    theirs->act_as(dead_owner());
    must(*theirs, {JobOpened{"job"}, taken("job", "Ollama", 1), whole, running}, noon + 3s);
    must(*theirs, {suspected(running, 1), resolved(running, 1, "progress"), suspected(running, 2),
                   ended_as(whole, OperationPhase::completed)});
  }
  auto reader = open_sqlite(path());
  EXPECT_THAT(reader->left_running(dead_owner().program).value(), testing::ElementsAre("job"));
  EXPECT_THAT(reader->left_running("another program").value(), testing::IsEmpty());
  const auto row = reader->job("job").value();
  EXPECT_EQ(row->state, JobState::interrupted);
  EXPECT_FALSE(row->owner);
  EXPECT_EQ(row->stages.at(0).state, StageState::done) << "an operation of it was completed";

  auto ours = open_sqlite(path());
  const Owner me = this_process("holdfast run", "/run/me.sock");
  ours->act_as(me);
  const auto image = ours->load("job").value();
  ASSERT_EQ(image->lost.size(), 1u);
  EXPECT_EQ(image->lost[0].started.operation_id, "op-1");
  EXPECT_EQ(image->lost[0].started.provider_name, "Ollama");
  EXPECT_EQ(image->lost[0].started_at, noon + 3s);
  EXPECT_EQ(image->lost[0].open_stall, 2);
  EXPECT_EQ(image->lost[0].asks, 2);
  EXPECT_EQ(reader->job("job").value()->owner, me);
  EXPECT_EQ(reader->job("job").value()->state, JobState::running);
  must(*ours, {ended_as(running, OperationPhase::interrupted)});
  EXPECT_TRUE(ours->load("job").value()->lost.empty());
  EXPECT_THAT(reader->left_running(dead_owner().program).value(), testing::IsEmpty());
}

TEST_F(SqliteStore, a_job_with_a_stall_that_is_asked_about_waits) {
  auto store = open_sqlite(path());
  const OperationStarted running = started("job", "op-1", "script");
  must(*store, {JobOpened{"job"}, running});
  EXPECT_EQ(store->job("job").value()->state, JobState::running);
  must(*store, {suspected(running, 1)});
  EXPECT_EQ(store->job("job").value()->state, JobState::waiting);
  EXPECT_EQ(store->jobs({.active_only = true}).value().at(0).state, JobState::waiting);
  must(*store, {resolved(running, 1, "progress")});
  EXPECT_EQ(store->job("job").value()->state, JobState::running);
}

// After a full disk it was shown as running for ever, and nothing said that it could be resumed.
TEST_F(SqliteStore, a_job_file_that_nobody_runs_is_interrupted) {
  auto store = open_sqlite(path());
  JobOpened opened{"job"};
  opened.plan = std::make_shared<const JobPlan>();
  must(*store, {opened, JobOpened{"named"}});
  EXPECT_EQ(store->job("job").value()->state, JobState::running);
  ASSERT_TRUE(store->let_go().has_value());
  EXPECT_EQ(store->job("job").value()->state, JobState::interrupted);
  EXPECT_EQ(store->job("named").value()->state, JobState::running) << "it goes on with its next request";
}

TEST_F(SqliteStore, what_runs_in_this_process_is_not_lost) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, started("job", "op-1", "script")});
  EXPECT_TRUE(store->load("job").value()->lost.empty());
  EXPECT_THAT(open_sqlite(path())->left_running("").value(), testing::IsEmpty()) << "its process lives";
  ASSERT_TRUE(store->let_go().has_value());
  EXPECT_EQ(store->load("job").value()->lost.size(), 1u) << "nobody acts for it any more";
}

TEST_F(SqliteStore, writers_that_died_and_hold_nothing_are_forgotten) {
  {
    auto theirs = open_sqlite(path());
    theirs->act_as(dead_owner());
    must(*theirs, {JobOpened{"job"}, JobClosed{"job"}});
  }
  auto ours = open_sqlite(path());
  must(*ours, {JobOpened{"other"}});
  EXPECT_EQ(Raw(path()).value("SELECT count(*) FROM writers"), "1");
}

TEST_F(SqliteStore, two_writers_and_a_reader_at_once_hear_of_no_busy_file) {
  open_sqlite(path());
  constexpr int rounds = 60;
  const auto write = [&](const std::string& name) {
    auto store = open_sqlite(path());
    for (int i = 0; i < rounds; ++i)
      must(*store, {JobOpened{name + std::to_string(i)}, taken(name + std::to_string(i), "Ollama", 1)});
  };
  std::atomic<bool> over{false};
  std::thread a(write, "a"), b(write, "b");
  std::thread reader([&] {
    auto store = open_sqlite(path());
    while (!over) {
      const auto rows = store->jobs({.limit = 20});
      ASSERT_TRUE(rows.has_value()) << rows.error().message;
      for (const JobRow& row : *rows)
        EXPECT_EQ(row.locks.size(), 1u) << "half of a transaction is seen";
    }
  });
  a.join();
  b.join();
  over = true;
  reader.join();
  auto store = open_sqlite(path());
  EXPECT_EQ(store->statistics().value().total_jobs, 2 * rounds);
  EXPECT_EQ(findings(store->verify("").value()), "");
}

TEST(Owner, is_alive_while_number_start_and_boot_are_those_of_a_process) {
  Owner me = this_process("p", "s");
  EXPECT_TRUE(alive(me));
  EXPECT_EQ(text(me), "process " + std::to_string(me.pid) + " (p, socket s)");
  Owner later = me;
  ++later.start_time;
  EXPECT_FALSE(alive(later));
  EXPECT_FALSE(same_process(me, later));
  Owner rebooted = me;
  rebooted.boot_id = "another";
  EXPECT_FALSE(alive(rebooted));
  EXPECT_FALSE(alive(Owner{}));
}

}  // namespace
}  // namespace holdfast::store
