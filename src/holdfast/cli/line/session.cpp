#include "holdfast/cli/line/session.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "holdfast/process/launch.hpp"

namespace holdfast::cli {

EnvironmentLookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
}

std::string user_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->pw_name;
  }
  return "uid " + std::to_string(::geteuid());
}

void check_patience(const TimeoutProfiles& profiles, const std::string& patience, const std::string& flag) {
  std::vector<std::string> names;
  for (const PatienceProfile& each : profiles.patience_profiles())
    names.push_back(each.name);
  if (std::ranges::find(names, patience) != names.end()) return;
  std::string known;
  for (const std::string& each : names)
    known += (known.empty() ? "" : ", ") + each;
  throw Error(Errc::config, flag + ": there is no patience profile '" + shown(patience) + "'" +
                                suggestion(patience, {names.begin(), names.end()}) + " (there are " + known + ")");
}

void name_store(Session& session, const GlobalArguments& arguments, const EnvironmentLookup& environment) {
  if (!arguments.store.empty()) {
    session.store = arguments.store;
    session.store_from = "--store";
  } else if (const auto said = environment("HOLDFAST_STORE")) {
    session.store = *said;
    session.store_from = "HOLDFAST_STORE";
  }
}

namespace {

std::string absolute_path(const std::filesystem::path& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// By its name where a shell finds this program under it, else by its path.
std::string this_program() {
  std::error_code unknown;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (unknown) return "holdfast";
  int why = 0;
  const auto found = process::find_program(self.filename().string(), process::environment_with({}), why);
  return found && std::filesystem::equivalent(*found, self, unknown) ? self.filename().string() : self.string();
}

/// Nothing that this process alone knows: no variable of its environment, no folder that it stands in.
std::vector<std::string> command_of(const Session& session, const GlobalArguments& arguments,
                                    const EnvironmentLookup& environment) {
  constexpr std::string_view sqlite = "sqlite:";
  std::vector<std::string> words{this_program()};
  if (session.store_from == "--store" || session.store_from == "HOLDFAST_STORE") {
    const bool file = session.store.starts_with(sqlite);
    words.insert(
        words.end(),
        {"--store", !file ? session.store : std::string(sqlite) + absolute_path(session.store.substr(sqlite.size()))});
  }
  if (!arguments.config.empty() || environment("HOLDFAST_CONFIG")) {
    words.insert(words.end(), {"--config", absolute_path(session.config.file)});
  }
  return words;
}

}  // namespace

Session load_session(const GlobalArguments& arguments, const EnvironmentLookup& environment) {
  Session session;
  if (const auto file = find_config(arguments.config, environment)) {
    auto read = load_config(*file);
    if (!read) throw Error(Errc::config, read.error().text());
    session.config = std::move(*read);
  }
  if (!session.config.profiles.empty()) session.profiles = TimeoutProfiles::load(session.config.profiles);
  session.notices = session.profiles.notices();
  check_patience(session.profiles, session.config.patience,
                 session.config.file.empty() ? "patience" : session.config.file.string() + ": patience");
  name_store(session, arguments, environment);
  session.command = command_of(session, arguments, environment);
  if (!session.store.empty()) return session;
  session.store = session.config.store.empty() ? default_store(environment) : session.config.store;
  if (!session.config.store.empty()) session.store_from = session.config.file.string() + ": store";
  return session;
}

std::string default_store(const EnvironmentLookup& environment) {
  if (const auto state = environment("XDG_STATE_HOME")) return "sqlite:" + *state + "/holdfast/holdfast.db";
  if (const auto home = environment("HOME")) return "sqlite:" + *home + "/.local/state/holdfast/holdfast.db";
  return "sqlite:holdfast.db";
}

std::filesystem::path missing_store(const Session& session) {
  constexpr std::string_view sqlite = "sqlite:";
  if (!session.store.starts_with(sqlite) || session.store.size() == sqlite.size()) return {};
  const std::filesystem::path file = session.store.substr(sqlite.size());
  std::error_code error;
  return std::filesystem::status(file, error).type() == std::filesystem::file_type::not_found ? file
                                                                                              : std::filesystem::path();
}

std::unique_ptr<store::Store> open_store(const Session& session, store::Empty empty) {
  const auto missing = empty == store::Empty::refused ? missing_store(session) : std::filesystem::path();
  if (!missing.empty() && !session.store_from.empty()) {
    throw Error(Errc::store_unavailable, session.store_from + ": there is no store at " + missing.string() +
                                             "; `holdfast run` and `holdfast serve` make one");
  }
  auto opened = store::open(missing.empty() ? session.store : "memory:", empty);
  if (opened) return std::move(*opened);
  throw Error(opened.error().code,
              (session.store_from.empty() ? "" : session.store_from + ": ") + opened.error().message);
}

}  // namespace holdfast::cli
