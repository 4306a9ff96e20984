#include "holdfast/providers/command_provider.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include "holdfast/process/child_fixture.hpp"
#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/catalogue.hpp"
#include "holdfast/providers/programs.hpp"
#include "holdfast/providers/provider_bench.hpp"

namespace holdfast::providers {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class CommandProviderTest : public ProviderBench {
 protected:
  StageCall sh(std::string script, std::vector<std::string> arguments = {}) {
    StageCall call{.stage_name = "work", .kind = "command", .output = folder / "out.txt", .cwd = folder};
    call.command = {"sh", "-c", std::move(script), "sh"};
    for (auto& each : arguments)
      call.command.push_back(std::move(each));
    return call;
  }
  std::unique_ptr<Provider> with_progress(std::string progress) {
    CommandSpec spec;
    spec.progress = std::move(progress);
    return command_provider({.name = "sh", .type = "fallback_provider"}, spec, spawner);
  }

  std::unique_ptr<Provider> shell = with_progress("");
};

TEST_F(CommandProviderTest, ThePromptGoesToStdinAndStdoutIsTheArtifact) {
  StageCall call = sh("tr a-z A-Z");
  call.input = "hold fast";
  run(*shell, call);
  EXPECT_EQ(content(call.output), "HOLD FAST");
  EXPECT_EQ(progress().bytes, 9);
}

TEST_F(CommandProviderTest, ACommandThatNamesTheOutputWritesItItselfAndItsStdoutIsDropped) {
  StageCall call = sh("echo chatter; printf %s \"$1\" > \"$2\"", {"-n 'quoted' $HOME", (folder / "out.txt").string()});
  call.input = "not for stdin";
  call.input_on_stdin = false;
  call.output_on_stdout = false;
  run(*shell, call);
  EXPECT_EQ(content(call.output), "-n 'quoted' $HOME");
}

TEST_F(CommandProviderTest, APromptOnStdinIsWholeHoweverLongItIs) {
  StageCall call = sh("wc -c");
  call.input = std::string(3'000'000, 'x');
  run(*shell, call);
  EXPECT_THAT(content(call.output), HasSubstr("3000000"));
}

TEST_F(CommandProviderTest, EnvironmentAndFolderAreAsSaid) {
  StageCall call = sh("echo \"$SAID\"; pwd");
  call.env["SAID"] = "so";
  run(*shell, call);
  EXPECT_EQ(content(call.output), "so\n" + std::filesystem::canonical(folder).string() + "\n");
}

TEST_F(CommandProviderTest, AnotherExitStatusIsAHardErrorWithTheEndOfStderr) {
  const ProviderFault fault = fault_of(*shell, sh("echo first >&2; echo 'disk is full' >&2; exit 7"));
  EXPECT_EQ(fault.error_class, ErrorClass::command);
  EXPECT_EQ(fault.status, 7);
  EXPECT_THAT(fault.message, HasSubstr("disk is full"));
  EXPECT_THAT(fault.message, HasSubstr("7"));
}

// The log, `--json` and the terminal had the key that a failing program printed.
TEST_F(CommandProviderTest, AKeyThatAProgramPrintsIsNotInItsError) {
  const ProviderFault fault = fault_of(*shell, sh("echo api_key=sk-abcdefghijklmnopqrstuvwxyz1234 >&2; exit 3"));
  EXPECT_THAT(fault.message, HasSubstr("api_key=***"));
  EXPECT_THAT(fault.message, testing::Not(HasSubstr("sk-")));
}

TEST_F(CommandProviderTest, ASignalIsAHardErrorWithTheStatusOfAShell) {
  const ProviderFault fault = fault_of(*shell, sh("kill -SEGV $$"));
  EXPECT_EQ(fault.status, 128 + SIGSEGV);
  EXPECT_THAT(fault.message, HasSubstr("SIGSEGV"));
}

TEST_F(CommandProviderTest, OtherExitCodesCanBeSuccess) {
  StageCall call = sh("echo done; exit 3");
  call.success_exit_codes = {0, 3};
  run(*shell, call);
  EXPECT_EQ(content(call.output), "done\n");
}

TEST_F(CommandProviderTest, LinesOfBothStreamsCountAsChunks) {
  run(*with_progress("lines"), sh("echo a; echo b >&2; echo c"));
  EXPECT_EQ(progress().chunks, 3);
}

TEST_F(CommandProviderTest, APercentIsFoundByItsPattern) {
  run(*with_progress(R"(percent-regex:(\d+)%)"), sh("echo '10% done'; echo '55% done'"));
  EXPECT_EQ(progress().percent, 55.0);
}

TEST_F(CommandProviderTest, TheKindOfProgressThatTheStageNamesWins) {
  StageCall call = sh("echo a; echo b");
  call.progress = "lines";
  run(*shell, call);
  EXPECT_EQ(progress().chunks, 2);
  EXPECT_EQ(progress().bytes, std::nullopt);
}

TEST_F(CommandProviderTest, AMissingProgramIsSaidBeforeAndWhenItIsRun) {
  CommandSpec spec;
  spec.arguments = {"holdfast-no-such-program", "x"};
  const auto provider = command_provider({.name = "gone"}, spec, spawner);
  EXPECT_THAT(provider->problems(), ElementsAre(HasSubstr("holdfast-no-such-program is not installed")));
  StageCall call = sh("");
  call.command = spec.arguments;
  EXPECT_THAT(fault_of(*provider, call).message, HasSubstr("holdfast-no-such-program is not installed"));
  call.command.clear();
  EXPECT_THAT(fault_of(*provider, call).message, HasSubstr("no command"));
}

TEST_F(CommandProviderTest, AProgramThatAVariableNamesIsNotLookedFor) {
  CommandSpec spec;
  spec.arguments = {"${inputs.program}"};
  EXPECT_THAT(command_provider({.name = "any"}, spec, spawner)->problems(), IsEmpty());
}

// It was called not installed, where its command would have found it.
TEST_F(CommandProviderTest, AProgramIsNotLookedForWhereItsCommandSetsThePath) {
  std::ofstream(folder / "mine") << "#!/bin/sh\necho ran\n";
  std::filesystem::permissions(folder / "mine", std::filesystem::perms::owner_all);
  CommandSpec spec{.arguments = {"mine"}, .env = {{"PATH", folder.string()}}};
  const auto provider = command_provider({.name = "any"}, spec, spawner);
  EXPECT_THAT(provider->problems(), IsEmpty());
  StageCall call = sh("");
  call.command = spec.arguments;
  call.env["PATH"] = folder.string();
  run(*provider, call);
  EXPECT_EQ(content(call.output), "ran\n");
}

// Of a long stderr the beginning was kept, and what went wrong stands at its end.
TEST_F(CommandProviderTest, TheEndOfALongStderrIsSaidWithoutItsKeys) {
  const auto said =
      fault_of(*shell, sh("for i in 1 2 3 4 5 6 7 8 9; do echo \"  File number $i of the stack\" >&2; done; "
                          "echo 'token=abc123 ValueError: no voice' >&2; exit 1"));
  EXPECT_THAT(said.message, testing::EndsWith("token=*** ValueError: no voice"));
  EXPECT_GT(said.message.size(), 200u);
}

TEST_F(CommandProviderTest, AFolderThatIsNotThereIsSaid) {
  StageCall call = sh("true");
  call.cwd = folder / "nowhere";
  EXPECT_THAT(fault_of(*shell, call).message, HasSubstr("nowhere"));
}

TEST_F(CommandProviderTest, AKindOfProgressThatIsNoneIsRefused) {
  EXPECT_THROW((void)with_progress("vibes"), Error);
  StageCall call = sh("true");
  call.progress = "vibes";
  EXPECT_THAT(fault_of(*shell, call).message, HasSubstr("vibes"));
}

TEST_F(CommandProviderTest, AStopEndsTheWholeProcessGroup) {
  std::stop_source stop;
  StageCall call = sh("sleep 1000 & echo $! > child; echo $$ > self; wait");
  std::jthread stopper([&] {
    while (content(folder / "self").empty())
      std::this_thread::yield();
    stop.request_stop();
  });
  try {
    run(*shell, call, stop.get_token());
    ADD_FAILURE() << "a stopped call returned";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::cancelled);
  }
  // It was told to end; nobody waits for it, so it may be seen a moment longer.
  const process::Other child(std::stoi(content(folder / "child")));
  EXPECT_TRUE(child.ends_within(std::chrono::seconds(30)));
}

