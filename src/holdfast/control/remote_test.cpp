#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <thread>

#include "holdfast/control/control_driver.hpp"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

TEST(Remote, AsksAndCommandsInTheWordsOfTheApi) {
  Served served;
  const Remote remote = served.remote();
  EXPECT_EQ(remote.post("/jobs", api::to_json(api::JobBody{.job_id = "a/b", .locks = {{.provider_name = "Ollama"}}}))
                .at("jobId")
                .get_string(),
            "a/b");
  EXPECT_EQ(remote.get(Remote::path({"jobs", "a/b"})).at("state").get_string(), "running");
  EXPECT_EQ(remote.get("/jobs", {{"state", "active"}, {"after", ""}}).at("jobs").get_array().size(), 1u);
  api::DecisionBody body{.decision = FallbackDecision::user_requested("a/b", "Ollama", "OpenAI", 0ms, "corr")};
  EXPECT_EQ(remote.decide(body).at("toProvider").get_string(), "OpenAI");
  EXPECT_TRUE(remote.release("a/b"));
  EXPECT_FALSE(remote.release("a/b"));
}

TEST(Remote, ReadsAListToItsEndHoweverManyPagesItHas) {
  Served served;
  const Remote remote = served.remote();
  std::set<std::string> opened, listed;
  for (std::size_t i = 0; i < page_entries_default * 2 + 1; ++i) {
    served.gateway().open_job({.job_id = "job " + std::to_string(i)});
    opened.insert("job " + std::to_string(i));
  }
  for (const auto& each : remote.list("/jobs", "jobs", {{"state", "active"}}))
    listed.insert(std::string(each.at("jobId").get_string()));
  EXPECT_EQ(listed, opened);
  EXPECT_EQ(remote.list("/jobs", "jobs", {}, 150).size(), 150u);
  EXPECT_TRUE(remote.list("/operations", "operations").empty());
  EXPECT_EQ(thrown([&] { remote.list("/jobs", "locks"); }), Errc::provider_failed);
}

TEST(Remote, TurnsProblemsIntoTheErrorsThatTheyAre) {
  Served served;
  const Remote remote = served.remote();
  try {
    remote.get("/jobs/nobody");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::no_such_job);
    EXPECT_STREQ(error.what(), "there is no job nobody");
  }
  EXPECT_EQ(thrown([&] { remote.release("nobody"); }), Errc::no_such_job);
}

TEST(Remote, TellsWhatBecameOfAnAnswer) {
  Served served;
  const Remote remote = served.remote();
  SilentProvider provider(served.gateway());
  const StallSuspected stall = provider.stall();
  Answer answer{.operation_id = stall.operation_id, .ask = 1, .option = "cancel_job", .by = "ana"};
  EXPECT_EQ(remote.answer(answer).refused, Errc::confirmation_required);
  answer.option = "wait_until_done";
  answer.idempotency_key = "k";
  EXPECT_TRUE(remote.answer(answer).applied);
  EXPECT_TRUE(remote.answer(answer).applied);
  answer.idempotency_key.clear();
  const AnswerResult lost = remote.answer(answer);
  EXPECT_EQ(lost.refused, Errc::already_answered);
  EXPECT_EQ(lost.winning_option, "wait_until_done");
  EXPECT_EQ(remote.cancel({.operation_id = stall.operation_id}).refused, Errc::confirmation_required);
  EXPECT_TRUE(remote.cancel({.job_id = "job", .confirmed = true, .by = "ana"}).applied);
  EXPECT_EQ(provider.outcome(), Errc::cancelled);
}

TEST(Remote, WhereNobodyAnswersSaysSo) {
  const Remote remote(net::Endpoint{.path = fresh_folder() + "/nobody.sock"});
  try {
    remote.get("/jobs");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::store_unavailable);
    EXPECT_THAT(error.what(), HasSubstr("nobody.sock"));
  }
  EXPECT_EQ(thrown([&] { remote.release("job"); }), Errc::store_unavailable);
  const Answer answer{.operation_id = "op-1", .option = "continue_5m"};
  EXPECT_EQ(thrown([&] { remote.answer(answer); }), Errc::store_unavailable);
  EXPECT_EQ(thrown([&] { remote.follow("", {}, {}); }), Errc::store_unavailable);
}

