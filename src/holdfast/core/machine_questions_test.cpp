#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Questions : testing::Test, Driver {
  LatencyCategory category(OperationId id) { return machine().operation(id)->category; }
};

TEST_F(Questions, StallIsAnnouncedOnceNotAtEverySweep) {
  stalled();
  wait(10min);
  ASSERT_EQ(count<StallSuspected>(), 1u);
  ASSERT_EQ(count<QuestionOpened>(), 1u);
  const StallSuspected stall = all<StallSuspected>()[0];
  EXPECT_EQ(stall.ask, 1);
  EXPECT_EQ(stall.elapsed_since_last_progress, 45s);
  EXPECT_NE(stall.evidence.find("no sign of life"), std::string::npos);
  EXPECT_EQ(stall.options.size(), 5u);
  EXPECT_EQ(stall.alternatives.size(), 2u);
}

// After «continue», the next question said that there was no output for 30 s, where there had been none for 75.
TEST_F(Questions, TheEvidenceCountsSilenceFromTheLastProgressAndNotFromTheLastAnswer) {
  const OperationId id = stalled();
  answer(id, "continue_30s");
  wait(31s);
  ASSERT_EQ(count<StallSuspected>(), 2u);
  const StallSuspected again = all<StallSuspected>()[1];
  EXPECT_GE(again.elapsed_since_last_progress, 75s);
  EXPECT_GE(again.elapsed_since_last_heartbeat, 75s);
  EXPECT_NE(again.evidence.find("No new output for 1 min 15 s"), std::string::npos) << again.evidence;
}

TEST_F(Questions, NoAnswerMeansNothingForEver) {
  const OperationId id = stalled();
  const std::size_t before = told.size();
  wait(5h);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(machine().operation(id)->phase(), OperationPhase::running);
  EXPECT_EQ(told.size() - before, 1u) << "the category's next threshold is watched, and nothing else";
}

TEST_F(Questions, ProgressWithdrawsTheQuestionAndALaterAnswerIsStale) {
  const OperationId id = stalled();
  progress(id);
  ASSERT_EQ(count<StallResolved>(), 1u);
  EXPECT_EQ(all<StallResolved>()[0].by, "progress");
  EXPECT_EQ(all<QuestionClosed>()[0].by, "progress");
  const Ticket late = answer(id, "cancel_job", 1);
  EXPECT_EQ(refusal(late), Errc::stale_answer);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Questions, ProgressAfterAStallReturnsToTheCategoryOfTheElapsedTimeNotToNormal) {
  const OperationId id = stalled();
  EXPECT_EQ(category(id), LatencyCategory::StallSuspected);
  progress(id);
  EXPECT_EQ(category(id), LatencyCategory::Extended);
}

TEST_F(Questions, AnswersMustBeOptionsOfTheOpenQuestion) {
  const OperationId id = stalled();
  EXPECT_EQ(refusal(answer(id, "do_something")), Errc::invalid_argument);
  EXPECT_EQ(refusal(answer(id, "continue_30s", 2)), Errc::stale_answer);
  EXPECT_EQ(refusal(answer({77}, "continue_30s")), Errc::no_such_operation);
  EXPECT_EQ(refusal(answer(id, "try_alternative", 1, true, "Nobody")), Errc::invalid_argument);
  EXPECT_EQ(refusal(answer(id, "try_alternative", 1, true, "")), Errc::invalid_argument);
  EXPECT_EQ(refusal(answer(id, "try_alternative", 1, true, "ollama")), Errc::invalid_argument);
  event::Answered wordy{ticket(), id, {.operation_id = text(id), .ask = 1, .option = "continue_30s"}, ""};
  wordy.answer.note.assign(5000, 'x');
  tell(wordy);
  EXPECT_EQ(refusal(wordy.ticket), Errc::too_large);
  EXPECT_EQ(count<QuestionClosed>(), 0u);
}

TEST_F(Questions, ContinueWaitingIsNotALabelOnly) {
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, "continue_30s")));
  EXPECT_EQ(category(id), LatencyCategory::Extended);
  wait(29s);
  EXPECT_EQ(count<StallSuspected>(), 1u);
  wait(1500ms);
  ASSERT_EQ(count<StallSuspected>(), 2u);
  EXPECT_EQ(all<StallSuspected>()[1].ask, 2);
}

TEST_F(Questions, TheFirstProgressAfterContinueEndsTheExtension) {
  const OperationId id = stalled();
  answer(id, "continue_5m");
  wait(10s);
  progress(id);
  wait(46s);
  EXPECT_EQ(count<StallSuspected>(), 2u) << "the ordinary 45 s count again";
}

TEST_F(Questions, WaitUntilDoneAsksNeverAgain) {
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, std::string(wait_until_done))));
  wait(2h);
  progress(id);
  wait(2h);
  EXPECT_EQ(count<StallSuspected>(), 1u);
}

