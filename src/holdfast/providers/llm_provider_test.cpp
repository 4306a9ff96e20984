#include "holdfast/providers/llm_provider.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "holdfast/providers/catalogue.hpp"
#include "holdfast/providers/provider_bench.hpp"
#include "holdfast/providers/scripted_provider.hpp"

namespace holdfast::providers {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const net::Fields ndjson{{"Content-Type", "application/x-ndjson"}};
const net::Fields json_type{{"Content-Type", "application/json"}};

std::string delta(const std::string& text) {
  return R"(data: {"choices":[{"index":0,"delta":{"content":")" + text + "\"}}]}\n\n";
}
std::string finish(const std::string& reason) {
  return R"(data: {"choices":[{"index":0,"delta":{},"finish_reason":")" + reason + "\"}]}\n\ndata: [DONE]\n\n";
}
std::string said(const std::string& text) {
  return R"({"message":{"role":"assistant","content":")" + text + "\"},\"done\":false}\n";
}
const std::string said_all = R"({"message":{"content":""},"done":true,"done_reason":"stop"})"
                             "\n";

class LlmProviderTest : public ProviderBench {
 protected:
  std::unique_ptr<Provider> provider(Protocol protocol, const std::string& url,
                                     std::vector<std::pair<std::string, std::string>> models = {
                                         {"default", "llama3.1:8b"}}) {
    const ProviderConfig config{.name = "Box",
                                .protocol = protocol,
                                .base_url = url,
                                .models = std::move(models),
                                .api_key_env = key.empty() ? "" : "BOX_KEY",
                                .line = 7};
    const auto environment = [this](std::string_view) { return std::optional<std::string>(key); };
    return llm_provider({.name = "Box", .type = "local_llm"}, config, environment, times);
  }
  StageCall call(std::string input = "Write.") {
    return {.stage_name = "script", .kind = "text", .input = std::move(input), .output = folder / "script.json"};
  }
  std::string output() { return content(folder / "script.json"); }
  std::string message() {
    const auto state = gateway.provider_state("call");
    return state && state->progress ? state->progress->message : std::string();
  }
  ProviderFault fault_after(Protocol protocol, const Script& script) {
    ScriptedProvider box({script});
    return fault_of(*provider(protocol, box.url()), call());
  }
  /// Runs until `begun`, stops, and expects that this ends the call at once.
  void expect_stop_ends(const Provider& asked, const std::function<bool()>& begun) {
    std::stop_source stop;
    auto running = std::async(std::launch::async, [&] {
      try {
        run(asked, call(), stop.get_token());
      } catch (const Error& error) {
        return error.errc();
      }
      return Errc::ok;
    });
    EXPECT_TRUE(comes(begun));
    const auto stopped = std::chrono::steady_clock::now();
    stop.request_stop();
    EXPECT_EQ(running.get(), Errc::cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - stopped, std::chrono::seconds(5));
  }

  std::string key;
  LlmTimes times{.retry_pause = milliseconds(1), .check = milliseconds(5000)};
};

TEST_F(LlmProviderTest, AStreamOfOpenAIBecomesItsText) {
  key = "sk-secret";
  ScriptedProvider box({{.pieces = {"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n",
                                    delta("Hold "), ": ping\n\n", delta("fast"), finish("stop")}}});
  run(*provider(Protocol::openai, box.url("/v1")), call("Say \"it\"."));
  EXPECT_EQ(output(), "Hold fast");
  EXPECT_EQ(progress().tokens, 2);
  EXPECT_EQ(progress().message, "llama3.1:8b answers");
  ASSERT_THAT(box.asked(), SizeIs(1));
  const Asked asked = box.asked()[0];
  EXPECT_EQ(asked.method + " " + asked.target, "POST /v1/chat/completions");
  EXPECT_EQ(asked.fields.find("Authorization"), "Bearer sk-secret");
  const auto body = boost::json::parse(asked.body);
  EXPECT_EQ(body.at("model"), "llama3.1:8b");
  EXPECT_EQ(body.at("stream"), true);
  EXPECT_EQ(body.at("messages").at(0).at("content"), "Say \"it\".");
}

