#include "holdfast/jobs/runner.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "holdfast/jobs/artifacts.hpp"
#include "holdfast/jobs/runner_bench.hpp"

namespace holdfast::jobs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(RunnerTest, StagesRunInOrderAndReadWhatTheOnesBeforeHaveMade) {
  add_provider("Sh", {"sh", "-c", "printf '[\"%s\",\"two\"]' \"$1\"", "sh", "${input}"});
  add_provider("Cat", {"cat"});
  const RunResult result = run(one_stage + R"(
[[stages]]
name = "each"
kind = "text"
provider = "Cat"
for_each = "${stages.make}"
prompt = "${item} ${index} ${job} ${stage}"
output = "sub/each-${index}.txt"
[[stages]]
name = "all"
kind = "text"
provider = "Cat"
prompt = "${stages.each.0}\n${files.each}"
output = "all.txt"
)");
  EXPECT_EQ(result.state, JobState::failed) << "stages.each.0 is no JSON";
  EXPECT_THAT(result.error, HasSubstr("stage all"));
  EXPECT_EQ(content(options.out / "sub/each-1.txt"), "hello 1 job-1 each");
  EXPECT_EQ(content(options.out / "sub/each-2.txt"), "two 2 job-1 each");
}

TEST_F(RunnerTest, ADoneJobLeavesItsArtifactsAndNothingElse) {
  add_provider("Sh", {"cat", "${input_file}"});
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(result.code, Errc::ok);
  EXPECT_THAT(names(result.artifacts), ElementsAre("made.txt"));
  EXPECT_THAT(result.partial, IsEmpty());
  EXPECT_EQ(content(options.out / "made.txt"), "hello");
  EXPECT_FALSE(fs::exists(options.out / ".holdfast"));
  EXPECT_THAT(lock_texts(), ElementsAre(HasSubstr("Released at")));
  EXPECT_EQ(gateway->provider_lock("job-1"), std::nullopt);
}

TEST_F(RunnerTest, EveryStageIsLockedBeforeTheFirstBegins) {
  add_provider("Sh", {"cat"});
  add_provider("Other", {"cat"});
  std::vector<std::string> locks;
  when<StageStarted>([&](const StageStarted& started) {
    if (started.stage_name == "make") locks = lock_texts();
  });
  const RunResult result = run(one_stage + R"(
[[stages]]
name = "second"
kind = "text"
provider = "Other"
absolute = true
prompt = "b"
output = "b.txt"
[[stages]]
name = "third"
kind = "text"
provider = "sh"
prompt = "c"
output = "c.txt"
[[stages]]
name = "fourth"
kind = "text"
provider = "Other"
prompt = "d"
output = "d.txt"
)");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  hear_the_end();
  ASSERT_THAT(locks, SizeIs(3));
  EXPECT_THAT(locks[0], HasSubstr("ProviderLock[Sh (video_render) for Job job-1, Stages: make, third"));
  EXPECT_THAT(locks[1], HasSubstr("Stages: second"));
  EXPECT_THAT(locks[2], HasSubstr("Stages: fourth"));
  const auto all = gateway->provider_locks("job-1");
  EXPECT_TRUE(all[0].overridable);
  EXPECT_FALSE(all[1].overridable);
  EXPECT_TRUE(all[2].overridable);
}

TEST_F(RunnerTest, AFailureNamesStageItemProviderAndErrorAndKeepsLocksAndWork) {
  add_shell("Sh", "test \"$1\" != b || { echo 'paper jam' >&2; exit 9; }; printf %s \"$1\" > \"$2\"");
  const RunResult result = run(three_items + R"(
[[stages]]
name = "after"
kind = "text"
provider = "Sh"
prompt = "x"
output = "after.txt"
)");
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_NE(result.code, Errc::ok);
  EXPECT_THAT(result.error, AllOf(HasSubstr("stage make"), HasSubstr("item 2 of 3"), HasSubstr("provider Sh"),
                                  HasSubstr("paper jam")));
  EXPECT_THAT(names(result.artifacts), ElementsAre("made-1.txt"));
  EXPECT_FALSE(fs::exists(options.out / "made-3.txt")) << "no item begins after a failure";
  EXPECT_FALSE(fs::exists(options.out / "after.txt"));
  EXPECT_THAT(lock_texts(), ElementsAre(HasSubstr("Active")));
}

