#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/use_future.hpp>

#include <future>

#include "holdfast/gateway/async.hpp"
#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

Answer answer(const StallSuspected& stall, const std::string& option, const std::string& provider = {}) {
  return {.operation_id = stall.operation_id,
          .ask = stall.ask,
          .option = option,
          .provider = provider,
          .confirmed = true,
          .by = "ana"};
}

GatewayOptions with_providers() {
  GatewayOptions options;
  options.providers = {{.name = "Ollama", .type = "local_llm"},
                       {.name = "OpenAI", .type = "cloud_llm", .model = "gpt", .requires_network = true}};
  return options;
}

ProviderLock lock_ollama(Gateway& gateway, bool overridable = true) {
  return gateway.lock_provider({.job_id = "job",
                                .provider_name = "Ollama",
                                .provider_type = "local_llm",
                                .correlation_id = "corr",
                                .overridable = overridable});
}

TEST(Question, ShowsEvidenceOptionsAndAlternatives) {
  Gateway gateway(with_providers());
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  EXPECT_EQ(stall.ask, 1);
  EXPECT_EQ(stall.provider_name, "Ollama");
  EXPECT_THAT(stall.evidence, testing::StartsWith("No new output for "));
  std::vector<std::string> ids;
  for (const AnswerOption& each : stall.options)
    ids.push_back(each.id);
  EXPECT_THAT(ids,
              testing::ElementsAre("continue_30s", "continue_5m", "wait_until_done", "try_alternative", "cancel_job"));
  ASSERT_EQ(stall.alternatives.size(), 1u);
  EXPECT_EQ(stall.alternatives[0].provider_name, "OpenAI");
  EXPECT_TRUE(stall.alternatives[0].requires_network);
  const OperationState state = *gateway.provider_state(stall.operation_id);
  EXPECT_EQ(state.current_category, LatencyCategory::StallSuspected);
  EXPECT_EQ(state.open_ask, 1);
  EXPECT_EQ(gateway.open_questions().size(), 1u);
  EXPECT_EQ(gateway.statistics().open_questions, 1);
  EXPECT_EQ(gateway.statistics().stall_questions, 1);
}

TEST(Question, IsWithdrawnWhenProgressResumesAndALateAnswerIsStale) {
  Gateway gateway(with_providers());
  std::promise<StallResolved> resolved;
  const auto subscription = gateway.on_stall_resolved([&](const StallResolved& news) { resolved.set_value(news); });
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  provider.resume();
  EXPECT_EQ(resolved.get_future().get().by, "progress");
  EXPECT_EQ(gateway.answer(answer(stall, "continue_5m")).refused, Errc::stale_answer);
  EXPECT_NE(gateway.provider_state(stall.operation_id)->current_category, LatencyCategory::StallSuspected);
}

TEST(Question, FirstValidAnswerWinsAndItsRepetitionIsHarmless) {
  Gateway gateway(with_providers());
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  Answer first = answer(stall, "wait_until_done");
  first.idempotency_key = "k1";
  EXPECT_TRUE(gateway.answer(first).applied);
  EXPECT_TRUE(gateway.answer(first).applied);
  const AnswerResult second = gateway.answer(answer(stall, "continue_30s"));
  EXPECT_FALSE(second.applied);
  EXPECT_EQ(second.refused, Errc::already_answered);
  EXPECT_EQ(second.winning_option, "wait_until_done");
  EXPECT_EQ(gateway.provider_state(stall.operation_id)->open_ask, 0);
}

