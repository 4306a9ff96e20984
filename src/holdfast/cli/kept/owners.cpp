#include "holdfast/cli/kept/owners.hpp"

#include <algorithm>

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

control::Remote reach(const Owner& owner, const std::string& job_id) {
  if (owner.socket.empty()) {
    throw Error(Errc::store_held, "job " + job_id + " is held by " + store::text(owner) +
                                      ", which has no socket: only from there can it be acted on");
  }
  return control::Remote(net::Endpoint{.path = owner.socket});
}

}  // namespace holdfast::cli