TEST_F(RunnerTest, WhatAFailedCallHasWrittenIsNamedAndNotAnArtifact) {
  add_shell("Sh", "printf half > \"$2\"; exit 1");
  const RunResult result = run(one_stage);
  EXPECT_THAT(result.artifacts, IsEmpty());
  ASSERT_THAT(result.partial, SizeIs(1));
  EXPECT_EQ(result.partial[0].filename(), "made.txt");
  EXPECT_EQ(content(result.partial[0]), "half");
  EXPECT_FALSE(fs::exists(options.out / "made.txt")) << "what has the name is whole";
}

TEST_F(RunnerTest, AnEmptyArtifactIsAFailure) {
  add_shell("Sh", ": > \"$2\"");
  EXPECT_THAT(run(one_stage).error, HasSubstr("wrote nothing into 'made.txt'"));
}

TEST_F(RunnerTest, AnArtifactThatWasNotWrittenIsAFailure) {
  add_shell("Sh", ":");
  EXPECT_THAT(run(one_stage).error, HasSubstr("did not write 'made.txt'"));
}

TEST_F(RunnerTest, OtherItemsThatRunWhenOneFailsAreKept) {
  // The second waits for the first to have failed.
  const std::string wait = "until test -e '" + (folder / "failed").string() + "'; do sleep 0.01; done; ";
  add_shell("Sh", "if test \"$1\" = a; then echo no >&2; exit 1; fi; " + wait + "printf %s \"$1\" > \"$2\"");
  when<OperationEnded>([&](const OperationEnded& ended) {
    if (ended.outcome == OperationPhase::failed) std::ofstream(folder / "failed") << "x";
  });
  std::string job = three_items + "parallel = 2\n";
  job.replace(job.find(", \"c\""), 5, "");
  const RunResult result = run(job);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_THAT(names(result.artifacts), ElementsAre("made-2.txt"));
}

TEST_F(RunnerTest, ItemsRunAtTheSameTimeAndStayInOrder) {
  // Each of the two waits for the other to have begun.
  const std::string here = "'" + folder.string() + "'/began-";
  add_shell("Sh", "touch " + here + "\"$1\"; until test -e " + here + "a -a -e " + here +
                      "b; do sleep 0.01; done; test \"$1\" != a || sleep 0.2; printf %s \"$1\" > \"$2\"");
  const RunResult result = run(three_items + "parallel = 2\n");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_THAT(names(result.artifacts), ElementsAre("made-1.txt", "made-2.txt", "made-3.txt"));
}

TEST_F(RunnerTest, AProviderThatTakesOneAtATimeMakesTheOthersQueueVisibly) {
  add_shell("Sh", "printf %s \"$1\" > \"$2\"; sleep 0.1", 1);
  bool queued = false;
  when<OperationStarted>([&](const OperationStarted& started) { queued |= started.queued; });
  EXPECT_EQ(run(three_items + "parallel = 3\n").state, JobState::done);
  hear_the_end();
  EXPECT_TRUE(queued);
}

TEST_F(RunnerTest, EachItemIsAnnouncedWhenItIsWhole) {
  add_provider("Sh", {"cat"});
  std::vector<std::string> steps;
  when<StageFinished>([&](const StageFinished& finished) {
    steps.push_back(std::to_string(finished.step.items_done) + "/" + std::to_string(finished.step.items) +
                    (finished.step.finished ? " finished " : " ") +
                    fs::path(finished.step.artifacts.at(0)).filename().string());
  });
  EXPECT_EQ(run(three_items).state, JobState::done);
  hear_the_end();
  EXPECT_THAT(steps, ElementsAre("1/3 made-1.txt", "2/3 made-2.txt", "3/3 finished made-3.txt"));
}

// Four items that ran were one item that ran, until the first of them was whole; after a kill for ever.
TEST_F(RunnerTest, HowManyItemsAStageHasIsKnownWhileTheFirstRuns) {
  add_provider("Sh", {"cat"});
  std::vector<StageRow> while_running;
  when<OperationStarted>([&](const OperationStarted&) {
    if (while_running.empty()) while_running = gateway->job("job-1")->stages;
  });
  EXPECT_EQ(run(three_items).state, JobState::done);
  hear_the_end();
  ASSERT_THAT(while_running, SizeIs(1));
  EXPECT_EQ(while_running[0].items, 3u);
  EXPECT_EQ(while_running[0].state, StageState::running);
  EXPECT_THAT(gateway->verify_audit().findings, IsEmpty());
}

