#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

/// Standing consents: what they answer, and what they leave to people.
struct Consents : testing::Test, Driver {
  /// An operation of a job whose stage is locked, which has made nothing for so long.
  OperationId silent_for(milliseconds silence) {
    lock("job", "Ollama", {"script"});
    const OperationId id = start("job", "Ollama", "script").id;
    wait(silence);
    return id;
  }
  void unlock() { tell(event::UnlockRequested{ticket(), "job", "by hand", ""}); }
};

TEST_F(Consents, TheSameTwiceIsOne) {
  consent("job", "error: cancel");
  consent("job", "error: cancel");
  consent("job", "stall after 10s: cancel");
  EXPECT_EQ(count<ConsentGiven>(), 2u);
}

TEST_F(Consents, ForAnotherProviderIsAnother) {
  consent("job", "error: switch to OpenAI");
  consent("job", "error: switch to openai");
  consent("job", "error: switch to One");
  EXPECT_EQ(count<ConsentGiven>(), 2u);
}

TEST_F(Consents, HaveALimit) {
  for (int i = 0; i < 17; ++i)
    consent("job", "stall after " + std::to_string(i + 1) + "s: cancel");
  EXPECT_EQ(count<ConsentGiven>(), 16u);
  EXPECT_EQ(machine().job("job")->consents.back().id, "consent-16");
}

TEST_F(Consents, SwitchAfterTheirSilenceAndAreRecordedWithTheDecision) {
  consent("job", "stall after 60s: switch to OpenAI");
  const OperationId id = stalled();
  EXPECT_TRUE(cancels.empty());
  wait(16s);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(all<FallbackDecision>()[0].consent_id, "consent-1");
  EXPECT_TRUE(all<FallbackDecision>()[0].user_confirmed);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(all<QuestionAnswered>()[0].door, "consent");
  end(id, event::CallEnded::How::closed);
}

TEST_F(Consents, ThatAreGivenWhileTheQuestionIsOpenAnswerIt) {
  lock("job", "Ollama");
  const auto started = start("job", "Ollama", "script");
  wait(46s);
  ASSERT_EQ(count<QuestionOpened>(), 1u);
  consent("job", "stall after 30s: switch to OpenAI");
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(all<FallbackDecision>().at(0).to_provider, "OpenAI");
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].operation, started.id);
}

TEST_F(Consents, ThatAreGivenAfterAFailureAnswerTheQuestionAboutIt) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  raise(id);
  consent("job", "stall after 0s: cancel");
  EXPECT_EQ(count<ConsentApplied>(), 0u) << "it did not stall";
  consent("job", "error: cancel");
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(all<JobClosed>().at(0).state, JobState::cancelled);
}

TEST_F(Consents, DoNotOvertakeAnAnswerThatIsBeingRecorded) {
  const OperationId id = stalled();
  disk = Disk::waits;
  consent("job", "stall after 30s: switch to OpenAI");
  const Ticket mine = answer(id, "continue_5m");
  disk_says(Disk::saves);
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(count<ConsentGiven>(), 1u);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Consents, WhoseSilenceIsReachedWhileAnAnswerIsRecordedComeTooLate) {
  consent("job", "stall after 60s: switch to OpenAI");
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket mine = answer(id, "continue_5m");
  wait(20s);
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  EXPECT_TRUE(waiting.empty());
  EXPECT_EQ(count<FallbackDecision>(), 0u);
}

TEST_F(Consents, DoNothingThatTheQuestionDoesNotOffer) {
  Patience terms = *calm();
  std::erase_if(terms.stall_options, [](const auto& option) { return option.action == AnswerAction::cancel; });
  consent("job", "stall after 0s: cancel");
  const OperationId id = start("job", "Ollama", "script", std::make_shared<Patience>(terms)).id;
  wait(2min);
  EXPECT_EQ(count<QuestionOpened>(), 1u);
  EXPECT_TRUE(cancels.empty());
  EXPECT_TRUE(applied(answer(id, "continue_5m")));
}

