#include "holdfast/cli/line/session.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

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
  if (!arguments.store.empty()) {
    session.store = arguments.store;
    session.store_from = "--store";
  } else if (const auto said = environment("HOLDFAST_STORE")) {
    session.store = *said;
    session.store_from = "HOLDFAST_STORE";
  } else if (!session.config.store.empty()) {
    session.store = session.config.store;
    session.store_from = session.config.file.string() + ": store";
  } else {
    session.store = default_store(environment);
  }
  return session;
}

std::string default_store(const EnvironmentLookup& environment) {
  if (const auto state = environment("XDG_STATE_HOME")) return "sqlite:" + *state + "/holdfast/holdfast.db";
  if (const auto home = environment("HOME")) return "sqlite:" + *home + "/.local/state/holdfast/holdfast.db";
  return "sqlite:holdfast.db";
}

std::unique_ptr<store::Store> open_store(const Session& session, store::Empty empty) {
  auto opened = store::open(session.store, empty);
  if (opened) return std::move(*opened);
  throw Error(opened.error().code,
              (session.store_from.empty() ? "" : session.store_from + ": ") + opened.error().message);
}

}  // namespace holdfast::cli