TEST_F(RunnerTest, NoItemsAreNoFailure) {
  add_provider("Sh", {"cat"});
  std::string job = three_items;
  job.replace(job.find("[\"a\", \"b\", \"c\"]"), 15, "[]");
  bool finished = false;
  when<StageFinished>([&](const StageFinished& each) { finished = each.step.finished && each.step.items == 0; });
  const RunResult result = run(job);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_THAT(result.artifacts, IsEmpty());
  hear_the_end();
  EXPECT_TRUE(finished);
}

TEST_F(RunnerTest, AStopCancelsTheJobAndNamesWhatThereIs) {
  add_shell("Sh", "printf %s \"$1\" > \"$2\"; if test \"$1\" = b; then touch '" + (folder / "begun").string() +
                      "'; sleep 1000; fi");
  std::jthread stopper([&] {
    while (!fs::exists(folder / "begun"))
      std::this_thread::yield();
    stop.request_stop();
  });
  const RunResult result = run(three_items);
  EXPECT_EQ(result.state, JobState::cancelled);
  EXPECT_EQ(result.code, Errc::cancelled);
  EXPECT_THAT(names(result.artifacts), ElementsAre("made-1.txt"));
  ASSERT_THAT(result.partial, SizeIs(1));
  EXPECT_EQ(content(result.partial[0]), "b");
  EXPECT_THAT(names(result.partial), ElementsAre(StartsWith(".holdfast/")));
  EXPECT_THAT(lock_texts(), ElementsAre(HasSubstr("cancelled")));
}

TEST_F(RunnerTest, ACancelThroughTheGatewayEndsTheRun) {
  add_shell("Sh", "printf x > \"$2\"; sleep 1000");
  when<OperationStarted>([&](const OperationStarted& started) {
    EXPECT_TRUE(gateway->cancel({.job_id = started.job_id, .confirmed = true, .by = "ana"}).applied);
  });
  EXPECT_EQ(run(one_stage).state, JobState::cancelled);
}

TEST_F(RunnerTest, CancellingTheOneOperationEndsTheJob) {
  add_shell("Sh", "printf x > \"$2\"; sleep 1000");
  when<OperationStarted>([&](const OperationStarted& started) {
    gateway->cancel({.operation_id = started.operation_id, .confirmed = true, .by = "ana"});
  });
  EXPECT_EQ(run(one_stage).state, JobState::cancelled);
  EXPECT_EQ(gateway->provider_lock("job-1"), std::nullopt);
}

TEST_F(RunnerTest, AFailureCanBeTriedAgain) {
  add_shell("Sh", "printf half > \"$2\"; test -e '" + (folder / "mended").string() + "' || { touch '" +
                      (folder / "mended").string() + "'; exit 1; }; printf fine > \"$2\"");
  options.ask_on_error = true;
  when_asked_answer("try_again");
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "made.txt"), "fine");
  EXPECT_THAT(result.partial, IsEmpty());
}

TEST_F(RunnerTest, AnAnswerCanMoveTheStageToAnotherProvider) {
  add_shell("Sh", "exit 1");
  add_shell("Backup", "printf 'backup %s' \"$1\" > \"$2\"");
  options.ask_on_error = true;
  when_asked_answer("try_alternative", "Backup");
  const RunResult result = run(one_stage + R"(
[[stages]]
name = "next"
kind = "text"
provider = "Sh"
prompt = "later"
output = "next.txt"
)");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "made.txt"), "backup hello");
  EXPECT_EQ(content(options.out / "next.txt"), "backup later") << "the lock's other stages went along";
  ASSERT_THAT(gateway->fallback_history("job-1"), SizeIs(1));
  EXPECT_EQ(gateway->fallback_history("job-1")[0].reason_code, ReasonCode::provider_fatal_error);
}

TEST_F(RunnerTest, SiblingsThatFailedGoAlongWithTheFirstAnswer) {
  add_shell("Sh", "exit 1");
  add_shell("Backup", "printf %s \"$1\" > \"$2\"");
  options.ask_on_error = true;
  std::atomic<int> asked{0};
  when<QuestionOpened>([&](const QuestionOpened& opened) {
    if (++asked != 1) return;  // one answer is enough
    gateway->answer({.operation_id = opened.question.operation_id,
                     .option = "try_alternative",
                     .provider = "Backup",
                     .confirmed = true,
                     .by = "ana"});
  });
  const RunResult result = run(three_items + "parallel = 3\n");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_THAT(result.artifacts, SizeIs(3));
}

