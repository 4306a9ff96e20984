#include "holdfast/core/question.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "holdfast/core/limits.hpp"

namespace holdfast {
namespace {

QuestionTable::Open asked(int ask) {
  QuestionTable::Open open;
  open.question.ask = ask;
  return open;
}

TEST(QuestionTable, RemembersWhoWon) {
  QuestionTable table;
  table.open({1}, asked(1));
  EXPECT_EQ(table.open_count(), 1u);
  table.close({1}, {QuestionTable::ClosedBy::progress});
  table.open({1}, asked(2));
  table.close({1}, {QuestionTable::ClosedBy::answer, {.option = "continue_30s"}});
  EXPECT_EQ(table.closed({1}, 1)->by, QuestionTable::ClosedBy::progress);
  EXPECT_EQ(table.closed({1}, 0)->answer.option, "continue_30s") << "0 is the newest";
  EXPECT_EQ(table.closed({1}, 3), nullptr);
  EXPECT_EQ(table.closed({2}, 0), nullptr);
  EXPECT_EQ(table.closed({0}, 0), nullptr);
}

TEST(QuestionTable, ShowsWhatIsOpen) {
  QuestionTable table;
  table.open({1}, asked(3));
  EXPECT_EQ(std::as_const(table).find({1})->question.ask, 3);
  EXPECT_EQ(std::as_const(table).find({2}), nullptr);
}

TEST(Answer, RepeatsTheFirstOneWhereItSaysTheSameUnderTheSameKey) {
  const Answer first{.ask = 1, .option = "try_alternative", .provider = "OpenAI", .idempotency_key = "key"};
  const auto repeats = [&](auto change) {
    Answer again = first;
    change(again);
    return again.repeats(first);
  };
  EXPECT_TRUE(repeats([](Answer& again) { again.by = "bob"; }));
  EXPECT_TRUE(repeats([](Answer& again) { again.ask = 0; })) << "the open question";
  EXPECT_TRUE(repeats([](Answer& again) { again.provider = "openai"; }));
  EXPECT_FALSE(repeats([](Answer& again) { again.ask = 2; })) << "another question";
  EXPECT_FALSE(repeats([](Answer& again) { again.idempotency_key = "other"; }));
  EXPECT_FALSE(repeats([](Answer& again) { again.option = "cancel_job"; }));
  EXPECT_FALSE(repeats([](Answer& again) { again.provider = "One"; }));
  EXPECT_FALSE(repeats([](Answer& again) { again.confirmed = true; }));
  EXPECT_FALSE(Answer{}.repeats(Answer{})) << "without a key nothing is a repetition";
}

TEST(QuestionTable, ForgetsTheOldest) {
  QuestionTable table;
  for (std::uint64_t i = 1; i <= limits::closed_questions_kept_max + 1; ++i) {
    table.open({i}, asked(1));
    table.close({i}, {});
  }
  EXPECT_EQ(table.closed({1}, 1), nullptr);
  EXPECT_NE(table.closed({2}, 1), nullptr);
}

TEST(QuestionTableDeathTest, ClosesExactlyOnce) {
  QuestionTable table;
  table.open({1}, asked(1));
  EXPECT_DEATH(table.open({1}, asked(2)), "one open question");
  table.close({1}, {});
  EXPECT_DEATH(table.close({1}, {}), "closes exactly once");
}

TEST(Question, FailureOptionsAskForConfirmationWhereSomethingEnds) {
  Question question;
  question.options = failure_options();
  EXPECT_EQ(question.option_ids(), "try_again, try_alternative, cancel_job");
  EXPECT_FALSE(question.option("try_again")->requires_confirmation);
  EXPECT_TRUE(question.option("cancel_job")->requires_confirmation);
  EXPECT_EQ(question.option("nothing"), nullptr);
  EXPECT_EQ(name(QuestionKind::stall), "stall");
  EXPECT_EQ(name(QuestionKind::hard_error), "hard_error");
  EXPECT_EQ(name(QuestionKind::interrupted), "interrupted");
}

}  // namespace
}  // namespace holdfast