TEST_F(Questions, SwitchWithoutConfirmationIsRefusedAndTheQuestionStaysOpen) {
  const OperationId id = stalled();
  const Ticket refused = answer(id, "try_alternative", 1, false);
  EXPECT_EQ(refusal(refused), Errc::confirmation_required);
  EXPECT_NE(std::get<AnswerResult>(reply(refused).value).message.find("style and tone"), std::string::npos);
  EXPECT_EQ(count<QuestionClosed>(), 0u);
  EXPECT_EQ(refusal(answer(id, "cancel_job", 1, false)), Errc::confirmation_required);
}

TEST_F(Questions, ConfirmedSwitchIsOneTransactionThenTheCallEnds) {
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket mine = answer(id, "try_alternative");
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(describe(waiting[0]).substr(0, 100).find("Save"), 0u);
  EXPECT_EQ(waiting[0].records.size(), 5u) << "answer, resolved, decision, old lock, new lock";
  EXPECT_TRUE(cancels.empty()) << "not before it is on disk";
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].why, Errc::switched);
  const FallbackDecision decision = all<FallbackDecision>()[0];
  EXPECT_EQ(decision.reason_code, ReasonCode::user_after_stall);
  EXPECT_EQ(decision.ask, 1);
  EXPECT_EQ(decision.decided_by, "ana");
  end(id, event::CallEnded::How::closed);
  EXPECT_EQ(machine().operation(id)->phase(), OperationPhase::switched);
  EXPECT_EQ(machine().job("job")->locks.newest_active()->provider_name, "OpenAI");
}

TEST_F(Questions, ConfirmedCancelEndsTheJobAndKeepsItsHistory) {
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, "cancel_job")));
  ASSERT_EQ(cancels.size(), 1u);
  end(id, event::CallEnded::How::closed);
  EXPECT_EQ(all<JobClosed>()[0].state, JobState::cancelled);
  EXPECT_EQ(all<OperationEnded>()[0].outcome, OperationPhase::cancelled);
  EXPECT_EQ(count<StallResolved>(), 1u);
  EXPECT_EQ(all<StallResolved>()[0].by, "answer");
  EXPECT_EQ(machine().job("job"), nullptr) << "nothing of it is open";
}

TEST_F(Questions, SecondAnswerHearsWhoWon) {
  const OperationId id = stalled();
  disk = Disk::waits;
  answer(id, "continue_30s", 1, true, "", "key");
  const Ticket during = answer(id, "cancel_job", 1);
  EXPECT_EQ(refusal(during), Errc::already_answered);
  disk_says(Disk::saves);
  const Ticket after = answer(id, "cancel_job", 1);
  EXPECT_EQ(refusal(after), Errc::already_answered);
  EXPECT_EQ(std::get<AnswerResult>(reply(after).value).winning_option, "continue_30s");
  EXPECT_TRUE(applied(answer(id, "continue_30s", 1, true, "", "key"))) << "its key makes repeating harmless";
}

// It heard "applied", and nothing had been done.
TEST_F(Questions, AnotherAnswerUnderAKeyThatWasUsedIsRefused) {
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, "continue_5m", 1, true, "", "key")));
  const Ticket other = answer(id, "cancel_job", 1, true, "", "key");
  EXPECT_EQ(refusal(other), Errc::already_answered);
  EXPECT_EQ(std::get<AnswerResult>(reply(other).value).winning_option, "continue_5m");
  EXPECT_EQ(refusal(answer(id, "continue_5m", 1, false, "", "key")), Errc::already_answered);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Questions, ProgressWhileAnAnswerIsRecordedDoesNotUndoIt) {
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket mine = answer(id, "try_alternative");
  progress(id);
  EXPECT_EQ(count<StallResolved>(), 0u);
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(cancels.size(), 1u);
}

TEST_F(Questions, AnAnswerThatCannotBeSavedOpensTheSameQuestionAgain) {
  const OperationId id = stalled();
  disk = Disk::fails;
  EXPECT_EQ(refusal(answer(id, "try_alternative")), Errc::store_unavailable);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(machine().job("job")->locks.newest_active()->provider_name, "Ollama");
  disk = Disk::saves;
  EXPECT_TRUE(applied(answer(id, "continue_30s", 1)));
}

TEST_F(Questions, ProgressDuringAFailedAnswerWithdrawsTheQuestionThen) {
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket mine = answer(id, "continue_30s");
  progress(id);
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(all<StallResolved>()[0].by, "progress");
}

