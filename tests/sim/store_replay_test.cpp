#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "holdfast/store/audit.hpp"
#include "holdfast/store/memory.hpp"
#include "holdfast/store/sqlite.hpp"
#include "saved.hpp"

namespace holdfast::sim {
namespace {

constexpr int jobs = 64;
constexpr std::size_t group = 24;

std::string problem(const store::Transaction& transaction, const store::Outcome& outcome) {
  std::string out = outcome.why;
  for (const News& record : transaction.records)
    out += "\n  " + std::string(event_name(record)) + " " + job_of(record);
  return out;
}

TEST(StoreReplay, WhatTheMachineSendsIsKeptTheSameInMemoryAndInSqlite) {
  std::ptrdiff_t anonymous = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto path = std::filesystem::path(testing::TempDir()) / ("replay-" + std::to_string(::getpid()) + ".db");
    std::filesystem::remove(path);
    auto sqlite = store::Sqlite::open(path.string()).value();
    store::Memory memory;
    const std::vector<store::Transaction> all = saved(seed, jobs);
    ASSERT_GT(all.size(), 100u);
    for (std::size_t at = 0; at < all.size(); at += group) {
      const std::span some(all.data() + at, std::min(group, all.size() - at));
      memory.commit(some);
      const auto outcomes = sqlite->commit(some);
      for (std::size_t i = 0; i < some.size(); ++i) {
        ASSERT_EQ(outcomes[i].kind, store::Outcome::Kind::saved)
            << "seed " << seed << ": " << problem(some[i], outcomes[i]);
      }
    }
    const auto rows = memory.jobs({.limit = 1000}).value();
    const auto kept = sqlite->jobs({.limit = 1000}).value();
    ASSERT_EQ(rows.size(), kept.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].job_id, kept[i].job_id);
      EXPECT_EQ(rows[i].state, kept[i].state) << rows[i].job_id;
      EXPECT_EQ(rows[i].epoch, kept[i].epoch) << rows[i].job_id;
      EXPECT_EQ(rows[i].locks, kept[i].locks) << rows[i].job_id;
      const auto image = memory.load(rows[i].job_id).value(), loaded = sqlite->load(rows[i].job_id).value();
      EXPECT_EQ(image->consents, loaded->consents);
      EXPECT_EQ(std::set(image->finished_stages.begin(), image->finished_stages.end()),
                std::set(loaded->finished_stages.begin(), loaded->finished_stages.end()));
      EXPECT_EQ(memory.history(rows[i].job_id).value(), sqlite->history(rows[i].job_id).value());
      EXPECT_EQ(memory.trail(rows[i].job_id, 1, 100000).value(), sqlite->trail(rows[i].job_id, 1, 100000).value());
    }
    const auto trails = memory.trails("", 1000).value();
    EXPECT_EQ(trails, sqlite->trails("", 1000).value());
    anonymous += std::ranges::count_if(trails, &store::is_anonymous);
    for (const std::string& each : trails)
      EXPECT_EQ(memory.trail(each, 1, 100000).value(), sqlite->trail(each, 1, 100000).value()) << each;
    const Statistics counted = memory.statistics().value(), stored = sqlite->statistics().value();
    EXPECT_EQ(counted.total_jobs, stored.total_jobs);
    EXPECT_EQ(counted.active_locks, stored.active_locks);
    EXPECT_EQ(counted.total_fallback_decisions, stored.total_fallback_decisions);
    EXPECT_EQ(counted.fallback_rate, stored.fallback_rate);
    EXPECT_EQ(counted.stall_questions, stored.stall_questions);
    EXPECT_EQ(counted.stalls_resolved_by_progress, stored.stalls_resolved_by_progress);
    const AuditReport report = sqlite->verify("").value();
    EXPECT_GT(report.records, 500u);
    for (const AuditFinding& finding : report.findings)
      ADD_FAILURE() << "seed " << seed << " job " << finding.job_id << " " << finding.field << ": " << finding.message;
    std::filesystem::remove(path);
  }
  EXPECT_GT(anonymous, 0);
}

}  // namespace
}  // namespace holdfast::sim
