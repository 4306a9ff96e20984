#include "holdfast/jobs/resume.hpp"

#include <signal.h>
#include <sys/wait.h>

#include "holdfast/jobs/artifacts.hpp"
#include "holdfast/jobs/children.hpp"
#include "holdfast/jobs/runner_bench.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::jobs {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Every call leaves a line in `calls`, so that what was repeated shows.
class ResumeTest : public RunnerTest {
 protected:
  ResumeTest() {
    add_shell("Sh", "echo \"$1\" >> " + calls() + "; echo \"made $1\" > \"$2\"");
    add_shell("Late", "test ! -e " + late() + " || exit 3; echo late > \"$2\"");
  }
  std::string calls() const { return (folder / "calls").string(); }
  std::string late() const { return (folder / "late").string(); }
  void be_late() { std::ofstream(late()) << "x"; }
  void be_in_time() { fs::remove(late()); }
  RunResult again(const std::string& toml) {
    options.resume = true;
    return run(toml);
  }
  std::vector<std::string> problems(const std::string& toml) {
    options.resume = true;
    return problems_of(toml);
  }
};

/// A stage that works, and one that fails as long as there is a file `late`.
const std::string then_late = one_stage + R"(
[[stages]]
name = "next"
kind = "text"
provider = "Late"
prompt = "go"
output = "next.txt"
)";

TEST_F(ResumeTest, AFailedJobGoesOnWithTheStageThatFailed) {
  be_late();
  ASSERT_EQ(run(then_late).state, JobState::failed);
  EXPECT_EQ(gateway->job("job-1")->state, JobState::failed);
  be_in_time();
  const RunResult result = again(then_late);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_THAT(names(result.artifacts), ElementsAre("made.txt", "next.txt"));
  EXPECT_EQ(content(calls()), "hello\n") << "the first stage was called once";
  EXPECT_EQ(gateway->provider_locks("job-1").size(), 2u) << "no lock was taken twice";
}

TEST_F(ResumeTest, FinishedItemsAreNotRepeated) {
  add_shell("Item", "echo \"$1\" >> " + calls() + "; test \"$1\" != b -o ! -e " + late() +
                        " || exit 3; echo \"made $1\" > \"$2\"");
  std::string job = three_items;
  job.replace(job.find("\"Sh\""), 4, "\"Item\"");
  be_late();
  ASSERT_EQ(run(job).state, JobState::failed);
  be_in_time();
  const RunResult result = again(job);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(calls()), "a\nb\nb\nc\n");
  EXPECT_EQ(content(folder / "out/made-1.txt"), "made a\n");
}

TEST_F(ResumeTest, AFileThatDiffersInAFinishedStageIsRefusedByNameAndFromRunsItAgain) {
  be_late();
  ASSERT_EQ(run(then_late).state, JobState::failed);
  be_in_time();
  std::string changed = then_late;
  changed.replace(changed.find("hello"), 5, "hullo");
  EXPECT_THAT(problems(changed), ElementsAre(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))));
  changed = then_late;
  changed.replace(changed.find("\"go\""), 4, "\"run\"");
  EXPECT_THAT(problems(changed), IsEmpty()) << "that stage is not finished";

  changed = then_late;
  changed.replace(changed.find("hello"), 5, "hullo");
  options.from = "make";
  EXPECT_THAT(problems(changed), IsEmpty());
  EXPECT_EQ(run(changed).state, JobState::done);
  EXPECT_EQ(content(calls()), "hello\nhullo\n");
}

TEST_F(ResumeTest, AnInputThatSaysSomethingElseNowIsAnotherStage) {
  std::string job = "[inputs]\ntopic = \"the quay\"\n" + then_late;
  job.replace(job.find("\"hello\""), 7, "\"${inputs.topic}\"");
  be_late();
  ASSERT_EQ(run(job).state, JobState::failed);
  EXPECT_THAT(problems(job), IsEmpty());
  job.replace(job.find("the quay"), 8, "the pier");
  EXPECT_THAT(problems(job), ElementsAre(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))));
}

// What was made of the first of the old items passed for the first of the new ones.
TEST_F(ResumeTest, AnotherListOfItemsIsAnotherStage) {
  add_shell("Item", "test \"$1\" != b -o ! -e " + late() + " || exit 3; echo \"made $1\" > \"$2\"");
  std::string job = three_items;
  job.replace(job.find("\"Sh\""), 4, "\"Item\"");
  be_late();
  ASSERT_EQ(run(job).state, JobState::failed);
  job.replace(job.find("[\"a\""), 4, "[\"x\"");
  EXPECT_THAT(problems(job), ElementsAre(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))));
}

