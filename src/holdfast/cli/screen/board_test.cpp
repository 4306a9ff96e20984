#include "holdfast/cli/screen/board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/cli/screen/board_bench.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(const Board& board) {
  std::vector<std::string> out;
  for (const BoardEvent& each : board.events())
    out.push_back(each.text);
  return out;
}

TEST(Board, a_stage_runs_from_its_start_to_its_last_item) {
  Board board = bench::film();
  EXPECT_EQ(board.stage("rendering")->state, StageState::pending);
  board.hear(bench::stage_started("rendering", "FFmpeg", 2), 5s);
  board.hear(bench::stage_step("rendering", 2, 1), 7s);
  EXPECT_EQ(board.stage("rendering")->state, StageState::running);
  EXPECT_EQ(board.stage("rendering")->items_done, 1U);
  board.hear(bench::stage_step("rendering", 2, 2), 9s);
  const StageLine& row = *board.stage("RENDERING");  // names compare without regard to case
  EXPECT_EQ(row.state, StageState::done);
  EXPECT_EQ(row.began_at, 5s);
  EXPECT_EQ(row.ended_at, 9s);
}

TEST(Board, a_lock_marks_the_stages_that_it_governs) {
  Board board = bench::film();
  board.hear(bench::lock("Piper", {"tts-synthesis"}, false), 0ms);
  EXPECT_TRUE(board.stage("tts-synthesis")->locked);
  EXPECT_TRUE(board.stage("tts-synthesis")->absolute);
  EXPECT_EQ(board.stage("tts-synthesis")->provider, "Piper");
  EXPECT_FALSE(board.stage("rendering")->locked);
}

TEST(Board, a_switch_moves_the_stage_to_the_other_provider) {
  Board board = bench::film_in_the_middle();
  ProviderLock old{.job_id = "film-k3f9q2", .provider_name = "eSpeak", .stages = {"tts-synthesis"}};
  old.state = LockState::ended;
  old.reason = "USER_AFTER_STALL";
  board.hear(FallbackDecision{.job_id = "film-k3f9q2", .from_provider = "eSpeak", .to_provider = "Piper"}, 80s);
  board.hear(LockEnded{old, 4}, 80s);
  EXPECT_FALSE(board.stage("tts-synthesis")->locked);
  board.hear(bench::lock("Piper", {"tts-synthesis"}), 80s);
  EXPECT_EQ(board.stage("tts-synthesis")->provider, "Piper");
  EXPECT_TRUE(board.stage("tts-synthesis")->locked);
  ASSERT_EQ(board.decisions().size(), 1U);
  EXPECT_TRUE(board.events()[board.events().size() - 2].urgent);
}

TEST(Board, progress_of_a_stage_counts_items_and_the_percent_of_those_that_run) {
  const Board board = bench::film_in_the_middle();
  EXPECT_DOUBLE_EQ(*board.fraction(*board.stage("tts-synthesis")), 7.5 / 12);
  EXPECT_DOUBLE_EQ(*board.fraction(*board.stage("script-generation")), 1.0);
  EXPECT_FALSE(board.fraction(*board.stage("rendering")).has_value());
}

TEST(Board, a_percent_beyond_its_bounds_does_not_go_beyond_the_bar) {
  Board board = bench::film();
  board.hear(bench::stage_started("rendering", "FFmpeg", 1), 0ms);
  board.hear(bench::call_started("op-1", "rendering", "FFmpeg"), 0ms);
  board.hear(OperationProgress{.job_id = "film-k3f9q2", .operation_id = "op-1", .progress = {.percent = 900.0}}, 1s);
  EXPECT_DOUBLE_EQ(*board.fraction(*board.stage("rendering")), 1.0);
}

TEST(Board, a_queued_call_stands_behind_those_that_run) {
  const Board board = bench::film_in_the_middle();
  const auto calls = board.calls_of("tts-synthesis");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]->operation.operation_id, "op-1");
  EXPECT_EQ(calls[1]->operation.state, OperationPhase::queued);
}

TEST(Board, a_call_that_ended_is_not_brought_back_by_old_numbers) {
  Board board = bench::film_in_the_middle();
  board.hear(OperationEnded{.job_id = "film-k3f9q2", .operation_id = "op-1"}, 80s);
  board.watch({bench::live("op-1", 20s, 1s, {})}, 80s);
  EXPECT_EQ(board.call("op-1"), nullptr);
}

