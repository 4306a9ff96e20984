#include "holdfast/api/requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/api/problem.hpp"

namespace holdfast {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

json::object object(std::string_view text) {
  auto parsed = api::parse_body(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : json::object();
}

template <class Read>
std::string why(Read read) {
  const auto outcome = read();
  if (outcome) return "nothing";
  EXPECT_EQ(outcome.error().code, Errc::invalid_argument);
  return outcome.error().message;
}

TEST(Requests, AJobsBodyReadsBackAsItWasWritten) {
  api::JobBody body{.job_id = "a/b",
                    .name = "film",
                    .patience = "longForm",
                    .correlation_id = "corr",
                    .by = "ana",
                    .locks = {{.provider_name = "Ollama",
                               .provider_type = "local_llm",
                               .correlation_id = "c",
                               .overridable = false,
                               .stages = {"script", "polish"}}},
                    .consents = {*parse_consent("stall after 10m: switch to OpenAI"), *parse_consent("error: cancel")}};
  const auto read = api::job_from_json(api::to_json(body));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->job_id, body.job_id);
  EXPECT_EQ(read->patience, body.patience);
  EXPECT_EQ(read->locks[0].stages, body.locks[0].stages);
  EXPECT_FALSE(read->locks[0].overridable);
  EXPECT_EQ(read->consents[0].switch_to, "OpenAI");
  EXPECT_EQ(read->consents[0].given_by, "ana");
  EXPECT_EQ(read->consents[1].text(), "error: cancel");
}

TEST(Requests, DecisionAnswerAndCancelReadBackAsTheyWereWritten) {
  api::DecisionBody decision{
      .decision = FallbackDecision::after_fatal_error("job", "A", "B", milliseconds(5), "c", {"s"}, "HTTP 500", true),
      .to_type = "cloud_llm"};
  decision.decision.decided_by = "ana";
  const auto decided = api::decision_from_json("job", api::to_json(decision));
  ASSERT_TRUE(decided) << decided.error().message;
  EXPECT_EQ(decided->decision, decision.decision);
  EXPECT_EQ(decided->to_type, "cloud_llm");
  const Answer answer{.operation_id = "op-1",
                      .ask = 2,
                      .option = "try_alternative",
                      .provider = "B",
                      .confirmed = true,
                      .by = "ana",
                      .note = "go"};
  const auto answered = api::answer_from_json("op-1", api::to_json(answer));
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(api::to_json(*answered), api::to_json(answer));
  const auto cancel = api::cancel_from_json(api::to_json(CancelRequest{.confirmed = true, .by = "ana"}));
  ASSERT_TRUE(cancel);
  EXPECT_TRUE(cancel->confirmed);
  EXPECT_EQ(cancel->by, "ana");
}

TEST(Requests, AnAnswersResultReadsBackAsItWasWritten) {
  const AnswerResult lost{
      .applied = false, .refused = Errc::already_answered, .winning_option = "x", .message = "m", .recorded = false};
  const auto read = api::answer_result_from_json(api::to_json(lost));
  ASSERT_TRUE(read);
  EXPECT_EQ(api::to_json(*read), api::to_json(lost));
}

TEST(Requests, WhatMayBeLeftOutMayBeNull) {
  const auto job = api::job_from_json(object(R"({"jobId": null, "locks": null, "consents": null})"));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_TRUE(job->locks.empty());
  EXPECT_TRUE(api::job_from_json({}));
  const auto lock = api::lock_request_from_json("job", object(R"({"providerName": "A", "overridable": null})"));
  ASSERT_TRUE(lock);
  EXPECT_TRUE(lock->overridable);
  EXPECT_EQ(lock->job_id, "job");
}

TEST(Requests, BodiesAreOneObjectWithEachKeyOnce) {
  EXPECT_THAT(why([] { return api::parse_body(""); }), HasSubstr("no JSON"));
  EXPECT_THAT(why([] { return api::parse_body("{} {}"); }), HasSubstr("no JSON"));
  EXPECT_THAT(why([] { return api::parse_body("\"{}\""); }), HasSubstr("no object"));
  EXPECT_THAT(why([] { return api::parse_body("{\"a\": \"\xff\"}"); }), HasSubstr("no JSON"));
  EXPECT_THAT(why([] { return api::parse_body(R"({"a": [{"b": 1, "b": 2}]})"); }), HasSubstr("twice"));
  EXPECT_THAT(why([] { return api::parse_body(R"({"a": 1, "\u0061": 2})"); }), HasSubstr("twice"));
  EXPECT_THAT(why([] { return api::parse_body("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"); }),
              HasSubstr("no JSON"));
}

TEST(Requests, TheFirstWrongKeyIsNamed) {
  const auto lock = [](std::string_view text) {
    return why([&] { return api::lock_request_from_json("job", object(text)); });
  };
  EXPECT_THAT(lock("{}"), HasSubstr("'providerName' is missing"));
  EXPECT_THAT(lock(R"({"providerName": "A", "jobId": "x"})"), HasSubstr("'jobId' is not known"));
  EXPECT_THAT(lock(R"({"providerName": " "})"), HasSubstr("'providerName'"));
  EXPECT_THAT(lock(R"({"providerName": "A", "stages": "s"})"), HasSubstr("'stages' is no list"));
  EXPECT_THAT(lock(R"({"providerName": "A", "stages": ["s", "S"]})"), HasSubstr("twice"));
  EXPECT_THAT(lock(R"({"providerName": "A", "stages": [""]})"), HasSubstr("'stages'"));
  EXPECT_THAT(lock(R"({"providerName": "A", "overridable": 1})"), HasSubstr("'overridable'"));
  const auto answer = [](std::string_view text) {
    return why([&] { return api::answer_from_json("op", object(text)); });
  };
  EXPECT_THAT(answer(R"({"ask": 1.5, "option": "x"})"), HasSubstr("'ask'"));
  EXPECT_THAT(answer(R"({"ask": -1, "option": "x"})"), HasSubstr("'ask'"));
  EXPECT_THAT(answer(R"({"ask": 4294967297, "option": "x"})"), HasSubstr("'ask'"));
  EXPECT_THAT(answer(R"({"ask": 1, "option": "x", "note": ")" + std::string(4097, 'n') + "\"}"), HasSubstr("'note'"));
  EXPECT_THAT(why([] { return api::cancel_from_json({}); }), HasSubstr("'confirmed' is missing"));
}

