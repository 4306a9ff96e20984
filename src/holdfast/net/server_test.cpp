#include "holdfast/net/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "holdfast/net/net_driver.hpp"

namespace holdfast::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(ServerTest, TellsTheHandlerWhatWasAsked) {
  start([](Request& request, Response& response) -> awaitable<void> {
    const Query query = request.query().value();
    std::string text = request.method() + "|" + request.path() + "|" + request.query_text() + "|";
    text += std::string(query.find("q").value_or("-")) + "|" + request.segments().at(1) + "|";
    text += std::string(request.fields().find("x-y").value_or("-")) + "|" + request.peer().text;
    const Fields fields = {{"Content-Type", "text/plain"}, {"Transfer-Encoding", "gzip"}, {"Connection", "upgrade"}};
    auto sending = response.send(201, fields, text);
    co_await std::move(sending);
  });
  const std::string answer =
      exchange("GET /a/b%20c?q=x+y HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n", {.read_bytes_max = 1});
  EXPECT_EQ(status_of(answer), 201);
  EXPECT_EQ(body_of(answer), "GET|/a/b%20c|q=x+y|x y|b c|z|memory");
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nDate: "));
  EXPECT_THAT(answer, Not(HasSubstr("gzip")));
  EXPECT_THAT(answer, Not(HasSubstr("upgrade")));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInTheirOrder) {
  std::string requests, expected;
  for (int i = 0; i < 50; ++i) {
    const std::string body(static_cast<std::size_t>(i), 'x');
    const std::string target = "/" + std::to_string(i);
    requests += "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(i) + "\r\n\r\n" + body;
    expected += "POST " + target + " " + body + ";";
  }
  for (const std::size_t at_once : {1, 7, 65536}) {
    const std::string answer = exchange(requests, {.read_bytes_max = at_once});
    std::string bodies;
    for (std::size_t at = answer.find("\r\n\r\n"); at != std::string::npos; at = answer.find("\r\n\r\n", at + 4)) {
      bodies += answer.substr(at + 4, answer.find("HTTP/1.1", at) - at - 4) + ";";
    }
    EXPECT_EQ(bodies, expected);
  }
}

