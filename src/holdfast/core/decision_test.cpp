#include "holdfast/core/decision.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(Decision, ReasonCodesHaveTheirNamesBothWays) {
  for (const auto reason : {ReasonCode::user_request, ReasonCode::user_after_stall, ReasonCode::provider_fatal_error,
                            ReasonCode::legacy_auto}) {
    EXPECT_EQ(reason_from_name(name(reason)), reason);
  }
  EXPECT_EQ(name(ReasonCode::user_after_stall), "USER_AFTER_STALL");
  EXPECT_FALSE(reason_from_name("SILENT"));
}

TEST(Decision, AfterStallHoldsTheStallsDuration) {
  const auto made = FallbackDecision::after_stall("job", "A", "B", 1s, "corr", {}, 48s);
  EXPECT_EQ(made.reason_code, ReasonCode::user_after_stall);
  EXPECT_EQ(made.additional_context, "no progress for 48 s");
  EXPECT_TRUE(made.user_confirmed);
}

TEST(Decision, AfterFatalErrorHoldsTheErrorAndTheConfirmationAsGiven) {
  const auto made = FallbackDecision::after_fatal_error("job", "A", "B", 1s, "corr", {}, "it broke", false);
  EXPECT_EQ(made.additional_context, "it broke");
  EXPECT_FALSE(made.user_confirmed);
}

TEST(Decision, FromAndToMustDiffer) {
  const auto same = problem(FallbackDecision::user_requested("job", "Ollama", "oLLAMA", 1s, "c"));
  ASSERT_TRUE(same);
  EXPECT_EQ(same->code, Errc::invalid_argument);
}

TEST(Decision, LegacyAutoIsNeverConfirmed) {
  auto made = FallbackDecision::legacy_auto("job", "A", "B", 1s, "c");
  EXPECT_FALSE(made.user_confirmed);
  EXPECT_FALSE(problem(made));
  made.user_confirmed = true;
  EXPECT_TRUE(problem(made));
}

TEST(Decision, BadFieldsAreNamed) {
  const auto good = FallbackDecision::user_requested("job", "A", "B", 1s, "c");
  EXPECT_FALSE(problem(good));
  auto bad = good;
  bad.job_id = " ";
  EXPECT_NE(problem(bad)->message.find("job id"), std::string::npos);
  bad = good;
  bad.from_provider.clear();
  EXPECT_NE(problem(bad)->message.find("provider to leave"), std::string::npos);
  bad = good;
  bad.to_provider = "\x01";
  EXPECT_NE(problem(bad)->message.find("provider to go to"), std::string::npos);
  bad = good;
  bad.elapsed_before_switch = -1ms;
  EXPECT_NE(problem(bad)->message.find("below zero"), std::string::npos);
  bad = good;
  bad.affected_stages = {""};
  EXPECT_NE(problem(bad)->message.find("stage"), std::string::npos);
  bad.affected_stages.assign(300, "s");
  EXPECT_NE(problem(bad)->message.find("too many"), std::string::npos);
  bad = good;
  bad.additional_context.assign(5000, 'x');
  EXPECT_NE(problem(bad)->message.find("4096"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
