#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "holdfast/process/child.hpp"
#include "holdfast/process/descriptor.hpp"

/// What the tests with real children have in common.
namespace holdfast::process {

/// Longer than any test runs: who sleeps it was not ended.
inline const std::string for_ever = "1000";

inline const ProgressSink nobody_watches;

inline Command shell(const std::string& script, const std::vector<std::string>& arguments = {}) {
  Command command{.argv = {"/bin/sh", "-c", script, "sh"}};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  return command;
}

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

/// Another process, followed until it ends; no child of ours needs it to be.
class Other {
 public:
  explicit Other(pid_t pid) : fd_(open_pidfd(pid)), gone_(!fd_ && errno == ESRCH) {}
  bool ends_within(milliseconds time) const {
    pollfd watched{fd_.get(), POLLIN, 0};
    return gone_ || ::poll(&watched, 1, static_cast<int>(time.count())) == 1;
  }
  bool alive() const { return !ends_within(milliseconds(0)); }

 private:
  Descriptor fd_;
  bool gone_;
};

class ChildTest : public testing::Test {
 protected:
  ChildTest() {
    std::string name = testing::TempDir() + "holdfast-child-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~ChildTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Exit ended(const Command& command, const RunOptions& options = {}) {
    auto exit = run(spawner_, command, {}, nobody_watches, options);
    EXPECT_TRUE(exit.has_value()) << exit.error().message;
    return exit ? *std::move(exit) : Exit{};
  }
  Failure failed(const Command& command, const RunOptions& options = {}) {
    auto exit = run(spawner_, command, {}, nobody_watches, options);
    EXPECT_TRUE(exit.has_error()) << exit->describe();
    return exit ? Failure{} : exit.error();
  }

  /// Runs, collects stdout through the progress of `lines`, and stops as soon as a line came.
  Exit stopped_after_first_line(Command command, const RunOptions& options, std::function<void()> meanwhile = {}) {
    command.progress = parse_progress_kind("lines").value();
    std::stop_source stop;
    const auto sink = [&](const ChildProgress& progress) {
      if (progress.lines.value_or(0) == 0 || stop.stop_requested()) return;
      if (meanwhile) meanwhile();
      stop.request_stop();
    };
    auto exit = run(spawner_, command, stop.get_token(), sink, options);
    EXPECT_TRUE(exit.has_value()) << exit.error().message;
    return exit ? *std::move(exit) : Exit{};
  }

  std::filesystem::path folder_;
  Spawner spawner_;
};

}  // namespace holdfast::process
