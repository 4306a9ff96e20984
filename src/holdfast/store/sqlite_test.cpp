#include "holdfast/store/sqlite.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>

#include <thread>

#include "sqlite_driver.hpp"

namespace holdfast::store {
namespace {

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
  EXPECT_EQ(raw.value("PRAGMA user_version"), "2");
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

std::vector<Migration> and_one_more(const char* sql) {
  std::vector<Migration> out(migrations().begin(), migrations().end());
  out.push_back({out.back().to + 1, sql});
  return out;
}

TEST_F(SqliteStore, an_older_file_is_copied_and_then_brought_up_to_date) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job", "video"}});
  }
  const auto more = and_one_more("CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO extra VALUES(5);");
  auto store = Sqlite::open(path(), {.migrations = more});
  ASSERT_TRUE(store.has_value()) << store.error().message;
  EXPECT_EQ((*store)->job("job").value()->name, "video");
  EXPECT_EQ(Raw(path()).value("SELECT x FROM extra"), "5");
  EXPECT_EQ(Raw(path()).value("PRAGMA user_version"), "3");
  const std::string copy = path() + ".before-v3";
  EXPECT_EQ(Raw(copy).value("PRAGMA user_version"), "2");
  EXPECT_EQ(open_sqlite(copy)->job("job").value()->name, "video");
  EXPECT_NE(Sqlite::open(path()).error().message.find("newer version"), std::string::npos);
  EXPECT_TRUE(Sqlite::open(path(), {.migrations = more}).has_value());
}

