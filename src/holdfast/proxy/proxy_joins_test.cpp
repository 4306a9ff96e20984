// A client that lost its connection asks again: its answer is given once more, and paid for once.

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "holdfast/proxy/proxy_driver.hpp"

namespace holdfast::proxy {
namespace {

using namespace std::chrono_literals;
using net::awaitable;
using testing::HasSubstr;
using testing::Not;

const std::string path = "/v1/chat/completions";

/// An SDK's n-th attempt. One that waits a second at the most has timed out whenever it leaves.
std::string attempt(int retry, const std::string& more = {}, const std::string& waits = "1") {
  return "x-stainless-retry-count: " + std::to_string(retry) + "\r\nx-stainless-timeout: " + waits + "\r\n" + more;
}

std::string operation_in(const std::string& answer) {
  const std::string field = "Holdfast-Operation: ";
  const std::size_t at = answer.find(field);
  return at == std::string::npos ? "" : answer.substr(at + field.size(), answer.find('\r', at) - at - field.size());
}

class JoinsTest : public ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    scripts_["One"] = held_one_.begins_with(delta("Hel"));
    ended_ = gateway_.on_operation_ended([this](const OperationEnded& news) {
      ++ends_;
      outcome_ = news.outcome;
    });
  }

  /// The first attempt, which leaves behind its first bytes.
  void time_out(const std::string& fields, const std::string& request_path = path, const std::string& body = chat) {
    const auto stream = client();
    send(*stream, post(request_path, body, fields));
    first_ = read_until(*stream, "\"Hel\"}}]}\n\n");
    stream->close();
    turn_the_loop();
  }

  /// So that what was posted has run.
  void turn_the_loop() {
    loop_.run([&]() -> awaitable<void> {
      for (int i = 0; i < 20; ++i) {
        auto turning = boost::asio::post(loop_.executor(), boost::asio::use_awaitable);
        co_await std::move(turning);
      }
    });
  }

  std::unique_ptr<net::Stream> again(const std::string& fields, const std::string& request_path = path,
                                     const std::string& body = chat) {
    auto stream = client();
    send(*stream, post(request_path, body, fields));
    return stream;
  }

  void wait_for_end(OperationPhase expected) {
    loop_.until([&] { return ends_ > 0; }, "the operation's end to be told");
    EXPECT_EQ(outcome_.load(), expected);
  }

  Held& held_one_ = hold();
  std::string first_;
  std::atomic<int> ends_ = 0;
  std::atomic<OperationPhase> outcome_{OperationPhase::running};
  Subscription ended_;
};

TEST_F(JoinsTest, ARetryBehindATimeoutGetsWhatTheOperationProducedAndProduces) {
  time_out(attempt(0));
  const auto stream = again(attempt(1));
  const std::string begun = read_until(*stream, "\"Hel\"}}]}\n\n");
  EXPECT_EQ(operation_in(begun), operation_in(first_));
  EXPECT_THAT(read_until(*stream, ": holdfast\n\n"), Not(HasSubstr("data:"))) << "it is kept waiting as any client";
  held_one_.say(delta("lo") + chat_end, true);
  const std::string rest = read_until(*stream, "0\r\n\r\n");
  EXPECT_THAT(rest, HasSubstr("\"lo\""));
  EXPECT_THAT(rest, HasSubstr("[DONE]"));
  wait_for_end(OperationPhase::completed);
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(JoinsTest, ARetryThatComesWhenTheAnswerIsThereGetsItOnce) {
  time_out(attempt(0));
  held_one_.say(delta("lo") + chat_end, true);
  loop_.until([&] { return server_->connections() == 0; }, "the session to end");
  const auto stream = again(attempt(1));
  const std::string answer = read_until(*stream, "0\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("\"Hel\""));
  EXPECT_THAT(answer, HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], 1);
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(2)), "{}");
  EXPECT_EQ(calls_["One"], 2) << "it has been told, and is not kept";
}

TEST_F(JoinsTest, AClientThatLeavesBeforeItsTimeEndsTheOperationAndItsRetryIsANewOne) {
  time_out(attempt(0, "", "600"));
  loop_.until([&] { return held_one_.left(); }, "the provider's connection to be closed");
  wait_for_end(OperationPhase::cancelled);
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(1, "", "600")), "{}");
  EXPECT_EQ(calls_["One"], 2);
}

TEST_F(JoinsTest, OneThatSaysNothingAboutItsPatienceHasTimedOutOnlyLate) {
  const std::string sdk = "x-stainless-retry-count: 0\r\n";
  proxy_options_.likely_timeout = 10min;
  time_out(sdk);
  loop_.until([&] { return held_one_.left(); }, "the provider's connection to be closed");
  Held& second = hold();
  scripts_["One"] = second.begins_with(delta("Hel"));
  auto late = std::make_shared<ProxyOptions>(proxy_options_);
  late->likely_timeout = 0s;
  proxy_->reload(std::move(late));
  time_out(sdk);
  const auto stream = again("x-stainless-retry-count: 1\r\n");
  second.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("\"Hel\""));
  EXPECT_EQ(calls_["One"], 2);
}

