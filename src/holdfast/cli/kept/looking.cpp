#include <ostream>

#include "holdfast/api/json.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/cli/screen/telling.hpp"

namespace holdfast::cli {
namespace {

JobRow job_of(store::Store& store, const std::string& id) {
  auto row = store.job(id).value();
  if (!row) throw Error(Errc::no_such_job, "there is no job " + id + " in the store; see `holdfast jobs`");
  return std::move(*row);
}

std::string progress_of(const JobRow& job) {
  std::size_t done = 0;
  for (const StageRow& each : job.stages)
    done += each.state == StageState::done ? 1 : 0;
  return std::to_string(done) + "/" + std::to_string(job.stages.size());
}

/// What can be done with it, where there is something.
std::string hint_for(const JobRow& job) {
  if (job.owner) {
    return "Process " + std::to_string(job.owner->pid) + " (" + job.owner->program + ") holds it: `holdfast watch " +
           shell_quoted(job.job_id) + "` shows it live.";
  }
  if (job.state == JobState::interrupted || job.state == JobState::failed) {
    return "Go on with it: holdfast run --resume " + shell_quoted(job.job_id);
  }
  return {};
}

}  // namespace

Exit jobs_command(const JobsArguments& arguments, const Session& session, std::ostream& out) {
  const auto store = open_store(session);
  const auto jobs = store->jobs({.active_only = arguments.active, .limit = arguments.limit}).value();
  if (arguments.json) {
    boost::json::array entries;
    for (const JobRow& each : jobs)
      entries.emplace_back(api::to_json(each));
    out << api::text(api::listing("jobs", std::move(entries))) << "\n";
    return Exit::done;
  }
  if (jobs.empty()) {
    out << "No jobs in " << harmless(session.store) << ".\n";
    return Exit::done;
  }
  std::vector<std::vector<std::string>> rows{{"JOB", "STATE", "STAGES", "OPENED", "CLOSED"}};
  for (const JobRow& each : jobs) {
    rows.push_back({each.job_id, std::string(name(each.state)), progress_of(each), rfc3339(each.opened_at),
                    each.closed_at ? rfc3339(*each.closed_at) : "-"});
  }
  print_table(out, rows);
  return Exit::done;
}

Exit show_command(const ShowArguments& arguments, const Session& session, std::ostream& out) {
  const auto store = open_store(session);
  const JobRow job = job_of(*store, arguments.job);
  if (arguments.json) {
    out << api::text(api::to_json(job)) << "\n";
    return Exit::done;
  }
  out << harmless(job.job_id) << "  " << name(job.state) << "  patience " << harmless(job.patience) << ", opened "
      << rfc3339(job.opened_at);
  if (job.closed_at) out << ", closed " << rfc3339(*job.closed_at);
  out << "\n";
  if (!job.stages.empty()) {
    std::vector<std::vector<std::string>> rows{{"STAGE", "STATE", "ITEMS", "ARTIFACTS"}};
    for (const StageRow& each : job.stages) {
      std::string artifacts = each.artifacts.empty() ? "-" : each.artifacts.front();
      if (each.artifacts.size() > 1) artifacts += " and " + std::to_string(each.artifacts.size() - 1) + " more";
      rows.push_back({each.stage_name, std::string(name(each.state)),
                      std::to_string(each.items_done) + "/" + std::to_string(each.items), artifacts});
    }
    print_table(out, rows);
  }
  for (const ProviderLock& each : job.locks)
    out << harmless(each.text()) << "\n";
  if (const std::string hint = hint_for(job); !hint.empty()) out << harmless(hint) << "\n";
  return Exit::done;
}

Exit history_command(const HistoryArguments& arguments, const Session& session, std::ostream& out) {
  const auto store = open_store(session);
  job_of(*store, arguments.job);
  const auto decisions = store->history(arguments.job).value();
  if (arguments.json) {
    boost::json::array entries;
    for (const FallbackDecision& each : decisions)
      entries.emplace_back(api::to_json(each));
    out << api::text(api::listing("decisions", std::move(entries))) << "\n";
    return Exit::done;
  }
  if (decisions.empty()) out << "No switch: every stage ran on the provider it was locked to.\n";
  for (const FallbackDecision& each : decisions)
    out << rfc3339(each.timestamp) << "  " << harmless(told_decision(each)) << "\n";
  return Exit::done;
}

Exit stats_command(const StatsArguments& arguments, const Session& session, std::ostream& out) {
  const auto store = open_store(session);
  const Statistics all = store->statistics().value();
  if (arguments.json) {
    out << api::text(api::to_json(all)) << "\n";
    return Exit::done;
  }
  const std::string rate = std::to_string(all.fallback_rate * 100.0);
  print_table(out, {{"Jobs", std::to_string(all.total_jobs)},
                    {"Active locks", std::to_string(all.active_locks)},
                    {"Stall questions", std::to_string(all.stall_questions)},
                    {"  resolved by progress", std::to_string(all.stalls_resolved_by_progress)},
                    {"Switches", std::to_string(all.total_fallback_decisions)},
                    {"  asked for", std::to_string(all.user_requested_fallbacks)},
                    {"  after a stall", std::to_string(all.after_stall_fallbacks)},
                    {"  after an error", std::to_string(all.error_triggered_fallbacks)},
                    {"Jobs with a switch", rate.substr(0, rate.find('.') + 2) + " %"}});
  return Exit::done;
}

}  // namespace holdfast::cli