TEST(Programs, AreFoundOnPathOrWhereTheyAreWritten) {
  EXPECT_TRUE(find_program("sh"));
  EXPECT_TRUE(find_program("/bin/sh"));
  EXPECT_TRUE(find_program("./sh", "/bin"));
  EXPECT_FALSE(find_program("sh/"));
  EXPECT_FALSE(find_program(""));
  EXPECT_FALSE(find_program("/etc/passwd")) << "it is no program";
  EXPECT_EQ(missing_program("sh"), std::nullopt);
  EXPECT_THAT(*missing_program("/no/such"), StartsWith("there is no program /no/such"));
}

TEST(Programs, APackageIsNamedWhereItIsKnown) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", testing::TempDir().c_str(), 1);
  const auto missing = missing_program("ffprobe");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(missing, "program ffprobe is not installed: apt-get install ffmpeg");
}

class CatalogueTest : public testing::Test {
 protected:
  process::Spawner spawner;
  TimeoutProfiles profiles = TimeoutProfiles::defaults();
};

TEST_F(CatalogueTest, HasTheBuiltInProvidersWithTheirTypes) {
  const Catalogue catalogue({}, profiles, spawner);
  std::vector<std::string> known;
  for (const ProviderInfo& info : catalogue.infos())
    known.push_back(info.name + " " + info.type + " " + info.kinds[0]);
  EXPECT_THAT(known, ElementsAre("RuleBased fallback_provider text", "eSpeak tts speech", "FFmpegCards image_gen image",
                                 "FFmpeg video_render video"));
  EXPECT_EQ(catalogue.find("ffmpeg")->info().name, "FFmpeg");
  EXPECT_EQ(catalogue.find("nobody"), nullptr);
  for (const auto& each : catalogue.all())
    EXPECT_THAT(each->problems(), IsEmpty()) << each->info().name;
}

