#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "holdfast/base/name.hpp"
#include "holdfast/process/child_fixture.hpp"
#include "holdfast/process/launch.hpp"

namespace holdfast::process {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(ChildTest, TellsHowAChildEnded) {
  const Exit good = ended(shell("echo hello; echo note >&2"));
  EXPECT_TRUE(good.succeeded);
  EXPECT_EQ(good.status, 0);
  EXPECT_EQ(good.stdout_bytes, "hello\n");
  EXPECT_EQ(good.stdout_count, 6);
  EXPECT_EQ(good.stderr_end, "note");
  EXPECT_EQ(good.describe(), "sh finished");
  EXPECT_FALSE(good.output_left_open);

  const Exit bad = ended(shell("echo first >&2; echo \"No such filter: 'x'\" >&2; exit 3"));
  EXPECT_FALSE(bad.succeeded);
  EXPECT_EQ(bad.status, 3);
  EXPECT_EQ(bad.describe(), "sh exited with status 3: first | No such filter: 'x'");
  EXPECT_EQ(ended(shell("exit 3")).describe(), "sh exited with status 3");

  const Exit killed = ended(shell("kill -9 $$"));
  EXPECT_FALSE(killed.succeeded);
  EXPECT_EQ(killed.signal, SIGKILL);
  EXPECT_EQ(killed.status, 0);
  EXPECT_EQ(killed.describe(), "sh was killed by signal 9 (SIGKILL)");
}

TEST_F(ChildTest, CountsOtherStatusesAsSuccessOnlyWhereTheCommandSaysSo) {
  Command command = shell("exit 3");
  command.success_exit_codes = {0, 3};
  const Exit exit = ended(command);
  EXPECT_TRUE(exit.succeeded);
  EXPECT_EQ(exit.describe(), "sh exited with status 3");
  command.success_exit_codes = {3};
  command.argv[2] = "exit 0";
  EXPECT_FALSE(ended(command).succeeded);
  command.success_exit_codes = {};
  EXPECT_TRUE(ended(command).succeeded) << "empty means 0";
  command.argv[2] = "kill -9 $$";
  EXPECT_FALSE(ended(command).succeeded) << "a signal is no status 0";
}

TEST_F(ChildTest, SaysWhyAProgramCannotBeStartedAndGivesNoExitStatus) {
  const Failure missing = failed({.argv = {"no-such-program-here", "x"}});
  EXPECT_EQ(missing.code, Errc::provider_unreachable);
  EXPECT_EQ(missing.message, "cannot start 'no-such-program-here': No such file or directory");
  EXPECT_EQ(failed({.argv = {folder_ / "none"}}).message,
            "cannot start '" + (folder_ / "none").string() + "': No such file or directory");
  EXPECT_THAT(failed({.argv = {"/"}}).message, EndsWith("Permission denied"));

  const auto script = [&](const std::string& text, mode_t mode) {
    std::ofstream(folder_ / "script") << text;
    ::chmod((folder_ / "script").c_str(), mode);
    return failed({.argv = {"./script"}, .cwd = folder_}).message;
  };
  EXPECT_EQ(script("#!/bin/sh\n", 0644), "cannot start './script': Permission denied");
  EXPECT_THAT(script("echo\n", 0755), HasSubstr("Exec format error; a script needs a first line such as #!/bin/sh"));
  EXPECT_THAT(script("#!/no/such/shell\n", 0755), HasSubstr("the file is there, what its first line names is not"));
  EXPECT_THAT(failed({.argv = {"/bin/echo", std::string(1'000'000, 'x')}}).message,
              HasSubstr("Argument list too long; pass a long prompt on stdin or by ${input_file}"));
}

TEST_F(ChildTest, SaysWhichWorkingFolderIsMissing) {
  Command command = shell("pwd");
  command.cwd = folder_ / "missing";
  const Failure failure = failed(command);
  EXPECT_EQ(failure.code, Errc::provider_unreachable);
  EXPECT_EQ(failure.message,
            "cannot start '/bin/sh': its working folder '" + command.cwd.string() + "': No such file or directory");
  command.cwd = folder_;
  EXPECT_EQ(ended(command).stdout_bytes, std::filesystem::canonical(folder_).string() + "\n");
}

TEST_F(ChildTest, RefusesWhatCannotBeACommand) {
  const auto refused = [&](const Command& command) {
    const Failure failure = failed(command);
    EXPECT_EQ(failure.code, Errc::invalid_argument);
    return failure.message;
  };
  EXPECT_THAT(refused({}), HasSubstr("argument list is empty"));
  EXPECT_THAT(refused({.argv = {""}}), HasSubstr("begins with an empty text"));
  EXPECT_THAT(refused({.argv = {"cat", std::string("a\0b", 3)}}),
              HasSubstr("argument 1 of the command 'cat' holds a NUL"));
  EXPECT_THAT(refused({.argv = {"cat"}, .env = {{"A=B", "x"}}}), HasSubstr("'A=B', which is no name"));
  EXPECT_THAT(refused({.argv = {"cat"}, .env = {{"A", std::string(1, '\0')}}}), HasSubstr("'A' of the command 'cat'"));
  EXPECT_THAT(refused({.argv = {"cat"}, .cwd = std::string(1, '\0')}), HasSubstr("cwd of the command 'cat'"));
  Command unwritable = shell("exit 0");
  unwritable.stdout_file = folder_ / "missing" / "out";
  EXPECT_EQ(refused(unwritable), "cannot write '" + unwritable.stdout_file->string() + "': No such file or directory");
}

TEST_F(ChildTest, LaysTheCommandsEnvironmentOverTheParents) {
  ASSERT_EQ(::setenv("HOLDFAST_TEST_KEPT", "kept", 1), 0);
  ASSERT_EQ(::setenv("HOLDFAST_TEST_CHANGED", "old", 1), 0);
  Command command = shell("echo $HOLDFAST_TEST_KEPT $HOLDFAST_TEST_CHANGED \"$ADDED\"; env | grep -c TEST_CHANGED");
  command.env = {{"HOLDFAST_TEST_CHANGED", "new"}, {"ADDED", "a = b"}};
  EXPECT_EQ(ended(command).stdout_bytes, "kept new a = b\n1\n");
  ::unsetenv("HOLDFAST_TEST_KEPT");
  ::unsetenv("HOLDFAST_TEST_CHANGED");
}

TEST_F(ChildTest, LooksForAProgramInAbsoluteFoldersOfThePathOnly) {
  std::ofstream(folder_ / "tool") << "#!/bin/sh\necho mine\n";
  int error = 0;
  EXPECT_EQ(find_program("tool", {"PATH=/nowhere:" + folder_.string()}, error), std::nullopt);
  EXPECT_EQ(error, EACCES) << "there, but not executable";
  ::chmod((folder_ / "tool").c_str(), 0755);
  EXPECT_EQ(find_program("tool", {"PATH=/nowhere::" + folder_.string() + ":/bin"}, error), folder_ / "tool");
  EXPECT_EQ(find_program("a/tool", {}, error), "a/tool");
  EXPECT_NE(find_program("sh", {}, error), std::nullopt) << "without PATH, the usual folders";
  EXPECT_EQ(find_program(folder_.filename(), {"PATH=" + folder_.parent_path().string()}, error), std::nullopt);
  EXPECT_EQ(ended({.argv = {"tool"}, .env = {{"PATH", folder_.string()}}}).stdout_bytes, "mine\n");
  Command beside{.argv = {"tool"}, .env = {{"PATH", ".::relative"}}, .cwd = folder_};
  EXPECT_THAT(failed(beside).message, EndsWith("No such file or directory"));
}

TEST_F(ChildTest, FeedsAndReadsTenMebibytesWithoutDeadlock) {
  Command command{.argv = {"cat"}};
  while (command.stdin_bytes.size() < 10 * 1024 * 1024)
    command.stdin_bytes += "0123456789 some text to be fed\n";
  const Exit exit = ended(command);
  EXPECT_TRUE(exit.succeeded);
  EXPECT_TRUE(exit.stdout_bytes == command.stdin_bytes);
  EXPECT_EQ(exit.stdout_count, static_cast<std::int64_t>(command.stdin_bytes.size()));
}

TEST_F(ChildTest, AChildThatDoesNotReadItsInputIsNoFailureAndNoSignal) {
  Command command{.argv = {"true"}, .stdin_bytes = std::string(10 * 1024 * 1024, 'x')};
  EXPECT_TRUE(ended(command).succeeded);
  command.argv = {"/bin/sh", "-c", "exec <&-; echo closed; sleep 0.2; echo later"};
  EXPECT_EQ(ended(command).stdout_bytes, "closed\nlater\n");
  command.argv = {"head", "-c", "5"};
  EXPECT_EQ(ended(command).stdout_bytes, "xxxxx");
}

TEST_F(ChildTest, InputCanBeOpenedByNameAndIsEmptyWhereThereIsNone) {
  EXPECT_EQ(ended({.argv = {"cat", "/dev/stdin"}, .stdin_bytes = "text"}).stdout_bytes, "text");
  EXPECT_EQ(ended({.argv = {"cat"}}).stdout_bytes, "");
}

TEST_F(ChildTest, ASigpipeThatWaitedBeforeIsLeftForItsOwner) {
  sigset_t pipe_signal, before, pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  Pipe pipe = open_pipe().value();
  pipe.reads.close();
  EXPECT_EQ(write_quietly(pipe.writes.get(), "x"), -1);
  EXPECT_EQ(errno, EPIPE);
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0) << "ours is taken off";
  ::raise(SIGPIPE);
  write_quietly(pipe.writes.get(), "x");
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 1) << "another's stays";
  const timespec at_once{};
  ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(ChildTest, WritesStdoutToAFile) {
  Command command{.argv = {"cat"}, .stdin_bytes = std::string(3'000'000, 'y')};
  command.stdout_file = folder_ / "out";
  std::ofstream(*command.stdout_file) << "from an earlier attempt";
  std::int64_t seen = 0;
  const auto exit = run(spawner_, command, {}, [&](const ChildProgress& p) { seen = p.bytes.value_or(-1); });
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(contents(*command.stdout_file) == command.stdin_bytes);
  EXPECT_EQ(exit->stdout_bytes, "");
  EXPECT_EQ(exit->stdout_count, 3'000'000);
  EXPECT_EQ(seen, 3'000'000);
}

