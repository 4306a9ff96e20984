// A run whose stages move, whose store refuses, and whose items wait for each other's answers.

#include "holdfast/jobs/runner_bench.hpp"
#include "holdfast/store/memory.hpp"

namespace holdfast::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RunnerMovesTest : public RunnerTest {
 protected:
  template <class N>
  std::vector<N> recorded() {
    std::vector<N> found;
    for (const KeptRecord& each : gateway->records("job-1")) {
      if (const auto* one = std::get_if<N>(&each.record)) found.push_back(*one);
    }
    return found;
  }
  std::string file(const char* name) const { return "'" + (folder / name).string() + "'"; }
  /// In two calls, as a library moves what runs: a decision ends the first operation, and the lock is taken behind it.
  void move_first_call(std::string from, std::string to, std::string type) {
    start();
    news = gateway->on_news([this, from, to, type, moved = false](const Notice& notice) mutable {
      const auto* started = std::get_if<OperationStarted>(notice.news.get());
      if (started == nullptr || std::exchange(moved, true)) return;
      auto decision = FallbackDecision::user_requested("job-1", from, to, milliseconds(1), "c");
      decision.operation_id = started->operation_id;
      gateway->record_fallback_decision(decision);
      gateway->lock_provider({.job_id = "job-1", .provider_name = to, .provider_type = type});
    });
  }
  /// A file that a provider waits for.
  void make(const char* name) const { std::ofstream(folder / name) << "x"; }
};

// A kill between the two left a call that was over and had made nothing: a resume paid for it again, unasked.
TEST_F(RunnerMovesTest, WhatACallHasMadeIsOnTheRecordBeforeItsEnd) {
  add_shell("Sh", "printf x > \"$2\"");
  ASSERT_EQ(run(one_stage).state, JobState::done);
  std::vector<std::string> order;
  for (const KeptRecord& each : gateway->records("job-1")) {
    const std::string name(event_name(each.record));
    if (name == "stage.finished" || name.starts_with("operation.")) order.push_back(name);
  }
  EXPECT_THAT(order, ElementsAre("operation.started", "stage.finished", "operation.ended"));
}

/// A store that does not take the first finished item, so often as it is tried.
class ForgetfulStore final : public store::Memory {
 public:
  explicit ForgetfulStore(int refusals) : refusals_(refusals) {}
  std::vector<store::Outcome> commit(std::span<const store::Transaction> transactions) override {
    std::vector<store::Outcome> outcomes;
    for (const store::Transaction& each : transactions) {
      const bool finished = std::ranges::any_of(
          each.records, [](const News& record) { return std::holds_alternative<StageFinished>(record); });
      if (finished && refusals_ > 0) {
        --refusals_;
        outcomes.push_back({store::Outcome::Kind::failed, "disk full"});
      } else {
        outcomes.push_back(Memory::commit(std::span(&each, 1))[0]);
      }
    }
    return outcomes;
  }

 private:
  int refusals_;
};

// The run failed at once, the end of its call was written, and a resume paid for the item again.
TEST_F(RunnerMovesTest, AFinishedItemOutlivesAHiccupOfItsStore) {
  add_shell("Sh", "printf x > \"$2\"");
  catalogue = std::make_unique<providers::Catalogue>(configured, TimeoutProfiles::defaults(), spawner);
  gateway =
      std::make_unique<Gateway>(GatewayOptions{.providers = catalogue->infos()}, std::make_unique<ForgetfulStore>(1));
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_THAT(recorded<StageFinished>(), SizeIs(1));
}

