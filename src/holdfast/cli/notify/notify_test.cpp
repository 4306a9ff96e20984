#include "holdfast/cli/notify/notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "holdfast/gateway/gateway_driver.hpp"
#include "holdfast/net/server.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// False where the condition has not come within 20 s, which only a fault takes.
bool comes(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition() && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  return condition();
}

/// Questions of a real gateway, told to shell commands.
class NotifyTest : public testing::Test {
 protected:
  NotifyTest()
      : folder_(fs::path(testing::TempDir()) /
                ("notify-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~NotifyTest() override {
    notifier_.reset();
    fs::remove_all(folder_);
  }

  void notify_by(const std::string& script) {
    notifier_.emplace(gateway_, spawner_, std::vector<std::string>{"sh", "-c", script, "sh", folder_.string()},
                      std::nullopt, [this](const std::string& why) {
                        const std::lock_guard lock(mutex_);
                        complaints_.push_back(why);
                      });
  }
  /// A call that fails, and the question about it: the id of its operation.
  std::string question() {
    std::string id;
    thrown([&] {
      gateway_.execute_with_patience(request(), no_heartbeat(), [&](OperationContext& operation) {
        id = operation.operation_id();
        throw ProviderError({.error_class = ErrorClass::http, .status = 500, .message = "it broke"});
      });
    });
    EXPECT_TRUE(gateway_.ask_about_failure(id));
    return id;
  }
  std::vector<std::string> told() const {
    std::ifstream file(folder_ / "told");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line) && !file.eof();)
      lines.push_back(line);
    return lines;
  }
  std::vector<std::string> complaints() const {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }

  const fs::path folder_;
  Gateway gateway_;
  process::Spawner spawner_;
  mutable std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::optional<Notifier> notifier_;
};

TEST_F(NotifyTest, each_question_is_one_line_of_json_for_the_command) {
  notify_by("cat >> \"$1/told\"");
  const std::string id = question();
  ASSERT_TRUE(comes([&] { return told().size() == 1; }));
  const boost::json::value line = boost::json::parse(told()[0]);
  EXPECT_EQ(line.at("event"), "question.opened");
  EXPECT_EQ(line.at("operationId").get_string(), id);
  question();
  EXPECT_TRUE(comes([&] { return told().size() == 2; }));
  EXPECT_THAT(complaints(), testing::IsEmpty());
}

TEST_F(NotifyTest, a_command_that_fails_is_complained_of_and_stops_nothing) {
  notify_by("cat >> \"$1/told\"; exit 3");
  question();
  const std::string id = question();
  EXPECT_TRUE(comes([&] { return complaints().size() == 2; }));
  EXPECT_EQ(told().size(), 2u) << "the second question is told as the first was";
  EXPECT_THAT(complaints(), testing::Each(testing::AllOf(HasSubstr("notify.command"), HasSubstr("status 3"))));
  EXPECT_TRUE(gateway_.answer({.operation_id = id, .option = "try_again", .by = "ana"}).applied);
}

TEST_F(NotifyTest, a_command_that_is_not_there_is_complained_of) {
  notifier_.emplace(gateway_, spawner_, std::vector<std::string>{"holdfast-no-such-program"}, std::nullopt,
                    [this](const std::string& why) {
                      const std::lock_guard lock(mutex_);
                      complaints_.push_back(why);
                    });
  question();
  EXPECT_TRUE(comes([&] { return complaints().size() == 1; }));
  EXPECT_THAT(complaints(), testing::Each(HasSubstr("holdfast-no-such-program")));
}

TEST_F(NotifyTest, a_command_that_hangs_keeps_nobody_from_ending) {
  notify_by("touch \"$1/begun\"; sleep 5; touch \"$1/done\"");
  question();
  ASSERT_TRUE(comes([&] { return fs::exists(folder_ / "begun"); }));
  notifier_.reset();
  EXPECT_FALSE(fs::exists(folder_ / "done"));
}

