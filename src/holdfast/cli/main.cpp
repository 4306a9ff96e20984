#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/line/arguments.hpp"
#include "holdfast/cli/serve/token_text.hpp"
#include "holdfast/cli/tty/ascii_output.hpp"
#include "holdfast/cli/tty/terminal.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::cli;

struct Dispatch {
  const GlobalArguments& global;
  const std::vector<std::string>& words;

  Exit operator()(const RunArguments& arguments) const { return run_command(arguments, global, words); }
  Exit operator()(const TokenArguments& arguments) const {
    std::cout << new_token_text(arguments.name, arguments.scopes, arguments.json);
    return Exit::done;
  }
  Exit operator()(const ServeArguments& arguments) const { return serve_command(arguments, global); }
  Exit operator()(const InitArguments& arguments) const { return init_command(arguments, std::cout); }
  Exit operator()(const ProfilesArguments& arguments) const {
    return profiles_command(arguments, session(), std::cout);
  }
  Exit operator()(const ProvidersArguments& arguments) const {
    return providers_command(arguments, session(), std::cout);
  }
  Exit operator()(const DoctorArguments& arguments) const {
    return doctor_command(arguments, global, process_environment(), std::cout);
  }
  Exit operator()(const VersionArguments& arguments) const { return version_command(arguments, std::cout); }
  Exit operator()(const JobsArguments& arguments) const { return jobs_command(arguments, session(), std::cout); }
  Exit operator()(const ShowArguments& arguments) const { return show_command(arguments, session(), std::cout); }
  Exit operator()(const HistoryArguments& arguments) const { return history_command(arguments, session(), std::cout); }
  Exit operator()(const WatchArguments& arguments) const { return watch_command(arguments, session()); }
  Exit operator()(const StatsArguments& arguments) const { return stats_command(arguments, session(), std::cout); }
  Exit operator()(const AnswerArguments& arguments) const { return answer_command(arguments, session(), std::cout); }
  Exit operator()(const SwitchArguments& arguments) const { return switch_command(arguments, session(), std::cout); }
  Exit operator()(const CancelArguments& arguments) const { return cancel_command(arguments, session(), std::cout); }
  Exit operator()(const ReleaseArguments& arguments) const { return release_command(arguments, session(), std::cout); }
  Exit operator()(const AuditArguments& arguments) const { return audit_command(arguments, session(), std::cout); }
  Exit operator()(const PruneArguments& arguments) const { return prune_command(arguments, session(), std::cout); }

  Session session() const { return load_session(global, process_environment()); }
};

/// Whether what it prints is for programs: JSON, which is UTF-8 everywhere.
bool prints_json(const Command& command) {
  return std::visit(
      [](const auto& arguments) {
        if constexpr (requires { arguments.verb; }) {
          return arguments.json || arguments.verb == AuditArguments::Verb::export_all;
        } else if constexpr (requires { arguments.json; }) {
          return arguments.json;
        } else {
          return false;
        }
      },
      command);
}

/// Whether nobody reads stdout any more (`| head`): what is not written then, nobody misses.
bool reader_is_gone() {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/// What was printed is what was asked for: where it could not be written, nothing was done. A run is more than its
/// lines; its status tells of the job.
Exit after_printing(Exit exit, bool of_a_run) {
  errno = 0;
  std::cout.flush();
  const bool written = std::cout && std::ferror(stdout) == 0;  // events of jobs go past the stream
  if (written || exit == Exit::unreachable || reader_is_gone()) return exit;
  std::cerr << "holdfast: what it prints could not be written"
            << (errno == 0 ? "" : ": " + std::string(std::strerror(errno))) << "\n";
  return exit == Exit::done && !of_a_run ? Exit::unreachable : exit;
}

Exit carry_out(const Arguments& arguments, const std::vector<std::string>& words) {
  try {
    return std::visit(Dispatch{arguments.global, words}, arguments.command);
  } catch (const Error& error) {
    std::cerr << "holdfast: " << error.what() << hint_for_refusal(error.errc(), process_environment()) << "\n";
    return exit_for(error.errc());
  } catch (const std::exception& error) {
    std::cerr << "holdfast: " << error.what() << "\n";
    return Exit::failed;
  }
}

}  // namespace

int main(int count, char** values) {
  // A file-size limit is a full disk: a write that fails and is told, not a process that is killed.
  std::signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> words(values, values + count);
  std::optional<AsciiOutput> out, err;
  if (!terminal_facts().utf8) {
    out.emplace(std::cout);
    err.emplace(std::cerr);
  }
  const auto parsed = parse_arguments({words.begin() + (words.empty() ? 0 : 1), words.end()});
  if (const auto* usage = std::get_if<Usage>(&parsed)) {
    (usage->exit == Exit::done ? std::cout : std::cerr) << usage->text;
    return static_cast<int>(after_printing(usage->exit, false));
  }
  const auto& arguments = std::get<Arguments>(parsed);
  if (prints_json(arguments.command)) out.reset();
  const bool of_a_run = std::holds_alternative<RunArguments>(arguments.command);
  return static_cast<int>(after_printing(carry_out(arguments, words), of_a_run));
}
