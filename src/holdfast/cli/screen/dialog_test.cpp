#include "holdfast/cli/screen/dialog.hpp"

#include <gtest/gtest.h>

#include "holdfast/cli/screen/board_bench.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds opened = 74s, later = 75s;

Key typed(char c) {
  return {Key::Kind::character, c};
}

struct DialogTest : testing::Test {
  Board board = bench::film_in_the_middle();
  Dialog dialog{};

  void ask(Question question = bench::question()) {
    board.hear(QuestionOpened{std::move(question)}, opened);
    dialog.see(board, opened);
  }
  Dialog::Action press(char c, milliseconds at = later) { return dialog.press(typed(c), board, at); }
  static bool nothing(const Dialog::Action& action) { return std::holds_alternative<std::monostate>(action); }
};

TEST_F(DialogTest, an_option_without_confirmation_is_answered_by_one_key) {
  ask();
  const auto action = press('1');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  const auto& answer = std::get<Answer>(action);
  EXPECT_EQ(answer.operation_id, "op-1");
  EXPECT_EQ(answer.ask, 1);
  EXPECT_EQ(answer.option, "continue_30s");
  EXPECT_EQ(answer.door, "terminal");
  EXPECT_FALSE(answer.confirmed);
}

TEST_F(DialogTest, a_switch_needs_a_second_key) {
  ask();
  EXPECT_TRUE(nothing(press('3')));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::confirming_answer);
  const auto action = press('y');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  EXPECT_EQ(std::get<Answer>(action).option, "try_alternative");
  EXPECT_EQ(std::get<Answer>(action).provider, "Piper");
  EXPECT_TRUE(std::get<Answer>(action).confirmed);
}

TEST_F(DialogTest, any_other_key_goes_back) {
  ask();
  press('3');
  EXPECT_TRUE(nothing(press('n')));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
  EXPECT_TRUE(nothing(press('y')));  // there is nothing to confirm any more
}

TEST_F(DialogTest, a_key_that_is_no_character_goes_back_too) {
  ask();
  press('4');
  EXPECT_TRUE(nothing(dialog.press({Key::Kind::other}, board, later)));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
}

TEST_F(DialogTest, cancelling_by_an_answer_needs_a_second_key) {
  ask();
  EXPECT_TRUE(nothing(press('4')));
  const auto action = press('Y');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  EXPECT_EQ(std::get<Answer>(action).option, "cancel_job");
  EXPECT_TRUE(std::get<Answer>(action).confirmed);
}

TEST_F(DialogTest, with_several_alternatives_one_is_chosen_first) {
  Question question = bench::question();
  question.alternatives.insert(question.alternatives.begin(), {.provider_name = "Gone", .allowed = false});
  question.alternatives.push_back({.provider_name = "Cloud"});
  ask(question);
  press('3');
  EXPECT_EQ(dialog.mode(), Dialog::Mode::choosing_provider);
  press('2');
  EXPECT_EQ(dialog.mode(), Dialog::Mode::confirming_answer);
  const auto action = press('y');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  EXPECT_EQ(std::get<Answer>(action).provider, "Cloud");
}

TEST_F(DialogTest, choosing_no_alternative_goes_back) {
  Question question = bench::question();
  question.alternatives.push_back({.provider_name = "Cloud"});
  ask(question);
  press('3');
  press('9');
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
}

TEST_F(DialogTest, without_an_alternative_a_switch_is_answered_with_a_sentence) {
  Question question = bench::question();
  question.alternatives.front().allowed = false;
  ask(question);
  const auto action = press('3');
  ASSERT_TRUE(std::holds_alternative<Dialog::Said>(action));
  EXPECT_NE(std::get<Dialog::Said>(action).text.find("tts-synthesis"), std::string::npos);
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
}

TEST_F(DialogTest, a_question_that_has_just_come_up_takes_no_keys) {
  ask();
  EXPECT_TRUE(nothing(press('1', opened + 100ms)));
  EXPECT_TRUE(std::holds_alternative<Answer>(press('1', opened + question_settles)));
}

