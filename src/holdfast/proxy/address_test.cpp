#include "holdfast/proxy/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

using testing::HasSubstr;

Address good(std::string_view path, net::Fields fields = {}) {
  const auto address = address_of("POST", path, "", fields);
  EXPECT_TRUE(address) << (address ? "" : address.error().message);
  return address ? *address : Address();
}

std::string refused(std::string_view path, net::Fields fields = {}) {
  const auto address = address_of("POST", path, "", fields);
  EXPECT_FALSE(address);
  return address ? "" : address.error().message;
}

TEST(Address, OfARequestWithoutAJobIsAnonymousAndOfItsKind) {
  const Address address = good("/v1/chat/completions");
  EXPECT_EQ(address.job, "");
  EXPECT_EQ(address.stage, "text");
  EXPECT_EQ(address.path, "/v1/chat/completions");
  EXPECT_EQ(address.route.dialect, wire::Dialect::openai);
  EXPECT_TRUE(address.known_path);
}

TEST(Address, JobAndStageStandInFrontOfThePath) {
  const Address job = good("/jobs/my%20film/v1/messages");
  EXPECT_EQ(job.job, "my film");
  EXPECT_EQ(job.stage, "text");
  EXPECT_FALSE(job.stage_was_said);
  EXPECT_EQ(job.path, "/v1/messages");
  const Address stage = good("/jobs/film/stages/script-generation/api/chat");
  EXPECT_EQ(stage.stage, "script-generation");
  EXPECT_TRUE(stage.stage_was_said);
  EXPECT_EQ(stage.path, "/api/chat");
  EXPECT_EQ(good("/jobs/film").path, "/");
  EXPECT_EQ(good("/jobsite/v1/models").job, "");
}

TEST(Address, FieldsSayTheSameAsThePath) {
  const Address address = good("/v1/responses", {{"Holdfast-Job", "film"},
                                                 {"Holdfast-Stage", "draft"},
                                                 {"Holdfast-Provider", "Ollama"},
                                                 {"Holdfast-Patience", "longForm"},
                                                 {"Holdfast-Correlation-Id", "c-1"},
                                                 {"Holdfast-On-Stall", "wait"},
                                                 {"Holdfast-On-Disconnect", "detach"}});
  EXPECT_EQ(address.job, "film");
  EXPECT_EQ(address.stage, "draft");
  EXPECT_EQ(address.provider, "Ollama");
  EXPECT_EQ(address.patience, "longForm");
  EXPECT_EQ(address.correlation_id, "c-1");
  EXPECT_EQ(address.on_stall, OnStall::wait);
  EXPECT_EQ(address.on_disconnect, OnDisconnect::detach);
  EXPECT_EQ(good("/jobs/film/v1/responses", {{"Holdfast-Job", "film"}}).job, "film");
}

TEST(Address, TheTraceIdIsTheCorrelationIdWhereNoneIsSaid) {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const auto of = [](const std::string& traceparent) {
    return good("/v1/responses", {{"traceparent", traceparent}}).correlation_id;
  };
  EXPECT_EQ(of("00-" + id + "-00f067aa0ba902b7-01"), id);
  EXPECT_EQ(of("cc-" + id + "-00f067aa0ba902b7-01-what.the-future-will-be"), id);
  for (const std::string& invalid : std::vector<std::string>{
           id, "00-" + id + "-00f067aa0ba902b7", "00-" + id + "-00f067aa0ba902b7-01-more", "00-a-b-01", std::string(),
           "ff-" + id + "-00f067aa0ba902b7-01", "cc-" + id + "-00f067aa0ba902b7-01x",
           "00-" + id + "-00f067aa0ba902b7-0g", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00_" + id + "-00f067aa0ba902b7-01", "00-" + std::string(32, '0') + "-00f067aa0ba902b7-01",
           "00-" + id + "-0000000000000000-01"}) {
    EXPECT_EQ(of(invalid), "") << invalid;
  }
  const std::string valid = "00-" + id + "-00f067aa0ba902b7-01";
  EXPECT_EQ(good("/v1/responses", {{"traceparent", valid}, {"Holdfast-Correlation-Id", "c-1"}}).correlation_id, "c-1");
  EXPECT_EQ(good("/v1/responses", {{"traceparent", valid}, {"traceparent", valid}}).correlation_id, "")
      << "given twice it is none";
}

TEST(Address, WhatIsWrongIsNamed) {
  EXPECT_THAT(refused("/jobs/film/v1/responses", {{"Holdfast-Job", "other"}}), HasSubstr("say one"));
  EXPECT_THAT(refused("/jobs/film/stages/a/v1/responses", {{"Holdfast-Stage", "b"}}), HasSubstr("Holdfast-Stage"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-Stage", "b"}}), HasSubstr("say Holdfast-Job too"));
  EXPECT_THAT(refused("/jobs//v1/responses"), HasSubstr("behind /jobs/ in the path is empty"));
  EXPECT_THAT(refused("/jobs/%00/v1/responses"), HasSubstr("zero byte"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-On-Stall", "maybe"}}), HasSubstr("ask, wait or cancel"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-On-Disconnect", "no"}}), HasSubstr("cancel or detach"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-Job", "a"}, {"Holdfast-Job", "a"}}), HasSubstr("twice"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-Provider", std::string(300, 'x')}}), HasSubstr("300 bytes"));
}

TEST(Address, AnEmptyFieldIsNoAbsentOne) {
  for (const char* field :
       {"Holdfast-Job", "Holdfast-Stage", "Holdfast-Provider", "Holdfast-Patience", "Holdfast-Correlation-Id"}) {
    EXPECT_THAT(refused("/v1/responses", {{field, ""}}), HasSubstr(std::string(field) + " is empty"));
    EXPECT_THAT(refused("/v1/responses", {{field, ""}, {field, "a"}}), HasSubstr("twice"));
  }
}

TEST(Address, TwoWordsOfWhichOneWouldWinAreRefused) {
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-On-Stall", "wait"}, {"Holdfast-On-Stall", "cancel"}}),
              HasSubstr("Holdfast-On-Stall is given twice"));
  EXPECT_THAT(refused("/v1/responses", {{"Holdfast-On-Disconnect", "cancel"}, {"Holdfast-On-Disconnect", "detach"}}),
              HasSubstr("Holdfast-On-Disconnect is given twice"));
}

}  // namespace
}  // namespace holdfast::proxy