TEST_F(ChildTest, AFullDiskEndsTheChildAndIsSaid) {
  Command command{.argv = {"yes"}};
  command.stdout_file = "/dev/full";
  const Failure failure = failed(command);
  EXPECT_EQ(failure.code, Errc::provider_failed);
  EXPECT_EQ(failure.message, "cannot write '/dev/full': No space left on device");
}

TEST_F(ChildTest, StdoutInMemoryHasALimitThatNamesTheWayOut) {
  RunOptions options;
  options.stdout_bytes_max = 100'000;
  const Failure failure = failed({.argv = {"yes"}}, options);
  EXPECT_EQ(failure.code, Errc::too_large);
  EXPECT_THAT(failure.message, StartsWith("yes wrote more than 100000 bytes to stdout"));
  EXPECT_THAT(failure.message, HasSubstr("${output}"));
  EXPECT_TRUE(ended(shell("yes | head -c 100000"), options).succeeded) << "exactly the limit";
}

TEST_F(ChildTest, AFloodOnStderrNeitherGrowsMemoryNorHidesTheEnd) {
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  const Exit exit = ended(shell("yes 'a line of noise' | head -c 100000000 >&2; echo 'the reason' >&2; exit 1"));
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 16 * 1024) << "KiB";
  EXPECT_LE(exit.stderr_end.size(), stderr_bytes_max);
  EXPECT_GT(exit.stderr_end.size(), stderr_bytes_max / 2);
  EXPECT_THAT(exit.stderr_end, EndsWith("the reason"));
  EXPECT_THAT(exit.describe(), EndsWith(" | the reason"));
  EXPECT_LT(exit.describe().size(), 600u);
}

