#include "holdfast/gateway/gateway.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "holdfast/gateway/async.hpp"
#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(Gateway, LocksAndPrintsTheLockToTheLetter) {
  Gateway gateway;
  const ProviderLock lock = gateway.lock_provider({.job_id = "job-12345",
                                                   .provider_name = "Ollama",
                                                   .provider_type = "local_llm",
                                                   .correlation_id = "corr-67890",
                                                   .overridable = true,
                                                   .stages = {"script-generation", "refinement"}});
  EXPECT_EQ(lock.text(),
            "ProviderLock[Ollama (local_llm) for Job job-12345, Stages: script-generation, refinement, Active]");
  EXPECT_TRUE(gateway.validate_provider("job-12345", "ollama", "Refinement").allowed);
  const Validation refused = gateway.validate_provider("job-12345", "OpenAI", "refinement");
  EXPECT_FALSE(refused.allowed);
  EXPECT_THAT(refused.reason,
              testing::StartsWith("Provider OpenAI does not match locked provider Ollama for stage refinement"));
  EXPECT_EQ(gateway.provider_lock("job-12345"), lock);
  EXPECT_TRUE(gateway.release_provider_lock("job-12345"));
  EXPECT_FALSE(gateway.release_provider_lock("job-12345"));
  ASSERT_EQ(gateway.provider_locks("job-12345").size(), 1u);
  EXPECT_EQ(gateway.provider_locks("job-12345")[0].state, LockState::released);
}

TEST(Gateway, ReturnsTheResultAndKeepsTheState) {
  Gateway gateway;
  const std::string text =
      gateway.execute_with_patience(request(), no_heartbeat(), [&](OperationContext& operation) -> std::string {
        EXPECT_EQ(gateway.provider_state("corr")->operation_id, operation.operation_id());
        EXPECT_EQ(gateway.provider_state("corr")->outcome, OperationPhase::running);
        operation.progress().tokens(12);
        EXPECT_EQ(gateway.provider_state("corr")->progress->tokens, 12);
        return "text";
      });
  EXPECT_EQ(text, "text");
  wait_for([&] { return gateway.provider_state("corr")->outcome == OperationPhase::completed; });
  const OperationState state = *gateway.provider_state("corr");
  EXPECT_EQ(state.progress->tokens, 12);
  EXPECT_EQ(state.heartbeat_count, 1);
  EXPECT_EQ(gateway.provider_state("unknown"), std::nullopt);
}

TEST(Gateway, RefusesAnotherProviderBeforeItsFunctionIsCalled) {
  Gateway gateway;
  gateway.lock_provider({.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm"});
  OperationRequest other = request();
  other.provider_name = "OpenAI";
  bool called = false;
  EXPECT_EQ(
      thrown([&] { gateway.execute_with_patience(other, no_heartbeat(), [&](OperationContext&) { called = true; }); }),
      Errc::provider_locked);
  EXPECT_FALSE(called);
  const auto records = gateway.records("job");
  EXPECT_TRUE(std::ranges::any_of(records, [](const KeptRecord& each) {
    const auto* refused = std::get_if<Refused>(&each.record);
    return refused != nullptr && refused->code == Errc::provider_locked;
  }));
}

TEST(Gateway, PassesTheUsersExceptionUnchangedAndReportsAHardError) {
  Gateway gateway;
  std::promise<ProviderHardError> heard;
  const auto subscription = gateway.on_hard_error([&](const ProviderHardError& error) { heard.set_value(error); });
  struct Odd {};
  EXPECT_THROW(gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) { throw Odd{}; }), Odd);
  EXPECT_EQ(heard.get_future().get().fault.error_class, ErrorClass::other);

  try {
    gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) -> int {
      throw ProviderError({ErrorClass::truncated, 0, "", "the stream ended without its end marker"});
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::truncated);
  }
  wait_for([&] { return gateway.provider_state("corr")->outcome == OperationPhase::failed; });
}

TEST(Gateway, TheCallersStopTokenCancelsAndALateValueIsDropped) {
  Gateway gateway;
  std::stop_source stop;
  const Errc code = thrown([&] {
    gateway.execute_with_patience(
        request(), no_heartbeat(),
        [&](OperationContext& operation) {
          stop.request_stop();
          wait_for([&] { return operation.stop_token().stop_requested(); });
          return 5;
        },
        stop.get_token());
  });
  EXPECT_EQ(code, Errc::cancelled);
  EXPECT_EQ(gateway.provider_state("corr")->outcome, OperationPhase::cancelled);
  EXPECT_EQ(thrown([&] {
              gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) {}, stop.get_token());
            }),
            Errc::cancelled);
}

