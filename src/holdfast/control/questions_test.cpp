#include <thread>

#include "holdfast/control/control_driver.hpp"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

class Questions : public testing::Test {
 protected:
  StallSuspected stalled(SilentProvider& provider) {
    StallSuspected stall = provider.stall();
    path_ = "/operations/" + stall.operation_id;
    return stall;
  }
  Got answer(const std::string& members, const std::string& key = {}) {
    net::Fields fields;
    if (!key.empty()) fields.add("Idempotency-Key", key);
    return served_.post(path_ + "/answer", "{" + members + "}", std::move(fields));
  }
  void lock() { served_.post("/jobs/job/locks", R"({"providerName": "Ollama", "correlationId": "corr"})"); }

  Served served_;
  std::string path_;
};

TEST_F(Questions, AreShownWithEvidenceOptionsAndAlternatives) {
  lock();
  SilentProvider provider(served_.gateway());
  const StallSuspected stall = stalled(provider);
  const Got shown = served_.get(path_);
  ASSERT_EQ(shown.status, 200) << shown.text;
  EXPECT_EQ(shown.json.at("category").get_string(), "StallSuspected");
  EXPECT_EQ(shown.json.at("question").at("ask").get_int64(), 1);
  EXPECT_EQ(shown.json.at("question").at("alternatives").at(0).at("providerName").get_string(), "OpenAI");
  const Got listed = served_.get("/operations?state=active&job=job");
  ASSERT_EQ(listed.json.at("operations").get_array().size(), 1u);
  EXPECT_EQ(listed.json.at("operations").at(0).at("operationId").get_string(), stall.operation_id);
  EXPECT_TRUE(served_.get("/operations?job=other").json.at("operations").get_array().empty());
  EXPECT_EQ(served_.get("/operations/corr").code(), "no_such_operation");
  EXPECT_EQ(served_.get("/statistics").json.at("openQuestions").get_int64(), 1);
}

TEST_F(Questions, OperationsAreListedInPagesAlsoBehindOneThatIsThereNoMore) {
  std::optional<SilentProvider> first(std::in_place, served_.gateway());
  stalled(*first);
  const auto page = [&](const std::string& query) {
    const Got got = served_.get("/operations?state=active&" + query);
    std::vector<std::string> out;
    for (const auto& each : got.json.at("operations").get_array())
      out.emplace_back(each.at("operationId").get_string());
    const auto& next = got.json.at("next");
    out.push_back(next.is_null() ? "" : std::string(next.get_string()));
    return out;
  };
  SilentProvider second(served_.gateway()), third(served_.gateway());
  wait_for([&] { return page("").size() == 4; });
  const std::vector<std::string> started = page("");
  EXPECT_TRUE(std::ranges::is_sorted(started.begin(), started.end() - 1)) << "oldest first";
  EXPECT_THAT(page("limit=2"), testing::ElementsAre(started[0], started[1], started[1]));
  EXPECT_THAT(page("limit=3"), testing::ElementsAre(started[0], started[1], started[2], ""));
  EXPECT_THAT(page("after=" + started[1]), testing::ElementsAre(started[2], ""));
  first.reset();
  EXPECT_THAT(page("limit=1&after=" + started[0]), testing::ElementsAre(started[1], started[1]));
}

TEST_F(Questions, ContinueIsAppliedAndItsRepetitionIsHarmless) {
  SilentProvider provider(served_.gateway());
  stalled(provider);
  const Got first = answer(R"("ask": 1, "option": "continue_5m", "by": "ana", "note": "a long one")", "k1");
  EXPECT_EQ(first.status, 200) << first.text;
  EXPECT_TRUE(first.json.at("applied").get_bool());
  EXPECT_TRUE(answer(R"("ask": 1, "option": "continue_5m")", "k1").json.at("applied").get_bool());
  const Got other = answer(R"("ask": 1, "option": "cancel_job", "confirmed": true)", "k2");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.code(), "already_answered");
  EXPECT_EQ(other.json.at("winningOption").get_string(), "continue_5m");
  const Got trail = served_.get("/audit?job=job");
  EXPECT_THAT(trail.text, HasSubstr("\"door\": \"api\""));
  EXPECT_THAT(trail.text, HasSubstr("\"by\": \"ana\""));
}

TEST_F(Questions, WithoutANameAnAnswerIsThatOfTheUserAtTheOtherEnd) {
  SilentProvider provider(served_.gateway());
  stalled(provider);
  answer(R"("ask": 0, "option": "wait_until_done")");
  const std::vector<KeptRecord> records = served_.gateway().records("job");
  std::string by;
  for (const KeptRecord& each : records) {
    if (const auto* answered = std::get_if<QuestionAnswered>(&each.record)) by = answered->by;
  }
  EXPECT_NE(by, "");
}

TEST_F(Questions, AreWithdrawnByProgressAndLateAnswersAreStale) {
  std::promise<void> resolved;
  const auto news = served_.gateway().on_stall_resolved([&](const StallResolved&) { resolved.set_value(); });
  SilentProvider provider(served_.gateway());
  stalled(provider);
  provider.resume();
  resolved.get_future().get();
  const Got late = answer(R"("ask": 1, "option": "continue_5m")");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.code(), "stale_answer");
}

