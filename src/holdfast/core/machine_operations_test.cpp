#include "holdfast/core/machine_driver.hpp"

namespace holdfast {
namespace {

struct Operations : testing::Test, Driver {
  OperationPhase phase(OperationId id) { return machine().operation(id)->phase(); }
};

TEST_F(Operations, ARefusedOperationIsNeverCalledAndTheRefusalRecorded) {
  lock("job", "Ollama", {"script"});
  EXPECT_EQ(refusal(start("job", "OpenAI", "script").ticket), Errc::provider_locked);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(all<Refused>()[0].code, Errc::provider_locked);
}

TEST_F(Operations, AnOldEpochIsRefused) {
  lock("job", "Ollama");
  event::OperationRequested asked{.ticket = ticket(), .id = {512}, .request = {}, .patience = calm()};
  asked.request = {.job_id = "job", .provider_name = "Ollama", .provider_type = "t", .stage_name = "s"};
  asked.request.epoch = 0;
  tell(asked);
  EXPECT_EQ(refusal(asked.ticket), Errc::stale_epoch);
}

TEST_F(Operations, BadNamesAreRefused) {
  EXPECT_EQ(refusal(start("\x01", "Ollama", "s").ticket), Errc::invalid_argument);
  EXPECT_EQ(refusal(start("job", "", "s").ticket), Errc::invalid_argument);
  EXPECT_EQ(refusal(start("job", "Ollama", " ").ticket), Errc::invalid_argument);
  event::OperationRequested asked{.ticket = ticket(), .id = {512}, .request = {}, .patience = calm()};
  asked.request = {.job_id = "job", .provider_name = "Ollama", .provider_type = "\n", .stage_name = "s"};
  tell(asked);
  EXPECT_EQ(std::get<Failure>(reply(asked.ticket).value).message.find("the provider's type"), 0u);
  asked.ticket = ticket();
  asked.request.provider_type = "t";
  asked.request.correlation_id = std::string(300, 'x');
  tell(asked);
  EXPECT_EQ(std::get<Failure>(reply(asked.ticket).value).message.find("the correlation id"), 0u);
  EXPECT_EQ(machine().operations().size(), 0u);
}

TEST_F(Operations, TheStartIsRecordedBeforeTheCall) {
  disk = Disk::waits;
  const OperationId id = start("job", "Ollama", "s").id;
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(phase(id), OperationPhase::running) << "its caller waits for it";
  disk_says(Disk::saves);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].provider_name, "Ollama");
}

TEST_F(Operations, AStartThatCannotBeRecordedCallsNobody) {
  disk = Disk::fails;
  const auto begun = start("job", "Ollama", "s");
  EXPECT_EQ(refusal(begun.ticket), Errc::store_unavailable);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(machine().active_operations(), 0u);
}

