#include <algorithm>

#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Records : testing::Test, Driver {
  /// Something that happens and that nobody waits for: a refusal.
  void happens(const std::string& provider, const std::string& job = "job") { start(job, provider, "script"); }
  /// What the newest transaction writes: names of records, of a refusal the provider that was refused.
  std::string written() const {
    std::string out;
    for (const News& record : saves.back().records) {
      const auto* refused = std::get_if<Refused>(&record);
      out += (out.empty() ? "" : " ") + (refused ? refused->provider_name : std::string(event_name(record)));
    }
    return out;
  }
  void release(const std::string& job = "job") { tell(event::ReleaseRequested{ticket(), job}); }
  OperationId locked_and_started() {
    lock("job", "Ollama");
    return start("job", "Ollama", "script").id;
  }
};

TEST_F(Records, OneTransactionOfAJobIsUnderWayAndTheNextOneTakesEverythingThatCameMeanwhile) {
  const OperationId id = locked_and_started();
  disk = Disk::waits;
  happens("A");
  happens("B");
  end(id);
  const Ticket mine = lock("job", "OpenAI", {"other"});
  EXPECT_EQ(refusal(mine), Errc::lock_conflict) << "decided at once";
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(written(), "A");
  EXPECT_EQ(machine().backlog(), 3u);
  disk_says(Disk::saves);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(written(), "B operation.ended OpenAI");
  EXPECT_EQ(machine().backlog(), 0u);
}

TEST_F(Records, JobsDoNotWaitForEachOther) {
  disk = Disk::waits;
  lock("one", "Ollama");
  lock("other", "Ollama");
  EXPECT_EQ(waiting.size(), 2u);
}

TEST_F(Records, WhatFailsIsTriedEachSecondInTheOrderInWhichItHappened) {
  locked_and_started();
  disk = Disk::fails;
  happens("A");
  happens("B");
  happens("C");
  const std::size_t before = saves.size();
  EXPECT_EQ(machine().backlog(), 3u) << "nobody waits: not each record is tried with the next";
  wait(10s);
  EXPECT_NEAR(static_cast<double>(saves.size() - before), 9.5, 1);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(written(), "A B C");
  EXPECT_EQ(machine().backlog(), 0u);
  EXPECT_EQ(machine().next_deadline(), std::nullopt);
}

TEST_F(Records, ACommandTakesWhatFailedBeforeItIntoItsTransaction) {
  lock("job", "Ollama", {"script"});
  disk = Disk::fails;
  happens("A");
  disk = Disk::saves;
  EXPECT_EQ(refusal(lock("job", "OpenAI", {"speech"})), Errc::ok);
  EXPECT_EQ(written(), "A lock.created");
}

TEST_F(Records, AFailedTransactionRefusesItsCommandAndKeepsWhatHappenedAroundIt) {
  lock("job", "Ollama", {"script"});
  disk = Disk::waits;
  happens("first");
  happens("A");
  const Ticket mine = lock("job", "OpenAI", {"speech"});
  const auto begun = start("job", "OpenAI", "speech");
  EXPECT_EQ(machine().job("job")->waiting.size(), 1u) << "the job is being changed";
  disk_says(Disk::saves);
  ASSERT_EQ(written(), "A lock.created");
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(machine().job("job")->epoch, 1u);
  ASSERT_EQ(waiting.size(), 1u) << "what waited behind it goes on at once";
  EXPECT_EQ(written(), "A operation.started");
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(begun.ticket), Errc::store_unavailable);
  EXPECT_EQ(machine().backlog(), 1u);
}

TEST_F(Records, ACallThatBeginsSeesTheLockThatWasWrittenBehindItsStart) {
  lock("job", "Ollama", {"other"});
  disk = Disk::waits;
  happens("Nobody", "job");  // allowed: its start is under way
  const auto begun = start("job", "Ollama", "script");
  const Ticket mine = lock("job", "OpenAI", {"script"});
  disk_says(Disk::saves);
  ASSERT_EQ(written(), "operation.started lock.created");
  disk_says(Disk::saves);
  EXPECT_EQ(refusal(mine), Errc::ok);
  EXPECT_EQ(refusal(begun.ticket), Errc::switched);
  EXPECT_TRUE(std::ranges::none_of(calls, [&](const auto& call) { return call.operation == begun.id; }));
}

TEST_F(Records, AnOpeningWhoseCommandFailedStaysInFrontOfWhatNeedsIt) {
  disk = Disk::waits;
  const auto first = start("job", "Ollama", "script");
  start("job", "Ollama", "script", {}, false);
  EXPECT_EQ(written(), "job.opened operation.started");
  release();
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(first.ticket), Errc::store_unavailable);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(written(), "job.opened operation.started job.closed");
  EXPECT_EQ(count<JobOpened>(), 1u);
}