TEST_F(Consents, ThatEndWithTheirJobAreNotRecordedAsApplied) {
  consent("job", "error: cancel");
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  disk = Disk::waits;
  lock("job", "Ollama");
  cancel("job");
  raise(id);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_EQ(all<JobClosed>().at(0).state, JobState::cancelled);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  EXPECT_EQ(machine().questions().open_count(), 0u);
}

TEST_F(Consents, ThatCouldNotBeRecordedAreTriedAgain) {
  consent("job", "stall after 0s: switch to OpenAI");
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  wait(44s);
  disk = Disk::fails;
  wait(5s);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  disk = Disk::saves;
  wait(3s);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(cancels.size(), 1u);
}

TEST_F(Consents, NeverApplyToAnAbsoluteLock) {
  consent("job", "stall after 0s: switch to OpenAI");
  lock("job", "Ollama", {}, false);
  const OperationId id = start("job", "Ollama", "script").id;
  wait(2min);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  EXPECT_EQ(refusal(answer(id, "try_alternative")), Errc::lock_not_overridable);
  EXPECT_EQ(all<Refused>()[0].code, Errc::lock_not_overridable) << "and the refusal is recorded";
  EXPECT_FALSE(all<StallSuspected>()[0].alternatives[0].allowed);
}

TEST_F(Consents, ForErrorsCancel) {
  consent("job", "error: cancel");
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  raise(id);
  EXPECT_EQ(all<JobClosed>()[0].state, JobState::cancelled);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

// It was given up when the disk did not take it once, and a job with nobody there waited for ever.
TEST_F(Consents, ForErrorsThatCouldNotBeRecordedAreTriedAgain) {
  failed();
  disk = Disk::waits;
  consent("job", "error: switch to OpenAI");
  disk_says(Disk::saves);
  disk_says(Disk::fails);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  EXPECT_EQ(open(), 1u);
  disk = Disk::saves;
  wait(3s);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(open(), 0u);
}

TEST_F(Consents, ForErrorsThatAreTriedAgainAnswerNothingElse) {
  event::JobImage kept{.state = JobState::interrupted};
  OperationStarted started{.job_id = "job", .stage_name = "images", .provider_name = "Ollama"};
  started.operation_id = text(OperationId{77});
  kept.lost.push_back({started, {}, 0, 0});
  image = kept;
  lock("job", "Ollama", {"images"});
  raise({77}, QuestionKind::interrupted);
  const OperationId other = start("job", "Ollama", "images").id;
  failed();
  disk = Disk::waits;
  consent("job", "error: switch to OpenAI");
  disk_says(Disk::saves);
  disk_says(Disk::fails);
  end(other, event::CallEnded::How::failed);
  raise(other);
  ASSERT_EQ(open(), 3u) << "the last one is being answered by the consent";
  wait(2s);
  disk = Disk::saves;
  while (!waiting.empty())
    disk_says(Disk::saves);
  wait(3s);
  EXPECT_EQ(count<ConsentApplied>(), 2u);
  ASSERT_EQ(open(), 1u);
  EXPECT_NE(machine().questions().find({77}), nullptr) << "an interruption is no error";
}

TEST_F(Consents, AreNeededWhereNobodyElseMayAnswer) {
  lock("job", "Ollama", {"script"});
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  EXPECT_FALSE(said_yes(raise(id, QuestionKind::hard_error, true)));
  consent("job", "error: switch to Ollama");
  consent("job", "stall after 5m: cancel");
  EXPECT_FALSE(said_yes(raise(id, QuestionKind::hard_error, true))) << "it failed there";
  EXPECT_EQ(count<QuestionOpened>(), 0u);
  consent("job", "error: switch to OpenAI");
  EXPECT_TRUE(said_yes(raise(id, QuestionKind::hard_error, true)));
  EXPECT_EQ(all<QuestionOpened>().at(0).question.ask, 1);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

TEST_F(Consents, AreNoneOfAnAnonymousFailure) {
  const OperationId id = start("", "Ollama", "script", {}, false).id;
  end(id, event::CallEnded::How::failed);
  EXPECT_FALSE(said_yes(raise(id, QuestionKind::hard_error, true)));
  EXPECT_EQ(count<JobOpened>(), 0u);
}

// The run failed, though it could have gone along.
TEST_F(Consents, AreNotNeededWhereTheStageHasMoved) {
  lock("job", "Ollama", {"script"});
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  switch_to("job", "OpenAI");
  EXPECT_TRUE(said_yes(raise(id, QuestionKind::hard_error, true)));
  EXPECT_EQ(open(), 0u);
}

// Two that failed in turn were paid in turn, with nobody asked, until the job had had all its locks.
TEST_F(Consents, DoNotLeadBackToWhatTheStageHasLeftBecauseItFailed) {
  consent("job", "error: switch to OpenAI");
  consent("job", "error: switch to Ollama");
  failed();
  EXPECT_EQ(open(), 0u);
  const OperationId next = start("job", "OpenAI", "script").id;
  end(next, event::CallEnded::How::failed);
  EXPECT_FALSE(said_yes(raise(next, QuestionKind::hard_error, true))) << "no consent would answer";
  raise(next);
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_TRUE(all<QuestionOpened>().back().question.alternatives.at(0).failed_here);
  EXPECT_TRUE(applied(answer(next, "try_alternative", 1, true, "Ollama"))) << "a person may";
}

// It was looked at once, before it waited for a lock that was changing, and led back when that one had.
TEST_F(Consents, AreLookedAtWhereALockHasChangedMeanwhile) {
  lock("job", "Ollama", {"script"});
  consent("job", "stall after 60s: switch to OpenAI");
  consent("job", "stall after 61s: switch to One");
  const OperationId moves = start("job", "Ollama", "script").id, hangs = start("job", "Ollama", "script").id;
  wait(46s);
  EXPECT_TRUE(applied(answer(moves, "try_alternative")));
  const OperationId fails = start("job", "OpenAI", "script").id;
  end(fails, event::CallEnded::How::failed);
  raise(fails);
  disk = Disk::waits;
  answer(fails, "try_alternative", 1, true, "Ollama");
  wait(16s);  // the stage is still at OpenAI: the first consent goes along
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  disk = Disk::saves;
  disk_says(Disk::saves);
  wait(250ms);  // the second is due with the next sweep
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(all<FallbackDecision>().back().to_provider, "One");
  EXPECT_TRUE(machine().job("job")->locks.left_after_failure("OpenAI", "script"));
  EXPECT_EQ(all<QuestionAnswered>().back().operation_id, text(hangs));
}

// Where the store had no room for another lock, nobody was there to answer.
TEST_F(Consents, ToSwitchDoNotApplyWhereTheJobHasHadAllItsLocks) {
  for (std::size_t i = 1; i < limits::locks_per_job_max; ++i) {
    lock("job", "OpenAI", {"images"});
    tell(event::UnlockRequested{ticket(), "job", "again", ""});
  }
  const OperationId id = failed();
  EXPECT_EQ(open(), 1u);
  ASSERT_TRUE(machine().job("job")->locks.full());
  consent("job", "error: switch to OpenAI");
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(refusal(answer(id, "try_alternative")), Errc::too_large);
  EXPECT_TRUE(applied(answer(id, "try_again")));
  const OperationId next = start("job", "Ollama", "script").id;
  end(next, event::CallEnded::How::failed);
  EXPECT_FALSE(said_yes(raise(next, QuestionKind::hard_error, true))) << "nobody would answer";
}

// A job that was released and had left memory had them again when something of it was locked.
TEST_F(Consents, OfAJobThatWasOverAreGoneWhenItBeginsAgain) {
  event::JobImage kept{.state = JobState::released};
  kept.consents.push_back({"consent-1", StandingConsent::When::error, 0s, "OpenAI", "cloud_llm", "ana"});
  kept.finished_stages = {"script"};
  image = kept;
  failed();
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  EXPECT_TRUE(machine().job("job")->finished_stages.empty());
}

// It had been in the way of the consent, which then was forgotten.
TEST_F(Consents, AreUsedWhereTheAnswerInTheirWayFails) {
  consent("job", "stall after 60s: switch to OpenAI");
  const OperationId id = silent_for(59s);
  disk = Disk::waits;
  const Ticket mine = answer(id, "continue_30s");
  wait(3s);
  disk = Disk::saves;
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(open(), 0u);
}

TEST_F(Consents, ForErrorsAreUsedWhereTheAnswerInTheirWayFails) {
  const OperationId id = failed();
  const OperationId sibling = start("job", "Ollama", "images").id;
  consent("job", "error: switch to Ollama");
  disk = Disk::waits;
  consent("job", "error: cancel");
  const Ticket mine = answer(id, "try_again");
  disk_says(Disk::saves);
  disk = Disk::saves;
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(open(), 0u);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].operation, sibling);
}

