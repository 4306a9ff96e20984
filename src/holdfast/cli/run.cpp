#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <stop_token>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/door.hpp"
#include "holdfast/cli/line/sockets.hpp"
#include "holdfast/cli/notify/notify.hpp"
#include "holdfast/cli/provider_views.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/cli/screen_view.hpp"
#include "holdfast/cli/summary.hpp"
#include "holdfast/cli/watch_job.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/store/owner.hpp"

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

/// The job to go on with; throws where there is none, or a living process holds it.
JobRow kept_job(Gateway& gateway, const std::string& id) {
  auto kept = gateway.job(id);
  if (!kept) throw Error(Errc::no_such_job, "--resume: there is no job " + id + " in the store; see `holdfast jobs`");
  if (kept->owner) {
    throw Error(Errc::store_held, "job " + id + " is running: process " + std::to_string(kept->owner->pid) + " (" +
                                      kept->owner->program + ") holds it; `holdfast watch " + shell_quoted(id) +
                                      "` shows it");
  }
  return std::move(*kept);
}

/// The job file that was named; for a resume without one, the job file as it was when the job began.
JobReading read_job(const RunArguments& arguments, const std::optional<JobRow>& kept) {
  const JobOverrides overrides{.inputs = arguments.inputs, .providers = arguments.providers, .working_folder = {}};
  if (arguments.job.empty() && (!kept || !kept->plan)) {
    throw Error(Errc::config, "--resume: job " + arguments.resume + " was not run from a job file; name one");
  }
  return arguments.job.empty() ? read_job_text(kept->plan->text, kept->plan->file, overrides)
                               : read_job_file(arguments.job, overrides);
}