// The row of a stage knew of its items when the first of them was finished.
TEST_F(Records, TheBeginOfAStageIsWrittenWithTheStartOfItsFirstOperation) {
  lock("job", "Ollama");
  const std::size_t before = saves.size();
  tell(event::StageBegan{{.job_id = "job", .stage_name = "script", .provider_name = "Ollama", .items = 4}});
  EXPECT_EQ(saves.size(), before) << "nothing waits for it";
  ASSERT_EQ(all<StageStarted>().size(), 1u);
  disk = Disk::waits;
  start("job", "Ollama", "script");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(written(), "stage.started operation.started");
}

TEST_F(Records, TheBeginOfAStageOfNoOpenJobIsOnlyTold) {
  tell(event::StageBegan{{.job_id = "job", .stage_name = "script"}});
  EXPECT_EQ(count<StageStarted>(), 1u);
  EXPECT_EQ(machine().backlog(), 0u);
}

// What was told of it looked as if it were on the record.
TEST_F(Records, ACancelThatCouldNotBeWrittenSaysSo) {
  start("job", "Ollama", "script");
  disk = Disk::fails;
  EXPECT_TRUE(applied(cancel("job")));
  ASSERT_EQ(all<Cancelled>().size(), 1u);
  EXPECT_FALSE(all<Cancelled>().at(0).recorded);
  disk = Disk::saves;
  const OperationId other = start("other", "Ollama", "script").id;
  cancel("other", other);
  EXPECT_TRUE(all<Cancelled>().at(1).recorded);
}

TEST_F(Records, AnOpeningWhoseCommandFailedIsForgottenWhereOnlyRefusalsAndCancelsStandBehindIt) {
  disk = Disk::waits;
  const auto first = start("job", "Ollama", "script");
  const Ticket cancelled = cancel("job", first.id);
  event::OperationRequested late{.ticket = ticket(), .id = {9 << 10}, .request = {}, .patience = calm()};
  late.request = {.job_id = "job", .provider_name = "A", .provider_type = "t", .stage_name = "s", .epoch = 7};
  tell(late);
  disk_says(Disk::fails);
  EXPECT_TRUE(applied(cancelled));
  EXPECT_FALSE(std::get<AnswerResult>(reply(cancelled).value).recorded);
  EXPECT_FALSE(machine().job("job")->opened);
  EXPECT_EQ(machine().backlog(), 1u);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(written(), "A");
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Records, AStopTokenThatFiresBeforeAStartThatFailsLeavesNoTrail) {
  disk = Disk::waits;
  const auto first = start("job", "Ollama", "script");
  tell(event::CancelRequested{.ticket = {}, .request = {"job", "", true, ""}, .operation = first.id, .answer = {}});
  ASSERT_EQ(count<Cancelled>(), 1u);
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(first.ticket), Errc::cancelled);
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(machine().backlog(), 0u);
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Records, AnOpeningWhoseCommandFailedStaysInFrontOfTheCancelOfWhatRunsSinceTheJobsLastLife) {
  const OperationId id = locked_and_started();
  tell(event::JobFinished{ticket(), "job", JobState::done, "ana"});
  disk = Disk::waits;
  const Ticket again = lock("job", "Ollama");
  cancel("job", id);
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(again), Errc::store_unavailable);
  EXPECT_EQ(written(), "job.opened cancelled");
}

TEST_F(Records, TheCancelOfAQueuedOperationIsNotTheFirstRecordOfAJobWhoseOpeningFailed) {
  start("other", "One", "speech");
  disk = Disk::waits;
  start("job", "Ollama", "script");
  const OperationId queued = start("job", "One", "speech").id;
  disk_says(Disk::fails);
  ASSERT_FALSE(machine().job("job")->opened);
  EXPECT_TRUE(applied(cancel("job", queued)));
  EXPECT_EQ(count<Cancelled>(), 1u);
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(machine().job("job"), nullptr);
}

TEST_F(Records, ACancelThatCouldNotBeWrittenKeepsItsPlaceInTheTrail) {
  const OperationId id = locked_and_started();
  disk = Disk::waits;
  happens("A");
  happens("B");
  const Ticket mine = cancel("job");
  ASSERT_EQ(cancels.size(), 1u) << "stopping never waits for the disk";
  end(id, event::CallEnded::How::closed);
  disk_says(Disk::fails);
  EXPECT_EQ(written(), "A B cancelled lock.ended job.closed operation.ended");
  disk_says(Disk::fails);
  EXPECT_FALSE(std::get<AnswerResult>(reply(mine).value).recorded);
  const Ticket more = lock("job", "OpenAI");
  EXPECT_EQ(refusal(more), Errc::store_unavailable) << "the store still thinks that the job runs";
  wait(2s);
  const Ticket later = lock("job", "OpenAI");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(written(), "A B cancelled lock.ended job.closed operation.ended");
  disk_says(Disk::saves);
  EXPECT_EQ(written(), "job.opened lock.created") << "it waited while the end was being written";
  disk_says(Disk::saves);
  EXPECT_EQ(refusal(later), Errc::ok);
}

