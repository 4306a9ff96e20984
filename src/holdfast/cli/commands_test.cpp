#include "holdfast/cli/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "holdfast/cli/kept/going_on.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/screen/table.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::optional<std::string> no_environment(std::string_view) {
  return std::nullopt;
}

struct CommandsTest : testing::Test {
  fs::path folder = fs::path(testing::TempDir()) /
                    ("holdfast-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  std::ostringstream out;

  void SetUp() override {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return folder / name;
  }
  boost::json::value json() const { return boost::json::parse(out.str()); }
  static std::string refused(const std::function<void()>& command) {
    try {
      command();
    } catch (const Error& error) {
      return error.what();
    }
    return "was done";
  }
};

TEST_F(CommandsTest, init_writes_two_files_that_holdfast_can_read) {
  EXPECT_EQ(init_command({.folder = folder / "new"}, out), Exit::done);
  EXPECT_THAT(out.str(), HasSubstr("job.toml"));
  EXPECT_NO_THROW(load_session({.config = folder / "new" / "holdfast.toml"}, no_environment));
}

TEST_F(CommandsTest, init_writes_over_nothing_unless_forced) {
  const fs::path job = file("job.toml", "mine");
  EXPECT_THAT(refused([&] { init_command({.folder = folder}, out); }), HasSubstr("--force"));
  EXPECT_FALSE(fs::exists(folder / "holdfast.toml"));
  EXPECT_EQ(init_command({.folder = folder, .force = true}, out), Exit::done);
  EXPECT_GT(fs::file_size(job), 4U);
}

TEST_F(CommandsTest, init_names_the_place_where_this_user_s_configuration_is_looked_for) {
  init_command({.folder = folder}, out);
  const std::optional<std::string> xdg = process_environment()("XDG_CONFIG_HOME");
  EXPECT_THAT(out.str(), HasSubstr(" from " + xdg.value_or("~/.config") + "/holdfast/holdfast.toml"));
}

TEST_F(CommandsTest, init_says_where_it_cannot_write) {
  EXPECT_THAT(refused([&] { init_command({.folder = "/dev/null/x"}, out); }), HasSubstr("/dev/null/x"));
}

TEST_F(CommandsTest, profiles_are_listed_with_patience_and_options) {
  EXPECT_EQ(profiles_command({}, Session{}, out), Exit::done);
  for (const char* word : {"Ollama", "local_llm", "45 s", "longForm", "continue_30s"}) {
    EXPECT_THAT(out.str(), HasSubstr(word));
  }
}

TEST_F(CommandsTest, one_profile_as_json_is_one_object) {
  profiles_command({.provider = "Ollama", .patience = "longForm", .json = true}, Session{}, out);
  EXPECT_EQ(json().at("stallThresholdMs"), 67500);
}

TEST_F(CommandsTest, all_profiles_as_json_are_one_list_with_the_configured_ones_first) {
  Session session;
  session.config.providers.push_back({.name = "mine",
                                      .type = "tts",
                                      .base_url = {},
                                      .models = {},
                                      .requires_network = {},
                                      .api_key_env = {},
                                      .api_key_file = {},
                                      .speaks = {},
                                      .kinds = {},
                                      .command = {}});
  profiles_command({.json = true}, session, out);
  EXPECT_EQ(json().at("profiles").at(0).at("providerName"), "mine");
  EXPECT_EQ(json().at("profiles").at(0).at("providerType"), "tts");
  EXPECT_TRUE(json().at("next").is_null());
}

// eSpeak was said to be a local_llm of 45 s: its name stands in no mapping.
TEST_F(CommandsTest, profiles_gives_a_built_in_provider_the_type_that_a_job_gets_and_lists_it) {
  for (const auto& [name, type] : {std::pair("eSpeak", "tts"), std::pair("FFmpegCards", "image_gen")}) {
    out.str("");
    profiles_command({.provider = name, .json = true}, Session{}, out);
    EXPECT_EQ(json().at("providerType"), type) << name;
  }
  out.str("");
  profiles_command({}, Session{}, out);
  for (const char* name : {"RuleBased", "eSpeak", "FFmpegCards", "FFmpeg "})
    EXPECT_THAT(out.str(), HasSubstr(name));
}

TEST_F(CommandsTest, an_unknown_patience_is_answered_with_those_there_are) {
  const std::string what = refused([&] { profiles_command({.patience = "longform"}, Session{}, out); });
  EXPECT_THAT(what, HasSubstr("--patience"));
  EXPECT_THAT(what, HasSubstr("did you mean 'longForm'?"));
  EXPECT_THAT(what, HasSubstr("conservative"));
}

TEST_F(CommandsTest, a_provider_whose_type_is_guessed_comes_with_a_notice) {
  profiles_command({.provider = "NobodyKnows"}, Session{}, out);
  EXPECT_THAT(out.str(), HasSubstr("NobodyKnows"));
  EXPECT_THAT(refused([&] { profiles_command({.provider = " "}, Session{}, out); }), HasSubstr("is blank"));
}

TEST_F(CommandsTest, the_built_in_providers_are_listed) {
  EXPECT_EQ(providers_command({}, Session{}, out), Exit::done);
  for (const char* name : {"RuleBased", "eSpeak", "FFmpegCards", "FFmpeg", "built in"}) {
    EXPECT_THAT(out.str(), HasSubstr(name));
  }
}

TEST_F(CommandsTest, a_check_says_what_prevents_a_provider_from_working) {
  const fs::path config = file("c.toml",
                               "[[providers]]\nname = \"Broken\"\nprotocol = \"command\"\n"
                               "command = [\"no-such-program-anywhere\", \"${output}\"]\n");
  const Session session = load_session({.config = config}, no_environment);
  EXPECT_EQ(providers_command({.check = true}, session, out), Exit::failed);
  EXPECT_THAT(out.str(), HasSubstr("no-such-program-anywhere"));
  out.str("");
  providers_command({.check = true, .json = true}, session, out);
  EXPECT_THAT(out.str(), HasSubstr("\"problems\": [\""));
}

TEST_F(CommandsTest, without_a_check_nobody_looked_for_problems) {
  providers_command({.json = true}, Session{}, out);
  EXPECT_TRUE(json().at("providers").at(0).at("problems").is_null());
}

TEST_F(CommandsTest, doctor_names_every_check) {
  doctor_command({.out = folder}, {}, no_environment, out);
  for (const char* name :
       {"configuration", "profiles", "store", "provider eSpeak", "fonts", "locale", "terminal", "output folder"}) {
    EXPECT_THAT(out.str(), HasSubstr(name));
  }
}

TEST_F(CommandsTest, doctor_goes_on_where_the_configuration_is_broken) {
  const fs::path config = file("c.toml", "patienec = 1\n");
  EXPECT_EQ(doctor_command({.out = folder / "none", .json = true}, {.config = config}, no_environment, out),
            Exit::failed);
  const boost::json::value document = json();
  EXPECT_EQ(document.at("ok"), false);
  const auto& checks = document.at("checks").as_array();
  EXPECT_EQ(checks.front().at("ok"), false);
  EXPECT_THAT(std::string(checks.front().at("message").as_string()), HasSubstr("c.toml:1"));
  EXPECT_EQ(checks.back().at("name"), "output folder");
  EXPECT_EQ(checks.back().at("ok"), false);
}

// It complained of a store '' as well, and ran the problems together on one line.
TEST_F(CommandsTest, doctor_says_each_problem_of_a_broken_configuration_by_itself_and_blames_nothing_else_for_it) {
  const fs::path config = file("c.toml", "patienec = 1\nstroe = 2\n");
  doctor_command({.out = folder}, {.config = config}, no_environment, out);
  EXPECT_THAT(out.str(), HasSubstr("problem  configuration: " + config.string() + ":1"));
  EXPECT_THAT(out.str(), HasSubstr("problem  configuration: " + config.string() + ":2"));
  EXPECT_THAT(out.str(), HasSubstr("ok       store: not looked at"));
}

TEST_F(CommandsTest, doctor_says_what_is_wrong_with_a_store) {
  doctor_command({.out = folder}, {.store = "mysql:x"}, no_environment, out);
  EXPECT_THAT(out.str(), HasSubstr("problem  store: --store"));
}

TEST_F(CommandsTest, doctor_makes_no_store_and_says_whether_one_could_be_made) {
  const std::string store = "sqlite:" + (folder / "new" / "holdfast.db").string();
  doctor_command({.out = folder}, {.store = store}, no_environment, out);
  EXPECT_THAT(out.str(), HasSubstr("ok       store: " + store + ", which is made by the first `run` or `serve`"));
  EXPECT_FALSE(fs::exists(folder / "new"));
  const fs::path in_the_way = file("file", "");
  doctor_command({.out = folder}, {.store = "sqlite:" + in_the_way.string() + "/x.db"}, no_environment, out);
  EXPECT_THAT(out.str(), HasSubstr("problem  store: --store: there is no store at " + in_the_way.string() +
                                   "/x.db, and none can be made"));
}

TEST_F(CommandsTest, audit_show_of_a_record_with_the_greatest_number_of_all_ends_and_names_it) {
  const std::string path = (folder / "holdfast.db").string();
  const Session session{.store = "sqlite:" + path};
  const std::vector some{store::Transaction{SaveId{1}, WallTime{}, {JobOpened{"job"}, JobClosed{"job"}}}};
  ASSERT_EQ(open_store(session, store::Empty::filled)->commit(some).at(0).kind, store::Outcome::Kind::saved);
  EXPECT_EQ(audit_command({.job = "job"}, session, out), Exit::done);
  sqlite3* file = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &file), SQLITE_OK);
  EXPECT_EQ(
      sqlite3_exec(file, "DROP TRIGGER audit_not_changed; UPDATE audit SET seq = 9223372036854775807 WHERE seq = 2",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(file);
  testing::internal::CaptureStderr();
  EXPECT_EQ(audit_command({.job = "job"}, session, out), Exit::failed);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("number 9223372036854775807, which is impossible"));
}