TEST(Requests, AProblemReadsBackAsItWasWritten) {
  const AnswerResult lost{.refused = Errc::already_answered, .winning_option = "x", .message = "it was answered"};
  const json::object written = api::to_json(api::problem_of(lost));
  EXPECT_EQ(api::text(written),
            R"({"type": "urn:holdfast:problem:already_answered", "title": "Somebody answered first", "status": 409, )"
            R"("detail": "it was answered", "code": "already_answered", "winningOption": "x"})");
  const auto read = api::problem_from_json(api::text(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code, Errc::already_answered);
  EXPECT_EQ(read->winning_option, "x");
  EXPECT_FALSE(api::problem_from_json("<html>"));
  EXPECT_FALSE(api::problem_from_json(R"({"code": "ok"})"));
}

TEST(Requests, AnEventsLineReadsBackAsItWasWritten) {
  const News news = StageStarted{.job_id = "job", .stage_name = "s", .provider_name = "A", .items = 3};
  const WallTime time{milliseconds(1'700'000'000'123)};
  const auto told = api::told_from_line(api::text(api::event_line(7, time, news)));
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->seq, 7u);
  EXPECT_EQ(told->time, time);
  EXPECT_EQ(std::get<StageStarted>(told->news).items, 3u);
  EXPECT_FALSE(api::told_from_line("{}"));
  EXPECT_FALSE(api::told_from_line("x"));
}

}  // namespace
}  // namespace holdfast
