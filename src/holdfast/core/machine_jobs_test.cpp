#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Jobs : testing::Test, Driver {
  Ticket unlock(std::string reason = "too narrow", std::string provider = {}) {
    const Ticket mine = ticket();
    tell(event::UnlockRequested{mine, "job", std::move(reason), std::move(provider)});
    return mine;
  }
  Ticket release() {
    const Ticket mine = ticket();
    tell(event::ReleaseRequested{mine, "job"});
    return mine;
  }
};

TEST_F(Jobs, ALockIsAcknowledgedOnlyWhenDurable) {
  disk = Disk::waits;
  const Ticket mine = lock("job", "Ollama", {"script"});
  EXPECT_TRUE(replies.empty());
  EXPECT_EQ(count<LockTaken>(), 0u);
  disk_says(Disk::saves);
  EXPECT_EQ(std::get<ProviderLock>(reply(mine).value).epoch, 1u);
  EXPECT_EQ(trail(), "job.opened lock.created");
}

TEST_F(Jobs, NoLockHappensWhereTheTrailCannotBeWritten) {
  disk = Disk::fails;
  EXPECT_EQ(refusal(lock("job", "Ollama")), Errc::store_unavailable);
  EXPECT_EQ(machine().job("job"), nullptr);
  disk = Disk::saves;
  EXPECT_EQ(refusal(lock("job", "OpenAI")), Errc::ok);
}

TEST_F(Jobs, AnOverlappingLockIsRefusedAndTheRefusalRecorded) {
  lock("job", "Ollama", {"script"});
  EXPECT_EQ(refusal(lock("job", "OpenAI", {"SCRIPT"})), Errc::lock_conflict);
  EXPECT_EQ(refusal(lock("job", "OpenAI")), Errc::lock_conflict);
  EXPECT_EQ(refusal(lock("job", "OpenAI", {"speech"})), Errc::ok);
  EXPECT_EQ(count<Refused>(), 2u);
}

TEST_F(Jobs, BadNamesAreRefusedWithoutATrace) {
  EXPECT_EQ(refusal(lock(" ", "Ollama")), Errc::invalid_argument);
  EXPECT_EQ(refusal(lock("job", "")), Errc::invalid_argument);
  EXPECT_EQ(refusal(lock("job", "Ollama", {"a", "A"})), Errc::invalid_argument);
  EXPECT_EQ(refusal(lock("job", "Ollama", {"\x01"})), Errc::invalid_argument);
  EXPECT_EQ(refusal(lock("job", "Ollama", std::vector<std::string>(300, "s"))), Errc::invalid_argument);
  LockRequest wrong{.job_id = "job", .provider_name = "Ollama", .provider_type = ""};
  tell(event::LockRequested{ticket(), wrong});
  wrong.provider_type = "local_llm";
  wrong.correlation_id = "\x7f";
  tell(event::LockRequested{ticket(), wrong});
  for (const Event& event :
       std::vector<Event>{event::JobRequested{ticket(), {}}, event::JobFinished{ticket(), ""},
                          event::StageReached{ticket(), {}}, event::ReleaseRequested{ticket(), ""},
                          event::ConsentOffered{ticket(), "", {}}, event::UnlockRequested{ticket(), "", "why", ""}}) {
    tell(event);
  }
  for (std::uint64_t i = 6; i <= 13; ++i)
    EXPECT_EQ(refusal({i}), Errc::invalid_argument) << i;
  EXPECT_EQ(machine().job_count(), 0u);
  EXPECT_TRUE(saves.empty());
}

TEST_F(Jobs, ALockCarriesTheCorrelationIdOfWhoeverTookIt) {
  LockRequest request{.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm"};
  request.correlation_id = "request-7";
  tell(event::LockRequested{ticket(), request});
  EXPECT_EQ(all<LockTaken>().at(0).lock.correlation_id, "request-7");
}

TEST_F(Jobs, MoreCommandsThanMayWaitAreRefusedAndACancelIsNeverTurnedAway) {
  disk = Disk::waits;
  lock("job", "Ollama", {"script"});
  for (std::size_t i = 0; i < limits::waiting_per_job_max; ++i)
    EXPECT_EQ(refusal(lock("job", "Ollama", {"s" + std::to_string(i)})), Errc::ok);
  EXPECT_EQ(refusal(lock("job", "Ollama", {"more"})), Errc::store_unavailable);
  const Ticket stop = cancel("job");
  EXPECT_EQ(machine().job("job")->waiting.size(), limits::waiting_per_job_max + 1);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(stop));
}

