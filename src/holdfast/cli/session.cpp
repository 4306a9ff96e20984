#include "holdfast/cli/session.hpp"

#include <algorithm>
#include <cstdlib>

#include "holdfast/store/store.hpp"

namespace holdfast::cli {

EnvironmentLookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
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
  }
  return session;
}

void check_store(const Session& session) {
  if (const auto opened = store::open(session.store); !opened) {
    throw Error(Errc::config, (session.store_from.empty() ? "" : session.store_from + ": ") + opened.error().message);
  }
}

}  // namespace holdfast::cli
