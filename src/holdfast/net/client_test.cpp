#include "holdfast/net/client.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include "holdfast/net/net_driver.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;

/// A client whose server is the test.
class ClientTest : public testing::Test {
 protected:
  void connect(MemoryOptions memory = {}) {
    auto [near, far] = memory_pair(loop_.executor(), memory);
    client_.emplace(std::move(near));
    server_ = std::move(far);
  }

  void send(RequestHead head, std::string body = {}) {
    loop_.run([&]() -> awaitable<void> {
      auto sending = client_->send(head, body);
      const error_code error = co_await std::move(sending);
      EXPECT_FALSE(error) << error.message();
    });
  }

  std::string server_reads() {
    std::string got(65536, '\0');
    loop_.run([&]() -> awaitable<void> {
      auto reading = server_->read_some(got);
      const Transfer transfer = co_await std::move(reading);
      got.resize(transfer.bytes);
    });
    return got;
  }

  void server_sends(std::string bytes, bool ends = false) {
    loop_.run([&]() -> awaitable<void> {
      auto writing = server_->write(bytes);
      co_await std::move(writing);
    });
    if (ends) server_->close();
  }

  Client::Head read_head() {
    Client::Head head;
    loop_.run([&]() -> awaitable<void> {
      auto reading = client_->read_head();
      head = co_await std::move(reading);
    });
    return head;
  }

  Body read_body(std::size_t bytes_max = 1'000'000) {
    Body body;
    loop_.run([&]() -> awaitable<void> {
      auto reading = client_->read_body(bytes_max);
      body = co_await std::move(reading);
    });
    return body;
  }

  /// One exchange on a new connection, the server closing after these bytes.
  std::pair<Client::Head, Body> answered(std::string bytes, std::string method = "GET", std::size_t at_once = 65536) {
    connect({.read_bytes_max = at_once});
    send({.method = std::move(method)});
    server_sends(std::move(bytes), true);
    Client::Head head = read_head();
    Body body = head.error ? Body{.error = head.error} : read_body();
    return {std::move(head), std::move(body)};
  }

  Loop loop_;
  std::optional<Client> client_;
  std::unique_ptr<Stream> server_;
};

TEST_F(ClientTest, SendsHeadAndBodyTogether) {
  connect();
  send({.method = "POST", .target = "/x?y=1", .fields = {{"Accept", "a"}, {"Content-Length", "99"}}}, "body");
  EXPECT_EQ(server_reads(), "POST /x?y=1 HTTP/1.1\r\nAccept: a\r\nContent-Length: 4\r\nHost: localhost\r\n\r\nbody");
  connect();
  send({.fields = {{"Host", "other"}}});
  EXPECT_EQ(server_reads(), "GET / HTTP/1.1\r\nHost: other\r\n\r\n");
}

TEST_F(ClientTest, SendsABodyInPieces) {
  connect();
  loop_.run([&]() -> awaitable<void> {
    RequestHead head{.method = "POST"};
    auto beginning = client_->begin(std::move(head));
    co_await std::move(beginning);
    auto writing = client_->write("hello");
    co_await std::move(writing);
    auto ending = client_->end();
    co_await std::move(ending);
  });
  EXPECT_EQ(server_reads(),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: localhost\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
}

TEST_F(ClientTest, ReadsAnAnswerWhereverItIsCut) {
  const std::string bytes =
      "HTTP/1.1 200 Fine\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  for (const std::size_t at_once : {1, 2, 3, 7, 64, 65536}) {
    const auto [head, body] = answered(bytes, "GET", at_once);
    EXPECT_FALSE(head.error);
    EXPECT_EQ(head.head.reason, "Fine");
    EXPECT_EQ(head.head.fields.find("x"), "y");
    EXPECT_EQ(body.bytes, "hello world");
    EXPECT_FALSE(body.error);
    EXPECT_TRUE(client_->end_was_marked());
  }
}

TEST_F(ClientTest, AnAnswerThatEndsEarlyIsNeverASuccess) {
  for (const std::string bytes : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto [head, body] = answered(bytes.substr(0, length));
      EXPECT_EQ(body.error, length == 0 ? Fault::closed : Fault::truncated) << length;
      EXPECT_FALSE(client_->reusable());
    }
    EXPECT_FALSE(answered(bytes).second.error);
  }
}

TEST_F(ClientTest, AnAnswerUntilTheEndSaysThatItsEndWasNotMarked) {
  const auto [head, body] = answered("HTTP/1.1 200 OK\r\n\r\nall there is");
  EXPECT_EQ(body.bytes, "all there is");
  EXPECT_FALSE(body.error);
  EXPECT_FALSE(client_->end_was_marked());
  EXPECT_FALSE(client_->reusable());
}

TEST_F(ClientTest, SkipsInformationalAnswersButNotForEver) {
  const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", final = "HTTP/1.1 204 No Content\r\n\r\n";
  EXPECT_EQ(answered("HTTP/1.1 100 Continue\r\n\r\n" + early + final).first.head.status, 204);
  std::string many;
  for (int i = 0; i <= informational_answers_max; ++i)
    many += early;
  EXPECT_EQ(answered(many + final).first.error, Fault::malformed);
  EXPECT_EQ(answered("HTTP/1.1 101 Switching Protocols\r\n\r\n").first.error, Fault::malformed);
  EXPECT_EQ(answered(early).first.error, Fault::truncated);
}