TEST(Board, a_question_is_open_from_its_news_to_its_end) {
  Board board = bench::film_in_the_middle();
  board.hear(QuestionOpened{bench::question()}, 74s);
  ASSERT_EQ(board.questions().size(), 1U);
  board.hear(QuestionClosed{"film-k3f9q2", "op-1", 2, "answer"}, 75s);  // another one
  EXPECT_EQ(board.questions().size(), 1U);
  board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "progress"}, 75s);
  EXPECT_THAT(board.questions(), IsEmpty());
}

TEST(Board, a_question_that_opens_again_is_one_question) {
  Board board = bench::film_in_the_middle();
  board.hear(QuestionOpened{bench::question()}, 74s);
  board.hear(QuestionOpened{bench::question()}, 75s);
  EXPECT_EQ(board.questions().size(), 1U);
}

TEST(Board, a_withdrawn_question_leaves_a_line_saying_so) {
  Board board = bench::film_in_the_middle();
  board.hear(StallResolved{.job_id = "film-k3f9q2",
                           .stage_name = "tts-synthesis",
                           .provider_name = "eSpeak",
                           .operation_id = "op-1",
                           .ask = 1,
                           .by = "progress"},
             80s);
  EXPECT_EQ(board.events().back().text, "tts-synthesis on eSpeak: progress again; the question is withdrawn");
}

TEST(Board, a_job_that_ends_leaves_nothing_running) {
  for (const auto& [state, row] :
       {std::pair(JobState::failed, StageState::failed), std::pair(JobState::cancelled, StageState::cancelled)}) {
    Board board = bench::film_in_the_middle();
    board.hear(QuestionOpened{bench::question()}, 74s);
    board.hear(JobClosed{"film-k3f9q2", state, {}}, 80s);
    EXPECT_EQ(board.state(), state);
    EXPECT_EQ(board.stage("tts-synthesis")->state, row);
    EXPECT_EQ(board.stage("script-generation")->state, StageState::done);
    EXPECT_EQ(board.stage("rendering")->state, StageState::pending);
    EXPECT_THAT(board.questions(), IsEmpty());
    EXPECT_THAT(board.calls_of("tts-synthesis"), IsEmpty());
  }
}

TEST(Board, news_of_other_jobs_is_not_shown) {
  Board board = bench::film();
  board.hear(StageStarted{"another", "rendering", "FFmpeg", 1}, 0ms);
  EXPECT_EQ(board.stage("rendering")->state, StageState::pending);
  EXPECT_THAT(board.events(), IsEmpty());
}

TEST(Board, a_stage_that_the_plan_did_not_name_gets_a_row) {
  Board board = bench::film();
  board.hear(bench::stage_started("surprise", "P", 1), 0ms);
  ASSERT_NE(board.stage("surprise"), nullptr);
  EXPECT_EQ(board.stages().back().name, "surprise");
}

TEST(Board, events_are_kept_up_to_their_limit) {
  Board board = bench::film();
  for (int i = 0; i < 200; ++i)
    board.note("event " + std::to_string(i), 0ms);
  EXPECT_EQ(board.events().size(), board_events_max);
  EXPECT_EQ(board.events().back().text, "event 199");
}

TEST(Board, what_the_rows_show_already_is_no_event) {
  Board board = bench::film();
  board.hear(bench::lock("eSpeak", {"tts-synthesis"}), 0ms);
  board.hear(bench::call_started("op-1", "tts-synthesis", "eSpeak", true), 0ms);
  board.hear(bench::stage_step("tts-synthesis", 12, 3), 1s);
  EXPECT_THAT(texts(board), IsEmpty());
}