TEST_F(LlmProviderTest, AStreamOfOllamaBecomesItsText) {
  ScriptedProvider box({{.fields = ndjson, .pieces = {said("Hold "), said("fast"), said_all}}});
  run(*provider(Protocol::ollama, box.url()), call());
  EXPECT_EQ(output(), "Hold fast");
  EXPECT_EQ(progress().tokens, 2);
  EXPECT_EQ(box.asked()[0].target, "/api/chat");
}

TEST_F(LlmProviderTest, AStreamOfAnthropicBecomesItsTextAndTheSchemaIsForced) {
  key = "sk-ant";
  const std::string start = R"(event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"holdfast_answer","input":{}}}

)";
  const std::string part = R"(event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}

)";
  const std::string end = R"(event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"}}

event: message_stop
data: {"type":"message_stop"}

)";
  ScriptedProvider box({{.pieces = {"event: ping\ndata: {\"type\": \"ping\"}\n\n", start, part, end}}});
  StageCall asking = call();
  asking.schema = R"({"type": "object"})";
  asking.max_tokens = 99;
  run(*provider(Protocol::anthropic, box.url("/v1")), asking);
  EXPECT_EQ(output(), R"({"a":1})");
  const Asked asked = box.asked()[0];
  EXPECT_EQ(asked.target, "/v1/messages") << "base_url with /v1 and without it";
  EXPECT_EQ(asked.fields.find("x-api-key"), "sk-ant");
  EXPECT_EQ(asked.fields.find("anthropic-version"), "2023-06-01");
  EXPECT_EQ(boost::json::parse(asked.body).at("max_tokens"), 99);
  EXPECT_THAT(asked.body, HasSubstr("tool_choice"));
}

TEST_F(LlmProviderTest, AnAnswerInOneDocumentIsTakenToo) {
  ScriptedProvider box(
      {{.fields = json_type,
        .pieces = {R"({"choices":[{"index":0,"message":{"content":"Hold )", R"(fast"},"finish_reason":"stop"}]})"}}});
  run(*provider(Protocol::openai, box.url()), call());
  EXPECT_EQ(output(), "Hold fast");
  EXPECT_EQ(progress().tokens, std::nullopt) << "its bytes are no tokens";
  EXPECT_GT(progress().bytes.value_or(0), 0);
}

TEST_F(LlmProviderTest, PromptProgressIsShownAsPercent) {
  ScriptedProvider box({{.pieces = {R"(data: {"choices":[],"prompt_progress":{"total":200,"cache":0,"processed":50}})"
                                    "\n\n"},
                         .after = Script::After::stall}});
  const auto asked = provider(Protocol::openai, box.url());
  expect_stop_ends(*asked, [&] {
    const auto state = gateway.provider_state("call");
    return state && state->progress && state->progress->percent == 25.0;
  });
}

TEST_F(LlmProviderTest, TheModelIsTheStagesElseTheDefaultAndNamesHaveTheirMeaningHere) {
  const Script answer{.pieces = {delta("x"), finish("stop")}};
  ScriptedProvider box({answer, answer, answer, answer});
  const auto asked = provider(Protocol::openai, box.url(), {{"default", "small"}, {"gpt-4o", "big"}});
  StageCall asking = call();
  run(*asked, asking);
  asking.model = "gpt-4o";
  run(*asked, asking);
  asking.model = "other";
  run(*asked, asking);
  asking.moved = true;
  run(*asked, asking);
  std::vector<std::string> models;
  for (const Asked& each : box.asked())
    models.emplace_back(boost::json::parse(each.body).at("model").get_string());
  EXPECT_THAT(models, ElementsAre("small", "big", "other", "small"));
}

TEST_F(LlmProviderTest, AMissingModelIsKnownBeforeAnythingRuns) {
  const auto asked = provider(Protocol::ollama, "http://127.0.0.1:9", {});
  EXPECT_THAT(asked->problems_with({.kind = "text"}), ElementsAre(AllOf(HasSubstr("no model"), HasSubstr("Box"))));
  EXPECT_THAT(asked->problems_with({.kind = "text", .model = "m"}), IsEmpty());
  EXPECT_THAT(asked->problems_with({.kind = "speech", .model = "m"}), ElementsAre(HasSubstr("speech")));
  EXPECT_THAT(fault_of(*asked, call()).message, HasSubstr("no model"));
}