TEST_F(Operations, AProxiedStartIsJournalledBehindTheCall) {
  disk = Disk::waits;
  start("job", "Ollama", "s", {}, false);
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(Operations, ResultIsDeliveredWithoutWaitingForTheMonitorsCheckInterval) {
  const OperationId id = start("job", "Ollama", "s").id;
  disk = Disk::waits;
  end(id);
  EXPECT_EQ(phase(id), OperationPhase::completed) << "in the step that hears of it";
  EXPECT_EQ(std::ranges::count(told, "EndWatch " + text(id)), 1);
}

TEST_F(Operations, AnOperationEndsExactlyOnce) {
  const OperationId id = start("job", "Ollama", "s").id;
  end(id);
  end(id, event::CallEnded::How::failed);
  end(id, event::CallEnded::How::closed);
  cancel("job", id);
  EXPECT_EQ(count<OperationEnded>(), 1u);
  EXPECT_EQ(phase(id), OperationPhase::completed);
}

TEST_F(Operations, CancellationIsImmediateAndTheStateSaysSo) {
  const OperationId id = start("job", "Ollama", "s").id;
  cancel("job", id);
  EXPECT_EQ(phase(id), OperationPhase::cancelled);
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(refusal(cancel("job", id)), Errc::stale_answer);
  end(id, event::CallEnded::How::closed);
  EXPECT_EQ(all<OperationEnded>()[0].outcome, OperationPhase::cancelled);
}

TEST_F(Operations, WhatReturnedBeforeItsCancelArrivedIsCompleted) {
  const OperationId id = start("job", "Ollama", "s").id;
  cancel("job", id);
  end(id);
  EXPECT_EQ(phase(id), OperationPhase::completed);
}

TEST_F(Operations, CancelledWhileItsStartIsWrittenItIsNeverCalled) {
  disk = Disk::waits;
  const auto begun = start("job", "Ollama", "s");
  cancel("job", begun.id);
  disk_says(Disk::saves);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(refusal(begun.ticket), Errc::cancelled);
}

TEST_F(Operations, AnOperationThatWaitsInFrontOfACancelOfItsJobIsNotBegun) {
  disk = Disk::waits;
  lock("job", "Ollama");
  const Ticket behind = start("job", "Ollama", "s", {}, false).ticket;
  const Ticket stop = cancel("job");
  disk_says(Disk::saves);
  EXPECT_EQ(refusal(behind), Errc::cancelled);
  EXPECT_TRUE(calls.empty());
  while (!waiting.empty())
    disk_says(Disk::saves);
  EXPECT_TRUE(applied(stop));
}

TEST_F(Operations, ACallThatIsBeingCancelledIsNotCancelledAgainWithItsJob) {
  const OperationId id = start("job", "Ollama", "s").id;
  cancel("job", id);
  EXPECT_TRUE(applied(cancel("job")));
  EXPECT_EQ(cancels.size(), 1u);
}

TEST_F(Operations, ACancelOfWhatWasNeverWrittenAddsNothingToATrailThatIsNotThere) {
  disk = Disk::waits;
  const auto begun = start("job", "Ollama", "s");
  const Ticket mine = cancel("job", begun.id);
  disk_says(Disk::fails);
  EXPECT_TRUE(waiting.empty());
  EXPECT_TRUE(applied(mine));
  EXPECT_EQ(machine().backlog(), 0u);
  EXPECT_EQ(machine().job_count(), 0u);
}

TEST_F(Operations, CategoriesAreAnnouncedOnceEachAndDoNothing) {
  Patience terms = *calm();
  terms.stall = 10h;
  const OperationId id = start("job", "Ollama", "s", std::make_shared<Patience>(terms)).id;
  wait(10min);
  const auto changes = all<CategoryChanged>();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].to, LatencyCategory::Extended);
  EXPECT_LE(changes[0].elapsed, 10250ms);
  EXPECT_EQ(changes[1].to, LatencyCategory::DeepWait);
  EXPECT_TRUE(changes[2].longer_than_usual);
  EXPECT_EQ(phase(id), OperationPhase::running);
  EXPECT_TRUE(cancels.empty());
}

TEST_F(Operations, ACategoryThatIsDueWhenProgressComesIsNotLost) {
  Patience terms = *calm();
  terms.normal = 10100ms;
  const OperationId id = start("job", "Ollama", "s", std::make_shared<Patience>(terms)).id;
  wait(10150ms);
  progress(id);
  wait(1s);
  EXPECT_EQ(machine().operation(id)->category, LatencyCategory::Extended);
}

TEST_F(Operations, MoreThanAProviderTakesAreQueuedVisiblyWithTheirClocksStandingStill) {
  const auto first = start("job", "One", "s"), second = start("job", "One", "s");
  EXPECT_EQ(calls.size(), 1u);
  EXPECT_EQ(phase(second.id), OperationPhase::queued);
  EXPECT_TRUE(all<OperationStarted>().back().queued);
  wait(30s);
  progress(first.id);
  end(first.id);
  ASSERT_EQ(calls.size(), 2u);
  wait(44s);
  EXPECT_EQ(count<StallSuspected>(), 0u);
}

TEST_F(Operations, AQueuedOperationIsCancelledWithoutACall) {
  start("job", "One", "s");
  const auto second = start("other", "One", "s");
  cancel("other", second.id);
  EXPECT_EQ(refusal(second.ticket), Errc::cancelled);
  EXPECT_EQ(trail(), "job.opened operation.started job.opened cancelled") << "its job is there before its cancel";
}

TEST_F(Operations, MorePlacesLetTheQueueGoOn) {
  start("job", "One", "s");
  start("job", "One", "s");
  tell(event::ProvidersConfigured{
      {{.name = "One", .type = "tts", .kinds = {}, .model = "", .requires_network = false, .concurrent_max = 2}}});
  EXPECT_EQ(calls.size(), 2u);
}

