#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <stdexcept>

#include "holdfast/net/net_driver.hpp"

/// What a client makes of an answer that did not come to its end, over real sockets; and sockets' keepalive.
namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;

class CutTest : public ServerTest {
 protected:
  void serve(Handler handler) {
    auto listener = listen(loop_.executor(), {.host = "127.0.0.1", .port = 0});
    ASSERT_TRUE(listener) << listener.error().message;
    place_ = (*listener)->endpoint();
    start(std::move(handler));
    server_->serve(std::move(*listener));
  }

  std::unique_ptr<Stream> dial() {
    Connected connected;
    loop_.run([&]() -> awaitable<void> {
      auto connecting = connect(place_);
      connected = co_await std::move(connecting);
    });
    EXPECT_FALSE(connected.error) << connected.error.message();
    return std::move(connected.stream);
  }

  /// All bytes of the answer, and how the connection ended.
  std::pair<std::string, error_code> answer_to(std::string request) {
    const auto stream = dial();
    send(*stream, std::move(request));
    std::string all;
    error_code end;
    loop_.run([&]() -> awaitable<void> {
      std::string room(4'096, '\0');
      while (!end) {
        auto reading = stream->read_some(room);
        const Transfer got = co_await std::move(reading);
        end = got.error;
        all.append(room, 0, got.bytes);
      }
    });
    return {all, end};
  }

  Endpoint place_;
};

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string old_get = "GET / HTTP/1.0\r\n\r\n";

TEST_F(CutTest, AnAnswerThatIsNotEndedLacksItsLastChunkOrItsLengthOrIsReset) {
  std::string length;
  bool throws = false;
  serve([&](Request&, Response& response) -> awaitable<void> {
    Fields fields;
    if (!length.empty()) fields.add("Content-Length", length);
    auto beginning = response.begin(200, std::move(fields), "begun");
    co_await std::move(beginning);
    if (throws) throw std::runtime_error("a handler that throws");
  });
  for (const bool also_throws : {false, true}) {
    throws = also_throws;
    length.clear();
    const auto [chunked, after_chunk] = answer_to(get);
    EXPECT_EQ(body_of(chunked), "5\r\nbegun\r\n");
    EXPECT_EQ(after_chunk, asio::error::eof);
    const auto [until_end, after_end] = answer_to(old_get);
    EXPECT_THAT(until_end, testing::Not(HasSubstr("Content-Length")));
    EXPECT_EQ(after_end, asio::error::connection_reset) << "an end would say that it is whole";
    length = "9";
    EXPECT_EQ(body_of(answer_to(get).first), "begun");
    EXPECT_EQ(body_of(answer_to(old_get).first), "begun");
  }
}

TEST_F(CutTest, AHandlerMayCutAndGoOnWithoutItsClient) {
  bool went_on = false;
  std::size_t told = 0;
  Signal telling(loop_.executor());
  serve([&](Request&, Response& response) -> awaitable<void> {
    told = 0;
    response.on_gone([&](Gone) {
      ++told;
      telling.notify();
    });
    auto beginning = response.begin(200, Fields(), "   ");
    co_await std::move(beginning);
    response.cut();
    response.cut();
    EXPECT_TRUE(response.client_left());
    auto writing = response.write("late");
    const error_code error = co_await std::move(writing);
    EXPECT_EQ(error, asio::error::broken_pipe);
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    auto ending = response.end();
    const error_code no_end = co_await std::move(ending);
    EXPECT_EQ(no_end, asio::error::broken_pipe);
    while (told == 0) {
      auto waiting_more = telling.wait();
      co_await std::move(waiting_more);
    }
    went_on = true;
  });
  const auto [chunked, end] = answer_to(get);
  EXPECT_THAT(chunked, EndsWith("3\r\n   \r\n"));
  EXPECT_EQ(end, asio::error::eof);
  loop_.until([&] { return went_on && server_->connections() == 0; }, "the handler to end");
  EXPECT_EQ(told, 1u);
  went_on = false;
  EXPECT_EQ(answer_to(old_get).second, asio::error::connection_reset);
  loop_.until([&] { return went_on; }, "the handler to end");
}

TEST_F(CutTest, AnAnswerThatWasNotBegunCanBeCutToo) {
  serve([](Request&, Response& response) -> awaitable<void> {
    response.cut();
    auto sending = response.send(200, Fields(), "late");
    const error_code error = co_await std::move(sending);
    EXPECT_EQ(error, asio::error::broken_pipe);
  });
  EXPECT_EQ(answer_to(get).first, "");
}

TEST_F(CutTest, CuttingEndsAWriteThatWaitsForItsClient) {
  std::optional<error_code> ended;
  Response* answer = nullptr;
  serve([&](Request&, Response& response) -> awaitable<void> {
    answer = &response;
    auto beginning = response.begin(200, Fields());
    co_await std::move(beginning);
    const std::string much(64 * 1024 * 1024, 'x');
    auto writing = response.write(std::string_view(much));
    ended = co_await std::move(writing);
  });
  const auto stream = dial();
  send(*stream, get);
  read_until(*stream, "x");
  EXPECT_FALSE(ended);
  answer->cut();
  loop_.until([&] { return ended.has_value(); }, "the write to end");
  EXPECT_TRUE(*ended);
}

TEST_F(CutTest, StoppingResetsWhatLastsUntilTheEnd) {
  serve([](Request&, Response& response) -> awaitable<void> {
    auto beginning = response.begin(200, Fields(), "begun");
    co_await std::move(beginning);
    auto waiting = response.client_gone();
    co_await std::move(waiting);
  });
  const auto stream = dial();
  send(*stream, old_get);
  read_until(*stream, "begun");
  stop(0ms);
  loop_.run([&]() -> awaitable<void> {
    std::string room(10, '\0');
    auto reading = stream->read_some(room);
    const Transfer got = co_await std::move(reading);
    EXPECT_EQ(got.error, asio::error::connection_reset);
  });
}

TEST_F(CutTest, AnotherCoroutineMayWriteWhileTheHandlerWaits) {
  Signal told(loop_.executor());
  serve([&](Request&, Response& response) -> awaitable<void> {
    auto beginning = response.begin(200, Fields(), "{");
    co_await std::move(beginning);
    bool done = false;
    loop_.spawn(
        [&]() -> awaitable<void> {
          for (int i = 0; i < 3; ++i) {
            auto writing = response.write(" ");
            const error_code error = co_await std::move(writing);
            EXPECT_FALSE(error);
          }
        },
        [&] {
          done = true;
          told.notify();
        });
    while (!done) {
      auto waiting = told.wait();
      co_await std::move(waiting);
    }
    auto writing = response.write("}");
    co_await std::move(writing);
    auto ending = response.end();
    co_await std::move(ending);
    response.close_after();
  });
  const auto [answer, end] = answer_to("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of(answer), "1\r\n{\r\n1\r\n \r\n1\r\n \r\n1\r\n \r\n1\r\n}\r\n0\r\n\r\n");
  EXPECT_EQ(end, asio::error::eof);
}

/// The TCP sockets of this process that have this port on one of their sides.
std::vector<int> sockets_with(std::uint16_t port) {
  std::vector<int> found;
  for (int fd = 0; fd < 1'024; ++fd) {
    sockaddr_in here{}, there{};
    socklen_t here_bytes = sizeof here, there_bytes = sizeof there;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_bytes) != 0 || here.sin_family != AF_INET) continue;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_bytes) != 0) continue;
    if (ntohs(here.sin_port) == port || ntohs(there.sin_port) == port) found.push_back(fd);
  }
  return found;
}

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t bytes = sizeof value;
  return ::getsockopt(fd, level, name, &value, &bytes) == 0 ? value : -1;
}

TEST_F(CutTest, BothEndsOfAConnectionNoticeDeadPeersAndSendWithoutDelay) {
  serve(echo);
  const auto stream = dial();
  loop_.until([&] { return server_->connections() == 1; }, "the connection to be accepted");
  const std::vector<int> both = sockets_with(place_.port);
  ASSERT_EQ(both.size(), 2u);
  for (const int fd : both) {
    EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 6);
    EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  }
}

}  // namespace
}  // namespace holdfast::net