TEST_F(LlmProviderTest, AMissingKeyIsAProblemOfThisProviderAlone) {
  const ProviderConfig config{.name = "Cloud", .protocol = Protocol::openai, .api_key_env = "NO_KEY", .line = 3};
  const Catalogue catalogue({config}, TimeoutProfiles::defaults(), spawner, [](auto) { return std::nullopt; });
  const Provider* cloud = catalogue.find("cloud");
  EXPECT_THAT(cloud->problems(), ElementsAre(AllOf(HasSubstr("Cloud (line 3)"), HasSubstr("NO_KEY"))));
  EXPECT_EQ(cloud->check(), cloud->problems());
  EXPECT_EQ(cloud->protocol(), "openai");
  EXPECT_TRUE(cloud->info().requires_network);
  EXPECT_THAT(fault_of(*cloud, call()).message, HasSubstr("NO_KEY"));
}

TEST_F(LlmProviderTest, AStreamWithoutItsEndMarkerIsTruncatedAndWhatCameIsKept) {
  ScriptedProvider box({{.pieces = {delta("Half a ")}}, {.pieces = {delta("Half a ")}, .after = Script::After::cut}});
  const auto asked = provider(Protocol::openai, box.url());
  EXPECT_EQ(fault_of(*asked, call()).error_class, ErrorClass::truncated) << "the HTTP answer was whole";
  EXPECT_EQ(output(), "Half a ");
  EXPECT_EQ(fault_of(*asked, call()).error_class, ErrorClass::truncated);
}

TEST_F(LlmProviderTest, ATextThatEndsAtTheLimitOfTokensIsNotPassedOnAsWhole) {
  const ProviderFault fault = fault_after(Protocol::openai, {.pieces = {delta("Half a "), finish("length")}});
  EXPECT_EQ(fault.error_class, ErrorClass::truncated);
  EXPECT_EQ(fault.code, "length");
  EXPECT_THAT(fault.message, HasSubstr("max_tokens"));
  EXPECT_EQ(fault_after(Protocol::openai, {.pieces = {delta("x"), finish("content_filter")}}).code, "content_filter");
}

TEST_F(LlmProviderTest, AnErrorBeforeTheStreamHasItsStatusAndNoKey) {
  key = "aKeyThatLooksLikeNone";
  const ProviderFault fault =
      fault_after(Protocol::openai,
                  {.status = 401,
                   .fields = json_type,
                   .pieces = {R"({"error":{"message":"Incorrect key aKeyThatLooksLikeNone","code":"bad_key"}})"}});
  EXPECT_EQ(fault.error_class, ErrorClass::auth);
  EXPECT_EQ(fault.status, 401);
  EXPECT_EQ(fault.code, "bad_key");
  EXPECT_THAT(fault.message, AllOf(HasSubstr("Incorrect key"), Not(HasSubstr(key))));
}

TEST_F(LlmProviderTest, AnErrorInTheStreamIsAHardErrorToo) {
  const ProviderFault fault =
      fault_after(Protocol::ollama, {.fields = ndjson, .pieces = {said("Hold"), "{\"error\":\"out of memory\"}\n"}});
  EXPECT_THAT(fault.message, HasSubstr("out of memory"));
  EXPECT_EQ(output(), "Hold");
}

TEST_F(LlmProviderTest, WhatIsNoAnswerOfALanguageModelIsAProtocolError) {
  const ProviderFault page =
      fault_after(Protocol::openai, {.fields = {{"Content-Type", "text/html"}}, .pieces = {"<p>"}});
  EXPECT_EQ(page.error_class, ErrorClass::protocol);
  EXPECT_THAT(page.message, AllOf(HasSubstr("text/html"), HasSubstr("base_url")));
  EXPECT_EQ(fault_after(Protocol::openai, {.pieces = {"data: {\"cho\n\n", finish("stop")}}).error_class,
            ErrorClass::protocol);
  EXPECT_EQ(fault_after(Protocol::openai, {.pieces = {finish("stop")}}).error_class, ErrorClass::protocol);
  EXPECT_EQ(
      fault_after(Protocol::openai,
                  {.fields = {{"Content-Type", "text/event-stream"}, {"Content-Encoding", "br"}}, .pieces = {"x"}})
          .error_class,
      ErrorClass::protocol);
}

