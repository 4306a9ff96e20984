#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

/// Answers, and what stands in their way.
struct Answers : testing::Test, Driver {
  /// Somebody else is said to own the job, and what the store knows of it cannot be read.
  void lose_sight_of_the_job() {
    disk = Disk::waits;
    lock("job", "OpenAI", {"images"});
    reads = false;
    tell(event::SaveFailed{waiting.front().save, "process 7 owns job job", Errc::store_held});
    waiting.clear();
    disk = Disk::saves;
    tell(event::JobLoadFailed{"job", "read error"});
    ASSERT_EQ(machine().job("job"), nullptr);
  }
  std::string message(Ticket ticket) { return std::get<AnswerResult>(reply(ticket).value).message; }
};

TEST_F(Answers, OfferProvidersThatServeTheKindAndForbidThoseThatDoNotSpeakTheClientsProtocol) {
  tell(event::ProvidersConfigured{{{.name = "Ollama", .type = "local_llm"},
                                   {.name = "Speaker", .type = "tts", .kinds = {"speech"}},
                                   {.name = "Any", .type = "cloud_llm"},
                                   {.name = "Deaf", .type = "cloud_llm", .kinds = {"text"}, .protocols = {"anthropic"}},
                                   {.name = "Same", .type = "cloud_llm", .kinds = {"text"}, .protocols = {"openai"}}}});
  Patience terms = *calm();
  terms.normal_by_type["cloud_llm"] = 15s;
  event::OperationRequested asked{.ticket = ticket(), .id = {512}, .request = {}, .patience = {}};
  asked.patience = std::make_shared<const Patience>(terms);
  asked.request = {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .stage_name = "script"};
  asked.request.kind = "text";
  asked.request.protocol = "openai";
  tell(asked);
  wait(46s);
  const std::vector<Alternative> offered = all<QuestionOpened>().at(0).question.alternatives;
  ASSERT_EQ(offered.size(), 3u);
  EXPECT_EQ(offered[0].provider_name, "Any");
  EXPECT_TRUE(offered[0].allowed) << "it says neither kinds nor protocols";
  EXPECT_EQ(offered[0].normal_threshold, 15s);
  EXPECT_EQ(offered[1].provider_name, "Deaf");
  EXPECT_EQ(offered[1].why_not, "Deaf does not speak openai, which the client does");
  EXPECT_TRUE(offered[2].allowed);
  const Ticket deaf = answer({512}, "try_alternative", 1, true, "Deaf");
  EXPECT_EQ(refusal(deaf), Errc::invalid_argument);
  EXPECT_EQ(message(deaf), offered[1].why_not);
  EXPECT_EQ(refusal(answer({512}, "try_alternative", 1, true, "Speaker")), Errc::invalid_argument);
  EXPECT_TRUE(applied(answer({512}, "try_alternative", 1, true, "Same")));
}

TEST_F(Answers, MayNameAnyProviderWhereNoneIsConfigured) {
  tell(event::ProvidersConfigured{{}});
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, "try_alternative", 1, true, "Anybody")));
  EXPECT_EQ(machine().job("job")->locks.newest_active()->provider_name, "Anybody");
}

TEST_F(Answers, NameWhoGivesThemInAtMost256Bytes) {
  const OperationId id = stalled();
  event::Answered long_winded{ticket(), id, {.operation_id = text(id), .ask = 1, .option = "continue_30s"}, ""};
  long_winded.answer.by.assign(257, 'x');
  tell(long_winded);
  EXPECT_EQ(refusal(long_winded.ticket), Errc::too_large);
  EXPECT_EQ(open(), 1u);
}

TEST_F(Answers, HearWhichProvidersThereAreWhereASwitchNamesNone) {
  const OperationId id = stalled();
  const Ticket nobody = answer(id, "try_alternative", 1, false, "");
  EXPECT_EQ(refusal(nobody), Errc::confirmation_required);
  EXPECT_NE(message(nobody).find("another provider (OpenAI, One)"), std::string::npos);
}

TEST_F(Answers, AreAskedForOnceAndOnlyWhereAnOperationFailed) {
  const OperationId running = start("job", "Ollama", "script").id;
  EXPECT_EQ(refusal(raise(running)), Errc::invalid_argument);
  end(running);
  EXPECT_EQ(refusal(raise(running)), Errc::invalid_argument) << "it completed";
  const OperationId id = failed();
  EXPECT_EQ(refusal(raise(id)), Errc::invalid_argument) << "it is asked about";
  EXPECT_EQ(count<QuestionOpened>(), 1u);
}

