#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/kept/kept.hpp"
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
    return static_cast<int>(usage->exit);
  }
  const auto& arguments = std::get<Arguments>(parsed);
  if (prints_json(arguments.command)) out.reset();
  try {
    return static_cast<int>(std::visit(Dispatch{arguments.global, words}, arguments.command));
  } catch (const Error& error) {
    std::cerr << "holdfast: " << error.what() << "\n";
    return static_cast<int>(exit_for(error.errc()));
  } catch (const std::exception& error) {
    std::cerr << "holdfast: " << error.what() << "\n";
    return static_cast<int>(Exit::failed);
  }
}