TEST_F(LlmProviderTest, BusyIsAskedAgainWhereItSaysWhen) {
  const Script busy{.status = 429, .fields = {{"Retry-After", "0"}}, .pieces = {"busy"}};
  ScriptedProvider box(
      {busy, {.status = 503, .fields = {{"Retry-After", "0"}}}, {.pieces = {delta("x"), finish("stop")}}});
  run(*provider(Protocol::openai, box.url()), call());
  EXPECT_EQ(output(), "x");
  EXPECT_THAT(box.asked(), SizeIs(3));
}

TEST_F(LlmProviderTest, BusyWithoutATimeIsAHardErrorAtOnce) {
  ScriptedProvider box({{.status = 429},
                        {.status = 500, .fields = {{"Retry-After", "0"}}},
                        {.status = 429, .fields = {{"Retry-After", "86400"}}}});
  const auto asked = provider(Protocol::openai, box.url());
  EXPECT_EQ(fault_of(*asked, call()).error_class, ErrorClass::quota);
  EXPECT_EQ(fault_of(*asked, call()).status, 500);
  EXPECT_EQ(fault_of(*asked, call()).status, 429) << "a day is no pause";
  EXPECT_THAT(box.asked(), SizeIs(3));
}

TEST_F(LlmProviderTest, ThreeTimesIsEnough) {
  const Script busy{.status = 429, .fields = {{"Retry-After", "0"}}};
  ScriptedProvider box({busy, busy, busy, busy, {.pieces = {delta("x"), finish("stop")}}});
  EXPECT_EQ(fault_of(*provider(Protocol::openai, box.url()), call()).status, 429);
  EXPECT_THAT(box.asked(), SizeIs(4));
}

TEST_F(LlmProviderTest, ARefusedConnectionIsTriedAgainVisiblyUntilSomebodyIsThere) {
  std::uint16_t port = 0;
  {
    port = ScriptedProvider({}).port();
  }
  times.retry_pause = milliseconds(400);
  const auto asked = provider(Protocol::ollama, "http://127.0.0.1:" + std::to_string(port));
  auto running = std::async(std::launch::async, [&] { run(*asked, call()); });
  EXPECT_TRUE(comes([&] { return message().starts_with("connection refused; asking again in"); }));
  ScriptedProvider box({{.fields = ndjson, .pieces = {said("there"), said_all}}}, port);
  running.get();
  EXPECT_EQ(output(), "there");
}