TEST(Question, TheSameAnswerWhileTheFirstIsBeingRecordedWaitsAndHearsTheSame) {
  // Holds the commit of an answer until it is told to go on.
  class Slow final : public store::Memory {
   public:
    std::vector<store::Outcome> commit(std::span<const store::Transaction> transactions) override {
      for (const store::Transaction& each : transactions) {
        for (const News& news : each.records) {
          if (!std::holds_alternative<QuestionAnswered>(news)) continue;
          recording.set_value();
          go_on.get_future().wait();
        }
      }
      return fails ? std::vector<store::Outcome>(transactions.size(), {store::Outcome::Kind::failed, "disk full"})
                   : Memory::commit(transactions);
    }
    std::promise<void> recording, go_on;
    std::atomic<bool> fails = false;
  };
  for (const bool fails : {false, true}) {
    auto owned = std::make_unique<Slow>();
    Slow& store = *owned;
    Gateway gateway(with_providers(), std::move(owned));
    SilentProvider provider(gateway);
    Answer said = answer(provider.stall(), "wait_until_done");
    said.idempotency_key = "k1";
    std::vector<std::future<AnswerResult>> heard;
    const auto send = [&] { heard.push_back(gateway.async_answer(said, boost::asio::use_future)); };
    store.fails = fails;
    send();
    store.recording.get_future().wait();
    for (int i = 0; i < 3; ++i)
      send();
    Answer other = said;
    other.option = "continue_30s";
    EXPECT_EQ(gateway.answer(other).refused, Errc::already_answered) << "another answer is no repetition";
    for (int i = 0; i < 200; ++i)
      gateway.open_questions();  // the engine has heard what was sent before
    store.go_on.set_value();
    for (auto& each : heard) {
      const AnswerResult result = each.get();
      EXPECT_EQ(result.applied, !fails) << result.message;
      EXPECT_EQ(result.refused, fails ? Errc::store_unavailable : Errc::ok);
    }
    store.fails = false;
  }
}

TEST(Question, SwitchNeedsConfirmationAndMovesTheLockInOneTransaction) {
  Gateway gateway(with_providers());
  lock_ollama(gateway);
  std::promise<FallbackDecision> decided;
  const auto subscription =
      gateway.on_fallback_decision([&](const FallbackDecision& each) { decided.set_value(each); });
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  Answer unconfirmed = answer(stall, "try_alternative", "OpenAI");
  unconfirmed.confirmed = false;
  EXPECT_EQ(gateway.answer(unconfirmed).refused, Errc::confirmation_required);
  EXPECT_EQ(gateway.open_questions().size(), 1u);

  EXPECT_TRUE(gateway.answer(answer(stall, "try_alternative", "OpenAI")).applied);
  EXPECT_EQ(provider.outcome(), Errc::switched);
  const FallbackDecision decision = decided.get_future().get();
  EXPECT_EQ(decision.reason_code, ReasonCode::user_after_stall);
  EXPECT_TRUE(decision.user_confirmed);
  EXPECT_EQ(decision.decided_by, "ana");
  EXPECT_EQ(gateway.provider_lock("job")->provider_name, "OpenAI");
  EXPECT_EQ(gateway.provider_lock("job")->provider_type, "cloud_llm");
  EXPECT_EQ(gateway.fallback_history("job").size(), 1u);
  EXPECT_EQ(gateway.statistics().after_stall_fallbacks, 1);
}

TEST(Question, NothingOnAnAbsoluteLockIsRecordedAsIfItHadHappened) {
  Gateway gateway(with_providers());
  lock_ollama(gateway, false);
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  EXPECT_FALSE(stall.alternatives[0].allowed);
  EXPECT_EQ(gateway.answer(answer(stall, "try_alternative", "OpenAI")).refused, Errc::lock_not_overridable);
  EXPECT_TRUE(gateway.fallback_history("job").empty());
  EXPECT_EQ(gateway.provider_lock("job")->provider_name, "Ollama");
}

TEST(Question, CancelEndsTheOperationAndTheJob) {
  Gateway gateway(with_providers());
  lock_ollama(gateway);
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  EXPECT_TRUE(gateway.answer(answer(stall, "cancel_job")).applied);
  EXPECT_EQ(provider.outcome(), Errc::cancelled);
  EXPECT_FALSE(gateway.provider_lock("job"));
}