// The first one had been looked at before the lock became absolute: it left a refusal that nobody had asked for, and
// the second was never looked at.
TEST_F(Consents, ArePassedOverWhereALockHasBecomeAbsoluteMeanwhile) {
  consent("job", "stall after 60s: switch to OpenAI");
  consent("job", "stall after 5m: cancel");
  silent_for(59s);
  disk = Disk::waits;
  unlock();
  lock("job", "Ollama", {"script"}, false);
  wait(2s);
  disk = Disk::saves;
  disk_says(Disk::saves);
  wait(3min);
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(count<Refused>(), 0u);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  wait(1min);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
  EXPECT_EQ(cancels.size(), 1u);
}

// The unattended run waited for ever.
TEST_F(Consents, ForErrorsArePassedOverWhereALockHasBecomeAbsoluteMeanwhile) {
  consent("job", "error: switch to OpenAI");
  consent("job", "error: cancel");
  lock("job", "Ollama", {"script"});
  const OperationId id = start("job", "Ollama", "script").id;
  disk = Disk::waits;
  unlock();
  lock("job", "Ollama", {"script"}, false);
  end(id, event::CallEnded::How::failed);
  const Ticket mine = raise(id, QuestionKind::hard_error, true);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_TRUE(said_yes(mine));
  EXPECT_EQ(count<Refused>(), 0u);
  EXPECT_EQ(all<ConsentApplied>().at(0).consent.text(), "error: cancel");
  EXPECT_EQ(open(), 0u);
}