TEST_F(Records, TheTrailOfAJobThatIsSomebodyElsesIsLeftAlone) {
  const OperationId id = locked_and_started();
  disk = Disk::waits;
  happens("A");
  happens("B");
  cancel("job", id);
  disk_says(Disk::saves);
  const SaveId save = waiting.front().save;
  ASSERT_EQ(written(), "B cancelled");
  image = event::JobImage{.name = "film", .epoch = 9};
  tell(event::SaveFailed{save, "process 7 owns job job", Errc::store_held});
  EXPECT_EQ(machine().backlog(), 0u);
  EXPECT_EQ(machine().job("job")->epoch, 9u);
}

TEST_F(Records, AJobThatCannotBeReadAgainKeepsWhatRuns) {
  Machine other;
  Effects out;
  const auto step = [&](const Event& event) { out.clear(), other.step({}, event, out); };
  const auto start_in = [&](std::uint64_t number) {
    event::OperationRequested asked{.ticket = {number}, .id = {number << 10}, .request = {}, .patience = calm()};
    asked.request = {.job_id = "job", .provider_name = "A", .provider_type = "t", .stage_name = "s"};
    step(asked);
  };
  start_in(1);
  step(event::JobLoaded{"job", {}});
  step(event::Saved{{1}});
  start_in(2);
  step(event::SaveFailed{{2}, "process 7 owns it", Errc::store_held});
  step(event::JobLoadFailed{"job", "process 7 owns it", Errc::store_held});
  ASSERT_NE(other.job("job"), nullptr);
  EXPECT_EQ(other.job("job")->operations.size(), 1u);
  step(event::CancelRequested{.ticket = {3}, .request = {"job", "", true, "ana"}, .operation = {}, .answer = {}});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(describe(out[0]).find("CancelCall op-"), 0u) << "a cancel stops it all the same";
  EXPECT_EQ(describe(out[1]), "LoadJob job") << "and the store is asked again";
}

TEST_F(Records, WhetherAnOldTransactionWasSavedIsNotLookedUp) {
  locked_and_started();
  const std::size_t before = told.size();
  tell(event::SaveUnknown{saves.back().save});
  EXPECT_EQ(told.size(), before);
}

TEST_F(Records, WhileTooMuchWaitsForTheStoreNothingNewBegins) {
  locked_and_started();
  disk = Disk::fails;
  for (std::size_t i = 0; i < limits::backlog_max; ++i)
    happens("A");
  EXPECT_EQ(machine().backlog(), limits::backlog_max);
  EXPECT_EQ(refusal(start("other", "Ollama", "script").ticket), Errc::store_unavailable);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(saves.back().records.size(), limits::backlog_max);
  EXPECT_EQ(refusal(start("other", "Ollama", "script").ticket), Errc::ok);
}

// Callers that asked again and again while the disk was full filled the memory with their refusals.
TEST_F(Records, RefusalsBeyondTheBoundAreCountedAndTheCountIsOnTheRecord) {
  locked_and_started();
  disk = Disk::fails;
  for (std::size_t i = 0; i < limits::backlog_max; ++i)
    happens("A");
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(refusal(start("other", "Ollama", "script").ticket), Errc::store_unavailable);
  EXPECT_EQ(count<Refused>(), limits::backlog_max + 5) << "they are told";
  EXPECT_EQ(machine().backlog(), limits::backlog_max);
  disk = Disk::saves;
  wait(2s);
  const auto says_so = [](const effect::Save& save) {
    const auto* gap = std::get_if<Refused>(&save.records.back());
    return gap != nullptr && gap->message.starts_with("5 refusals are not on the record");
  };
  EXPECT_EQ(std::ranges::count_if(saves, says_so), 1);
  EXPECT_EQ(machine().anonymous().missing(), 0u);
}

TEST_F(Records, AStageThatBeganBehindAnOpeningThatFailedNeedsNone) {
  disk = Disk::waits;
  lock("job", "Ollama");
  tell(event::StageBegan{{.job_id = "job", .stage_name = "script"}});
  disk_says(Disk::fails);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(count<JobOpened>(), 0u);
}

}  // namespace
}  // namespace holdfast
