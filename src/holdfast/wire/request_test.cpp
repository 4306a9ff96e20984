#include "holdfast/wire/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

using testing::HasSubstr;

const Route chat = *route_of("POST", "/v1/chat/completions", false);
const Route ollama_chat = *route_of("POST", "/api/chat", false);
constexpr std::string_view json_type = "application/json";

TEST(Request, SaysItsModelAndWhetherItStreams) {
  EXPECT_EQ(read_request(chat, json_type, R"({"model":"gpt-4o","messages":[]})").value(),
            (RequestFacts{"gpt-4o", false}));
  EXPECT_EQ(read_request(chat, json_type, " {\"stream\" : true ,\n\"model\" : \"a\\u0062\\\"c\" } \n").value(),
            (RequestFacts{"ab\"c", true}));
  EXPECT_EQ(read_request(chat, json_type, R"({"stream":null,"model":null})").value(), RequestFacts{});
  EXPECT_EQ(read_request(chat, json_type, R"({"x":{"model":"no","stream":true},"y":[{"model":"no"}]})").value(),
            RequestFacts{});
}

TEST(Request, OllamaStreamsUnlessToldOtherwise) {
  EXPECT_TRUE(read_request(ollama_chat, json_type, R"({"model":"m"})")->stream);
  EXPECT_TRUE(read_request(ollama_chat, json_type, R"({"model":"m","stream":null})")->stream);
  EXPECT_FALSE(read_request(ollama_chat, json_type, R"({"model":"m","stream":false})")->stream);
  EXPECT_FALSE(read_request(*route_of("POST", "/api/embed", false), json_type, R"({"model":"m"})")->stream);
  // As its documentation has it: curl without a type.
  EXPECT_EQ(read_request(ollama_chat, "application/x-www-form-urlencoded", R"({"model":"m"})")->model, "m");
}

TEST(Request, OtherDialectsNameTheirModelsElsewhere) {
  const Route tts = *route_of("POST", "/v1/text-to-speech/v", false);
  EXPECT_EQ(read_request(tts, json_type, R"({"text":"x","model_id":"eleven_v3"})")->model, "eleven_v3");
  const Route speech = *route_of("POST", "/v1/audio/speech", false);
  EXPECT_TRUE(read_request(speech, json_type, R"({"model":"tts","stream_format":"sse"})")->stream);
  EXPECT_FALSE(read_request(speech, json_type, R"({"model":"tts","stream_format":"audio"})")->stream);
}

TEST(Request, WhatIsNoJsonHasNoFacts) {
  const Route transcription = *route_of("POST", "/v1/audio/transcriptions", false);
  EXPECT_EQ(read_request(transcription, "multipart/form-data; boundary=x", "--x\r\n").value(), RequestFacts{});
  EXPECT_EQ(read_request(transcription, "multipart/form-data; boundary=x", "{").value(), RequestFacts{});
  EXPECT_EQ(read_request(chat, "application/octet-stream", "\xff\xfe").value(), RequestFacts{});
  EXPECT_EQ(read_request(*route_of("GET", "/v1/models", false), "", "").value(), RequestFacts{});
}

TEST(Request, OfAnUnknownPathIsReadWhereItCanBe) {
  const Route other = *route_of("POST", "/v1/moderations", false);
  EXPECT_EQ(read_request(other, json_type, R"({"model":"m"})")->model, "m");
  EXPECT_EQ(read_request(other, json_type, R"({"model":"m","model":"n"})").value(), RequestFacts{});
  EXPECT_EQ(read_request(other, json_type, "not JSON").value(), RequestFacts{});
}

struct Refusal {
  std::string body, why;
};

TEST(Request, IsRefusedWithWhatAndWhere) {
  const Refusal refusals[] = {
      {"", "the body is empty"},
      {" \n", "the body is empty"},
      {"{", "the body ends in the middle"},
      {R"({"model":"a"} {})", "extra data at byte 15"},
      {R"({"model":"a",})", "is not JSON"},
      {R"({"model":"a"} // x)", "is not JSON"},
      {R"({'model':"a"})", "is not JSON"},
      {"\xEF\xBB\xBF{}", "at byte 1"},
      {"{\"model\":\"\xff\"}", "is not JSON"},
      {R"({"model":"\ud800"})", "is not JSON"},
      {"[]", "is JSON, but no object"},
      {"17", "is JSON, but no object"},
      {R"({"model":"a","model":"b"})", "'model' is there twice (byte 14)"},
      {R"({"model":"a","mod\u0065l":"b"})", "'model' is there twice"},
      {R"({"model":null,"model":"b"})", "'model' is there twice"},
      {R"({"stream":true,"model":"a","stream":false})", "'stream' is there twice"},
      {R"({"model":["a"]})", "'model' is no string (byte 10)"},
      {R"({"stream":"true"})", "'stream' is neither true nor false"},
      {R"({"stream":1})", "'stream' is neither true nor false"},
      {R"({"a":)" + std::string(300, '[') + std::string(300, ']') + "}", "is not JSON: too deep"},
  };
  for (const Refusal& each : refusals) {
    const auto facts = read_request(chat, json_type, each.body);
    ASSERT_FALSE(facts) << each.body;
    EXPECT_EQ(facts.error().code, Errc::invalid_argument) << each.body;
    EXPECT_THAT(facts.error().message, HasSubstr(each.why)) << each.body;
  }
}

