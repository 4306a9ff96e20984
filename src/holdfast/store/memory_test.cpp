#include "holdfast/store/memory.hpp"

#include <gtest/gtest.h>

namespace holdfast::store {
namespace {

ProviderLock lock(const std::string& job, const std::string& provider, std::uint64_t epoch) {
  return {.job_id = job, .provider_name = provider, .provider_type = "local_llm", .epoch = epoch};
}

Transaction transaction(std::vector<News> records) {
  return {SaveId{1}, WallTime{}, std::move(records)};
}

TEST(Memory, KeepsAJobWithItsLocksAndEpoch) {
  Memory store;
  ProviderLock ended = lock("job", "Ollama", 1);
  ended.state = LockState::ended;
  ended.reason = "USER_REQUEST";
  const std::vector all = {
      transaction({JobOpened{"job", "video", "longForm", "ana"}, LockTaken{lock("job", "Ollama", 1)}}),
      transaction({FallbackDecision::user_requested("job", "Ollama", "OpenAI", milliseconds(5), "c"),
                   LockEnded{ended, 2}, LockTaken{lock("job", "OpenAI", 2)}}),
      transaction({StageFinished{{.job_id = "job", .stage_name = "script", .finished = true}}})};
  EXPECT_EQ(store.commit(all).size(), 3u);

  const auto image = store.load("job").value();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->name, "video");
  EXPECT_EQ(image->patience, "longForm");
  EXPECT_EQ(image->epoch, 2u);
  ASSERT_EQ(image->locks.size(), 2u);
  EXPECT_EQ(image->locks[0].state, LockState::ended);
  EXPECT_TRUE(image->locks[1].active());
  EXPECT_EQ(image->finished_stages, std::vector<std::string>{"script"});
  EXPECT_EQ(store.locks("job").value(), image->locks);
  EXPECT_EQ(store.history("job").value().size(), 1u);
  EXPECT_TRUE(store.contains(SaveId{1}).value());
}

TEST(Memory, NumbersTheRecordsOfEachJobFromOne) {
  Memory store;
  store.commit(std::vector{transaction({JobOpened{"a", "", "", ""}, JobOpened{"b", "", "", ""}, JobClosed{"a"}})});
  const auto records = store.records("a").value();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].seq, 2u);
  EXPECT_EQ(event_name(records[1].record), "job.closed");
  EXPECT_EQ(store.records("b").value().size(), 1u);
}

TEST(Memory, SaysNothingOfJobsItNeverHeardOf) {
  Memory store;
  EXPECT_FALSE(store.load("x").value());
  EXPECT_TRUE(store.locks("x").value().empty());
  EXPECT_TRUE(store.history("x").value().empty());
  EXPECT_TRUE(store.records("x").value().empty());
  EXPECT_EQ(store.statistics().value().total_jobs, 0);
  EXPECT_EQ(store.statistics().value().fallback_rate, 0.0);
}

TEST(Memory, CountsOverAllTimeAndJobsWithADecisionOnce) {
  Memory store;
  StallResolved resolved;
  resolved.job_id = "a";
  resolved.by = "progress";
  Question question;
  question.job_id = "a";
  store.commit(std::vector{transaction(
      {JobOpened{"a", "", "", ""}, JobOpened{"b", "", "", ""}, LockTaken{lock("b", "Ollama", 1)},
       FallbackDecision::user_requested("a", "x", "y", milliseconds(1), ""),
       FallbackDecision::after_stall("a", "y", "z", milliseconds(1), "", {}, milliseconds(1)),
       FallbackDecision::after_fatal_error("a", "z", "x", milliseconds(1), "", {}, "e", true),
       FallbackDecision::legacy_auto("a", "z", "x", milliseconds(1), ""), QuestionOpened{question}, resolved})});
  const Statistics all = store.statistics().value();
  EXPECT_EQ(all.total_fallback_decisions, 4);
  EXPECT_EQ(all.user_requested_fallbacks, 1);
  EXPECT_EQ(all.after_stall_fallbacks, 1);
  EXPECT_EQ(all.error_triggered_fallbacks, 1);
  EXPECT_EQ(all.stall_questions, 1);
  EXPECT_EQ(all.stalls_resolved_by_progress, 1);
  EXPECT_EQ(all.active_locks, 1);
  EXPECT_EQ(all.total_jobs, 2);
  EXPECT_EQ(all.fallback_rate, 0.5);
}

TEST(Open, RefusesAnUnknownKindOfStoreByName) {
  EXPECT_TRUE(open("memory:").has_value());
  const auto refused = open("mysql://x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::config);
  EXPECT_NE(refused.error().message.find("mysql://x"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::store
