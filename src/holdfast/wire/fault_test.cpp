#include "holdfast/wire/fault.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "holdfast/base/name.hpp"
#include "holdfast/wire/answer.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

using testing::HasSubstr;
using testing::Not;

const Route chat = *route_of("POST", "/v1/chat/completions", false);
const Route responses = *route_of("POST", "/v1/responses", false);
const Route messages = *route_of("POST", "/v1/messages", false);
const Route generate = *route_of("POST", "/api/generate", false);

struct Case {
  int status;
  std::string_view body;
  ProviderFault fault;
};

TEST(Fault, IsReadInTheWordsOfEachDialect) {
  const Case cases[] = {
      {401,
       R"({"error":{"message":"Incorrect API key provided: sk-abcdefgh12345678.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})",
       {ErrorClass::auth, 401, "invalid_api_key", "Incorrect API key provided: ***."}},
      {429, R"({"error":{"message":"Slow","type":"tokens","code":null}})", {ErrorClass::quota, 429, "tokens", "Slow"}},
      {402, R"({"error":{"code":402,"message":"More credits"}})", {ErrorClass::quota, 402, "402", "More credits"}},
      {529,
       R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
       {ErrorClass::http, 529, "overloaded_error", "Overloaded"}},
      {404,
       R"({"error":"model \"llama3\" not found, try pulling it first"})",
       {ErrorClass::http, 404, "", "model \"llama3\" not found, try pulling it first"}},
      {401,
       R"({"detail":{"status":"invalid_api_key","message":"Invalid API key"}})",
       {ErrorClass::auth, 401, "invalid_api_key", "Invalid API key"}},
      {422,
       R"({"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]})",
       {ErrorClass::http, 422, "value_error.missing", "field required"}},
      {500,
       R"({"error":"OutOfMemoryError","detail":"","body":"","errors":"CUDA out of memory."})",
       {ErrorClass::http, 500, "OutOfMemoryError", "CUDA out of memory."}},
      {404, R"({"detail":"Not Found"})", {ErrorClass::http, 404, "", "Not Found"}},
      {403, R"({"message":"Forbidden"})", {ErrorClass::auth, 403, "", "Forbidden"}},
      {503, "no host is healthy\r\n", {ErrorClass::http, 503, "", "no host is healthy  "}},
      {502, "\n<html><body>502</body></html>", {ErrorClass::http, 502, "", ""}},
      {500, "", {ErrorClass::http, 500, "", ""}},
      {500, R"({"error":{"message":"cut)", {ErrorClass::http, 500, "", R"({"error":{"message":"cut)"}},
      {500, R"({"error":[1,2],"detail":null})", {ErrorClass::http, 500, "", ""}},
  };
  for (const Case& each : cases) {
    const ProviderFault got = fault_of(chat, each.status, each.body);
    EXPECT_EQ(got.error_class, each.fault.error_class) << each.body;
    EXPECT_EQ(got.status, each.fault.status) << each.body;
    EXPECT_EQ(got.code, each.fault.code) << each.body;
    EXPECT_EQ(got.message, each.fault.message) << each.body;
  }
}

TEST(Fault, SaysLittleAndNothingSecret) {
  const std::string key = "sk-proj-0123456789abcdefghijkl";
  const std::string bodies[] = {
      R"({"error":{"message":")" + std::string(190, 'x') + " " + key + R"(","code":")" + key + R"("}})",
      "Bearer " + key + std::string(1 << 20, 'y'),
      R"({"error":"line\nline\u0000\u001b[2J)" + std::string(300, 'z') + "\"}",
      "{\"error\":\"" + std::string(500, '\xc3') + "\"}",
      std::string(199, 'x') + "ä",
  };
  for (const std::string& body : bodies) {
    const ProviderFault fault = fault_of(chat, 500, body);
    EXPECT_LE(fault.message.size(), 200u);
    EXPECT_LE(fault.code.size(), error_code_bytes_max);
    EXPECT_TRUE(is_utf8(fault.message));
    for (const std::string& text : {fault.message, fault.code}) {
      EXPECT_THAT(text, Not(HasSubstr("0123456789")));
      for (const char c : text)
        EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    }
  }
}