TEST_F(Answers, ToAWithdrawnQuestionAreStaleWhenItsOperationIsForgottenToo) {
  const OperationId id = stalled();
  progress(id);
  end(id);
  for (std::size_t i = 0; i < limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  ASSERT_EQ(machine().operation(id), nullptr);
  const Ticket late = answer(id, "continue_30s", 1);
  EXPECT_EQ(refusal(late), Errc::stale_answer);
  EXPECT_EQ(message(late), "the question was withdrawn: progress resumed");
}

TEST_F(Answers, ThatSwitchWaitUntilTheJobsLocksStandStill) {
  const OperationId id = stalled();
  disk = Disk::waits;
  consent("job", "error: cancel");
  const Ticket mine = answer(id, "try_alternative");
  EXPECT_EQ(open(), 1u);
  disk_says(Disk::saves);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_TRUE(cancels.empty());
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(cancels.size(), 1u);
}

TEST_F(Answers, ThatSwitchAreRefusedWhereTooManyCommandsWaitAndTheQuestionStaysOpen) {
  const OperationId id = stalled();
  disk = Disk::waits;
  consent("job", "error: cancel");
  for (std::size_t i = 0; i < limits::waiting_per_job_max; ++i)
    tell(event::StageReached{ticket(), {.job_id = "job", .stage_name = "script", .items = 2000, .items_done = i}});
  const Ticket mine = answer(id, "try_alternative");
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  disk = Disk::saves;
  disk_says(Disk::saves);
  EXPECT_TRUE(cancels.empty());
  EXPECT_TRUE(applied(answer(id, "try_alternative")));
}

TEST_F(Answers, ThatSwitchAfterAnInterruptionInventNoErrorOfTheProvider) {
  image = event::JobImage{.epoch = 1};
  image->lost.push_back({.started = {.job_id = "job", .stage_name = "script", .provider_name = "Ollama"}});
  image->lost[0].started.provider_type = "local_llm";
  image->lost[0].started.operation_id = text(OperationId{77});
  consent("job", "error: cancel");
  EXPECT_TRUE(said_yes(raise({77}, QuestionKind::interrupted)));
  EXPECT_TRUE(applied(answer({77}, "try_alternative")));
  EXPECT_EQ(all<FallbackDecision>().at(0).reason_code, ReasonCode::user_request);
  EXPECT_TRUE(all<FallbackDecision>().at(0).user_confirmed);
  EXPECT_EQ(all<FallbackDecision>().at(0).additional_context, "");
  EXPECT_FALSE(machine().job("job")->locks.left_after_failure("Ollama", "script"));
}

TEST_F(Answers, OfAForgottenJobReadItsLocksFirst) {
  const OperationId id = failed();
  lose_sight_of_the_job();
  reads = true;
  image = event::JobImage{.epoch = 3};
  image->locks.push_back({.job_id = "job", .provider_name = "Ollama", .overridable = false, .epoch = 3});
  EXPECT_EQ(refusal(answer(id, "try_alternative")), Errc::lock_not_overridable);
  EXPECT_EQ(count<FallbackDecision>(), 0u);
  EXPECT_EQ(open(), 1u);
}

// The question was closed as if the job were over, and nobody could answer it when the store was back.
TEST_F(Answers, ThatCancelAJobWhichCannotBeReadLeaveTheQuestionOpen) {
  const OperationId id = failed();
  lose_sight_of_the_job();
  const Ticket mine = answer(id, "cancel_job");
  tell(event::JobLoadFailed{"job", "read error"});
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(open(), 1u);
  reads = true;
  image = event::JobImage{.epoch = 1};
  EXPECT_TRUE(applied(answer(id, "cancel_job")));
  EXPECT_EQ(all<JobClosed>().at(0).state, JobState::cancelled);
  EXPECT_EQ(open(), 0u);
}

TEST_F(Answers, ThatCancelBehindACancelWhichTheStoreDoesNotTakeAreRefusedAndTheirQuestionEnds) {
  const OperationId id = failed();
  disk = Disk::waits;
  lock("job", "OpenAI", {"images"});
  const Ticket first = cancel("job"), mine = answer(id, "cancel_job");
  disk_says(Disk::saves);
  disk_says(Disk::fails);
  EXPECT_TRUE(applied(first));
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(all<QuestionClosed>().at(0).by, "end");
  EXPECT_EQ(count<QuestionAnswered>(), 0u);
}

// The trail said twice that the job was cancelled and closed.
TEST_F(Answers, ThatCancelBehindACancelAreKeptAndDoNotCloseTheJobAgain) {
  const OperationId id = failed();
  disk = Disk::waits;
  const Ticket first = cancel("job"), mine = answer(id, "cancel_job");
  disk_says(Disk::saves);
  disk_says(Disk::saves);
  EXPECT_TRUE(applied(first));
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(count<QuestionAnswered>(), 1u);
  EXPECT_EQ(count<Cancelled>(), 1u);
  EXPECT_EQ(count<JobClosed>(), 1u);
  EXPECT_EQ(open(), 0u);
}

// A client that sent its answer again, for want of a reply, answered the next question with it.
TEST_F(Answers, ThatAreSentAgainUnderTheirKeyDoNotAnswerTheNextQuestion) {
  const OperationId id = stalled();
  EXPECT_TRUE(applied(answer(id, "continue_30s", 0, true, "", "key-1")));
  wait(31s);
  ASSERT_EQ(open(), 1u) << "the second question";
  EXPECT_TRUE(applied(answer(id, "continue_30s", 0, true, "", "key-1"))) << "it is said again what became of it";
  EXPECT_EQ(open(), 1u);
  EXPECT_EQ(count<QuestionAnswered>(), 1u);
  EXPECT_TRUE(applied(answer(id, "continue_30s", 0, true, "", "key-2")));
  EXPECT_EQ(open(), 0u);
}

// The questions about its siblings stayed open, and an answer to them did nothing.
TEST_F(Answers, ASwitchAnswersForAllThatHaveFailedThere) {
  const OperationId one = failed();
  const OperationId other = start("job", "Ollama", "script").id;
  const OperationId elsewhere = start("job", "Ollama", "images").id;
  for (const OperationId each : {other, elsewhere}) {
    end(each, event::CallEnded::How::failed);
    raise(each);
  }
  EXPECT_EQ(open(), 3u);
  EXPECT_TRUE(applied(answer(one, "try_alternative")));
  EXPECT_EQ(open(), 1u);
  EXPECT_NE(machine().questions().find(elsewhere), nullptr);
  EXPECT_EQ(refusal(answer(other, "try_again")), Errc::stale_answer);
  EXPECT_EQ(count<QuestionClosed>(), 2u);
}

// History closed it, and the one who waited for the answer waited for ever.
TEST_F(Answers, ADecisionThatMovesNothingClosesNoQuestion) {
  const OperationId id = failed();
  const Ticket unlocked = ticket();
  tell(event::UnlockRequested{unlocked, "job", "by hand from here", ""});
  ASSERT_TRUE(said_yes(unlocked));
  FallbackDecision history = FallbackDecision::user_requested("job", "Ollama", "OpenAI", 1s, "corr");
  history.reason_code = ReasonCode::legacy_auto;
  history.user_confirmed = false;
  decide(history);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_TRUE(applied(answer(id, "try_again")));
}

// It stayed open, and its answer moved the new provider's lock with the old one's error for a reason.
TEST_F(Answers, AFailureThatIsAskedAboutWhenItsStageHasMovedIsNoQuestionAnyMore) {
  lock("job", "Ollama", {"script"});
  consent("job", "error: cancel");
  const OperationId early = start("job", "Ollama", "script").id, late = start("job", "Ollama", "script").id;
  for (const OperationId each : {early, late})
    end(each, event::CallEnded::How::failed);
  decide(FallbackDecision::user_requested("job", "Ollama", "OpenAI", 1s, "corr", {"script"}));
  raise(early);
  EXPECT_EQ(open(), 0u) << "the decision is made, and its lock still to be taken";
  lock("job", "OpenAI", {"script"});
  raise(late);
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(count<QuestionOpened>(), 2u);
  ASSERT_EQ(count<QuestionClosed>(), 2u) << "whoever asked hears of it";
  EXPECT_EQ(all<QuestionClosed>()[1].by, "end");
  EXPECT_EQ(refusal(answer(late, "try_alternative")), Errc::stale_answer);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_EQ(count<ConsentApplied>(), 0u) << "there is nothing left to answer";
}

// It was open again for nobody, and its answer moved the new provider's lock.
TEST_F(Answers, AQuestionWhoseAnswerFailedIsClosedWhereItsStageHasMovedMeanwhile) {
  const OperationId id = failed();
  disk = Disk::waits;
  switch_to("job", "OpenAI");
  const Ticket mine = answer(id, "try_again");
  disk_says(Disk::saves);
  EXPECT_EQ(open(), 1u) << "it is being answered";
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(mine), Errc::store_unavailable);
  EXPECT_EQ(open(), 0u);
}