TEST_F(ResumeTest, ASchemaThatSaysSomethingElseNowIsAnotherStage) {
  std::string job = then_late;
  job.insert(job.find("output ="), "schema = \"@made.schema.json\"\n");
  std::ofstream(folder / "made.schema.json") << R"({"type": "string"})";
  add_shell("Json", "printf '\"made\"' > \"$2\"");
  job.replace(job.find("\"Sh\""), 4, "\"Json\"");
  be_late();
  ASSERT_EQ(run(job).state, JobState::failed);
  std::ofstream(folder / "made.schema.json") << "{ \"type\":\n \"string\" }";
  EXPECT_THAT(problems(job), IsEmpty()) << "it says the same";
  std::ofstream(folder / "made.schema.json") << R"({"type": "string", "minLength": 1})";
  EXPECT_THAT(problems(job), ElementsAre(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))));
}

TEST_F(ResumeTest, AnArtifactThatIsGoneIsNamed) {
  be_late();
  ASSERT_EQ(run(then_late).state, JobState::failed);
  fs::remove(folder / "out/made.txt");
  EXPECT_THAT(problems(then_late), ElementsAre(testing::AllOf(HasSubstr("made.txt"), HasSubstr("--from make"))));
}

TEST_F(ResumeTest, WhatIsOverOrUnknownIsRefused) {
  ASSERT_EQ(run(one_stage).state, JobState::done);
  EXPECT_THAT(problems(one_stage), ElementsAre(HasSubstr("job-1 is done")));
  options.job_id = "job-9";
  EXPECT_THAT(problems(one_stage), ElementsAre(HasSubstr("no job job-9")));
}

TEST_F(ResumeTest, ALockIsMovedByASwitchAndNotByAResume) {
  be_late();
  ASSERT_EQ(run(then_late).state, JobState::failed);
  options.providers = {{"next", "Sh"}};
  EXPECT_THAT(problems(then_late),
              ElementsAre(testing::AllOf(HasSubstr("locked to Late"), HasSubstr("holdfast switch"))));
}

/// A store whose last owner died while the stage ran, since `began`.
class InterruptedTest : public ResumeTest {
 protected:
  void leave_interrupted(WallTime began = {}, const std::string& toml = one_stage, int items = 1) {
    {
      auto store = store::open(file).value();
      Owner dead = store::this_process("holdfast run", "");
      dead.start_time += 1;
      store->act_as(dead);
      const JobFile parsed = parse_job_file("[job]\nname = \"film\"\n" + toml, folder / "job.toml").value();
      JobOpened opened{.job_id = "job-1", .name = "film", .patience = "balanced", .opened_by = "ana"};
      opened.plan = std::make_shared<const JobPlan>(plan_of(parsed, folder / "out"));
      store::Transaction transaction{SaveId{1}, began, {opened}};
      for (int item = 1; item <= items; ++item) {
        OperationStarted started{
            .job_id = "job-1", .stage_name = "make", .provider_name = "Sh", .provider_type = "tts"};
        started.correlation_id = "job-1/make/" + std::to_string(item);
        started.operation_id = text(OperationId{76u + static_cast<unsigned>(item)});
        transaction.records.emplace_back(std::move(started));
      }
      ASSERT_EQ(store->commit({&transaction, 1})[0].kind, store::Outcome::Kind::saved);
    }
    begin_process();
  }
  void begin_process() {
    news.reset();
    gateway.reset();  // which has given its jobs back before the next one looks
    catalogue = std::make_unique<providers::Catalogue>(configured, TimeoutProfiles::defaults(), spawner);
    gateway = std::make_unique<Gateway>(GatewayOptions{.store = file, .providers = catalogue->infos()});
    when<QuestionOpened>([&](const QuestionOpened& opened) {
      EXPECT_EQ(opened.question.kind, QuestionKind::interrupted);
      EXPECT_EQ(content(calls()), "") << "nothing was sent before the answer";
      ++asked;
      gateway->answer({.operation_id = opened.question.operation_id, .option = "try_again", .by = "ana"});
    });
  }
  /// What a run leaves that could make the artifact whole, and not record it.
  void leave_artifact() {
    ASSERT_TRUE(ArtifactFolder(options.out, "job-1").open());
    std::ofstream(options.out / "made.txt") << "made before";
  }

  const std::string file = "sqlite:" + (folder / "kept.db").string();
  std::atomic<int> asked = 0;
};

// Whoever changed the job first, such as by `holdfast switch`, had it forgotten, and the resume sent the call again.
TEST_F(InterruptedTest, AnItemIsAskedAboutThoughAnotherProcessHasTakenTheJobOver) {
  leave_interrupted();
  gateway->lock_provider({.job_id = "job-1", .provider_name = "Sh", .provider_type = "tts"});
  ASSERT_EQ(gateway->interrupted_operations("job-1").size(), 1u);
  begin_process();
  EXPECT_EQ(again(one_stage).state, JobState::done);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(content(calls()), "hello\n");
  EXPECT_THAT(gateway->verify_audit().findings, IsEmpty());
}

