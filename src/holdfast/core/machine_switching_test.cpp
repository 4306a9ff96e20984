#include <algorithm>

#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Switching : testing::Test, Driver {
  std::string provider(std::string_view stage) {
    const ProviderLock* lock = machine().job("job")->locks.governing(stage);
    return lock != nullptr ? lock->provider_name : "";
  }
  FallbackDecision wish(std::string to, std::vector<std::string> stages = {}) {
    return FallbackDecision::user_requested("job", "Ollama", std::move(to), 1s, "corr", std::move(stages));
  }
};

TEST_F(Switching, OutOfTheBlueItIsOneTransactionThatRaisesTheEpochByOne) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  const Ticket mine = switch_to("job", "OpenAI");
  EXPECT_EQ(std::get<ProviderLock>(reply(mine).value).epoch, 2u);
  EXPECT_EQ(machine().job("job")->epoch, 2u);
  EXPECT_EQ(trail(), "job.opened lock.created operation.started fallback.decided lock.ended lock.created");
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].why, Errc::switched);
  EXPECT_EQ(machine().job("job")->locks.all()[0].reason, "USER_REQUEST");
}

TEST_F(Switching, IfTheTransactionFailsNothingChangesAndTheOperationKeepsWaiting) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  disk = Disk::fails;
  EXPECT_EQ(refusal(switch_to("job", "OpenAI")), Errc::store_unavailable);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(provider("script"), "Ollama");
  EXPECT_EQ(machine().job("job")->epoch, 1u);
}

TEST_F(Switching, WithoutConfirmationItIsRefusedAndRecorded) {
  lock("job", "Ollama");
  EXPECT_EQ(refusal(switch_to("job", "OpenAI", {}, false)), Errc::confirmation_required);
  EXPECT_EQ(count<Refused>(), 1u);
  EXPECT_EQ(refusal(switch_to("nobody", "OpenAI")), Errc::no_such_job);
  EXPECT_EQ(refusal(switch_to("", "OpenAI")), Errc::invalid_argument);
  EXPECT_EQ(refusal(switch_to("job", "ollama")), Errc::invalid_argument);
}

TEST_F(Switching, FewerStagesRenewTheOldProvidersLockForTheRest) {
  lock("job", "Ollama", {"script", "refinement"});
  switch_to("job", "OpenAI", {"refinement"});
  EXPECT_EQ(provider("script"), "Ollama");
  EXPECT_EQ(provider("refinement"), "OpenAI");
  EXPECT_EQ(refusal(switch_to("job", "OpenAI", {"script", "other"})), Errc::no_such_job) << "beyond the lock's";
}

TEST_F(Switching, FinishedStagesStayOutOfIt) {
  lock("job", "Ollama", {"script", "refinement"});
  tell(event::StageReached{ticket(), {"job", "script", 1, 1, true, {}}});
  switch_to("job", "OpenAI");
  EXPECT_EQ(all<FallbackDecision>()[0].affected_stages, std::vector<std::string>{"refinement"});
}

TEST_F(Switching, OnlyTheAskedOperationIsCancelledAndItsSiblingsCount) {
  lock("job", "Ollama");
  const OperationId asked = start("job", "Ollama", "script").id, sibling = start("job", "Ollama", "script").id;
  wait(30s);
  progress(sibling);
  wait(16s);
  answer(asked, "try_alternative");
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].operation, asked);
  end(sibling);
  EXPECT_EQ(machine().operation(sibling)->phase(), OperationPhase::completed);
}

TEST_F(Switching, WhatHasNotBegunGoesToTheNewProvider) {
  lock("job", "One");
  start("job", "One", "script");
  const auto queued = start("job", "One", "script");
  switch_to("job", "OpenAI");
  EXPECT_EQ(refusal(queued.ticket), Errc::switched);
  EXPECT_EQ(machine().operation(queued.id)->phase(), OperationPhase::switched);
}

TEST_F(Switching, AStartThatASwitchOvertookIsNotCalled) {
  lock("job", "Ollama");
  disk = Disk::waits;
  start("job", "One", "script");  // refused; its record is under way
  const auto begun = start("job", "Ollama", "script");
  switch_to("job", "OpenAI");
  disk_says(Disk::saves);
  ASSERT_EQ(waiting.size(), 1u) << "start and switch in one transaction";
  disk_says(Disk::saves);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(refusal(begun.ticket), Errc::switched);
  EXPECT_EQ(machine().operation(begun.id)->phase(), OperationPhase::switched);
}