TEST(Request, OfOllamaHasNoSecondModelInAnotherCase) {
  for (const char* body : {R"({"model":"a","MODEL":"b"})", R"({"Model":"b"})", R"({"model":"a","\u017ftream":true})"}) {
    const auto facts = read_request(ollama_chat, json_type, body);
    ASSERT_FALSE(facts) << body;
    EXPECT_THAT(facts.error().message, HasSubstr("write it so"));
    EXPECT_TRUE(read_request(chat, json_type, body)) << "others read names as they are written";
  }
}

TEST(Request, HasALimit) {
  const std::string body = "{\"x\":\"" + std::string(body_bytes_max, 'x') + "\"}";
  EXPECT_EQ(read_request(chat, json_type, body).error().code, Errc::too_large);
  EXPECT_EQ(with_member(body, "stream", "true").error().code, Errc::too_large);
  const std::string nearly = "{\"x\":\"" + std::string(body_bytes_max - 9, 'x') + "\"}";
  ASSERT_TRUE(read_request(chat, json_type, nearly));
  EXPECT_EQ(with_member(nearly, "stream", "true").error().code, Errc::too_large);
}

struct Edit {
  std::string_view body, name, value, out;
};

TEST(Edit, ChangesOneMemberAndNoOtherByte) {
  const Edit edits[] = {
      {R"({"model":"a"})", "model", R"("b")", R"({"model":"b"})"},
      {" {\n  \"model\" :\t\"a\" ,\r\n  \"n\": 1.50e+1\n}\n", "model", R"("b")",
       " {\n  \"model\" :\t\"b\" ,\r\n  \"n\": 1.50e+1\n}\n"},
      {R"({"stream":false,"x":1})", "stream", "true", R"({"stream":true,"x":1})"},
      {R"({"x":1,"stream":false})", "stream", "true", R"({"x":1,"stream":true})"},
      {R"({"n":17})", "n", R"({"deep":[1]})", R"({"n":{"deep":[1]}})"},
      {R"({"n":{"n":1,"m":"}"},"m":[[],{"m":"]"}]})", "m", "0", R"({"n":{"n":1,"m":"}"},"m":0})"},
      {R"({"n":{"n":1,"m":"}"},"m":[[],{"m":"]"}]})", "n", "0", R"({"n":0,"m":[[],{"m":"]"}]})"},
      {R"({"mod\u0065l":"a"})", "model", R"("b")", R"({"mod\u0065l":"b"})"},
      {R"({"a\"b":1,"\\":2})", "a\"b", "3", R"({"a\"b":3,"\\":2})"},
      {R"({"x":"\\\\\\\"\\\\","y":"\\"})", "y", "3", R"({"x":"\\\\\\\"\\\\","y":3})"},
      {R"({"a\\":1,"a":2})", "a\\", "3", R"({"a\\":3,"a":2})"},
      {R"({"x":"\"model\":\\"})", "model", "1", R"({"x":"\"model\":\\", "model": 1})"},
      {R"({"ä\ud83d\ude00":1})", "ä😀", "2", R"({"ä\ud83d\ude00":2})"},
      {R"({"x":1,"x":2})", "y", "3", R"({"x":1,"x":2, "y": 3})"},
      {"{}", "stream", "true", R"({"stream": true})"},
      {R"({"x":1})", "x", " [2]\n", R"({"x":[2]})"},
      {" { \n} ", "stream", "true",
       R"( {"stream": true)"
       " \n} "},
      {"{\"x\": 1\n}", "stream", "true", "{\"x\": 1, \"stream\": true\n}"},
      {R"({"":1})", "", "2", R"({"":2})"},
      {R"({"x":1})", "a\"\n", "2", R"({"x":1, "a\"\n": 2})"},
  };
  for (const Edit& each : edits) {
    const auto out = with_member(each.body, each.name, each.value);
    ASSERT_TRUE(out) << each.body << ": " << out.error().message;
    EXPECT_EQ(*out, each.out);
    boost::json::value expected = boost::json::parse(std::string(each.body));
    expected.get_object()[std::string(each.name)] = boost::json::parse(std::string(each.value));
    EXPECT_EQ(boost::json::parse(*out), expected);
  }
}

TEST(Edit, IsRefusedWhereTwoReadersWouldDiffer) {
  const Edit edits[] = {
      {R"({"model":"a","model":"b"})", "model", "1", "there twice"},
      {R"({"model":"a","mo\u0064el":"b"})", "model", "1", "there twice"},
      {"[]", "model", "1", "no object"},
      {"{", "model", "1", "the body ends in the middle"},
      {"{}", "model", "", "the value is empty"},
      {"{}", "model", "1, \"x\": 2", "the value is not JSON"},
      {"{}", "model", "1}", "the value is not JSON"},
      {"{}", "\xff", "1", "not UTF-8"},
  };
  for (const Edit& each : edits) {
    const auto out = with_member(each.body, each.name, each.value);
    ASSERT_FALSE(out) << each.body;
    EXPECT_EQ(out.error().code, Errc::invalid_argument);
    EXPECT_THAT(out.error().message, HasSubstr(std::string(each.out)));
  }
}

TEST(Edit, OfAHugeBodyTouchesOnePlace) {
  std::string body = "{";
  for (int i = 0; i < 100000; ++i)
    body += "\"k" + std::to_string(i) + "\":{\"model\":\"{[\\\"\"},";
  const std::string front = body;
  body += "\"model\":\"a\"}";
  EXPECT_EQ(with_member(body, "model", "\"b\"").value(), front + "\"model\":\"b\"}");
}

}  // namespace
}  // namespace holdfast::wire
