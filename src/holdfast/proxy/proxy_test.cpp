#include <boost/asio/post.hpp>

#include "holdfast/proxy/proxy_driver.hpp"

namespace holdfast::proxy {
namespace {

using namespace std::chrono_literals;
using net::awaitable;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(ProxyTest, ARequestAndItsAnswerPassUnchanged) {
  const std::string body = R"({"id":"1","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]})";
  std::string seen, target, key;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body sent = co_await std::move(reading);
    seen = sent.bytes;
    target = request.target();
    key = request.fields().find("Authorization").value_or("");
    const net::Fields fields = {{"Content-Type", "application/json"}, {"x-request-id", "r-1"}};
    auto sending = response.send(200, fields, body);
    co_await std::move(sending);
  };
  const std::string answer = ask(post("/v1/chat/completions", chat_whole, "Authorization: Bearer mine\r\n"), "}]}");
  EXPECT_EQ(net::status_of(answer), 200);
  EXPECT_EQ(net::body_of(answer), body);
  EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(body.size())));
  EXPECT_THAT(answer, HasSubstr("x-request-id: r-1"));
  EXPECT_THAT(answer, HasSubstr("Holdfast-Operation: op-"));
  EXPECT_THAT(answer, HasSubstr("Holdfast-Provider: One\r\nHoldfast-Lock-Epoch: 0\r\n"));
  EXPECT_EQ(seen, chat_whole);
  EXPECT_EQ(target, "/v1/chat/completions");
  EXPECT_EQ(key, "Bearer mine");
}

TEST_F(ProxyTest, AStreamPassesAsItComes) {
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("Hel"));
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  EXPECT_THAT(read_until(*stream, "Hel\"}}]}\n\n"), HasSubstr("Content-Type: text/event-stream"));
  held.say(delta("lo") + chat_end, true);
  const std::string rest = read_until(*stream, "0\r\n\r\n");
  EXPECT_THAT(rest, HasSubstr("\"lo\""));
  EXPECT_THAT(rest, HasSubstr("data: [DONE]\n\n"));
}

TEST_F(ProxyTest, SilenceInAStreamIsFilledWithKeepalivesBetweenEvents) {
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  EXPECT_THAT(read_until(*stream, ": holdfast\n\n"), HasSubstr("\"a\"}}]}\n\n"));
  held.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("[DONE]"));
}

// A client that had its head at once, and then nothing, waited ten seconds for the first keepalive.
TEST_F(ProxyTest, AfterAHeadTheFirstKeepaliveComesInHalfTheTime) {
  Held& held = hold();
  scripts_["One"] = held.begins_with("");
  proxy_options_.header_grace = 10ms;  // when its timer is looked at first
  proxy_options_.keepalive = 3s;
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  read_until(*stream, "\r\n\r\n");
  const auto begun = std::chrono::steady_clock::now();
  read_until(*stream, ": holdfast\n\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, proxy_options_.keepalive);
  held.say(chat_end, true);
  read_until(*stream, "0\r\n\r\n");
}

TEST_F(ProxyTest, NoKeepaliveStandsInsideAnEvent) {
  Held& held = hold();
  scripts_["One"] = held.begins_with("data: {\"choices\":[{\"del");
  proxy_options_.keepalive = 5ms;
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  read_until(*stream, "[{\"del");
  open_operation();  // long enough for twenty of them
  held.say("ta\":{\"content\":\"a\"}}]}\n\n" + chat_end, true);
  const std::string rest = read_until(*stream, "0\r\n\r\n");
  EXPECT_LT(rest.find("ta\":{"), rest.find("[DONE]"));
  EXPECT_THAT(rest.substr(0, rest.find("[DONE]")), Not(HasSubstr(": holdfast")));
}

TEST_F(ProxyTest, AHeadThatIsLateIsSentInItsPlace) {
  Held& held = hold();
  scripts_["One"] = held.answers_late();
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  const std::string begun = read_until(*stream, ": holdfast\n\n");
  EXPECT_THAT(begun, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(begun, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(begun, HasSubstr("Holdfast-Operation: op-"));
  held.say(delta("late") + chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("\"late\""));
}

TEST_F(ProxyTest, AWholeAnswerThatIsLateHasSpacesInFront) {
  net::Signal go(loop_.executor());
  bool told = false;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    co_await std::move(reading);
    while (!told) {
      auto waiting = go.wait();
      co_await std::move(waiting);
    }
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"choices":[]})");
    co_await std::move(sending);
  };
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat_whole));
  EXPECT_THAT(read_until(*stream, "\r\n \r\n"), HasSubstr("Content-Type: application/json"));
  told = true;
  go.notify();
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr(R"({"choices":[]})"));
}