TEST_F(JoinsTest, WhereNobodyComesBackTheOperationIsCancelled) {
  proxy_options_.client_return = 50ms;
  time_out(attempt(0));
  EXPECT_FALSE(held_one_.left()) << "it goes on without its client";
  loop_.until([&] { return held_one_.left(); }, "the provider's connection to be closed");
  wait_for_end(OperationPhase::cancelled);
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(1)), "{}");
  EXPECT_EQ(calls_["One"], 2);
}

TEST_F(JoinsTest, AClientThatCameBackIsWaitedForAsAnyOther) {
  proxy_options_.client_return = 50ms;
  time_out(attempt(0));
  const auto stream = again(attempt(1));
  read_until(*stream, "\"Hel\"}}]}\n\n");
  for (int i = 0; i < 5; ++i)
    read_until(*stream, ": holdfast\n\n");  // one each 30 ms: it is longer than the operation would wait for nobody
  held_one_.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(JoinsTest, ItMayTimeOutAgainAndComeBackAgain) {
  time_out(attempt(0));
  {
    const auto stream = again(attempt(1));
    read_until(*stream, "\"Hel\"}}]}\n\n");
    stream->close();
    turn_the_loop();
  }
  const auto stream = again(attempt(2));
  read_until(*stream, "\"Hel\"}}]}\n\n");
  held_one_.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(JoinsTest, OneThatCameBackAndLeavesBeforeItsTimeEndsTheOperation) {
  time_out(attempt(0));
  const auto stream = again(attempt(1, "", "600"));
  read_until(*stream, "\"Hel\"}}]}\n\n");
  stream->close();
  loop_.until([&] { return held_one_.left(); }, "the provider's connection to be closed");
  wait_for_end(OperationPhase::cancelled);
}

TEST_F(JoinsTest, TwoLiveRequestsWithOneBodyAreTwoGenerations) {
  const auto one = client();
  send(*one, post(path, chat, attempt(0)));
  read_until(*one, "\"Hel\"}}]}\n\n");
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(1)), "{}");
  EXPECT_EQ(calls_["One"], 2);
  held_one_.say(chat_end, true);
  EXPECT_THAT(read_until(*one, "0\r\n\r\n"), HasSubstr("[DONE]"));
}

TEST_F(JoinsTest, OnlyTheSameRequestOfTheSameClientJoins) {
  time_out(attempt(0, "Authorization: Bearer mine\r\n"), "/jobs/film/stages/script" + path);
  scripts_["One"] = answers(200, "{}");
  const std::string mine = "Authorization: Bearer mine\r\n", at = "/jobs/film/stages/script" + path;
  const std::string other_chat = R"({"model": "small", "messages": [], "stream": true})";
  int calls = 1;
  const auto is_new = [&](const char* what, const std::string& fields, const std::string& where,
                          const std::string& body) {
    read_until(*again(fields, where, body), "{}");
    EXPECT_EQ(calls_["One"], ++calls) << what;
  };
  is_new("another client", attempt(1, "Authorization: Bearer other\r\n"), at, chat);
  is_new("a client without a key", attempt(1), at, chat);
  is_new("another body", attempt(1, mine), at, other_chat);
  is_new("another stage", attempt(1, mine), "/jobs/film/stages/outline" + path, chat);
  is_new("another job", attempt(1, mine), "/jobs/other/stages/script" + path, chat);
  is_new("no job", attempt(1, mine), path, chat);
  is_new("no retry", attempt(0, mine), at, chat);
  const auto stream = again(attempt(1, mine), at);
  held_one_.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], calls) << "the same request of the same client";
}

TEST_F(JoinsTest, AnErrorThatOnlyACutCouldTellReachesTheRetryWithItsStatusAndItsBody) {
  const std::string busy = R"({"error":{"message":"too much","type":"tokens","code":"rate_limit_exceeded"}})";
  net::Signal go(loop_.executor());
  scripts_["One"] = [&](net::Request& request, net::Response& response) -> awaitable<void> {
    auto reading = request.read_body(1 << 20);
    co_await std::move(reading);
    auto waiting = go.wait();
    co_await std::move(waiting);
    const net::Fields fields = {{"Content-Type", "application/json"}, {"retry-after", "7"}};
    auto sending = response.send(429, fields, busy);
    co_await std::move(sending);
  };
  const auto first = again(attempt(0, "", "600"), path, chat_whole);
  EXPECT_THAT(read_until(*first, " \r\n"), HasSubstr("HTTP/1.1 200 OK")) << "it is kept waiting with blanks";
  go.notify();
  EXPECT_THAT(read_all(*first), Not(HasSubstr("0\r\n\r\n"))) << "a cut";
  const std::string told = read_until(*again(attempt(1, "", "600"), path, chat_whole), "}}");
  EXPECT_EQ(net::status_of(told), 429);
  EXPECT_EQ(net::body_of(told), busy);
  EXPECT_THAT(told, HasSubstr("retry-after: 7"));
  EXPECT_EQ(calls_["One"], 1);
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(2, "", "600"), path, chat_whole), "{}");
  EXPECT_EQ(calls_["One"], 2) << "the error was told: what follows is a new attempt";
}