TEST_F(RunnerTest, AnAnswerCanCancelTheJob) {
  add_shell("Sh", "exit 1");
  options.ask_on_error = true;
  when_asked_answer("cancel_job");
  EXPECT_EQ(run(one_stage).state, JobState::cancelled);
}

TEST_F(RunnerTest, AStopEndsTheWaitForAnAnswer) {
  add_shell("Sh", "exit 1");
  options.ask_on_error = true;
  when<QuestionOpened>([&](const QuestionOpened&) { stop.request_stop(); });
  EXPECT_EQ(run(one_stage).state, JobState::cancelled);
}

TEST_F(RunnerTest, ASwitchWhileACallRunsRunsTheItemOnTheNewProvider) {
  add_shell("Sh", "printf old > \"$2\"; sleep 1000");
  add_shell("Backup", "printf new > \"$2\"");
  when<OperationStarted>([&](const OperationStarted& started) {
    if (started.provider_name != "Sh") return;
    gateway->switch_provider({.job_id = "job-1", .to_provider = "Backup", .confirmed = true, .by = "ana"});
  });
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "made.txt"), "new");
}

TEST_F(RunnerTest, AConsentGivenInAdvanceMovesAFailedStageWithNobodyThere) {
  add_shell("Sh", "exit 1");
  add_shell("Backup", "printf ok > \"$2\"");
  options.consents.push_back(parse_consent("error: switch to Backup").value());
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(gateway->fallback_history("job-1").at(0).consent_id, "consent-1");
}

TEST_F(RunnerTest, AConsentThatCannotApplyIsNotWaitedFor) {
  add_shell("Sh", "exit 1");
  options.consents.push_back(parse_consent("error: switch to Sh").value());
  EXPECT_EQ(run(one_stage).state, JobState::failed);
}

TEST_F(RunnerTest, AConsentToCancelCancels) {
  add_shell("Sh", "exit 1");
  options.consents.push_back(parse_consent("error: cancel").value());
  EXPECT_EQ(run(one_stage).state, JobState::cancelled);
}

TEST_F(RunnerTest, AStageMayBringItsOwnCommandAndNobodyNeedsToBeConfigured) {
  const RunResult result = run(R"(
[[stages]]
name = "count"
kind = "command"
command = ["sh", "-c", "printf '%s %s' \"$SAID\" \"$1\" > \"$2\"", "sh", "${input}", "${output}"]
env = { SAID = "job ${job}" }
prompt = "$${output} stays as it is"
output = "count.txt"
)");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "count.txt"), "job job-1 ${output} stays as it is");
  EXPECT_THAT(lock_texts(), ElementsAre(StartsWith("ProviderLock[sh (")));
}

TEST_F(RunnerTest, AProviderOfTheRunReplacesTheOneOfTheFile) {
  add_shell("Sh", "exit 1");
  add_shell("Backup", "printf ok > \"$2\"");
  options.providers["MAKE"] = "Backup";
  EXPECT_EQ(run(one_stage).state, JobState::done);
  EXPECT_THAT(lock_texts(), ElementsAre(StartsWith("ProviderLock[Backup ")));
}

TEST_F(RunnerTest, AFolderWithSomebodyElsesFilesIsLeftAlone) {
  add_provider("Sh", {"cat"});
  fs::create_directories(options.out);
  std::ofstream(options.out / "mine.txt") << "mine";
  EXPECT_THAT(problems_of(one_stage), ElementsAre(HasSubstr("holds other files")));
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_EQ(result.code, Errc::config);
  EXPECT_EQ(content(options.out / "mine.txt"), "mine");
  EXPECT_THAT(lock_texts(), IsEmpty());
}

TEST_F(RunnerTest, TheFolderOfTheSameJobIsUsedAgain) {
  add_shell("Sh", "printf x > \"$2\"; exit 1");
  run(one_stage);
  EXPECT_THAT(problems_of(one_stage), IsEmpty());
}