// The item that was refused had been counted: the stage was finished on the record, and half of it was missing.
TEST_F(RunnerMovesTest, AStageIsNotFinishedWithAnItemThatIsNotOnTheRecord) {
  add_shell("Sh", "printf x > \"$2\"; test \"$1\" != b || until test -e " + file("go") + "; do sleep 0.01; done");
  catalogue = std::make_unique<providers::Catalogue>(configured, TimeoutProfiles::defaults(), spawner);
  gateway =
      std::make_unique<Gateway>(GatewayOptions{.providers = catalogue->infos()}, std::make_unique<ForgetfulStore>(4));
  when<OperationEnded>([this](const OperationEnded&) { make("go"); });
  const RunResult result = run(three_items + "parallel = 2\n");
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_THAT(result.error, HasSubstr("is whole, and is not on the record"));
  const auto finished = recorded<StageFinished>();
  ASSERT_THAT(finished, SizeIs(1));
  EXPECT_FALSE(finished[0].step.finished);
  EXPECT_EQ(finished[0].step.items_done, 1u);
}

// It asked again and again, a folder and a refusal each time.
TEST_F(RunnerMovesTest, AStageWhoseNewLockIsStillToBeTakenWaitsForIt) {
  add_shell("Sh", "until test -e " + file("go") + "; do sleep 0.01; done; printf old > \"$2\"");
  add_shell("Backup", "printf new > \"$2\"");
  std::atomic<bool> decided = false;
  start();
  news = gateway->on_news([&](const Notice& notice) {
    if (std::holds_alternative<OperationStarted>(*notice.news) && !decided.exchange(true)) {
      auto decision = FallbackDecision::user_requested("job-1", "Sh", "Backup", milliseconds(1), "c");
      gateway->record_fallback_decision(decision);
      make("go");
    } else if (std::holds_alternative<Refused>(*notice.news)) {
      gateway->lock_provider({.job_id = "job-1", .provider_name = "Backup"});
    }
  });
  const RunResult result = run(three_items);
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "made-1.txt"), "old");
  EXPECT_EQ(content(options.out / "made-3.txt"), "new");
  EXPECT_THAT(recorded<Refused>(), SizeIs(1));
}

// The run waited for an answer that its consent could not give, with nobody there.
TEST_F(RunnerMovesTest, AConsentForAProviderThatDoesNotServeTheStageIsNotWaitedFor) {
  add_shell("Sh", "exit 1");
  add_provider("Drawer", {"true"});
  configured.back().kinds = {"image"};
  options.consents.push_back(parse_consent("error: switch to Drawer").value());
  EXPECT_EQ(run(one_stage).state, JobState::failed);
  EXPECT_THAT(recorded<QuestionOpened>(), IsEmpty()) << "nobody was asked";
}

// One that was given through another door counted for nothing.
TEST_F(RunnerMovesTest, AConsentThatTheJobHasAnswersAFailureOfARunWithoutOne) {
  add_shell("Sh", "until test -e " + file("go") + "; do sleep 0.01; done; exit 1");
  add_shell("Backup", "printf new > \"$2\"");
  std::atomic<bool> given = false;
  start();
  news = gateway->on_news([&](const Notice& notice) {
    if (!std::holds_alternative<OperationStarted>(*notice.news) || given.exchange(true)) return;
    gateway->give_consent("job-1", parse_consent("error: switch to Backup").value());
    make("go");
  });
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
}

// The sibling's answer came when the job had failed already, and its item was called and paid for.
TEST_F(RunnerMovesTest, AnItemThatWaitsForAnAnswerIsNotRunAgainWhenItsStageHasFailed) {
  add_shell("Sh", "echo \"$1\" >> " + file("calls") + "; test \"$1\" != a || exit 1; until test -e " + file("go") +
                      "; do sleep 0.01; done; printf x > \"$2\"");
  options.ask_on_error = true;
  when<QuestionOpened>([this](const QuestionOpened&) {
    fs::create_directories(options.out / "made-2.txt");  // where its artifact should go
    make("go");
  });
  const RunResult result = run(three_items + "parallel = 2\n");
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_THAT(result.error, HasSubstr("cannot move an artifact"));
  EXPECT_THAT(content(folder / "calls"), testing::AnyOf("a\nb\n", "b\na\n"));
}