TEST_F(JoinsTest, AnOutcomeIsKeptOnlySoLong) {
  proxy_options_.outcome_kept = 0ms;
  time_out(attempt(0));
  held_one_.say(chat_end, true);
  loop_.until([&] { return server_->connections() == 0; }, "the session to end");
  scripts_["One"] = answers(200, "{}");
  read_until(*again(attempt(1)), "{}");
  EXPECT_EQ(calls_["One"], 2);
}

TEST_F(JoinsTest, WhoSaidDetachFindsItsAnswerTooAndIsNotMissed) {
  const std::string detach = "Holdfast-On-Disconnect: detach\r\n";
  proxy_options_.client_return = 0ms;
  time_out(attempt(0, detach, "600"));
  turn_the_loop();
  EXPECT_FALSE(held_one_.left());
  const auto stream = again(attempt(1, detach, "600"));
  read_until(*stream, "\"Hel\"}}]}\n\n");
  held_one_.say(chat_end, true);
  EXPECT_THAT(read_until(*stream, "0\r\n\r\n"), HasSubstr("[DONE]"));
  EXPECT_EQ(calls_["One"], 1);
}

TEST_F(JoinsTest, ASwitchWhileNobodyIsThereIsServedToWhoComesBack) {
  Held& silent = hold();
  scripts_["One"] = silent.answers_late();
  scripts_["Two"] = answers(200, R"({"from":"Two"})");
  {
    const auto first = again(attempt(0), "/jobs/film" + path, chat_whole);
    loop_.until([&] { return silent.waits(); }, "the provider to be asked");
    first->close();
    turn_the_loop();
  }
  Answer answer{.operation_id = open_operation(), .ask = 1, .option = "try_alternative", .provider = "Two"};
  answer.confirmed = true;
  EXPECT_TRUE(gateway_.answer(answer).applied);
  const std::string told = read_until(*again(attempt(1), "/jobs/film" + path, chat_whole), "\"Two\"}");
  EXPECT_THAT(told, HasSubstr("Holdfast-Provider: Two"));
  EXPECT_EQ(calls_["One"], 1);
  EXPECT_EQ(calls_["Two"], 1);
}

TEST_F(JoinsTest, WhenTheServerStopsWhoeverFollowsHearsIt) {
  time_out(attempt(0));
  const auto stream = again(attempt(1));
  read_until(*stream, "\"Hel\"}}]}\n\n");
  stop(0ms);
  EXPECT_THAT(read_all(*stream), Not(HasSubstr("[DONE]")));
}

Repeated request_of(std::string credential) {
  return {.credential = std::move(credential), .body = std::make_shared<const std::string>("{}")};
}

TEST(Joins, WhatIsTooLongIsGivenUpAndItsRoomIsFreeAgain) {
  Joins joins;
  const auto last = net::never;
  const std::string piece(recording_bytes_max / 2, 'x');
  {
    const auto longest = joins.record(request_of("a"));
    longest->begin({});
    longest->add(piece);
    longest->add(piece);
    ASSERT_TRUE(joins.offer(longest, last));
    longest->add("x");
    EXPECT_TRUE(longest->read(0, false).lost);
    EXPECT_EQ(joins.take(request_of("a")), nullptr);
    EXPECT_TRUE(joins.withdraw(*longest));
    EXPECT_FALSE(joins.offer(longest, last));
  }
  std::vector<std::shared_ptr<Recording>> all;
  for (std::size_t bytes = 0; bytes < recordings_bytes_max; bytes += piece.size()) {
    all.push_back(joins.record(request_of("b")));
    all.back()->add(piece);
    EXPECT_TRUE(all.back()->is_complete());
  }
  const auto beyond = joins.record(request_of("c"));
  beyond->add("x");
  EXPECT_FALSE(beyond->is_complete()) << "more than all together may have";
  all.pop_back();
  const auto next = joins.record(request_of("d"));
  next->add("x");
  EXPECT_TRUE(next->is_complete());
}

TEST(Joins, AnAnswerIsReadOnAnotherThreadWhileItIsWritten) {
  Joins joins;
  const auto written = joins.record(request_of("a"));
  ASSERT_TRUE(joins.offer(written, net::never));
  const std::shared_ptr<Recording> read = joins.take(request_of("a"));
  ASSERT_EQ(read, written);
  EXPECT_EQ(joins.take(request_of("a")), nullptr) << "it has its reader";
  std::atomic<int> told = 0;
  read->on_news([&] { ++told; });
  std::thread writer([&] {
    written->begin({});
    for (int i = 0; i < 1000; ++i)
      written->add("ab");
    written->end();
  });
  std::string all;
  bool ended = false;
  while (!ended) {
    const Recording::News news = read->read(all.size(), true);
    all += news.bytes;
    ended = news.ended;
  }
  writer.join();
  all += read->read(all.size(), true).bytes;
  EXPECT_EQ(all.size(), 2000u);
  EXPECT_EQ(told.load(), 1002);
}

}  // namespace
}  // namespace holdfast::proxy
