#include "holdfast/api/decode.hpp"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "holdfast/api/canonical.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/api/news_driver.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using namespace sample;

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

TEST(Decode, an_alternative_of_0_1_says_neither_what_is_normal_nor_whether_it_failed) {
  const News news = full(QuestionOpened{});
  boost::json::object data = api::to_json(news);
  for (auto& each : data.at("alternatives").as_array()) {
    each.as_object().erase("normalThresholdMs");
    each.as_object().erase("failedHere");
  }
  const auto back = decoded(news, data);
  ASSERT_TRUE(back) << back.error().message;
  const Alternative& alternative = std::get<QuestionOpened>(*back).question.alternatives.at(0);
  EXPECT_FALSE(alternative.normal_threshold);
  EXPECT_FALSE(alternative.failed_here);
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
      // Records of 0.1 do not have them.
      const bool newer = key == "startedAt" || (key == "recorded" && std::holds_alternative<Cancelled>(news));
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

TEST(Decode, a_job_comes_back_as_it_was_full_and_empty) {
  const JobRow full{.job_id = "job-1",
                    .name = "video",
                    .patience = "longForm",
                    .state = JobState::interrupted,
                    .epoch = 4,
                    .opened_at = noon,
                    .closed_at = noon + 1s,
                    .locks = {lock()},
                    .stages = {{.stage_name = "script",
                                .state = StageState::cancelled,
                                .items = 12,
                                .items_done = 7,
                                .artifacts = {"a.wav", ""}}},
                    .owner = Owner{.pid = 4711, .socket = "/run/4711.sock", .program = "holdfast serve"},
                    .consents = {{.id = "consent-1", .switch_to = "Piper"}}};
  for (const JobRow& each : {full, JobRow{.job_id = "job-2"}}) {
    const auto object = api::to_json(each);
    const auto back = api::job_row_from_json(object);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(api::to_json(*back), object);
    for (const auto& key : object) {
      boost::json::object without = object;
      without.erase(key.key());
      const auto missing = api::job_row_from_json(without);
      ASSERT_EQ(missing.has_value(), key.key() == "consents") << key.key();
      if (missing) continue;
      EXPECT_NE(missing.error().message.find(key.key()), std::string::npos) << missing.error().message;
    }
  }
  EXPECT_EQ(api::job_row_from_json(api::to_json(full))->locks, full.locks);
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