TEST_F(RunnerTest, ThePlanSaysWhoServesEachStageAndHowLongSilenceMayLast) {
  add_provider("Sh", {"cat"});
  const auto plan = runner(three_items + "parallel = 2\nabsolute = true\n").plan();
  ASSERT_THAT(plan, SizeIs(1));
  EXPECT_EQ(plan[0].name, "make");
  EXPECT_EQ(plan[0].kind, "text");
  EXPECT_EQ(plan[0].provider, "Sh");
  EXPECT_EQ(plan[0].provider_type, "video_render");
  EXPECT_EQ(plan[0].output, "made-${index}.txt");
  EXPECT_EQ(plan[0].items, "3") << "an input says how many";
  EXPECT_EQ(plan[0].stall_threshold, milliseconds(60'000));
  EXPECT_TRUE(plan[0].absolute);
  EXPECT_EQ(plan[0].parallel, 2);
}

TEST_F(RunnerTest, AJobWithoutAnIdGetsOneOfItsName) {
  options.job_id.clear();
  options.out.clear();
  const Runner made = runner(one_stage + "\n");
  EXPECT_THAT(made.job_id(), MatchesRegex("film-[0-9a-z]+"));
  EXPECT_EQ(made.job_id().size(), 11u);
  EXPECT_EQ(made.out(), made.job_id());
  EXPECT_NE(runner(one_stage).job_id(), made.job_id());
}

TEST_F(RunnerTest, TwoItemsOfTheSameNameAreRefusedBeforeAnyRuns) {
  add_shell("Sh", "touch '" + (folder / "ran").string() + "'; printf x > \"$2\"");
  std::string job = three_items;
  job.replace(job.find("[\"a\", \"b\", \"c\"]"), 15, "[\"a\", \"a\"]");
  job.replace(job.find("made-${index}.txt"), 17, "made-${item}.txt");
  EXPECT_THAT(problems_of(job), ElementsAre(HasSubstr("'made-a.txt' is already the output of stage 'make', item 1")));
  const RunResult result = run(job);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_FALSE(fs::exists(folder / "ran"));
}

TEST_F(RunnerTest, TheShippedJobMakesOneFilm) {
  start();
  JobOverrides overrides;
  overrides.inputs.emplace_back(
      "article",
      "# Ein kurzer Film\n\nDer Auftrag bleibt bei dem Anbieter, den der Nutzer gew\u00e4hlt hat.\n\n## Warum\n\nWer "
      "langsam ist, ist deshalb noch nicht gescheitert.\n");
  auto job = load_job_file(fs::path(HOLDFAST_SOURCE_DIR) / "examples/jobs/narrated-video.toml", overrides);
  ASSERT_TRUE(job) << job.error().text();
  Runner shipped(*gateway, *catalogue, *job, options);
  EXPECT_EQ(shipped.problems().text(), "");
  const RunResult result = shipped.run({});
  ASSERT_EQ(result.state, JobState::done) << result.error;
  int films = 0;
  for (const auto& entry : fs::recursive_directory_iterator(options.out))
    films += entry.path().extension() == ".mp4";
  EXPECT_EQ(films, 1);
  EXPECT_GT(fs::file_size(options.out / "narrated-video.mp4"), 20'000u);
  EXPECT_THAT(content(options.out / "script.json"), HasSubstr("\"language\": \"de\""));
  EXPECT_THAT(names(result.artifacts), Contains("narrated-video.mp4"));
}

// After a switch the summary said that it was unfinished, beside its finished artifact.
TEST(ArtifactFolderTest, WhatALaterAttemptHasMadeWholeIsNotUnfinished) {
  const fs::path out = fs::path(testing::TempDir()) / ("whole-" + std::to_string(::getpid()));
  ArtifactFolder folder(out, "job-1");
  ASSERT_TRUE(folder.open());
  const auto write = [&](const Attempt& attempt) { std::ofstream(attempt.output) << "half"; };
  write(folder.attempt(1, 1, "a.txt").value());
  write(folder.attempt(1, 11, "b.txt").value());
  const Attempt second = folder.attempt(1, 1, "a.txt").value();
  write(second);
  EXPECT_EQ(folder.partial().size(), 3u);
  ASSERT_TRUE(folder.keep(second, "a.txt"));
  ASSERT_EQ(folder.partial().size(), 1u);
  EXPECT_EQ(folder.partial()[0].filename(), "b.txt");
  fs::remove_all(out);
}

TEST(ArtifactFolderTest, AFolderThatCannotBeMadeIsSaid) {
  const auto why = ArtifactFolder("/etc/passwd/x", "job").problem();
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("cannot be made"));
  EXPECT_FALSE(ArtifactFolder("/etc/passwd/x", "job").open());
}

}  // namespace
}  // namespace holdfast::jobs