// The switch could not be recorded, and was not possible any more when it was tried again.
TEST_F(Consents, FollowEachOtherWhereTheFirstCouldNotBeRecorded) {
  consent("job", "error: switch to OpenAI");
  consent("job", "error: cancel");
  lock("job", "Ollama", {"script"});
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  disk = Disk::waits;
  raise(id);
  unlock();
  lock("job", "Ollama", {"script"}, false);
  disk = Disk::saves;
  disk_says(Disk::fails);
  wait(3s);
  EXPECT_EQ(all<ConsentApplied>().at(0).consent.text(), "error: cancel");
  EXPECT_EQ(open(), 0u);
}

// It was turned away, and nobody tried it again.
TEST_F(Consents, AreUsedWhenTheCommandsInTheirWayAreThrough) {
  consent("job", "stall after 60s: switch to OpenAI");
  silent_for(59s);
  disk = Disk::waits;
  lock("job", "Ollama", {"images"});
  for (std::size_t i = 0; i < limits::waiting_per_job_max; ++i)
    tell(event::StageReached{ticket(), {.job_id = "job", .stage_name = "x", .items = 2000, .items_done = i}});
  wait(2s);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

// It was dropped with what had waited for the job.
TEST_F(Consents, AreUsedWhenTheirJobCanBeReadAgain) {
  consent("job", "stall after 60s: switch to OpenAI");
  silent_for(59s);
  event::JobImage kept{.epoch = 1};
  kept.locks = machine().job("job")->locks.all();
  kept.consents = machine().job("job")->consents;
  disk = Disk::waits;
  lock("job", "Ollama", {"images"});
  reads = false;
  tell(event::SaveFailed{waiting.front().save, "somebody else", Errc::stale_epoch});
  waiting.clear();
  wait(2s);
  tell(event::JobLoadFailed{"job", "read error"});
  disk = Disk::saves;
  reads = true;
  image = kept;
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  lock("job", "Ollama", {"images"});
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

// Both were consent-1: the switch was recorded as the other's, which allows none.
TEST_F(Consents, OfAnEarlierLifeAreNotAppliedInTheNext) {
  consent("job", "stall after 60s: switch to OpenAI");
  silent_for(59s);
  disk = Disk::waits;
  tell(event::ReleaseRequested{ticket(), "job"});
  consent("job", "error: cancel");
  wait(2s);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_EQ(count<ConsentGiven>(), 2u);
  EXPECT_EQ(count<FallbackDecision>(), 0u);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
}

// The store still has those of a job that is over: it was said to have been given, and the job had none.
TEST_F(Consents, GivenFirstToAJobThatWasOverAreGiven) {
  event::JobImage kept{.state = JobState::released};
  kept.consents.push_back({"consent-1", StandingConsent::When::error, 0s, "OpenAI", "cloud_llm", "ana"});
  image = kept;
  consent("job", "error: switch to OpenAI");
  consent("job", "error: cancel");
  ASSERT_EQ(count<ConsentGiven>(), 2u);
  EXPECT_EQ(all<ConsentGiven>()[0].consent.id, "consent-1");
  EXPECT_EQ(all<ConsentGiven>()[1].consent.id, "consent-2");
  failed();
  EXPECT_EQ(all<ConsentApplied>().at(0).consent.text(), "error: switch to OpenAI");
}

// The laptop slept, and a job was cancelled after a minute of silence that its user had given ten.
TEST_F(Consents, OurOwnPauseIsNoSilence) {
  consent("job", "stall after 60s: switch to OpenAI");
  consent("job", "stall after 10m: cancel");
  lock("job", "Ollama", {"script"}, false);
  start("job", "Ollama", "script");
  wait(46s);
  stand_still(10min);
  wait(20s);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  wait(9min);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

TEST_F(Consents, OurOwnPauseIsNoSilenceForOneThatIsGivenAfterIt) {
  stalled();
  stand_still(10min);
  wait(1s);
  consent("job", "stall after 10m: switch to OpenAI");
  wait(9min);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
  wait(1min);
  EXPECT_EQ(count<ConsentApplied>(), 1u);
}

TEST_F(Consents, BackpressureIsNoSilence) {
  const OperationId id = stalled();
  writer(id).hold(now());
  wait(10min);
  consent("job", "stall after 10m: switch to OpenAI");
  wait(1min);
  EXPECT_EQ(count<ConsentApplied>(), 0u);
}

// An unattended run failed, and its stage had just been moved.
TEST_F(Consents, AreNotNeededWhereTheStageIsMoving) {
  lock("job", "Ollama", {"script"});
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  disk = Disk::waits;
  switch_to("job", "OpenAI");
  const Ticket mine = raise(id, QuestionKind::hard_error, true);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_TRUE(said_yes(mine));
}

// A person had moved the stage; then the consent about an older call took it away from there, where nothing was silent.
TEST_F(Consents, MoveAStageOnlyFromWhereItStalled) {
  consent("job", "stall after 60s: switch to OpenAI");
  lock("job", "Ollama", {"script"});
  const OperationId one = start("job", "Ollama", "script").id;
  start("job", "Ollama", "script");
  wait(50s);
  EXPECT_TRUE(applied(answer(one, "try_alternative", 1, true, "One")));
  wait(1min);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_EQ(open(), 1u);
}

TEST_F(Consents, WhoseProviderHasNoTypeArePassedOver) {
  StandingConsent untyped = parse_consent("error: switch to OpenAI").value();
  untyped.given_by = "ana";
  tell(event::ConsentOffered{ticket(), "job", untyped});
  consent("job", "error: switch to One");
  failed();
  EXPECT_EQ(all<FallbackDecision>().at(0).to_provider, "One");
}

TEST_F(Consents, AnswerThemselvesAndNobodyForThem) {
  const OperationId id = stalled();
  consent("job", "stall after 10m: cancel");
  event::Answered given{ticket(), id, {.operation_id = text(id), .option = "try_alternative"}, "cloud_llm"};
  given.answer.provider = "OpenAI";
  given.answer.confirmed = true;
  given.answer.note = "consent-1";
  given.answer.door = "consent";
  tell(given);
  EXPECT_EQ(refusal(given.ticket), Errc::invalid_argument);
  EXPECT_EQ(open(), 1u);
}

}  // namespace
}  // namespace holdfast
