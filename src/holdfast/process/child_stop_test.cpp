#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "holdfast/process/child_fixture.hpp"

namespace holdfast::process {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

using ChildStopTest = ChildTest;

TEST_F(ChildStopTest, AStopEndsAChildThatObeys) {
  const auto begun = steady_clock::now();
  const Exit exit = stopped_after_first_line(
      shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"), {.kill_grace = 60s});
  EXPECT_LT(steady_clock::now() - begun, 30s) << "the grace is no delay";
  EXPECT_TRUE(exit.cancelled);
  EXPECT_FALSE(exit.succeeded) << "whatever its status";
  EXPECT_EQ(exit.status, 0);
  EXPECT_EQ(exit.stdout_bytes, "ready\nbye\n") << "what it produced is kept";
  EXPECT_EQ(exit.describe(), "sh was cancelled");
}

TEST_F(ChildStopTest, AStopKillsAChildThatIgnoresSigterm) {
  const Exit exit =
      stopped_after_first_line(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"), {.kill_grace = 50ms});
  EXPECT_TRUE(exit.cancelled);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST_F(ChildStopTest, AStopEndsAChildThatIsStopped) {
  pid_t group = 0;
  const Exit exit = stopped_after_first_line(shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"),
                                             {.kill_grace = 60s, .on_started = [&](pid_t started) { group = started; }},
                                             [&] { ::kill(-group, SIGSTOP); });
  EXPECT_TRUE(exit.cancelled);
  EXPECT_EQ(exit.status, 7);
}

TEST_F(ChildStopTest, AStopComesThroughFromAnotherThreadToASilentChild) {
  std::stop_source stop;
  std::jthread stopper;
  RunOptions options;
  options.on_started = [&](pid_t) { stopper = std::jthread([&stop] { stop.request_stop(); }); };
  const auto exit = run(spawner_, {.argv = {"sleep", for_ever}}, stop.get_token(), nobody_watches, options);
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->cancelled);
  EXPECT_EQ(exit->signal, SIGTERM);
}

TEST_F(ChildStopTest, AStopBeforeTheStartStartsNothing) {
  std::stop_source stop;
  stop.request_stop();
  Command command = shell("touch started");
  command.cwd = folder_;
  const auto exit = run(spawner_, command, stop.get_token(), nobody_watches);
  ASSERT_TRUE(exit.has_error());
  EXPECT_EQ(exit.error().code, Errc::cancelled);
  EXPECT_EQ(exit.error().message, "sh was cancelled before it was started");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "started"));
}

TEST_F(ChildStopTest, AStopEndsGrandchildrenThatHideFromSigterm) {
  // The grandchild ignores SIGTERM and holds no pipe; the child ends at once.
  const Exit exit = stopped_after_first_line(
      shell("trap '' TERM; sleep $1 >/dev/null 2>&1 & trap - TERM; echo $!; wait", {for_ever}), {.kill_grace = 60s});
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_TRUE(Other(std::stoi(exit.stdout_bytes)).ends_within(30s));
}

TEST_F(ChildStopTest, AStopGivesGrandchildrenThatHoldThePipesTheSameGraceAndThenEndsThem) {
  const std::string finishing = "(trap 'echo finished; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait";
  EXPECT_EQ(stopped_after_first_line(shell(finishing), {.kill_grace = 60s}).stdout_bytes, "ready\nfinished\n");
  const Exit exit = stopped_after_first_line(shell("trap '' TERM; sleep $1 & trap - TERM; echo $!; wait", {for_ever}),
                                             {.kill_grace = 50ms});
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_FALSE(exit.output_left_open);
  EXPECT_TRUE(Other(std::stoi(exit.stdout_bytes)).ends_within(30s));
}

TEST_F(ChildStopTest, AGrandchildThatHoldsThePipesDoesNotHangTheCallerAndIsLeftAlone) {
  const Exit exit = ended(shell("sleep $1 & echo $!", {for_ever}), {.pipe_grace = 50ms});
  EXPECT_TRUE(exit.succeeded);
  EXPECT_TRUE(exit.output_left_open);
  const pid_t grandchild = std::stoi(exit.stdout_bytes);
  const Other other(grandchild);
  EXPECT_TRUE(other.alive());
  ::kill(grandchild, SIGKILL);
  EXPECT_TRUE(other.ends_within(30s));
}

TEST_F(ChildStopTest, AGrandchildThatFloodsThePipesDoesNotHangTheCaller) {
  Command command = shell("yes & echo $! >&2");
  command.stdout_file = "/dev/null";
  const Exit exit = ended(command, {.pipe_grace = 50ms});
  EXPECT_TRUE(exit.output_left_open);
  EXPECT_TRUE(Other(std::stoi(exit.stderr_end)).ends_within(30s)) << "by SIGPIPE: nobody reads any more";
}

TEST_F(ChildStopTest, AStopWhileAGrandchildHoldsThePipesEndsItsGroup) {
  std::stop_source stop;
  Command command = shell("(echo ready; sleep $1) & sleep 0", {for_ever});
  const auto exit = run(spawner_, command, stop.get_token(), [&](const ChildProgress&) { stop.request_stop(); },
                        {.kill_grace = 60s, .pipe_grace = 60s});
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->cancelled);
  EXPECT_FALSE(exit->output_left_open);
}

TEST_F(ChildStopTest, AChildThatClosedItsPipesIsWaitedForWithoutSpinning) {
  const auto cpu = [] {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
  };
  const auto begun = steady_clock::now();
  const auto used_before = cpu();
  const Exit exit = ended(shell("exec >&- 2>&-; sleep 0.5; exit 4"));
  EXPECT_EQ(exit.status, 4);
  EXPECT_GE(steady_clock::now() - begun, 500ms);
  EXPECT_LT(cpu() - used_before, 100ms);
}

TEST_F(ChildStopTest, WaitingForTheDeadlinesOfAStopDoesNotSpin) {
  // The child obeys, its own child does not and holds the pipes: every kind of deadline is in the past but one.
  Command command = shell("trap '' TERM; (while :; do sleep 0.1; done) & trap - TERM; echo ready; wait");
  command.watched_output = folder_ / "out";
  std::stop_source stop;
  timespec before{}, after{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  const auto exit = run(spawner_, command, stop.get_token(), [&](const ChildProgress&) { stop.request_stop(); },
                        {.kill_grace = 600ms, .pipe_grace = 1ms, .watch_interval = 1ms});
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGTERM);
  EXPECT_LT((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000, 100);
}

}  // namespace
}  // namespace holdfast::process