TEST(Gateway, CancelFromAnotherThreadSaysCancelledAtOnce) {
  Gateway gateway;
  std::promise<std::string> started;
  auto call = std::async(std::launch::async, [&] {
    return thrown([&] {
      gateway.execute_with_patience(request(), no_heartbeat(), [&](OperationContext& operation) {
        started.set_value(operation.operation_id());
        wait_for([&] { return operation.stop_token().stop_requested(); });
      });
    });
  });
  const std::string id = started.get_future().get();
  EXPECT_EQ(thrown([&] { gateway.cancel({.operation_id = id}); }), Errc::confirmation_required);
  EXPECT_TRUE(gateway.cancel({.operation_id = id, .confirmed = true, .by = "ana"}).applied);
  EXPECT_EQ(gateway.provider_state(id)->outcome, OperationPhase::cancelled);
  EXPECT_EQ(call.get(), Errc::cancelled);
  EXPECT_EQ(gateway.cancel({.operation_id = id, .confirmed = true}).refused, Errc::stale_answer);
  EXPECT_EQ(thrown([&] { gateway.cancel({.operation_id = "nonsense", .confirmed = true}); }), Errc::no_such_operation);
}

TEST(Gateway, CoroutinesRunOnTheirOwnExecutorAndReturnTheirValue) {
  Gateway gateway;
  boost::asio::io_context io;
  std::thread::id ran_on;
  auto work = [&]() -> boost::asio::awaitable<std::string> {
    auto function = [&](OperationContext& operation) -> boost::asio::awaitable<std::string> {
      ran_on = std::this_thread::get_id();
      operation.progress().bytes(3);
      co_return "abc";
    };
    auto call =
        gateway.async_execute_with_patience(request(), pushed_heartbeat(), function, boost::asio::use_awaitable);
    co_return co_await std::move(call);
  };
  auto result = boost::asio::co_spawn(io, work(), boost::asio::use_future);
  io.run();
  EXPECT_EQ(result.get(), "abc");
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(Gateway, CoroutinesThrowWhatWasRefusedAndWhatTheyThrew) {
  Gateway gateway;
  gateway.lock_provider({.job_id = "job", .provider_name = "Other", .provider_type = "local_llm"});
  boost::asio::io_context io;
  auto refused = [&]() -> boost::asio::awaitable<void> {
    auto function = [](OperationContext&) -> boost::asio::awaitable<void> { co_return; };
    auto call = gateway.async_execute_with_patience(request(), no_heartbeat(), function, boost::asio::use_awaitable);
    co_await std::move(call);
  };
  auto first = boost::asio::co_spawn(io, refused(), boost::asio::use_future);
  auto throwing = [&]() -> boost::asio::awaitable<void> {
    auto function = [](OperationContext&) -> boost::asio::awaitable<void> {
      throw std::out_of_range("mine");
      co_return;
    };
    OperationRequest free = request();
    free.job_id = "another";
    auto call = gateway.async_execute_with_patience(free, no_heartbeat(), function, boost::asio::use_awaitable);
    co_await std::move(call);
  };
  auto second = boost::asio::co_spawn(io, throwing(), boost::asio::use_future);
  io.run();
  EXPECT_EQ(thrown([&] { first.get(); }), Errc::provider_locked);
  EXPECT_THROW(second.get(), std::out_of_range);
}

/// Runs a coroutine to its end on this thread.
template <class T>
T run_here(boost::asio::awaitable<T> work) {
  boost::asio::io_context io;
  auto outcome = boost::asio::co_spawn(io, std::move(work), boost::asio::use_future);
  io.run();
  return outcome.get();
}

TEST(Gateway, CoroutinesLockLookAndCancelWithoutBlocking) {
  Gateway gateway;
  const LockRequest wanted{.job_id = "job", .provider_name = "Ollama", .stages = {"text"}};
  EXPECT_EQ(run_here(gateway.async_lock_provider(wanted, boost::asio::use_awaitable)).provider_type, "local_llm");
  const LockRequest other{.job_id = "job", .provider_name = "OpenAI", .stages = {"text"}};
  EXPECT_EQ(thrown([&] { run_here(gateway.async_lock_provider(other, boost::asio::use_awaitable)); }),
            Errc::lock_conflict);

  const auto governing = [&](const std::string& job, const std::string& stage) {
    return run_here(gateway.async_governing_lock(job, stage, boost::asio::use_awaitable));
  };
  ASSERT_TRUE(governing("job", "TEXT"));
  EXPECT_EQ(governing("job", "text")->lock.provider_name, "Ollama");
  EXPECT_FALSE(governing("job", "text")->moved);
  EXPECT_FALSE(governing("job", "speech"));
  EXPECT_FALSE(governing("nobody's", "text"));

  const CancelRequest unconfirmed{.job_id = "job"};
  EXPECT_EQ(thrown([&] { run_here(gateway.async_cancel(unconfirmed, boost::asio::use_awaitable)); }),
            Errc::confirmation_required);
  const Answer late{.operation_id = "op-1", .option = "cancel_job"};
  EXPECT_EQ(run_here(gateway.async_answer(late, boost::asio::use_awaitable)).refused, Errc::no_such_operation);
}

TEST(Gateway, AlternativesThatDoNotSpeakTheClientsProtocolAreShownAndRefused) {
  Gateway gateway({.providers = {{.name = "Ollama", .type = "local_llm", .protocols = {"ollama", "openai"}},
                                 {.name = "Claude", .type = "cloud_llm", .protocols = {"anthropic"}},
                                 {.name = "GPT", .type = "cloud_llm", .protocols = {"openai"}}}});
  OperationRequest asked = request();
  asked.protocol = "openai";
  gateway.lock_provider({.job_id = "job", .provider_name = "Ollama"});
  std::string operation;
  EXPECT_THROW(gateway.execute_with_patience(asked, no_heartbeat(),
                                             [&](OperationContext& op) {
                                               operation = op.operation_id();
                                               throw ProviderError({ErrorClass::http, 500, {}, "broken"});
                                             }),
               ProviderError);
  wait_for([&] { return gateway.ask_about_failure(operation); });
  const auto questions = gateway.open_questions();
  ASSERT_EQ(questions.size(), 1u);
  ASSERT_EQ(questions[0].alternatives.size(), 2u);
  EXPECT_FALSE(questions[0].alternatives[0].allowed);
  EXPECT_EQ(questions[0].alternatives[0].why_not, "Claude does not speak openai, which the client does");
  EXPECT_TRUE(questions[0].alternatives[1].allowed);
  EXPECT_EQ(questions[0].alternatives[1].normal_threshold,
            TimeoutProfiles::defaults().for_provider("x", "balanced", "cloud_llm").normal_threshold);
  const AnswerResult refused = gateway.answer(
      {.operation_id = operation, .option = "try_alternative", .provider = "Claude", .confirmed = true, .by = "ana"});
  EXPECT_EQ(refused.refused, Errc::invalid_argument);
}

TEST(Gateway, PullsHeartbeatsAtTheirIntervalAndCountsAndTellsThoseThatThrow) {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::string>> told;
  GatewayOptions options;
  options.on_pull_thrown = [&](const std::string& operation, const std::string& why) {
    const std::lock_guard lock(mutex);
    told.emplace_back(operation, why);
  };
  Gateway gateway(options);
  std::string id;
  std::atomic<int> pulls = 0;
  const auto heartbeat = llm_streaming_heartbeat(
      [&pulls]() -> std::int64_t {
        if (++pulls % 2 == 0) throw std::runtime_error("no count");
        return pulls;
      },
      {.interval = 2ms, .stall_multiplier = 1000.0});
  gateway.execute_with_patience(request(), heartbeat, [&](OperationContext& operation) {
    id = operation.operation_id();
    wait_for([&] { return gateway.provider_state(operation.operation_id())->heartbeat_count >= 3; });
    EXPECT_GE(gateway.provider_state(operation.operation_id())->progress->tokens, 3);
  });
  EXPECT_GE(gateway.callback_counts().pulls_thrown, 1u);
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front(), (std::pair<std::string, std::string>(id, "no count")));
}

