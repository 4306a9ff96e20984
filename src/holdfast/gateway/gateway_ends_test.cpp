// How operations end that nobody waits for any more, or that end in great numbers.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <set>

#include "holdfast/gateway/async.hpp"
#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

/// A disk that stands still while it is shut.
class GatedStore final : public store::Memory {
 public:
  std::vector<store::Outcome> commit(std::span<const store::Transaction> transactions) override {
    wait();
    return Memory::commit(transactions);
  }
  result<std::optional<event::JobImage>> load(const std::string& job) override {
    wait();
    return Memory::load(job);
  }
  result<std::optional<JobRow>> job(const std::string& job) override {
    wait();
    return Memory::job(job);
  }
  void shut() { open_ = false; }
  void open() {
    open_ = true;
    open_.notify_all();
  }
  bool is_waited_for() const { return waiting_; }

 private:
  void wait() {
    waiting_ = true;
    open_.wait(false);
    waiting_ = false;
  }

  std::atomic<bool> open_{true}, waiting_{false};
};

/// A request of one coroutine whose caller stops it while the disk stands still.
class StoppedWhileWaiting : public testing::Test {
 protected:
  StoppedWhileWaiting() : gateway_({}, make_store()) {}
  ~StoppedWhileWaiting() override { store_->open(); }

  std::unique_ptr<store::Store> make_store() {
    auto store = std::make_unique<GatedStore>();
    store_ = store.get();
    return store;
  }
  /// Brings the request: whatever is brought to the engine behind it, it hears behind it.
  void ask(OperationRequest asked) {
    auto work = [this, asked]() -> boost::asio::awaitable<void> {
      auto function = [this](OperationContext&) -> boost::asio::awaitable<void> {
        called_ = true;
        co_return;
      };
      auto call = gateway_.async_execute_with_patience(asked, pushed_heartbeat(), function, boost::asio::use_awaitable,
                                                       stop_.get_token());
      co_await std::move(call);
    };
    outcome_ = boost::asio::co_spawn(io_, work, boost::asio::use_future);
    io_.poll();
    gateway_.open_questions();
  }
  void expect_that_the_caller_hears_its_stop_before_the_disk() {
    stop_.request_stop();
    io_.run_for(10s);
    EXPECT_EQ(outcome_.wait_for(0s), std::future_status::ready) << "the caller waits for the disk";
    store_->open();
    io_.run();
    EXPECT_EQ(thrown([this] { outcome_.get(); }), Errc::cancelled);
    EXPECT_FALSE(called_);
  }
  /// The trail says who ended what never ran.
  void expect_that_it_is_on_the_record() {
    const auto has = [this](auto is) {
      return soon([&] {
        const auto records = gateway_.records("job");
        return std::ranges::any_of(records, [&](const KeptRecord& each) { return is(each.record); });
      });
    };
    EXPECT_TRUE(has([](const News& news) {
      const auto* cancelled = std::get_if<Cancelled>(&news);
      return cancelled != nullptr && cancelled->by == "caller";
    }));
    EXPECT_TRUE(has([](const News& news) {
      const auto* ended = std::get_if<OperationEnded>(&news);
      return ended != nullptr && ended->outcome == OperationPhase::cancelled;
    }));
    EXPECT_TRUE(soon([this] { return gateway_.operations().empty(); }));
  }

  GatedStore* store_ = nullptr;
  Gateway gateway_;
  std::stop_source stop_;
  boost::asio::io_context io_;
  std::future<void> outcome_;
  bool called_ = false;
};

// The stop was heard before the operation was there, and was dropped: the function ran and was never told.
TEST_F(StoppedWhileWaiting, ForItsJobToBeReadHearsItAndDoesNotRun) {
  store_->shut();
  OperationRequest patient = request();
  patient.patience = "balanced";
  ask(patient);
  expect_that_the_caller_hears_its_stop_before_the_disk();
  expect_that_it_is_on_the_record();
}

TEST_F(StoppedWhileWaiting, ForThePatienceOfItsJobHearsItAndNeverWasThere) {
  store_->shut();
  ask(request());
  expect_that_the_caller_hears_its_stop_before_the_disk();
  EXPECT_TRUE(gateway_.records("job").empty());
}

// The same, behind another command of its job.
TEST_F(StoppedWhileWaiting, ForAnotherLockOfItsJobToBeWrittenHearsItAndDoesNotRun) {
  gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama", .stages = {"script-generation"}});
  store_->shut();
  auto locking = std::async(std::launch::async, [this] {
    gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama", .stages = {"refinement"}});
  });
  wait_for([this] { return store_->is_waited_for(); });
  ask(request());
  expect_that_the_caller_hears_its_stop_before_the_disk();
  locking.get();
  expect_that_it_is_on_the_record();
}

TEST_F(StoppedWhileWaiting, ForItsStartToBeWrittenHearsItAndDoesNotRun) {
  gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama"});
  store_->shut();
  OperationRequest recorded = request();
  recorded.recorded_first = true;
  ask(recorded);
  expect_that_the_caller_hears_its_stop_before_the_disk();
  expect_that_it_is_on_the_record();
}

