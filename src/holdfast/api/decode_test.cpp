#include "holdfast/api/decode.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "holdfast/api/canonical.hpp"
#include "holdfast/api/json.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

constexpr WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h + 22min + 123ms};

template <class T>
void about(T& news) {
  news.job_id = "job-1";
  news.stage_name = "script";
  news.provider_name = "Ollama";
  news.provider_type = "local_llm";
  news.correlation_id = "corr";
  news.operation_id = "op-1";
}

std::vector<AnswerOption> options() {
  return {{.id = "continue_5m", .label = "Wait", .action = AnswerAction::extend, .extension = 5min},
          {.id = "cancel",
           .label = "Cancel \"now\"",
           .action = AnswerAction::cancel,
           .requires_confirmation = true,
           .offer_partial_artifacts = true}};
}
std::vector<Alternative> alternatives() {
  return {{"OpenAI", "cloud_llm", "gpt", true, false, "output was delivered"}, {"B", "tts", "", false, true, ""}};
}
ProviderLock lock() {
  return {.job_id = "job-1",
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .correlation_id = "corr",
          .overridable = false,
          .stages = {},
          .except_stages = {"speech"},
          .state = LockState::ended,
          .locked_at = noon,
          .ended_at = noon + 1s,
          .reason = "USER_REQUEST",
          .epoch = 3};
}
StandingConsent consent() {
  return {"consent-1", StandingConsent::When::stall, 10min, "OpenAI", "cloud_llm", "ana"};
}
const Progress progress{.tokens = 5, .chunks = 6, .bytes = 7, .percent = 37.5, .remaining = 9s, .message = "m\n"};
const ProviderFault fault{ErrorClass::http, 503, "overloaded", "try later"};

News full(JobOpened news) {
  return news = {.job_id = "job-1",
                 .name = "video",
                 .patience = "longForm",
                 .opened_by = "ana",
                 .resumed = true,
                 .anew = {"script"}};
}
News full(JobClosed news) {
  return news = {"job-1", JobState::released, "ana"};
}
News full(LockTaken news) {
  return news = {lock()};
}
News full(LockEnded news) {
  return news = {lock(), 4};
}
News full(Refused news) {
  return news = {"job-1", "script", "B", "corr", Errc::lock_conflict, "no", "ana"};
}
News full(OperationStarted news) {
  about(news);
  news.epoch = 9007199254740992;
  news.queued = true;
  news.kind = "text";
  return news;
}
News full(OperationEnded news) {
  about(news);
  news.outcome = OperationPhase::failed;
  news.elapsed = 5s;
  news.fault = fault;
  news.started_at = WallTime(1s);
  return news;
}
News full(CategoryChanged news) {
  about(news);
  news.from = LatencyCategory::Extended;
  news.to = LatencyCategory::DeepWait;
  news.elapsed = 1h;
  news.longer_than_usual = true;
  return news;
}
News full(OperationProgress news) {
  about(news);
  news.progress = progress;
  news.elapsed = 3ms;
  return news;
}
News full(StallSuspected news) {
  about(news);
  news.ask = 2;
  news.elapsed_since_last_heartbeat = 1s;
  news.elapsed_since_last_progress = 2s;
  news.total_elapsed = 3s;
  news.progress = progress;
  news.options = options();
  news.alternatives = alternatives();
  news.evidence = "silent";
  return news;
}
News full(StallResolved news) {
  about(news);
  news.ask = 2;
  news.by = "progress";
  news.stalled_for = 77ms;
  return news;
}
News full(QuestionOpened news) {
  about(news.question);
  news.question.kind = QuestionKind::hard_error;
  news.question.ask = 3;
  news.question.opened_at = noon;
  news.question.options = options();
  news.question.alternatives = alternatives();
  news.question.evidence = "broke";
  news.question.total_elapsed = 8s;
  news.question.silence = 6s;
  return news;
}
News full(QuestionAnswered news) {
  return news = {"job-1",           "script", "Ollama", "op-1", "corr", 3,    QuestionKind::interrupted,
                 "try_alternative", "OpenAI", "ana",    "api",  "note", false};
}
News full(QuestionClosed news) {
  return news = {"job-1", "op-1", 3, "answer"};
}
News full(ProviderHardError news) {
  about(news);
  news.fault = fault;
  news.elapsed = 4s;
  return news;
}
News full(FallbackDecision news) {
  return news = {"job-1", noon,   "Ollama",   "OpenAI",   ReasonCode::provider_fatal_error,
                 5s,      true,   {"script"}, "corr",     "broken",
                 "ana",   "op-1", 3,          "consent-1"};
}
News full(ConsentGiven news) {
  return news = {"job-1", consent()};
}
News full(ConsentApplied news) {
  return news = {"job-1", "op-1", 4, consent()};
}
News full(Cancelled news) {
  return news = {"job-1", "op-1", "ana"};
}
News full(StageStarted news) {
  return news = {"job-1", "script", "Ollama", 12};
}
News full(StageFinished news) {
  return news = {{.job_id = "job-1",
                  .stage_name = "script",
                  .items = 12,
                  .items_done = 7,
                  .finished = true,
                  .artifacts = {"a.wav", ""},
                  .item = 7}};
}