TEST_F(Answers, AQuestionIsClosedWhereAnotherProcessHasMovedItsStage) {
  failed();
  event::JobImage kept{.state = JobState::failed, .epoch = 2};
  kept.locks.push_back({.job_id = "job", .provider_name = "OpenAI", .provider_type = "cloud_llm", .epoch = 2});
  image = kept;
  disk = Disk::waits;
  lock("job", "Ollama", {"images"});
  tell(event::SaveFailed{waiting.front().save, "process 7 owns job job", Errc::store_held});
  EXPECT_EQ(open(), 0u);
}

TEST_F(Answers, AFailureAtAProviderWhoseLockWasGivenToAnotherIsNoQuestionAnyMore) {
  const OperationId id = failed();
  tell(event::UnlockRequested{ticket(), "job", "by hand from here", ""});
  EXPECT_EQ(open(), 1u);
  lock("job", "OpenAI", {"script"});
  EXPECT_EQ(open(), 0u);
  EXPECT_EQ(refusal(answer(id, "try_again")), Errc::stale_answer);
}

// Its question was closed, and the run ended at a provider that could not do the work.
TEST_F(Answers, ASwitchToWhoCannotDoWhatHasFailedIsRefused) {
  tell(event::ProvidersConfigured{
      {{.name = "Ollama", .type = "local_llm"}, {.name = "Speaker", .type = "tts", .kinds = {"speech"}}}});
  lock("job", "Ollama", {"script"});
  event::OperationRequested asked{.ticket = ticket(), .id = {512}, .request = {}, .patience = calm()};
  asked.request = {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .stage_name = "script"};
  asked.request.kind = "text";
  tell(asked);
  end({512}, event::CallEnded::How::failed);
  raise({512});
  EXPECT_EQ(refusal(switch_to("job", "Speaker")), Errc::invalid_argument);
  EXPECT_EQ(open(), 1u);
  EXPECT_TRUE(applied(answer({512}, "try_again")));
  EXPECT_FALSE(std::holds_alternative<Failure>(reply(switch_to("job", "Speaker")).value)) << "what is to come";
}

