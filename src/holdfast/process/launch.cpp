#include "holdfast/process/launch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "holdfast/process/plain_text.hpp"

namespace holdfast::process {
namespace {

constexpr std::string_view path_prefix = "PATH=";
constexpr std::string_view path_default = "/usr/local/bin:/usr/bin:/bin";
/// Of a program or a folder as it stands in a message.
constexpr std::size_t shown_bytes_max = 512;

std::string shown(std::string_view text) {
  return "'" + end_of(plain_text(text), shown_bytes_max) + "'";
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  // exec's signature is older than const; it writes nothing.
  for (const std::string& text : texts)
    out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// The sentence for what the child reported.
Failure explained(const Command& command, const std::string& program, const LaunchFailure& failure) {
  const std::string why = reason(failure.error);
  if (failure.step == LaunchFailure::Step::folder) {
    return cannot_start(command, "its working folder " + shown(command.cwd.native()) + ": " + why);
  }
  if (failure.step == LaunchFailure::Step::prepare) return cannot_start(command, "preparing the child: " + why);
  switch (failure.error) {
    case E2BIG:
      return cannot_start(command, why + "; pass a long prompt on stdin or by ${input_file}, not as an argument");
    case ENOEXEC:
      return cannot_start(command, why + "; a script needs a first line such as #!/bin/sh");
    case ENOENT:
      if (::access((command.cwd / program).c_str(), F_OK) == 0) {
        return cannot_start(command, why + "; the file is there, what its first line names is not");
      }
      break;
    default:
      break;
  }
  return cannot_start(command, why);
}

/// Nothing once the program runs: exec closes the writing end, and only a failure writes.
std::optional<LaunchFailure> read_report(const Descriptor& report) {
  LaunchFailure failure;
  while (true) {
    const auto got = ::read(report.get(), &failure, sizeof failure);
    if (got < 0 && errno == EINTR) continue;
    if (got == static_cast<ssize_t>(sizeof failure)) return failure;
    return std::nullopt;
  }
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// The child's ends and ours. `in.writes` is empty where the child reads /dev/null.
struct Pipes {
  Pipe in, out, err, report;
};

result<Pipes> open_pipes(const Command& command) {
  Pipes pipes;
  for (Pipe* each : {&pipes.in, &pipes.out, &pipes.err, &pipes.report}) {
    if (each == &pipes.in && command.stdin_bytes.empty()) {
      pipes.in.reads = above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
      if (!pipes.in.reads) return cannot_start(command, "/dev/null: " + reason(errno));
      continue;
    }
    auto pipe = open_pipe();
    if (!pipe) return cannot_start(command, pipe.error().message);
    *each = std::move(*pipe);
  }
  return pipes;
}

}  // namespace

std::optional<Failure> command_problem(const Command& command) {
  const auto wrong = [](std::string message) { return Failure{Errc::invalid_argument, std::move(message)}; };
  if (command.argv.empty() || command.argv.front().empty()) {
    return wrong("a command needs a program: its argument list is empty, or begins with an empty text");
  }
  const std::string of = " of the command " + shown(command.argv.front());
  for (std::size_t at = 0; at < command.argv.size(); ++at) {
    if (has_nul(command.argv[at])) {
      return wrong("argument " + std::to_string(at) + of + " holds a NUL byte; pass such data on stdin or as a file");
    }
  }
  for (const auto& [name, value] : command.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name)) {
      return wrong("env" + of + " has " + shown(name) + ", which is no name of an environment variable");
    }
    if (has_nul(value)) return wrong("env variable " + shown(name) + of + " holds a NUL byte");
  }
  if (has_nul(command.cwd.native())) return wrong("cwd" + of + " holds a NUL byte");
  return std::nullopt;
}

Failure cannot_start(const Command& command, const std::string& why) {
  return {Errc::provider_unreachable, "cannot start " + shown(command.argv.front()) + ": " + why};
}

std::string program_name(const Command& command) {
  const std::string& program = command.argv.front();
  const auto slash = program.rfind('/');
  // "folder/" has no name behind the slash.
  const bool whole = slash == std::string::npos || slash + 1 == program.size();
  return end_of(plain_text(whole ? program : program.substr(slash + 1)), shown_bytes_max);
}

Failure ending_taken(const Command& command) {
  return {Errc::outcome_unknown, program_name(command) + " ran, but how it ended is unknown: this process ignores " +
                                     "SIGCHLD, or waits for children that it did not start"};
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** each = environ; each && *each; ++each) {
    const std::string_view variable = *each;
    if (!added.contains(std::string(variable.substr(0, variable.find('='))))) out.emplace_back(variable);
  }
  for (const auto& [name, value] : added)
    out.push_back(name + "=" + value);
  return out;
}

std::optional<std::string> find_program(const std::string& name, const std::vector<std::string>& environment,
                                        int& error) {
  if (name.find('/') != std::string::npos) return name;
  std::string_view folders = path_default;
  for (const std::string& variable : environment) {
    if (variable.starts_with(path_prefix)) folders = std::string_view(variable).substr(path_prefix.size());
  }
  error = ENOENT;
  while (!folders.empty()) {
    const auto end = folders.find(':');
    const std::string_view folder = folders.substr(0, end);
    folders.remove_prefix(end == std::string_view::npos ? folders.size() : end + 1);
    if (!folder.starts_with('/')) continue;
    std::string candidate = std::string(folder) + "/" + name;
    struct stat about{};
    if (::stat(candidate.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    error = EACCES;
  }
  return std::nullopt;
}

result<Running> start(Spawner& spawner, const Command& command) {
  const std::vector<std::string> environment = environment_with(command.env);
  int not_found = 0;
  const auto program = find_program(command.argv.front(), environment, not_found);
  if (!program) return cannot_start(command, reason(not_found));
  auto opened = open_pipes(command);
  if (!opened) return opened.error();
  Pipes& pipes = *opened;

  const std::vector<char*> arguments = pointers(command.argv);
  const std::vector<char*> variables = pointers(environment);
  const Spawner::Started started = spawner.start({.program = program->c_str(),
                                                  .arguments = arguments.data(),
                                                  .environment = variables.data(),
                                                  .folder = command.cwd.empty() ? nullptr : command.cwd.c_str(),
                                                  .in = pipes.in.reads.get(),
                                                  .out = pipes.out.writes.get(),
                                                  .err = pipes.err.writes.get(),
                                                  .report = pipes.report.writes.get()});
  if (started.pid < 0) return cannot_start(command, reason(started.error));
  // The child's ends: while we hold one, its pipe never ends.
  for (Descriptor* each : {&pipes.in.reads, &pipes.out.writes, &pipes.err.writes, &pipes.report.writes})
    each->close();
  if (const auto failure = read_report(pipes.report.reads)) {
    reap(started.pid);
    return explained(command, *program, *failure);
  }
  Running running{.pid = started.pid, .ended = open_pidfd(started.pid)};
  if (!running.ended) {
    const int error = errno;
    if (error == ESRCH) return ending_taken(command);
    ::kill(-started.pid, SIGKILL);
    reap(started.pid);
    return cannot_start(command, "watching the child: " + reason(error));
  }
  running.in = std::move(pipes.in.writes);
  running.out = std::move(pipes.out.reads);
  running.err = std::move(pipes.err.reads);
  if (running.in) set_nonblocking(running.in);
  set_nonblocking(running.out);
  set_nonblocking(running.err);
  return running;
}

}  // namespace holdfast::process