TEST_F(Jobs, UnlockHappensOnceWithAReason) {
  lock("job", "Ollama");
  EXPECT_EQ(refusal(unlock(" ")), Errc::invalid_argument);
  EXPECT_EQ(refusal(unlock("")), Errc::invalid_argument);
  EXPECT_EQ(refusal(unlock(std::string(5000, 'x'))), Errc::too_large);
  EXPECT_TRUE(said_yes(unlock("first")));
  EXPECT_FALSE(said_yes(unlock("second")));
  EXPECT_EQ(machine().job("job")->locks.all()[0].reason, "first");
  EXPECT_EQ(machine().job("job")->epoch, 2u);
  EXPECT_TRUE(machine().job("job")->locks.validate("OpenAI", "x").allowed);
  EXPECT_EQ(refusal(unlock("x", "Nobody")), Errc::no_such_job);
}

TEST_F(Jobs, AnAbsoluteLockIsNotUnlocked) {
  lock("job", "Ollama", {}, false);
  EXPECT_EQ(refusal(unlock()), Errc::lock_not_overridable);
  EXPECT_EQ(count<Refused>(), 1u);
}

TEST_F(Jobs, ReleaseEndsEveryLockAndTellsWhetherThereWasOne) {
  EXPECT_FALSE(said_yes(release()));
  lock("job", "Ollama", {"a"});
  lock("job", "OpenAI", {"b"}, false);
  EXPECT_TRUE(said_yes(release()));
  EXPECT_EQ(count<LockEnded>(), 2u);
  EXPECT_EQ(all<LockEnded>()[0].epoch, 3u) << "one change, one step";
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Jobs, CommandsOfAJobWaitBehindTheTransactionThatChangesItsLocks) {
  disk = Disk::waits;
  const Ticket first = lock("job", "Ollama"), second = lock("job", "OpenAI");
  ASSERT_EQ(waiting.size(), 1u);
  disk_says(Disk::saves);
  EXPECT_EQ(refusal(first), Errc::ok);
  EXPECT_EQ(refusal(second), Errc::lock_conflict);
}

TEST_F(Jobs, TheStoreIsAskedForAJobThatTheMachineDoesNotHold) {
  event::JobImage known;
  known.epoch = 7;
  known.locks.push_back({.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .epoch = 7});
  image = known;
  EXPECT_EQ(refusal(start("job", "OpenAI", "x").ticket), Errc::provider_locked);
  EXPECT_EQ(machine().job("job")->epoch, 7u) << "nothing is lost with a restart";
}