TEST(Durability, NothingIsLockedWhenTheTrailCannotBeWritten) {
  auto store = std::make_unique<ScriptedStore>();
  ScriptedStore& script = *store;
  Gateway gateway(with_providers(), std::move(store));
  lock_ollama(gateway);
  script.mode = ScriptedStore::Mode::fails;
  EXPECT_EQ(thrown([&] {
              gateway.lock_provider({.job_id = "other", .provider_name = "Ollama", .provider_type = "local_llm"});
            }),
            Errc::store_unavailable);
  EXPECT_EQ(thrown([&] { gateway.release_provider_lock("job"); }), Errc::store_unavailable);
  EXPECT_EQ(thrown([&] { gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) {}); }),
            Errc::store_unavailable);
  script.mode = ScriptedStore::Mode::works;
  EXPECT_TRUE(gateway.provider_lock("job"));
  EXPECT_TRUE(gateway.validate_provider("other", "OpenAI", "x").allowed);
}

TEST(Durability, AnAnswerThatCannotBeSavedLeavesTheSameQuestionOpen) {
  auto store = std::make_unique<ScriptedStore>();
  ScriptedStore& script = *store;
  Gateway gateway(with_providers(), std::move(store));
  lock_ollama(gateway);
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  script.mode = ScriptedStore::Mode::fails;
  EXPECT_EQ(gateway.answer(answer(stall, "try_alternative", "OpenAI")).refused, Errc::store_unavailable);
  EXPECT_EQ(gateway.provider_state(stall.operation_id)->open_ask, stall.ask);
  EXPECT_EQ(gateway.provider_state(stall.operation_id)->outcome, OperationPhase::running);
  script.mode = ScriptedStore::Mode::works;
  EXPECT_TRUE(gateway.answer(answer(stall, "try_alternative", "OpenAI")).applied);
  EXPECT_EQ(provider.outcome(), Errc::switched);
}

TEST(Durability, AConfirmedCancelStopsTheCallThoughItCannotBeRecorded) {
  auto store = std::make_unique<ScriptedStore>();
  ScriptedStore& script = *store;
  Gateway gateway(with_providers(), std::move(store));
  lock_ollama(gateway);
  SilentProvider provider(gateway);
  const StallSuspected stall = provider.stall();
  script.mode = ScriptedStore::Mode::fails;
  const AnswerResult result = gateway.answer(answer(stall, "cancel_job"));
  EXPECT_TRUE(result.applied);
  EXPECT_FALSE(result.recorded);
  EXPECT_EQ(provider.outcome(), Errc::cancelled);
  script.mode = ScriptedStore::Mode::works;
  // The trail gets it when the store is back.
  wait_for([&] {
    const auto records = gateway.records("job");
    return std::ranges::any_of(records,
                               [](const auto& each) { return std::holds_alternative<Cancelled>(each.record); });
  });
}

TEST(Durability, AnUnknownOutcomeIsDecidedByReadingTheStoreAgain) {
  auto store = std::make_unique<ScriptedStore>();
  ScriptedStore& script = *store;
  Gateway gateway(with_providers(), std::move(store));
  script.mode = ScriptedStore::Mode::unknown_saved;
  EXPECT_EQ(lock_ollama(gateway).provider_name, "Ollama");
  EXPECT_TRUE(gateway.provider_lock("job"));
  script.mode = ScriptedStore::Mode::unknown_lost;
  EXPECT_EQ(thrown([&] { gateway.release_provider_lock("job"); }), Errc::store_unavailable);
  script.mode = ScriptedStore::Mode::works;
  EXPECT_TRUE(gateway.release_provider_lock("job"));
}