TEST_F(CommandsTest, audit_verify_of_a_folder_is_refused_like_that_of_a_file_that_is_not_there) {
  for (const fs::path& path : {folder, folder / "missing"}) {
    const AuditArguments arguments{.verb = AuditArguments::Verb::verify, .file = path};
    EXPECT_EQ(refused([&] { audit_command(arguments, {}, out); }), "--file: '" + path.string() + "' cannot be read");
  }
  EXPECT_EQ(audit_command({.verb = AuditArguments::Verb::verify, .file = file("empty", "")}, {}, out), Exit::failed);
}

// Each of its lines was named, and then that 0 records were not as they were written.
TEST_F(CommandsTest, audit_verify_of_a_file_that_is_no_export_says_so_once) {
  const fs::path path = file("passwd", "root:x:0:0\nana:x:1000:1000\n");
  EXPECT_EQ(refused([&] { audit_command({.verb = AuditArguments::Verb::verify, .file = path}, {}, out); }),
            "--file: '" + path.string() + "' is no export of Holdfast: line 1 is no JSON object");
  EXPECT_EQ(out.str(), "");
}

/// What is asked about a provider that is alone.
Question asked() {
  return {.job_id = "film",
          .operation_id = "op-1",
          .ask = 2,
          .options = {{.id = "continue_5s", .label = "Five more"},
                      {.id = "other", .label = "Another", .action = AnswerAction::fallback}}};
}

