#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace holdfast::process {

/// A child, ready to be started: between fork and exec only system calls are left. The pointers are the asker's.
struct Launch {
  const char* program = nullptr;  ///< a path; looked up before
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  const char* folder = nullptr;  ///< nullptr: the parent's
  int in = -1, out = -1, err = -1;
  int report = -1;  ///< gets a `LaunchFailure` where the program cannot be started, else only the end of the file
};

/// What the child could not do, and the `errno`.
struct LaunchFailure {
  enum class Step : int { prepare, folder, program };
  Step step = Step::prepare;
  int error = 0;
};

/// Starts children so that they die with this process, even when it is killed.
///
/// The kernel sends a child its death signal when the *thread* that forked it ends. Whoever runs processes comes and
/// goes (worker threads, callers of the library), so one thread that stays does all the forking.
///
/// Threads: any, at once. Owns: its thread, joined by the destructor; children that still run then are killed by the
/// kernel, so a Spawner outlives every `run` that was given it.
/// Limits: the death signal reaches the child itself, not what it started in turn, and not a program that changes its
/// user (setuid); those are found by the process group, which `on_started` tells. Linux 5.9 or newer.
class Spawner {
 public:
  Spawner();
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  struct Started {
    pid_t pid = -1;  ///< -1: nothing was started, `error` is the `errno`
    int error = 0;
  };
  /// Forks and returns at once; whether the program could be started arrives at `launch.report`. The child leads a
  /// session and process group of its own, with default signal handling and only descriptors 0, 1 and 2: no terminal
  /// can stop it for reading from the background, and nothing of the parent's is kept open.
  Started start(const Launch& launch);

 private:
  struct Request {
    const Launch* launch = nullptr;
    Started started{};
    bool done = false;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable asked_, answered_;
  std::deque<Request*> waiting_;  ///< no longer than there are callers: each waits for its answer
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace holdfast::process