TEST_F(ClientTest, TrailersAreSkippedUnlessTheySpeakOfWhereTheBodyEnds) {
  const std::string begin = "HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
  for (const std::size_t at_once : {1, 65'536}) {
    const auto [head, body] = answered(begin + "X: y\r\nHost: b\r\n\r\n", "GET", at_once);
    EXPECT_EQ(body.bytes, "ok");
    EXPECT_FALSE(body.error);
    EXPECT_EQ(head.head.fields.count("X"), 0u);
    EXPECT_TRUE(client_->reusable());
    for (const char* trailer : {"Content-Length: 2", "Transfer-Encoding: chunked", "no colon", "X : y", "X: y\n"}) {
      EXPECT_EQ(answered(begin + trailer + "\r\n\r\n", "GET", at_once).second.error, Fault::malformed) << trailer;
    }
  }
}

TEST_F(ClientTest, UsesAConnectionAgainOnlyWhereTheAnswerIsWholeAndNothingFollowsIt) {
  connect();
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (int i = 0; i < 3; ++i) {
    send({});
    EXPECT_FALSE(client_->reusable());
    server_sends(answer);
    EXPECT_FALSE(read_head().error);
    EXPECT_EQ(read_body().bytes, "ok");
    EXPECT_TRUE(client_->reusable());
  }
  send({});
  server_sends(answer + "HTTP/1.1 200 OK\r\n");
  read_head();
  read_body();
  EXPECT_FALSE(client_->reusable()) << "an answer to nothing";
  answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(client_->reusable());
  connect();
  send({.fields = {{"Connection", "close"}}});
  server_sends(answer);
  read_head();
  read_body();
  EXPECT_FALSE(client_->reusable());
}

TEST_F(ClientTest, HeadHasNoBodyWhateverItsLengthSays) {
  const auto [head, body] = answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD");
  EXPECT_EQ(head.head.fields.find("Content-Length"), "5");
  EXPECT_FALSE(body.error);
  EXPECT_EQ(body.bytes, "");
}

TEST_F(ClientTest, ABodyBeyondWhatIsWantedIsAnError) {
  connect();
  send({});
  server_sends("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a");
  read_head();
  EXPECT_EQ(read_body(10).error, Fault::body_too_large);
  EXPECT_FALSE(client_->reusable());
}

TEST_F(ClientTest, CallsInTheWrongOrderAreRefused) {
  connect();
  EXPECT_EQ(read_head().error, Fault::misused);
  EXPECT_EQ(read_body().error, Fault::misused);
  send({});
  loop_.run([&]() -> awaitable<void> {
    auto sending = client_->send({});
    const error_code error = co_await std::move(sending);
    EXPECT_EQ(error, Fault::misused);
  });
  EXPECT_EQ(server_reads(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") << "the second was not sent";
}

TEST_F(ClientTest, AWaitForAnAnswerEndsWhenItIsCancelled) {
  connect();
  send({});
  asio::cancellation_signal cancellation;
  Client::Head head;
  bool done = false;
  const auto wait = [&]() -> awaitable<void> {
    auto reading = client_->read_head();
    head = co_await std::move(reading);
  };
  auto waiting = wait();
  asio::co_spawn(loop_.executor(), std::move(waiting),
                 asio::bind_cancellation_slot(cancellation.slot(), [&](std::exception_ptr) { done = true; }));
  loop_.spawn([&]() -> awaitable<void> {
    cancellation.emit(asio::cancellation_type::terminal);
    co_return;
  });
  loop_.until([&] { return done; }, "the wait to end");
  EXPECT_EQ(head.error, asio::error::operation_aborted);
  EXPECT_EQ(server_reads(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(server_reads(), "") << "the server sees that its client has left";
}

TEST_F(ClientTest, AWaitForAnAnswerEndsWhenTheConnectionIsClosed) {
  connect();
  send({});
  Client::Head head;
  bool done = false;
  loop_.spawn(
      [&]() -> awaitable<void> {
        auto reading = client_->read_head();
        head = co_await std::move(reading);
      },
      [&] { done = true; });
  loop_.spawn([&]() -> awaitable<void> {
    client_->close();
    co_return;
  });
  loop_.until([&] { return done; }, "the wait to end");
  EXPECT_EQ(head.error, asio::error::operation_aborted);
}

TEST_F(ClientTest, AnAnswerThatComesBeforeTheRequestIsThroughCanBeRead) {
  connect({.held_bytes_max = 100});
  const std::string answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
  loop_.spawn([&]() -> awaitable<void> {
    auto writing = server_->write(answer);
    co_await std::move(writing);
    server_->close();
  });
  loop_.run([&]() -> awaitable<void> {
    const std::string body(100'000, 'x');
    RequestHead head{.method = "POST"};
    auto sending = client_->send(std::move(head), body);
    const error_code error = co_await std::move(sending);
    EXPECT_TRUE(error);
  });
  EXPECT_EQ(read_head().head.status, 413);
  EXPECT_EQ(read_body().bytes, "no");
  EXPECT_FALSE(client_->reusable());
}

}  // namespace
}  // namespace holdfast::net