TEST_F(LlmProviderTest, ARefusedConnectionIsAHardErrorThatNamesTheAddress) {
  std::uint16_t port = 0;
  {
    port = ScriptedProvider({}).port();
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  const ProviderFault fault = fault_of(*provider(Protocol::ollama, url), call());
  EXPECT_EQ(fault.error_class, ErrorClass::connection);
  EXPECT_THAT(fault.message, AllOf(HasSubstr(url), HasSubstr("refused")));
}

TEST_F(LlmProviderTest, AStopEndsTheConnecting) {
  ScriptedProvider box({});  // speaks no TLS, and waits for a request that never comes
  std::string url = box.url();
  url.replace(0, 4, "https");
  expect_stop_ends(*provider(Protocol::openai, url), [&] { return gateway.provider_state("call").has_value(); });
}

TEST_F(LlmProviderTest, AStopEndsTheWaitForAHeadAndTheProviderHearsIt) {
  ScriptedProvider box({{.after = Script::After::stall}});
  expect_stop_ends(*provider(Protocol::ollama, box.url()), [&] { return box.asked().size() == 1; });
  EXPECT_TRUE(comes([&] { return box.left() == 1; }));
  EXPECT_FALSE(std::filesystem::exists(folder / "script.json"));
}

TEST_F(LlmProviderTest, AStopEndsTheReadingAndKeepsWhatHasCome) {
  ScriptedProvider box({{.fields = ndjson, .pieces = {said("Hold ")}, .after = Script::After::stall}});
  expect_stop_ends(*provider(Protocol::ollama, box.url()), [&] {
    const auto state = gateway.provider_state("call");
    return state && state->progress && state->progress->tokens == 1;
  });
  EXPECT_TRUE(comes([&] { return box.left() == 1; }));
  EXPECT_EQ(output(), "Hold ");
}

TEST_F(LlmProviderTest, AStopEndsThePauseBeforeARetry) {
  ScriptedProvider box({{.status = 503, .fields = {{"Retry-After", "300"}}}});
  expect_stop_ends(*provider(Protocol::ollama, box.url()), [&] { return message().starts_with("HTTP 503; asking"); });
  EXPECT_THAT(box.asked(), SizeIs(1));
}

TEST_F(LlmProviderTest, AnArtifactThatCannotBeWrittenIsSaid) {
  ScriptedProvider box({{.pieces = {delta("x"), finish("stop")}}});
  StageCall asking = call();
  asking.output = folder / "no/such/file.txt";
  EXPECT_THAT(fault_of(*provider(Protocol::openai, box.url()), asking).message, HasSubstr("cannot write"));
}

// What `providers --check` says.

TEST_F(LlmProviderTest, ACheckFindsTheModels) {
  const Script tags{.fields = json_type, .pieces = {R"({"models":[{"name":"llama3.1:8b"},{"name":"qwen2:latest"}]})"}};
  ScriptedProvider box({tags, tags});
  EXPECT_THAT(provider(Protocol::ollama, box.url(), {{"default", "llama3.1:8b"}, {"x", "qwen2"}})->check(), IsEmpty());
  EXPECT_THAT(provider(Protocol::ollama, box.url(), {{"default", "lama"}})->check(),
              ElementsAre(AllOf(HasSubstr("lama"), HasSubstr("llama3.1:8b, qwen2:latest"))));
  EXPECT_EQ(box.asked()[0].target, "/api/tags");
}

TEST_F(LlmProviderTest, ACheckSaysThatTheKeyWasRefusedWithoutShowingIt) {
  key = "aKeyThatLooksLikeNone";
  ScriptedProvider box({{.status = 401, .fields = json_type, .pieces = {R"({"error":{"message":"no )" + key + "\"}}"}},
                        {.status = 401}});
  EXPECT_THAT(provider(Protocol::openai, box.url("/v1"))->check(),
              ElementsAre(AllOf(HasSubstr("key was refused"), HasSubstr("401"), Not(HasSubstr(key)))));
  EXPECT_EQ(box.asked()[0].target, "/v1/models");
  key.clear();
  EXPECT_THAT(provider(Protocol::anthropic, box.url())->check(), ElementsAre(HasSubstr("wants a key")));
  EXPECT_THAT(box.asked()[1].target, StartsWith("/v1/models"));
}

TEST_F(LlmProviderTest, AServerWithoutAListOfModelsIsNotCalledReachable) {
  ScriptedProvider box({{.status = 404}, {.status = 404}, {.status = 404}});
  EXPECT_THAT(
      provider(Protocol::openai, box.url())->check(),
      ElementsAre(AllOf(HasSubstr("no list of models at /models (HTTP 404)"), HasSubstr("base_url without /v1?"))));
  EXPECT_THAT(provider(Protocol::openai, box.url("/v1"))->check(),
              ElementsAre(AllOf(HasSubstr("at /v1/models (HTTP 404)"), HasSubstr("is base_url right?"))));
  EXPECT_THAT(provider(Protocol::ollama, box.url())->check(), ElementsAre(HasSubstr("at /api/tags (HTTP 404)")));
}

TEST_F(LlmProviderTest, ACheckNamesTheAddressThatNobodyListensAt) {
  std::uint16_t port = 0;
  {
    port = ScriptedProvider({}).port();
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  EXPECT_THAT(provider(Protocol::ollama, url)->check(), ElementsAre(AllOf(HasSubstr(url), HasSubstr("refused"))));
}

TEST_F(LlmProviderTest, ACheckDoesNotWaitForEver) {
  times.check = milliseconds(50);
  ScriptedProvider box({{.after = Script::After::stall}});
  EXPECT_THAT(provider(Protocol::ollama, box.url())->check(), ElementsAre(HasSubstr("no answer within 50 ms")));
}

}  // namespace
}  // namespace holdfast::providers