TEST_F(ProxyTest, ALateAnswerToABodyThatNobodyReadComesInItsOwnForm) {
  Held& held = hold();
  scripts_["One"] = held.answers_late("text/plain");
  const auto stream = client();
  send(*stream, post_form("/v1/audio/transcriptions"));
  open_operation();  // long after a head of our own would have been sent
  held.say("what was said", true);
  const std::string answer = read_until(*stream, "0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nd\r\nwhat was said\r\n")) << "and nothing of ours stands in front";
}

TEST_F(ProxyTest, AStreamInAnswerToABodyThatNobodyReadHasKeepalives) {
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  const auto stream = client();
  send(*stream, post_form("/v1/audio/transcriptions"));
  EXPECT_THAT(read_until(*stream, ": holdfast\n\n"), HasSubstr("Content-Type: text/event-stream"));
}

TEST_F(ProxyTest, AFastErrorKeepsItsStatusAndItsBody) {
  const std::string error =
      R"({"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}})";
  scripts_["One"] = answers(404, error, {{"Retry-After", "7"}});
  const std::string answer = ask(post("/v1/chat/completions", chat), "}}");
  EXPECT_EQ(net::status_of(answer), 404);
  EXPECT_EQ(net::body_of(answer), error);
  EXPECT_THAT(answer, HasSubstr("Retry-After: 7"));
}

TEST_F(ProxyTest, AStreamWithoutItsEndIsAnErrorAndNeverASuccess) {
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  read_until(*stream, "\"a\"}}]}\n\n");
  held.say(delta("b"), true);  // ends cleanly, and says neither why nor that it is done
  const std::string rest = read_until(*stream, "0\r\n\r\n");
  EXPECT_THAT(rest, HasSubstr("\"code\":\"truncated\""));
  EXPECT_THAT(rest, HasSubstr("holdfast_error"));
}

TEST_F(ProxyTest, AStreamThatIsCutInTheMiddleOfAnEventIsCutForTheClient) {
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  const auto stream = client();
  send(*stream, post("/v1/chat/completions", chat));
  read_until(*stream, "\"a\"}}]}\n\n");
  held.say("data: {\"cho", false);
  EXPECT_THAT(read_all(*stream), Not(HasSubstr("0\r\n\r\n")));
}

TEST_F(ProxyTest, AnEmptyAnswerIsNoSuccess) {
  scripts_["One"] = answers(200, "");
  const std::string answer = ask(post("/v1/chat/completions", chat_whole), "}}");
  EXPECT_EQ(net::status_of(answer), 502);
  EXPECT_THAT(answer, HasSubstr("\"code\":\"truncated\""));
}

TEST_F(ProxyTest, AGenerationThatMayHaveBegunIsNotSentAgainOverAnotherConnection) {
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    co_await std::move(reading);
    if (calls_["One"] > 1) co_return response.cut();  // the second comes over the kept connection
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"choices":[]})");
    co_await std::move(sending);
  };
  EXPECT_EQ(net::status_of(ask(post("/v1/chat/completions", chat_whole), "]}")), 200);
  EXPECT_EQ(net::status_of(ask(post("/v1/chat/completions", chat_whole), "}}")), 502);
  EXPECT_EQ(calls_["One"], 2);
}

TEST_F(ProxyTest, AProviderThatCannotBeConnectedToIs502) {
  refusals_ = 100;
  proxy_options_.header_grace = 10s;
  const std::string answer = ask(post("/v1/chat/completions", chat_whole), "}}");
  EXPECT_EQ(net::status_of(answer), 502);
  EXPECT_THAT(answer, HasSubstr("provider_unreachable"));
  EXPECT_EQ(refusals_, 100 - 1 - connect_retries_max);
}

