#include "holdfast/cli/line/arguments.hpp"

// The only source that includes CLI11: it costs seconds to compile.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <tuple>

#include "holdfast/base/name.hpp"
#include "holdfast/cli/line/examples.hpp"
#include "holdfast/jobs/job_file.hpp"
#include "holdfast/toml/problems.hpp"

namespace holdfast::cli {
namespace {

constexpr const char* about =
    "Keeps a long generative job on the provider its user chose: slow is not failed, and nothing switches by itself.";

/// What the options write into, before the texts among them are read.
struct Raw {
  GlobalArguments global{};
  RunArguments run{};
  std::vector<std::string> inputs{}, providers{}, consents{};
  std::string on_stall = "ask", on_error{};
  InitArguments init{};
  ProfilesArguments profiles{};
  ProvidersArguments provider_list{};
  DoctorArguments doctor{};
  VersionArguments version{};
  JobsArguments jobs{};
  ShowArguments show{};
  HistoryArguments history{};
  WatchArguments watch{};
  StatsArguments stats{};
  AnswerArguments answer{};
  SwitchArguments move{};
  CancelArguments cancel{};
  ReleaseArguments release{};
  AuditArguments audit{};
  PruneArguments prune{};
  ServeArguments serve{};
  TokenArguments token{};
  std::string grace{};
  std::string stages{}, closed_before{};
  bool version_asked = false;
};

void add_global(CLI::App& app, Raw& raw) {
  app.add_option("--config", raw.global.config, "configuration (else HOLDFAST_CONFIG, then the usual places)")
      ->type_name("FILE");
  app.add_option("--store", raw.global.store,
                 "where locks and decisions are kept (else HOLDFAST_STORE): sqlite:PATH or memory:")
      ->type_name("URL");
  app.add_option("--log-level", raw.global.log_level, "trace, debug, info, warn, error or off")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
  app.add_option("--log-file", raw.global.log_file, "structured log, one line of JSON an event")->type_name("FILE");
  app.add_flag("--version,-V", raw.version_asked, "version, compiler and libraries");
}

/// An option that may be repeated, each time with one value: `--input a=1 b.toml` must not eat the job file.
void add_repeated(CLI::App& app, const std::string& name, std::vector<std::string>& into, const std::string& type,
                  const std::string& what) {
  app.add_option(name, into, what)->type_name(type)->expected(1)->allow_extra_args(false)->take_all();
}

void add_run(CLI::App& app, Raw& raw) {
  CLI::App* run = app.add_subcommand("run", "run a job file, its stages locked to their providers");
  run->add_option("JOB", raw.run.job, "the job file; may be left out with --resume")->type_name("FILE");
  add_repeated(*run, "--input", raw.inputs, "NAME=VALUE|@FILE", "an input of the job; repeat for more");
  run->add_option("--patience", raw.run.patience, "conservative, balanced, longForm, or one of your own")
      ->type_name("PROFILE");
  add_repeated(*run, "--provider", raw.providers, "STAGE=NAME", "another provider for a stage; repeat for more");
  run->add_option("--out", raw.run.out, "folder of the artifacts (./NAME-JOB)")->type_name("DIR");
  run->add_option("--on-stall", raw.on_stall, "ask (on a terminal), wait without asking, or cancel")
      ->type_name("ask|wait|cancel")
      ->check(CLI::IsMember({"ask", "wait", "cancel"}));
  run->add_option("--on-error", raw.on_error, "ask (on a terminal), or fail (without one)")
      ->type_name("ask|fail")
      ->check(CLI::IsMember({"ask", "fail"}));
  add_repeated(*run, "--consent", raw.consents, "'WHEN: WHAT'", "an answer given in advance; repeat for more");
  run->add_option("--resume", raw.run.resume, "go on with a job that failed or whose process died")->type_name("JOB");
  run->add_option("--from", raw.run.from, "with --resume: this stage and those behind it begin anew")
      ->type_name("STAGE");
  run->add_flag("--dry-run", raw.run.dry_run, "print the plan and everything that is wrong, start nothing");
  run->add_flag("--json", raw.run.json, "one line of JSON an event on stdout, nothing else there");
  run->add_flag("--plain", raw.run.plain, "one line of text an event, no screen, no prompts");
}

void add_json(CLI::App& app, bool& into) {
  app.add_flag("--json", into, "one JSON document");
}

void add_serve(CLI::App& app, Raw& raw) {
  CLI::App* serve = app.add_subcommand("serve", "the patient proxy and the control API, until SIGTERM");
  serve->add_option("--listen", raw.serve.listen, "where (127.0.0.1:7411)")->type_name("HOST:PORT");
  CLI::App* token =
      app.add_subcommand("token", "make a token for clients of `serve`, and what the configuration says of it");
  token->add_option("--name", raw.token.name, "whose it is, as records say it (client)")->type_name("NAME");
  token->add_option("--scopes", raw.token.scopes, "proxy, read, answer, admin, with commas between (proxy)")
      ->type_name("A,B")
      ->delimiter(',')
      ->check(CLI::IsMember({"proxy", "read", "answer", "admin"}));
  add_json(*token, raw.token.json);
  serve->add_option("--grace", raw.grace, "what runs may take so long to end after SIGTERM (5m)")->type_name("TIME");
}

void add_others(CLI::App& app, Raw& raw) {
  CLI::App* init = app.add_subcommand("init", "write a commented job.toml and holdfast.toml");
  init->add_option("DIR", raw.init.folder, "where (the working folder)")->type_name("DIR");
  init->add_flag("--force", raw.init.force, "write over files that are there");

  CLI::App* profiles = app.add_subcommand("profiles", "how long providers may take, and what is asked after that");
  profiles->add_option("PROVIDER", raw.profiles.provider, "one provider (all)")->type_name("NAME");
  profiles->add_option("--patience", raw.profiles.patience, "conservative, balanced, longForm, or one of your own")
      ->type_name("PROFILE");
  profiles->add_flag("--json", raw.profiles.json, "one JSON document");

  CLI::App* providers = app.add_subcommand("providers", "who can serve a stage: built in and configured");
  providers->add_flag("--check", raw.provider_list.check, "also say what prevents each from working here");
  providers->add_flag("--json", raw.provider_list.json, "one JSON document");

  CLI::App* doctor = app.add_subcommand("doctor", "check configuration, programs, fonts, locale, terminal");
  doctor->add_option("--out", raw.doctor.out, "the folder that must be writeable (the working folder)")
      ->type_name("DIR");
  doctor->add_flag("--json", raw.doctor.json, "one JSON document");

  CLI::App* version = app.add_subcommand("version", "version, compiler and libraries");
  version->add_flag("--json", raw.version.json, "one JSON document");
}

/// Looking at what is kept.
void add_kept(CLI::App& app, Raw& raw) {
  CLI::App* jobs = app.add_subcommand("jobs", "jobs in the store, newest first");
  jobs->add_flag("--active", raw.jobs.active, "only those that are not over");
  jobs->add_option("--limit", raw.jobs.limit, "at most so many (50)")->type_name("N")->check(CLI::Range(1, 10000));
  add_json(*jobs, raw.jobs.json);

  CLI::App* show = app.add_subcommand("show", "one job: its stages, locks, questions");
  show->add_option("JOB", raw.show.job, "the job's id")->required();
  add_json(*show, raw.show.json);

  CLI::App* watch = app.add_subcommand("watch", "a running job, live, in another terminal");
  watch->add_option("JOB", raw.watch.job, "the job's id (all running jobs)");
  watch->add_flag("--json", raw.watch.json, "one line of JSON an event");
  watch->add_flag("--plain", raw.watch.plain, "one line of text an event");

  CLI::App* history = app.add_subcommand("history", "the decisions of a job: who switched, from, to, why");
  history->add_option("JOB", raw.history.job, "the job's id")->required();
  add_json(*history, raw.history.json);

  add_json(*app.add_subcommand("stats", "counts over the whole store"), raw.stats.json);

  CLI::App* audit = app.add_subcommand("audit", "the record: show, verify, export");
  audit->require_subcommand(1);
  CLI::App* audit_show = audit->add_subcommand("show", "every record of a job, in order");
  audit_show->add_option("JOB", raw.audit.job, "the job's id")->required();
  add_json(*audit_show, raw.audit.json);
  CLI::App* verify = audit->add_subcommand("verify", "check the chain, and that nothing lacks its record");
  verify->add_option("JOB", raw.audit.job, "one job (all)");
  verify->add_option("--file", raw.audit.file, "check an export instead of the store")->type_name("EXPORT");
  add_json(*verify, raw.audit.json);
  CLI::App* exported = audit->add_subcommand("export", "all records to stdout, one line of JSON each");
  exported->add_option("JOB", raw.audit.job, "one job (all)");

  CLI::App* prune = app.add_subcommand("prune", "take old jobs away; their record stays unless told otherwise");
  prune->add_option("--closed-before", raw.closed_before, "over for longer than this: 90d, 12h")
      ->type_name("AGE")
      ->required();
  prune->add_flag("--with-audit", raw.prune.with_audit, "the record too");
  add_json(*prune, raw.prune.json);
}

/// Acting on a job, wherever it runs.
void add_acting(CLI::App& app, Raw& raw) {
  CLI::App* answer = app.add_subcommand("answer", "answer a question of a running job; without arguments: list them");
  answer->add_option("OPERATION", raw.answer.operation, "op-…, as the question names it");
  answer->add_option("OPTION", raw.answer.option, "as the question names it; left out: the answers that it takes");
  answer->add_option("--ask", raw.answer.ask, "the question's number (the open one)")->type_name("N");
  answer->add_option("--provider", raw.answer.provider, "for try_alternative")->type_name("NAME");
  answer->add_option("--note", raw.answer.note, "kept with the answer")->type_name("TEXT");
  answer->add_flag("--confirm", raw.answer.confirmed, "for answers that end or switch something");
  add_json(*answer, raw.answer.json);

  CLI::App* move = app.add_subcommand("switch", "move a job, or some of its stages, to another provider");
  move->add_option("JOB", raw.move.job, "the job's id")->required();
  move->add_option("--to", raw.move.to, "the provider")->type_name("NAME")->required();
  move->add_option("--stages", raw.stages, "only these, with commas between (all that have not finished)")
      ->type_name("A,B");
  move->add_flag("--confirm", raw.move.confirmed, "style and tone may change; finished work is kept");
  add_json(*move, raw.move.json);

  CLI::App* cancel = app.add_subcommand("cancel", "end a job; what is finished is kept");
  cancel->add_option("JOB", raw.cancel.job, "the job's id")->required();
  cancel->add_flag("--confirm", raw.cancel.confirmed, "yes");
  add_json(*cancel, raw.cancel.json);

  CLI::App* release = app.add_subcommand("release", "give a job's locks back; it is over then");
  release->add_option("JOB", raw.release.job, "the job's id")->required();
  add_json(*release, raw.release.json);
}

void add_examples(CLI::App& app) {
  app.footer(std::string(examples_of("")));
  for (CLI::App* command : app.get_subcommands(nullptr)) {
    const std::string examples(examples_of(command->get_name()));
    command->footer(examples);
    for (CLI::App* verb : command->get_subcommands(nullptr))
      verb->footer(examples);
  }
}

Usage wrong(const std::string& what, const std::string& command = {}) {
  return {Exit::usage,
          "holdfast: " + what + "\nSee `holdfast" + (command.empty() ? "" : " " + command) + " --help`.\n"};
}

/// The subcommand that was named, if any.
std::string chosen(const CLI::App& app) {
  const auto subcommands = app.get_subcommands();
  return subcommands.empty() ? std::string() : subcommands.front()->get_name();
}

std::vector<std::string> known_words(const CLI::App& app, bool options) {
  std::vector<std::string> out;
  if (!options) {
    for (const CLI::App* each : app.get_subcommands(nullptr))
      out.push_back(each->get_name());
    return out;
  }
  std::vector<const CLI::App*> apps{&app};
  for (const CLI::App* each : app.get_subcommands())
    apps.push_back(each);
  for (const CLI::App* each : apps) {
    for (const CLI::Option* option : each->get_options()) {
      for (const std::string& name : option->get_lnames())
        out.push_back("--" + name);
    }
  }
  return out;
}

/// A word that nobody takes.
Usage unexpected(const CLI::App& app, const std::string& word) {
  const bool option = word.starts_with('-');
  const std::string command = chosen(app);
  const std::vector<std::string> known = known_words(app, option);
  const std::string hint = suggestion(word, {known.begin(), known.end()});
  if (option) return wrong("there is no option " + shown(word) + hint, command);
  if (command.empty()) return wrong("there is no command '" + shown(word) + "'" + hint);
  return wrong("'" + shown(word) + "' is one word too many for `holdfast " + command + "`", command);
}

Usage explained(const CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto remaining = app.remaining(true);
    if (!remaining.empty()) return unexpected(app, remaining.front());
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return wrong(words.empty() ? "say what to do, such as `holdfast run job.toml`" : std::string(error.what()));
  }
  return wrong(shown(error.what(), 400), chosen(app));
}

/// The texts among the options of `run`; what is wrong with the first that is.
std::optional<Usage> read_run(Raw& raw) {
  for (const auto& [texts, flag, into] : {std::tuple(&raw.inputs, "--input", &raw.run.inputs),
                                          std::tuple(&raw.providers, "--provider", &raw.run.providers)}) {
    for (const std::string& text : *texts) {
      if (into == &raw.run.providers && text.find('=') == std::string::npos) {
        return wrong("--provider '" + shown(text) + "': it must be STAGE=NAME", "run");
      }
      auto read = parse_assignment(text, flag);
      if (!read) return wrong(read.error().message, "run");
      into->push_back(std::move(*read));
    }
  }
  for (const std::string& text : raw.consents) {
    auto read = parse_consent(text);
    if (!read) return wrong("--consent: " + read.error().message, "run");
    raw.run.consents.push_back(std::move(*read));
  }
  if (raw.run.json && raw.run.plain) return wrong("--json and --plain exclude each other: say one of them", "run");
  raw.run.on_stall = raw.on_stall == "wait" ? OnStall::wait : raw.on_stall == "cancel" ? OnStall::cancel : OnStall::ask;
  if (!raw.on_error.empty()) raw.run.on_error = raw.on_error == "ask" ? OnError::ask : OnError::fail;
  if (raw.run.job.empty() && raw.run.resume.empty()) {
    return wrong("run needs a job file: holdfast run job.toml", "run");
  }
  if (!raw.run.from.empty() && raw.run.resume.empty()) return wrong("--from goes with --resume JOB", "run");
  return std::nullopt;
}

/// "90d", "12h", "30m", "45s".
std::optional<std::chrono::seconds> age_of(const std::string& text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || after + 1 != end || count < 0 || count > 1'000'000'000) return std::nullopt;
  switch (*after) {
    case 'd':
      return std::chrono::days(count);
    case 'h':
      return std::chrono::hours(count);
    case 'm':
      return std::chrono::minutes(count);
    case 's':
      return std::chrono::seconds(count);
    default:
      return std::nullopt;
  }
}

/// The texts among the options of the others.
std::optional<Usage> read_others(const std::string& command, const CLI::App& app, Raw& raw) {
  if (command == "prune") {
    const auto age = age_of(raw.closed_before);
    if (!age) return wrong("--closed-before '" + shown(raw.closed_before) + "' is no age such as 90d or 12h", command);
    raw.prune.closed_before = *age;
  }
  if (command == "token") {
    if (const auto why = name_problem(raw.token.name)) return wrong("--name " + *why, command);
  }
  if (command == "serve" && !raw.grace.empty()) {
    const auto grace = age_of(raw.grace);
    if (!grace) return wrong("--grace '" + shown(raw.grace) + "' is no time such as 30s or 5m", command);
    raw.serve.grace = *grace;
  }
  for (std::size_t at = 0; command == "switch" && at < raw.stages.size();) {
    const std::size_t comma = std::min(raw.stages.find(',', at), raw.stages.size());
    raw.move.stages.push_back(raw.stages.substr(at, comma - at));
    at = comma + 1;
  }
  if (command == "answer" && raw.answer.ask < 0) return wrong("--ask is a question's number, from 1", command);
  if (command == "watch" && raw.watch.json && raw.watch.plain) {
    return wrong("--json and --plain exclude each other: say one of them", command);
  }
  if (command != "audit") return std::nullopt;
  const std::string verb = app.get_subcommand("audit")->get_subcommands().front()->get_name();
  raw.audit.verb = verb == "show"     ? AuditArguments::Verb::show
                   : verb == "verify" ? AuditArguments::Verb::verify
                                      : AuditArguments::Verb::export_all;
  if (!raw.audit.file.empty() && !raw.audit.job.empty()) {
    return wrong("audit verify checks a job of the store or an export, not both", command);
  }
  return std::nullopt;
}

Command command_of(const std::string& name, Raw& raw) {
  if (name == "jobs") return raw.jobs;
  if (name == "show") return std::move(raw.show);
  if (name == "history") return std::move(raw.history);
  if (name == "watch") return std::move(raw.watch);
  if (name == "stats") return raw.stats;
  if (name == "answer") return std::move(raw.answer);
  if (name == "switch") return std::move(raw.move);
  if (name == "cancel") return std::move(raw.cancel);
  if (name == "release") return std::move(raw.release);
  if (name == "audit") return std::move(raw.audit);
  if (name == "prune") return raw.prune;
  if (name == "serve") return std::move(raw.serve);
  if (name == "token") return std::move(raw.token);
  if (name == "run") return std::move(raw.run);
  if (name == "init") return std::move(raw.init);
  if (name == "profiles") return std::move(raw.profiles);
  if (name == "providers") return raw.provider_list;
  if (name == "doctor") return std::move(raw.doctor);
  return raw.version;
}

}  // namespace

