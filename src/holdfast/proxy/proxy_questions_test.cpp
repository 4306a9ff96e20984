#include "holdfast/proxy/proxy_driver.hpp"

/// A stall while a client waits, and what each answer means for it.
namespace holdfast::proxy {
namespace {

using net::awaitable;
using testing::HasSubstr;
using testing::Not;

AnswerResult answer(Gateway& gateway, const std::string& operation, const std::string& option,
                    const std::string& provider = {}) {
  return gateway.answer({.operation_id = operation, .option = option, .provider = provider, .confirmed = true});
}

class StallTest : public ProxyTest {
 protected:
  /// A client whose provider has begun and says nothing more.
  void stall(const std::string& first, const std::string& path = "/v1/chat/completions",
             const std::string& fields = {}) {
    script_ = &hold();
    scripts_["One"] = first.empty() ? script_->answers_late() : script_->begins_with(first);
    stream_ = client();
    send(*stream_, post(path, chat, fields));
  }

  Held* script_ = nullptr;
  std::unique_ptr<net::Stream> stream_;
};

TEST_F(StallTest, ContinuingKeepsTheClientWaitingAndTheAnswerCompletes) {
  stall(delta("a"));
  const std::string operation = open_operation();
  EXPECT_TRUE(answer(gateway_, operation, "continue_30s").applied);
  script_->say(delta("b") + chat_end, true);
  const std::string all = read_until(*stream_, "0\r\n\r\n");
  EXPECT_THAT(all, HasSubstr(": holdfast\n\n"));
  EXPECT_THAT(all, HasSubstr("[DONE]"));
}

TEST_F(StallTest, WaitingUntilItIsDoneAsksNoMore) {
  stall(delta("a"));
  EXPECT_TRUE(answer(gateway_, open_operation(), "wait_until_done").applied);
  script_->say(delta("b") + chat_end, true);
  EXPECT_THAT(read_until(*stream_, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_TRUE(gateway_.open_questions().empty());
}

TEST_F(StallTest, ProgressWithdrawsTheQuestion) {
  stall(delta("a"));
  const std::string operation = open_operation();
  script_->say(delta("b") + chat_end, true);
  read_until(*stream_, "0\r\n\r\n");
  EXPECT_EQ(answer(gateway_, operation, "cancel_job").refused, Errc::stale_answer);
}

TEST_F(StallTest, CancellingEndsTheStreamWithAnErrorAndTheProvidersCall) {
  stall(delta("a"));
  EXPECT_TRUE(answer(gateway_, open_operation(), "cancel_job").applied);
  EXPECT_THAT(read_until(*stream_, "0\r\n\r\n"), HasSubstr("\"code\":\"cancelled\""));
  loop_.until([&] { return script_->left(); }, "the provider's connection to be closed");
}

TEST_F(StallTest, ASwitchBeforeTheFirstByteIsServedByTheNewProvider) {
  std::string seen;
  scripts_["Two"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    const net::Body body = co_await std::move(reading);
    seen = body.bytes;
    const net::Fields fields = {{"Content-Type", "text/event-stream"}};
    const std::string all = delta("from Two") + chat_end;
    auto beginning = response.begin(200, fields, all);
    co_await std::move(beginning);
    auto ending = response.end();
    co_await std::move(ending);
  };
  stall("", "/jobs/film/v1/chat/completions");
  EXPECT_TRUE(answer(gateway_, open_operation(), "try_alternative", "Two").applied);
  const std::string all = read_until(*stream_, "0\r\n\r\n");
  EXPECT_THAT(all, HasSubstr("from Two"));
  EXPECT_EQ(net::occurrences(all, "HTTP/1.1"), 1u);
  EXPECT_EQ(seen, chat);
  loop_.until([&] { return script_->left(); }, "the old provider's connection to be closed");
  ASSERT_EQ(gateway_.fallback_history("film").size(), 1u);
  EXPECT_EQ(gateway_.provider_lock("film")->provider_name, "Two");
}

TEST_F(StallTest, AClientsOwnKeyDoesNotFollowASwitch) {
  std::string key = "not asked";
  const Script answering = answers(200, R"({"choices":[]})");
  scripts_["Two"] = [&](net::Request& request, net::Response& response) {
    key = request.fields().find("Authorization").value_or("none");
    return answering(request, response);
  };
  stall("", "/jobs/film/v1/chat/completions", "Authorization: Bearer for-One\r\n");
  EXPECT_TRUE(answer(gateway_, open_operation(), "try_alternative", "Two").applied);
  loop_.until([&] { return key != "not asked"; }, "the new provider to be asked");
  EXPECT_EQ(key, "none");
}

TEST_F(StallTest, AClientsOwnKeyComesBackWithTheProviderThatItWasMeantFor) {
  std::vector<std::string> keys;
  Held& second = hold();
  const Script answering = answers(200, R"({"choices":[]})");
  stall("", "/jobs/film/v1/chat/completions", "Authorization: Bearer for-One\r\n");
  loop_.until([&] { return script_->waits(); }, "the first provider to be asked");
  for (const std::string name : {"One", "Two"}) {
    scripts_[name] = [&, then = name == "Two" ? second.answers_late() : answering](net::Request& request,
                                                                                   net::Response& response) {
      keys.emplace_back(request.fields().find("Authorization").value_or("none"));
      return then(request, response);
    };
  }
  const auto to = [&](const std::string& name) {
    gateway_.switch_provider({.job_id = "film", .to_provider = name, .to_type = "local_llm", .confirmed = true});
  };
  to("Two");
  loop_.until([&] { return second.waits(); }, "the second provider to be asked");
  to("One");
  loop_.until([&] { return keys.size() == 2; }, "the first provider to be asked again");
  EXPECT_EQ(keys, (std::vector<std::string>{"none", "Bearer for-One"}));
}

TEST_F(StallTest, AProviderThatWasConfiguredWhileTheClientWaitedServesItAfterASwitch) {
  stall("", "/jobs/film/v1/chat/completions");
  loop_.until([&] { return script_->waits(); }, "the first provider to be asked");
  scripts_["New"] = hold().begins_with(delta("from New"));
  provider("New", wire::Dialect::openai);
  gateway_.reload(TimeoutProfiles::parse(impatient, "impatient"), {info("One", {"openai"}), info("New", {"openai"})});
  proxy_->reload(std::make_shared<ProxyOptions>(proxy_options_));
  gateway_.switch_provider({.job_id = "film", .to_provider = "New", .to_type = "local_llm", .confirmed = true});
  EXPECT_THAT(read_until(*stream_, "from New"), HasSubstr("from New"));
}

TEST_F(StallTest, TheNextRequestOfASwitchedJobIsMeantForTheOldProviderToo) {
  proxy_options_.providers[1].models = {{"default", "large"}};
  std::string key, body;
  scripts_["Two"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    key = request.fields().find("Authorization").value_or("none");
    auto reading = request.read_body(1 << 20);
    const net::Body read = co_await std::move(reading);
    body = read.bytes;
    const net::Fields fields = {{"Content-Type", "application/json"}};
    auto sending = response.send(200, fields, R"({"choices":[]})");
    co_await std::move(sending);
  };
  scripts_["One"] = answers(200, R"({"choices":[]})");
  const auto asks = [&](const std::string& fields) {
    ask(post("/jobs/film/v1/chat/completions", chat_whole, "Authorization: Bearer mine\r\n" + fields), "]}");
  };
  asks("");
  gateway_.switch_provider({.job_id = "film", .to_provider = "Two", .to_type = "local_llm", .confirmed = true});
  asks("");
  EXPECT_THAT(body, HasSubstr(R"("model": "large")"));
  EXPECT_EQ(key, "none");
  asks("Holdfast-Provider: Two\r\n");
  EXPECT_EQ(body, chat_whole) << "who names the provider means it";
  EXPECT_EQ(key, "Bearer mine");
}

TEST_F(StallTest, AnAnonymousRequestThatIsSwitchedBecomesAJob) {
  scripts_["Two"] = answers(200, R"({"choices":[]})");
  script_ = &hold();
  scripts_["One"] = script_->answers_late();
  stream_ = client();
  send(*stream_, post("/v1/chat/completions", chat_whole));
  const std::string operation = open_operation();
  EXPECT_TRUE(answer(gateway_, operation, "try_alternative", "Two").applied);
  EXPECT_THAT(read_until(*stream_, "]}"), HasSubstr(R"({"choices":[]})"));
  EXPECT_EQ(gateway_.fallback_history(operation).size(), 1u);
}

TEST_F(StallTest, OutputOfTwoProvidersNeverMeetsInOneStream) {
  scripts_["Two"] = answers(200, R"({"choices":[]})");
  stall(delta("from One"), "/jobs/film/v1/chat/completions");
  EXPECT_TRUE(answer(gateway_, open_operation(), "try_alternative", "Two").applied);
  const std::string all = read_until(*stream_, "0\r\n\r\n");
  EXPECT_THAT(all, HasSubstr("from One"));
  EXPECT_THAT(all, HasSubstr("\"code\":\"switched\""));
  EXPECT_EQ(calls_["Two"], 0);
  EXPECT_THAT(ask(post("/jobs/film/v1/chat/completions", chat_whole), "]}"), HasSubstr("Holdfast-Provider: Two"));
}

TEST_F(StallTest, WhatTheClientSaidInAdvanceIsItsAnswer) {
  stall("", "/jobs/film/v1/chat/completions", "Holdfast-On-Stall: cancel\r\n");
  EXPECT_THAT(read_until(*stream_, "\"code\":\"cancelled\""), HasSubstr("cancelled"));
  // A cancel stops first and is recorded then.
  const auto is_answer = [](const AuditRecord& each) { return each.kind == "question.answered"; };
  loop_.until([&] { return std::ranges::any_of(gateway_.audit("film"), is_answer); }, "the answer to be recorded");
}

TEST_F(StallTest, WaitInAdvanceAsksNobody) {
  std::atomic<bool> answered{false};  // told on the gateway's notice thread
  const auto heard = gateway_.on_stall_resolved([&](const StallResolved& news) { answered = news.by == "answer"; });
  stall("", "/v1/chat/completions", "Holdfast-On-Stall: wait\r\n");
  loop_.until([&] { return answered.load(); }, "the answer that was given in advance");
  script_->say(delta("b") + chat_end, true);
  EXPECT_THAT(read_until(*stream_, "0\r\n\r\n"), HasSubstr("[DONE]"));
}

}  // namespace
}  // namespace holdfast::proxy
