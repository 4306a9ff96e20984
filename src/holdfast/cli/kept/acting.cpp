#include <algorithm>
#include <ostream>

#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/kept/questions.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/telling.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/jobs/artifacts.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/catalogue.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

JobRow job_to_act_on(store::Store& store, const std::string& id) {
  auto row = store.job(id).value();
  if (!row) throw Error(Errc::no_such_job, "there is no job " + id + " in the store; see `holdfast jobs`");
  return std::move(*row);
}

/// Acts in this process on a job that nobody holds.
Gateway acting_here(const Session& session, std::unique_ptr<store::Store> store, const char* program) {
  store->act_as(store::this_process(program, ""));
  process::Spawner spawner;  // nothing is run: it belongs to those who could be
  const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
  return Gateway({.profiles = session.profiles, .patience = session.config.patience, .providers = catalogue.infos()},
                 std::move(store));
}

/// Nobody runs the job any more: the process groups that a killed run of it has left running end.
void end_children(const JobRow& job) {
  if (job.plan) jobs::ArtifactFolder(job.plan->out, job.job_id).end_children();
}

/// Somebody who may know of open questions.
struct Asker {
  std::string who{};
  control::Remote look, act;
  bool daemon = false;  ///< the one that was named: where it does not answer, there is nobody else to ask
};

std::vector<Asker> askers(const Session& session) {
  if (const auto daemon = named_daemon(process_environment()))
    return {{daemon->endpoint().text(), *daemon, *daemon, true}};
  std::vector<Asker> out;
  const auto store = open_store(session);
  for (const LivingOwner& owner : living_owners(*store)) {
    if (owner.process.socket.empty()) continue;
    const std::string& job = owner.jobs.front();
    out.push_back({store::text(owner.process), reach(owner.process, job, look_time), reach(owner.process, job)});
  }
  return out;
}

Exit list_questions(const AnswerArguments& arguments, const Session& session, std::ostream& out) {
  json::array asked, silent;
  std::vector<std::pair<Question, std::size_t>> questions;  // with the items of their stages
  for (const Asker& asker : askers(session)) {
    try {
      for (const json::value& each : asker.look.list("/operations", "operations", {{"state", "active"}})) {
        if (each.as_object().at("question").is_null()) continue;
        asked.push_back(each);
        if (arguments.json) continue;
        auto operation = api::operation_from_json(each.as_object());
        if (!operation) throw Error(Errc::provider_failed, asker.who + ": " + operation.error().message);
        const std::size_t items = items_of(asker.look, *operation->question);
        questions.emplace_back(std::move(*operation->question), items);
      }
    } catch (const Error& error) {
      if (error.errc() != Errc::store_unavailable || asker.daemon) throw;
      silent.emplace_back(asker.who);
    }
  }
  if (arguments.json) {
    json::object listed = api::listing("operations", std::move(asked));
    listed["silent"] = std::move(silent);
    out << api::text(listed) << "\n";
    return Exit::done;
  }
  if (asked.empty()) out << "No open questions.\n";
  for (const auto& [question, items] : questions)
    print_question(question, items, shell_line(session.command), out);
  for (const json::value& each : silent)
    out << harmless(each.as_string()) << " does not answer; what it asks is not listed.\n";
  return Exit::done;
}

/// Whoever knows of the operation, and what it asks now.
struct Asked {
  control::Remote remote;
  std::optional<Question> question{};
};

Asked owner_of_operation(const Session& session, const std::string& operation) {
  std::string silent;
  for (const Asker& asker : askers(session)) {
    try {
      auto known = api::operation_from_json(asker.look.get(control::Remote::path({"operations", operation})));
      if (!known) throw Error(Errc::provider_failed, asker.who + ": " + known.error().message);
      return {asker.act, std::move(known->question)};
    } catch (const Error& error) {
      if (error.errc() != Errc::no_such_operation && error.errc() != Errc::store_unavailable) throw;
      if (error.errc() == Errc::store_unavailable) silent += "; " + asker.who + " does not answer";
    }
  }
  throw Error(
      silent.empty() ? Errc::no_such_operation : Errc::store_unavailable,
      "no running process knows of operation " + operation + silent + "; `holdfast answer` lists what is asked");
}