TEST_F(CatalogueTest, AConfiguredProviderReplacesABuiltInOneOfItsName) {
  ProviderConfig config{.name = "espeak", .protocol = Protocol::command, .concurrent_max = 5};
  config.kinds = {"speech"};
  config.command.arguments = {"true"};
  const Catalogue catalogue({config, {.name = "Writer", .protocol = Protocol::rulebased}}, profiles, spawner);
  EXPECT_EQ(catalogue.all().size(), 5u);
  EXPECT_EQ(catalogue.find("eSpeak")->info().concurrent_max, 5);
  EXPECT_EQ(catalogue.find("eSpeak")->protocol(), "command");
  ASSERT_NE(catalogue.find("eSpeak")->command(), nullptr);
  EXPECT_EQ(catalogue.find("Writer")->protocol(), "rulebased");
  EXPECT_THAT(catalogue.find("Writer")->info().kinds, ElementsAre("text"));
}

TEST_F(CatalogueTest, AProtocolThatJobsCannotSpeakIsRefusedByNameAndLineAndServesTheProxy) {
  const Catalogue catalogue({{.name = "Box", .protocol = Protocol::elevenlabs, .line = 12}}, profiles, spawner);
  const Provider* box = catalogue.find("Box");
  EXPECT_THAT(box->problems(), ElementsAre(AllOf(HasSubstr("Box (line 12)"), HasSubstr("elevenlabs"))));
  EXPECT_THAT(catalogue.infos().back().kinds, ElementsAre("speech"));
  for (const ProviderInfo& info : catalogue.job_infos())
    EXPECT_NE(info.name, "Box");
}

TEST_F(CatalogueTest, ALanguageModelServesTextsInJobsWhateverElseItCanDo) {
  const Catalogue catalogue({{.name = "Ollama", .protocol = Protocol::ollama},
                             {.name = "Lan", .protocol = Protocol::openai, .base_url = "http://10.0.0.7:8080/v1"}},
                            profiles, spawner);
  EXPECT_THAT(catalogue.job_infos().back().kinds, ElementsAre("text"));
  EXPECT_GT(catalogue.infos().back().kinds.size(), 1u);
  EXPECT_FALSE(catalogue.find("Ollama")->info().requires_network);
  EXPECT_TRUE(catalogue.find("Lan")->info().requires_network);
}

class RuleBasedTest : public ProviderBench {};

TEST_F(RuleBasedTest, WritesAScriptAndCountsItsScenes) {
  const auto writer = rulebased_provider({.name = "RuleBased", .type = "fallback_provider"});
  const StageCall call{.input =
                           "# Title\n\nA first sentence stands here. A second one follows it.\n\n## Part\n\nAnd "
                           "here is a third sentence about something else.\n",
                       .output = folder / "script.json"};
  run(*writer, call);
  EXPECT_THAT(content(call.output), HasSubstr("\"scenes\""));
  EXPECT_GT(progress().chunks.value_or(0), 0);
  EXPECT_THAT(writer->problems(), IsEmpty());
  EXPECT_EQ(writer->protocol(), "rulebased");
}

TEST_F(RuleBasedTest, ATextWithNothingToTellIsAHardError) {
  const auto writer = rulebased_provider({.name = "RuleBased", .type = "fallback_provider"});
  EXPECT_EQ(fault_of(*writer, {.input = "  ", .output = folder / "script.json"}).error_class, ErrorClass::other);
  EXPECT_THAT(fault_of(*writer, {.input = "# A\n\nSome sentence is here.", .output = folder / "no/such"}).message,
              HasSubstr("cannot write"));
}

}  // namespace
}  // namespace holdfast::providers
