#include "holdfast/cli/line/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <sstream>

namespace holdfast::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string refused(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  const auto* usage = std::get_if<Usage>(&parsed);
  if (usage == nullptr) return "was accepted";
  EXPECT_EQ(usage->exit, Exit::usage);
  EXPECT_TRUE(usage->text.ends_with("\n"));
  EXPECT_TRUE(usage->text.starts_with("holdfast: ")) << usage->text;
  return usage->text;
}

template <class Wanted>
Wanted taken(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  if (const auto* usage = std::get_if<Usage>(&parsed)) {
    ADD_FAILURE() << usage->text;
    return {};
  }
  return std::get<Wanted>(std::get<Arguments>(parsed).command);
}

std::string help(const std::vector<std::string>& words) {
  const auto parsed = parse_arguments(words);
  const auto* usage = std::get_if<Usage>(&parsed);
  EXPECT_TRUE(usage != nullptr && usage->exit == Exit::done);
  return usage == nullptr ? std::string() : usage->text;
}

TEST(Arguments, run_takes_everything_that_the_interface_names) {
  const auto run = taken<RunArguments>(
      {"run",        "job.toml",      "--input",    "a=1",       "--input",   "b=@file",
       "--patience", "longForm",      "--provider", "tts=Piper", "--out",     "film",
       "--on-stall", "wait",          "--on-error", "fail",      "--consent", "stall after 10m: switch to Piper",
       "--consent",  "error: cancel", "--dry-run",  "--json"});
  EXPECT_EQ(run.job, "job.toml");
  EXPECT_THAT(run.inputs, ElementsAre(std::pair("a", "1"), std::pair("b", "@file")));
  EXPECT_THAT(run.providers, ElementsAre(std::pair("tts", "Piper")));
  EXPECT_EQ(run.patience, "longForm");
  EXPECT_EQ(run.out, "film");
  EXPECT_EQ(run.on_stall, OnStall::wait);
  EXPECT_EQ(run.on_error, OnError::fail);
  ASSERT_EQ(run.consents.size(), 2U);
  EXPECT_EQ(run.consents[0].switch_to, "Piper");
  EXPECT_EQ(run.consents[0].minimum_silence, std::chrono::minutes(10));
  EXPECT_EQ(run.consents[1].when, StandingConsent::When::error);
  EXPECT_TRUE(run.dry_run);
  EXPECT_TRUE(run.json);
}

TEST(Arguments, run_by_itself_asks_on_a_stall_and_leaves_errors_to_the_terminal) {
  const auto run = taken<RunArguments>({"run", "job.toml"});
  EXPECT_EQ(run.on_stall, OnStall::ask);
  EXPECT_FALSE(run.on_error.has_value());
  EXPECT_FALSE(run.json || run.plain || run.dry_run);
}

TEST(Arguments, a_repeated_option_does_not_eat_the_job_file) {
  const auto run = taken<RunArguments>({"run", "--input", "a=1", "job.toml"});
  EXPECT_EQ(run.job, "job.toml");
  EXPECT_EQ(run.inputs.size(), 1U);
}

TEST(Arguments, values_keep_their_equals_signs_blanks_and_commas) {
  const auto run = taken<RunArguments>({"run", "job.toml", "--input", "a=b=c d,e [f]"});
  EXPECT_THAT(run.inputs, ElementsAre(std::pair("a", "b=c d,e [f]")));
}

TEST(Arguments, global_options_stand_before_or_after_the_command) {
  for (const auto& words : {std::vector<std::string>{"--config", "c.toml", "--store", "memory:", "--log-level", "debug",
                                                     "--log-file", "l", "providers"},
                            std::vector<std::string>{"providers", "--config", "c.toml", "--store",
                                                     "memory:", "--log-level", "debug", "--log-file", "l"}}) {
    const auto parsed = parse_arguments(words);
    ASSERT_TRUE(std::holds_alternative<Arguments>(parsed));
    const GlobalArguments& global = std::get<Arguments>(parsed).global;
    EXPECT_EQ(global.config, "c.toml");
    EXPECT_EQ(global.store, "memory:");
    EXPECT_EQ(global.log_level, "debug");
    EXPECT_EQ(global.log_file, "l");
  }
}

