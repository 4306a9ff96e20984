#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/gateway/async.hpp"
#include "holdfast/proxy/forwarding.hpp"
#include "holdfast/proxy/proxy_driver.hpp"
#include "holdfast/proxy/relay.hpp"

/// Whole answers that the provider is asked to stream, and what a stop reaches before anybody is asked.
namespace holdfast::proxy {
namespace {

using net::awaitable;
using testing::HasSubstr;
using testing::Not;

const std::string chunks =
    R"(data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]})"
    "\n\n"
    R"(data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"total_tokens":4}})"
    "\n\ndata: [DONE]\n\n";
const std::string message_begun =
    R"(data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"usage":{}}})"
    "\n\n";

class AssemblyTest : public ProxyTest {
 protected:
  /// Answers each request as it asks: a stream where it says so.
  Script as_asked(std::string stream, net::Fields fields = {}) {
    return [this, stream, fields](net::Request& request, net::Response& response) -> awaitable<void> {
      auto reading = request.read_body(1 << 20);
      const net::Body body = co_await std::move(reading);
      seen_.push_back(body.bytes);
      const bool streams = asks_for_stream(body.bytes);
      net::Fields head = fields;
      head.add("Content-Type", streams ? "text/event-stream" : "application/json");
      if (streams) {
        auto beginning = response.begin(200, std::move(head), stream);
        co_await std::move(beginning);
        auto ending = response.end();
        co_await std::move(ending);
      } else {
        auto sending = response.send(200, std::move(head), R"({"whole":1})");
        co_await std::move(sending);
      }
    };
  }
  static bool asks_for_stream(const std::string& body) { return body.find(R"("stream": true)") != std::string::npos; }
  void live_at(std::size_t provider, const std::string& url) {
    proxy_options_.providers[provider].base = net::parse_origin(url).value();
  }

  std::vector<std::string> seen_;
};

TEST_F(AssemblyTest, OpenAisOwnServerIsAskedToStreamWhatCanBePutTogetherExactly) {
  scripts_["One"] = as_asked(chunks);
  live_at(0, "https://api.openai.com/v1");
  const std::string answer = ask(post("/v1/chat/completions", chat_whole), "}}");
  EXPECT_EQ(
      net::body_of(answer),
      R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"Hello","annotations":[]},"finish_reason":"stop"}],"usage":{"total_tokens":4}})");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(seen_.at(0), HasSubstr(R"("stream_options": {"include_usage": true})"));
  const std::string probabilities = R"({"model": "small", "messages": [], "logprobs": true})";
  EXPECT_EQ(net::body_of(ask(post("/v1/chat/completions", probabilities), ":1}")), R"({"whole":1})");
  EXPECT_EQ(seen_.at(1), probabilities);
}

TEST_F(AssemblyTest, AServerThatNobodyKnowsIsAskedAsTheClientAsked) {
  scripts_["One"] = as_asked(chunks);
  for (const char* url : {"http://gpt.test/v1", "http://api.openai.com/v1", "https://api.openai.com.test/v1"}) {
    proxy_.reset();
    live_at(0, url);
    EXPECT_EQ(net::body_of(ask(post("/v1/chat/completions", chat_whole), ":1}")), R"({"whole":1})") << url;
    EXPECT_EQ(seen_.back(), chat_whole);
  }
}

TEST_F(AssemblyTest, LlamaCppIsKnownOnceItHasAnswered) {
  scripts_["One"] = as_asked(chunks, {{"Server", "llama.cpp"}});
  EXPECT_EQ(net::body_of(ask(post("/v1/chat/completions", chat_whole), ":1}")), R"({"whole":1})");
  EXPECT_THAT(ask(post("/v1/chat/completions", chat_whole), "}}"), HasSubstr(R"("content":"Hello"},"finish)"));
  EXPECT_TRUE(asks_for_stream(seen_.at(1)));
  scripts_["One"] = as_asked(chunks, {{"Server", "nginx"}});  // another stands there now
  ask(post("/v1/chat/completions", chat_whole), "}}");
  EXPECT_EQ(net::body_of(ask(post("/v1/chat/completions", chat_whole), ":1}")), R"({"whole":1})");
}

TEST_F(AssemblyTest, ABetaOfAnthropicIsAskedAsTheClientAsked) {
  scripts_["Claude"] = as_asked(message_begun);
  live_at(2, "https://api.anthropic.com");
  ask(post("/v1/messages", chat_whole, "anthropic-beta: fine-grained-tool-streaming-2025-05-14\r\n"), ":1}");
  EXPECT_EQ(seen_.at(0), chat_whole);
  ask(post("/v1/messages", chat_whole), "}}");
  EXPECT_TRUE(asks_for_stream(seen_.at(1)));
}

TEST_F(AssemblyTest, AnErrorInTheMiddleHasTheStatusThatItWouldHaveHad) {
  const std::string error = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})";
  scripts_["Claude"] = as_asked(message_begun + "event: error\ndata: " + error + "\n\n", {{"request-id", "r-1"}});
  live_at(2, "https://api.anthropic.com");
  const std::string answer = ask(post("/v1/messages", chat_whole), "}}");
  EXPECT_EQ(net::status_of(answer), 529);
  EXPECT_EQ(net::body_of(answer), error);
  EXPECT_THAT(answer, HasSubstr("request-id: r-1\r\n"));
  EXPECT_THAT(answer, HasSubstr("Holdfast-Operation: op-"));
}

