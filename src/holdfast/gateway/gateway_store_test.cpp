#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <future>

#include "holdfast/gateway/async.hpp"
#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast {
namespace {

/// Gateways of several processes over one file.
class SharedFile : public testing::Test {
 protected:
  SharedFile() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            ("shared-" + std::to_string(::getpid()) + "-" + test->name() + ".db");
    std::filesystem::remove(path_);
  }
  ~SharedFile() override {
    if (child_ > 0) end_child();
    for (const char* end : {"", "-journal"})
      std::filesystem::remove(path_.string() + end);
  }

  GatewayOptions options() const { return {.store = "sqlite:" + path_.string(), .program = "test"}; }

  /// Another process that runs `work` until it calls its argument: there it says so, and waits to be killed. Forked
  /// before this process has threads: no gateway may have been here.
  template <class Work>
  void in_another_process(Work work) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      work([&] {
        EXPECT_EQ(::write(ready[1], "x", 1), 1);
        for (;;)
          ::pause();
      });
      ::_exit(1);
    }
    ::close(ready[1]);
    char said = 0;
    ASSERT_EQ(::read(ready[0], &said, 1), 1);
    ::close(ready[0]);
  }
  void end_child() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }

  std::filesystem::path path_;
  pid_t child_ = -1;
};

LockRequest lock_of(const std::string& job) {
  return {.job_id = job, .provider_name = "Ollama", .provider_type = "local_llm", .stages = {"script-generation"}};
}

TEST_F(SharedFile, AJobOfALivingProcessIsReadByAllAndChangedByNobodyElse) {
  in_another_process([this](auto ready) {
    Gateway gateway(options());
    gateway.lock_provider(lock_of("theirs"));
    ready();
  });
  Gateway gateway(options());
  EXPECT_EQ(gateway.provider_locks("theirs").size(), 1u);
  EXPECT_FALSE(gateway.validate_provider("theirs", "OpenAI", "script-generation").allowed);
  EXPECT_EQ(thrown([&] { gateway.release_provider_lock("theirs"); }), Errc::store_held);
  EXPECT_EQ(thrown([&] { gateway.lock_provider(lock_of("theirs")); }), Errc::store_held);
  gateway.lock_provider(lock_of("mine"));
  EXPECT_EQ(gateway.jobs().size(), 2u);
  EXPECT_EQ(gateway.job("theirs")->owner->pid, child_);
  EXPECT_TRUE(gateway.verify_audit().findings.empty());
}

TEST_F(SharedFile, AfterAKillTheLockIsStillThereAndWhatRanIsInterrupted) {
  in_another_process([this](auto ready) {
    Gateway gateway(options());
    gateway.lock_provider(lock_of("job"));
    gateway.execute_with_patience(request(), no_heartbeat(), [&](OperationContext&) { ready(); });
  });
  end_child();
  Gateway gateway(options());
  EXPECT_EQ(gateway.job("job")->state, JobState::interrupted);
  JobRequest resume{.job_id = "job", .opened_by = "ana"};
  resume.resume = true;
  EXPECT_TRUE(gateway.open_job(resume));
  const auto lost = gateway.interrupted_operations("job");
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].stage_name, "script-generation");
  EXPECT_TRUE(gateway.ask_about_failure(lost[0].operation_id));
  EXPECT_EQ(gateway.open_questions().at(0).kind, QuestionKind::interrupted);
  OperationRequest other = request();
  other.provider_name = "OpenAI";
  EXPECT_EQ(thrown([&] { gateway.execute_with_patience(other, no_heartbeat(), [](OperationContext&) {}); }),
            Errc::provider_locked);
  EXPECT_EQ(gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) { return 7; }), 7);
  EXPECT_TRUE(gateway.verify_audit().findings.empty());
}

// To look at it took the job over from a dead process, and was refused where the process lived.
TEST_F(SharedFile, TheEpochOfSomebodyElsesJobIsReadAndTheJobStaysTheirs) {
  in_another_process([this](auto ready) {
    Gateway gateway(options());
    gateway.lock_provider(lock_of("job"));
    ready();
  });
  Gateway gateway(options());
  EXPECT_EQ(gateway.epoch("job"), 1u);
  const pid_t owner = child_;
  EXPECT_EQ(gateway.job("job")->owner->pid, owner);
}

// Another process took it for lost and wrote that it was interrupted; then it ended a second time.
TEST_F(SharedFile, ACallOfAReleasedJobRunsOnAndEndsOnce) {
  in_another_process([this](auto ready) {
    Gateway gateway(options());
    gateway.lock_provider(lock_of("job"));
    gateway.execute_with_patience(request(), pushed_heartbeat(), [&](OperationContext&) {
      gateway.release_provider_lock("job");
      ready();
    });
  });
  Gateway gateway(options());
  EXPECT_FALSE(gateway.release_provider_lock("job"));
  EXPECT_EQ(thrown([&] { gateway.cancel({.job_id = "job", .confirmed = true}); }), Errc::no_such_job);
  for (const KeptRecord& each : gateway.records("job"))
    EXPECT_FALSE(std::holds_alternative<OperationEnded>(each.record));
}