// Where the job cannot even be read, the refusal finds nobody.
TEST_F(StoppedWhileWaiting, ForAJobThatThenRefusesItHearsTheStopOnly) {
  gateway_.lock_provider({.job_id = "job", .provider_name = "Other", .provider_type = "local_llm"});
  store_->shut();
  auto locking = std::async(std::launch::async, [this] {
    return thrown([this] { gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama", .stages = {"x"}}); });
  });
  ask(request());
  stop_.request_stop();
  store_->open();
  io_.run();
  const Errc heard = thrown([this] { outcome_.get(); });
  EXPECT_TRUE(heard == Errc::cancelled || heard == Errc::provider_locked);
  EXPECT_EQ(locking.get(), Errc::lock_conflict);
  EXPECT_FALSE(called_);
}

// Their random part was for the first id only: two gateways that worked in the same millisecond gave the same ids.
TEST(OperationIds, AreNotSharedByTwoGatewaysThatWorkAtTheSameTime) {
  Gateway one, other;
  const auto work = [](Gateway& gateway) {
    std::vector<std::string> ids;
    OperationRequest anonymous = request();
    anonymous.job_id.clear();
    for (int i = 0; i < 3000; ++i) {
      gateway.execute_with_patience(anonymous, pushed_heartbeat(),
                                    [&](OperationContext& operation) { ids.push_back(operation.operation_id()); });
    }
    return ids;
  };
  auto ids_of_other = std::async(std::launch::async, [&] { return work(other); });
  const std::vector<std::string> mine = work(one), theirs = ids_of_other.get();
  EXPECT_TRUE(std::ranges::is_sorted(mine)) << "newer operations have higher ids";
  std::set<std::string> all(mine.begin(), mine.end());
  all.insert(theirs.begin(), theirs.end());
  EXPECT_EQ(all.size(), mine.size() + theirs.size());
}

/// One call of a provider that takes one at a time; its function waits for ever.
boost::asio::awaitable<void> wait_for_ever(Gateway& gateway, std::promise<std::stop_token>& told,
                                           OperationRequest asked = request()) {
  auto function = [&told](OperationContext& operation) -> boost::asio::awaitable<int> {
    told.set_value(operation.stop_token());
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return 1;
  };
  auto call = gateway.async_execute_with_patience(asked, pushed_heartbeat(), function, boost::asio::use_awaitable);
  co_await std::move(call);
}

GatewayOptions one_at_a_time() {
  GatewayOptions options;
  options.providers = {{.name = "Ollama", .type = "local_llm", .concurrent_max = 1}};
  return options;
}

// It ran for ever, was asked about, and kept its place at the provider.
TEST(Coroutine, WhoseContextIsDestroyedEndsItsOperationAndGivesItsPlaceBack) {
  Gateway gateway(one_at_a_time());
  std::promise<std::stop_token> told;
  auto stop = told.get_future();
  {
    boost::asio::io_context io;
    boost::asio::co_spawn(io, wait_for_ever(gateway, told), boost::asio::detached);
    while (stop.wait_for(0s) != std::future_status::ready)
      io.run_one();
    gateway.operations();  // the engine is through with the context
  }
  ASSERT_TRUE(soon([&] { return gateway.operations().empty(); }));
  EXPECT_EQ(gateway.provider_state("corr")->outcome, OperationPhase::cancelled);
  const std::stop_token token = stop.get();
  EXPECT_TRUE(soon([&] { return token.stop_requested(); })) << "helpers of the function may be working still";
  EXPECT_EQ(gateway.execute_with_patience(request(), pushed_heartbeat(), [](OperationContext&) { return 2; }), 2);
}

TEST(Coroutine, WhoseContextIsDestroyedBeforeItHearsThatItsCallIsOpenLeavesNoneBehind) {
  Gateway gateway;
  OperationRequest anonymous = request();  // nothing is written in front of it: it is open as soon as it is there
  anonymous.job_id.clear();
  std::promise<std::stop_token> told;
  {
    boost::asio::io_context io;
    boost::asio::co_spawn(io, wait_for_ever(gateway, told, anonymous), boost::asio::detached);
    while (gateway.operations().empty())
      io.poll_one();
  }
  EXPECT_TRUE(soon([&] { return gateway.operations().empty(); }));
}

TEST(Coroutine, WhoseContextIsDestroyedAfterTheGatewayHarmsNothing) {
  boost::asio::io_context io;
  std::promise<std::stop_token> told;
  auto stop = told.get_future();
  Gateway gateway;
  boost::asio::co_spawn(io, wait_for_ever(gateway, told), boost::asio::detached);
  while (stop.wait_for(0s) != std::future_status::ready)
    io.run_one();
}

// The caller's own cancel was announced as a hard error of the provider.
TEST(Coroutine, ThatIsCancelledByAsioEndsAsCancelledAndNotAsAFailure) {
  Gateway gateway;
  std::atomic<int> hard_errors = 0;
  const auto errors = gateway.on_hard_error([&](const ProviderHardError&) { ++hard_errors; });
  std::promise<void> ended;
  const auto ends = gateway.on_operation_ended([&](const OperationEnded&) { ended.set_value(); });
  boost::asio::io_context io;
  boost::asio::cancellation_signal cancel;
  std::promise<std::stop_token> told;
  auto stop = told.get_future();
  std::exception_ptr outcome;
  boost::asio::co_spawn(
      io, wait_for_ever(gateway, told),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& error) { outcome = error; }));
  while (stop.wait_for(0s) != std::future_status::ready)
    io.run_one();
  cancel.emit(boost::asio::cancellation_type::terminal);
  io.run();
  ASSERT_TRUE(outcome);
  EXPECT_THROW(std::rethrow_exception(outcome), Error);
  ended.get_future().wait();
  EXPECT_EQ(gateway.provider_state("corr")->outcome, OperationPhase::cancelled);
  EXPECT_EQ(hard_errors, 0);
}

