#include "holdfast/cli/serve/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

#include "holdfast/net/fetch.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;
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

TEST(Daemon, ASecondOneIsRefusedThePort) {
  Gateway gateway;
  const Daemon first(gateway, options());
  DaemonOptions same = options();
  same.endpoint = first.endpoint();
  EXPECT_THROW(Daemon(gateway, same), Error);
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
