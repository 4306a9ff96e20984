#include "holdfast/core/lock.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "holdfast/core/decision.hpp"

namespace holdfast {

class ConsentForTests {
 public:
  static Consent make() { return Consent(SaveId{1}); }
};

namespace {

ProviderLock lock(std::string provider, std::vector<std::string> stages, std::uint64_t epoch = 1) {
  ProviderLock made;
  made.job_id = "job-12345";
  made.provider_name = std::move(provider);
  made.provider_type = "local_llm";
  made.stages = std::move(stages);
  made.epoch = epoch;
  return made;
}

TEST(Lock, ReadsToTheLetter) {
  ProviderLock made = lock("Ollama", {"script-generation", "refinement"});
  std::ostringstream out;
  out << made;
  EXPECT_EQ(out.str(),
            "ProviderLock[Ollama (local_llm) for Job job-12345, Stages: script-generation, refinement, Active]");
  made.stages.clear();
  made.ended_at = WallTime(std::chrono::sys_days{std::chrono::year(2026) / 11 / 23} + std::chrono::minutes(442));
  made.state = LockState::unlocked;
  EXPECT_EQ(made.text(),
            "ProviderLock[Ollama (local_llm) for Job job-12345, Stages: All, Unlocked at 2026-11-23T07:22:00Z]");
  made.state = LockState::released;
  EXPECT_NE(made.text().find("Released at 2026-11-23T07:22:00Z]"), std::string::npos);
  made.state = LockState::ended;
  made.reason = "USER_AFTER_STALL";
  EXPECT_NE(made.text().find("Ended at 2026-11-23T07:22:00Z (USER_AFTER_STALL)]"), std::string::npos);
  made.except_stages = {"x"};
  EXPECT_NE(made.text().find("Stages: All but x"), std::string::npos);
}

TEST(Lock, NamesItsStates) {
  EXPECT_EQ(name(LockState::active), "active");
  EXPECT_EQ(name(LockState::unlocked), "unlocked");
  EXPECT_EQ(name(LockState::released), "released");
  EXPECT_EQ(name(LockState::ended), "ended");
}

TEST(Lock, GovernsStagesWithoutRegardToCase) {
  LockTable table;
  table.take(lock("Ollama", {"Script"}));
  EXPECT_FALSE(table.validate("OpenAI", "sCRIPT").allowed);
  EXPECT_TRUE(table.validate("oLLAMA", "script").allowed);
  EXPECT_TRUE(table.validate("OpenAI", "speech").allowed) << "a stage that no lock governs";
}

TEST(Lock, RefusalSaysWhoIsLockedAndHowToSwitch) {
  LockTable table;
  table.take(lock("Ollama", {}));
  const std::string why = table.validate("OpenAI", "script").reason;
  EXPECT_NE(why.find("Provider OpenAI does not match locked provider Ollama for stage script"), std::string::npos);
  EXPECT_NE(why.find("to switch"), std::string::npos);
  LockTable absolute;
  ProviderLock hard = lock("Ollama", {});
  hard.overridable = false;
  absolute.take(hard);
  EXPECT_NE(absolute.validate("OpenAI", "x").reason.find("absolute"), std::string::npos);
}

TEST(Lock, OverlapIsRefusedNamingTheLockInTheWay) {
  LockTable table;
  table.take(lock("Ollama", {"script"}));
  EXPECT_FALSE(table.conflict({{"speech"}, {}}, "OpenAI"));
  const auto overlap = table.conflict({{"speech", "SCRIPT"}, {}}, "OpenAI");
  ASSERT_TRUE(overlap);
  EXPECT_EQ(overlap->code, Errc::lock_conflict);
  EXPECT_NE(overlap->message.find("ProviderLock[Ollama"), std::string::npos);
  EXPECT_TRUE(table.conflict({}, "OpenAI")) << "all stages overlap with any";
}

TEST(StageSet, SaysWhatOverlapsAndCovers) {
  const StageSet all, some{{"a", "b"}, {}}, but_a{{}, {"a"}};
  EXPECT_TRUE(all.overlaps(but_a));
  EXPECT_TRUE(some.overlaps(but_a));
  EXPECT_FALSE(but_a.overlaps(StageSet{{"A"}, {}}));
  EXPECT_TRUE(all.covers(some));
  EXPECT_FALSE(but_a.covers(some));
  EXPECT_FALSE(some.covers(all));
  EXPECT_TRUE(all.covers(but_a));
  EXPECT_FALSE(but_a.covers(all));
}

TEST(StageSet, TakesAwayAnyOther) {
  const StageSet all, some{{"a", "b"}, {}}, but_a{{}, {"a"}};
  EXPECT_EQ(all.without({{"a"}, {}}), but_a);
  EXPECT_EQ(some.without({{"A", "z"}, {}}), (StageSet{{"b"}, {}}));
  EXPECT_EQ(some.without(all), std::nullopt);
  EXPECT_EQ(some.without(but_a), (StageSet{{"a"}, {}})) << "what the other leaves out stays";
  EXPECT_EQ(all.without(but_a), (StageSet{{"a"}, {}}));
  EXPECT_EQ(all.without(all), std::nullopt);
}

TEST(Lock, LockAfterRecordedFallbackIsNotStoppedByTheOldLock) {
  LockTable table;
  table.take(lock("Ollama", {}));
  ProviderLock ended = table.all()[0];
  ended.state = LockState::ended;
  table.await(ended, {}, {}, "OpenAI", ConsentForTests::make());
  EXPECT_FALSE(table.conflict({}, "OpenAI"));
  EXPECT_EQ(table.conflict({}, "Third")->code, Errc::provider_locked);
  EXPECT_FALSE(table.validate("Third", "x").allowed);
  EXPECT_TRUE(table.validate("OpenAI", "x").allowed);
  table.take(lock("OpenAI", {}, 3));
  EXPECT_EQ(table.awaited({}), nullptr);
  EXPECT_EQ(table.newest_active()->provider_name, "OpenAI");
  EXPECT_EQ(table.newest("ollama")->state, LockState::ended);
  EXPECT_EQ(table.newest("nobody"), nullptr);
}

TEST(Lock, LockingSomeOfTheDecidedStagesLeavesTheOthersToTheDecision) {
  LockTable table;
  table.take(lock("Ollama", {"a", "b"}));
  ProviderLock ended = table.all()[0];
  ended.state = LockState::ended;
  table.await(ended, {}, {{"a", "b"}, {}}, "OpenAI", ConsentForTests::make());
  table.take(lock("OpenAI", {"a"}, 3));
  EXPECT_FALSE(table.validate("Ollama", "b").allowed);
}

TEST(Lock, ALaterSwitchStandsInPlaceOfADecisionThatNobodyFollowed) {
  LockTable table;
  table.take(lock("Ollama", {}));
  ProviderLock ended = table.all()[0];
  ended.state = LockState::ended;
  table.await(ended, {}, {}, "OpenAI", ConsentForTests::make());
  table.replace({}, {}, lock("Third", {"a"}, 3), ConsentForTests::make());
  EXPECT_TRUE(table.validate("Third", "a").allowed);
  EXPECT_FALSE(table.validate("Third", "b").allowed);
}

TEST(Lock, KnowsThatADecisionBroughtAStageWhereItIs) {
  LockTable table;
  const auto move = [&](std::string to, std::uint64_t epoch) {
    ProviderLock ended = *table.newest_active();
    ended.state = LockState::ended;
    ended.reason = name(ReasonCode::user_request);
    table.replace(ended, {}, lock(std::move(to), {"a"}, epoch), ConsentForTests::make());
  };
  table.take(lock("Ollama", {"a"}));
  EXPECT_FALSE(table.moved("a"));
  move("OpenAI", 2);
  EXPECT_TRUE(table.moved("a"));
  EXPECT_FALSE(table.moved("b")) << "nobody has locked it";
  move("Ollama", 3);
  EXPECT_FALSE(table.moved("a")) << "it is back";
  move("OpenAI", 4);
  table.end_all(LockState::ended, "cancelled", WallTime{});
  EXPECT_FALSE(table.moved("a"));
  table.take(lock("Third", {"a"}, 5));
  EXPECT_FALSE(table.moved("a")) << "the job has begun anew";
}

TEST(Lock, KnowsWhatAStageLeftBecauseItFailed) {
  LockTable table;
  const auto move = [&](std::string to, std::uint64_t epoch, ReasonCode why, bool renews = false) {
    ProviderLock ended = *table.governing("a");
    ended.state = LockState::ended;
    ended.reason = name(why);
    std::optional<ProviderLock> renewed;
    if (renews) renewed = lock(ended.provider_name, {"b"}, epoch);
    table.replace(ended, renewed, lock(std::move(to), {"a"}, epoch + 1), ConsentForTests::make());
  };
  table.take(lock("Ollama", {"a", "b"}));
  EXPECT_FALSE(table.left_after_failure("Ollama", "a"));
  move("OpenAI", 2, ReasonCode::provider_fatal_error, true);
  EXPECT_TRUE(table.left_after_failure("ollama", "a"));
  EXPECT_FALSE(table.left_after_failure("Ollama", "b")) << "it is still there";
  EXPECT_FALSE(table.left_after_failure("OpenAI", "a"));
  move("Third", 4, ReasonCode::user_after_stall);
  EXPECT_TRUE(table.left_after_failure("Ollama", "a"));
  EXPECT_FALSE(table.left_after_failure("OpenAI", "a")) << "it was slow";
  move("Ollama", 6, ReasonCode::user_request);
  EXPECT_FALSE(table.left_after_failure("Ollama", "a")) << "somebody has brought it back";
  move("Third", 8, ReasonCode::provider_fatal_error);
  EXPECT_TRUE(table.left_after_failure("Ollama", "a"));
  table.end_all(LockState::released, "", WallTime{});
  EXPECT_FALSE(table.left_after_failure("Ollama", "a"));
  table.take(lock("Third", {"a"}, 10));
  EXPECT_FALSE(table.left_after_failure("Ollama", "a")) << "the job has begun anew";
  ProviderLock ended = *table.governing("a");
  ended.state = LockState::ended;
  ended.reason = name(ReasonCode::provider_fatal_error);
  table.await(ended, {}, {{"a"}, {}}, "Ollama", ConsentForTests::make());
  EXPECT_TRUE(table.left_after_failure("Third", "a")) << "nobody has taken the next lock yet";
  table.begin_anew();
  EXPECT_FALSE(table.left_after_failure("Third", "a")) << "nor will anybody";
}

TEST(Lock, AnUnlockThatIsCalledLikeAReasonCodeIsNoDecision) {
  LockTable table;
  table.take(lock("Ollama", {"a"}));
  ProviderLock unlocked = table.all()[0];
  unlocked.state = LockState::unlocked;
  unlocked.reason = name(ReasonCode::user_request);
  table.end(unlocked);
  table.take(lock("OpenAI", {"a"}, 3));
  EXPECT_FALSE(table.moved("a"));
}

// Read again with it, a later switch of a part of its stages stopped the process.
TEST(Lock, ThatSomebodyElseTookStandsInPlaceOfADecisionThatNobodyFollowed) {
  LockTable table;
  table.take(lock("Ollama", {}));
  ProviderLock ended = table.all()[0];
  ended.state = LockState::ended;
  table.await(ended, {}, {}, "OpenAI", ConsentForTests::make());
  table.restore({ended, lock("Third", {"a"}, 3)});
  EXPECT_EQ(table.awaited({{"a"}, {}}), nullptr);
  EXPECT_TRUE(table.validate("Third", "a").allowed);
  EXPECT_FALSE(table.validate("Third", "b").allowed) << "of what nobody has locked the decision still holds";
}

TEST(Lock, EndAllEndsActiveLocksAndKeepsTheHistory) {
  LockTable table;
  table.take(lock("Ollama", {"a"}));
  table.take(lock("OpenAI", {"b"}, 2));
  table.end_all(LockState::released, "", WallTime{});
  EXPECT_EQ(table.active_count(), 0u);
  EXPECT_EQ(table.all().size(), 2u);
  EXPECT_EQ(table.newest_active(), nullptr);
}

TEST(LockDeathTest, TwoLocksOverAStageAreABug) {
  LockTable table;
  table.take(lock("Ollama", {}));
  EXPECT_DEATH(table.take(lock("OpenAI", {"a"})), "two active locks");
}

TEST(Lock, ConsentIsUsedUpByMoving) {
  Consent consent = ConsentForTests::make();
  Consent moved = std::move(consent);
  EXPECT_EQ(moved.saved(), SaveId{1});
  EXPECT_EQ(consent.saved(), SaveId{});  // NOLINT(bugprone-use-after-move): that it is empty is the point
  consent = std::move(moved);
  EXPECT_EQ(consent.saved(), SaveId{1});
  EXPECT_EQ(moved.saved(), SaveId{});  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace holdfast