// They ran one after the other: the next operation heard of its cancel when the first one's callback was done.
TEST(StopCallback, ThatIsSlowDelaysNobodyElsesCancel) {
  Gateway gateway;
  std::promise<void> started, release;
  auto slow = std::async(std::launch::async, [&] {
    OperationRequest one = request();
    one.job_id = "slow";
    return thrown([&] {
      gateway.execute_with_patience(one, pushed_heartbeat(), [&](OperationContext& operation) {
        const std::stop_callback callback(operation.stop_token(), [&] { release.get_future().wait(); });
        started.set_value();
        wait_for([&] { return operation.stop_token().stop_requested(); });
      });
    });
  });
  started.get_future().wait();
  std::promise<void> second_started;
  auto second = std::async(std::launch::async, [&] {
    return thrown([&] {
      gateway.execute_with_patience(request(), pushed_heartbeat(), [&](OperationContext& operation) {
        second_started.set_value();
        wait_for([&] { return operation.stop_token().stop_requested(); });
      });
    });
  });
  second_started.get_future().wait();
  gateway.cancel({.job_id = "slow", .confirmed = true});
  gateway.cancel({.job_id = "job", .confirmed = true});
  EXPECT_EQ(second.wait_for(10s), std::future_status::ready) << "it waits for another operation's callback";
  release.set_value();
  EXPECT_EQ(second.get(), Errc::cancelled);
  EXPECT_EQ(slow.get(), Errc::cancelled);
}

TEST(Result, ThatIsAReferenceIsTheOneThatTheFunctionReturned) {
  Gateway gateway;
  int mine = 7;
  const int& returned =
      gateway.execute_with_patience(request(), pushed_heartbeat(), [&](OperationContext&) -> int& { return mine; });
  EXPECT_EQ(&returned, &mine);
  auto owned = gateway.execute_with_patience(request(), pushed_heartbeat(),
                                             [](OperationContext&) { return std::make_unique<int>(3); });
  EXPECT_EQ(*owned, 3);
}

// Who began first was forgotten first, though it had ended last.
TEST(EndedOperation, ThatRanLongIsKnownWhenManyShortOnesHaveEndedBeforeIt) {
  Gateway gateway;
  OperationRequest anonymous = request();
  anonymous.job_id.clear();
  std::promise<void> started, release;
  auto running = std::async(std::launch::async, [&] {
    OperationRequest longer = anonymous;
    longer.correlation_id = "long";
    gateway.execute_with_patience(longer, pushed_heartbeat(), [&](OperationContext& operation) {
      operation.progress().tokens(512);
      started.set_value();
      release.get_future().wait();
    });
  });
  started.get_future().wait();
  for (int i = 0; i < 1100; ++i)
    gateway.execute_with_patience(anonymous, pushed_heartbeat(), [](OperationContext&) {});
  release.set_value();
  running.get();
  wait_for([&] { return gateway.provider_state("long")->outcome == OperationPhase::completed; });
  EXPECT_EQ(gateway.provider_state("long")->heartbeat_count, 1);
  ASSERT_TRUE(gateway.provider_state("long")->progress);
  EXPECT_EQ(gateway.provider_state("long")->progress->tokens, 512);
}

TEST(ProgressMessage, ThatIsTooLongIsCutBetweenCharacters) {
  Gateway gateway;
  gateway.execute_with_patience(request(), pushed_heartbeat(), [&](OperationContext& operation) {
    const auto kept = [&](const std::string& said) {
      operation.progress().message(said);
      return gateway.provider_state("corr")->progress->message;
    };
    EXPECT_EQ(kept(std::string(255, 'a') + "é"), std::string(255, 'a'));
    EXPECT_EQ(kept(std::string(254, 'a') + "éé"), std::string(254, 'a') + "é");
    EXPECT_EQ(kept(std::string(254, 'a') + "🙂"), std::string(254, 'a'));
    EXPECT_EQ(kept(std::string(256, 'a')), std::string(256, 'a'));
  });
}

}  // namespace
}  // namespace holdfast