// Those of the siblings stayed open until the job ended, and an answer to them did nothing.
TEST_F(RunnerMovesTest, SiblingsThatGoAlongAreAskedAboutNoMore) {
  add_shell("Sh", "exit 1");
  add_shell("Backup", "until test -e " + file("go") + "; do sleep 0.01; done; printf x > \"$2\"");
  options.ask_on_error = true;
  std::atomic<int> asked = 0, moved = 0;
  std::vector<std::string> left;
  start();
  news = gateway->on_news([&](const Notice& notice) {
    const auto* started = std::get_if<OperationStarted>(notice.news.get());
    if (const auto* opened = std::get_if<QuestionOpened>(notice.news.get()); opened != nullptr && ++asked == 3) {
      gateway->answer({.operation_id = opened->question.operation_id,
                       .option = "try_alternative",
                       .provider = "Backup",
                       .confirmed = true,
                       .by = "ana"});
    } else if (started != nullptr && started->provider_name == "Backup" && ++moved == 3) {
      for (const Question& each : gateway->open_questions())
        left.push_back(each.operation_id);
      make("go");
    }
  });
  const RunResult result = run(three_items + "parallel = 3\n");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  news.reset();
  EXPECT_THAT(left, IsEmpty());
}

// The thresholds of a stranger's type were taken: the type was not the one that the stage was locked with.
TEST_F(RunnerMovesTest, AStageThatComesBackToItsOwnCommandHasItsOwnType) {
  add_shell("Backup", "until test -e " + file("go") + "; do sleep 0.01; done; printf x > \"$2\"");
  options.providers = {{"make", "Backup"}};
  move_first_call("Backup", "Own", "tts");
  const RunResult result = run(R"(
[[stages]]
name = "make"
kind = "command"
provider = "Own"
provider_type = "tts"
command = ["sh", "-c", "printf own > \"$1\"", "sh", "${output}"]
output = "made.txt"
)");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "made.txt"), "own");
  EXPECT_EQ(recorded<OperationStarted>().back().provider_type, "tts");
}

// "out/" and "out" were two folders: every folder above it was synced, and a resume was refused.
TEST_F(RunnerMovesTest, AFolderWithASlashBehindItIsTheSameFolder) {
  add_shell("Sh", "test -e " + file("go") + " || exit 1; printf x > \"$2\"");
  options.out = (folder / "out").string() + "/";
  ASSERT_EQ(run(one_stage).state, JobState::failed);
  make("go");
  options.resume = true;
  options.out = folder / "." / "out";
  EXPECT_THAT(problems_of(one_stage), IsEmpty());
  EXPECT_EQ(run(one_stage).state, JobState::done);
}

// The speech program was given a text to write, and its sound was kept as the text.
TEST_F(RunnerMovesTest, AStageThatIsLockedToAProviderOfAnotherKindIsNotRunThere) {
  add_shell("Sh", "until test -e " + file("go") + "; do sleep 0.01; done; exit 1");
  add_shell("Drawer", "printf picture > \"$2\"");
  configured.back().kinds = {"image"};
  move_first_call("Sh", "Drawer", "image_gen");
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_THAT(result.error, HasSubstr("provider Drawer serves image, and not text"));
  EXPECT_FALSE(fs::exists(options.out / "made.txt"));
}

// Its question was closed with the first move, and the second brought the stage back: it waited for ever.
TEST_F(RunnerMovesTest, AFailureWhoseStageIsMovedToAnotherProviderAndBackIsRunAgain) {
  add_shell("Sh", "test -e " + file("go") + " || exit 1; printf x > \"$2\"");
  add_shell("Backup", "exit 1");
  options.ask_on_error = true;
  when<QuestionOpened>([this](const QuestionOpened&) {
    make("go");
    gateway->record_fallback_decision(FallbackDecision::user_requested("job-1", "Sh", "Backup", milliseconds(1), "c"));
    gateway->record_fallback_decision(FallbackDecision::user_requested("job-1", "Backup", "Sh", milliseconds(1), "c"));
    gateway->lock_provider({.job_id = "job-1", .provider_name = "Sh"});
  });
  const RunResult result = run(one_stage);
  EXPECT_EQ(result.state, JobState::done) << result.error;
}

}  // namespace
}  // namespace holdfast::jobs
