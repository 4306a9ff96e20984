#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <sstream>

#include "holdfast/api/json.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/tty/terminal.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/cards/fonts.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::cli {
namespace {

/// More would only be read to be counted.
constexpr std::size_t jobs_counted_max = 1000;

struct Check {
  std::string name{};
  bool ok = true;
  std::string message{};
  std::string remedy{};  ///< empty: nothing to mend
};

/// The configuration and the profiles, and what can be used of them where they are broken.
Session check_configuration(const GlobalArguments& global, const EnvironmentLookup& environment,
                            std::vector<Check>& checks) {
  try {
    Session session = load_session(global, environment);
    const auto& file = session.config.file;
    checks.push_back({"configuration", true, file.empty() ? "built in, no file found" : file.string()});
    const auto& profiles = session.config.profiles;
    std::string message = profiles.empty() ? "built in" : profiles.string();
    for (const std::string& each : session.notices)
      message += "; " + each;
    checks.push_back({"profiles", true, message + ", patience " + session.config.patience});
    return session;
  } catch (const Error& error) {
    std::istringstream problems(error.what());
    for (std::string each; std::getline(problems, each);)
      checks.push_back({"configuration", false, each, "mend the file at the line that is named"});
    Session session;
    name_store(session, global, environment);
    return session;
  }
}

/// Makes nothing: whether there could be a folder is asked of the nearest one that is there.
Check check_missing_store(const Session& session, const std::filesystem::path& file) {
  std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  std::error_code error;
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path())
    folder = folder.parent_path();
  if (std::filesystem::is_directory(folder, error) && ::access(folder.c_str(), W_OK | X_OK) == 0) {
    return {"store", true, session.store + ", which is made by the first `run` or `serve`"};
  }
  return {"store", false,
          (session.store_from.empty() ? "" : session.store_from + ": ") + "there is no store at " + file.string() +
              ", and none can be made: " + folder.string() + " is no folder that this user can write",
          "name another with --store sqlite:PATH"};
}

Check check_store_of(const Session& session) {
  if (session.store.empty()) return {"store", true, "not looked at: the configuration may name it"};
  if (const auto missing = missing_store(session); !missing.empty()) return check_missing_store(session, missing);
  try {
    // Those that are there: the statistics also count what was pruned.
    const std::size_t jobs = open_store(session)->jobs({.limit = jobs_counted_max + 1}).value().size();
    const std::string count =
        jobs > jobs_counted_max ? "over " + std::to_string(jobs_counted_max) : std::to_string(jobs);
    return {"store", true,
            session.store + (session.store == "memory:" ? ", kept until the process ends" : ", " + count + " jobs")};
  } catch (const Error& error) {
    return {"store", false, error.what(), "name another with --store sqlite:PATH"};
  }
}

void check_providers(const Session& session, std::vector<Check>& checks) {
  try {
    process::Spawner spawner;
    const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
    for (const auto& each : catalogue.all()) {
      const std::string name = "provider " + each->info().name;
      const auto problems = each->problems();
      if (problems.empty()) checks.push_back({name, true, each->protocol()});
      for (const std::string& problem : problems) {
        checks.push_back({name, false, problem, "see `holdfast providers --check`"});
      }
    }
  } catch (const Error& error) {
    checks.push_back({"providers", false, error.what(), "mend the provider in the configuration"});
  }
}

Check check_fonts() {
  const auto fonts = providers::find_fonts();
  if (fonts) return {"fonts", true, fonts->regular.string()};
  return {"fonts", false, "none found for title cards", "apt-get install fonts-dejavu-core"};
}

/// What the screen can show. Nothing here is a problem: everything works without a terminal too.
void check_terminal(std::vector<Check>& checks) {
  const TerminalFacts facts = terminal_facts();
  checks.push_back({"locale", true, facts.utf8 ? "UTF-8" : "not UTF-8, so signs are shown in ASCII",
                    facts.utf8 ? "" : "LANG=C.UTF-8 shows everything"});
  if (can_paint(facts)) {
    const Style style = style_for(facts);
    checks.push_back({"terminal", true, facts.term + (style.color ? ", with colour" : ", without colour")});
  } else {
    checks.push_back({"terminal", true, "none: `run` prints lines and asks nothing"});
  }
}

Check check_out(const std::filesystem::path& folder) {
  // A file that is really made: permissions alone do not know of full disks and read-only mounts.
  std::string name = (folder / ".holdfast-doctor-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) {
    return {"output folder", false, folder.string() + " cannot be written: " + std::strerror(errno),
            "choose another with `holdfast run --out DIR`"};
  }
  ::close(file);
  ::unlink(name.c_str());
  return {"output folder", true, folder.string() + " can be written"};
}

void print(const std::vector<Check>& checks, std::ostream& out) {
  for (const Check& each : checks) {
    out << (each.ok ? "ok       " : "problem  ") << harmless(each.name) << ": " << harmless(each.message) << "\n";
    if (!each.remedy.empty()) out << "           " << harmless(each.remedy) << "\n";
  }
}

}  // namespace

Exit doctor_command(const DoctorArguments& arguments, const GlobalArguments& global,
                    const EnvironmentLookup& environment, std::ostream& out) {
  std::vector<Check> checks;
  const Session session = check_configuration(global, environment, checks);
  checks.push_back(check_store_of(session));
  check_providers(session, checks);
  checks.push_back(check_fonts());
  check_terminal(checks);
  checks.push_back(check_out(arguments.out));
  bool ok = true;
  boost::json::array entries;
  for (const Check& each : checks) {
    ok = ok && each.ok;
    entries.push_back(
        {{"name", each.name},
         {"ok", each.ok},
         {"message", harmless(each.message)},
         {"remedy", each.remedy.empty() ? boost::json::value(nullptr) : boost::json::value(each.remedy)}});
  }
  if (arguments.json) {
    out << api::text(boost::json::object{{"ok", ok}, {"checks", std::move(entries)}}) << "\n";
  } else {
    print(checks, out);
  }
  return ok ? Exit::done : Exit::failed;
}

}  // namespace holdfast::cli
