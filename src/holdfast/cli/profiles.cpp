#include <algorithm>
#include <ostream>

#include "holdfast/api/json.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/control/views.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::cli {
namespace {

using NameAndType = std::pair<std::string, std::string>;

/// Where the name is not known, nothing; a known one's type may be empty: its name's mapping says it.
const NameAndType* find(const std::vector<NameAndType>& known, std::string_view name) {
  const auto found = std::ranges::find_if(known, [&](const NameAndType& each) { return same_name(each.first, name); });
  return found == known.end() ? nullptr : &*found;
}

/// The configured providers, the built-in ones and the mapped ones, each once and with the type that a job gets.
std::vector<NameAndType> providers_and_types(const Session& session) {
  std::vector<NameAndType> out;
  for (const ProviderConfig& each : session.config.providers)
    out.emplace_back(each.name, each.type);
  process::Spawner spawner;
  const auto types = session.profiles.provider_types();
  for (const ProviderInfo& each : providers::Catalogue({}, session.profiles, spawner).infos()) {
    // A profiles file of somebody's own need not know of those whom nobody uses.
    const bool timed = std::ranges::find(types, each.type) != types.end();
    if (timed && find(out, each.name) == nullptr) out.emplace_back(each.name, each.type);
  }
  for (const NameAndType& each : session.profiles.mapped_providers()) {
    if (find(out, each.first) == nullptr) out.push_back(each);
  }
  return out;
}

std::vector<std::string> row_of(const api::ProfileView& profile) {
  return {profile.provider_name,
          profile.provider_type,
          spoken(profile.normal_threshold),
          spoken(profile.extended_threshold),
          spoken(profile.deep_wait_threshold),
          spoken(profile.heartbeat_interval),
          spoken(profile.stall_threshold),
          profile.first_progress_threshold ? spoken(*profile.first_progress_threshold) : "-"};
}

void print(const std::vector<api::ProfileView>& views, const Session& session, const std::string& patience,
           std::ostream& out) {
  std::vector<std::vector<std::string>> rows{
      {"PROVIDER", "TYPE", "NORMAL TO", "EXTENDED TO", "LONGER AFTER", "HEARTBEAT", "ASKS AFTER", "FIRST"}};
  for (const api::ProfileView& each : views)
    rows.push_back(row_of(each));
  print_table(out, rows);
  out << "\nPatience: " << harmless(patience) << ". There are:\n";
  std::vector<std::vector<std::string>> kinds;
  for (const PatienceProfile& each : session.profiles.patience_profiles()) {
    kinds.push_back({"  " + each.name, each.label, each.description});
  }
  print_table(out, kinds);
  out << "\nNothing is ended by elapsed time. Silence without progress for ASKS AFTER puts a question with these "
         "answers:\n";
  for (const AnswerOption& each : session.profiles.stall_options()) {
    out << "  " << harmless(each.id) << "  " << harmless(each.label) << "\n";
  }
}

}  // namespace

Exit profiles_command(const ProfilesArguments& arguments, const Session& session, std::ostream& out) {
  const std::string patience = arguments.patience.empty() ? session.config.patience : arguments.patience;
  check_patience(session.profiles, patience, "--patience");
  const std::vector<NameAndType> known = providers_and_types(session);
  std::vector<api::ProfileView> views;
  std::string notice;
  if (!arguments.provider.empty()) {
    if (const auto why = name_problem(arguments.provider)) {
      throw Error(Errc::invalid_argument, "the provider's name " + *why);
    }
    const NameAndType* named = find(known, arguments.provider);
    const auto profile =
        session.profiles.for_provider(arguments.provider, patience, named == nullptr ? std::string() : named->second);
    notice = profile.notice;
    views.push_back(control::view_of(profile));
    if (arguments.json) {
      out << api::text(api::to_json(views.front())) << "\n";
      return Exit::done;
    }
  } else {
    for (const auto& [name, type] : known) {
      views.push_back(control::view_of(session.profiles.for_provider(name, patience, type)));
    }
  }
  if (arguments.json) {
    boost::json::array entries;
    for (const api::ProfileView& each : views)
      entries.emplace_back(api::to_json(each));
    out << api::text(api::listing("profiles", std::move(entries))) << "\n";
    return Exit::done;
  }
  print(views, session, patience, out);
  if (!notice.empty()) out << "\n" << harmless(notice) << "\n";
  return Exit::done;
}

}  // namespace holdfast::cli