template <std::size_t Index = 0>
void each_kind(auto check) {
  if constexpr (Index < std::variant_size_v<News>) {
    check(News(std::in_place_index<Index>));
    check(full(std::variant_alternative_t<Index, News>{}));
    each_kind<Index + 1>(check);
  }
}

result<News> decoded(const News& news, const boost::json::object& data) {
  return api::news_from_json(event_name(news), job_of(news), api::operation_of(news), data);
}

/// What `to_json` says of it, with the ids that stand outside. It names every field: the tests of api_test see to that.
std::string written(const News& news) {
  return api::canonical(api::event_line(1, noon, news));
}

TEST(Decode, every_kind_of_news_comes_back_as_it_was_full_and_empty) {
  each_kind([](const News& news) {
    const auto back = decoded(news, boost::json::parse(api::canonical(api::to_json(news))).as_object());
    ASSERT_TRUE(back.has_value()) << event_name(news) << ": " << back.error().message;
    EXPECT_EQ(back->index(), news.index());
    EXPECT_EQ(written(*back), written(news));
  });
}

TEST(Decode, what_comes_back_is_equal_field_by_field) {
  const auto again = [](const News& news) { return decoded(news, api::to_json(news)).value(); };
  const News ended = full(LockEnded{});
  EXPECT_EQ(std::get<LockEnded>(again(ended)).lock, lock());
  EXPECT_EQ(std::get<LockEnded>(again(ended)).epoch, 4u);
  EXPECT_EQ(std::get<FallbackDecision>(again(full(FallbackDecision{}))),
            std::get<FallbackDecision>(full(FallbackDecision{})));
  EXPECT_EQ(std::get<ConsentGiven>(again(full(ConsentGiven{}))).consent, consent());
  const auto question = std::get<QuestionOpened>(again(full(QuestionOpened{}))).question;
  EXPECT_EQ(question.options, options());
  EXPECT_EQ(question.alternatives, alternatives());
  EXPECT_EQ(question.silence, 6s);
  EXPECT_EQ(question.job_id, "job-1");
  EXPECT_EQ(question.operation_id, "op-1");
  EXPECT_EQ(std::get<OperationEnded>(again(full(OperationEnded{}))).fault, fault);
  EXPECT_EQ(std::get<OperationProgress>(again(full(OperationProgress{}))).progress, progress);
  const auto answered = std::get<QuestionAnswered>(again(full(QuestionAnswered{})));
  EXPECT_EQ(answered.provider_name, "Ollama");
  EXPECT_EQ(answered.provider, "OpenAI");
  EXPECT_FALSE(answered.recorded);
  EXPECT_TRUE(std::get<JobOpened>(again(full(JobOpened{}))).resumed);
  EXPECT_EQ(std::get<StageFinished>(again(full(StageFinished{}))).step.item, 7u);
}

TEST(Decode, a_key_that_is_missing_or_of_another_type_is_named) {
  each_kind([](const News& news) {
    const auto data = api::to_json(news);
    for (const auto& each : data) {
      const std::string key(each.key());
      if (key == "text" || (key == "operationId" && news.index() != News(FallbackDecision{}).index())) continue;
      boost::json::object without = data;
      without.erase(key);
      const auto missing = decoded(news, without);
      const bool newer = key == "startedAt";  // records of 0.1 do not have it
      ASSERT_EQ(missing.has_value(), newer) << event_name(news) << " without " << key;
      if (!newer) {
        EXPECT_EQ(missing.error().code, Errc::invalid_argument);
        EXPECT_NE(missing.error().message.find(key), std::string::npos) << missing.error().message;
      }
      boost::json::object mistyped = data;
      mistyped[key] = each.value().is_array() ? boost::json::value("x") : boost::json::value(boost::json::array{1});
      const auto wrong = decoded(news, mistyped);
      ASSERT_FALSE(wrong.has_value()) << event_name(news) << " with a wrong " << key;
      EXPECT_NE(wrong.error().message.find(key), std::string::npos) << wrong.error().message;
    }
  });
}

TEST(Decode, an_unknown_event_an_unknown_name_and_a_number_out_of_range_are_refused) {
  EXPECT_FALSE(api::news_from_json("job.exploded", "j", "", {}).has_value());
  const News closed = full(JobClosed{});
  auto data = api::to_json(closed);
  data["state"] = "exploded";
  EXPECT_NE(decoded(closed, data).error().message.find("exploded"), std::string::npos);
  const News taken = full(LockTaken{});
  for (const boost::json::value& wrong : {boost::json::value(-1), boost::json::value(0.5), boost::json::value(1e300)}) {
    auto lock = api::to_json(taken);
    lock["epoch"] = wrong;
    EXPECT_FALSE(decoded(taken, lock).has_value());
  }
  auto late = api::to_json(taken);
  late["lockedAt"] = "2026-02-30T00:00:00.000Z";
  EXPECT_NE(decoded(taken, late).error().message.find("lockedAt"), std::string::npos);
}

TEST(Decode, a_decision_of_another_job_than_its_record_is_refused) {
  const News decision = full(FallbackDecision{});
  EXPECT_FALSE(api::news_from_json("fallback.decided", "job-2", "op-1", api::to_json(decision)).has_value());
}

}  // namespace
}  // namespace holdfast