/// The queued one of two, begun by the end of the first while the switch is being written.
struct OvertakenInTheQueue : Switching {
  Started overtaken() {
    lock("job", "One");
    const OperationId first = start("job", "One", "script").id;
    const auto queued = start("job", "One", "script");
    disk = Disk::waits;
    switch_to("job", "OpenAI");
    end(first);
    EXPECT_TRUE(replies.find(queued.ticket.value) == replies.end());
    disk_says(Disk::saves);
    return queued;
  }
};

TEST_F(OvertakenInTheQueue, IsNotCalledWhenItsStartIsWritten) {
  const auto queued = overtaken();
  disk_says(Disk::saves);
  EXPECT_EQ(refusal(queued.ticket), Errc::switched);
  EXPECT_EQ(machine().operation(queued.id)->phase(), OperationPhase::switched);
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(OvertakenInTheQueue, IsToldOfTheSwitchWhereItsStartCouldNotBeWritten) {
  const auto queued = overtaken();
  disk_says(Disk::fails);
  EXPECT_EQ(refusal(queued.ticket), Errc::switched);
  EXPECT_EQ(machine().operation(queued.id)->phase(), OperationPhase::switched);
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(Switching, ADecisionAboutAnOperationEndsItAndLeavesOneThatHasEndedAlone) {
  lock("job", "Ollama");
  const OperationId asked = start("job", "Ollama", "script").id;
  FallbackDecision decision = wish("OpenAI");
  decision.operation_id = text(asked);
  EXPECT_EQ(refusal(decide(decision)), Errc::ok);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].why, Errc::switched);
  end(asked, event::CallEnded::How::closed);
  decision.to_provider = "One";
  EXPECT_EQ(refusal(decide(decision)), Errc::ok);
  EXPECT_EQ(cancels.size(), 1u);
  EXPECT_EQ(count<OperationEnded>(), 1u);
}

TEST_F(Switching, DecisionAgainstAnAbsoluteLockIsNotRecordedAsIfItHadHappened) {
  lock("job", "Ollama", {}, false);
  EXPECT_EQ(refusal(decide(wish("OpenAI"))), Errc::lock_not_overridable);
  EXPECT_EQ(count<FallbackDecision>(), 0u);
  EXPECT_EQ(all<Refused>()[0].code, Errc::lock_not_overridable);
  EXPECT_EQ(provider("x"), "Ollama");
}

TEST_F(Switching, LockingAfterARecordedFallbackWorksAsTwoCalls) {
  lock("job", "Ollama", {"script-generation", "refinement"});
  const Ticket recorded = decide(wish("OpenAI", {"script-generation", "refinement"}));
  EXPECT_EQ(std::get<FallbackDecision>(reply(recorded).value).to_provider, "OpenAI");
  EXPECT_EQ(refusal(start("job", "Ollama", "refinement").ticket), Errc::provider_locked);
  EXPECT_EQ(refusal(lock("job", "Ollama")), Errc::provider_locked);
  EXPECT_EQ(refusal(lock("job", "OpenAI")), Errc::ok);
  EXPECT_EQ(provider("refinement"), "OpenAI");
}

TEST_F(Switching, AnotherDecisionRedirectsOneThatNobodyFollowed) {
  lock("job", "Ollama");
  decide(wish("OpenAI"));
  decide(FallbackDecision::user_requested("job", "OpenAI", "One", 1s, "corr"));
  EXPECT_EQ(refusal(lock("job", "OpenAI")), Errc::provider_locked);
  EXPECT_EQ(refusal(lock("job", "One")), Errc::ok);
}

TEST_F(Switching, AnAnswerAfterADecisionThatNobodyFollowedIsNoBug) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  decide(wish("OpenAI"));
  wait(46s);
  EXPECT_TRUE(applied(answer(id, "try_alternative", 1, true, "One")));
  EXPECT_EQ(provider("script"), "One");
}