TEST_F(Operations, WithoutALimitEverythingThatIsQueuedBegins) {
  for (int i = 0; i < 3; ++i)
    start("job", "One", "s");
  ASSERT_EQ(calls.size(), 1u);
  tell(event::ProvidersConfigured{{{.name = "One", .type = "tts"}}});
  EXPECT_EQ(calls.size(), 3u);
}

TEST_F(Operations, AQueuedOneThatWasCancelledAndForgottenLetsTheNextOneBegin) {
  const OperationId first = start("", "One", "s", {}, false).id;
  const OperationId gone = start("", "One", "s", {}, false).id;
  const OperationId next = start("", "One", "s", {}, false).id;
  cancel("", gone);
  for (std::size_t i = 0; i < limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  ASSERT_EQ(machine().operation(gone), nullptr);
  end(first);
  EXPECT_EQ(calls.back().operation, next);
}

TEST_F(Operations, WhereMostOfAQueueWasCancelledTheRestBeginsInItsOrder) {
  const OperationId first = start("", "One", "s", {}, false).id;
  std::vector<OperationId> queued;
  for (int i = 0; i < 5; ++i)
    queued.push_back(start("", "One", "s", {}, false).id);
  cancel("", queued[0]);
  for (std::size_t i = 0; i < limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  ASSERT_EQ(machine().operation(queued[0]), nullptr);
  cancel("", queued[2]);
  cancel("", queued[3]);
  end(first);
  EXPECT_EQ(calls.back().operation, queued[1]);
  end(queued[1]);
  EXPECT_EQ(calls.back().operation, queued[4]);
}

TEST_F(Operations, NewsOfOneThatIsGoneIsIgnored) {
  lock("job", "Ollama");
  const std::size_t before = told.size();
  const OperationId gone{99};
  for (const Event& late :
       std::vector<Event>{event::CallEnded{gone, event::CallEnded::How::returned, {}}, event::ProgressMade{gone, now()},
                          event::CategoryDue{gone}, event::SilenceExceeded{gone, 45s, 45s, {}, 0}}) {
    tell(late);
  }
  EXPECT_EQ(told.size(), before);
  EXPECT_EQ(machine().operation(gone), nullptr);
}

TEST_F(Operations, ThoseOfAKindShareTheirTerms) {
  const SharedPatience terms = calm();
  const auto of = [&](std::string stage) {
    return machine().operation(start("job", "Ollama", std::move(stage), terms).id)->terms;
  };
  const SharedTerms first = of("s");
  EXPECT_EQ(of("s"), first) << "a million of them hold one copy";
  EXPECT_NE(of("other"), first);
}

TEST_F(Operations, StopClosesWhatRunsAndBeginsNothing) {
  start("job", "One", "s");
  const auto queued = start("job", "One", "s");
  tell(event::StopOrdered{});
  EXPECT_EQ(cancels.size(), 1u);
  EXPECT_EQ(refusal(queued.ticket), Errc::cancelled);
  EXPECT_EQ(refusal(start("job", "Ollama", "s").ticket), Errc::cancelled);
}

TEST_F(Operations, EndedOnesAreKeptForALookAndThenForgotten) {
  const OperationId first = start("", "Ollama", "s", {}, false).id;
  end(first);
  for (std::size_t i = 0; i < limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  EXPECT_EQ(machine().operation(first), nullptr);
  EXPECT_EQ(machine().operations().size(), limits::ended_kept_max);
}

TEST_F(Operations, AnEndedOneIsKeptWhileSomebodyIsAskedAboutIt) {
  const OperationId failed = start("job", "Ollama", "s").id;
  end(failed, event::CallEnded::How::failed);
  tell(event::QuestionRaised{ticket(), failed, QuestionKind::hard_error});
  for (std::size_t i = 0; i < 2 * limits::ended_kept_max; ++i)
    end(start("", "Ollama", "s", {}, false).id);
  ASSERT_NE(machine().operation(failed), nullptr);
  EXPECT_TRUE(applied(answer(failed, "try_again")));
}

TEST_F(Operations, AnAnonymousOneHasNoLockNoEpochAndNoRecordInFrontOfIt) {
  disk = Disk::waits;
  start("", "Ollama", "text", {}, false);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].epoch, 0u);
  EXPECT_TRUE(waiting.empty());
}

}  // namespace
}  // namespace holdfast