jobs::RunOptions options_for(const RunArguments& arguments, const Session& session, const JobFile& job, bool asks) {
  jobs::RunOptions options{.job_id = arguments.resume,
                           .out = arguments.out,
                           .consents = arguments.consents,
                           .resume = !arguments.resume.empty(),
                           .from = arguments.from,
                           .by = user_name()};
  for (const auto& [stage, provider] : arguments.providers)
    options.providers.insert_or_assign(stage, provider);
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

/// Whose patience is a guess.
void tell_notices(const jobs::Runner& runner) {
  for (const jobs::PlannedStage& each : runner.plan()) {
    if (each.notice.empty()) continue;
    std::cerr << "holdfast: stage '" << harmless(each.name) << "': " << harmless(each.notice) << " (it asks after "
              << spoken(each.stall_threshold) << "); provider_type says otherwise\n";
  }
}

/// Where the artifacts of such a run would go; nothing where that ends with an id which is drawn when it runs.
std::optional<std::string> planned_folder(const jobs::Runner& runner, const RunArguments& arguments) {
  if (arguments.out.empty() && arguments.resume.empty()) return std::nullopt;
  return runner.out().string();
}

/// What `--dry-run` prints where nothing is wrong.
void print_plan(const jobs::Runner& runner, const RunArguments& arguments, std::ostream& out) {
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
  const auto folder = planned_folder(runner, arguments);
  if (arguments.json) {
    const boost::json::value known = folder ? boost::json::value(api::words(*folder)) : boost::json::value(nullptr);
    out << api::text(boost::json::object{{"out", known}, {"stages", std::move(stages)}}) << "\n";
    return;
  }
  print_table(out, rows);
  if (folder) {
    out << "Artifacts go to " << harmless(*folder) << ". Nothing was started.\n";
    return;
  }
  const std::string drawn = runner.out().string();
  out << "Artifacts go to " << harmless(drawn.substr(0, drawn.rfind('-')))
      << "-…, a folder whose name ends with the id that the job gets when it runs. Nothing was started.\n";
}

/// What an earlier run has left: its locks, and what it has finished where that does not begin anew.
void show_kept(std::vector<StageLine>& lines, const jobs::Runner& runner, const JobRow& kept) {
  for (StageLine& line : lines) {
    show_lock(line, kept.locks);
    const auto row =
        std::ranges::find_if(kept.stages, [&](const StageRow& each) { return same_name(each.stage_name, line.name); });
    if (row == kept.stages.end() || runner.begins_anew(line.name)) continue;
    line.items = row->items;
    line.items_done = row->items_done;
    if (row->state == StageState::done) line.state = StageState::done;
  }
}

Board board_for(const jobs::Runner& runner, const std::optional<JobRow>& kept, const TimeoutProfiles& profiles) {
  std::vector<StageLine> rows;
  for (const jobs::PlannedStage& each : runner.plan()) {
    rows.push_back(
        {.name = each.name, .provider = each.provider, .provider_type = each.provider_type, .absolute = each.absolute});
  }
  if (kept) show_kept(rows, runner, *kept);
  return {runner.job_id(), std::move(rows), wording_of(profiles)};
}

std::unique_ptr<View> view_for(const RunArguments& arguments, const Show& show, const jobs::Runner& runner,
                               const std::optional<JobRow>& kept, const Session& session, JobControl control) {
  const TimeoutProfiles& profiles = session.profiles;
  if (arguments.json) return std::make_unique<JsonView>(stdout, std::move(control));
  if (show.screen) {
    return std::make_unique<ScreenView>(board_for(runner, kept, profiles), style_for(show.facts),
                                        arguments.on_stall != OnStall::wait, std::move(control));
  }
  const bool person = show.facts.in_is_terminal && show.facts.out_is_terminal;
  return std::make_unique<PlainView>(
      stdout, wording_of(profiles), std::move(control),
      PlainView::Manner{.interrupt_asks = person, .utf8 = show.facts.utf8, .holdfast = command_elsewhere(session)});
}

/// `recorded` becomes false where a cancel stops the job and cannot be written down.
JobControl control_of(Gateway& gateway, const std::string& job_id, std::stop_source& stop,
                      std::atomic<bool>& recorded) {
  return {.answer = [&gateway](Answer answer) { return gateway.answer(std::move(answer)); },
          .cancel =
              [&gateway, job_id, &stop, &recorded](const std::string& by) {
                // Stopping never waits for the record: the stop is asked for even where that fails.
                const auto stopping = std::unique_ptr<std::stop_source, void (*)(std::stop_source*)>(
                    &stop, [](std::stop_source* source) { source->request_stop(); });
                if (!gateway.cancel({.job_id = job_id, .confirmed = true, .by = by}).recorded) recorded = false;
              }};
}

/// The log of a run on a screen lies beside the store: over the screen it would be in the way.
std::filesystem::path log_file(const GlobalArguments& global, const Session& session, const Show& show) {
  if (!global.log_file.empty() || !show.screen) return global.log_file;
  const auto folder = folder_of_store(session.store);
  return folder.empty() ? folder : folder / "holdfast.log";
}

/// Whether the job can be gone on with: a run may end before its job is recorded.
bool is_recorded(Gateway& gateway, const std::string& id) {
  try {
    return gateway.job(id).has_value();
  } catch (const Error&) {
    return true;  // nobody knows now; to try to resume costs nothing, and to begin again may be paid for twice
  }
}

/// How its record can be looked at, from any terminal.
std::string where_to_look(const jobs::RunResult& result, const Session& session, bool recorded) {
  if (!recorded) return "It is not on the record: it ended before that.";
  if (folder_of_store(session.store).empty()) return "Its record was in memory, and ends with this process.";
  const std::string id = shell_quoted(result.job_id);
  const std::string holdfast = shell_line(session.command);
  return "Its record: " + holdfast + " history " + id + ", " + holdfast + " audit show " + id;
}

/// One a line, as compilers say them, so that an editor can jump to each.
Exit tell_problems(const Problems& problems) {
  for (const Problem& each : problems.list())
    std::cerr << (each.file.empty() ? "holdfast: " : "") << harmless(each.text()) << "\n";
  if (problems.left_out() != 0) std::cerr << "holdfast: " << problems.left_out() << " more problems below these\n";
  return Exit::usage;
}

/// What was made and decided, where to look, how to go on.
void print_end(const jobs::RunResult& result, milliseconds elapsed, Gateway& gateway, const Session& session,
               const RunArguments& arguments, const std::vector<std::string>& words) {
  std::ostream& out = arguments.json ? std::cerr : std::cout;
  const bool recorded = is_recorded(gateway, result.job_id);
  if (!arguments.json || result.state != JobState::done) {
    for (const std::string& each :
         summary(result, elapsed, gateway.fallback_history(result.job_id), shell_line(session.command))) {
      out << each << "\n";
    }
    out << where_to_look(result, session, recorded) << "\n";
  }
  const bool resumes = recorded && arguments.resume.empty() && !folder_of_store(session.store).empty();
  if (result.state == JobState::failed) out << again(words, resumes ? result.job_id : "") << "\n";
  out.flush();
}

}  // namespace