// It proposed continue_5m, which the question did not have.
TEST_F(CommandsTest, an_answer_without_an_option_is_told_those_that_the_question_has) {
  const auto check = [](const std::optional<Question>& question) {
    return refused([&] { check_answer({.operation = "op-1"}, question, "holdfast --store sqlite:/x"); });
  };
  EXPECT_EQ(check(asked()), "say which answer:\n  holdfast --store sqlite:/x answer op-1 continue_5s   Five more");
  EXPECT_THAT(check(std::nullopt), HasSubstr("asks nothing now"));
}

TEST_F(CommandsTest, an_answer_that_switches_to_nobody_takes_no_provider) {
  const auto check = [](AnswerArguments answer) {
    answer.operation = "op-1";
    answer.provider = "Quick";
    return refused([&] { check_answer(answer, asked(), "holdfast"); });
  };
  EXPECT_THAT(check({.option = "continue_5s"}), HasSubstr("--provider: the answer continue_5s switches to nobody"));
  EXPECT_EQ(check({.option = "other"}), "was done");
  EXPECT_EQ(check({.option = "continue_5s", .ask = 1}), "was done") << "whose refusal says that it is not open";
}

// `run --resume` was named, which such a job refuses.
TEST_F(CommandsTest, a_job_without_a_job_file_goes_on_by_its_next_request) {
  EXPECT_THAT(
      how_to_go_on({.job_id = "film"}, Session{}),
      testing::ElementsAre("It was not run from a job file: its next request goes on with it; `holdfast release "
                           "film` gives its locks back."));
}