TEST(Telling, news_is_told_in_sentences) {
  const auto tell = [](const News& news) { return told(news, bench::words); };
  EXPECT_EQ(tell(JobOpened{"j", "n", "balanced", "ana"}), "job j opened, patience balanced");
  EXPECT_EQ(tell(JobClosed{"j", JobState::cancelled, "ana"}), "job j cancelled by ana");
  EXPECT_EQ(tell(bench::lock("Piper", {}, false)), "all stages: locked to Piper, absolutely");
  LockTaken rest{{.job_id = "j", .provider_name = "P", .except_stages = {"a", "b"}}};
  EXPECT_EQ(tell(rest), "all stages but a, b: locked to P");
  LockEnded ended{{.job_id = "j", .provider_name = "P", .stages = {"a"}, .state = LockState::ended, .reason = "R"}, 2};
  EXPECT_EQ(tell(ended), "a: lock on P ended (R)");
  ended.lock.state = LockState::released;
  EXPECT_EQ(tell(ended), "");
  EXPECT_EQ(tell(Refused{.message = "no"}), "refused: no");
  EXPECT_EQ(tell(bench::call_started("op", "s", "P", true)), "s on P: queued, waits for its turn");
  EXPECT_EQ(tell(bench::call_started("op", "s", "P")), "");
  EXPECT_EQ(
      tell(OperationEnded{.stage_name = "s", .provider_name = "P", .outcome = OperationPhase::switched, .elapsed = 5s}),
      "s on P: switched after 5 s");
  EXPECT_EQ(tell(OperationEnded{.outcome = OperationPhase::completed}), "");
  EXPECT_EQ(tell(CategoryChanged{.stage_name = "s",
                                 .provider_name = "P",
                                 .provider_type = "tts",
                                 .to = LatencyCategory::DeepWait,
                                 .elapsed = 61s}),
            "s on P: Deep Wait, after 1 min 01 s");
  EXPECT_EQ(
      tell(CategoryChanged{
          .stage_name = "s", .provider_name = "P", .provider_type = "tts", .elapsed = 61s, .longer_than_usual = true}),
      "s on P: longer than usual for tts (1 min 01 s)");
  EXPECT_EQ(tell(CategoryChanged{.to = LatencyCategory::Error}), "");
  EXPECT_EQ(tell(OperationProgress{}), "");
  EXPECT_EQ(tell(StallResolved{.stage_name = "s", .by = "answer"}), "");
  EXPECT_EQ(tell(StallResolved{.stage_name = "s", .by = "end"}), "s: ended; the question is withdrawn");
  EXPECT_EQ(tell(QuestionOpened{}), "");
  EXPECT_EQ(tell(QuestionClosed{}), "");
  EXPECT_EQ(tell(QuestionAnswered{.stage_name = "s",
                                  .option = "try_alternative",
                                  .provider = "Q",
                                  .by = "ana",
                                  .door = "terminal",
                                  .recorded = false}),
            "s: ana answered try_alternative, Q (terminal); it could not be recorded");
  EXPECT_EQ(tell(ProviderHardError{
                .stage_name = "s", .provider_name = "P", .fault = {ErrorClass::command, 1, "", "no such voice"}}),
            "s on P: command failed, status 1: no such voice");
  EXPECT_EQ(tell(FallbackDecision{.from_provider = "A",
                                  .to_provider = "B",
                                  .reason_code = ReasonCode::user_after_stall,
                                  .elapsed_before_switch = 48s,
                                  .user_confirmed = true,
                                  .affected_stages = {"s"},
                                  .decided_by = "ana"}),
            "switched: A → B for s after 48 s (USER_AFTER_STALL), confirmed by ana");
  const StandingConsent consent{.minimum_silence = 10min, .given_by = "ana"};
  EXPECT_EQ(tell(ConsentGiven{"j", consent}), "consent given by ana: stall after 10m: cancel");
  EXPECT_EQ(tell(ConsentApplied{"j", "op", 1, consent}), "consent applied: stall after 10m: cancel");
  EXPECT_EQ(tell(Cancelled{"j", "", "ana"}), "");
  EXPECT_EQ(tell(Cancelled{"j", "op-1", ""}), "operation op-1 cancelled");
  EXPECT_EQ(tell(bench::stage_started("s", "P", 12)), "s on P: started, 12 items");
  EXPECT_EQ(tell(bench::stage_step("s", 12, 7)), "s: 7 of 12 items done");
  EXPECT_EQ(tell(bench::stage_step("s", 1, 1)), "s: done");
}

TEST(Telling, a_question_is_told_with_its_evidence_alternatives_and_options) {
  EXPECT_THAT(
      told_question(bench::question(), ""),
      ElementsAre("question 1 about tts-synthesis on eSpeak (op-1): is it stalled?",
                  "No progress for 46 s; usual is 20 s. The line is silent.", "alternative: Piper (tts, amy)",
                  "option continue_30s: Continue Waiting (30s)", "option wait_until_done: Wait until it finishes",
                  "option try_alternative: Try Alternative Provider (asks for confirmation)",
                  "option cancel_job: Cancel Job (asks for confirmation)"));
}

// Two items of a for_each were asked about in the same words.
TEST(Telling, of_several_items_it_is_said_which_one) {
  EXPECT_EQ(item_of("j", "naps", "j/naps/2", 4), "item 2 of 4");
  EXPECT_EQ(item_of("j", "naps", "j/naps/2", 0), "item 2");
  for (const char* id : {"j/naps/1", "j/naps/", "j/naps/x", "trace-7", "k/naps/2", ""})
    EXPECT_EQ(item_of("j", "naps", id, 1), "") << id;
  Question question = bench::question();
  question.correlation_id = question.job_id + "/tts-synthesis/3";
  EXPECT_EQ(told_question(question, "", 12)[0],
            "question 1 about tts-synthesis (item 3 of 12) on eSpeak (op-1): is it stalled?");
  StallSuspected stall{.job_id = "j", .stage_name = "naps", .provider_name = "P", .correlation_id = "j/naps/2"};
  EXPECT_THAT(told(stall, bench::words, [](const std::string&) { return 4; }),
              testing::StartsWith("naps (item 2 of 4) on P: no progress"));
}