Exit run_command(const RunArguments& arguments, const GlobalArguments& global, const std::vector<std::string>& words) {
  const Session session = load_session(global, process_environment());
  if (!arguments.patience.empty()) check_patience(session.profiles, arguments.patience, "--patience");
  for (const std::string& each : session.notices)
    std::cerr << "holdfast: " << harmless(each) << "\n";
  const Show show = show_for(arguments);

  process::Spawner spawner;
  const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
  const auto socket = socket_path(process_environment(), session.store, ::getpid());
  auto store = open_store(session, arguments.resume.empty() ? store::Empty::filled : store::Empty::refused);
  store->act_as(store::this_process("holdfast run", socket.string()));
  Gateway gateway(
      {.profiles = session.profiles, .patience = session.config.patience, .providers = catalogue.job_infos()},
      std::move(store));
  std::optional<JobRow> kept;
  if (!arguments.resume.empty()) kept = kept_job(gateway, arguments.resume);
  JobReading read = read_job(arguments, kept);
  const jobs::RunOptions options = options_for(arguments, session, read.job, show.screen);
  jobs::Runner runner(gateway, catalogue, std::move(read.job), options);
  if (const Problems problems = runner.problems(read.problems); !problems.empty()) {
    return tell_problems(problems);
  }
  tell_notices(runner);
  if (arguments.dry_run) {
    print_plan(runner, arguments, std::cout);
    return Exit::done;
  }

  EventLog log(log_file(global, session, show), global.log_level,
               !global.log_level.empty() && ::isatty(STDERR_FILENO) == 0);
  const Door door(gateway, socket, session,
                  [&catalogue, config = session.config] { return provider_views(catalogue, config, false); });
  if (!door.problem().empty()) log.complain(door.problem());
  const Notifier notifier(gateway, spawner, session.config.notify.command,
                          Webhook::configured(session.config.notify, process_environment()),
                          [&log](const std::string& why) { log.complain(why); });
  Signals signals;
  std::stop_source stop;
  const auto began = std::chrono::steady_clock::now();
  std::atomic<bool> cancel_recorded = true;
  auto view =
      view_for(arguments, show, runner, kept, session, control_of(gateway, runner.job_id(), stop, cancel_recorded));
  if (kept) view->begin(*kept, {}, milliseconds(0));
  jobs::RunResult result = watch_job(gateway, runner, *view, log, signals, stop);
  result.recorded = result.recorded && cancel_recorded;
  view.reset();  // gives the terminal back
  if (const auto dropped = gateway.callback_counts().dropped; dropped != 0) {
    log.complain(std::to_string(dropped) + " notices were dropped");
  }

  const auto elapsed = std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - began);
  print_end(result, elapsed, gateway, session, arguments, words);
  return exit_of(result);
}

}  // namespace holdfast::cli