TEST_F(Questions, ASwitchNeedsConfirmationAndThenMovesTheLock) {
  lock();
  SilentProvider provider(served_.gateway());
  stalled(provider);
  const Got unconfirmed = answer(R"("ask": 1, "option": "try_alternative", "provider": "OpenAI")");
  EXPECT_EQ(unconfirmed.code(), "confirmation_required");
  EXPECT_EQ(served_.get("/statistics").json.at("openQuestions").get_int64(), 1);
  const Got done = answer(R"("ask": 1, "option": "try_alternative", "provider": "OpenAI", "confirmed": true)");
  EXPECT_EQ(done.status, 200) << done.text;
  EXPECT_EQ(provider.outcome(), Errc::switched);
  EXPECT_EQ(served_.get("/jobs/job/decisions").json.at("decisions").at(0).at("reasonCode").get_string(),
            "USER_AFTER_STALL");
  EXPECT_EQ(served_.get(path_).json.at("state").get_string(), "switched");
}

TEST_F(Questions, CancelEndsTheJob) {
  SilentProvider provider(served_.gateway());
  stalled(provider);
  EXPECT_EQ(answer(R"("ask": 1, "option": "cancel_job")").code(), "confirmation_required");
  EXPECT_EQ(answer(R"("ask": 1, "option": "cancel_job", "confirmed": true)").status, 200);
  EXPECT_EQ(provider.outcome(), Errc::cancelled);
  EXPECT_EQ(served_.get("/jobs/job").json.at("state").get_string(), "cancelled");
}

TEST_F(Questions, RefuseOptionsAndOperationsThatAreNotThere) {
  SilentProvider provider(served_.gateway());
  stalled(provider);
  const Got wrong = answer(R"("ask": 1, "option": "go_home")");
  EXPECT_EQ(wrong.code(), "invalid_argument");
  EXPECT_THAT(wrong.detail(), HasSubstr("continue_5m"));
  EXPECT_EQ(answer(R"("ask": 7, "option": "continue_5m")").code(), "stale_answer");
  path_ = "/operations/op-0000000000001";
  EXPECT_EQ(answer(R"("ask": 1, "option": "continue_5m")").code(), "no_such_operation");
  path_ = "/operations/whatever";
  EXPECT_EQ(answer(R"("ask": 1, "option": "continue_5m")").code(), "no_such_operation");
  EXPECT_EQ(served_.get("/operations/whatever").code(), "no_such_operation");
  EXPECT_EQ(served_.post("/operations/whatever/cancel", R"({"confirmed": true})").code(), "no_such_operation");
}

TEST_F(Questions, OfTwoAnswersAtOnceOneWinsAndTheOtherHearsWhich) {
  for (int round = 0; round < 5; ++round) {
    OperationRequest asked = request();
    asked.job_id = "job-" + std::to_string(round);
    SilentProvider provider(served_.gateway(), asked);
    stalled(provider);
    auto one = std::async(std::launch::async, [&] { return answer(R"("ask": 1, "option": "continue_5m")", "a"); });
    auto two = std::async(std::launch::async, [&] { return answer(R"("ask": 1, "option": "wait_until_done")", "b"); });
    const Got a = one.get(), b = two.get();
    EXPECT_EQ(std::minmax(a.status, b.status), std::minmax(200, 409)) << a.text << b.text;
    const Got& lost = a.status == 409 ? a : b;
    EXPECT_EQ(lost.code(), "already_answered");
    EXPECT_EQ(lost.json.at("winningOption").get_string(), a.status == 409 ? "wait_until_done" : "continue_5m");
  }
}

TEST_F(Questions, TheSameAnswerTwiceAtOnceIsAppliedForBoth) {
  for (int round = 0; round < 5; ++round) {
    OperationRequest asked = request();
    asked.job_id = "job-" + std::to_string(round);
    SilentProvider provider(served_.gateway(), asked);
    stalled(provider);
    const auto send = [&] { return answer(R"("ask": 1, "option": "continue_5m")", "the same"); };
    auto one = std::async(std::launch::async, send), two = std::async(std::launch::async, send);
    EXPECT_EQ(one.get().status, 200);
    EXPECT_EQ(two.get().status, 200);
  }
}

TEST_F(Questions, AnOperationIsCancelledOnlyConfirmed) {
  SilentProvider provider(served_.gateway());
  stalled(provider);
  EXPECT_EQ(served_.post(path_ + "/cancel", R"({"confirmed": false})").code(), "confirmation_required");
  EXPECT_EQ(served_.post(path_ + "/cancel", R"({"confirmed": true, "by": "ana"})").status, 200);
  EXPECT_EQ(provider.outcome(), Errc::cancelled);
  const Got again = served_.post(path_ + "/cancel", R"({"confirmed": true})");
  EXPECT_EQ(again.code(), "stale_answer");
  EXPECT_EQ(served_.get(path_).json.at("state").get_string(), "cancelled");
}

TEST_F(Questions, AfterAnErrorAreListedThoughTheirOperationHasEnded) {
  Gateway& gateway = served_.gateway();
  std::promise<std::string> failed;
  const auto errors =
      gateway.on_hard_error([&](const ProviderHardError& error) { failed.set_value(error.operation_id); });
  thrown([&] {
    gateway.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) {
      throw ProviderError({.error_class = ErrorClass::http, .status = 500, .message = "it broke"});
    });
  });
  const std::string id = failed.get_future().get();
  ASSERT_TRUE(gateway.ask_about_failure(id));
  const Got listed = served_.get("/operations?state=active");
  ASSERT_EQ(listed.json.at("operations").get_array().size(), 1u) << listed.text;
  EXPECT_EQ(listed.json.at("operations").at(0).at("question").at("kind").get_string(), "hard_error");
  EXPECT_EQ(listed.json.at("operations").at(0).at("error").at("status").get_int64(), 500);
  path_ = "/operations/" + id;
  EXPECT_EQ(answer(R"("ask": 1, "option": "try_again")").status, 200);
  EXPECT_TRUE(served_.get("/operations?state=active").json.at("operations").get_array().empty());
}

}  // namespace
}  // namespace holdfast::control