// The job failed with its sibling, and the next resume sent it again unasked.
TEST_F(InterruptedTest, AnItemWhoseQuestionEndedWithTheRunIsAskedAboutInTheNext) {
  const std::vector<std::string> works = configured[0].command.arguments;
  configured[0].command.arguments[2] = "exit 3";
  leave_interrupted({}, three_items, 2);
  std::vector<std::string> operations;
  news = gateway->on_news([&](const Notice& notice) {
    const auto* opened = std::get_if<QuestionOpened>(notice.news.get());
    if (opened == nullptr) return;
    operations.push_back(opened->question.operation_id);
    if (operations.size() == 2) {
      gateway->answer({.operation_id = operations[0], .option = "try_again", .by = "ana"});
    }
  });
  options.ask_on_error = false;
  ASSERT_EQ(again(three_items + "parallel = 2\n").state, JobState::failed);
  ASSERT_EQ(operations.size(), 2u);
  configured[0].command.arguments = works;
  begin_process();
  EXPECT_EQ(again(three_items + "parallel = 2\n").state, JobState::done);
  EXPECT_EQ(asked, 1) << "for the other one somebody has answered";
}

TEST_F(InterruptedTest, AnItemIsAskedAboutBeforeItIsSentAgain) {
  leave_interrupted();
  const RunResult result = again(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(content(calls()), "hello\n");
  EXPECT_THAT(gateway->verify_audit().findings, IsEmpty());
}

// The disk was full when it was whole; a resume said that nobody knows, and paid for it again.
TEST_F(InterruptedTest, AnItemThatIsWholeAndNotRecordedIsTakenOverUnasked) {
  leave_artifact();
  leave_interrupted();
  const RunResult result = again(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(content(calls()), "");
  EXPECT_EQ(content(options.out / "made.txt"), "made before");
  EXPECT_THAT(names(result.artifacts), ElementsAre("made.txt"));
  EXPECT_THAT(gateway->verify_audit().findings, IsEmpty());
}

TEST_F(InterruptedTest, AnArtifactOfTheRunBeforeThatOneIsNotTakenForIts) {
  leave_artifact();
  fs::last_write_time(options.out / "made.txt", fs::file_time_type::clock::now() - std::chrono::hours(1));
  leave_interrupted(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
  EXPECT_EQ(again(one_stage).state, JobState::done);
  EXPECT_EQ(asked, 1);
}

// The artifact of the old prompt was taken for that of the new one.
TEST_F(InterruptedTest, AnArtifactOfAJobFileThatSaidSomethingElseIsNotTakenOver) {
  leave_artifact();
  leave_interrupted();
  std::string changed = one_stage;
  changed.replace(changed.find("hello"), 5, "other");
  EXPECT_EQ(again(changed).state, JobState::done);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(content(options.out / "made.txt"), "made other\n");
}

// An answer to one moved the stage, and the others, which may be done and paid for, were sent again with it.
TEST_F(InterruptedTest, EachIsAskedAboutForItself) {
  configured[0].command.arguments[2].insert(0,
                                            "until test -e '" + (folder / "go").string() + "'; do sleep 0.01; done;");
  add_shell("Backup", "echo \"$1\" >> " + calls() + "; printf x > \"$2\"");
  leave_interrupted({}, three_items, 2);
  news = gateway->on_news([this](const Notice& notice) {
    const auto* opened = std::get_if<QuestionOpened>(notice.news.get());
    const auto* finished = std::get_if<StageFinished>(notice.news.get());
    if (opened != nullptr && ++asked == 2) {
      gateway->answer({.operation_id = text(OperationId{77}),
                       .option = "try_alternative",
                       .provider = "Backup",
                       .confirmed = true,
                       .by = "ana"});
    } else if (finished != nullptr && finished->step.items_done == 1) {
      std::ofstream(folder / "go") << "x";
    } else if (finished != nullptr && finished->step.items_done == 2) {
      stop.request_stop();
    }
  });
  EXPECT_EQ(again(three_items + "parallel = 3\n").state, JobState::cancelled);
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(content(calls()), AnyOf("a\nc\n", "c\na\n")) << "nobody has answered for the second";
}

TEST_F(InterruptedTest, AnItemWithAnAttemptThatDidNotEndIsAskedAbout) {
  leave_artifact();
  ASSERT_TRUE(ArtifactFolder(options.out, "job-1").attempt(1, 1, "made.txt"));
  leave_interrupted();
  EXPECT_EQ(again(one_stage).state, JobState::done);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(content(options.out / "made.txt"), "made hello\n");
}

// A finished stage was taken for the same, and half of its items came from another model.
TEST_F(ResumeTest, WhoMadeAFinishedStageAndHowBelongsToWhatTheJobFileSaysOfIt) {
  be_late();
  ASSERT_EQ(run(then_late).state, JobState::failed);
  const std::size_t make = then_late.find("output =");
  for (const char* line :
       {"model = \"other\"\n", "max_tokens = 9\n", "cwd = \"/\"\n", "success_exit_codes = [0, 1]\n"}) {
    std::string changed = then_late;
    changed.insert(make, line);
    EXPECT_THAT(problems(changed), ElementsAre(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))))
        << line;
  }
  std::string changed = then_late;
  changed.replace(changed.find("\"Sh\""), 4, "\"Late\"");
  EXPECT_THAT(problems(changed), testing::Contains(testing::AllOf(HasSubstr("stage make"), HasSubstr("--from make"))));
}

/// A process that leads a group of its own and ignores TERM: only KILL ends it.
pid_t stubborn_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setpgid(0, 0);
    ::signal(SIGTERM, SIG_IGN);
    for (;;)
      ::pause();
  }
  ::setpgid(child, child);
  return child;
}