TEST(Remote, WhetherAnAnswerWasHeardByWhoeverLeftInTheMiddleIsUnknown) {
  const net::Endpoint endpoint{.path = fresh_folder() + "/leaving.sock"};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, endpoint.path.c_str(), sizeof(address.sun_path) - 1);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listening, 2), 0);
  std::jthread leaving([listening] {
    for (int i = 0; i < 2; ++i) {
      const int client = ::accept(listening, nullptr, nullptr);
      std::string room(65536, '\0');
      EXPECT_GT(::read(client, room.data(), room.size()), 0);
      ::close(client);
    }
  });
  const Remote remote(endpoint);
  const Answer answer{.operation_id = "op-1", .option = "continue_5m"};
  EXPECT_EQ(thrown([&] { remote.answer(answer); }), Errc::outcome_unknown);
  EXPECT_EQ(thrown([&] { remote.get("/jobs"); }), Errc::store_unavailable) << "to look changes nothing";
  leaving.join();
  ::close(listening);
}

TEST(Remote, FollowsTheFeedAndComesBackToWhereItWas) {
  const std::string folder = fresh_folder();
  Gateway gateway;
  ServiceOptions options;
  options.endpoint.path = folder + "/c.sock";
  std::optional<Service> service(std::in_place, gateway, options);
  std::atomic<int> started = 0, resets = 0, losses = 0;
  std::stop_source stop;
  auto following = std::async(std::launch::async, [&] {
    Remote(options.endpoint)
        .follow(
            "job",
            {.on_notice =
                 [&](const Notice& notice) { started += std::holds_alternative<StageStarted>(*notice.news) ? 1 : 0; },
             .on_reset = [&] { ++resets; },
             .on_lost = [&](const std::string&) { return ++losses, true; }},
            stop.get_token());
  });
  const auto until_told = [&] {
    const int before = started;
    wait_for([&] {
      tell(gateway, "s");
      return started > before;
    });
  };
  until_told();
  EXPECT_EQ(resets, 0);
  service.reset();
  wait_for([&] { return losses > 0; });
  options.boot = new_boot();  // another process
  service.emplace(gateway, options);
  until_told();
  EXPECT_EQ(resets, 1);
  stop.request_stop();
  following.get();
}

TEST(Remote, FollowsTheWayThatItAsksSoThatADaemonBehindTlsIsHeardToo) {
  Served served;
  std::atomic<int> made = 0;
  RemoteOptions options;
  options.connector = [&made, endpoint = served.endpoint()] {
    ++made;
    return net::connect(endpoint);
  };
  const Remote remote(net::Endpoint{.path = "/nobody/listens/here"}, options);
  EXPECT_TRUE(remote.get("/jobs").at("jobs").get_array().empty());
  std::atomic<bool> told = false;
  std::stop_source stop;
  auto following = std::async(std::launch::async, [&] {
    remote.follow("", {.on_notice = [&](const Notice&) { told = true; }}, stop.get_token());
  });
  wait_for([&] {
    tell(served.gateway(), "s");
    return told.load();
  });
  stop.request_stop();
  following.get();
  EXPECT_EQ(made, 2);
}

TEST(Remote, StopsFollowingWhenItIsToldThatTheFeedIsGone) {
  Served served;
  std::atomic<bool> told = false;
  auto following = std::async(std::launch::async, [&] {
    served.remote().follow("",
                           {.on_notice = [&](const Notice&) { told = true; },
                            .on_lost = [](const std::string& why) { return why.empty(); }},
                           {});
  });
  wait_for([&] {
    tell(served.gateway(), "s");
    return told.load();
  });
  served.service().stop();
  following.get();
}

}  // namespace
}  // namespace holdfast::control
