#include "holdfast/core/anonymous.hpp"

#include <gtest/gtest.h>

#include "holdfast/core/limits.hpp"
#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Anonymous : testing::Test, Driver {
  OperationId call() { return start("", "Ollama", "text", {}, false).id; }
  OperationId call_and_end(event::CallEnded::How how = event::CallEnded::How::returned) {
    const OperationId id = call();
    end(id, how);
    return id;
  }
  static std::vector<OperationEnded> ends(const effect::Save& save) {
    std::vector<OperationEnded> out;
    for (const News& record : save.records)
      out.push_back(std::get<OperationEnded>(record));
    return out;
  }
};

TEST_F(Anonymous, AnOperationLeavesOneRecordWhenItEndsAndNoneInFrontOfIt) {
  const OperationId id = call();
  wait(3s);
  EXPECT_TRUE(saves.empty());
  end(id, event::CallEnded::How::failed);
  EXPECT_TRUE(saves.empty()) << "its caller does not wait for the store";
  wait(1s);
  ASSERT_EQ(saves.size(), 1u);
  const auto written = ends(saves[0]);
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].job_id, "");
  EXPECT_EQ(written[0].operation_id, text(id));
  EXPECT_EQ(written[0].provider_name, "Ollama");
  EXPECT_EQ(written[0].provider_type, "local_llm");
  EXPECT_EQ(written[0].correlation_id, "corr");
  EXPECT_EQ(written[0].outcome, OperationPhase::failed);
  EXPECT_EQ(written[0].fault.error_class, ErrorClass::http);
  EXPECT_EQ(written[0].elapsed, 3s);
  EXPECT_EQ(written[0].started_at, WallTime(std::chrono::hours(1)));
  wait(10s);
  EXPECT_EQ(saves.size(), 1u);
  EXPECT_EQ(machine().anonymous().waiting(), 0u);
  EXPECT_EQ(machine().next_deadline(), std::nullopt);
}

TEST_F(Anonymous, OneThatWasCancelledInTheQueueIsRecordedToo) {
  start("", "One", "text", {}, false);
  const OperationId queued = start("", "One", "text", {}, false).id;
  cancel("", queued);
  wait(1s);
  ASSERT_EQ(saves.size(), 1u);
  EXPECT_EQ(ends(saves[0]).at(0).outcome, OperationPhase::cancelled);
}

TEST_F(Anonymous, OneThatBecameAJobIsRecordedThereAndNotAmongThose) {
  const OperationId id = call();
  wait(46s);
  end(id);
  wait(2s);
  EXPECT_EQ(trail(),
            "job.opened operation.started stall.suspected question.opened stall.resolved operation.ended "
            "job.closed");
  for (const effect::Save& save : saves)
    EXPECT_EQ(job_of(save.records.front()), text(id));
}

TEST_F(Anonymous, ManyEndsShareATransactionAndOneIsUnderWay) {
  disk = Disk::waits;
  for (std::size_t i = 0; i < limits::anonymous_bundle_max + 10; ++i)
    call_and_end();
  ASSERT_EQ(waiting.size(), 1u) << "a full bundle does not linger";
  EXPECT_EQ(waiting[0].records.size(), limits::anonymous_bundle_max);
  wait(2s);
  ASSERT_EQ(waiting.size(), 1u);
  disk_says(Disk::saves);
  EXPECT_EQ(machine().anonymous().waiting(), 10u);
  wait(1s);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].records.size(), 10u);
}

TEST_F(Anonymous, ABundleThatIsDueIsWrittenByTheClockAndIsNoEffectOfACategoryThatIsDueToo) {
  call();
  call_and_end();
  stand_still(30s);
  EXPECT_GT(count<CategoryChanged>(), 0u);
  EXPECT_TRUE(saves.empty()) << "a category has no effect but announcements";
  ASSERT_TRUE(machine().next_deadline() && *machine().next_deadline() <= now());
  tell(event::TimePassed{});
  EXPECT_EQ(saves.size(), 1u);
}