TEST_F(ProxyTest, ARefusedConnectionIsTriedAgain) {
  refusals_ = 1;
  scripts_["One"] = answers(200, R"({"choices":[]})");
  EXPECT_EQ(net::status_of(ask(post("/v1/chat/completions", chat_whole), "]}")), 200);
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(ProxyTest, AJobsFirstRequestLocksWhatItChose) {
  scripts_["One"] = scripts_["Two"] = answers(200, R"({"choices":[]})");
  const std::string first = ask(post("/jobs/film/v1/chat/completions", chat_whole, "Holdfast-Provider: Two\r\n"), "]}");
  EXPECT_THAT(first, HasSubstr("Holdfast-Job: film\r\n"));
  EXPECT_THAT(first, HasSubstr("Holdfast-Lock-Epoch: 1\r\n"));
  ASSERT_TRUE(gateway_.provider_lock("film"));
  EXPECT_EQ(gateway_.provider_lock("film")->text(), "ProviderLock[Two (local_llm) for Job film, Stages: text, Active]");
  // From then on nobody has to say it.
  EXPECT_THAT(ask(post("/jobs/film/v1/chat/completions", chat_whole), "]}"), HasSubstr("Holdfast-Provider: Two"));
  const std::string refused =
      ask(post("/jobs/film/v1/chat/completions", chat_whole, "Holdfast-Provider: One\r\n"), "}}");
  EXPECT_EQ(net::status_of(refused), 409);
  EXPECT_THAT(refused, HasSubstr("x-should-retry: false"));
  EXPECT_THAT(refused, HasSubstr("\"code\":\"provider_locked\""));
  EXPECT_EQ(calls_["One"], 0);
}

TEST_F(ProxyTest, ChecksComeInTheirOrder) {
  scripts_["One"] = answers(200, R"({"choices":[]})");
  ask(post("/jobs/film/v1/chat/completions", chat_whole), "]}");
  const auto refusal = [&](const std::string& path, const std::string& provider) {
    return ask(post(path, chat_whole, "Holdfast-Provider: " + provider + "\r\n"), "}}");
  };
  EXPECT_THAT(refusal("/jobs/film/v1/chat/completions", "Nobody"), ContainsRegex("^HTTP/1.1 400.*"));
  EXPECT_EQ(net::status_of(refusal("/jobs/film/v1/chat/completions", "Claude")), 409);
  EXPECT_THAT(refusal("/v1/chat/completions", "Claude"), HasSubstr("does not speak openai"));
  EXPECT_EQ(net::status_of(refusal("/v1/chat/completions", "Claude")), 400);
}

TEST_F(ProxyTest, AListIsNoWorkOfAJobAndLocksNothing) {
  std::string target;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    target = request.target();
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"data":[]})");
    co_await std::move(sending);
  };
  EXPECT_EQ(net::status_of(ask("GET /jobs/film/v1/models?limit=2 HTTP/1.1\r\nHost: holdfast\r\n\r\n", "]}")), 200);
  EXPECT_EQ(target, "/v1/models?limit=2");
  EXPECT_FALSE(gateway_.job("film"));
}

TEST_F(ProxyTest, UnknownPathsPassAsBytesWhereTheProviderIsNamed) {
  std::string seen;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body body = co_await std::move(reading);
    seen = request.target() + " " + body.bytes;
    const net::Fields fields = {{"Content-Type", "text/plain"}};
    auto sending = response.send(200, fields, "tokens");
    co_await std::move(sending);
  };
  EXPECT_EQ(net::status_of(ask(post("/tokenize", "{}"), "}}")), 400);
  const std::string answer = ask(post("/tokenize", "not json", "Holdfast-Provider: One\r\n"), "tokens");
  EXPECT_EQ(net::status_of(answer), 200);
  EXPECT_EQ(seen, "/v1/tokenize not json");
}

TEST_F(ProxyTest, ARequestWithoutABodyGoesOutWithoutOne) {
  net::Fields seen;
  const Script answering = answers(200, "{}");
  scripts_["One"] = [&](net::Request& request, net::Response& response) {
    seen = request.fields();
    return answering(request, response);
  };
  for (const std::string method : {"GET", "DELETE", "OPTIONS", "POST", "PUT", "PATCH"}) {
    ask(method + " /v1/files/f-1 HTTP/1.1\r\nHost: holdfast\r\n\r\n", "{}");
    EXPECT_EQ(seen.count("Transfer-Encoding"), 0u) << method;
    EXPECT_EQ(seen.find("Content-Length").value_or("none"), method.starts_with("P") ? "0" : "none") << method;
  }
}

