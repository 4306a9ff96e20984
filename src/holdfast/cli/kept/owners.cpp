#include "holdfast/cli/kept/owners.hpp"

#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "holdfast/api/decode.hpp"
#include "holdfast/net/tls/tls.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t jobs_at_a_time = 1000;

}  // namespace

std::vector<LivingOwner> living_owners(store::Store& store) {
  std::vector<LivingOwner> owners;
  JobsQuery query{.active_only = true, .limit = jobs_at_a_time};
  for (;;) {
    const auto jobs = store.jobs(query).value();
    for (const JobRow& job : jobs) {
      if (!job.owner) continue;
      const auto known = std::ranges::find_if(
          owners, [&](const LivingOwner& each) { return store::same_process(each.process, *job.owner); });
      LivingOwner& owner = known != owners.end() ? *known : owners.emplace_back(LivingOwner{*job.owner, {}});
      owner.jobs.push_back(job.job_id);
    }
    if (jobs.size() < query.limit) return owners;
    query.after = jobs.back().job_id;
  }
}

control::Remote reach(const Owner& owner, const std::string& job_id, std::chrono::milliseconds call_time) {
  if (owner.socket.empty()) {
    throw Error(Errc::store_held, "job " + job_id + " is held by " + store::text(owner) +
                                      ", which has no socket: only from there can it be acted on");
  }
  return control::Remote(net::Endpoint{.path = owner.socket}, {.call_time = call_time});
}

std::optional<control::Remote> named_daemon(const EnvironmentLookup& environment) {
  const auto url = environment("HOLDFAST_URL");
  if (!url) return std::nullopt;
  const auto base = net::parse_origin(*url);
  if (!base) throw Error(Errc::config, "HOLDFAST_URL: " + base.error().message);
  if (!base->path.empty()) throw Error(Errc::config, "HOLDFAST_URL names a daemon, without a path: http://HOST:PORT");
  control::RemoteOptions options;
  if (const auto token = environment("HOLDFAST_TOKEN")) options.fields.add("Authorization", "Bearer " + *token);
  if (base->origin.tls) {
    auto trusted = net::TlsClientContext::make();
    if (!trusted) throw Error(Errc::config, "HOLDFAST_URL: " + trusted.error().message);
    options.connector = net::connector(base->origin, std::move(*trusted));
  }
  return control::Remote(base->origin.endpoint(), std::move(options));
}

milliseconds age_of(const JobRow& job) {
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  milliseconds age = std::max(now - job.opened_at, milliseconds(0));
  if (!job.owner || job.owner->start_time == 0) return age;  // a daemon does not tell when it began
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const milliseconds since_boot =
      std::chrono::floor<milliseconds>(std::chrono::seconds(boot.tv_sec) + std::chrono::nanoseconds(boot.tv_nsec));
  const auto ticks_a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const milliseconds began(job.owner->start_time * 1000 / ticks_a_second);
  if (began <= since_boot) age = std::min(age, since_boot - began);
  return age;
}

std::string hint_for_refusal(Errc code, const EnvironmentLookup& environment) {
  if (code != Errc::unauthorized || !environment("HOLDFAST_URL")) return {};
  return environment("HOLDFAST_TOKEN") ? "; HOLDFAST_TOKEN is none that the daemon of HOLDFAST_URL knows"
                                       : "; HOLDFAST_TOKEN is not set: the daemon of HOLDFAST_URL wants a token there "
                                         "(`holdfast token` makes one)";
}

JobRow job_of(const control::Remote& remote, const std::string& job_id) {
  auto job = api::job_row_from_json(remote.get(control::Remote::path({"jobs", job_id})));
  if (!job) throw Error(Errc::provider_failed, remote.endpoint().text() + ": " + job.error().message);
  return std::move(*job);
}

}  // namespace holdfast::cli