TEST(Gateway, APullThatNeverReturnsDelaysNeitherTheResultNorTheEnd) {
  const auto release = std::make_shared<std::promise<void>>();
  {
    Gateway gateway;
    const auto pulled = std::make_shared<std::promise<void>>();
    const auto heartbeat = tts_chunk_heartbeat(
        [pulled,
         blocked = std::make_shared<std::shared_future<void>>(release->get_future().share())]() -> std::int64_t {
          pulled->set_value();
          blocked->wait();
          return 1;
        },
        {.interval = 1ms});
    EXPECT_EQ(gateway.execute_with_patience(request(), heartbeat,
                                            [&](OperationContext&) {
                                              pulled->get_future().wait();
                                              return 7;
                                            }),
              7);
  }
  release->set_value();
}

TEST(Gateway, CallbacksThatThrowHarmNothing) {
  Gateway gateway;
  std::promise<void> second;
  const auto bad = gateway.on_lock_changed([](const ProviderLock&) { throw std::runtime_error("bad callback"); });
  const auto good = gateway.on_lock_changed([&](const ProviderLock&) { second.set_value(); });
  gateway.lock_provider({.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm"});
  second.get_future().wait();
  wait_for([&] { return gateway.callback_counts().thrown == 1; });
}

TEST(Gateway, ASubscriptionMayBeEndedFromInsideItself) {
  Gateway gateway;
  std::atomic<int> calls = 0;
  Subscription subscription;
  std::promise<void> first;
  subscription = gateway.on_lock_changed([&](const ProviderLock&) {
    ++calls;
    subscription.reset();
    first.set_value();
  });
  gateway.lock_provider({.job_id = "a", .provider_name = "Ollama", .provider_type = "local_llm"});
  first.get_future().wait();
  std::promise<void> later;
  const auto other = gateway.on_lock_changed([&](const ProviderLock&) { later.set_value(); });
  gateway.lock_provider({.job_id = "b", .provider_name = "Ollama", .provider_type = "local_llm"});
  later.get_future().wait();
  EXPECT_EQ(calls, 1);
}

TEST(Gateway, CallbacksMayCallEveryFunctionOfTheGateway) {
  Gateway gateway;
  std::promise<std::size_t> seen;
  const auto subscription = gateway.on_lock_changed([&](const ProviderLock& lock) {
    if (lock.job_id != "a") return;
    gateway.lock_provider({.job_id = "b", .provider_name = "Ollama", .provider_type = "local_llm"});
    seen.set_value(gateway.provider_locks("b").size());
  });
  gateway.lock_provider({.job_id = "a", .provider_name = "Ollama", .provider_type = "local_llm"});
  EXPECT_EQ(seen.get_future().get(), 1u);
}

TEST(Gateway, ScopedLockIsReleasedWhenTheJobThrows) {
  Gateway gateway;
  try {
    const ScopedProviderLock lock(gateway, {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm"});
    EXPECT_TRUE(gateway.provider_lock("job"));
    throw std::runtime_error("the job broke");
  } catch (const std::runtime_error&) {
  }
  EXPECT_FALSE(gateway.provider_lock("job"));
}

TEST(Gateway, IsDestroyedCleanlyWhileOperationsRun) {
  std::promise<void> started;
  std::future<Errc> call;
  {
    Gateway gateway;
    call = std::async(std::launch::async, [&] {
      return thrown([&] {
        gateway.execute_with_patience(request(), no_heartbeat(), [&](OperationContext& operation) {
          started.set_value();
          wait_for([&] { return operation.stop_token().stop_requested(); });
          operation.progress().tokens(1);
        });
      });
    });
    started.get_future().wait();
  }
  EXPECT_EQ(call.get(), Errc::cancelled);
}

TEST(Gateway, IsUsedFromManyThreadsAtOnce) {
  Gateway gateway;
  std::vector<std::jthread> threads;
  std::atomic<int> done = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string job = "job-" + std::to_string(t) + "-" + std::to_string(i);
        const ScopedProviderLock lock(gateway,
                                      {.job_id = job, .provider_name = "Ollama", .provider_type = "local_llm"});
        OperationRequest mine = request();
        mine.job_id = job;
        gateway.execute_with_patience(mine, pushed_heartbeat(), [&](OperationContext& operation) {
          for (int n = 1; n <= 20; ++n)
            operation.progress().tokens(n);
          ++done;
        });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(done, 400);
  wait_for([&] { return gateway.statistics().active_operations == 0; });
  EXPECT_EQ(gateway.statistics().total_jobs, 400);
  EXPECT_EQ(gateway.statistics().active_locks, 0);
}

TEST(Gateway, MoreOperationsThanAProviderTakesAreQueuedVisibly) {
  GatewayOptions options;
  options.providers = {{.name = "Ollama", .type = "local_llm", .concurrent_max = 1}};
  Gateway gateway(options);
  std::promise<void> started, release;
  auto first = std::async(std::launch::async, [&] {
    gateway.execute_with_patience(request(), no_heartbeat(), [&](OperationContext&) {
      started.set_value();
      release.get_future().wait();
    });
  });
  started.get_future().wait();
  auto second = std::async(std::launch::async, [&] {
    OperationRequest next = request();
    next.correlation_id = "second";
    return gateway.execute_with_patience(next, no_heartbeat(), [](OperationContext&) { return 2; });
  });
  wait_for([&] {
    const auto state = gateway.provider_state("second");
    return state && state->outcome == OperationPhase::queued;
  });
  EXPECT_EQ(gateway.provider_state("second")->elapsed_time, 0ms);
  release.set_value();
  EXPECT_EQ(second.get(), 2);
  first.get();
}

TEST(Gateway, RefusesATypeWithoutAProfileAndAnUnknownPatience) {
  Gateway gateway;
  OperationRequest bad = request();
  bad.provider_type = "nope";
  EXPECT_EQ(thrown([&] { gateway.execute_with_patience(bad, no_heartbeat(), [](OperationContext&) {}); }),
            Errc::invalid_argument);
  bad = request();
  bad.patience = "heroic";
  EXPECT_EQ(thrown([&] { gateway.execute_with_patience(bad, no_heartbeat(), [](OperationContext&) {}); }),
            Errc::invalid_argument);
  EXPECT_EQ(thrown([] { Gateway unknown({.store = "mysql://x"}); }), Errc::config);
}

// Says where it is asked, and where it ends.
class Located final : public HeartbeatStrategy {
 public:
  struct Seen {
    std::atomic<std::thread::id> asked{}, ended{};
  };
  explicit Located(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}
  ~Located() override { seen_->ended = std::this_thread::get_id(); }
  Progress pull(std::stop_token) override { return {}; }
  HeartbeatOptions options() const override {
    seen_->asked = std::this_thread::get_id();
    return {.interval = 1h, .stall_multiplier = {}};
  }

 private:
  std::shared_ptr<Seen> seen_;
};

// A strategy that took a mutex of its caller was asked by a thread that held it.
TEST(Gateway, AStrategyIsAskedByItsCallerAndNeverInTheEnginesTurn) {
  const auto seen = std::make_shared<Located::Seen>();
  Gateway gateway;
  gateway.execute_with_patience(request(), std::make_shared<Located>(seen),
                                [&](OperationContext&) { EXPECT_EQ(seen->asked.load(), std::this_thread::get_id()); });
  EXPECT_EQ(seen->asked.load(), std::this_thread::get_id());
  wait_for([&] { return seen->ended.load() != std::thread::id{}; });
}

// Its interval was looked up when it began, in profiles that did not have its type any more: the process stopped.
TEST(Gateway, AQueuedCallThatIsPulledBeginsUnderTheProfilesItWasOpenedWith) {
  const TimeoutProfiles with = TimeoutProfiles::parse(R"({"profiles": {"own": {"normalThresholdMs": 1000,
    "extendedThresholdMs": 2000, "deepWaitThresholdMs": 3000, "heartbeatIntervalMs": 100, "stallSuspicionMultiplier": 5
    }}})",
                                                      "own.json");
  const std::vector<ProviderInfo> providers = {{.name = "One", .type = "own", .concurrent_max = 1}};
  Gateway gateway({.profiles = with, .providers = providers});
  OperationRequest one = request();
  one.provider_name = "One";
  one.provider_type = "own";
  std::promise<void> go_on;
  std::thread first([&] {
    gateway.execute_with_patience(one, no_heartbeat(), [&](OperationContext&) { go_on.get_future().wait(); });
  });
  wait_for([&] { return gateway.operations().size() == 1; });
  std::thread second(
      [&] { gateway.execute_with_patience(one, percentage_heartbeat([] { return 1.0; }), [](OperationContext&) {}); });
  wait_for([&] { return gateway.operations().size() == 2; });
  gateway.reload(TimeoutProfiles::defaults(), providers);
  go_on.set_value();
  first.join();
  second.join();
}

TEST(Gateway, NamesItsThreadsForWhoeverLooksAtTheProcess) {
  Gateway gateway;
  std::set<std::string> names;
  wait_for([&] {
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(thread.path() / "comm"), name);
      names.insert(name);
    }
    return names.contains("hf-engine") && names.contains("hf-store") && names.contains("hf-notices");
  });
}

}  // namespace
}  // namespace holdfast