/// What was posted to it; answers with the statuses that it is given, then 204.
class Receiver {
 public:
  explicit Receiver(std::vector<int> statuses = {}) : statuses_(std::move(statuses)) {
    auto listener = net::listen(io_.get_executor(), net::Endpoint{.host = "127.0.0.1"}).value();
    endpoint_ = listener->endpoint();
    server_.serve(std::move(listener));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Receiver() {
    io_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(endpoint_.port); }
  std::vector<std::pair<net::RequestHead, std::string>> posted() const {
    const std::lock_guard lock(mutex_);
    return posted_;
  }

 private:
  net::awaitable<void> take(net::Request& request, net::Response& response) {
    auto reading = request.read_body(1 << 20);
    net::Body body = co_await std::move(reading);
    int status = 204;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.size() < statuses_.size()) status = statuses_[posted_.size()];
      posted_.emplace_back(request.head(), std::move(body.bytes));
    }
    auto sending = response.send(status, {}, "");
    co_await std::move(sending);
  }

  const std::vector<int> statuses_;
  boost::asio::io_context io_;
  mutable std::mutex mutex_;
  std::vector<std::pair<net::RequestHead, std::string>> posted_;
  net::Server server_{io_.get_executor(),
                      [this](net::Request& request, net::Response& response) { return take(request, response); }};
  net::Endpoint endpoint_;
  std::thread thread_;
};

class WebhookTest : public NotifyTest {
 protected:
  void notify_at(const std::string& url, const std::string& secret = {}) {
    NotifyConfig notify;
    notify.webhook_url = url;
    if (!secret.empty()) notify.webhook_secret_env = "SECRET";
    const auto environment = [&](std::string_view) { return std::optional(secret); };
    notifier_.emplace(gateway_, spawner_, std::vector<std::string>(), Webhook::configured(notify, environment),
                      [this](const std::string& why) {
                        const std::lock_guard lock(mutex_);
                        complaints_.push_back(why);
                      });
  }
};

// The keys were read, and nobody was told.
TEST_F(WebhookTest, each_question_is_posted_as_json_and_signed) {
  const Receiver receiver;
  notify_at(receiver.url() + "/hook?team=a", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const std::string id = question();
  ASSERT_TRUE(comes([&] { return receiver.posted().size() == 1; }));
  const auto [head, body] = receiver.posted()[0];
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/hook?team=a");
  EXPECT_EQ(head.fields.find("webhook-id"), id + "-1");
  const boost::json::value line = boost::json::parse(body);
  EXPECT_EQ(line.at("event"), "question.opened");
  EXPECT_EQ(line.at("operationId").get_string(), id);
  const std::string timestamp(head.fields.find("webhook-timestamp").value());
  EXPECT_THAT(std::string(head.fields.find("webhook-signature").value()), testing::StartsWith("v1,"));
  EXPECT_THAT(complaints(), testing::IsEmpty());
}

TEST_F(WebhookTest, is_tried_again_with_the_same_id_where_the_other_side_is_busy) {
  const Receiver receiver({503});
  notify_at(receiver.url());
  question();
  ASSERT_TRUE(comes([&] { return receiver.posted().size() == 2; }));
  const auto posted = receiver.posted();
  EXPECT_EQ(posted[0].first.fields.find("webhook-id"), posted[1].first.fields.find("webhook-id"));
  EXPECT_EQ(posted[0].second, posted[1].second);
  EXPECT_FALSE(posted[0].first.fields.find("webhook-signature")) << "it has no secret";
}

TEST_F(WebhookTest, that_is_refused_is_complained_of_and_stops_nothing) {
  const Receiver receiver({410});
  notify_at(receiver.url());
  const std::string id = question();
  ASSERT_TRUE(comes([&] { return complaints().size() == 1; }));
  EXPECT_THAT(complaints()[0], testing::AllOf(HasSubstr("notify.webhook_url"), HasSubstr("410")));
  EXPECT_EQ(receiver.posted().size(), 1u);
  EXPECT_TRUE(gateway_.answer({.operation_id = id, .option = "try_again", .by = "ana"}).applied);
}

TEST_F(WebhookTest, whose_secret_is_missing_or_wrong_is_an_error_that_names_the_variable) {
  for (const auto& [secret, said] : {std::pair("", "is not set"), {"whsec_%%%%", "base 64"}}) {
    NotifyConfig notify;
    notify.webhook_url = "https://example.org/hook";
    notify.webhook_secret_env = "HOOK_SECRET";
    const auto environment = [&](std::string_view) { return std::optional<std::string>(secret); };
    try {
      Webhook::configured(notify, environment);
      FAIL() << secret;
    } catch (const Error& error) {
      EXPECT_EQ(error.errc(), Errc::config);
      EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("HOOK_SECRET"), HasSubstr(said)));
    }
  }
}

// The example of the specification: https://github.com/standard-webhooks/standard-webhooks (spec, «Signature scheme»).
TEST(Webhook, is_signed_as_the_specification_says) {
  const std::string secret =
      "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d\xa4\xb0";
  EXPECT_EQ(Webhook::signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

}  // namespace
}  // namespace holdfast::cli