TEST(Fault, InAStreamSaysTheStatusThatItWouldHaveHad) {
  EXPECT_EQ(status_meant(Dialect::anthropic, R"({"type":"error","error":{"type":"overloaded_error"}})"), 529);
  EXPECT_EQ(status_meant(Dialect::anthropic, R"({"type":"error","error":{"type":"api_error"}})"), 500);
  EXPECT_EQ(status_meant(Dialect::openai, R"({"error":{"message":"m","type":"server_error","code":null}})"), 500);
  EXPECT_EQ(status_meant(Dialect::openai, R"({"error":{"type":"requests","code":"rate_limit_exceeded"}})"), 429);
  EXPECT_EQ(status_meant(Dialect::openai, R"({"error":{"type":"exceed_context_size_error","code":503}})"), 503);
  EXPECT_EQ(status_meant(Dialect::ollama, R"({"error":"CUDA error"})"), 500);
  EXPECT_EQ(status_meant(Dialect::openai, R"({"error":{"type":"of_the_future"}})"), 0);
  EXPECT_EQ(status_meant(Dialect::openai, ""), 0);
}

TEST(OwnError, HasTheShapeOfTheDialect) {
  EXPECT_EQ(error_body(Dialect::openai, Errc::provider_locked, "a \"b\""),
            R"({"error":{"type":"holdfast_error","code":"provider_locked","message":"a \"b\"","param":null}})");
  EXPECT_EQ(error_body(Dialect::anthropic, Errc::switched, "m"),
            R"({"type":"error","error":{"type":"holdfast_error","code":"switched","message":"m"}})");
  EXPECT_EQ(error_body(Dialect::ollama, Errc::switched, "m"),
            R"({"error":"m","type":"holdfast_error","code":"switched"})");
  EXPECT_EQ(error_body(Dialect::elevenlabs, Errc::switched, "m"),
            R"({"detail":{"type":"holdfast_error","code":"switched","message":"m","status":"switched"}})");
  EXPECT_EQ(error_body(Dialect::sdwebui, Errc::switched, "m"),
            R"({"error":"holdfast_error","detail":"m","errors":"m","type":"holdfast_error","code":"switched"})");
}

TEST(OwnError, IsTheLastFrameOfAStream) {
  EXPECT_EQ(error_frames(chat, Framing::sse, Errc::switched, "m"),
            "data: " + error_body(Dialect::openai, Errc::switched, "m") + "\n\n");
  EXPECT_EQ(error_frames(messages, Framing::sse, Errc::switched, "m"),
            "event: error\ndata: " + error_body(Dialect::anthropic, Errc::switched, "m") + "\n\n");
  EXPECT_EQ(error_frames(generate, Framing::ndjson, Errc::switched, "m"),
            error_body(Dialect::ollama, Errc::switched, "m") + "\n");
  EXPECT_EQ(error_frames(responses, Framing::sse, Errc::switched, "m", 8),
            "event: error\ndata: {\"type\":\"error\",\"sequence_number\":9,\"param\":null,\"code\":\"switched\","
            "\"message\":\"m\",\"error\":{\"type\":\"holdfast_error\",\"code\":\"switched\",\"message\":\"m\","
            "\"param\":null}}\n\n");
  EXPECT_EQ(error_frames(chat, Framing::whole, Errc::switched, "m"), "");
  EXPECT_EQ(error_frames(chat, Framing::bytes, Errc::switched, "m"), "");
}

TEST(OwnError, IsReadAsAnErrorAndCannotBreakTheFrame) {
  const std::string message = "a\r\n\r\ndata: [DONE]\n\xff \"quoted\"";
  for (const Route& route : {chat, responses, messages, generate}) {
    const Framing framing = route.dialect == Dialect::ollama ? Framing::ndjson : Framing::sse;
    AnswerReader reader(route, 200, framing);
    reader.feed(error_frames(route, framing, Errc::cancelled, message));
    EXPECT_TRUE(reader.at_boundary());
    reader.finish();
    EXPECT_EQ(reader.unreadable(), 0u);
    EXPECT_FALSE(reader.ended());
    ASSERT_TRUE(reader.fault());
    EXPECT_EQ(reader.fault()->code, "cancelled");
    EXPECT_THAT(reader.fault()->message, HasSubstr("data: [DONE]"));
  }
}

TEST(OwnError, IsAlwaysJson) {
  for (const Dialect each :
       {Dialect::openai, Dialect::anthropic, Dialect::ollama, Dialect::elevenlabs, Dialect::sdwebui}) {
    const std::string body = error_body(each, Errc::too_large, "\xc3\x28 \x01 \xe2\x82");
    EXPECT_TRUE(is_utf8(body));
    EXPECT_TRUE(boost::json::parse(body).is_object());
    EXPECT_EQ(body.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast::wire