// It was watched with the gateway's: a question came after half of the silence that its user had granted.
TEST_F(SharedFile, AJobIsAsPatientAfterARestartAsBefore) {
  {
    Gateway gateway(options());
    gateway.open_job({.job_id = "job", .patience = "longForm"});
    gateway.lock_provider(lock_of("job"));
  }
  Gateway gateway(options());
  milliseconds stall{};
  gateway.execute_with_patience(request(), pushed_heartbeat(), [&](OperationContext& operation) {
    stall = gateway.provider_state(operation.operation_id())->stall_threshold;
  });
  EXPECT_EQ(stall, gateway.profiles().for_provider("Ollama", "longForm", "local_llm").stall_threshold());
  EXPECT_NE(stall, gateway.profiles().for_provider("Ollama", "balanced", "local_llm").stall_threshold());
}

TEST_F(SharedFile, AnOrderlyEndGivesItsJobsBack) {
  in_another_process([this](auto ready) {
    Gateway(options()).lock_provider(lock_of("job"));
    ready();
  });
  Gateway gateway(options());
  EXPECT_FALSE(gateway.job("job")->owner) << "its process lives on";
  gateway.release_provider_lock("job");
  EXPECT_EQ(gateway.job("job")->state, JobState::released);
}

TEST_F(SharedFile, WhatWasAcknowledgedIsThereForTheNextGateway) {
  {
    Gateway gateway(options());
    gateway.lock_provider(lock_of("job"));
    auto decision = FallbackDecision::user_requested("job", "Ollama", "OpenAI", milliseconds(5), "corr");
    gateway.record_fallback_decision(decision);
    gateway.lock_provider({.job_id = "job", .provider_name = "OpenAI", .provider_type = "cloud_llm"});
  }
  Gateway gateway(options());
  ASSERT_EQ(gateway.fallback_history("job").size(), 1u);
  EXPECT_EQ(gateway.provider_lock("job")->provider_name, "OpenAI");
  EXPECT_EQ(gateway.epoch("job"), 3u);
  EXPECT_EQ(gateway.statistics().total_fallback_decisions, 1);
}

TEST_F(SharedFile, EachCallWithoutAJobLeavesOneRecordAlsoWhereItsProcessEndsAtOnce) {
  constexpr int calls = 20;
  {
    Gateway gateway(options());
    OperationRequest without = request();
    without.job_id = {};
    for (int i = 0; i < calls; ++i)
      gateway.execute_with_patience(without, no_heartbeat(), [](OperationContext&) {});
  }
  const auto store = store::open("sqlite:" + path_.string()).value();
  std::size_t found = 0;
  for (const std::string& trail : store->trails("", 100).value()) {
    for (const KeptRecord& each : store->records(trail).value())
      found += std::get<OperationEnded>(each.record).outcome == OperationPhase::completed ? 1 : 0;
  }
  EXPECT_EQ(found, calls);
  EXPECT_TRUE(store->jobs({}).value().empty());
  EXPECT_TRUE(store->verify("").value().findings.empty());
}

/// Counts what each commit takes; one of them waits until it is let go.
class CountingStore final : public store::Memory {
 public:
  std::vector<store::Outcome> commit(std::span<const store::Transaction> transactions) override {
    groups.push_back(transactions.size());
    if (held.exchange(false)) {
      holding = true;
      go_on.get_future().wait();
    }
    return Memory::commit(transactions);
  }

  std::vector<std::size_t> groups;  ///< read by the test when nothing is under way
  std::atomic<bool> held = false, holding = false;
  std::promise<void> go_on;
};

// Each job that had to be read ended the group in front of it: half of all commits held fewer than eight transactions.
TEST(StoreDesk, AJobThatIsReadDoesNotEndTheGroup) {
  auto owned = std::make_unique<CountingStore>();
  CountingStore& store = *owned;
  Gateway gateway({}, std::move(owned));
  for (const char* job : {"held", "one", "two"})
    gateway.lock_provider(lock_of(job));
  store.held = true;
  std::vector<std::thread> callers;
  const auto call = [&](auto what) { callers.emplace_back(what); };
  call([&] { gateway.unlock_provider_lock("held", "why"); });
  wait_for([&] { return store.holding.load(); });
  boost::asio::io_context io;
  std::vector<std::future<AnswerResult>> cancels;
  const auto cancel = [&](std::string job) {
    cancels.push_back(gateway.async_cancel({.job_id = std::move(job), .confirmed = true},
                                           boost::asio::bind_executor(io, boost::asio::use_future)));
  };
  cancel("one");
  cancel("a job to be read first");
  cancel("two");
  gateway.provider_state("nobody");  // the engine has heard all of them
  store.go_on.set_value();
  io.run();
  for (std::thread& caller : callers)
    caller.join();
  EXPECT_EQ(store.groups, (std::vector<std::size_t>{1, 1, 1, 1, 2}));
}

}  // namespace
}  // namespace holdfast
