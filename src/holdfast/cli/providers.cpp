#include <algorithm>
#include <future>
#include <ostream>

#include "holdfast/api/json.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/provider_views.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::cli {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& none) {
  std::string out;
  for (const std::string& each : words)
    out += (out.empty() ? "" : ", ") + each;
  return out.empty() ? none : out;
}

/// A check has asked it over the network.
bool asks(const api::ProviderView& view) {
  return view.protocol != "command" && view.protocol != "rulebased";
}

std::vector<std::string> row_of(const api::ProviderView& view, bool check) {
  std::vector<std::string> row{view.info.name,
                               view.info.type,
                               view.protocol,
                               joined(view.info.kinds, "any"),
                               view.info.model.empty() ? "-" : view.info.model,
                               view.info.requires_network ? "yes" : "no",
                               view.info.concurrent_max == 0 ? "-" : std::to_string(view.info.concurrent_max),
                               view.built_in ? "built in" : "configured"};
  if (check) row.push_back(!view.problems->empty() ? "does not work here" : asks(view) ? "reachable" : "ok");
  return row;
}

}  // namespace

std::vector<api::ProviderView> provider_views(const providers::Catalogue& catalogue, const Config& config, bool check) {
  std::vector<api::ProviderView> views;
  // All at once: each may take its time to answer.
  std::vector<std::future<std::vector<std::string>>> checks;
  for (const auto& each : catalogue.all()) {
    views.push_back({.info = each->info(),
                     .protocol = each->protocol(),
                     .built_in = config.provider(each->info().name) == nullptr});
    if (check) checks.push_back(std::async(std::launch::async, [&each] { return each->check(); }));
  }
  for (std::size_t i = 0; i < checks.size(); ++i)
    views[i].problems = checks[i].get();
  return views;
}

Exit providers_command(const ProvidersArguments& arguments, const Session& session, std::ostream& out) {
  process::Spawner spawner;
  const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
  const std::vector<api::ProviderView> views = provider_views(catalogue, session.config, arguments.check);
  const bool works =
      std::ranges::all_of(views, [](const auto& each) { return !each.problems || each.problems->empty(); });
  if (arguments.json) {
    boost::json::array entries;
    for (const api::ProviderView& each : views)
      entries.emplace_back(api::to_json(each));
    out << api::text(api::listing("providers", std::move(entries))) << "\n";
    return works ? Exit::done : Exit::failed;
  }
  std::vector<std::vector<std::string>> rows{
      {"PROVIDER", "TYPE", "PROTOCOL", "SERVES", "MODEL", "NETWORK", "AT ONCE", "FROM"}};
  if (arguments.check) rows.front().push_back("CHECK");
  for (const api::ProviderView& each : views)
    rows.push_back(row_of(each, arguments.check));
  print_table(out, rows);
  for (const api::ProviderView& each : views) {
    if (!each.problems) continue;
    for (const std::string& problem : *each.problems) {
      out << harmless(each.info.name) << ": " << harmless(problem) << "\n";
    }
  }
  return works ? Exit::done : Exit::failed;
}

}  // namespace holdfast::cli
