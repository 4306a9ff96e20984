#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/net/net_driver.hpp"

/// Clients that leave, and servers that stop.
namespace holdfast::net {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

class LeavingTest : public ServerTest {
 protected:
  /// Waits for something that does not come.
  awaitable<void> wait_for_ever() {
    boost::asio::steady_timer timer(loop_.executor(), 1h);
    auto waiting = timer.async_wait(boost::asio::use_awaitable);
    co_await std::move(waiting);
  }

  bool entered_ = false;
  bool left_ = false;
};

TEST_F(LeavingTest, AHandlerThatWaitsHearsThatItsClientLeft) {
  start([&](Request&, Response& response) -> awaitable<void> {
    entered_ = true;
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    left_ = response.client_left();
  });
  auto stream = connection();
  send(*stream, get);
  loop_.until([&] { return entered_; }, "the handler");
  EXPECT_FALSE(left_);
  stream.reset();
  loop_.until([&] { return server_->connections() == 0; }, "the connection to end");
  EXPECT_TRUE(left_);
}

TEST_F(LeavingTest, AClientThatHasSentItsNextRequestIsSeenLeavingToo) {
  start([&](Request&, Response& response) -> awaitable<void> {
    entered_ = true;
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    left_ = true;
  });
  auto stream = connection();
  send(*stream, get + get);
  loop_.until([&] { return entered_; }, "the handler");
  stream->close();
  loop_.until([&] { return left_; }, "the handler to hear of it");
}

TEST_F(LeavingTest, ACallIsMadeOnceAndNotAfterTheHandler) {
  std::vector<Gone> told;
  Signal wake(loop_.executor());
  start([&](Request&, Response& response) -> awaitable<void> {
    response.on_gone([&](Gone why) {
      told.push_back(why);
      wake.notify();
    });
    entered_ = true;
    while (told.empty()) {
      auto waiting = wake.wait();
      co_await std::move(waiting);
    }
    auto sending = response.send(200, Fields(), "bye");
    const error_code error = co_await std::move(sending);
    EXPECT_TRUE(error);
  });
  auto stream = connection();
  send(*stream, get);
  loop_.until([&] { return entered_; }, "the handler");
  stream->close();
  loop_.until([&] { return server_->connections() == 0; }, "the connection to end");
  EXPECT_THAT(told, ElementsAre(Gone::client_left));
}

TEST_F(LeavingTest, ACallIsNotMadeDuringTheNextRequestEither) {
  bool over = false, late = false;
  start([&](Request& request, Response& response) -> awaitable<void> {
    if (request.path() == "/first") response.on_gone([&](Gone) { late = over; });
    auto sending = response.send(200, Fields(), "a");
    co_await std::move(sending);
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    over = true;  // what was posted meanwhile finds the second request running
    if (request.path() == "/first") co_return;
    auto others = boost::asio::post(boost::asio::use_awaitable);
    co_await std::move(others);
  });
  const std::string first = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(occurrences(exchange(first + get), "HTTP/1.1 200"), 2u);
  EXPECT_FALSE(late);
}

TEST_F(LeavingTest, WhatAHandlerWaitsForIsCancelledWhereItAskedForThat) {
  start([&](Request&, Response& response) -> awaitable<void> {
    response.cancel_when_left();
    entered_ = true;
    struct Mark {
      bool& left;
      ~Mark() { left = true; }
    } mark{left_};
    auto waiting = wait_for_ever();
    co_await std::move(waiting);
    ADD_FAILURE() << "cancelled waits throw";
  });
  auto stream = connection();
  send(*stream, get);
  loop_.until([&] { return entered_; }, "the handler");
  stream->close();
  loop_.until([&] { return server_->connections() == 0; }, "the connection to end");
  EXPECT_TRUE(left_);
}

TEST_F(LeavingTest, AHalfClosedClientCountsAsGoneButCanStillBeAnswered) {
  start([&](Request&, Response& response) -> awaitable<void> {
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    auto sending = response.send(200, Fields(), "still there?");
    const error_code error = co_await std::move(sending);
    EXPECT_FALSE(error);
  });
  EXPECT_EQ(body_of(exchange(get)), "still there?");
}

TEST_F(LeavingTest, AClientThatHasLeftIsNotToldThatItsHandlerGaveUp) {
  start([&](Request&, Response& response) -> awaitable<void> {
    auto waiting = response.client_gone();
    co_await std::move(waiting);
  });
  EXPECT_EQ(exchange(get), "");
}

TEST_F(LeavingTest, StoppingLetsARunningRequestFinish) {
  options_.linger_time = 20ms;  // the test reads the answer, but does not close
  std::vector<Gone> told;
  Signal wake(loop_.executor());
  start([&](Request&, Response& response) -> awaitable<void> {
    response.on_gone([&](Gone why) {
      told.push_back(why);
      wake.notify();
    });
    entered_ = true;
    while (told.empty()) {
      auto waiting = wake.wait();
      co_await std::move(waiting);
    }
    EXPECT_TRUE(response.stopping());
    EXPECT_FALSE(response.client_left());
    auto sending = response.send(200, Fields(), "finished");
    co_await std::move(sending);
  });
  const auto idle = connection();
  const auto stream = connection();
  send(*stream, get);
  loop_.until([&] { return entered_; }, "the handler");
  stop(10s);
  EXPECT_THAT(told, ElementsAre(Gone::stopping));
  const std::string answer = read_all(*stream);
  EXPECT_EQ(body_of(answer), "finished");
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_EQ(read_all(*idle), "");
}

TEST_F(LeavingTest, StoppingCutsWhatOutlastsTheGraceTime) {
  start([&](Request& request, Response& response) -> awaitable<void> {
    if (request.path() == "/streaming") {
      auto beginning = response.begin(200, Fields(), "part");
      co_await std::move(beginning);
    }
    entered_ = true;
    struct Mark {
      bool& left;
      ~Mark() { left = true; }
    } mark{left_};
    auto waiting = wait_for_ever();
    co_await std::move(waiting);
  });
  const auto stream = connection();
  send(*stream, "GET /streaming HTTP/1.1\r\nHost: a\r\n\r\n");
  loop_.until([&] { return entered_; }, "the handler");
  stop(10ms);
  EXPECT_TRUE(left_);
  EXPECT_EQ(body_of(read_all(*stream)), "4\r\npart\r\n") << "cut, not ended";
}

TEST_F(LeavingTest, StoppingEndsReadersOfBodiesAndHalfSentHeads) {
  const auto body = connection();
  send(*body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12");
  const auto head = connection();
  send(*head, "GET / HT");
  loop_.until([&] { return server_->connections() == 2; }, "both to be there");
  stop(10ms);
  EXPECT_EQ(read_all(*head), "");
}

TEST_F(LeavingTest, AServerThatIsDestroyedCutsAndAccessesNothingOfItsOwnAfterwards) {
  start([&](Request&, Response&) -> awaitable<void> {
    entered_ = true;
    auto waiting = wait_for_ever();
    co_await std::move(waiting);
  });
  const auto stream = connection();
  send(*stream, get);
  loop_.until([&] { return entered_; }, "the handler");
  server_.reset();
  EXPECT_EQ(read_all(*stream), "");
}

TEST_F(LeavingTest, ALoopThatEndsTakesAllConnectionsWithIt) {
  for (const bool running : {false, true}) {
    auto loop = std::make_unique<Loop>();
    bool entered = false;
    Signal never_comes(loop->executor());
    auto server = std::make_unique<Server>(loop->executor(), [&](Request&, Response&) -> awaitable<void> {
      entered = true;
      auto waiting = never_comes.wait();
      co_await std::move(waiting);
    });
    auto [near, far] = memory_pair(loop->executor());
    server->serve(std::move(far));
    if (running) {
      loop->run([&near = near]() -> awaitable<void> {
        auto writing = near->write(get);
        co_await std::move(writing);
      });
      loop->until([&] { return entered; }, "the handler");
    }
    near.reset();
    server.reset();
    loop.reset();  // the sanitizers look for what is left
  }
}

}  // namespace
}  // namespace holdfast::net
