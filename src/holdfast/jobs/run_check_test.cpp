#include "holdfast/jobs/runner_bench.hpp"

namespace holdfast::jobs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using RunCheckTest = RunnerTest;

/// From line 3 on; `more` is line 9.
std::string stage_with(const std::string& more) {
  return R"([[stages]]
name = "make"
kind = "text"
prompt = "p"
output = "made.txt"
command = ["cat"]
)" + more;
}

TEST_F(RunCheckTest, EverythingThatCanBeKnownIsSaidBeforeAnythingRuns) {
  add_provider("Sh", {"holdfast-no-such-program"});
  add_provider("Wrong", {"cat", "${stages.nothing}x${"});
  options.patience = "hurried";
  options.providers["nowhere"] = "Sh";
  options.consents.push_back(parse_consent("error: switch to Nobody").value());
  fs::create_directories(folder / "file");
  std::ofstream(folder / "a-file") << "x";
  options.out = folder / "a-file";
  const auto problems = problems_of(one_stage + R"(
[[stages]]
name = "second"
kind = "speech"
provider = "RuleBased"
prompt = "x"
output = "b.txt"
[[stages]]
name = "third"
kind = "text"
provider = "Missing"
prompt = "x"
output = "c.txt"
[[stages]]
name = "fourth"
kind = "command"
command = ["holdfast-gone", "${output}"]
prompt = "x"
output = "d.txt"
[[stages]]
name = "fifth"
kind = "text"
provider = "Wrong"
prompt = "x"
output = "e.txt"
)");
  EXPECT_THAT(problems, Contains(HasSubstr("job.toml:7: stage 'make': provider Sh: program holdfast-no-such-program")));
  EXPECT_THAT(problems,
              Contains(HasSubstr("job.toml:14: stage 'second': provider RuleBased serves text, and not speech")));
  EXPECT_THAT(problems,
              Contains(AllOf(HasSubstr("job.toml:20: stage 'third': no provider named Missing"), HasSubstr("eSpeak"))));
  EXPECT_THAT(problems, Contains(HasSubstr("job.toml:26: stage 'fourth': program holdfast-gone is not installed")));
  EXPECT_THAT(problems, Contains(HasSubstr("job.toml:32: stage 'fifth': ")));
  EXPECT_THAT(problems, Contains(HasSubstr("hurried")));
  EXPECT_THAT(problems, Contains(StartsWith("--provider: a provider is named for stage nowhere")));
  EXPECT_THAT(problems, Contains(AllOf(StartsWith("--consent: "), HasSubstr("a provider that is not configured"))));
  EXPECT_THAT(problems, Contains(HasSubstr("is a file")));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

// Both were found out by the job that was opened, and failed.
TEST_F(RunCheckTest, ATypeWithoutAProfileIsWrongBeforeAnythingRuns) {
  EXPECT_THAT(problems_of(stage_with("provider_type = \"nosuchtype\"")),
              ElementsAre(HasSubstr("job.toml:9: stage 'make': provider type 'nosuchtype'")));
}

TEST_F(RunCheckTest, AFolderToRunInThatIsNotThereIsWrongUnlessTheJobMayMakeIt) {
  EXPECT_THAT(problems_of(stage_with("cwd = \"/nonexistent\"")),
              ElementsAre(HasSubstr("job.toml:9: stage 'make': cwd '/nonexistent' is no folder")));
  EXPECT_THAT(problems_of(stage_with("cwd = \"" + (options.out / "clips").string() + "\"")), IsEmpty());
  EXPECT_THAT(problems_of(stage_with("cwd = \"/\"")), IsEmpty());
}

TEST_F(RunCheckTest, APromptOfWhichNothingCanBeMadeIsWrongBeforeAnythingRuns) {
  const std::string rule_based = R"([inputs]
article = ""
[[stages]]
name = "script"
kind = "text"
provider = "RuleBased"
prompt = "Tell this. <article>${inputs.article}</article>"
output = "script.json"
)";
  std::string empty = rule_based;
  empty.replace(empty.find("Tell this. <article>${inputs.article}</article>"), 47, "${inputs.article}");
  EXPECT_THAT(problems_of(empty), ElementsAre(HasSubstr("job.toml:9: stage 'script': provider RuleBased: ")));
  EXPECT_THAT(problems_of(rule_based), IsEmpty()) << "there is a sentence";
  EXPECT_THAT(problems_of(R"([[stages]]
name = "speak"
kind = "speech"
provider = "eSpeak"
prompt = " \n "
output = "speech.wav"
)"),
              ElementsAre(HasSubstr("job.toml:7: stage 'speak': provider eSpeak: the prompt is blank")));
}

TEST_F(RunCheckTest, WhatTheFileSaysAndWhatTheConfigurationSaysIsSaidAtOnce) {
  start();
  const JobReading read = read_job_text(R"([job]
name = "film"
patience = "infinite"
speed = 3
[[stages]]
name = "broken"
kind = "txt"
provider = "Nobody"
output = "a.txt"
[[stages]]
name = "sound"
kind = "text"
provider = "Missing"
prompt = "p"
output = "b.txt"
)",
                                        "job.toml");
  options.patience = read.job.patience;
  const Problems problems = Runner(*gateway, *catalogue, read.job, options).problems(read.problems);
  std::vector<std::string> texts;
  for (const Problem& each : problems.list())
    texts.push_back(each.text());
  EXPECT_THAT(texts, ElementsAre(StartsWith("job.toml:3: [job]: "), StartsWith("job.toml:4: [job]: unknown key"),
                                 StartsWith("job.toml:7: stage 'broken': there is no kind"),
                                 StartsWith("job.toml:13: stage 'sound': no provider named Missing")));
}

TEST_F(RunCheckTest, AStageWithoutAGoodNameIsCalledByItsNumber) {
  const JobReading read = read_job_text("[job]\nname = \"j\"\n[[stages]]\nname = \"" + std::string(300, 'x') +
                                            "\"\nkind = \"command\"\ncommand = [\"cat\"]\noutput = \"/a\"\n",
                                        "job.toml");
  EXPECT_THAT(read.problems.text(), AllOf(HasSubstr("stage 1: output"), testing::Not(HasSubstr("stage ''"))));
}

// It was taken without a word, and the run waited for an answer that would never come.
TEST_F(RunCheckTest, AConsentThatCanApplyToNoStageIsAProblem) {
  add_shell("Sh", "true");
  add_shell("Backup", "true");
  add_provider("Drawer", {"true"});
  configured.back().kinds = {"image"};
  for (const char* words : {"stall after 2s: switch to Drawer", "error: switch to Sh"}) {
    options.consents = {parse_consent(words).value()};
    EXPECT_THAT(problems_of(one_stage), testing::ElementsAre(testing::HasSubstr("can apply to no stage"))) << words;
  }
  options.consents = {parse_consent("error: switch to Backup").value()};
  EXPECT_THAT(problems_of(one_stage), testing::IsEmpty());
  EXPECT_THAT(problems_of(one_stage + "absolute = true\n"),
              testing::ElementsAre(testing::HasSubstr("can apply to no stage")));
}

}  // namespace
}  // namespace holdfast::jobs