// Pasted, it was refused: the configuration that named the provider was not there.
TEST_F(CommandsTest, a_provider_that_no_configuration_names_is_said_beside_the_command_that_goes_on) {
  JobPlan plan;
  plan.file = folder / "job.toml";
  JobRow job{.job_id = "film", .locks = {{.provider_name = "eSpeak"}}, .plan = std::make_shared<JobPlan>(plan)};
  EXPECT_THAT(how_to_go_on(job, Session{}), testing::ElementsAre("Go on with it: holdfast run --resume film"));
  plan.text =
      "[job]\nname = \"j\"\n[[stages]]\nname = \"s\"\nkind = \"command\"\ncommand = [\"make\"]\nprompt = \"x\"\noutput "
      "= "
      "\"o\"\n";
  const JobRow made{.job_id = "film", .locks = {{.provider_name = "make"}}, .plan = std::make_shared<JobPlan>(plan)};
  EXPECT_THAT(how_to_go_on(made, Session{}), testing::SizeIs(1)) << "which is a command of its own";
  job.locks.push_back({.provider_name = "Mine"});
  const Session named = load_session(
      {.config = file("c.toml", "[[providers]]\nname = \"Mine\"\nprotocol = \"command\"\ncommand = [\"x\"]\n")},
      no_environment);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();  // PATH does not lead to it
  EXPECT_THAT(how_to_go_on(job, named), testing::ElementsAre("Go on with it: " + program + " --config " +
                                                             (folder / "c.toml").string() + " run --resume film"));
  EXPECT_THAT(how_to_go_on(job, Session{}).back(), HasSubstr("No configuration here names Mine"));
}

// `watch` began to count at 0 when it came.
TEST_F(CommandsTest, the_age_of_a_job_counts_from_its_opening_or_from_the_process_that_goes_on_with_it) {
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  JobRow job{.opened_at = now - std::chrono::hours(1)};
  EXPECT_GE(age_of(job), std::chrono::hours(1));
  job.owner = store::this_process("holdfast run", "");
  EXPECT_LT(age_of(job), std::chrono::hours(1)) << "this process is younger";
  job.opened_at = now + std::chrono::hours(1);
  EXPECT_EQ(age_of(job), milliseconds(0));
}

TEST_F(CommandsTest, a_daemon_that_wants_a_token_is_answered_by_the_variable_that_holds_one) {
  const auto environment = [](bool token) {
    return [token](std::string_view name) -> std::optional<std::string> {
      if (name == "HOLDFAST_URL" || (token && name == "HOLDFAST_TOKEN")) return "x";
      return std::nullopt;
    };
  };
  EXPECT_THAT(hint_for_refusal(Errc::unauthorized, environment(false)), HasSubstr("HOLDFAST_TOKEN is not set"));
  EXPECT_THAT(hint_for_refusal(Errc::unauthorized, environment(true)), HasSubstr("HOLDFAST_TOKEN is none"));
  EXPECT_EQ(hint_for_refusal(Errc::forbidden, environment(true)), "");
  EXPECT_EQ(hint_for_refusal(Errc::unauthorized, no_environment), "");
}

