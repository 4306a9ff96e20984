#include "holdfast/cli/notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "holdfast/gateway/gateway_driver.hpp"

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
                      [this](const std::string& why) {
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
  notifier_.emplace(gateway_, spawner_, std::vector<std::string>{"holdfast-no-such-program"},
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

}  // namespace
}  // namespace holdfast::cli