TEST_F(Jobs, AJobThatCannotBeReadIsNotGuessed) {
  Effects out;
  Machine other;
  other.step({}, event::LockRequested{{1}, {.job_id = "job", .provider_name = "A", .provider_type = "t"}}, out);
  out.clear();
  other.step({}, event::JobLoadFailed{"job", "read error"}, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(describe(out[0]), "Reply 1: store_unavailable");
  EXPECT_EQ(other.job_count(), 0u);
  other.step({}, event::ReleaseRequested{{2}, "job"}, out);
  out.clear();
  other.step({}, event::JobLoadFailed{"job", "process 7 owns job job", Errc::store_held}, out);
  const Failure held = std::get<Failure>(std::get<effect::Reply>(out.at(0)).value);
  EXPECT_EQ(held.code, Errc::store_held);
  EXPECT_EQ(held.message, "process 7 owns job job") << "the store says who";
}

TEST_F(Jobs, WhatTheStoreSaysOfAJobThatNobodyAskedForIsIgnored) {
  lock("job", "Ollama");
  tell(event::JobLoaded{"job", event::JobImage{.name = "film", .epoch = 9}});
  tell(event::JobLoadFailed{"job", "read error"});
  EXPECT_EQ(machine().job("job")->epoch, 1u);
  EXPECT_EQ(refusal(lock("job", "OpenAI")), Errc::lock_conflict) << "it is known as before";
  tell(event::JobLoaded{"nobody", event::JobImage{.name = "film", .epoch = 9}});
  tell(event::JobLoadFailed{"nobody", "read error"});
  EXPECT_EQ(machine().job_count(), 1u);
}

TEST_F(Jobs, WhatWasInterruptedWaitsOrFailedIsOpenAndHoldsItsLock) {
  for (const JobState state : {JobState::interrupted, JobState::waiting, JobState::failed}) {
    const std::string job(name(state));
    image = event::JobImage{.state = state, .epoch = 1};
    image->locks.push_back({.job_id = job, .provider_name = "Ollama", .provider_type = "local_llm", .epoch = 1});
    EXPECT_EQ(refusal(start(job, "OpenAI", "script").ticket), Errc::provider_locked);
    ASSERT_NE(machine().job(job), nullptr) << job;
    EXPECT_TRUE(machine().job(job)->opened);
    EXPECT_EQ(machine().job(job)->locks.active_count(), 1u);
  }
  EXPECT_EQ(count<JobOpened>(), 0u);
}

// Its caller heard that nothing was changed, and every later operation that the job was cancelled.
TEST_F(Jobs, ACancelThatIsRefusedBecauseTheJobCannotBeReadLeavesItsJobAsItWas) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  disk = Disk::waits;
  start("job", "Ollama", "script");
  reads = false;
  tell(event::SaveFailed{waiting.front().save, "process 7 owns job job", Errc::store_held});
  const Ticket stop = cancel("job");
  tell(event::JobLoadFailed{"job", "read error"});
  EXPECT_EQ(refusal(stop), Errc::store_unavailable);
  reads = true;
  disk = Disk::saves;
  image = event::JobImage{.epoch = 1};
  EXPECT_EQ(refusal(start("job", "Ollama", "script").ticket), Errc::ok);
}

// The second cancel was refused, and stopped the job that was opened after it.
TEST_F(Jobs, ACancelOfAJobThatIsOverDoesNotStopItsNextLife) {
  const OperationId id = start("job", "Ollama", "script").id;
  disk = Disk::fails;
  EXPECT_TRUE(applied(cancel("job")));
  EXPECT_EQ(refusal(cancel("job")), Errc::store_unavailable);
  disk = Disk::saves;
  wait(2s);
  EXPECT_EQ(machine().operation(id)->phase(), OperationPhase::cancelled) << "and its call still ends";
  EXPECT_EQ(refusal(lock("job", "Ollama")), Errc::ok);
  EXPECT_EQ(refusal(start("job", "Ollama", "script").ticket), Errc::ok);
}

TEST_F(Jobs, OpeningTwiceSaysSo) {
  const Ticket first = ticket(), second = ticket();
  tell(event::JobRequested{first, {"job", "name", "balanced", "ana"}});
  tell(event::JobRequested{second, {"job", "name", "balanced", "ana"}});
  EXPECT_TRUE(said_yes(first));
  EXPECT_FALSE(said_yes(second));
}

TEST_F(Jobs, AFailedJobKeepsItsLocks) {
  lock("job", "Ollama");
  tell(event::JobFinished{ticket(), "job", JobState::failed, "ana"});
  EXPECT_EQ(machine().job("job")->locks.active_count(), 1u);
  tell(event::JobFinished{ticket(), "job", JobState::done, "ana"});
  EXPECT_EQ(machine().job_count(), 0u);
  const Ticket third = ticket();
  tell(event::JobFinished{third, "job", JobState::done, "ana"});
  EXPECT_EQ(refusal(third), Errc::no_such_job);
}

TEST_F(Jobs, AStageOfAJobThatIsNotOpenOpensIt) {
  tell(event::StageReached{ticket(), {"job", "script", 1, 1, true, {}}});
  EXPECT_EQ(trail(), "job.opened stage.finished");
}