TEST_F(ChildTest, TheEndOfStderrIsHarmlessToPrint) {
  const Exit exit = ended(shell(R"(printf 'frame=1\rframe=2\r\n\033[31mbad\033[0m \377\007 end\n' >&2; exit 1)"));
  EXPECT_EQ(exit.stderr_end, "frame=2\nbad \xef\xbf\xbd\xef\xbf\xbd end");
  EXPECT_TRUE(is_utf8(exit.describe()));
}

TEST_F(ChildTest, ReportsProgressOnTheCallersThread) {
  Command command = shell("echo ' 10%'; echo '55%' >&2; echo nothing");
  command.progress = parse_progress_kind("percent-regex:([0-9]+)%").value();
  std::optional<double> highest;
  const auto caller = std::this_thread::get_id();
  const auto exit = run(spawner_, command, {}, [&](const ChildProgress& progress) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    if (progress.percent) highest = std::max(highest.value_or(0), *progress.percent);
  });
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(highest, 55.0);
}

TEST_F(ChildTest, AGrowingFileIsProgress) {
  // The child goes on only when its growth was seen: no time decides what the test sees.
  Command command = shell("printf 1234 >> out; read answer < go; printf 5678 >> out");
  command.cwd = folder_;
  command.watched_output = "out";
  ASSERT_EQ(::mkfifo((folder_ / "go").c_str(), 0600), 0);
  std::ofstream(folder_ / "out") << "what an earlier attempt left behind";
  std::vector<std::int64_t> seen;
  RunOptions options;
  options.watch_interval = 5ms;
  const auto exit = run(
      spawner_, command, {},
      [&](const ChildProgress& progress) {
        EXPECT_FALSE(progress.alive_only);
        if (seen.empty()) std::ofstream(folder_ / "go") << "on\n";
        seen.push_back(progress.bytes.value_or(-1));
      },
      options);
  ASSERT_TRUE(exit.has_value());
  ASSERT_TRUE(exit->succeeded);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), 8);
}