// Where the process that recorded it died before anybody answered, the next one sent it again unasked.
TEST_F(Answers, WhatIsOnTheRecordAsInterruptedIsAskedAboutAndDoesNotEndTwice) {
  event::JobImage kept{.state = JobState::interrupted};
  OperationStarted started{.job_id = "job", .stage_name = "script", .provider_name = "Ollama"};
  started.operation_id = text(OperationId{77});
  kept.lost.push_back({.started = started, .asks = 1, .ended = true});
  image = kept;
  lock("job", "Ollama", {"script"});
  EXPECT_EQ(count<OperationEnded>(), 0u);
  EXPECT_TRUE(said_yes(raise({77}, QuestionKind::interrupted)));
  EXPECT_EQ(all<QuestionOpened>().at(0).question.ask, 2);
  EXPECT_TRUE(applied(answer({77}, "try_again")));
}

// It was locked again, and each of its operations was refused as cancelled.
TEST_F(Answers, ToCancelThatComeBehindACancelStopNothingOfTheNextLife) {
  const OperationId id = failed();
  disk = Disk::waits;
  cancel("job");
  answer(id, "cancel_job");
  lock("job", "Ollama", {"script"});
  disk = Disk::saves;
  disk_says(Disk::saves);
  ASSERT_TRUE(machine().job("job")->opened);
  EXPECT_EQ(refusal(start("job", "Ollama", "script").ticket), Errc::ok);
  EXPECT_EQ(calls.size(), 2u);
}

// The others were taken for those of a job that is over, and run again unasked.
TEST_F(Answers, ToOneFailureOfAJobThatCouldNotBeReadLeaveTheOthersOpen) {
  const OperationId one = failed();
  const OperationId other = start("job", "Ollama", "script").id;
  end(other, event::CallEnded::How::failed);
  raise(other);
  lose_sight_of_the_job();
  EXPECT_TRUE(applied(answer(one, "try_again")));
  EXPECT_EQ(open(), 1u);
}

// It was told behind the end of its job, which whoever follows the job does not wait for.
TEST_F(Answers, AQuestionThatItsJobsEndClosesIsClosedBeforeThatIsTold) {
  failed();
  news.clear();
  tell(event::ReleaseRequested{ticket(), "job"});
  std::vector<std::string_view> names;
  for (const News& each : news)
    names.push_back(event_name(each));
  EXPECT_EQ(names, (std::vector<std::string_view>{"question.closed", "lock.ended", "job.closed"}));
}

// What was interrupted may be done, and paid for.
TEST_F(Answers, ASwitchDoesNotAnswerForWhatWasInterrupted) {
  event::JobImage kept{.state = JobState::interrupted};
  for (const std::uint64_t id : {77u, 78u}) {
    OperationStarted started{.job_id = "job", .stage_name = "script", .provider_name = "Ollama"};
    started.operation_id = text(OperationId{id});
    kept.lost.push_back({started, {}, 0, 0});
  }
  image = kept;
  lock("job", "Ollama", {"script"});
  raise({77}, QuestionKind::interrupted);
  raise({78}, QuestionKind::interrupted);
  EXPECT_TRUE(applied(answer({77}, "try_alternative")));
  EXPECT_EQ(open(), 1u);
}

}  // namespace
}  // namespace holdfast
