#include <algorithm>

#include "holdfast/api/json.hpp"
#include "holdfast/api/openapi.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/control/handlers.hpp"
#include "holdfast/control/page.hpp"
#include "holdfast/control/views.hpp"

namespace holdfast::control {
namespace {

namespace json = boost::json;

std::string patience_of(const Call& call) {
  const std::string said = call.parameter("patience");
  return said.empty() ? call.options.patience : said;
}

std::vector<api::ProviderView> provider_views(const Call& call) {
  if (call.options.providers) return call.options.providers();
  std::vector<api::ProviderView> out;
  for (ProviderInfo& each : call.gateway.providers())
    out.push_back({.info = std::move(each)});
  return out;
}

/// The type that somebody configured; empty: the mapping of the profiles decides.
std::string configured_type(const std::vector<api::ProviderView>& configured, const std::string& provider) {
  for (const api::ProviderView& each : configured) {
    if (same_name(each.info.name, provider)) return each.info.type;
  }
  return {};
}

}  // namespace

Reply show_welcome(const Call&) {
  return {.type = "text/plain; charset=utf-8",
          .body =
              "Holdfast keeps a long generative job on the provider its user chose.\n\n"
              "The control API begins at /holdfast/v1; /holdfast/v1/openapi.json describes it.\n"
              "Clients of OpenAI, Anthropic, Ollama, ElevenLabs and Stable Diffusion WebUI use their own paths;\n"
              "in front of them, /jobs/JOB names the job.\n"};
}

Reply show_metrics(const Call& call) {
  if (!call.options.metrics) return problem_reply(Errc::invalid_argument, 404, "this process keeps no metrics");
  return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = call.options.metrics()};
}

Reply say_live(const Call&) {
  return json_reply({{"status", "live"}});
}

Reply say_ready(const Call& call) {
  if (call.stopping) throw Error(Errc::store_unavailable, "this process is stopping");
  call.gateway.check_store();
  return json_reply({{"status", "ready"}});
}

Reply show_document(const Call&) {
  return {.body = std::string(api::openapi_document())};
}

Reply show_statistics(const Call& call) {
  return json_reply(api::to_json(call.gateway.statistics()));
}

Reply list_providers(const Call& call) {
  json::array entries;
  for (const api::ProviderView& each : provider_views(call))
    entries.emplace_back(api::to_json(each));
  return json_reply(api::listing("providers", std::move(entries)));
}

Reply list_profiles(const Call& call) {
  const std::string patience = patience_of(call);
  const TimeoutProfiles profiles = call.gateway.profiles();
  std::vector<std::pair<std::string, std::string>> known;  // the configured ones first, each once
  for (const api::ProviderView& each : provider_views(call))
    known.emplace_back(each.info.name, each.info.type);
  for (auto& [name, type] : profiles.mapped_providers()) {
    const auto same = [&name](const auto& each) { return same_name(each.first, name); };
    if (std::ranges::none_of(known, same)) known.emplace_back(name, type);
  }
  json::array entries;
  for (const auto& [name, type] : known)
    entries.emplace_back(api::to_json(view_of(profiles.for_provider(name, patience, type))));
  return json_reply(api::listing("profiles", std::move(entries)));
}

Reply show_profile(const Call& call) {
  const std::string& provider = call.path[0];
  if (const auto why = name_problem(provider)) {
    throw Error(Errc::invalid_argument, "the provider's name " + *why);
  }
  const std::string type = configured_type(provider_views(call), provider);
  return json_reply(api::to_json(view_of(call.gateway.profiles().for_provider(provider, patience_of(call), type))));
}

Reply list_audit(const Call& call) {
  const std::string job = call.parameter("job");
  if (job.empty()) throw Error(Errc::invalid_argument, "parameter 'job' is missing");
  const Page page(call);
  const std::uint64_t after = page.after_number();
  // The record that the cursor names is read along: where it is none of this trail, nobody gave that cursor.
  std::vector<AuditRecord> records =
      call.gateway.audit(job, std::max<std::uint64_t>(after, 1), page.entries_to_read() + (after == 0 ? 0 : 1));
  if (records.empty() && !call.gateway.job(job)) throw Error(Errc::no_such_job, "there is no job " + job);
  if (after != 0) {
    if (records.empty() || records.front().seq != after) throw page.bad_cursor();
    records.erase(records.begin());
  }
  return page.reply(
      "records", records, [](const AuditRecord& each) { return std::to_string(each.seq); },
      [](const AuditRecord& each) { return to_json(each); });
}

Reply verify_audit(const Call& call) {
  return json_reply(to_json(call.gateway.verify_audit(call.parameter("job"))));
}

}  // namespace holdfast::control