TEST_F(ProxyTest, AClientThatLeavesEndsTheProvidersCallInEveryPhase) {
  for (const bool streams : {false, true}) {
    Held& held = hold();
    scripts_["One"] = streams ? held.begins_with(delta("a")) : held.answers_late();
    {
      const auto stream = client();
      send(*stream, post("/v1/chat/completions", chat));
      loop_.until([&] { return held.waits(); }, "the provider to be asked");
      if (streams) read_until(*stream, "\"a\"}}]}\n\n");
      stream->close();
    }
    loop_.until([&] { return held.left(); }, "the provider's connection to be closed");
    loop_.until([&] { return gateway_.statistics().active_operations == 0; }, "the operation to end");
    loop_.until([&] { return server_->connections() == 0; }, "the session to end");
  }
}

TEST_F(ProxyTest, AClientThatHasLeftBeforeItsJobIsLockedOpensNoneAndHearsNo500) {
  const auto stream = client();
  loop_.run([&]() -> awaitable<void> {
    const std::string request = post("/jobs/film/v1/chat/completions", chat);
    auto writing = stream->write(request);
    co_await std::move(writing);
    auto shutting = stream->shutdown();  // half-closed: it would still read
    co_await std::move(shutting);
  });
  EXPECT_EQ(read_all(*stream), "");
  EXPECT_FALSE(gateway_.job("film"));
  EXPECT_EQ(calls_["One"], 0);
}

TEST_F(ProxyTest, AClientThatLeavesWhileItsRequestIsQueuedHasAskedNobody) {
  ProviderInfo one = info("One", {"openai"});
  one.concurrent_max = 1;
  gateway_.reload(TimeoutProfiles::parse(impatient, "impatient"), {one});
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  const auto first = client();
  send(*first, post("/v1/chat/completions", chat));
  loop_.until([&] { return held.waits(); }, "the first to be served");
  const auto second = client();
  send(*second, post("/v1/chat/completions", chat));
  EXPECT_THAT(read_until(*second, ": holdfast\n\n"), HasSubstr("Holdfast-Provider: One")) << "it is kept waiting";
  second->close();
  loop_.until([&] { return gateway_.operations().size() == 1; }, "the queued operation to end");
  held.say(chat_end, true);
  EXPECT_THAT(read_until(*first, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(ProxyTest, AClientThatSaidDetachMayLeave) {
  Held& held = hold();
  Held& other = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  scripts_["Two"] = other.begins_with(delta("a"));
  std::map<std::string, OperationPhase> outcomes;
  const auto ended = gateway_.on_operation_ended([&](const OperationEnded& news) {
    boost::asio::post(loop_.executor(), [&, news] { outcomes[news.provider_name] = news.outcome; });
  });
  for (const std::string fields : {"Holdfast-On-Disconnect: detach\r\n", "Holdfast-Provider: Two\r\n"}) {
    const auto stream = client();
    send(*stream, post("/v1/chat/completions", chat, fields));
    read_until(*stream, "\"a\"}}]}\n\n");
    stream->close();
  }
  // When the one behind it has been cancelled, it would have been, too.
  loop_.until([&] { return other.left() && outcomes.contains("Two"); }, "the other operation to end");
  held.say(delta("b") + chat_end, true);
  loop_.until([&] { return server_->connections() == 0; }, "the session to end");
  loop_.until([&] { return outcomes.contains("One"); }, "the operation's end to be told");
  EXPECT_FALSE(held.left());
  EXPECT_EQ(outcomes["One"], OperationPhase::completed);
}

TEST_F(ProxyTest, WhoIsNotAdmittedIsAnsweredInTheDialectsShape) {
  proxy_options_.access = std::make_shared<const net::CurrentAccess>(
      net::Access::make({.tokens = {{.name = "ana", .sha256 = net::sha256_of_token("hf_ours"), .scopes = {"proxy"}}},
                         .hosts = {"holdfast"}})
          .value());
  const std::string answer = ask(post("/v1/messages", chat_whole), "}}");
  EXPECT_EQ(net::status_of(answer), 401);
  EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_THAT(net::body_of(answer), StartsWith(R"({"type":"error")"));
  EXPECT_EQ(calls_["Claude"], 0);
  std::string key;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    key = request.fields().find("Authorization").value_or("none");
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"choices":[]})");
    co_await std::move(sending);
  };
  ask(post("/v1/chat/completions", chat_whole, "Authorization: Bearer hf_ours\r\n"), "]}");
  EXPECT_EQ(key, "none") << "no provider sees a token of ours";
}