TEST_F(CommandsTest, version_names_compiler_and_libraries) {
  version_command({}, out);
  EXPECT_THAT(out.str(), HasSubstr("holdfast "));
  EXPECT_THAT(out.str(), HasSubstr("Boost 1."));
  out.str("");
  version_command({.json = true}, out);
  EXPECT_TRUE(json().as_object().contains("compiler"));
}

TEST_F(CommandsTest, the_store_is_said_by_the_flag_then_the_environment_then_the_configuration) {
  const fs::path config = file("c.toml", "store = \"memory:\"\n");
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    return name == "HOLDFAST_STORE" ? std::optional<std::string>("mysql:x") : std::nullopt;
  };
  EXPECT_EQ(load_session({.config = config, .store = "memory:"}, environment).store, "memory:");
  const Session session = load_session({.config = config}, environment);
  EXPECT_EQ(session.store, "mysql:x");
  EXPECT_THAT(refused([&] { open_store(session); }), HasSubstr("HOLDFAST_STORE"));
  EXPECT_EQ(load_session({.config = config}, no_environment).store, "memory:");
}

TEST_F(CommandsTest, a_configuration_that_is_not_there_is_an_error_that_names_it) {
  EXPECT_THAT(refused([&] { load_session({.config = folder / "none.toml"}, no_environment); }), HasSubstr("none.toml"));
}

TEST_F(CommandsTest, a_default_patience_that_does_not_exist_is_an_error) {
  const fs::path config = file("c.toml", "patience = \"endless\"\n");
  EXPECT_THAT(refused([&] { load_session({.config = config}, no_environment); }), HasSubstr("endless"));
}

TEST_F(CommandsTest, a_dry_run_starts_nothing) {
  init_command({.folder = folder}, out);
  testing::internal::CaptureStdout();
  const Exit exit =
      run_command({.job = folder / "job.toml", .out = folder / "film", .dry_run = true, .json = true}, {}, {});
  const std::string plan = testing::internal::GetCapturedStdout();
  EXPECT_EQ(exit, Exit::done);
  EXPECT_EQ(boost::json::parse(plan).at("stages").at(0).at("providerName"), "RuleBased");
  EXPECT_FALSE(fs::exists(folder / "film"));
}

// It named NAME-JOB with an id that the run does not get.
TEST_F(CommandsTest, a_dry_run_names_no_folder_that_the_run_will_not_use) {
  init_command({.folder = folder}, out);
  const auto plan = [&](bool json) {
    testing::internal::CaptureStdout();
    run_command({.job = folder / "job.toml", .dry_run = true, .json = json}, {}, {});
    return testing::internal::GetCapturedStdout();
  };
  EXPECT_THAT(plan(false), testing::ContainsRegex("Artifacts go to [^ ]*-…, a folder whose name ends with the id"));
  EXPECT_TRUE(boost::json::parse(plan(true)).at("out").is_null());
}

