#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/jobs/runner.hpp"
#include "holdfast/process/spawner.hpp"

/// For tests: job files run through a real gateway, in a folder that is new for each test.
namespace holdfast::jobs {

namespace fs = std::filesystem;

inline std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Runs job files through a real gateway; the providers are shell commands.
class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder = fs::canonical(testing::TempDir()) / ("runner-" + std::to_string(::getpid()) + "-" + test->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
    options.job_id = "job-1";
    options.out = folder / "out";
  }
  ~RunnerTest() override {
    news.reset();
    gateway.reset();
    fs::remove_all(folder);
  }

  void add_provider(std::string name, std::vector<std::string> command, std::uint32_t concurrent_max = 0) {
    ProviderConfig config{.name = std::move(name), .type = "video_render", .concurrent_max = concurrent_max};
    config.command.arguments = std::move(command);
    configured.push_back(std::move(config));
  }
  void add_shell(std::string name, std::string script, std::uint32_t concurrent_max = 0) {
    add_provider(std::move(name), {"sh", "-c", std::move(script), "sh", "${input}", "${output}"}, concurrent_max);
  }
  void start() {
    if (gateway) return;
    catalogue = std::make_unique<providers::Catalogue>(configured, TimeoutProfiles::defaults(), spawner);
    gateway = std::make_unique<Gateway>(GatewayOptions{.providers = catalogue->job_infos()});
  }
  Runner runner(const std::string& toml) {
    start();
    auto job = parse_job_file("[job]\nname = \"film\"\n" + toml, folder / "job.toml");
    EXPECT_TRUE(job) << (job ? "" : job.error().text());
    return Runner(*gateway, *catalogue, job.value(), options);
  }
  RunResult run(const std::string& toml) { return runner(toml).run(stop.get_token()); }

  /// What is wrong with running it; lines are those of `toml`, which begins with a line end where it is raw.
  std::vector<std::string> problems_of(const std::string& toml) {
    std::vector<std::string> texts;
    const Problems problems = runner(toml).problems();
    for (const Problem& each : problems.list())
      texts.push_back(each.text());
    return texts;
  }

  template <class T>
  void when(std::function<void(const T&)> act) {
    start();
    news = gateway->on_news([this, act = std::move(act)](const Notice& notice) {
      if (const auto* each = std::get_if<T>(notice.news.get())) act(*each);
      if (std::holds_alternative<JobClosed>(*notice.news)) closed = true;
    });
  }
  /// News comes behind what it tells of: waits for the last.
  void hear_the_end() {
    while (!closed)
      std::this_thread::yield();
    news.reset();
  }
  void when_asked_answer(std::string option, std::string provider = {}) {
    when<QuestionOpened>([this, option, provider](const QuestionOpened& opened) {
      EXPECT_EQ(opened.question.kind, QuestionKind::hard_error);
      const AnswerResult result = gateway->answer({.operation_id = opened.question.operation_id,
                                                   .option = option,
                                                   .provider = provider,
                                                   .confirmed = true,
                                                   .by = "ana"});
      EXPECT_TRUE(result.applied) << result.message;
    });
  }
  std::vector<std::string> lock_texts() {
    std::vector<std::string> texts;
    for (const ProviderLock& lock : gateway->provider_locks("job-1"))
      texts.push_back(lock.text());
    return texts;
  }
  std::vector<std::string> names(const std::vector<fs::path>& paths) {
    std::vector<std::string> found;
    for (const fs::path& each : paths)
      found.push_back(each.lexically_relative(options.out).string());
    return found;
  }

  fs::path folder;
  process::Spawner spawner;
  std::vector<ProviderConfig> configured;
  std::unique_ptr<providers::Catalogue> catalogue;
  std::unique_ptr<Gateway> gateway;
  Subscription news;
  std::atomic<bool> closed{false};
  RunOptions options;
  std::stop_source stop;
};

inline const std::string one_stage = R"(
[[stages]]
name = "make"
kind = "text"
provider = "Sh"
prompt = "hello"
output = "made.txt"
)";

inline const std::string three_items = R"(
[inputs]
list = '["a", "b", "c"]'
[[stages]]
name = "make"
kind = "text"
provider = "Sh"
for_each = "${inputs.list}"
prompt = "${item}"
output = "made-${index}.txt"
)";

}  // namespace holdfast::jobs