TEST_F(Switching, LegacyAutoIsHistoryOnlyWhereNoLockGoverns) {
  const auto legacy = FallbackDecision::legacy_auto("job", "Ollama", "OpenAI", 1s, "c", {"script"});
  EXPECT_EQ(refusal(decide(legacy)), Errc::ok);
  lock("job", "Ollama");
  EXPECT_EQ(refusal(decide(legacy)), Errc::confirmation_required);
  auto confirmed = legacy;
  confirmed.user_confirmed = true;
  EXPECT_EQ(refusal(decide(confirmed)), Errc::invalid_argument);
  EXPECT_EQ(provider("script"), "Ollama");
}

TEST_F(Switching, AFatalErrorWithoutConfirmationIsRefusedWithAndWithoutALock) {
  const auto fatal = FallbackDecision::after_fatal_error("job", "Ollama", "OpenAI", 1s, "c", {}, "it broke", false);
  EXPECT_EQ(refusal(decide(fatal)), Errc::confirmation_required);
  lock("job", "Ollama");
  EXPECT_EQ(refusal(decide(fatal)), Errc::confirmation_required);
}

TEST_F(Switching, ADecisionMustFitTheLock) {
  lock("job", "Ollama", {"script"});
  EXPECT_EQ(refusal(decide(wish("OpenAI", {"script", "speech"}))), Errc::invalid_argument);
  EXPECT_EQ(refusal(decide(FallbackDecision::user_requested("job", "One", "OpenAI", 1s, "c", {"script"}))),
            Errc::invalid_argument);
}

TEST_F(Switching, ItLeavesTheProviderThatIsNamedWhereThatHoldsALock) {
  lock("job", "Ollama", {"script"});
  lock("job", "One", {"speech"});
  SwitchRequest request{.job_id = "job", .to_provider = "OpenAI", .to_type = "cloud_llm", .confirmed = true};
  request.from_provider = "ollama";
  request.correlation_id = "request-7";
  tell(event::SwitchRequested{ticket(), request});
  EXPECT_EQ(provider("script"), "OpenAI");
  EXPECT_EQ(provider("speech"), "One");
  EXPECT_EQ(all<FallbackDecision>().at(0).correlation_id, "request-7");
  const Ticket again = ticket();
  tell(event::SwitchRequested{again, request});
  EXPECT_EQ(refusal(again), Errc::no_such_job) << "its lock has ended";
}

TEST_F(Switching, TheNewProviderNeedsAType) {
  lock("job", "Ollama");
  SwitchRequest request{.job_id = "job", .to_provider = "OpenAI", .to_type = "", .confirmed = true};
  const Ticket mine = ticket();
  tell(event::SwitchRequested{mine, request});
  EXPECT_EQ(refusal(mine), Errc::invalid_argument);
  EXPECT_EQ(provider("script"), "Ollama");
}

TEST_F(Switching, WhereNoProviderIsConfiguredAnyNameWillDo) {
  tell(event::ProvidersConfigured{{}});
  lock("job", "Ollama");
  EXPECT_EQ(refusal(switch_to("job", "Anybody")), Errc::ok);
  EXPECT_EQ(provider("script"), "Anybody");
}

TEST_F(Switching, DescribeSaysEveryOrder) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");
  EXPECT_EQ(told[0], "LoadJob job");
  EXPECT_EQ(told[1], "Save 1: job.opened lock.created");
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(told, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  EXPECT_TRUE(has("ProviderLock[Ollama"));
  EXPECT_TRUE(has(" script at Ollama, epoch 1"));
  EXPECT_TRUE(has(" for 45000 ms"));
  EXPECT_FALSE(has("armed")) << "the first progress has no limit of its own here";
  wait(46s);
  EXPECT_TRUE(has("armed")) << "it is asked about";
}

TEST_F(Switching, ASwitchToAProviderThatNobodyConfiguredIsRefusedAndNamesThoseThereAre) {
  tell(event::ProvidersConfigured{{{.name = "Ollama"}, {.name = "OpenAI"}}});
  lock("job", "Ollama");
  const Ticket nobody = switch_to("job", "OpenIA");
  EXPECT_EQ(refusal(nobody), Errc::invalid_argument);
  EXPECT_NE(std::get<Failure>(reply(nobody).value).message.find("Ollama, OpenAI"), std::string::npos);
  EXPECT_EQ(refusal(switch_to("job", "OpenAI")), Errc::ok);
}