// `try_alternative --confirm` was printed, and refused: no provider was named.
TEST(Telling, every_command_that_answers_is_whole) {
  Question question = bench::question();
  question.alternatives.push_back({.provider_name = "my box", .provider_type = "tts"});
  question.alternatives.push_back({.provider_name = "No", .provider_type = "tts", .allowed = false});
  std::vector<std::string> commands;
  for (const AnswerCommand& each : answer_commands(question, "holdfast --store sqlite:/x"))
    commands.push_back(each.command);
  const std::string answer = "holdfast --store sqlite:/x answer op-1 ";
  EXPECT_THAT(commands,
              ElementsAre(answer + "continue_30s", answer + "wait_until_done",
                          answer + "try_alternative --provider Piper --confirm",
                          answer + "try_alternative --provider 'my box' --confirm", answer + "cancel_job --confirm"));
  EXPECT_THAT(told_question(question, "holdfast"), testing::Contains("  holdfast answer op-1 continue_30s"));
}

// The option stood there like the others, and its key did nothing.
TEST(Telling, an_alternative_where_there_is_none_is_said_beside_its_option) {
  Question question = bench::question();
  const AnswerOption& option = question.options[2];
  EXPECT_EQ(told_option(question, option), "Try Alternative Provider");
  question.alternatives[0].allowed = false;
  EXPECT_EQ(told_option(question, option), "Try Alternative Provider (none is possible)");
  question.alternatives.clear();
  EXPECT_EQ(told_option(question, option), "Try Alternative Provider (none is configured)");
  EXPECT_EQ(told_option(question, question.options[0]), "Continue Waiting (30s)");
  EXPECT_THAT(told_question(question, ""),
              testing::Contains("option try_alternative: Try Alternative Provider (none is configured) (asks for "
                                "confirmation)"));
}

TEST(Telling, a_consent_is_told_with_what_it_will_do_and_when) {
  const Question question = bench::question();
  const auto consents = [](const std::vector<const char*>& texts) {
    std::vector<StandingConsent> out;
    for (const char* each : texts)
      out.push_back(parse_consent(each).value());
    return out;
  };
  EXPECT_EQ(told_outlook(question, {}, 46s), "");
  EXPECT_EQ(told_outlook(question, consents({"error: cancel"}), 46s), "");
  EXPECT_EQ(
      told_outlook(question, consents({"stall after 10m: cancel", "stall after 1m: switch to Piper"}), 46s),
      "Given in advance: stall after 1m: switch to Piper. That comes in 14 s, unless it makes progress or somebody "
      "answers before.");
  EXPECT_EQ(told_outlook(question, consents({"stall after 1m: cancel"}), 60s),
            "Given in advance: stall after 1m: cancel. That comes now.");
  Question refused = question;
  refused.alternatives[0].allowed = false;
  EXPECT_EQ(told_outlook(refused, consents({"stall after 1m: switch to Piper"}), 46s), "");
  Question stays = question;
  std::erase_if(stays.options, [](const AnswerOption& each) { return each.action == AnswerAction::cancel; });
  EXPECT_EQ(told_outlook(stays, consents({"stall after 1m: cancel"}), 60s), "") << "the profiles do not offer it";
  Question left = question;
  left.alternatives[0].failed_here = true;
  EXPECT_EQ(told_outlook(left, consents({"stall after 1m: switch to Piper"}), 46s), "") << "none leads back";
  Question interrupted = question;
  interrupted.kind = QuestionKind::interrupted;
  EXPECT_EQ(told_outlook(interrupted, consents({"stall after 1m: cancel"}), 0s), "");
}

TEST(Telling, an_unclassified_fault_still_says_what_happened) {
  EXPECT_EQ(told_fault({}), "failed");
  EXPECT_EQ(told_fault({ErrorClass::other, 0, "", "boom\x1b[2J"}), "failed: boom␛[2J");
  EXPECT_EQ(told_fault({ErrorClass::http, 500, "overloaded", ""}), "http, status 500, overloaded");
}

}  // namespace
}  // namespace holdfast::cli