TEST_F(ProxyTest, ABodyThatIsNoJsonIsRefusedBeforeAnybodyIsAsked) {
  const std::string answer = ask(post("/v1/chat/completions", R"({"model": "a", "model": "b"})"), "}}");
  EXPECT_EQ(net::status_of(answer), 400);
  EXPECT_THAT(answer, HasSubstr("model"));
  EXPECT_EQ(calls_["One"], 0);
}

TEST_F(ProxyTest, AModelIsRenamedAndEveryOtherByteStays) {
  std::string seen;
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body body = co_await std::move(reading);
    seen = body.bytes;
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"choices":[]})");
    co_await std::move(sending);
  };
  proxy_options_.providers[0].models = {{"small", "llama3.1:8b"}};
  ask(post("/v1/chat/completions", R"({ "model" : "small",  "x":1e2 })"), "]}");
  EXPECT_EQ(seen, R"({ "model" : "llama3.1:8b",  "x":1e2 })");
}

TEST_F(ProxyTest, AWholeAnswerIsStreamedByTheProviderWhereItsProgressCanBeHeardSo) {
  std::string seen;
  scripts_["Local"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body body = co_await std::move(reading);
    seen = body.bytes;
    const net::Fields fields = {{"Content-Type", "application/x-ndjson"}};
    const std::string lines =
        R"({"model":"m","created_at":"t","message":{"role":"assistant","content":"Hel"},"done":false})"
        "\n"
        R"({"model":"m","created_at":"u","message":{"role":"assistant","content":"lo"},"done":true,"done_reason":"stop"})"
        "\n";
    auto beginning = response.begin(200, fields, lines);
    co_await std::move(beginning);
    auto ending = response.end();
    co_await std::move(ending);
  };
  provider("Local", wire::Dialect::ollama);
  const std::string answer = ask(post("/api/chat", R"({"model":"m","messages":[],"stream":false})"), "Hello");
  EXPECT_EQ(seen, R"({"model":"m","messages":[],"stream":true})");
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
}

TEST_F(ProxyTest, AProviderThatRefusesToStreamIsAskedAsTheClientAsked) {
  std::vector<std::string> seen;
  const std::string whole = R"({"model":"m","message":{"role":"assistant","content":"Hello"},"done":true})";
  scripts_["Local"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body body = co_await std::move(reading);
    seen.push_back(body.bytes);
    const bool streams = body.bytes.find("true") != std::string::npos;
    const net::Fields fields = {{"Content-Type", "application/json"}};
    const std::string_view answer = streams ? std::string_view("{}") : whole;
    auto sending = response.send(streams ? 400 : 200, fields, answer);
    co_await std::move(sending);
  };
  provider("Local", wire::Dialect::ollama);
  const std::string asked = R"({"model":"m","messages":[],"stream":false})";
  EXPECT_EQ(net::body_of(ask(post("/api/chat", asked), "done\":true}")), whole);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[1], asked);
}

TEST_F(ProxyTest, WhenItEndedMetricsAreTold) {
  std::vector<RelayFacts> told;
  proxy_options_.ended = [&](const RelayFacts& facts) { told.push_back(facts); };
  Held& held = hold();
  scripts_["One"] = held.begins_with(delta("a"));
  held.say(delta("b") + chat_end, true);
  ask(post("/v1/chat/completions", chat), "0\r\n\r\n");
  loop_.until([&] { return !told.empty(); }, "the facts");
  EXPECT_EQ(told[0].provider_name, "One");
  EXPECT_TRUE(told[0].overhead && told[0].first_progress);
}

}  // namespace
}  // namespace holdfast::proxy
