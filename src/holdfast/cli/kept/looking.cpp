#include <algorithm>
#include <map>
#include <ostream>

#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/cli/kept/going_on.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/kept/questions.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/cli/screen/telling.hpp"
#include "holdfast/store/audit.hpp"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

std::string text(const json::object& object, std::string_view key) {
  const json::value& value = object.at(key);
  return value.is_string() ? harmless(std::string(value.as_string())) : std::string("-");
}

/// What a daemon tells where one is named, else what the store knows: in the same words.
json::object jobs_from(const Session& session, const JobsArguments& arguments) {
  if (const auto daemon = named_daemon(process_environment())) {
    return api::listing("jobs",
                        daemon->list("/jobs", "jobs", {{"state", arguments.active ? "active" : ""}}, arguments.limit));
  }
  json::array entries;
  for (const JobRow& each :
       open_store(session)->jobs({.active_only = arguments.active, .limit = arguments.limit}).value()) {
    entries.emplace_back(api::to_json(each));
  }
  return api::listing("jobs", std::move(entries));
}

/// A job in the words of the API; `row` is the store's, and absent where a daemon told it.
struct Told {
  json::object job{};
  std::optional<JobRow> row{};
};

Told job_from(const Session& session, const std::string& id) {
  if (const auto daemon = named_daemon(process_environment())) {
    return {daemon->get(control::Remote::path({"jobs", id})), std::nullopt};
  }
  auto row = open_store(session)->job(id).value();
  if (!row) throw Error(Errc::no_such_job, "there is no job " + id + " in the store; see `holdfast jobs`");
  return {api::to_json(*row), std::move(row)};
}

json::object decisions_from(const Session& session, const std::string& id) {
  if (const auto daemon = named_daemon(process_environment())) {
    return api::listing("decisions", daemon->list(control::Remote::path({"jobs", id, "decisions"}), "decisions"));
  }
  job_from(session, id);
  json::array entries;
  for (const FallbackDecision& each : open_store(session)->history(id).value())
    entries.emplace_back(api::to_json(each));
  return api::listing("decisions", std::move(entries));
}

json::object statistics_from(const Session& session) {
  if (const auto daemon = named_daemon(process_environment())) return daemon->get("/statistics");
  json::object all = api::to_json(open_store(session)->statistics().value());
  for (const char* key : {"activeOperations", "openQuestions"})
    all[key] = nullptr;  // those who run jobs know, each of its own
  return all;
}

std::string progress_of(const json::object& job) {
  std::size_t done = 0;
  const json::array& stages = job.at("stages").as_array();
  for (const json::value& each : stages)
    done += each.as_object().at("state").as_string() == "done" ? 1 : 0;
  return std::to_string(done) + "/" + std::to_string(stages.size());
}

/// What can be done with it, where there is something.
std::vector<std::string> hints_for(const Told& told, const Session& session) {
  const json::object& job = told.job;
  const std::string id(job.at("jobId").as_string());
  const std::string holdfast = shell_line(session.command);
  if (const json::object* owner = job.at("owner").if_object()) {
    return {"Process " + std::to_string(owner->at("pid").to_number<std::int64_t>()) + " (" + text(*owner, "program") +
            ") holds it: `" + holdfast + " watch " + shell_quoted(id) + "` shows it live."};
  }
  const std::string_view state = job.at("state").as_string();
  if (told.row && (state == "interrupted" || state == "failed")) return how_to_go_on(*told.row, session);
  return {};
}

/// The open questions of the job, from whoever holds it. Nothing where nobody does, or where it does not answer now.
void print_questions(const Told& told, const Session& session, std::ostream& out) {
  const std::string id(told.job.at("jobId").as_string());
  const auto daemon = named_daemon(process_environment());
  const bool reached = told.row && told.row->owner && !told.row->owner->socket.empty();
  if (!daemon && !reached) return;
  try {
    const control::Remote holder = daemon ? *daemon : reach(*told.row->owner, id, look_time);
    for (const json::value& each : holder.list("/operations", "operations", {{"state", "active"}, {"job", id}})) {
      const auto operation = api::operation_from_json(each.as_object());
      if (!operation || !operation->question) continue;
      print_question(*operation->question, items_of(holder, *operation->question), shell_line(session.command), out);
    }
  } catch (const Error&) {
    // What the store knows is shown all the same; `holdfast answer` names who does not answer.
  }
}

/// Records are looked at from the end: what a job failed of is among its last ones.
constexpr std::uint64_t last_records = 100;

/// Why the stages that are not done failed, as far as the last records say. A daemon is not asked: a job that failed is
/// nobody's any more, and stands in the store of who ran it.
std::vector<std::string> failures(const Session& session, const json::object& job) {
  const std::string id(job.at("jobId").as_string());
  if (job.at("state").as_string() != "failed" || named_daemon(process_environment())) return {};
  const auto store = open_store(session);
  const auto end = store->trail_end(id);
  if (!end || !*end) return {};
  const std::uint64_t count = (*end)->count;
  const auto records = store->trail(id, count > last_records ? count - last_records + 1 : 1, last_records);
  if (!records) return {};
  std::map<std::string, std::string> why;  // by stage: what was last said of it
  for (const AuditRecord& each : *records) {
    const auto news = store::decode(each);
    const auto* ended = news ? std::get_if<OperationEnded>(&*news) : nullptr;
    if (ended == nullptr) continue;
    why.erase(ended->stage_name);
    if (ended->outcome == OperationPhase::failed) {
      why[ended->stage_name] = ended->stage_name + " on " + ended->provider_name + ": " + told_fault(ended->fault);
    }
  }
  std::vector<std::string> out;
  for (const auto& [stage, text] : why)
    out.push_back(text);
  return out;
}