TEST_F(Jobs, LocksHaveALimit) {
  for (std::size_t i = 0; i < limits::locks_per_job_max; ++i) {
    EXPECT_EQ(refusal(lock("job", "Ollama", {"s" + std::to_string(i)})), Errc::ok);
  }
  EXPECT_EQ(refusal(lock("job", "Ollama", {"more"})), Errc::too_large);
  EXPECT_EQ(refusal(switch_to("job", "OpenAI", {"s1"})), Errc::too_large);
}

// A provider was called, and perhaps paid, after the confirmed cancel had been heard.
TEST_F(Jobs, ACancelBehindAReleaseIsHeardBeforeWhatWaitsWithIt) {
  lock("job", "Ollama", {"script"});
  disk = Disk::waits;
  tell(event::ReleaseRequested{ticket(), "job"});
  start("job", "Ollama", "script", {}, false);
  cancel("job");
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_TRUE(calls.empty());
}

TEST_F(Jobs, CancelNeedsAConfirmation) {
  lock("job", "Ollama");
  EXPECT_EQ(refusal(cancel("job", {}, false)), Errc::confirmation_required);
  EXPECT_EQ(refusal(cancel("nobody")), Errc::no_such_job);
  EXPECT_EQ(refusal(cancel("", {55})), Errc::no_such_operation);
}

TEST_F(Jobs, StoppingNeverWaitsForTheDisk) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  disk = Disk::fails;
  const Ticket mine = cancel("job");
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_TRUE(applied(mine));
  EXPECT_FALSE(std::get<AnswerResult>(reply(mine).value).recorded);
  end(id, event::CallEnded::How::closed);
  EXPECT_EQ(refusal(start("job", "Ollama", "script").ticket), Errc::store_unavailable)
      << "the store still thinks that the job runs";
  disk = Disk::saves;
  wait(5s);
  EXPECT_EQ(machine().backlog(), 0u);
  EXPECT_EQ(machine().job_count(), 0u) << "now the store knows, and the Machine may forget";
}

// `holdfast cancel` said nothing for as long as the full disk could not be read.
TEST_F(Jobs, ACancelWhoseRecordNobodyKnowsOfIsAnsweredAtOnce) {
  lock("job", "Ollama");
  disk = Disk::waits;
  const Ticket mine = cancel("job");
  const SaveId save = waiting.at(0).save;
  disk_says(Disk::says_nothing);
  EXPECT_TRUE(applied(mine));
  EXPECT_FALSE(std::get<AnswerResult>(reply(mine).value).recorded);
  tell(event::SaveLookedUp{save, true});
  EXPECT_EQ(count<JobClosed>(), 1u) << "and it is told once";
}

TEST_F(Jobs, AConfirmedCancelStopsTheCallBeforeItsTransactionIsSaved) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  disk = Disk::waits;
  cancel("job");
  EXPECT_EQ(cancels.size(), 1u);
  EXPECT_EQ(refusal(start("job", "Ollama", "more").ticket), Errc::ok) << "it waits behind the cancel";
  disk_says(Disk::saves);
}

TEST_F(Jobs, AJobWhoseOpeningFailedIsNotOpenedAgainBehindItsEnd) {
  disk = Disk::waits;
  start("job", "Ollama", "s", {}, false);
  ASSERT_EQ(calls.size(), 1u) << "the relay does not wait";
  release();
  ASSERT_EQ(waiting.size(), 1u) << "its end does";
  disk_says(Disk::fails);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(event_name(waiting[0].records.front()), "job.opened");
  EXPECT_EQ(event_name(waiting[0].records.back()), "job.closed");
}

event::JobImage interrupted_job() {
  event::JobImage known{.name = "film", .patience = "longForm", .epoch = 1};
  known.locks.push_back({.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .epoch = 1});
  event::LostOperation lost{.started_at = WallTime{}, .open_stall = 2, .asks = 2};
  lost.started = {.job_id = "job", .stage_name = "script", .provider_name = "Ollama", .provider_type = "local_llm"};
  lost.started.operation_id = text(OperationId{77});
  lost.started.correlation_id = "corr";
  known.lost.push_back(std::move(lost));
  return known;
}

