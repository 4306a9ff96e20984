#include "holdfast/cli/serve/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <set>

#include "holdfast/net/fetch.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

DaemonOptions options() {
  auto proxy = std::make_shared<proxy::ProxyOptions>();
  return {.endpoint = {.host = "127.0.0.1", .port = 0}, .threads = 3, .proxy = std::move(proxy)};
}

result<net::Fetched> get(const Daemon& daemon, const std::string& target) {
  return net::fetch(daemon.endpoint(), {.target = target});
}

TEST(Daemon, ServesProxyAndControlBehindOnePort) {
  Gateway gateway;
  Daemon daemon(gateway, options());
  ASSERT_NE(daemon.endpoint().port, 0);
  const auto live = get(daemon, "/holdfast/v1/health/live");
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_EQ(live->head.status, 200);
  const auto models = get(daemon, "/v1/models");
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_EQ(models->head.status, 400);
  EXPECT_THAT(models->body, HasSubstr("no configured provider speaks openai"));
}

TEST(Daemon, ATokenThatIsTakenAwayOpensNeitherTheProxyNorTheControlApiAnyMore) {
  const auto access_with = [](const std::string& token) {
    return net::Access::make(
               {.tokens = {{.name = "ana", .sha256 = net::sha256_of_token(token), .scopes = {"proxy", "read"}}}})
        .value();
  };
  const auto access = std::make_shared<net::CurrentAccess>(access_with("hf_old"));
  DaemonOptions guarded = options();
  auto proxy = std::make_shared<proxy::ProxyOptions>();
  proxy->access = access;
  guarded.proxy = std::move(proxy);
  guarded.control.access = access;
  Gateway gateway;
  const Daemon daemon(gateway, guarded);
  // Several times: each connection may be another I/O thread's.
  const auto all = [&](const std::string& target, const std::string& token) {
    std::set<int> statuses;
    for (int i = 0; i < 12; ++i) {
      const auto got =
          net::fetch(daemon.endpoint(), {.target = target, .fields = {{"Authorization", "Bearer " + token}}});
      statuses.insert(got ? got->head.status : 0);
    }
    return statuses;
  };
  const std::string jobs = "/holdfast/v1/jobs", models = "/v1/models";
  EXPECT_THAT(all(jobs, "hf_old"), ElementsAre(200));
  EXPECT_THAT(all(models, "hf_old"), ElementsAre(400)) << "admitted: no provider is configured";
  access->renew(access_with("hf_new"));
  EXPECT_THAT(all(jobs, "hf_old"), ElementsAre(401));
  EXPECT_THAT(all(models, "hf_old"), ElementsAre(401));
  EXPECT_THAT(all(jobs, "hf_new"), ElementsAre(200));
  EXPECT_THAT(all(models, "hf_new"), ElementsAre(400));
}

TEST(Daemon, ASecondOneIsRefusedThePort) {
  Gateway gateway;
  const Daemon first(gateway, options());
  DaemonOptions same = options();
  same.endpoint = first.endpoint();
  EXPECT_THROW(Daemon(gateway, same), Error);
}

TEST(Daemon, AConnectionToAProviderThatWaitsForItsNextRequestKeepsNobodyFromStopping) {
  Gateway gateway;
  const Daemon provider(gateway, options());  // any server that keeps connections
  DaemonOptions with_provider = options();
  auto proxy = std::make_shared<proxy::ProxyOptions>();
  const std::string url = "http://127.0.0.1:" + std::to_string(provider.endpoint().port);
  proxy->providers.push_back({.name = "Other", .type = "local_llm", .base = net::parse_origin(url).value()});
  proxy->providers.back().connector = net::plain_connector(proxy->providers.back().base.origin);
  with_provider.proxy = std::move(proxy);
  Daemon daemon(gateway, with_provider);
  const auto passed = get(daemon, "/v1/models");
  ASSERT_TRUE(passed) << passed.error().message;
  EXPECT_EQ(passed->head.status, 400) << "the other one's own answer: nobody speaks openai there";
  EXPECT_TRUE(passed->head.fields.find("Holdfast-Operation"));
}

TEST(Daemon, StoppingTellsWhenAllIsOver) {
  Gateway gateway;
  Daemon daemon(gateway, options());
  std::binary_semaphore over{0};
  daemon.begin_stop(10s, [&] { over.release(); });
  over.acquire();
  EXPECT_TRUE(get(daemon, "/holdfast/v1/health/live").has_error());
}

}  // namespace
}  // namespace holdfast::cli