/// The provider that a switch of these stages leaves.
std::string provider_left(const JobRow& job, const std::vector<std::string>& stages) {
  for (auto lock = job.locks.rbegin(); lock != job.locks.rend(); ++lock) {
    if (lock->active() && (stages.empty() || lock->governed().overlaps({stages, {}}))) return lock->provider_name;
  }
  for (const std::string& each : stages) {
    const auto known = [&](const StageRow& row) { return same_name(row.stage_name, each); };
    if (job.stages.empty() || std::ranges::any_of(job.stages, known)) continue;
    throw Error(Errc::invalid_argument, "--stages: job " + job.job_id + " has no stage " + each + "; `holdfast show " +
                                            shell_quoted(job.job_id) + "` lists those it has");
  }
  throw Error(Errc::no_such_job, "job " + job.job_id + " has no active lock to switch");
}

json::object decide(const control::Remote& remote, const SwitchArguments& arguments, const std::string& from) {
  auto decision =
      FallbackDecision::user_requested(arguments.job, from, arguments.to, milliseconds(0), "", arguments.stages);
  decision.user_confirmed = arguments.confirmed;
  decision.decided_by = user_name();
  return remote.decide({.decision = std::move(decision)});
}

/// What is refused for want of a confirmation, with the flag that gives it here.
std::string with_flag(std::string message) {
  constexpr std::string_view said = "Say confirmed";
  const std::size_t at = message.find(said);
  if (at != std::string::npos) return message.replace(at, said.size(), "Say --confirm");
  return message.find("--confirm") == std::string::npos ? message + ". Say --confirm to do it" : message;
}

/// Prints what was done; throws what was refused.
void print_result(const AnswerResult& result, const std::string& done, bool as_json, std::ostream& out) {
  if (!result.applied && result.refused == Errc::confirmation_required) {
    throw Error(result.refused, with_flag(result.message));
  }
  if (!result.applied) throw Error(result.refused, result.message);
  const std::string unrecorded = result.recorded ? "" : " The record could not be written; it is tried again.";
  out << (as_json ? api::text(api::to_json(result)) : harmless(done) + unrecorded) << "\n";
}

}  // namespace

void check_answer(const AnswerArguments& answer, const std::optional<Question>& question, const std::string& holdfast) {
  if (answer.option.empty()) {
    if (!question) {
      throw Error(Errc::invalid_argument,
                  "operation " + answer.operation + " asks nothing now; `holdfast answer` lists what is asked");
    }
    std::string answers;
    for (const AnswerCommand& each : answer_commands(*question, holdfast))
      answers += "\n  " + each.command + "   " + each.label;
    throw Error(Errc::invalid_argument, "say which answer:" + answers);
  }
  if (!question || answer.provider.empty() || (answer.ask != 0 && answer.ask != question->ask)) return;
  const AnswerOption* option = question->option(answer.option);
  if (option == nullptr || option->action == AnswerAction::fallback) return;
  throw Error(Errc::invalid_argument, "--provider: the answer " + answer.option +
                                          " switches to nobody; leave --provider out, or choose one that switches");
}

Exit answer_command(const AnswerArguments& arguments, const Session& session, std::ostream& out) {
  if (arguments.operation.empty()) return list_questions(arguments, session, out);
  const Asked asked = owner_of_operation(session, arguments.operation);
  check_answer(arguments, asked.question, shell_line(session.command));
  const AnswerResult result = asked.remote.answer({.operation_id = arguments.operation,
                                                   .ask = arguments.ask,
                                                   .option = arguments.option,
                                                   .provider = arguments.provider,
                                                   .confirmed = arguments.confirmed,
                                                   .by = user_name(),
                                                   .note = arguments.note});
  print_result(result, "Answered " + arguments.option + ".", arguments.json, out);
  return Exit::done;
}