TEST_F(ServerTest, KeepsAConnectionUntilItIsToldToClose) {
  const auto stream = connection();
  for (int i = 0; i < 3; ++i) {
    send(*stream, get);
    EXPECT_THAT(read_until(*stream, "GET / "), Not(HasSubstr("Connection: close")));
  }
  send(*stream, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n");
  EXPECT_THAT(read_all(*stream), HasSubstr("Connection: close\r\n"));

  EXPECT_THAT(exchange("GET / HTTP/1.0\r\n\r\n" + get), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(occurrences(exchange("GET / HTTP/1.0\r\n\r\n" + get), "HTTP/1.1 200"), 1u);
}

TEST_F(ServerTest, StreamsInChunksAndToOldClientsUntilTheEnd) {
  start([](Request&, Response& response) -> awaitable<void> {
    auto beginning = response.begin(200, Fields(), "first");
    co_await std::move(beginning);
    auto writing = response.write("");
    co_await std::move(writing);
    auto writing_more = response.write("second, longer");
    co_await std::move(writing_more);
    auto ending = response.end();
    co_await std::move(ending);
    EXPECT_TRUE(response.ended());
    auto late = response.write("late");
    const error_code error = co_await std::move(late);
    EXPECT_EQ(error, Fault::misused);
  });
  EXPECT_EQ(body_of(exchange(get)), "5\r\nfirst\r\ne\r\nsecond, longer\r\n0\r\n\r\n");
  const std::string old = exchange("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(old), "firstsecond, longer");
  EXPECT_THAT(old, Not(HasSubstr("chunked")));
  const std::string head = exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_EQ(body_of(head), "");
}

TEST_F(ServerTest, HeadGetsTheLengthWithoutTheBodyAndTheNextRequestItsAnswer) {
  const std::string answer = exchange("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("HEAD /x")));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_F(ServerTest, NobodyIsUpgradedToAnotherProtocol) {
  const std::string web_socket =
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n";
  const std::string http_2 =
      "GET /h2c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n";
  const std::string answer = exchange(web_socket + http_2 + get);
  EXPECT_EQ(occurrences(answer, "HTTP/1.1 200 OK"), 3u) << "answered as if it had not been asked for";
  EXPECT_THAT(answer, HasSubstr("GET /ws "));
  EXPECT_THAT(answer, HasSubstr("GET /h2c "));
  EXPECT_EQ(status_of(exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), 505);
}

TEST_F(ServerTest, AStatusWithoutABodyHasNone) {
  start([](Request&, Response& response) -> awaitable<void> {
    auto sending = response.send(204, Fields(), "");
    co_await std::move(sending);
  });
  const std::string answer = exchange(get + get);
  EXPECT_EQ(occurrences(answer, "HTTP/1.1 204 No Content\r\n"), 2u);
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
}

TEST_F(ServerTest, ADeclaredLengthIsKeptOrTheConnectionIsCut) {
  start([](Request& request, Response& response) -> awaitable<void> {
    const Fields fields = {{"Content-Length", "6"}};
    auto beginning = response.begin(200, fields, "abc");
    co_await std::move(beginning);
    auto too_much = response.write("defg");
    const error_code error = co_await std::move(too_much);
    EXPECT_EQ(error, Fault::misused);
    if (request.path() == "/whole") {
      auto writing = response.write("def");
      co_await std::move(writing);
    }
    auto ending = response.end();
    const error_code ended = co_await std::move(ending);
    EXPECT_EQ(ended == Fault::misused, request.path() != "/whole");
  });
  EXPECT_EQ(body_of(exchange("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n")), "abcdef");
  EXPECT_EQ(body_of(exchange(get + get)), "abc") << "cut: no second answer may follow";
}

TEST_F(ServerTest, AHandlerThatThrowsIsAnsweredFor) {
  start([](Request& request, Response& response) -> awaitable<void> {
    if (request.path() == "/begun") {
      auto beginning = response.begin(200, Fields(), "part");
      co_await std::move(beginning);
    }
    if (request.path() != "/silent") throw std::runtime_error("a secret");
  });
  const std::string answer = exchange(get + get);
  EXPECT_EQ(occurrences(answer, "HTTP/1.1 500 Internal Server Error"), 2u) << "the connection is in order";
  EXPECT_THAT(answer, Not(HasSubstr("secret")));
  const auto silent = connection();
  send(*silent, "GET /silent HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(read_until(*silent, "Error\n")), 500);
  EXPECT_EQ(body_of(exchange("GET /begun HTTP/1.1\r\nHost: a\r\n\r\n" + get)), "4\r\npart\r\n") << "no end mark";
}

TEST_F(ServerTest, AnAnswerThatCannotBeWrittenDownIsAFaultOfOurs) {
  start([](Request&, Response& response) -> awaitable<void> {
    const Fields fields = {{"X", "a\r\nSet-Cookie: b"}};
    auto sending = response.send(200, fields, "");
    const error_code error = co_await std::move(sending);
    EXPECT_EQ(error, Fault::malformed);
  });
  const auto stream = connection();
  send(*stream, get);
  const std::string answer = read_until(*stream, "Error\n");
  EXPECT_EQ(status_of(answer), 500);
  EXPECT_THAT(answer, Not(HasSubstr("Cookie")));
}

TEST_F(ServerTest, ABodyBeyondItsLimitIs413EvenBeforeItComes) {
  start([](Request& request, Response& response) -> awaitable<void> {
    auto reading = request.read_body(10);
    const Body body = co_await std::move(reading);
    if (body.error) co_return;
    auto sending = response.send(200, Fields(), body.bytes);
    co_await std::move(sending);
  });
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(body_of(exchange(post + "Content-Length: 10\r\n\r\n0123456789")), "0123456789");
  EXPECT_EQ(status_of(exchange(post + "Content-Length: 11\r\n\r\n0123456789a" + get)), 413);
  EXPECT_EQ(status_of(exchange(post + "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n")), 413);
  const auto stream = connection();
  send(*stream, post + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = read_all(*stream);
  EXPECT_EQ(status_of(answer), 413) << "and not 100";
  EXPECT_EQ(occurrences(answer, "HTTP/1.1"), 1u);
}

TEST_F(ServerTest, AClientThatWaitsForContinueIsToldWhenTheBodyIsWanted) {
  const auto stream = connection();
  send(*stream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(read_until(*stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  send(*stream, "abc");
  EXPECT_THAT(read_until(*stream, "abc"), HasSubstr("HTTP/1.1 200 OK"));
  send(*stream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_THAT(read_until(*stream, "abc"), Not(HasSubstr("100 Continue"))) << "it did not wait";
}

TEST_F(ServerTest, ABodyThatNobodyReadsDoesNotBecomeTheNextRequest) {
  start([](Request&, Response& response) -> awaitable<void> {
    auto sending = response.send(200, Fields(), "");
    co_await std::move(sending);
  });
  const std::string smuggled = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(smuggled.size());
  EXPECT_EQ(occurrences(exchange(post + "\r\n\r\n" + smuggled + get), "HTTP/1.1 200"), 2u);
  // One that does not come at all is not waited for.
  const auto stream = connection();
  send(*stream, post + "\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(read_all(*stream), HasSubstr("Connection: close"));
  // Nor is a large one read for nothing.
  const std::string large(drain_bytes_max + 1, 'x');
  EXPECT_THAT(
      exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n" + large,
               {.held_bytes_max = 1024 * 1024}),
      HasSubstr("Connection: close"));
}

TEST_F(ServerTest, AHeadThatDoesNotComeToAnEndIsNotWaitedFor) {
  options_.head_time = 20ms;
  const auto silent = connection();
  EXPECT_EQ(read_all(*silent), "") << "there is nothing to answer";
  const auto slow = connection();
  send(*slow, "GET / HTT");
  EXPECT_EQ(status_of(read_all(*slow)), 408);
  const auto idle = connection();
  send(*idle, get);
  read_until(*idle, "GET / ");
  send(*idle, "G");
  EXPECT_EQ(status_of(read_all(*idle)), 408) << "a second head has its time too";
}

TEST_F(ServerTest, AnIdleConnectionIsClosedWithoutAWord) {
  options_.idle_time = 20ms;
  const auto stream = connection();
  send(*stream, get);
  EXPECT_EQ(body_of(read_all(*stream)), "GET / ");
}

TEST_F(ServerTest, ABodyThatStopsComingIs408AndOneThatEndsEarlyIsCut) {
  options_.body_idle_time = 20ms;
  const std::string begun = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n012";
  const auto stream = connection();
  send(*stream, begun);
  EXPECT_EQ(status_of(read_all(*stream)), 408);
  error_code seen;
  start([&seen](Request& request, Response&) -> awaitable<void> {
    auto reading = request.read_body(100);
    const Body body = co_await std::move(reading);
    seen = body.error;
  });
  exchange(begun);
  EXPECT_EQ(seen, Fault::truncated);
}

TEST_F(ServerTest, AClientThatTakesNothingIsGivenUp) {
  options_.write_time = 20ms;
  error_code seen;
  start([&seen](Request&, Response& response) -> awaitable<void> {
    const std::string large(1024 * 1024, 'x');
    auto sending = response.send(200, Fields(), large);
    seen = co_await std::move(sending);
  });
  const auto stream = connection({.held_bytes_max = 1024});
  send(*stream, get);
  loop_.until([&] { return server_->connections() == 0; }, "the connection to be given up");
  EXPECT_EQ(seen, Fault::timed_out);
}

TEST_F(ServerTest, LargeBodiesGoBothWaysThroughSmallPipes) {
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i)
    body[i] = static_cast<char>('a' + i % 23);
  std::size_t held_most = 0;
  start([&](Request& request, Response& response) -> awaitable<void> {
    auto beginning = response.begin(200, Fields());
    co_await std::move(beginning);
    for (;;) {
      auto reading = request.read_some();
      const Piece piece = co_await std::move(reading);
      EXPECT_FALSE(piece.error);
      if (piece.error || piece.is_end()) break;
      held_most = std::max(held_most, piece.bytes.size());
      auto writing = response.write(piece.bytes);
      co_await std::move(writing);
    }
    auto ending = response.end();
    co_await std::move(ending);
  });
  Client client(connection({.held_bytes_max = 5000}));
  std::string answer;
  bool sent = false;
  loop_.spawn([&]() -> awaitable<void> {
    RequestHead head{.method = "POST"};
    auto beginning = client.begin(std::move(head));
    co_await std::move(beginning);
    for (std::size_t at = 0; at < body.size(); at += 70'001) {
      auto writing = client.write(std::string_view(body).substr(at, 70'001));
      const error_code error = co_await std::move(writing);
      EXPECT_FALSE(error);
    }
    auto ending = client.end();
    co_await std::move(ending);
    sent = true;
  });
  loop_.run([&]() -> awaitable<void> {
    auto reading_head = client.read_head();
    const Client::Head head = co_await std::move(reading_head);
    EXPECT_FALSE(head.error);
    auto reading = client.read_body(body.size());
    Body got = co_await std::move(reading);
    EXPECT_FALSE(got.error);
    answer = std::move(got.bytes);
  });
  EXPECT_TRUE(sent);
  EXPECT_TRUE(answer == body);
  EXPECT_LE(held_most, read_ahead_bytes_max + read_bytes_max);
  EXPECT_TRUE(client.reusable());
}

TEST_F(ServerTest, BackpressureStopsAClientThatSendsWhatNobodyReads) {
  bool go_on = false;
  Signal wake(loop_.executor());
  start([&](Request& request, Response& response) -> awaitable<void> {
    while (!go_on) {
      auto waiting = wake.wait();
      co_await std::move(waiting);
    }
    auto echoing = echo(request, response);
    co_await std::move(echoing);
  });
  const auto stream = connection({.held_bytes_max = 1000});
  const std::string body(1'000'000, 'x');
  std::size_t written = 0;
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";
  loop_.spawn([&]() -> awaitable<void> {
    auto writing_head = stream->write(head);
    co_await std::move(writing_head);
    for (std::size_t at = 0; at < body.size(); at += 1000) {
      auto writing = stream->write(std::string_view(body).substr(at, 1000));
      co_await std::move(writing);
      written += 1000;
    }
  });
  loop_.until([&] { return written >= read_ahead_bytes_max; }, "the connection to read ahead");
  for (int i = 0; i < 3; ++i)
    exchange("GET / HTTP/1.1\r\n\r\n");  // the loop goes round, and nothing more is taken
  EXPECT_LE(written, read_ahead_bytes_max + read_bytes_max + 2000);
  go_on = true;
  wake.notify();
  loop_.until([&] { return written == body.size(); }, "the rest to be taken");
  read_until(*stream, "x");
}

}  // namespace
}  // namespace holdfast::net
