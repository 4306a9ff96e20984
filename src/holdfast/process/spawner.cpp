#include "holdfast/process/spawner.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "holdfast/base/check.hpp"

namespace holdfast::process {
namespace {

constexpr int report_fd = STDERR_FILENO + 1;
/// What shells answer where a program cannot be started; nobody reads it, the report says more.
constexpr int not_started_status = 127;

[[noreturn]] void give_up(int report, LaunchFailure::Step step) {
  const LaunchFailure failure{step, errno};
  // Smaller than PIPE_BUF: arrives whole. Where nobody listens any more there is nothing left to do.
  [[maybe_unused]] const auto written = ::write(report, &failure, sizeof failure);
  ::_exit(not_started_status);
}

/// The child's side. Only async-signal-safe calls: another thread of the parent may hold any lock, for ever.
[[noreturn]] void become(const Launch& launch, pid_t parent) {
  using Step = LaunchFailure::Step;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(launch.report, Step::prepare);
  // The parent may have died before the signal was ordered: then nobody would send it.
  if (::getppid() != parent) ::_exit(not_started_status);
  ::setsid();
  if (::dup2(launch.in, STDIN_FILENO) < 0 || ::dup2(launch.out, STDOUT_FILENO) < 0 ||
      ::dup2(launch.err, STDERR_FILENO) < 0) {
    give_up(launch.report, Step::prepare);
  }
  if (launch.report != report_fd && ::dup3(launch.report, report_fd, O_CLOEXEC) < 0) {
    give_up(launch.report, Step::prepare);
  }
  // Sockets of libraries that forgot close-on-exec, and the pipes of other children that wait for their end of file.
  if (::close_range(report_fd + 1, ~0U, 0) != 0) give_up(report_fd, Step::prepare);
  if (launch.folder && ::chdir(launch.folder) != 0) give_up(report_fd, Step::folder);
  struct sigaction ordinary{};
  ordinary.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &ordinary, nullptr);  // refuses KILL and STOP
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(launch.program, launch.arguments, launch.environment);
  give_up(report_fd, Step::program);
}

/// Signals are for the threads that expect them: a handler must run neither here nor between fork and exec.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

Spawner::Spawner() {
  const AllSignalsBlocked inherited_by_the_thread;
  thread_ = std::thread([this] { work(); });
}

Spawner::~Spawner() {
  {
    const std::lock_guard lock(mutex_);
    HOLDFAST_CHECK(waiting_.empty(), "a Spawner outlives every run that was given it");
    closing_ = true;
  }
  asked_.notify_one();
  thread_.join();
}

Spawner::Started Spawner::start(const Launch& launch) {
  HOLDFAST_CHECK(launch.in > STDERR_FILENO && launch.out > STDERR_FILENO && launch.err > STDERR_FILENO &&
                     launch.report > STDERR_FILENO,
                 "a child's descriptors do not overwrite each other on their way to 0, 1 and 2");
  Request request{&launch};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&request);
  asked_.notify_one();
  answered_.wait(lock, [&] { return request.done; });
  return request.started;
}

void Spawner::work() {
  const pid_t self = ::getpid();
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Request& request = *waiting_.front();
    lock.unlock();
    const pid_t pid = ::fork();
    if (pid == 0) become(*request.launch, self);
    const int error = pid < 0 ? errno : 0;
    lock.lock();
    request.started = {pid, error};
    request.done = true;
    waiting_.pop_front();
    answered_.notify_all();
  }
}

}  // namespace holdfast::process