TEST_F(ChildTest, TheLastGrowthOfAWatchedFileIsSeenHoweverShortTheChildLived) {
  Command command = shell("printf 12345678 > out");
  command.cwd = folder_;
  command.watched_output = folder_ / "out";
  std::int64_t seen = 0;
  ASSERT_TRUE(run(spawner_, command, {}, [&](const ChildProgress& p) { seen = p.bytes.value_or(-1); }).has_value());
  EXPECT_EQ(seen, 8);
}

TEST_F(ChildTest, TellsTheProcessGroupOnceItRuns) {
  std::vector<pid_t> groups;
  const Exit exit = ended(shell("echo $$; ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat"),
                          {.on_started = [&](pid_t group) { groups.push_back(group); }});
  ASSERT_EQ(groups.size(), 1u);
  std::istringstream said(exit.stdout_bytes);
  pid_t pid = 0, group = 0;
  said >> pid >> group;
  EXPECT_EQ(groups.front(), pid);
  EXPECT_EQ(groups.front(), group);
  failed({.argv = {"no-such-program-here"}}, {.on_started = [&](pid_t started) { groups.push_back(started); }});
  EXPECT_EQ(groups.size(), 1u);
}

TEST_F(ChildTest, AnExceptionOfTheCallerKillsTheChildAndComesThrough) {
  pid_t group = 0;
  const RunOptions options{.on_started = [&](pid_t started) { group = started; }};
  const ProgressSink throws = [](const ChildProgress&) { throw std::runtime_error("the sink is full"); };
  EXPECT_THROW((void)run(spawner_, shell("echo; sleep $1", {for_ever}), {}, throws, options), std::runtime_error);
  EXPECT_EQ(::kill(group, 0), -1);
  EXPECT_EQ(errno, ESRCH) << "killed and reaped";
  const RunOptions refuses{.on_started = [](pid_t) { throw std::logic_error("not now"); }};
  EXPECT_THROW((void)run(spawner_, {.argv = {"sleep", for_ever}}, {}, nobody_watches, refuses), std::logic_error);
}