TEST(Arguments, the_other_commands_take_theirs) {
  const auto profiles = taken<ProfilesArguments>({"profiles", "Ollama", "--patience", "longForm", "--json"});
  EXPECT_EQ(profiles.provider, "Ollama");
  EXPECT_EQ(profiles.patience, "longForm");
  EXPECT_TRUE(profiles.json);
  EXPECT_TRUE(taken<ProvidersArguments>({"providers", "--check"}).check);
  EXPECT_TRUE(taken<DoctorArguments>({"doctor", "--json"}).json);
  EXPECT_EQ(taken<DoctorArguments>({"doctor", "--out", "x"}).out, "x");
  EXPECT_EQ(taken<InitArguments>({"init"}).folder, ".");
  EXPECT_TRUE(taken<InitArguments>({"init", "there", "--force"}).force);
  EXPECT_FALSE(taken<VersionArguments>({"--version"}).json);
  EXPECT_TRUE(taken<VersionArguments>({"version", "--json"}).json);
}

TEST(Arguments, help_names_commands_and_options) {
  const std::string all = help({"--help"});
  for (const char* command : {"run", "init", "profiles", "providers", "doctor"}) {
    EXPECT_THAT(all, HasSubstr(command));
  }
  const std::string run = help({"run", "--help"});
  for (const char* option : {"--input", "--patience", "--provider", "--out", "--on-stall", "--on-error", "--consent",
                             "--dry-run", "--json", "--plain"}) {
    EXPECT_THAT(run, HasSubstr(option));
  }
}

/// The commands that the program's help lists.
std::vector<std::string> commands_listed() {
  std::istringstream lines(help({"--help"}));
  std::vector<std::string> out;
  for (std::string line; std::getline(lines, line) && line != "Examples:";) {
    if (line.starts_with("  ") && std::islower(static_cast<unsigned char>(line[2])) != 0) {
      out.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
  }
  return out;
}

/// The words of an example, without what a shell does behind it and without its explanation.
std::vector<std::string> words_of(std::string example) {
  for (const char* end : {"   ", " | ", " > "})
    example.resize(std::min(example.find(end), example.size()));
  std::vector<std::string> words{""};
  bool quoted = false;
  for (const char c : example) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return {words.begin() + 1, words.end()};  // without "holdfast"
}

TEST(Arguments, every_command_has_examples_of_its_own_and_takes_them) {
  std::vector<std::string> commands = commands_listed();
  EXPECT_GE(commands.size(), 19U);
  commands.emplace_back();
  for (const std::string& command : commands) {
    const std::string text =
        help(command.empty() ? std::vector<std::string>{"--help"} : std::vector<std::string>{command, "--help"});
    EXPECT_THAT(text, HasSubstr("Examples:\n  holdfast" + (command.empty() ? "" : " " + command)));
    std::istringstream lines(text.substr(std::min(text.find("Examples:"), text.size())));
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("  holdfast ")) continue;
      const auto words = words_of(line.substr(2));
      const auto parsed = parse_arguments(words);
      EXPECT_TRUE(std::holds_alternative<Arguments>(parsed)) << line;
      EXPECT_TRUE(command.empty() || words.front() == command) << line;
    }
  }
}

TEST(Arguments, help_names_every_variable_of_the_environment_that_is_read) {
  for (const char* variable : {"HOLDFAST_CONFIG", "HOLDFAST_STORE", "HOLDFAST_URL", "HOLDFAST_TOKEN", "NO_COLOR"}) {
    EXPECT_THAT(help({"--help"}), HasSubstr(variable));
  }
}

TEST(Arguments, serve_and_token_take_what_the_interface_names) {
  EXPECT_EQ(taken<ServeArguments>({"serve"}).grace, std::chrono::minutes(5));
  const auto serve = taken<ServeArguments>({"serve", "--listen", "127.0.0.1:0", "--grace", "90s"});
  EXPECT_EQ(serve.listen, "127.0.0.1:0");
  EXPECT_EQ(serve.grace, std::chrono::seconds(90));
  EXPECT_THAT(refused({"serve", "--grace", "soon"}), HasSubstr("no time such as 30s or 5m"));
  const auto token = taken<TokenArguments>({"token", "--name", "ana", "--scopes", "proxy,answer"});
  EXPECT_EQ(token.name, "ana");
  EXPECT_EQ(token.scopes, (std::vector<std::string>{"proxy", "answer"}));
  EXPECT_THAT(refused({"token", "--scopes", "everything"}), HasSubstr("everything"));
  EXPECT_THAT(refused({"daemon"}), HasSubstr("there is no command 'daemon'"));
}

