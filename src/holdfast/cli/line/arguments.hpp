#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "holdfast/cli/line/exit_status.hpp"
#include "holdfast/core/consent.hpp"

namespace holdfast::cli {

/// Of every command; empty: not said.
struct GlobalArguments {
  std::filesystem::path config{};
  std::string store{};
  std::string log_level{};  ///< trace, debug, info, warn, error or off
  std::filesystem::path log_file{};
};

enum class OnStall : unsigned char { ask, wait, cancel };
enum class OnError : unsigned char { ask, fail };

struct RunArguments {
  std::filesystem::path job{};
  std::vector<std::pair<std::string, std::string>> inputs{}, providers{};
  std::string patience{};
  std::filesystem::path out{};
  OnStall on_stall = OnStall::ask;
  std::optional<OnError> on_error{};        ///< absent: ask on a terminal, else fail
  std::vector<StandingConsent> consents{};  ///< `on_stall` cancel is not among them
  std::string resume{};                     ///< the job to go on with; `job` may be empty then
  std::string from{};                       ///< resume: the stage to begin anew
  bool dry_run = false, json = false, plain = false;
};

struct InitArguments {
  std::filesystem::path folder = ".";
  bool force = false;
};

struct ProfilesArguments {
  std::string provider{};  ///< empty: all
  std::string patience{};
  bool json = false;
};

struct ProvidersArguments {
  bool check = false, json = false;
};

struct DoctorArguments {
  std::filesystem::path out = ".";
  bool json = false;
};

struct VersionArguments {
  bool json = false;
};

struct ServeArguments {
  std::string listen{};             ///< empty: the configuration's
  std::chrono::seconds grace{300};  ///< what runs may take to end after SIGTERM
};

/// A new token for `[[server.tokens]]`.
struct TokenArguments {
  std::string name = "client";
  std::vector<std::string> scopes{"proxy"};  ///< of "proxy", "read", "answer", "admin"
  bool json = false;
};

struct JobsArguments {
  bool active = false, json = false;
  std::size_t limit = 50;
};

/// `show` and `history` of one job.
struct ShowArguments {
  std::string job{};
  bool json = false;
};
struct HistoryArguments {
  std::string job{};
  bool json = false;
};

struct WatchArguments {
  std::string job{};  ///< empty: all
  bool json = false, plain = false;
};

struct StatsArguments {
  bool json = false;
};

struct AnswerArguments {
  std::string operation{}, option{};  ///< empty: the open questions are listed
  int ask = 0;
  std::string provider{}, note{};
  bool confirmed = false, json = false;
};

struct SwitchArguments {
  std::string job{}, to{};
  std::vector<std::string> stages{};
  bool confirmed = false, json = false;
};

struct CancelArguments {
  std::string job{};
  bool confirmed = false, json = false;
};

struct ReleaseArguments {
  std::string job{};
  bool json = false;
};

struct AuditArguments {
  enum class Verb : unsigned char { show, verify, export_all };
  Verb verb = Verb::show;
  std::string job{};             ///< verify, export: empty is all
  std::filesystem::path file{};  ///< verify: an export
  bool json = false;
};

struct PruneArguments {
  std::chrono::seconds closed_before{};  ///< this long ago
  bool with_audit = false, json = false;
};

using Command = std::variant<RunArguments, InitArguments, ProfilesArguments, ProvidersArguments, DoctorArguments,
                             VersionArguments, JobsArguments, ShowArguments, HistoryArguments, WatchArguments,
                             StatsArguments, AnswerArguments, SwitchArguments, CancelArguments, ReleaseArguments,
                             AuditArguments, PruneArguments, ServeArguments, TokenArguments>;

struct Arguments {
  GlobalArguments global{};
  Command command{};
};

/// Instead of arguments: help that was asked for (`done`), or what is wrong with them (`usage`).
struct Usage {
  Exit exit = Exit::done;
  std::string text{};  ///< ends with a line end
};

/// `words`: without the program's name. Every wrong one is answered with a sentence that names it and what would be
/// right.
std::variant<Arguments, Usage> parse_arguments(const std::vector<std::string>& words);

/// "CLI11 2.1.2": its header is included in one source file only.
std::string argument_library();

}  // namespace holdfast::cli