TEST_F(SqliteStore, a_migration_that_fails_leaves_the_old_file) {
  {
    auto store = open_sqlite(path());
    must(*store, {JobOpened{"job", "video"}});
  }
  const auto broken = and_one_more("CREATE TABLE extra(x INTEGER); SELECT nonsense();");
  EXPECT_FALSE(Sqlite::open(path(), {.migrations = broken}).has_value());
  EXPECT_EQ(Raw(path()).value("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), "0");
  EXPECT_EQ(open_sqlite(path())->job("job").value()->name, "video");
}

TEST_F(SqliteStore, a_file_of_the_first_version_keeps_its_rows_and_gets_the_rules_of_this_one) {
  const OperationStarted running = started("b", "op-1", "text");
  {
    auto old = Sqlite::open(path(), {.migrations = migrations().first(1)}).value();
    old->act_as(dead_owner());
    must(*old, {JobOpened{"a", "video", "longForm", "ana", false, a_plan()}, taken("a", "Ollama", 1)});
    must(*old, switched("a", "Ollama", "OpenAI", 2));
    must(*old, {JobOpened{"b"}, taken("b", "Ollama", 1), running});
    must(*old, {JobOpened{"c"}, taken("c", "Ollama", 1)});
    must(*old, {ended(lock("c", "Ollama", 1), LockState::released, "", 2), JobClosed{"c", JobState::released, ""}});
  }
  auto store = open_sqlite(path());
  Raw raw(path());
  EXPECT_EQ(raw.value("PRAGMA user_version"), "2");
  EXPECT_EQ(raw.value("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(raw.value("PRAGMA foreign_key_check"), "");
  const std::string lists = "SELECT count(*) FROM sqlite_schema WHERE name IN ('jobs','locks','jobs_active') AND sql ";
  EXPECT_EQ(raw.value(lists + "LIKE '% IN (%'"), "0") << "the words were found and replaced";
  EXPECT_EQ(raw.value("SELECT count(*) FROM sqlite_schema WHERE name IN ('audit','locks') AND sql LIKE '%REFERENCES%'"),
            "0");
  EXPECT_EQ(findings(store->verify("").value()), "");
  EXPECT_EQ(store->jobs({.active_only = true}).value().size(), 2u);
  EXPECT_EQ(store->load("b").value()->lost.size(), 1u) << "the job of a dead owner";
  must(*store, {ended_as(running, OperationPhase::interrupted)});
  must(*store, switched("a", "OpenAI", "Claude", 3));
  EXPECT_EQ(commit(*store, {ended(lock("b", "Ollama", 1), LockState::ended, "USER_REQUEST", 2)}).code,
            Errc::confirmation_required);
  EXPECT_EQ(findings(store->verify("").value()), "");
}

TEST_F(SqliteStore, what_takes_the_place_of_a_reference_refuses_what_it_refused) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  Raw raw(path());
  const std::string lock =
      "INSERT INTO locks SELECT 99, seq, provider, type, correlation, overridable, stages, "
      "except_stages, state, locked_at, ended_at, reason, epoch, ended_epoch FROM locks";
  EXPECT_NE(raw.run(lock), "") << "a lock of no job";
  EXPECT_NE(raw.run("INSERT INTO audit SELECT 99, 1, time, kind, data, '', hash FROM audit WHERE seq = 1"), "")
      << "a record of no trail";
  EXPECT_NE(raw.run("DELETE FROM writers"), "") << "the owner of a job";
  EXPECT_NE(raw.run("UPDATE jobs SET state = 'done'"), "") << "an owner of what is over";
  EXPECT_NE(raw.run("UPDATE jobs SET state = 'lost'"), "") << "a state that there is not";
  EXPECT_NE(raw.run("UPDATE locks SET state = 'lost', ended_epoch = 1"), "");
  raw.must("DELETE FROM jobs");
  EXPECT_EQ(raw.value("SELECT count(*) FROM locks"), "0");
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
  EXPECT_THAT(reader->left_running(dead_owner().program).value(), testing::IsEmpty());
}

// The first process that looked was told of it, and no other.
TEST_F(SqliteStore, an_interrupted_operation_is_lost_until_somebody_has_answered_for_it) {
  const auto interrupt = [&](Store& store) {
    for (const std::string stage : {"script", "images"}) {
      const OperationStarted running = started("job", "op-" + stage, stage);
      must(store, {running, suspected(running, 1), resolved(running, 1, "end"),
                   ended_as(running, OperationPhase::interrupted)});
    }
  };
  const auto lost = [](Store& store) {
    std::vector<std::string> ids;
    const event::JobImage image = *store.load("job").value();
    for (const event::LostOperation& each : image.lost) {
      EXPECT_TRUE(each.ended);
      EXPECT_EQ(each.open_stall, 0);
      EXPECT_EQ(each.asks, 1);
      ids.push_back(each.started.operation_id);
    }
    return ids;
  };
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  interrupt(*store);
  EXPECT_THAT(lost(*store), testing::ElementsAre("op-script", "op-images"));
  ASSERT_TRUE(store->let_go().has_value());
  EXPECT_THAT(lost(*store), testing::SizeIs(2));
  EXPECT_FALSE(store->job("job").value()->owner) << "to look at what has ended takes nothing over";

  QuestionAnswered answered{.job_id = "job", .operation_id = "op-script", .kind = QuestionKind::hard_error};
  must(*store, {answered});
  EXPECT_THAT(lost(*store), testing::SizeIs(2)) << "that was about something else";
  answered.kind = QuestionKind::interrupted;
  must(*store, {answered});
  EXPECT_THAT(lost(*store), testing::ElementsAre("op-images"));
  must(*store,
       {StageFinished{{.job_id = "job", .stage_name = "Images", .items = 1, .items_done = 1, .finished = true}}});
  EXPECT_THAT(lost(*store), testing::IsEmpty()) << "what it was to make is there";

  interrupt(*store);
  JobOpened resumed{"job"};
  resumed.resumed = true;
  resumed.anew = {"SCRIPT"};
  must(*store, {resumed});
  EXPECT_THAT(lost(*store), testing::ElementsAre("op-images"));
  must(*store, {JobClosed{"job", JobState::failed}});
  EXPECT_THAT(lost(*store), testing::SizeIs(1)) << "it can be resumed";
  must(*store, {JobOpened{"job"}});
  EXPECT_THAT(lost(*store), testing::IsEmpty()) << "it begins from its start";
  interrupt(*store);
  const OperationStarted late = started("job", "op-late", "script");
  must(*store, {late, JobClosed{"job", JobState::cancelled}, ended_as(late, OperationPhase::interrupted)});
  EXPECT_THAT(lost(*store), testing::IsEmpty()) << "the job is over";
}

// A daemon that took over what had run opened the job again that somebody had released.
TEST_F(SqliteStore, what_a_dead_process_left_running_of_a_job_that_is_over_is_nothing_to_take_over) {
  {
    auto theirs = open_sqlite(path());
    theirs->act_as(dead_owner());
    must(*theirs, {JobOpened{"job"}, started("job", "op-1", "script"), JobOpened{"over"},
                   started("over", "op-2", "script"), JobClosed{"over", JobState::released}});
  }
  EXPECT_THAT(open_sqlite(path())->left_running(dead_owner().program).value(), testing::ElementsAre("job"));
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