TEST_F(Jobs, AnOperationWhoseProcessDiedHasEndedAsInterruptedAndItsStallIsResolved) {
  image = interrupted_job();
  tell(event::JobRequested{ticket(), {.job_id = "job", .opened_by = "ana", .resume = true}});
  EXPECT_EQ(trail(), "stall.resolved operation.ended job.opened");
  EXPECT_EQ(all<OperationEnded>()[0].outcome, OperationPhase::interrupted);
  EXPECT_EQ(all<StallResolved>()[0].by, "end");
  EXPECT_TRUE(all<JobOpened>()[0].resumed);
  EXPECT_EQ(machine().job("job")->patience, "longForm");
  EXPECT_EQ(machine().job("job")->locks.active_count(), 1u) << "the lock is still there";
}

TEST_F(Jobs, AnInterruptedOperationThatNobodyWasAskedAboutLeavesOnlyItsEnd) {
  image = interrupted_job();
  image->lost[0].open_stall = 0;
  tell(event::JobRequested{ticket(), {.job_id = "job"}});
  EXPECT_EQ(trail(), "operation.ended");
}

TEST_F(Jobs, WhatTheStoreCallsLostWithoutAnIdIsLeftAlone) {
  image = interrupted_job();
  image->lost[0].started.operation_id = "op-of-nobody";
  lock("job", "OpenAI");
  EXPECT_TRUE(machine().operations().empty());
  EXPECT_EQ(count<OperationEnded>(), 0u);
}

TEST_F(Jobs, AnOperationOfThisProcessIsNotTakenForLostWhenItsJobIsReadAgain) {
  const OperationId id = start("job", "Ollama", "script").id;
  disk = Disk::waits;
  lock("job", "OpenAI", {"images"});
  image = interrupted_job();
  image->lost[0].started.operation_id = text(id);
  tell(event::SaveFailed{waiting.front().save, "process 7 owned job job", Errc::store_held});
  ASSERT_EQ(machine().job("job")->name, "film") << "it was read again";
  EXPECT_EQ(machine().operation(id)->phase(), OperationPhase::running);
  EXPECT_EQ(count<OperationEnded>(), 0u);
}

// Its client is gone with the process: it was shown as running for ever.
TEST_F(Jobs, AnAdoptedJobWhoseOperationWasInterruptedIsClosedAsFailed) {
  const std::string adopted = text(OperationId{77});
  image = interrupted_job();
  image->locks.clear();
  tell(event::JobRequested{ticket(), {.job_id = adopted}});
  EXPECT_EQ(trail(), "stall.resolved operation.ended job.closed");
  EXPECT_EQ(all<JobClosed>().at(0).state, JobState::failed);
}

TEST_F(Jobs, AnInterruptedOperationIsAskedAboutAndNeverSentAgainByAConsentForErrors) {
  image = interrupted_job();
  consent("job", "error: cancel");
  const Ticket asked = ticket();
  tell(event::QuestionRaised{asked, OperationId{77}, QuestionKind::interrupted});
  EXPECT_TRUE(said_yes(asked));
  ASSERT_EQ(machine().questions().open_count(), 1u);
  EXPECT_EQ(all<QuestionOpened>()[0].question.ask, 3);
  EXPECT_NE(all<QuestionOpened>()[0].question.evidence.find("is unknown"), std::string::npos);
  EXPECT_TRUE(applied(answer({77}, "try_again")));
}

TEST_F(Jobs, WhatIsOverOrNeverBeganIsNotResumed) {
  const Ticket never = ticket();
  tell(event::JobRequested{never, {.job_id = "job", .resume = true}});
  EXPECT_EQ(refusal(never), Errc::no_such_job);
  EXPECT_EQ(trail(), "");
}

TEST_F(Jobs, AFailedJobThatIsResumedRunsAgainWithItsLocks) {
  lock("job", "Ollama");
  tell(event::JobFinished{ticket(), "job", JobState::failed, "ana"});
  ASSERT_EQ(machine().job("job")->state, JobState::failed);
  const Ticket again = ticket();
  tell(event::JobRequested{again, {.job_id = "job", .resume = true}});
  EXPECT_TRUE(said_yes(again));
  EXPECT_EQ(machine().job("job")->state, JobState::running);
  EXPECT_EQ(machine().job("job")->locks.active_count(), 1u);
}