TEST_F(DialogTest, a_withdrawn_question_takes_the_half_given_answer_along) {
  ask();
  press('3');
  board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "progress"}, later);
  EXPECT_TRUE(dialog.see(board, later));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
  EXPECT_EQ(dialog.question(board), nullptr);
  EXPECT_TRUE(nothing(press('y')));
}

TEST_F(DialogTest, a_confirmation_never_goes_to_another_question) {
  ask();
  press('3');
  board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "progress"}, later);
  board.hear(QuestionOpened{bench::question(2)}, later);
  dialog.see(board, later);
  EXPECT_TRUE(nothing(press('y', later + 1s)));
  ASSERT_NE(dialog.question(board), nullptr);
  EXPECT_EQ(dialog.question(board)->ask, 2);
}

TEST_F(DialogTest, the_question_that_is_shown_stays_while_it_is_open) {
  ask();
  board.hear(QuestionOpened{bench::question(2)}, later);
  EXPECT_FALSE(dialog.see(board, later));
  EXPECT_EQ(dialog.question(board)->ask, 1);
  EXPECT_EQ(dialog.open_count(board), 2U);
}

TEST_F(DialogTest, ctrl_c_asks_and_twice_means_yes) {
  EXPECT_TRUE(nothing(dialog.press({Key::Kind::interrupt}, board, later)));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::confirming_cancel);
  EXPECT_TRUE(std::holds_alternative<Dialog::CancelJob>(dialog.press({Key::Kind::interrupt}, board, later)));
}

TEST_F(DialogTest, the_job_is_cancelled_by_c_and_y_and_by_nothing_less) {
  EXPECT_TRUE(nothing(press('c')));
  EXPECT_TRUE(nothing(press('n')));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::watching);
  press('c');
  EXPECT_TRUE(nothing(press('c')));
  press('c');
  EXPECT_TRUE(std::holds_alternative<Dialog::CancelJob>(press('y')));
}

TEST_F(DialogTest, ctrl_c_works_in_the_middle_of_an_answer) {
  ask();
  press('3');
  EXPECT_TRUE(nothing(dialog.press({Key::Kind::interrupt}, board, later)));
  EXPECT_EQ(dialog.mode(), Dialog::Mode::confirming_cancel);
}

TEST_F(DialogTest, asking_whether_to_cancel_survives_a_question_that_goes) {
  ask();
  dialog.press({Key::Kind::interrupt}, board, later);
  board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "progress"}, later);
  dialog.see(board, later);
  EXPECT_EQ(dialog.mode(), Dialog::Mode::confirming_cancel);
}

TEST_F(DialogTest, whoever_said_to_wait_is_not_asked_about_stalls_but_about_errors) {
  dialog = Dialog(false);
  ask();
  EXPECT_EQ(dialog.question(board), nullptr);
  EXPECT_TRUE(nothing(press('1')));
  Question failed = bench::question();
  failed.operation_id = "op-2";
  failed.kind = QuestionKind::hard_error;
  failed.options = failure_options();
  ask(failed);
  ASSERT_NE(dialog.question(board), nullptr);
  const auto action = press('1');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  EXPECT_EQ(std::get<Answer>(action).option, "try_again");
}

TEST_F(DialogTest, keys_without_meaning_do_nothing) {
  EXPECT_TRUE(nothing(press('1')));
  ask();
  for (const char c : {'9', 'q', ' ', 'y'})
    EXPECT_TRUE(nothing(press(c)));
}

TEST_F(DialogTest, every_option_has_a_key_of_its_own) {
  EXPECT_EQ(option_keys.find('c'), std::string_view::npos);
  EXPECT_EQ(option_keys.find('y'), std::string_view::npos);
  Question question = bench::question();
  while (question.options.size() < 12)
    question.options.push_back({.id = "o" + std::to_string(question.options.size())});
  ask(question);
  const auto action = press('b');
  ASSERT_TRUE(std::holds_alternative<Answer>(action));
  EXPECT_EQ(std::get<Answer>(action).option, "o10");
}

}  // namespace
}  // namespace holdfast::cli