void print_stages(const json::array& stages, std::ostream& out) {
  std::vector<std::vector<std::string>> rows{{"STAGE", "STATE", "ITEMS", "ARTIFACTS"}};
  for (const json::value& each : stages) {
    const json::object& stage = each.as_object();
    const json::array& made = stage.at("artifacts").as_array();
    const auto whole = [](const json::value& each) { return each.is_string() && !each.get_string().empty(); };
    const auto count_made = std::ranges::count_if(made, whole);
    std::string artifacts = count_made == 0 ? "-" : std::string(std::ranges::find_if(made, whole)->as_string());
    if (count_made > 1) artifacts += " and " + std::to_string(count_made - 1) + " more";
    const auto count = [&](std::string_view key) { return std::to_string(stage.at(key).to_number<std::int64_t>()); };
    rows.push_back(
        {text(stage, "stageName"), text(stage, "state"), count("itemsDone") + "/" + count("items"), artifacts});
  }
  print_table(out, rows);
}

/// "One → Two for text after 4.4 s (USER_AFTER_STALL), confirmed by ana".
std::string told(const json::object& object) {
  FallbackDecision decision;
  decision.from_provider = object.at("fromProvider").as_string();
  decision.to_provider = object.at("toProvider").as_string();
  decision.reason_code = reason_from_name(object.at("reasonCode").as_string()).value_or(ReasonCode::user_request);
  decision.elapsed_before_switch = milliseconds(object.at("elapsedBeforeSwitchMs").to_number<std::int64_t>());
  decision.user_confirmed = object.at("userConfirmed").as_bool();
  if (object.at("decidedBy").is_string()) decision.decided_by = object.at("decidedBy").as_string();
  for (const json::value& each : object.at("affectedStages").as_array())
    decision.affected_stages.emplace_back(each.as_string());
  return told_decision(decision);
}

}  // namespace

Exit jobs_command(const JobsArguments& arguments, const Session& session, std::ostream& out) {
  const json::object listed = jobs_from(session, arguments);
  if (arguments.json) {
    out << api::text(listed) << "\n";
    return Exit::done;
  }
  const json::array& jobs = listed.at("jobs").as_array();
  if (jobs.empty()) {
    out << "No jobs in " << harmless(session.store) << ".\n";
    return Exit::done;
  }
  std::vector<std::vector<std::string>> rows{{"JOB", "STATE", "STAGES", "OPENED", "CLOSED"}};
  for (const json::value& each : jobs) {
    const json::object& job = each.as_object();
    rows.push_back(
        {text(job, "jobId"), text(job, "state"), progress_of(job), text(job, "openedAt"), text(job, "closedAt")});
  }
  print_table(out, rows);
  return Exit::done;
}

Exit show_command(const ShowArguments& arguments, const Session& session, std::ostream& out) {
  const Told told = job_from(session, arguments.job);
  const json::object& job = told.job;
  if (arguments.json) {
    out << api::text(job) << "\n";
    return Exit::done;
  }
  out << text(job, "jobId") << "  " << text(job, "state") << "  patience " << text(job, "patienceProfile")
      << ", opened " << text(job, "openedAt");
  if (job.at("closedAt").is_string()) out << ", closed " << text(job, "closedAt");
  out << "\n";
  if (const json::array& stages = job.at("stages").as_array(); !stages.empty()) print_stages(stages, out);
  for (const std::string& each : failures(session, job))
    out << harmless(each) << "\n";
  for (const json::value& each : job.at("locks").as_array())
    out << text(each.as_object(), "text") << "\n";
  if (const json::value* consents = job.if_contains("consents")) {  // a daemon of 0.1 says nothing of them
    for (const json::value& each : consents->as_array())
      out << "Given in advance: " << text(each.as_object(), "text") << "\n";
  }
  print_questions(told, session, out);
  for (const std::string& each : hints_for(told, session))
    out << harmless(each) << "\n";
  return Exit::done;
}

Exit history_command(const HistoryArguments& arguments, const Session& session, std::ostream& out) {
  const json::object listed = decisions_from(session, arguments.job);
  if (arguments.json) {
    out << api::text(listed) << "\n";
    return Exit::done;
  }
  const json::array& decisions = listed.at("decisions").as_array();
  if (decisions.empty()) out << "No switch: every stage ran on the provider it was locked to.\n";
  for (const json::value& each : decisions)
    out << text(each.as_object(), "timestamp") << "  " << harmless(told(each.as_object())) << "\n";
  return Exit::done;
}

Exit stats_command(const StatsArguments& arguments, const Session& session, std::ostream& out) {
  const json::object all = statistics_from(session);
  if (arguments.json) {
    out << api::text(all) << "\n";
    return Exit::done;
  }
  const auto count = [&](std::string_view key) { return std::to_string(all.at(key).to_number<std::int64_t>()); };
  const std::string rate = std::to_string(all.at("fallbackRate").to_number<double>() * 100.0);
  print_table(out, {{"Jobs", count("totalJobs")},
                    {"Active locks", count("activeLocks")},
                    {"Stall questions", count("stallQuestions")},
                    {"  resolved by progress", count("stallsResolvedByProgress")},
                    {"Switches", count("totalFallbackDecisions")},
                    {"  asked for", count("userRequestedFallbacks")},
                    {"  after a stall", count("afterStallFallbacks")},
                    {"  after an error", count("errorTriggeredFallbacks")},
                    {"Jobs with a switch", rate.substr(0, rate.find('.') + 2) + " %"}});
  return Exit::done;
}

}  // namespace holdfast::cli