TEST(Switching, TheSeedsTwoCallsRecordAndThenLock) {
  Gateway gateway(with_providers());
  gateway.lock_provider({.job_id = "job",
                         .provider_name = "Ollama",
                         .provider_type = "local_llm",
                         .correlation_id = "corr",
                         .overridable = true,
                         .stages = {"script-generation", "refinement"}});
  const auto decision =
      FallbackDecision::user_requested("job", "Ollama", "OpenAI", 48s, "corr", {"script-generation", "refinement"});
  gateway.record_fallback_decision(decision);
  // Between the two calls only the provider that was decided for may serve the stages.
  EXPECT_FALSE(gateway.validate_provider("job", "Ollama", "refinement").allowed);
  EXPECT_EQ(thrown([&] {
              gateway.lock_provider({.job_id = "job", .provider_name = "Gemini", .provider_type = "cloud_llm"});
            }),
            Errc::provider_locked);
  const ProviderLock taken = gateway.lock_provider({.job_id = "job",
                                                    .provider_name = "OpenAI",
                                                    .provider_type = "cloud_llm",
                                                    .correlation_id = "corr",
                                                    .overridable = true});
  EXPECT_EQ(taken.text(), "ProviderLock[OpenAI (cloud_llm) for Job job, Stages: All, Active]");
  EXPECT_THAT(gateway.provider_locks("job")[0].text(), testing::HasSubstr("(USER_REQUEST)]"));
  EXPECT_EQ(gateway.statistics().user_requested_fallbacks, 1);
}

TEST(Switching, AJobIsSwitchedOutOfTheBlueWithConfirmation) {
  Gateway gateway(with_providers());
  lock_ollama(gateway);
  SilentProvider provider(gateway);
  provider.stall();
  EXPECT_EQ(thrown([&] { gateway.switch_provider({.job_id = "job", .to_provider = "OpenAI"}); }),
            Errc::confirmation_required);
  const ProviderLock taken =
      gateway.switch_provider({.job_id = "job", .to_provider = "OpenAI", .confirmed = true, .by = "ana"});
  EXPECT_EQ(taken.provider_type, "cloud_llm");
  EXPECT_EQ(provider.outcome(), Errc::switched);
}

TEST(Consent, SwitchesAfterASilenceWithoutAskingAnybody) {
  Gateway gateway(with_providers());
  lock_ollama(gateway);
  StandingConsent consent = parse_consent("stall after 0s: switch to OpenAI").value();
  consent.given_by = "ana";
  gateway.give_consent("job", consent);
  SilentProvider provider(gateway);
  EXPECT_EQ(provider.outcome(), Errc::switched);
  const auto history = gateway.fallback_history("job");
  ASSERT_EQ(history.size(), 1u);
  EXPECT_EQ(history[0].consent_id, "consent-1");
  EXPECT_TRUE(history[0].user_confirmed);
}

TEST(Failure, IsAskedAboutAndTheAlternativeTakesTheLock) {
  Gateway gateway(with_providers());
  lock_ollama(gateway);
  EXPECT_EQ(thrown([&] {
              gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) {
                throw ProviderError({ErrorClass::http, 500, "", "HTTP 500"});
              });
            }),
            Errc::provider_failed);
  wait_for([&] { return gateway.provider_state("corr")->outcome == OperationPhase::failed; });
  const std::string id = gateway.provider_state("corr")->operation_id;
  EXPECT_TRUE(gateway.ask_about_failure(id));
  EXPECT_FALSE(gateway.ask_about_failure(id));
  EXPECT_FALSE(gateway.ask_about_failure("op-0000000000001"));
  EXPECT_TRUE(gateway.answer({.operation_id = id, .option = "try_alternative", .provider = "OpenAI", .confirmed = true})
                  .applied);
  EXPECT_EQ(gateway.provider_lock("job")->provider_name, "OpenAI");
  EXPECT_EQ(gateway.fallback_history("job")[0].reason_code, ReasonCode::provider_fatal_error);
  EXPECT_EQ(gateway.fallback_history("job")[0].additional_context, "HTTP 500");
}

}  // namespace
}  // namespace holdfast