std::variant<Arguments, Usage> parse_arguments(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (!is_utf8(word)) return wrong("the argument '" + shown(word) + "' is not UTF-8");
  }
  Raw raw;
  CLI::App app(about, "holdfast");
  app.require_subcommand(0, 1);
  app.allow_extras(false);
  app.fallthrough();
  add_global(app, raw);
  add_run(app, raw);
  add_others(app, raw);
  add_serve(app, raw);
  add_kept(app, raw);
  add_acting(app, raw);
  add_examples(app);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 takes them
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    return Usage{Exit::done, app.help()};
  } catch (const CLI::CallForAllHelp&) {
    return Usage{Exit::done, app.help("", CLI::AppFormatMode::All)};
  } catch (const CLI::ParseError& error) {
    if (raw.version_asked) return Arguments{raw.global, VersionArguments{}};
    return explained(app, words, error);
  }
  if (raw.version_asked) return Arguments{raw.global, VersionArguments{}};
  const std::string command = chosen(app);
  if (command.empty()) return wrong("say what to do, such as `holdfast run job.toml`");
  if (auto usage = command == "run" ? read_run(raw) : read_others(command, app, raw)) return *usage;
  return Arguments{raw.global, command_of(command, raw)};
}

std::string argument_library() {
  return "CLI11 " CLI11_VERSION;
}

}  // namespace holdfast::cli