TEST_F(ChildTest, NothingOfTheParentIsLeftOpenInTheChildAndSignalsAreAsUsual) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // close-on-exec forgotten, as libraries do
  const auto ignored = ::signal(SIGUSR1, SIG_IGN);
  EXPECT_EQ(ended(shell("ls /proc/$$/fd; true")).stdout_bytes, "0\n1\n2\n");
  EXPECT_EQ(ended({.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}}).stdout_bytes,
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  ::signal(SIGUSR1, ignored);
  ::close(leaky);
}

TEST_F(ChildTest, WorksInAParentThatClosedItsStandardDescriptors) {
  // Pipes then get the numbers 0, 1 and 2, the very ones that the child's ends are put on.
  std::vector<Descriptor> kept;
  for (int fd = 0; fd <= 2; ++fd) {
    kept.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
    ::close(fd);
  }
  const auto exit =
      run(spawner_, {.argv = {"/bin/sh", "-c", "cat; echo err >&2"}, .stdin_bytes = "in"}, {}, nobody_watches);
  for (int fd = 0; fd <= 2; ++fd)
    ::dup2(kept[static_cast<std::size_t>(fd)].get(), fd);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->stdout_bytes, "in");
  EXPECT_EQ(exit->stderr_end, "err");
}

TEST_F(ChildTest, LeavesNoDescriptorAndNoZombieBehind) {
  ended({.argv = {"true"}});
  const std::size_t before = open_descriptors();
  for (int times = 0; times < 10; ++times) {
    ended({.argv = {"cat"}, .stdin_bytes = "x"});
    failed({.argv = {"/no/such/program"}, .stdin_bytes = "x"});
    failed({.argv = {"true"}, .cwd = "/no/such/folder"});
    failed({.argv = {"yes"}}, {.stdout_bytes_max = 10});
    stopped_after_first_line(shell("echo ready; sleep $1", {for_ever}), {});
    ended(shell("sleep $1 & echo $!", {"0.05"}), {.pipe_grace = 0ms});
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ChildTest, ReadsAllThatALargePipeHeldWhenItsWriterEnded) {
  constexpr const char* helper_key = "HOLDFAST_TEST_LARGE_PIPE";
  if (::getenv(helper_key)) {  // the child: this program once more, run below
    ASSERT_GT(::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, pipe_bytes_max), 500'000);
    const std::string much(500'000, '#');
    ::_exit(::write(STDOUT_FILENO, much.data(), much.size()) == static_cast<ssize_t>(much.size()) ? 0 : 1);
  }
  const Command child{.argv = {std::filesystem::read_symlink("/proc/self/exe").string(),
                               "--gtest_filter=ChildTest.ReadsAllThatALargePipeHeldWhenItsWriterEnded"},
                      .env = {{helper_key, "1"}}};
  pid_t pid = 0;
  const auto looks_late = [&](const ChildProgress&) { EXPECT_TRUE(Other(pid).ends_within(30s)); };
  const auto exit =
      run(spawner_, child, {}, looks_late, {.pipe_grace = 0ms, .on_started = [&](pid_t started) { pid = started; }});
  ASSERT_TRUE(exit.has_value());
  EXPECT_TRUE(exit->succeeded) << exit->describe();
  EXPECT_EQ(std::ranges::count(exit->stdout_bytes, '#'), 500'000);
}

TEST_F(ChildTest, RunningOutOfDescriptorsIsSaidAndLeavesNothingBehind) {
  // The spawner's thread runs before descriptors are scarce: UBSan's first look at a type needs some of its own.
  ASSERT_TRUE(run(spawner_, {.argv = {"/bin/true"}}, {}, nobody_watches).has_value());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const std::size_t open_before = open_descriptors();
  int refused = 0, ran = 0;
  Spawner& spawner = spawner_;  // named here: UBSan's look at a member needs descriptors of its own
  const int next = Descriptor(::open("/dev/null", O_RDONLY)).get();
  for (int spare = 0; spare < 14; ++spare) {
    const rlimit scarce{static_cast<rlim_t>(next + spare), before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &scarce);
    const auto exit = run(spawner, {.argv = {"/bin/true"}, .stdin_bytes = "x"}, {}, nobody_watches);
    ::setrlimit(RLIMIT_NOFILE, &before);
    if (exit) {
      ++ran;
      EXPECT_TRUE(exit->succeeded);
    } else {
      ++refused;
      EXPECT_EQ(exit.error().code, Errc::provider_unreachable);
      EXPECT_THAT(exit.error().message, StartsWith("cannot start '/bin/true': "));
      EXPECT_THAT(exit.error().message, EndsWith("Too many open files"));
    }
  }
  EXPECT_GT(refused, 5);
  EXPECT_GT(ran, 0);
  EXPECT_EQ(open_descriptors(), open_before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no zombie";
}

TEST_F(ChildTest, AnEndingThatSomebodyElseTookIsSaidToBeUnknown) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);
  const Failure failure = failed(shell("exit 3"));
  ::signal(SIGCHLD, before);
  EXPECT_EQ(failure.code, Errc::outcome_unknown);
  EXPECT_THAT(failure.message, StartsWith("sh ran, but how it ended is unknown"));
}

TEST_F(ChildTest, RunsChildrenInSeveralThreadsAtOnce) {
  std::atomic<int> whole = 0;
  {
    std::vector<std::jthread> threads;
    for (int index = 0; index < 4; ++index) {
      threads.emplace_back([&, index] {
        for (int times = 0; times < 10; ++times) {
          Command command{.argv = {"cat"}, .stdin_bytes = std::string(200'000, static_cast<char>('a' + index))};
          const auto exit = run(spawner_, command, {}, nobody_watches);
          if (exit && exit->succeeded && exit->stdout_bytes == command.stdin_bytes) ++whole;
        }
      });
    }
  }
  EXPECT_EQ(whole, 40);
}

TEST_F(ChildTest, AChildDiesWithAParentThatIsKilled) {
  constexpr const char* helper_key = "HOLDFAST_TEST_PARENT_TO_BE_KILLED";
  if (::getenv(helper_key)) {  // the parent: this program once more, run below
    const RunOptions tells{.on_started = [](pid_t group) { std::cout << "child " << group << std::endl; }};
    (void)run(spawner_, {.argv = {"sleep", for_ever}}, {}, nobody_watches, tells);
    FAIL() << "killed before";
  }
  Command parent{.argv = {std::filesystem::read_symlink("/proc/self/exe").string(),
                          "--gtest_filter=ChildTest.AChildDiesWithAParentThatIsKilled"},
                 .env = {{helper_key, "1"}}};
  parent.stdout_file = folder_ / "said";
  std::optional<Other> grandchild;
  pid_t group = 0;
  const auto sink = [&](const ChildProgress&) {
    const std::string said = contents(folder_ / "said");
    const auto at = said.find("child ");
    if (grandchild || at == std::string::npos || said.find('\n', at) == std::string::npos) return;
    grandchild.emplace(std::stoi(said.substr(at + 6)));
    EXPECT_TRUE(grandchild->alive());
    ::kill(group, SIGKILL);  // the parent alone; its child leads a group of its own
  };
  const auto exit = run(spawner_, parent, {}, sink, {.on_started = [&](pid_t started) { group = started; }});
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGKILL);
  ASSERT_TRUE(grandchild.has_value());
  EXPECT_TRUE(grandchild->ends_within(30s));
}

}  // namespace
}  // namespace holdfast::process