TEST_F(Anonymous, WhatTheStoreDidNotTakeIsTriedEachSecondAndKeepsItsOrderAndJobsDoNotWait) {
  disk = Disk::fails;
  const OperationId first = call_and_end();
  wait(1s);
  const OperationId second = call_and_end();
  wait(9s);
  EXPECT_NEAR(static_cast<double>(saves.size()), 10, 1);
  EXPECT_EQ(machine().backlog(), 0u);
  disk = Disk::saves;
  EXPECT_EQ(refusal(lock("job", "Ollama")), Errc::ok);
  wait(2s);
  const auto written = ends(saves.back());
  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0].operation_id, text(first));
  EXPECT_EQ(written[1].operation_id, text(second));
}

TEST_F(Anonymous, WhatMayBeOnDiskIsLookedUpAndNotWrittenTwice) {
  disk = Disk::waits;
  call_and_end();
  wait(1s);
  const SaveId save = waiting.at(0).save;
  disk_says(Disk::says_nothing);
  EXPECT_EQ(told.back(), "LookUp " + std::to_string(save.value));
  tell(event::SaveLookedUp{save, true});
  tell(event::Saved{save});
  wait(5s);
  EXPECT_EQ(saves.size(), 1u);
  EXPECT_EQ(machine().anonymous().waiting(), 0u);
}

TEST_F(Anonymous, WhileTheStoreTakesNothingRequestsGoOnWithinABoundAndWhatIsMissingIsCountedOnTheRecord) {
  disk = Disk::fails;
  for (std::size_t i = 0; i < limits::anonymous_waiting_max + 7; ++i)
    call_and_end();
  EXPECT_EQ(calls.size(), limits::anonymous_waiting_max + 7);
  EXPECT_EQ(machine().anonymous().waiting(), limits::anonymous_waiting_max);
  EXPECT_EQ(machine().anonymous().missing(), 7u);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(machine().anonymous().waiting(), 0u);
  EXPECT_EQ(machine().anonymous().missing(), 0u);
  const auto* gap = std::get_if<Refused>(&saves.back().records.back());
  ASSERT_NE(gap, nullptr);
  EXPECT_TRUE(gap->message.starts_with("7 ends of operations without a job are not on the record")) << gap->message;
  EXPECT_EQ(gap->code, Errc::store_unavailable);
  EXPECT_EQ(count<Refused>(), 1u);
  EXPECT_EQ(machine().next_deadline(), std::nullopt);
}

TEST_F(Anonymous, WhatTheStoreWillNeverTakeIsCountedAndNotTriedForEver) {
  disk = Disk::waits;
  call_and_end();
  wait(1s);
  tell(event::SaveFailed{waiting.at(0).save, "a rule of the tables", Errc::invalid_argument});
  EXPECT_EQ(machine().anonymous().waiting(), 0u);
  EXPECT_EQ(machine().anonymous().missing(), 1u);
  wait(2s);
  EXPECT_TRUE(std::holds_alternative<Refused>(saves.back().records.at(0)));
}

TEST_F(Anonymous, WhenTheProcessEndsNothingLingers) {
  const OperationId id = call();
  tell(event::StopOrdered{});
  end(id, event::CallEnded::How::closed);
  ASSERT_EQ(saves.size(), 1u);
  EXPECT_EQ(ends(saves[0]).at(0).outcome, OperationPhase::cancelled);
}

TEST_F(Anonymous, AJobMayNotBeNamedAsTheirTrailsAre) {
  EXPECT_EQ(refusal(lock("anonymous/2026-11-23/00001", "Ollama")), Errc::invalid_argument);
  EXPECT_EQ(refusal(start("anonymous/", "Ollama", "text").ticket), Errc::invalid_argument);
  EXPECT_EQ(refusal(lock("anonymous", "Ollama")), Errc::ok);
}

TEST_F(Anonymous, WhatIsMissingIsSaidInOneSentence) {
  AnonymousTrail trail;
  trail.miss(now(), {});
  EXPECT_FALSE(trail.due()) << "nothing is missing";
  trail.miss(now(), {.ends = 2, .refusals = 3});
  const auto records = trail.take(SaveId{1});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(std::get<Refused>(records[0])
                  .message.starts_with("2 ends of operations without a job and 3 refusals are not on the record"));
}

}  // namespace
}  // namespace holdfast