TEST_F(ResumeTest, ChildrenOfAKilledRunAreEndedAndStrangersAreNot) {
  fs::create_directories(folder / "work");
  const pid_t mine = stubborn_child(), stranger = stubborn_child();
  note_child(folder / "work/01.process", mine);
  // The number was somebody's of the killed run, who started earlier.
  const Owner now = store::process_of(stranger);
  std::ofstream(folder / "work/02.process") << stranger << " " << now.start_time - 1 << " " << now.boot_id << "\n";
  end_children(folder / "work");
  int status = 0;
  ASSERT_EQ(::waitpid(mine, &status, 0), mine);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(::waitpid(stranger, &status, WNOHANG), 0) << "it was left alone";
  ::kill(stranger, SIGKILL);
  ::waitpid(stranger, &status, 0);
  EXPECT_TRUE(fs::is_empty(folder / "work")) << "the notes are taken away";
}

TEST_F(ResumeTest, WhatAKilledRunLeftRunningIsGoneBeforeAnythingStartsAgain) {
  const pid_t left = ::fork();
  if (left == 0) {
    ::setpgid(0, 0);
    for (;;)
      ::pause();
  }
  ::setpgid(left, left);
  const std::jthread reaper([left] { ::waitpid(left, nullptr, 0); });
  add_shell("Alone",
            "test ! -e " + late() + " -a ! -e /proc/" + std::to_string(left) + " || exit 3; echo alone > \"$2\"");
  std::string job = one_stage;
  job.replace(job.find("\"Sh\""), 4, "\"Alone\"");
  be_late();
  ASSERT_EQ(run(job).state, JobState::failed);
  note_child(options.out / ".holdfast/01.process", left);
  be_in_time();
  const RunResult result = again(job);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  ::kill(left, SIGKILL);
}

TEST_F(ResumeTest, ChildrenOfTheJobThatHasTheFolderNowAreLeftAlone) {
  const pid_t child = stubborn_child();
  ASSERT_TRUE(ArtifactFolder(options.out, "job-2").open());
  note_child(options.out / ".holdfast/01.process", child);
  ArtifactFolder(options.out, "job-1").end_children();
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0) << "it goes on";
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
}

// Of two resumes at once the one that came too late ended the children of the other.
TEST_F(ResumeTest, ChildrenOfAJobThatAnotherProcessHoldsAreLeftAlone) {
  const pid_t owner = stubborn_child(), child = stubborn_child();
  const std::string file = "sqlite:" + (folder / "kept.db").string();
  {
    auto store = store::open(file).value();
    store->act_as(store::process_of(owner));
    const store::Transaction transaction{SaveId{1}, WallTime{}, {JobOpened{.job_id = "job-1", .name = "film"}}};
    ASSERT_EQ(store->commit({&transaction, 1})[0].kind, store::Outcome::Kind::saved);
  }
  ASSERT_TRUE(ArtifactFolder(options.out, "job-1").open());
  note_child(options.out / ".holdfast/01.process", child);
  add_shell("Sh", "true");
  catalogue = std::make_unique<providers::Catalogue>(configured, TimeoutProfiles::defaults(), spawner);
  gateway = std::make_unique<Gateway>(GatewayOptions{.store = file, .providers = catalogue->infos()});
  EXPECT_EQ(again(one_stage).code, Errc::store_held);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0) << "it goes on";
  for (const pid_t each : {child, owner}) {
    ::kill(each, SIGKILL);
    ::waitpid(each, &status, 0);
  }
}

}  // namespace
}  // namespace holdfast::jobs
