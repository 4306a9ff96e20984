#include <unistd.h>

#include <fstream>
#include <iostream>
#include <memory>
#include <stop_token>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/cli/screen_view.hpp"
#include "holdfast/cli/summary.hpp"
#include "holdfast/cli/watch_job.hpp"
#include "holdfast/process/spawner.hpp"

namespace holdfast::cli {
namespace {

/// How this run is shown, and with that who can be asked.
struct Show {
  bool screen = false;
  TerminalFacts facts{};
};

Show show_for(const RunArguments& arguments) {
  Show show{.facts = terminal_facts()};
  show.screen = !arguments.json && !arguments.plain && can_paint(show.facts);
  return show;
}

JobFile read_job(const RunArguments& arguments) {
  auto job = load_job_file(arguments.job,
                           {.inputs = arguments.inputs, .providers = arguments.providers, .working_folder = {}});
  if (!job) throw Error(Errc::config, job.error().text());
  return std::move(*job);
}

jobs::RunOptions options_for(const RunArguments& arguments, const Session& session, const JobFile& job, bool asks) {
  jobs::RunOptions options{.out = arguments.out, .consents = arguments.consents, .by = user_name()};
  options.patience = !arguments.patience.empty() ? arguments.patience
                     : !job.patience.empty()     ? job.patience
                                                 : session.config.patience;
  options.ask_on_error = arguments.on_error ? *arguments.on_error == OnError::ask : asks;
  // `--on-stall cancel` is a consent like any other, and recorded as one.
  if (arguments.on_stall == OnStall::cancel) options.consents.push_back({.when = StandingConsent::When::stall});
  for (StandingConsent& each : options.consents)
    each.given_by = options.by;
  return options;
}

/// What `--dry-run` prints where nothing is wrong.
void print_plan(const jobs::Runner& runner, bool json, std::ostream& out) {
  boost::json::array stages;
  std::vector<std::vector<std::string>> rows{{"STAGE", "KIND", "PROVIDER", "ITEMS", "AT ONCE", "ASKS AFTER", "OUTPUT"}};
  for (const jobs::PlannedStage& each : runner.plan()) {
    stages.push_back({{"stageName", each.name},
                      {"kind", each.kind},
                      {"providerName", each.provider},
                      {"providerType", each.provider_type},
                      {"absolute", each.absolute},
                      {"items", each.items},
                      {"parallel", each.parallel},
                      {"stallThresholdMs", each.stall_threshold.count()},
                      {"output", each.output}});
    rows.push_back({each.name, each.kind, each.provider + (each.absolute ? " (absolute)" : ""), each.items,
                    std::to_string(each.parallel), spoken(each.stall_threshold), each.output});
  }
  if (json) {
    out << api::text(boost::json::object{{"out", runner.out().string()}, {"stages", std::move(stages)}}) << "\n";
    return;
  }
  print_table(out, rows);
  out << "Artifacts go to " << harmless(runner.out().string()) << ". Nothing was started.\n";
}

Board board_for(const jobs::Runner& runner, const TimeoutProfiles& profiles) {
  std::vector<StageRow> rows;
  for (const jobs::PlannedStage& each : runner.plan()) {
    rows.push_back(
        {.name = each.name, .provider = each.provider, .provider_type = each.provider_type, .absolute = each.absolute});
  }
  return {runner.job_id(), std::move(rows), wording_of(profiles)};
}

std::unique_ptr<View> view_for(const RunArguments& arguments, const Show& show, const jobs::Runner& runner,
                               const TimeoutProfiles& profiles, JobControl control) {
  if (arguments.json) return std::make_unique<JsonView>(stdout, std::move(control));
  if (show.screen) {
    return std::make_unique<ScreenView>(board_for(runner, profiles), style_for(show.facts),
                                        arguments.on_stall != OnStall::wait, std::move(control));
  }
  const bool person = show.facts.in_is_terminal && show.facts.out_is_terminal;
  return std::make_unique<PlainView>(stdout, wording_of(profiles), std::move(control), person);
}

JobControl control_of(Gateway& gateway, const std::string& job_id, std::stop_source& stop) {
  return {.answer = [&gateway](Answer answer) { return gateway.answer(std::move(answer)); },
          .cancel =
              [&gateway, job_id, &stop](const std::string& by) {
                // Stopping never waits for the record: the stop is asked for even where that fails.
                const auto stopping = std::unique_ptr<std::stop_source, void (*)(std::stop_source*)>(
                    &stop, [](std::stop_source* source) { source->request_stop(); });
                gateway.cancel({.job_id = job_id, .confirmed = true, .by = by});
              }};
}

/// The job's trail beside what it made: one line of JSON a record. Where it was written, or why it could not be.
std::string write_history(Gateway& gateway, const jobs::RunResult& result) {
  std::error_code none;
  if (!std::filesystem::is_directory(result.out, none)) return "";
  const std::filesystem::path path = result.out / "history.jsonl";
  std::ofstream file(path, std::ios::trunc);
  const std::vector<KeptRecord> records = gateway.records(result.job_id);
  for (const KeptRecord& each : records)
    file << api::text(api::event_line(each.seq, each.time, each.record)) << "\n";
  file.close();
  if (!file) return "The history could not be written to " + harmless(path.string()) + ".";
  return "History, every lock, question, answer and decision in " + std::to_string(records.size()) +
         " records: " + harmless(path.string());
}

void refuse_problems(const jobs::Runner& runner) {
  const auto problems = runner.problems();
  if (problems.empty()) return;
  std::string text;
  for (const std::string& each : problems)
    text += (text.empty() ? "" : "\n") + each;
  throw Error(Errc::config, text);
}

}  // namespace

Exit run_command(const RunArguments& arguments, const GlobalArguments& global, const std::vector<std::string>& words) {
  const Session session = load_session(global, process_environment());
  check_store(session);
  if (!arguments.patience.empty()) check_patience(session.profiles, arguments.patience, "--patience");
  for (const std::string& each : session.notices)
    std::cerr << "holdfast: " << harmless(each) << "\n";
  const Show show = show_for(arguments);
  JobFile job = read_job(arguments);
  const jobs::RunOptions options = options_for(arguments, session, job, show.screen);

  process::Spawner spawner;
  const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
  Gateway gateway({.profiles = session.profiles,
                   .store = session.store,
                   .patience = session.config.patience,
                   .providers = catalogue.infos()});
  jobs::Runner runner(gateway, catalogue, std::move(job), options);
  refuse_problems(runner);
  if (arguments.dry_run) {
    print_plan(runner, arguments.json, std::cout);
    return Exit::done;
  }

  EventLog log(global.log_file, global.log_level, !global.log_level.empty() && ::isatty(STDERR_FILENO) == 0);
  Signals signals;
  std::stop_source stop;
  const auto began = std::chrono::steady_clock::now();
  auto view = view_for(arguments, show, runner, session.profiles, control_of(gateway, runner.job_id(), stop));
  const jobs::RunResult result = watch_job(gateway, runner, *view, log, signals, stop);
  view.reset();  // gives the terminal back

  std::ostream& out = arguments.json ? std::cerr : std::cout;
  const auto elapsed = std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - began);
  if (!arguments.json || result.state != JobState::done) {
    for (const std::string& each : summary(result, elapsed, gateway.fallback_history(result.job_id))) {
      out << each << "\n";
    }
  }
  const std::string history = write_history(gateway, result);
  if (!history.empty() && !arguments.json) out << history << "\n";
  if (result.state == JobState::failed) out << again(words) << "\n";
  out.flush();
  return exit_of(result);
}

}  // namespace holdfast::cli