TEST_F(AssemblyTest, AnErrorBehindAHeadOfOurOwnIsACut) {
  Held& held = hold();
  scripts_["Claude"] = held.begins_with(message_begun);
  live_at(2, "https://api.anthropic.com");
  const auto stream = client();
  send(*stream, post("/v1/messages", chat_whole));
  EXPECT_THAT(read_until(*stream, "\r\n \r\n"), HasSubstr("200"));
  held.say("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n", true);
  EXPECT_THAT(read_all(*stream), Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(AssemblyTest, AStopThatCameBeforeTheRequestHasLeftAsksNobody) {
  scripts_["One"] = answers(200, "{}");
  const ProviderOptions& provider = proxy_options_.providers[0];
  net::Pool pool(loop_.executor(), provider.base.origin, provider.connector);
  std::vector<std::optional<Errc>> ends;
  std::vector<bool> has_left;
  start([&](net::Request& request, net::Response& response) -> awaitable<void> {
    const bool stops = request.path() == "/stopped";
    AnswerStream answer(loop_.executor(), response, {}, {});
    std::stop_source leaving;
    std::optional<Relay> relay;
    const auto function = [&](OperationContext& operation) -> awaitable<void> {
      if (stops) leaving.request_stop();
      while (stops && !operation.stop_token().stop_requested()) {
        auto waiting = boost::asio::post(loop_.executor(), boost::asio::use_awaitable);
        co_await std::move(waiting);
      }
      relay.emplace(loop_.executor(), wire::Route{}, provider, pool,
                    Relay::Listener{answer, [&] { leaving.request_stop(); }}, net::Fields{});
      Outgoing outgoing;
      outgoing.head = {.method = "POST", .target = "/v1/models"};
      outgoing.body = std::make_shared<const std::string>("{}");
      auto running = relay->run(operation, outgoing);
      co_await std::move(running);
    };
    OperationRequest asked{.provider_name = "One", .provider_type = "local_llm", .stage_name = "text"};
    auto executing = gateway_.async_execute_with_patience(std::move(asked), no_heartbeat(), function,
                                                          boost::asio::use_awaitable, leaving.get_token());
    std::optional<Errc> end;
    try {
      co_await std::move(executing);
    } catch (const Error& error) {
      end = error.errc();
    }
    ends.push_back(end);
    has_left.push_back(relay->sent_at() != std::chrono::steady_clock::time_point());
    relay.reset();  // its connection is kept, and is there at once for the next
    auto quieting = answer.quiet();
    co_await std::move(quieting);
  });
  const auto first = connection();
  send(*first, "POST / HTTP/1.1\r\nHost: holdfast\r\nContent-Length: 0\r\n\r\n");
  read_until(*first, "{}");
  loop_.until([&] { return ends.size() == 1; }, "the first operation to end");
  const auto second = connection();
  send(*second, "POST /stopped HTTP/1.1\r\nHost: holdfast\r\nContent-Length: 0\r\n\r\n");
  loop_.until([&] { return ends.size() == 2; }, "both operations to end");
  EXPECT_EQ(ends, (std::vector<std::optional<Errc>>{std::nullopt, Errc::cancelled}));
  EXPECT_EQ(has_left, (std::vector<bool>{true, false}));
  EXPECT_EQ(calls_["One"], 1);
}

}  // namespace
}  // namespace holdfast::proxy