TEST_F(Jobs, AResumeMayBringAnotherPatienceAndBeginsStagesAnew) {
  lock("job", "Ollama", {"script", "images"});
  tell(event::StageReached{ticket(), {"job", "script", 1, 1, true, {}}});
  tell(event::StageReached{ticket(), {"job", "images", 1, 1, true, {}}});
  tell(event::JobFinished{ticket(), "job", JobState::failed, "ana"});
  JobRequest again{.job_id = "job", .patience = "longForm", .resume = true, .anew = {"Script"}};
  tell(event::JobRequested{ticket(), again});
  EXPECT_EQ(machine().job("job")->patience, "longForm");
  EXPECT_EQ(machine().job("job")->finished_stages, (std::set<std::string, NameLess>{"images"}));
}

TEST_F(Jobs, AResumeThatCannotBeRecordedLeavesTheJobFailed) {
  lock("job", "Ollama");
  tell(event::JobFinished{ticket(), "job", JobState::failed, "ana"});
  disk = Disk::fails;
  const Ticket again = ticket();
  tell(event::JobRequested{again, {.job_id = "job", .resume = true}});
  EXPECT_EQ(refusal(again), Errc::store_unavailable);
  EXPECT_EQ(machine().job("job")->state, JobState::failed);
  EXPECT_TRUE(machine().job("job")->opened) << "it was open before";
  EXPECT_EQ(machine().backlog(), 0u) << "the refused opening is not written later";
}

TEST_F(Jobs, WhatSomebodyElseOwnsIsRefusedAsHeldAndReadAgain) {
  lock("job", "Ollama", {"script"});
  disk = Disk::waits;
  const Ticket mine = lock("job", "OpenAI", {"images"});
  ASSERT_EQ(waiting.size(), 1u);
  image = event::JobImage{.name = "film", .epoch = 9};
  tell(event::SaveFailed{waiting.front().save, "process 7 owns job job", Errc::store_held});
  EXPECT_EQ(refusal(mine), Errc::store_held);
  EXPECT_EQ(std::get<Failure>(reply(mine).value).message, "process 7 owns job job");
  EXPECT_EQ(machine().job("job")->epoch, 9u) << "what this process believed is old";
  EXPECT_EQ(machine().backlog(), 0u);
}

TEST_F(Jobs, ALockWithoutANamedProviderIsUnlockedWhereItIsActive) {
  lock("job", "Ollama", {"script"});
  lock("job", "OpenAI", {"images"});
  const Ticket newest = ticket();
  tell(event::UnlockRequested{newest, "job", "done with images", ""});
  EXPECT_TRUE(said_yes(newest));
  const Ticket next = ticket();
  tell(event::UnlockRequested{next, "job", "done with the script", ""});
  EXPECT_TRUE(said_yes(next)) << "the newest lock is unlocked already, the active one is meant";
  EXPECT_EQ(machine().job("job")->locks.active_count(), 0u);
}

// An item that ended while its job was cancelled or released opened the job again, and nobody closed it.
TEST_F(Jobs, AStageOfAJobThatIsOverDoesNotOpenIt) {
  for (const JobState over : {JobState::cancelled, JobState::released, JobState::done}) {
    const std::string id(name(over));
    lock(id, "Ollama");
    const OperationId running = start(id, "Ollama", "script").id;  // so that it stays known
    if (over == JobState::cancelled) cancel(id);
    if (over == JobState::released) tell(event::ReleaseRequested{ticket(), id});
    if (over == JobState::done) tell(event::JobFinished{ticket(), id, over, "ana"});
    const Ticket late = ticket();
    tell(event::StageReached{late, {id, "script", 1, 1, true, {}}});
    EXPECT_EQ(refusal(late), Errc::no_such_job) << id;
    ASSERT_NE(machine().job(id), nullptr) << id;
    EXPECT_EQ(machine().job(id)->state, over) << id;
    end(running);
  }
  EXPECT_EQ(count<JobOpened>(), 3u);
}

}  // namespace
}  // namespace holdfast
