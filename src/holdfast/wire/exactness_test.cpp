#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "holdfast/wire/transcript_driver.hpp"

/// Which requests are streamed without being asked to. That their answers are equal is seen by `Assembly`'s tests,
/// which read the same file.
namespace holdfast::wire {
namespace {

const Route chat = *route_of("POST", "/v1/chat/completions", false);
const Route messages = *route_of("POST", "/v1/messages", false);

/// A request with one more member.
std::string asked(const std::string& more) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + (more.empty() ? "" : "," + more) + "}";
}

TEST(Exactness, IsSaidOfEachRequestWhoseTwoFormsAreKnown) {
  const auto all = transcripts("exact.txt");
  ASSERT_GE(all.size(), 15u);
  for (const Transcript& each : all) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(assembles_exactly(each.route(), each.server(), each.get("request")), each.get("exact", "yes") == "yes");
    EXPECT_TRUE(streaming_request(each.route(), each.get("request")));
    EXPECT_FALSE(assembles_exactly(each.route(), Server::unknown, each.get("request")))
        << "nobody knows another server";
  }
}

TEST(Exactness, EachMemberThatIsAllowedStandsInATranscript) {
  // Of those that only change what is said, one request for all would be as good; the others change the form.
  for (const auto& [server, name] : {std::pair{Server::openai, "n"},
                                     {Server::openai, "tools"},
                                     {Server::openai, "parallel_tool_calls"},
                                     {Server::openai, "response_format"},
                                     {Server::openai, "reasoning_effort"},
                                     {Server::openai, "max_tokens"},
                                     {Server::openai, "max_completion_tokens"},
                                     {Server::llama, "tools"},
                                     {Server::llama, "max_tokens"},
                                     {Server::anthropic, "thinking"},
                                     {Server::anthropic, "output_config"},
                                     {Server::anthropic, "cache_control"},
                                     {Server::anthropic, "stop_sequences"}}) {
    bool found = false;
    for (const Transcript& each : transcripts("exact.txt")) {
      found = found || (each.server() == server && each.get("exact", "yes") == "yes" &&
                        boost::json::parse(each.get("request")).as_object().contains(name));
    }
    EXPECT_TRUE(found) << name;
  }
}

TEST(Exactness, IsNotSaidOfWhatMayComeInAnotherForm) {
  for (const char* more :
       {R"("logprobs":true)", R"("top_logprobs":2)", R"("audio":{"voice":"a"})", R"("modalities":["text","audio"])",
        R"("store":true)", R"("metadata":{"a":"b"})", R"("service_tier":"flex")", R"("functions":[])",
        R"("web_search_options":{})", R"("prediction":{"type":"content"})", R"("stream_options":{})",
        R"("of_the_future":1)", R"("tools":[{"type":"custom","custom":{"name":"x"}}])", R"("tools":[{}])",
        R"("tools":{})"}) {
    EXPECT_FALSE(assembles_exactly(chat, Server::openai, asked(more))) << more;
  }
  EXPECT_TRUE(assembles_exactly(chat, Server::openai, asked("")));
  EXPECT_TRUE(assembles_exactly(chat, Server::openai, asked(R"("logprobs":null,"store":null)")));
  for (const char* model : {"gpt-4o-search-preview", "gpt-5-search-api", "gpt-audio-mini"}) {
    const std::string body = R"({"messages":[],"model":")" + std::string(model) + "\"}";
    EXPECT_FALSE(assembles_exactly(chat, Server::openai, body)) << model;
  }
  EXPECT_FALSE(assembles_exactly(chat, Server::openai, R"({"messages":[]})"));
  EXPECT_FALSE(assembles_exactly(chat, Server::openai, R"({"model":"m","seed":1,"seed":2})"));
  for (const char* more : {R"("n":2)", R"("logprobs":true)", R"("return_tokens":true)", R"("of_the_future":1)"})
    EXPECT_FALSE(assembles_exactly(chat, Server::llama, asked(more))) << more;
}

TEST(Exactness, IsNotSaidOfAnthropicsTiersToolsAndCitations) {
  for (const char* more : {R"("service_tier":"auto")", R"("tools":[])", R"("mcp_servers":[])", R"("container":"c")",
                           R"("context_management":{})", R"("thinking":{"type":"enabled","block_binding":{}})",
                           R"("output_config":{"task_budget":{}})", R"("output_config":1)", R"("of_the_future":1)",
                           R"("system":[{"type":"text","text":"a","citations":{"enabled":true}}])"}) {
    EXPECT_FALSE(assembles_exactly(messages, Server::anthropic, asked(more))) << more;
  }
  EXPECT_TRUE(assembles_exactly(messages, Server::anthropic, asked("")));
  EXPECT_FALSE(assembles_exactly(
      messages, Server::anthropic,
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"document","citations":{"enabled":true}}]}]})"));
}

TEST(Exactness, BelongsToAServersOwnPaths) {
  EXPECT_FALSE(assembles_exactly(chat, Server::anthropic, asked("")));
  EXPECT_FALSE(assembles_exactly(messages, Server::openai, asked("")));
  EXPECT_FALSE(assembles_exactly(messages, Server::llama, asked("")));
  EXPECT_FALSE(assembles_exactly(*route_of("POST", "/v1/responses", false), Server::openai, asked("")));
  EXPECT_TRUE(assembles_exactly(*route_of("POST", "/api/chat", false), Server::unknown, "{}"));
  EXPECT_TRUE(assembles_exactly(*route_of("POST", "/api/generate", false), Server::unknown, "{}"));
}

}  // namespace
}  // namespace holdfast::wire