// A stall in one stage moved the lock of another.
TEST_F(Switching, AnAnswerMovesTheLockOfTheStageThatWasAskedAbout) {
  lock("job", "Ollama", {"script"});
  lock("job", "Ollama", {"images"});
  const OperationId asked = start("job", "Ollama", "script").id;
  wait(46s);
  answer(asked, "try_alternative");
  EXPECT_EQ(provider("script"), "OpenAI");
  EXPECT_EQ(provider("images"), "Ollama");
  EXPECT_EQ(all<FallbackDecision>()[0].affected_stages, std::vector<std::string>{"script"});
}

TEST_F(Switching, AnAbsoluteLockOfAnotherStageIsNotInTheWay) {
  lock("job", "Ollama", {"script"});
  lock("job", "Ollama", {"images"}, false);
  const OperationId asked = start("job", "Ollama", "script").id;
  wait(46s);
  EXPECT_TRUE(applied(answer(asked, "try_alternative")));
  EXPECT_EQ(provider("script"), "OpenAI");
  EXPECT_EQ(provider("images"), "Ollama");
}

// Of four parallel items that hung at one provider, one could be moved, and the others waited for ever.
TEST_F(Switching, WhoeverIsAskedAboutAfterItsStageWasMovedGoesAlongWithoutAnotherDecision) {
  lock("job", "Ollama");
  const OperationId first = start("job", "Ollama", "script").id, second = start("job", "Ollama", "script").id;
  wait(46s);
  EXPECT_TRUE(applied(answer(first, "try_alternative")));
  const std::uint64_t epoch = machine().job("job")->epoch;
  EXPECT_TRUE(applied(answer(second, "try_alternative")));
  ASSERT_EQ(cancels.size(), 2u);
  EXPECT_EQ(cancels[1].operation, second);
  EXPECT_EQ(cancels[1].why, Errc::switched);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_EQ(count<QuestionAnswered>(), 2u);
  EXPECT_EQ(machine().job("job")->epoch, epoch);
}

TEST_F(Switching, WhoeverIsAskedAboutAfterItsStageWasMovedMayGoElsewhere) {
  lock("job", "Ollama");
  const OperationId first = start("job", "Ollama", "script").id, second = start("job", "Ollama", "script").id;
  wait(46s);
  answer(first, "try_alternative");
  EXPECT_TRUE(applied(answer(second, "try_alternative", 0, true, "One")));
  EXPECT_EQ(provider("script"), "One");
  EXPECT_EQ(all<FallbackDecision>()[1].from_provider, "OpenAI");
}

TEST_F(Switching, AConsentMovesEveryItemThatHangs) {
  lock("job", "Ollama");
  consent("job", "stall after 60s: switch to OpenAI");
  for (int i = 0; i < 3; ++i)
    start("job", "Ollama", "script");
  wait(62s);
  EXPECT_EQ(cancels.size(), 3u);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_EQ(count<ConsentApplied>(), 3u);
}

TEST_F(Switching, WhatIsFinishedStaysLockedWhereItWas) {
  lock("job", "Ollama", {"script", "refinement"});
  tell(event::StageReached{ticket(), {"job", "script", 1, 1, true, {}}});
  switch_to("job", "OpenAI");
  EXPECT_EQ(provider("script"), "Ollama");
  EXPECT_EQ(provider("refinement"), "OpenAI");
}

TEST_F(Switching, ADecisionEndsNoOperationOfAnotherJobOrStageAndHistoryEndsNone) {
  lock("job", "Ollama", {"script"});
  lock("other", "Ollama", {"script"});
  const OperationId others = start("other", "Ollama", "script").id, mine = start("job", "Ollama", "script").id;
  FallbackDecision history = wish("OpenAI", {"script"});
  history.reason_code = ReasonCode::legacy_auto;
  history.user_confirmed = false;
  history.operation_id = text(mine);
  decide(history);
  FallbackDecision foreign = wish("OpenAI", {"script"});
  foreign.operation_id = text(others);
  decide(foreign);
  EXPECT_TRUE(cancels.empty());
  FallbackDecision own = wish("Ollama", {"script"});
  own.from_provider = "OpenAI";
  lock("job", "OpenAI", {"script"});
  own.operation_id = text(mine);
  decide(own);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].operation, mine);
}

