#include "holdfast/process/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "holdfast/process/launch.hpp"
#include "holdfast/process/plain_text.hpp"

namespace holdfast::process {
namespace {

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;

/// Where stdout goes: a file, or memory up to a limit.
class Output {
 public:
  std::optional<Failure> open(const Command& command, std::size_t memory_bytes_max) {
    memory_bytes_max_ = memory_bytes_max;
    if (!command.stdout_file) return std::nullopt;
    path_ = command.stdout_file->native();
    file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file_) return std::nullopt;
    return cannot_write(Errc::invalid_argument, errno);
  }

  std::optional<Failure> add(std::string_view bytes, const std::string& program) {
    count += static_cast<std::int64_t>(bytes.size());
    if (!file_) {
      if (memory.size() + bytes.size() <= memory_bytes_max_) {
        memory += bytes;
        return std::nullopt;
      }
      return Failure{Errc::too_large, program + " wrote more than " + std::to_string(memory_bytes_max_) +
                                          " bytes to stdout, which is kept in memory; let it write a file: name " +
                                          "${output} in its command"};
    }
    while (!bytes.empty()) {
      const auto written = ::write(file_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return cannot_write(Errc::provider_failed, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return std::nullopt;
  }

  std::optional<Failure> close() {
    if (const int error = file_.close()) return cannot_write(Errc::provider_failed, error);
    return std::nullopt;
  }

  std::string memory{};
  std::int64_t count = 0;

 private:
  Failure cannot_write(Errc code, int error) const {
    return {code, "cannot write '" + plain_text(path_) + "': " + reason(error)};
  }

  std::size_t memory_bytes_max_ = 0;
  std::string path_;
  Descriptor file_;
};

/// The watched file's size; 0 while there is none.
std::int64_t watched_bytes(const Command& command) {
  if (command.watched_output.empty()) return 0;
  struct stat about{};
  const std::filesystem::path path = command.cwd / command.watched_output;
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) ? about.st_size : 0;
}

/// One child from its start to its end.
///
///   running ──stop, or our own failure──▶ ending: SIGTERM sent, no more progress, SIGKILL at kill_at_
///      │                                     │
///      └────────── the child ended ──────────┴──▶ draining: pipes read until they end, or drain_until_ ──▶ done
///
/// The child is not reaped before all is done: while it is a zombie its group's number cannot become somebody else's,
/// so every signal goes where it is meant to.
class Run {
 public:
  Run(const Command& command, const RunOptions& options, const ProgressSink& sink, Output output, int stopped,
      Running child, std::int64_t size_before)
      : command_(command),
        options_(options),
        sink_(sink),
        reader_(command.progress, {.watches_file = watches_file(), .media_duration = options.media_duration}),
        program_(program_name(command)),
        output_(std::move(output)),
        stopped_(stopped),
        child_(std::move(child)) {
    reader_.file_size(size_before);
    next_look_ = Clock::now() + options_.watch_interval;
  }
  Run(const Run&) = delete;
  ~Run() {
    if (reaped_) return;
    signal_group(SIGKILL);  // an exception is on its way: nobody else will end it
    wait_for_end(0);
  }

  result<Exit> to_its_end() {
    while (!done()) {
      wait_for_news();
      look_at_the_file();
      keep_deadlines();
    }
    look_at_the_file(true);
    return finish();
  }

 private:
  bool watches_file() const {
    return !command_.watched_output.empty() && command_.progress.what == ProgressKind::What::output_bytes;
  }
  bool pipes_open() const { return child_.out || child_.err; }
  /// The last thing before done is the group's death where it was told to end: see keep_deadlines.
  bool done() const { return has_ended_ && !kill_at_ && (!pipes_open() || Clock::now() >= *drain_until_); }

  void wait_for_news() {
    enum : std::size_t { stop, end, in, out, err, all };
    std::array<pollfd, all> watched{};
    watched[stop] = {ending_ ? -1 : stopped_, POLLIN, 0};
    watched[end] = {has_ended_ ? -1 : child_.ended.get(), POLLIN, 0};
    watched[in] = {child_.in.get(), POLLOUT, 0};
    watched[out] = {child_.out.get(), POLLIN, 0};
    watched[err] = {child_.err.get(), POLLIN, 0};
    if (::poll(watched.data(), watched.size(), patience_ms()) <= 0) return;  // a deadline, or EINTR: round again
    if (watched[out].revents) read_some(child_.out, Stream::out);
    if (watched[err].revents) read_some(child_.err, Stream::err);
    if (watched[in].revents) feed();
    if (watched[end].revents) child_ended();
    if (watched[stop].revents) {
      cancelled_ = true;
      end_group();
    }
  }

  /// Until the next deadline, in whole milliseconds rounded up: rounded down it would spin through the last one.
  int patience_ms() const {
    Deadline next;
    // Only what is still to be done then: a deadline that has passed would make this a busy loop.
    const bool looks = watches_file() && !ending_;
    for (const Deadline& each : {kill_at_ ? kill_at_ : drain_until_, looks ? Deadline(next_look_) : std::nullopt}) {
      if (each && (!next || *each < *next)) next = each;
    }
    if (!next) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void feed() {
    const std::string_view left = std::string_view(command_.stdin_bytes).substr(fed_);
    const long written = write_quietly(child_.in.get(), left.substr(0, chunk_bytes_max));
    if (written > 0) fed_ += static_cast<std::size_t>(written);
    const bool later = written < 0 && (errno == EAGAIN || errno == EINTR);
    // A child that does not read to the end (EPIPE) is no failure: `head` does not.
    if (fed_ == command_.stdin_bytes.size() || (written < 0 && !later)) child_.in.close();
  }

  /// How many bytes there were; 0 where there are none for now, or none any more.
  std::size_t read_some(Descriptor& pipe, Stream from) {
    const auto got = ::read(pipe.get(), chunk_.data(), chunk_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got <= 0) {
      pipe.close();
      return 0;
    }
    const std::string_view bytes(chunk_.data(), static_cast<std::size_t>(got));
    take(bytes, from);
    return bytes.size();
  }

  void take(std::string_view bytes, Stream from) {
    if (from == Stream::err) errors_.add(bytes);
    if (failure_) return;  // read on, so that a child that is ending is not held up by a full pipe
    if (from == Stream::out) {
      if (auto failure = output_.add(bytes, program_)) {
        failure_ = std::move(failure);
        end_group();
        return;
      }
    }
    if (!ending_) report(reader_.feed(bytes, from));
  }

  void report(const ChildProgress& progress) {
    if (sink_) sink_(progress);
  }

  void child_ended() {
    has_ended_ = true;
    child_.in.close();
    drain_until_ = Clock::now() + options_.pipe_grace;
    // All that it wrote is in the pipes now. Taken here, whatever its heirs do and however late we are.
    for (auto [pipe, from] : {std::pair{&child_.out, Stream::out}, std::pair{&child_.err, Stream::err}}) {
      std::size_t taken = 0;
      while (*pipe && taken < pipe_bytes_max) {
        const std::size_t more = read_some(*pipe, from);
        if (more == 0) break;
        taken += more;
      }
    }
  }

  /// A growing file is looked at every watch_interval, and once at the end, so that the last number is the right one.
  void look_at_the_file(bool at_once = false) {
    if (!watches_file() || ending_) return;
    const auto now = Clock::now();
    if (!at_once && now < next_look_) return;
    next_look_ = now + options_.watch_interval;
    if (const auto progress = reader_.file_size(watched_bytes(command_))) report(*progress);
  }

  void end_group() {
    if (ending_) return;
    ending_ = true;
    child_.in.close();
    signal_group(SIGTERM);
    signal_group(SIGCONT);  // a stopped process would not hear it
    kill_at_ = Clock::now() + options_.kill_grace;
  }

  void keep_deadlines() {
    if (!kill_at_) return;
    // Helpers of an ended child that still hold its pipes have the same grace as it had; the others hide, and end now.
    const bool all_quiet = has_ended_ && !pipes_open();
    if (!all_quiet && Clock::now() < *kill_at_) return;
    signal_group(SIGKILL);
    kill_at_ = std::nullopt;
    if (has_ended_) drain_until_ = Clock::now() + options_.pipe_grace;
  }

  void signal_group(int number) const { ::kill(-child_.pid, number); }

  /// True where the child's ending is in `info`.
  bool wait_for_end(int flags) {
    siginfo_t info{};
    int got = 0;
    do {
      got = ::waitid(P_PID, static_cast<id_t>(child_.pid), &info, WEXITED | flags);
    } while (got < 0 && errno == EINTR);
    reaped_ = true;
    if (got < 0) return false;
    (info.si_code == CLD_EXITED ? exit_.status : exit_.signal) = info.si_status;
    return true;
  }

  result<Exit> finish() {
    exit_.output_left_open = pipes_open();
    const bool known = wait_for_end(0);
    if (auto unwritten = output_.close(); unwritten && !failure_) failure_ = std::move(unwritten);
    if (failure_) return *std::move(failure_);
    if (!known) return ending_taken(command_);
    const std::vector<int>& good = command_.success_exit_codes;
    const bool good_status = good.empty() ? exit_.status == 0 : std::ranges::count(good, exit_.status) > 0;
    exit_.succeeded = !cancelled_ && exit_.signal == 0 && good_status;
    exit_.cancelled = cancelled_;
    exit_.program = program_;
    exit_.stdout_bytes = std::move(output_.memory);
    exit_.stdout_count = output_.count;
    exit_.stderr_end = errors_.text();
    return std::move(exit_);
  }

  const Command& command_;
  const RunOptions& options_;
  const ProgressSink& sink_;
  ProgressReader reader_;
  std::string program_;
  Output output_;
  int stopped_;  ///< readable once a stop was requested
  Running child_;
  Tail errors_{stderr_bytes_max};
  std::vector<char> chunk_ = std::vector<char>(chunk_bytes_max);
  std::size_t fed_ = 0;
  bool ending_ = false, cancelled_ = false, has_ended_ = false, reaped_ = false;
  Deadline kill_at_, drain_until_;
  Clock::time_point next_look_;
  std::optional<Failure> failure_;
  Exit exit_;
};

}  // namespace

std::string Exit::describe() const {
  if (cancelled) return program + " was cancelled";
  if (succeeded && status == 0) return program + " finished";
  std::string out = program;
  if (signal != 0) {
    const char* abbreviation = ::sigabbrev_np(signal);
    out += " was killed by signal " + std::to_string(signal);
    if (abbreviation) out += std::string(" (SIG") + abbreviation + ")";
  } else {
    out += " exited with status " + std::to_string(status);
  }
  if (succeeded || stderr_end.empty()) return out;
  std::string why = end_of(stderr_end, described_bytes_max);
  for (auto at = why.find('\n'); at != std::string::npos; at = why.find('\n', at))
    why.replace(at, 1, " | ");
  return out + ": " + why;
}

result<Exit> run(Spawner& spawner, const Command& command, std::stop_token stop, const ProgressSink& sink,
                 const RunOptions& options) {
  if (auto problem = command_problem(command)) return *std::move(problem);
  if (stop.stop_requested()) {
    return Failure{Errc::cancelled, program_name(command) + " was cancelled before it was started"};
  }
  Output output;
  if (auto failure = output.open(command, options.stdout_bytes_max)) return *std::move(failure);
  const Descriptor stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopped) return cannot_start(command, "an eventfd: " + reason(errno));
  // Destroyed before the descriptor that it writes to, and waits there for a call that is under way.
  const std::stop_callback wake(std::move(stop), [&stopped] { ::eventfd_write(stopped.get(), 1); });
  const std::int64_t size_before = watched_bytes(command);
  auto running = start(spawner, command);
  if (!running) return running.error();
  const pid_t group = running->pid;
  Run child(command, options, sink, std::move(output), stopped.get(), std::move(*running), size_before);
  if (options.on_started) options.on_started(group);
  return child.to_its_end();
}

}  // namespace holdfast::process