namespace {

/// The decision as it was recorded, and the provider that it leaves in `from`.
json::object switched(const SwitchArguments& arguments, const Session& session, std::string& from) {
  json::object made;
  if (const auto daemon = named_daemon(process_environment())) {
    from = provider_left(job_of(*daemon, arguments.job), arguments.stages);
    made = decide(*daemon, arguments, from);
  } else {
    auto store = open_store(session);
    const JobRow job = job_to_act_on(*store, arguments.job);
    from = provider_left(job, arguments.stages);
    if (job.owner) {
      made = decide(reach(*job.owner, job.job_id), arguments, from);
    } else {
      Gateway gateway = acting_here(session, std::move(store), "holdfast switch");
      gateway.switch_provider({.job_id = job.job_id,
                               .to_provider = arguments.to,
                               .stages = arguments.stages,
                               .confirmed = arguments.confirmed,
                               .by = user_name()});
      made = api::to_json(gateway.fallback_history(job.job_id).back());
    }
  }
  return made;
}

}  // namespace

Exit switch_command(const SwitchArguments& arguments, const Session& session, std::ostream& out) {
  json::object made;
  std::string from;
  try {
    made = switched(arguments, session, from);
  } catch (const Error& error) {
    if (error.errc() != Errc::confirmation_required) throw;
    throw Error(error.errc(), "a switch from " + from + " to " + arguments.to +
                                  " may change style and tone of what comes; what is finished is kept. Say --confirm "
                                  "to do it");
  }
  const std::string done = "Job " + arguments.job + " goes on with " + arguments.to + " instead of " + from + ".";
  out << (arguments.json ? api::text(made) : harmless(done)) << "\n";
  return Exit::done;
}

Exit cancel_command(const CancelArguments& arguments, const Session& session, std::ostream& out) {
  const CancelRequest request{.job_id = arguments.job, .confirmed = arguments.confirmed, .by = user_name()};
  const auto cancelled = [&] {
    if (const auto daemon = named_daemon(process_environment())) return daemon->cancel(request);
    auto store = open_store(session);
    const JobRow job = job_to_act_on(*store, arguments.job);
    if (job.owner) return reach(*job.owner, job.job_id).cancel(request);
    AnswerResult result = acting_here(session, std::move(store), "holdfast cancel").cancel(request);
    if (result.applied && !result.recorded) {
      // Nothing ran that could have been stopped, and this process ends: nobody tries to write it again.
      throw Error(Errc::store_unavailable, "the end of job " + job.job_id +
                                               " could not be written: see `holdfast show` when its store has room");
    }
    if (result.applied) end_children(job);
    return result;
  };
  print_result(cancelled(), "Job " + arguments.job + " is cancelled; what is finished is kept.", arguments.json, out);
  return Exit::done;
}

Exit release_command(const ReleaseArguments& arguments, const Session& session, std::ostream& out) {
  const auto release = [&] {
    if (const auto daemon = named_daemon(process_environment())) return daemon->release(arguments.job);
    auto store = open_store(session);
    const JobRow job = job_to_act_on(*store, arguments.job);
    if (job.owner) return reach(*job.owner, job.job_id).release(job.job_id);
    const bool had_locks = acting_here(session, std::move(store), "holdfast release").release_provider_lock(job.job_id);
    end_children(job);
    return had_locks;
  };
  const bool released = release();
  const std::string done = "Job " + arguments.job + (released ? " is released." : " had no lock to release.");
  out << (arguments.json ? api::text(json::object{{"jobId", arguments.job}, {"released", released}}) : harmless(done))
      << "\n";
  return Exit::done;
}

}  // namespace holdfast::cli