TEST_F(CommandsTest, everything_wrong_with_a_job_is_said_before_anything_runs) {
  const fs::path job = file("job.toml",
                            "[job]\nname = \"j\"\n[[stages]]\nname = \"s\"\nkind = \"text\"\nprovider = \"Nobody\"\n"
                            "prompt = \"x\"\noutput = \"o\"\n");
  const auto wrong = [&](RunArguments arguments) {
    arguments.job = job;
    arguments.out = folder / "film";
    testing::internal::CaptureStderr();
    const std::string thrown = refused([&] { EXPECT_EQ(run_command(arguments, {}, {}), Exit::usage); });
    return thrown + "\n" + testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(wrong({}), HasSubstr("Nobody"));
  EXPECT_THAT(wrong({.patience = "endless"}), HasSubstr("--patience"));
  EXPECT_THAT(wrong({.providers = {{"none", "eSpeak"}}}), HasSubstr("none"));
  EXPECT_THAT(wrong({.consents = {{.switch_to = "Nowhere"}}}), HasSubstr("Nowhere"));
  EXPECT_FALSE(fs::exists(folder / "film"));
}

TEST_F(CommandsTest, a_job_runs_to_its_end_and_prints_every_event_as_json) {
  const fs::path job = file("job.toml",
                            "[job]\nname = \"j\"\n[[stages]]\nname = \"s\"\nkind = \"text\"\nprovider = \"RuleBased\"\n"
                            "prompt = \"One sentence. Another one.\"\noutput = \"o.json\"\n");
  testing::internal::CaptureStdout();
  const Exit exit = run_command({.job = job, .out = folder / "film", .json = true}, {.log_file = folder / "log"}, {});
  std::istringstream lines(testing::internal::GetCapturedStdout());
  EXPECT_EQ(exit, Exit::done);
  std::vector<std::string> events;
  for (std::string line; std::getline(lines, line);) {
    events.emplace_back(boost::json::parse(line).at("event").as_string());
  }
  EXPECT_THAT(events, testing::IsSupersetOf({"job.opened", "lock.created", "stage.started", "operation.started",
                                             "operation.ended", "stage.finished", "job.closed"}));
  EXPECT_EQ(events.front(), "job.opened");
  EXPECT_TRUE(fs::exists(folder / "film" / "o.json"));
  EXPECT_GT(fs::file_size(folder / "log"), 0U);
}

// The last line was a resume of a job that was not there.
TEST_F(CommandsTest, a_run_that_could_not_be_recorded_does_not_say_to_resume_it) {
  const fs::path job = file("job.toml",
                            "[job]\nname = \"j\"\n[[stages]]\nname = \"s\"\nkind = \"text\"\nprovider = \"RuleBased\"\n"
                            "prompt = \"One sentence.\"\noutput = \"o.json\"\n");
  const GlobalArguments global{.store = "sqlite:" + (folder / "holdfast.db").string()};
  open_store(Session{.store = global.store}, store::Empty::filled);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "holdfast.db").c_str(), &database), SQLITE_OK);
  const char* full = "CREATE TRIGGER full BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'no room'); END";
  ASSERT_EQ(sqlite3_exec(database, full, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  testing::internal::CaptureStdout();
  const RunArguments arguments{.job = job, .out = folder / "film", .plain = true};
  EXPECT_NE(run_command(arguments, global, {"holdfast", "run", "job.toml"}), Exit::done);
  const std::string said = testing::internal::GetCapturedStdout();
  EXPECT_THAT(said, HasSubstr("no room"));
  EXPECT_THAT(said, testing::EndsWith("\nholdfast run job.toml\n"));
  EXPECT_THAT(said, testing::Not(HasSubstr("holdfast history")));
  EXPECT_TRUE(fs::is_empty(folder / "film")) << "which that command could not use, else";
}

TEST_F(CommandsTest, a_failed_run_whose_record_was_in_memory_does_not_say_to_resume_it) {
  const fs::path job = file("job.toml",
                            "[job]\nname = \"j\"\n[[stages]]\nname = \"s\"\nkind = \"command\"\n"
                            "command = [\"sh\", \"-c\", \"exit 3\"]\nprompt = \"x\"\noutput = \"o\"\n");
  testing::internal::CaptureStdout();
  const RunArguments arguments{.job = job, .out = folder / "film", .plain = true};
  EXPECT_EQ(run_command(arguments, {.store = "memory:"}, {"holdfast", "run", "job.toml"}), Exit::failed);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::EndsWith("\nholdfast run job.toml\n"));
}

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  std::ostringstream out;
  print_table(out, {{"A", "B"}, {"long\x1b", "x"}});
  EXPECT_EQ(out.str(), "A      B\nlong␛  x\n");
}

}  // namespace
}  // namespace holdfast::cli