TEST_F(Questions, UnknownWhetherSavedIsLookedUp) {
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket kept = answer(id, "continue_30s");
  const SaveId save = waiting[0].save;
  disk_says(Disk::says_nothing);
  EXPECT_EQ(told.back(), "LookUp " + std::to_string(save.value));
  EXPECT_FALSE(applied(kept));
  tell(event::SaveLookedUp{save, true});
  EXPECT_TRUE(applied(kept));
  tell(event::SaveLookedUp{save, false});
  tell(event::Saved{save});
  EXPECT_EQ(count<QuestionAnswered>(), 1u) << "old news is ignored";
}

TEST_F(Questions, AnOperationThatEndsWhileItsAnswerIsRecordedKeepsItsResultAndTheDecisionStands) {
  const OperationId id = stalled();
  disk = Disk::waits;
  const Ticket mine = answer(id, "try_alternative");
  end(id);
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(machine().operation(id)->phase(), OperationPhase::completed);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(machine().job("job")->locks.newest_active()->provider_name, "OpenAI");
  EXPECT_EQ(count<StallResolved>(), 1u);
}

TEST_F(Questions, AnOperationThatEndsWhileItsAnswerFailsIsResolvedByItsEnd) {
  const OperationId id = stalled();
  disk = Disk::waits;
  answer(id, "continue_30s");
  end(id);
  disk_says(Disk::fails);
  ASSERT_EQ(count<StallResolved>(), 1u);
  EXPECT_EQ(all<StallResolved>()[0].by, "end");
  EXPECT_EQ(machine().questions().open_count(), 0u);
}

TEST_F(Questions, TheEndResolvesAnOpenStall) {
  const OperationId id = stalled();
  end(id);
  EXPECT_EQ(all<StallResolved>()[0].by, "end");
  EXPECT_EQ(refusal(answer(id, "continue_30s", 1)), Errc::stale_answer);
}

TEST_F(Questions, TheLastOutputBeforeTheEndResolvesTheStallAndAnnouncesTheCategoryFirst) {
  const OperationId id = stalled();
  wait(100ms);
  (void)writer(id).progress(now());  // its post is still under way
  end(id);
  EXPECT_EQ(all<StallResolved>()[0].by, "progress");
  EXPECT_EQ(all<CategoryChanged>().back().to, LatencyCategory::Extended);
  EXPECT_EQ(event_name(news.back()), "operation.ended");
}

TEST_F(Questions, AnAnswerToACallThatIsBeingCancelledIsStale) {
  const OperationId id = stalled();
  cancel("job", id);
  EXPECT_EQ(refusal(answer(id, "continue_30s")), Errc::stale_answer);
}

TEST_F(Questions, ProgressPostedLateFromBeforeTheQuestionDoesNotWithdrawIt) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  wait(1s);
  const Instant early = now();
  (void)writer(id).progress(early);
  wait(46s);
  ASSERT_EQ(count<StallSuspected>(), 1u);
  tell(event::ProgressMade{id, early});
  EXPECT_EQ(count<StallResolved>(), 0u);
  progress(id);
  EXPECT_EQ(count<StallResolved>(), 1u) << "and the slot is still armed";
}

TEST_F(Questions, ProgressPostedLateFromBeforeAnAnswerDoesNotEndItsExtension) {
  const OperationId id = stalled();
  const Instant early = now();
  wait(1s);
  answer(id, "continue_5m");
  tell(event::ProgressMade{id, early + 1ms});
  wait(4min);
  EXPECT_EQ(count<StallSuspected>(), 1u);
}

TEST_F(Questions, SilenceThatProgressOvertookAsksNothing) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  progress(id);
  wait(44s);
  (void)writer(id).progress(now());
  wait(1100ms);
  news_first(id);
  tell(event::SilenceExceeded{id, 45s, 45s, {}, 0});
  EXPECT_EQ(count<StallSuspected>(), 0u);
  wait(45s);
  EXPECT_EQ(count<StallSuspected>(), 1u);
}

TEST_F(Questions, SilenceOfAnOlderWatchAsksNothing) {
  const OperationId id = stalled();
  answer(id, "continue_30s");
  wait(31s);
  answer(id, "continue_30s");
  tell(event::SilenceExceeded{id, 45s, 45s, {}, 1});
  EXPECT_EQ(count<StallSuspected>(), 2u);
}

TEST_F(Questions, StoppedForFiveSecondsItAsksNothing) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  wait(44s);
  stand_still(5s);
  EXPECT_EQ(count<StallSuspected>(), 0u);
}

TEST_F(Questions, BeforeTheFirstProgressItsOwnThresholdCounts) {
  Patience terms = *calm();
  terms.first_progress = 100s;
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script", std::make_shared<Patience>(terms)).id;
  wait(99s);
  EXPECT_EQ(count<StallSuspected>(), 0u);
  progress(id);
  wait(46s);
  EXPECT_EQ(count<StallSuspected>(), 1u);
}