TEST_F(Switching, HistoryDoesNotOpenAJobThatIsOver) {
  lock("job", "Ollama");
  start("job", "Ollama", "script");  // so that it stays known
  tell(event::ReleaseRequested{ticket(), "job"});
  FallbackDecision history = wish("OpenAI");
  history.reason_code = ReasonCode::legacy_auto;
  history.user_confirmed = false;
  decide(history);
  EXPECT_EQ(machine().job("job")->state, JobState::released);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
}

TEST_F(Switching, ASwitchThatNamesAnotherProviderThanTheStagesHaveIsRefused) {
  lock("job", "Ollama", {"script"});
  lock("job", "One", {"images"});
  SwitchRequest request;
  request.job_id = "job";
  request.from_provider = "One";
  request.to_provider = "OpenAI";
  request.to_type = "cloud_llm";
  request.stages = {"script"};
  request.confirmed = true;
  const Ticket mine = ticket();
  tell(event::SwitchRequested{mine, request});
  EXPECT_EQ(refusal(mine), Errc::invalid_argument);
}

TEST_F(Switching, HistoryAboutAJobWithoutALockEndsNothing) {
  const OperationId mine = start("job", "Ollama", "script").id;
  FallbackDecision history = wish("OpenAI");
  history.reason_code = ReasonCode::legacy_auto;
  history.user_confirmed = false;
  history.operation_id = text(mine);
  decide(history);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Switching, ADecisionAboutAnotherStageEndsNoOperation) {
  lock("job", "Ollama", {"images"});
  const OperationId mine = start("job", "Ollama", "script").id;
  FallbackDecision decision = wish("OpenAI", {"images"});
  decision.operation_id = text(mine);
  decide(decision);
  EXPECT_EQ(count<FallbackDecision>(), 1u);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Switching, OutOfTheBlueItLeavesAloneWhatStillRunsAtAnEarlierProvider) {
  lock("job", "Ollama");
  const OperationId first = start("job", "Ollama", "script").id, second = start("job", "Ollama", "script").id;
  wait(46s);
  answer(first, "try_alternative");
  switch_to("job", "One");
  ASSERT_EQ(cancels.size(), 1u);
  end(second);
  EXPECT_EQ(machine().operation(second)->phase(), OperationPhase::completed);
}

TEST_F(Switching, AnAnswerWhoseProviderHasNoTypeIsRefusedAndTheQuestionStaysOpen) {
  lock("job", "Ollama");
  const OperationId id = start("job", "Ollama", "script").id;
  wait(46s);
  event::Answered given{.ticket = ticket(), .operation = id, .answer = {}, .provider_type = ""};
  given.answer.operation_id = text(id);
  given.answer.option = "try_alternative";
  given.answer.provider = "OpenAI";
  given.answer.confirmed = true;
  tell(given);
  EXPECT_EQ(refusal(given.ticket), Errc::invalid_argument);
  EXPECT_TRUE(cancels.empty());
  EXPECT_TRUE(applied(answer(id, "try_alternative")));
}

// The call was ended, and its work went to one that cannot do it.
TEST_F(Switching, AProviderThatCannotDoWhatRunsIsRefusedAndTheCallRunsOn) {
  tell(event::ProvidersConfigured{
      {{.name = "Ollama", .type = "local_llm", .kinds = {"text"}, .model = ""},
       {.name = "eSpeak", .type = "tts", .kinds = {"speech"}, .model = ""},
       {.name = "Claude", .type = "cloud_llm", .kinds = {"text"}, .model = "", .protocols = {"anthropic"}}}});
  lock("job", "Ollama", {"script"});
  event::OperationRequested asked{.ticket = ticket(), .id = {4096}, .request = {}, .patience = calm()};
  asked.request = {.job_id = "job",
                   .provider_name = "Ollama",
                   .provider_type = "local_llm",
                   .stage_name = "script",
                   .kind = "text",
                   .protocol = "ollama"};
  tell(asked);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(refusal(switch_to("job", "eSpeak")), Errc::invalid_argument);
  EXPECT_EQ(refusal(switch_to("job", "Claude")), Errc::invalid_argument);
  EXPECT_TRUE(cancels.empty());
  EXPECT_EQ(count<FallbackDecision>(), 0u);
  end({4096});
  EXPECT_EQ(refusal(switch_to("job", "Claude")), Errc::ok) << "what is to come may be anything";
}

}  // namespace
}  // namespace holdfast
