// What somebody with the file in hand can do, and `verify` finds.

#include <gmock/gmock.h>

#include <algorithm>

#include "holdfast/store/export.hpp"
#include "sqlite_driver.hpp"

namespace holdfast::store {
namespace {

class SqliteTampering : public SqliteStore {};

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

TEST_F(SqliteTampering, verify_finds_what_was_changed_in_the_trail_of_what_belongs_to_no_job) {
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

TEST_F(SqliteTampering, an_export_of_a_trail_whose_end_was_cut_off_says_so_and_so_does_its_check) {
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

TEST_F(SqliteTampering, an_export_ends_where_a_record_has_the_greatest_number_of_all) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, JobClosed{"job"}});
  tamper(path(), "UPDATE audit SET seq = 9223372036854775807 WHERE seq = 2");
  std::ostringstream out;
  EXPECT_NE(findings(write_export(*store, "job", out).value()).find("job 9223372036854775807 seq"), std::string::npos);
  EXPECT_TRUE(store->trail("job", std::uint64_t{1} << 63, 1).value().empty());
}

TEST_F(SqliteTampering, two_processes_write_into_one_trail_what_belongs_to_no_job) {
  const auto one = open_sqlite(path()), other = open_sqlite(path());
  other->act_as(living_owner());
  must(*one, {anonymous_end(1)});
  must(*other, {anonymous_end(2)});
  must(*one, {anonymous_end(3)});
  EXPECT_EQ(one->records("anonymous/2026-11-23/00001").value().size(), 3u);
  EXPECT_EQ(findings(one->verify("").value()), "");
}

TEST_F(SqliteTampering, verify_names_job_number_and_field_of_everything_that_was_tampered_with) {
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

TEST_F(SqliteTampering, verify_finds_rows_that_are_gone_together_with_what_their_job_says_of_itself) {
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
      {"UPDATE jobs SET name = 'other' WHERE job = 2",
       {"done 0 name: the job's name is other in the store; the trail says \n"}},
      {"UPDATE jobs SET patience = 'fast' WHERE job = 2", {"done 0 patience: the job's patience is fast"}},
      {"UPDATE jobs SET closed_at = NULL WHERE job = 2", {"done 0 closedAt: the job's closedAt is nothing"}},
      {"UPDATE jobs SET closed_at = closed_at + 1 WHERE job = 3", {"failed 0 closedAt"}},
      {"UPDATE jobs SET opened_at = opened_at - 1 WHERE job = 1", {"job 0 openedAt"}},
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

TEST_F(SqliteTampering, a_job_that_began_anew_behind_a_pruned_one_of_its_name_is_whole) {
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

TEST_F(SqliteTampering, verify_finds_a_consent_that_nobody_gave_and_one_that_was_changed_or_taken_away) {
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

TEST_F(SqliteTampering, verify_names_a_consent_that_was_applied_and_not_given) {
  auto store = open_sqlite(path());
  StandingConsent other = given;
  other.switch_to = "Claude";
  must(*store, {JobOpened{"job"}, ConsentGiven{"job", given}, ConsentApplied{"job", "op-1", 1, other}});
  const AuditReport report = store->verify("job").value();
  ASSERT_EQ(report.findings.size(), 1u) << findings(report);
  EXPECT_EQ(report.findings[0].seq, 3u);
  EXPECT_EQ(report.findings[0].field, "consent");
}

TEST_F(SqliteTampering, the_consents_of_an_earlier_run_are_neither_kept_nor_missed) {
  auto store = open_sqlite(path());
  must(*store, {JobOpened{"job"}, ConsentGiven{"job", given}, JobClosed{"job", JobState::failed}});
  must(*store, {JobOpened{.job_id = "job", .resumed = true}, ConsentApplied{"job", "op-1", 1, given}});
  EXPECT_EQ(findings(store->verify("job").value()), "") << "a resumed job has them still";
  must(*store, {JobClosed{"job"}});
  must(*store, {JobOpened{"job"}});
  EXPECT_TRUE(store->load("job").value()->consents.empty());
  EXPECT_EQ(findings(store->verify("job").value()), "");
}

}  // namespace
}  // namespace holdfast::store