TEST_F(Questions, AnAnonymousOperationThatIsAskedAboutBecomesAJob) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  EXPECT_EQ(trail(), "");
  wait(46s);
  EXPECT_EQ(trail(), "job.opened operation.started stall.suspected question.opened");
  EXPECT_TRUE(applied(answer(id, "try_alternative")));
  EXPECT_EQ(machine().job(text(id))->locks.newest_active()->provider_name, "OpenAI");
}

TEST_F(Questions, AnAdoptedJobEndsWithItsOperation) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  wait(46s);
  EXPECT_TRUE(applied(answer(id, "continue_5m")));
  end(id);
  EXPECT_EQ(all<JobClosed>()[0].state, JobState::done);
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Questions, AnAdoptedJobGoesOnWhileSomethingElseOfItRuns) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  wait(46s);
  answer(id, "continue_5m");
  const OperationId other = start(text(id), "Ollama", "more").id;
  end(id);
  EXPECT_EQ(count<JobClosed>(), 0u);
  end(other);
  ASSERT_EQ(count<JobClosed>(), 1u);
  EXPECT_EQ(all<JobClosed>()[0].state, JobState::done);
}

TEST_F(Questions, AnAdoptedJobWhoseOperationFailedIsNoLongerShownAsRunning) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  wait(46s);
  end(id, event::CallEnded::How::failed);
  ASSERT_EQ(count<JobClosed>(), 1u);
  EXPECT_EQ(all<JobClosed>()[0].state, JobState::failed);
  EXPECT_TRUE(trail().ends_with("stall.resolved operation.ended job.closed")) << trail();
  const Ticket raised = ticket();
  tell(event::QuestionRaised{raised, id, QuestionKind::hard_error});
  EXPECT_TRUE(said_yes(raised)) << "what failed can be asked about";
  EXPECT_TRUE(applied(answer(id, "try_again")));
  EXPECT_EQ(count<JobClosed>(), 1u);
}

TEST_F(Questions, AFailedAdoptedJobKeepsTheLockThatADecisionTook) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  wait(46s);
  lock(text(id), "OpenAI");
  end(id, event::CallEnded::How::failed);
  EXPECT_EQ(count<JobClosed>(), 0u);
  EXPECT_EQ(machine().job(text(id))->locks.active_count(), 1u);
}

TEST_F(Questions, AFailedAdoptedJobIsForgottenWithItsOperation) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  wait(46s);
  end(id, event::CallEnded::How::failed);
  EXPECT_EQ(machine().job_count(), 1u);
  for (std::size_t i = 0; i < limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  EXPECT_EQ(machine().operation(id), nullptr);
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Questions, AFailedAnonymousOperationThatIsAskedAboutHasStartAndEndOnTheRecord) {
  const OperationId id = start("", "Ollama", "text", {}, false).id;
  end(id, event::CallEnded::How::failed);
  tell(event::QuestionRaised{ticket(), id, QuestionKind::hard_error});
  EXPECT_EQ(trail(), "job.opened operation.started operation.ended question.opened");
  EXPECT_EQ(count<JobClosed>(), 0u) << "somebody is asked";
  EXPECT_TRUE(applied(answer(id, "try_again")));
  EXPECT_EQ(all<JobClosed>().at(0).state, JobState::failed);
}

TEST_F(Questions, AHardErrorKeepsTheLockAndIsAskedAboutOnRequest) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  EXPECT_EQ(category(id), LatencyCategory::Error);
  EXPECT_EQ(all<ProviderHardError>()[0].fault.error_class, ErrorClass::http);
  EXPECT_EQ(machine().job("job")->locks.active_count(), 1u);
  const Ticket raised = ticket();
  tell(event::QuestionRaised{raised, id, QuestionKind::hard_error});
  EXPECT_TRUE(said_yes(raised));
  EXPECT_TRUE(applied(answer(id, "try_again")));
  const Ticket wrong = ticket();
  tell(event::QuestionRaised{wrong, {99}, QuestionKind::hard_error});
  EXPECT_EQ(refusal(wrong), Errc::no_such_operation);
}

TEST_F(Questions, AFailureOfAJobThatIsOverIsNotAskedAboutForEver) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  end(id, event::CallEnded::How::failed);
  tell(event::QuestionRaised{ticket(), id, QuestionKind::hard_error});
  tell(event::ReleaseRequested{ticket(), "job"});
  EXPECT_EQ(machine().questions().open_count(), 0u);
  EXPECT_EQ(all<QuestionClosed>()[0].by, "end");
  const Ticket again = ticket();
  tell(event::QuestionRaised{again, id, QuestionKind::hard_error});
  EXPECT_EQ(refusal(again), Errc::no_such_job);
}

}  // namespace
}  // namespace holdfast