TEST(Arguments, the_commands_for_kept_jobs_take_what_the_interface_names) {
  const auto run = taken<RunArguments>({"run", "--resume", "film-1", "--from", "tts"});
  EXPECT_TRUE(run.job.empty());
  EXPECT_EQ(run.resume, "film-1");
  EXPECT_EQ(run.from, "tts");
  const auto answer = taken<AnswerArguments>(
      {"answer", "op-1", "try_alternative", "--ask", "2", "--provider", "Piper", "--note", "why", "--confirm"});
  EXPECT_EQ(answer.operation, "op-1");
  EXPECT_EQ(answer.option, "try_alternative");
  EXPECT_EQ(answer.ask, 2);
  EXPECT_EQ(answer.provider, "Piper");
  EXPECT_TRUE(answer.confirmed);
  const auto move = taken<SwitchArguments>({"switch", "film-1", "--to", "Piper", "--stages", "a,b", "--confirm"});
  EXPECT_THAT(move.stages, ElementsAre("a", "b"));
  EXPECT_EQ(taken<AuditArguments>({"audit", "verify", "--file", "x"}).verb, AuditArguments::Verb::verify);
  EXPECT_EQ(taken<AuditArguments>({"audit", "export"}).verb, AuditArguments::Verb::export_all);
  EXPECT_EQ(taken<PruneArguments>({"prune", "--closed-before", "90d"}).closed_before, std::chrono::days(90));
  EXPECT_TRUE(taken<WatchArguments>({"watch"}).job.empty());
}

TEST(Arguments, what_does_not_go_together_is_said) {
  EXPECT_THAT(refused({"run", "job.toml", "--from", "tts"}), HasSubstr("--from goes with --resume"));
  EXPECT_THAT(refused({"prune", "--closed-before", "soon"}), HasSubstr("'soon' is no age"));
  EXPECT_THAT(refused({"audit", "verify", "film-1", "--file", "x"}), HasSubstr("not both"));
  EXPECT_THAT(refused({"watch", "--json", "--plain"}), HasSubstr("exclude each other"));
}

TEST(Arguments, every_wrong_word_is_answered_with_a_sentence_that_names_it) {
  EXPECT_THAT(refused({}), HasSubstr("say what to do"));
  EXPECT_THAT(refused({"runn", "job.toml"}), HasSubstr("there is no command 'runn'; did you mean 'run'?"));
  EXPECT_THAT(refused({"run"}), HasSubstr("run needs a job file"));
  EXPECT_THAT(refused({"run", ""}), HasSubstr("job file"));
  EXPECT_THAT(refused({"run", "job.toml", "--inptu", "a=1"}),
              HasSubstr("there is no option --inptu; did you mean '--input'?"));
  EXPECT_THAT(refused({"run", "job.toml", "other.toml"}), HasSubstr("'other.toml' is one word too many"));
  EXPECT_THAT(refused({"run", "job.toml", "--input", "novalue"}), HasSubstr("--input"));
  EXPECT_THAT(refused({"run", "job.toml", "--input", "=x"}), HasSubstr("--input"));
  EXPECT_THAT(refused({"run", "job.toml", "--provider", "x"}), HasSubstr("--provider 'x': it must be STAGE=NAME"));
  EXPECT_THAT(refused({"run", "job.toml", "--on-stall", "panic"}), HasSubstr("--on-stall"));
  EXPECT_THAT(refused({"run", "job.toml", "--on-error", "cry"}), HasSubstr("--on-error"));
  EXPECT_THAT(refused({"run", "job.toml", "--out"}), HasSubstr("--out"));
  EXPECT_THAT(refused({"run", "job.toml", "--consent", "do as you like"}), HasSubstr("--consent"));
  EXPECT_THAT(refused({"run", "job.toml", "--json", "--plain"}), HasSubstr("exclude each other"));
  EXPECT_THAT(refused({"--log-level", "loud", "doctor"}), HasSubstr("--log-level"));
  EXPECT_THAT(refused({"profiles", "A", "B"}), HasSubstr("'B' is one word too many"));
  EXPECT_THAT(refused({"run", "\xff"}), HasSubstr("not UTF-8"));
}

TEST(Arguments, a_wrong_word_cannot_write_to_the_terminal) {
  EXPECT_THAT(refused({"\x1b[2J"}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(refused({"run", "job.toml", "--on-stall", "\x1b[2J"}), Not(HasSubstr("\x1b")));
}

TEST(ExitStatus, says_what_a_caller_can_do) {
  EXPECT_EQ(exit_for(Errc::ok), Exit::done);
  EXPECT_EQ(exit_for(Errc::config), Exit::usage);
  EXPECT_EQ(exit_for(Errc::provider_failed), Exit::failed);
  EXPECT_EQ(exit_for(Errc::lock_not_overridable), Exit::refused);
  EXPECT_EQ(exit_for(Errc::cancelled), Exit::cancelled);
  EXPECT_EQ(exit_for(Errc::store_unavailable), Exit::unreachable);
}

}  // namespace
}  // namespace holdfast::cli
