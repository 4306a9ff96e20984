#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "holdfast/net/fetch.hpp"
#include "holdfast/net/net_driver.hpp"

/// Real sockets: TCP on the loopback, Unix sockets in a folder of the test's own.
namespace holdfast::net {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;

class SocketTest : public ServerTest {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("holdfast-net-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    ::chmod(folder_.c_str(), 0700);
  }
  void TearDown() override {
    ServerTest::TearDown();
    fs::remove_all(folder_);
  }

  Endpoint unix_endpoint(const std::string& name = "api.sock") { return {.path = (folder_ / name).string()}; }
  static Endpoint tcp_endpoint() { return {.host = "127.0.0.1", .port = 0}; }

  std::string refusal(const Endpoint& endpoint) {
    const auto listener = listen(loop_.executor(), endpoint);
    return listener ? "" : listener.error().message;
  }

  /// Serves on the endpoint; where it really is.
  Endpoint serve(const Endpoint& endpoint, Handler handler = echo) {
    auto listener = listen(loop_.executor(), endpoint);
    EXPECT_TRUE(listener) << listener.error().message;
    const Endpoint actual = (*listener)->endpoint();
    start(std::move(handler));
    server_->serve(std::move(*listener));
    return actual;
  }

  /// Runs what blocks on a thread of its own, and the server's loop meanwhile on this one.
  void beside(const std::function<void()>& blocking) {
    bool done = false;
    std::thread thread([&] {
      blocking();
      asio::post(loop_.executor(), [&] { done = true; });
    });
    loop_.until([&] { return done; }, "what blocks to end");
    thread.join();
  }

  fs::path folder_;
};

/// A socket file behind which nobody listens.
void leave_stale_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
}

mode_t mode_of(const std::string& path) {
  struct stat file{};
  return ::lstat(path.c_str(), &file) == 0 ? file.st_mode & 07777 : 0;
}

TEST_F(SocketTest, AUnixSocketIsItsUsersAloneAndGoesWithItsListener) {
  const Endpoint endpoint = unix_endpoint("new/api.sock");
  const mode_t before = ::umask(0);
  auto listener = listen(loop_.executor(), endpoint);
  ::umask(before);
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_EQ(mode_of(endpoint.path), 0600u);
  EXPECT_EQ(mode_of((folder_ / "new").string()), 0700u);
  (*listener)->close();
  EXPECT_FALSE(fs::exists(endpoint.path));
  (*listener)->close();
}

TEST_F(SocketTest, AStaleSocketIsReplacedAndALivingOneIsNot) {
  leave_stale_socket(unix_endpoint().path);
  auto listener = listen(loop_.executor(), unix_endpoint());
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_THAT(refusal(unix_endpoint()), HasSubstr("another process is listening there"));
  EXPECT_TRUE(fs::exists(unix_endpoint().path)) << "the living one's file stays";
}

TEST_F(SocketTest, SocketsOfTheDeadAreTakenAwayAndThoseOfTheLivingAndOtherFilesAreNot) {
  auto living = listen(loop_.executor(), unix_endpoint("living"));
  ASSERT_TRUE(living) << living.error().message;
  leave_stale_socket(unix_endpoint("dead").path);
  const fs::path folder = fs::path(unix_endpoint().path).parent_path();
  std::ofstream(folder / "notes.sock") << "no socket";
  remove_dead_sockets(folder.string());
  EXPECT_TRUE(fs::exists(unix_endpoint("living").path));
  EXPECT_FALSE(fs::exists(unix_endpoint("dead").path));
  EXPECT_TRUE(fs::exists(folder / "notes.sock"));
  remove_dead_sockets("/nowhere");
}

TEST_F(SocketTest, AClosingListenerLeavesTheFileOfItsSuccessor) {
  auto first = listen(loop_.executor(), unix_endpoint());
  fs::rename(unix_endpoint().path, unix_endpoint("away").path);
  auto second = listen(loop_.executor(), unix_endpoint());
  ASSERT_TRUE(second) << second.error().message;
  (*first)->close();
  EXPECT_TRUE(fs::exists(unix_endpoint().path));
}

TEST_F(SocketTest, RefusesPlacesByTheirReason) {
  std::ofstream(unix_endpoint("file").path) << "precious";
  EXPECT_THAT(refusal(unix_endpoint("file")), HasSubstr("is no socket"));
  EXPECT_TRUE(fs::exists(unix_endpoint("file").path));
  EXPECT_THAT(refusal(unix_endpoint(std::string(120, 'x'))), HasSubstr("at most 107 bytes, this one has"));
  EXPECT_THAT(refusal(unix_endpoint("file/api.sock")), HasSubstr("is no folder"));
  EXPECT_THAT(refusal(unix_endpoint("a/b/api.sock")), HasSubstr("cannot make"));
  ::chmod(folder_.c_str(), 0770);
  EXPECT_THAT(refusal(unix_endpoint()), HasSubstr("can be written by others"));
  EXPECT_THAT(refusal({.host = "127.0.0.1", .port = serve(tcp_endpoint()).port}), HasSubstr("in use"));
}

/// Loops, each on a thread of its own, that answer with their number.
class Threads {
 public:
  explicit Threads(std::size_t count) : contexts_(count) {
    for (auto& context : contexts_) {
      context = std::make_unique<asio::io_context>(1);
      executors_.push_back(context->get_executor());
    }
  }
  ~Threads() {
    for (auto& thread : threads_)
      thread.join();
  }

  void serve(std::vector<std::unique_ptr<Listener>> listeners) {
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      servers_.push_back(
          std::make_unique<Server>(executors_[i], [this](Request&, Response& response) -> awaitable<void> {
            ++answered_;
            response.close_after();
            auto sending = response.send(200, Fields(), "here");
            co_await std::move(sending);
          }));
      servers_.back()->serve(std::move(listeners[i]));
      threads_.emplace_back([context = contexts_[i].get()] { context->run(); });
    }
  }

  /// That server ends; then its loop has nothing left to do.
  void stop(std::size_t which) {
    asio::post(executors_[which], [this, which] {
      auto stopping = servers_[which]->stop(1s);
      asio::co_spawn(executors_[which], std::move(stopping), asio::detached);
    });
    threads_[which].join();
    threads_[which] = std::thread([] {});
  }

  std::vector<Executor> executors_;
  std::atomic<int> answered_ = 0;

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::vector<std::thread> threads_;
};

TEST_F(SocketTest, SeveralThreadsShareOnePlaceAndItIsTakenUntilTheLastHasLeft) {
  std::vector<Endpoint> places = {tcp_endpoint(), unix_endpoint()};
  const Endpoint six{.host = "::1", .port = 0};
  if (refusal(six).empty()) places.push_back(six);  // there are machines without
  for (const Endpoint& at : places) {
    Threads threads(3);
    auto listeners = listen_shared(threads.executors_, at);
    ASSERT_TRUE(listeners) << listeners.error().message;
    ASSERT_EQ(listeners->size(), 3u);
    const Endpoint place = listeners->front()->endpoint();
    EXPECT_EQ(place, listeners->back()->endpoint());
    threads.serve(std::move(*listeners));
    for (std::size_t left = 0; left < 3; ++left) {
      for (int i = 0; i < 20; ++i) {
        const auto fetched = fetch(place, {});
        ASSERT_TRUE(fetched) << fetched.error().message;
        EXPECT_EQ(fetched->body, "here");
      }
      EXPECT_THAT(refusal(place), HasSubstr(place.is_unix() ? "another process" : "in use"));
      threads.stop(left);
    }
    EXPECT_EQ(threads.answered_, 60);
    EXPECT_TRUE(fetch(place, {}).has_error());
    EXPECT_EQ(refusal(place), "") << "free again";
  }
}

TEST_F(SocketTest, EndpointsAreReadAndWrittenAlike) {
  for (const char* text : {"unix:/run/x.sock", "127.0.0.1:80", "[::1]:8080", "localhost:0"}) {
    EXPECT_EQ(parse_endpoint(text).value().text(), text);
  }
  EXPECT_EQ(parse_endpoint("/run/x.sock").value().path, "/run/x.sock");
  for (const char* bad : {"", "x", "x:", ":1", "x:65536", "x:1a", "::1:80", "[]:1", "unix:", "x:-1"}) {
    EXPECT_TRUE(parse_endpoint(bad).has_error()) << bad;
  }
  EXPECT_THAT(parse_endpoint("/" + std::string(200, 'x')).error().message, HasSubstr("107"));
}

TEST(Endpoints, OnlyAddressesOfThisMachineAndItsOwnNameAreLoopback) {
  for (const char* own : {"localhost", "LocalHost:80", "127.0.0.1", "127.8.8.8:1", "::1", "[::1]", "[::1]:80",
                          "::ffff:127.0.0.1", "[::FFFF:127.0.0.1]:80"}) {
    EXPECT_TRUE(is_loopback(own)) << own;
  }
  for (const char* other : {"", "127.evil.example", "127.0.0.1.evil.example:80", "127.", "127.1.2.3.4", "localhost.x",
                            "0.0.0.0", "::", "[::]:80", "192.0.2.7:80", "::ffff:192.0.2.7", "[", "[]"}) {
    EXPECT_FALSE(is_loopback(other)) << other;
  }
}

TEST_F(SocketTest, FetchesOverBothKindsOfSockets) {
  for (const Endpoint& endpoint : {unix_endpoint(), tcp_endpoint(), Endpoint{.host = "localhost", .port = 0}}) {
    const Endpoint actual = serve(endpoint);
    const std::string body(2'000'000, 'y');
    beside([&] {
      const auto fetched = fetch(actual, {.method = "POST", .target = "/x"}, body);
      ASSERT_TRUE(fetched) << fetched.error().message;
      EXPECT_EQ(fetched->head.status, 200);
      EXPECT_EQ(fetched->body, "POST /x " + body);
    });
    stop();
  }
}

TEST_F(SocketTest, ThePeerOfAUnixSocketIsKnown) {
  std::optional<uid_t> user;
  const Endpoint endpoint = serve(unix_endpoint(), [&](Request& request, Response& response) -> awaitable<void> {
    user = request.peer().user;
    auto sending = response.send(200, Fields(), request.peer().text);
    co_await std::move(sending);
  });
  beside([&] { EXPECT_THAT(fetch(endpoint, {})->body, HasSubstr("process " + std::to_string(::getpid()))); });
  EXPECT_EQ(user, ::geteuid());
}

TEST_F(SocketTest, AFetchThatFailsSaysWhereAndWhy) {
  const auto nobody = fetch(unix_endpoint(), {});
  EXPECT_EQ(nobody.error().code, Errc::provider_unreachable);
  EXPECT_THAT(nobody.error().message, HasSubstr("cannot connect to unix:" + unix_endpoint().path));
  leave_stale_socket(unix_endpoint().path);
  EXPECT_THAT(fetch(unix_endpoint(), {}).error().message, HasSubstr("refused"));
  EXPECT_EQ(fetch({.host = "no-such-host.invalid", .port = 1}, {}).error().code, Errc::provider_unreachable);

  const Endpoint endpoint = serve(tcp_endpoint(), [](Request& request, Response& response) -> awaitable<void> {
    auto beginning = response.begin(200, Fields(), "part");
    co_await std::move(beginning);
    if (request.path() == "/hang") {
      auto waiting = response.client_gone();
      co_await std::move(waiting);
    }
  });
  beside([&] {
    EXPECT_EQ(fetch(endpoint, {}).error().code, Errc::truncated);
    const auto slow = fetch(endpoint, {.target = "/hang"}, {}, {.total_time = 30ms});
    EXPECT_EQ(slow.error().code, Errc::provider_unreachable);
    EXPECT_THAT(slow.error().message, HasSubstr("too long"));
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_EQ(fetch(endpoint, {.target = "/hang"}, {}, {.stop = stop.get_token()}).error().code, Errc::cancelled);
  });
}

TEST_F(SocketTest, FollowsAStreamOfEventsUntilItHasHeardEnough) {
  bool left = false;
  const Endpoint endpoint = serve(unix_endpoint(), [&](Request& request, Response& response) -> awaitable<void> {
    const Fields fields = {{"Content-Type", "text/event-stream"}};
    const std::string comment = format_sse_comment("hello");
    auto beginning = response.begin(200, fields, comment);
    co_await std::move(beginning);
    for (int i = 0; i < 3; ++i) {
      const std::string event = format_sse({.id = std::to_string(i), .event = "tick", .data = "a\nb"});
      auto writing = response.write(event);
      co_await std::move(writing);
    }
    if (request.path() == "/ends") {
      auto ending = response.end();
      co_await std::move(ending);
      co_return;
    }
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    left = true;
  });
  beside([&] {
    std::vector<SseEvent> events;
    const auto heard = follow(endpoint, {}, [&](const SseEvent& event) {
      events.push_back(event);
      return events.size() < 3;
    });
    EXPECT_TRUE(heard) << heard.error().message;
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[2], (SseEvent{.id = "2", .event = "tick", .data = "a\nb"}));
    EXPECT_EQ(follow(endpoint, {.target = "/ends"}, [](const SseEvent&) { return true; }).error().code,
              Errc::truncated);
  });
  loop_.until([&] { return left; }, "the handler to see its client leave");
}

TEST_F(SocketTest, WhatIsNoStreamOfEventsIsReturned) {
  const Endpoint endpoint = serve(unix_endpoint());
  beside([&] { EXPECT_EQ(follow(endpoint, {}, [](const SseEvent&) { return true; })->body, "GET / "); });
}

TEST_F(SocketTest, ServesTwoHundredConnectionsAtOnce) {
  constexpr std::size_t count = 200;
  for (const Endpoint& at : {unix_endpoint(), tcp_endpoint()}) {
    std::size_t inside = 0;
    Signal all(loop_.executor());
    const Endpoint endpoint = serve(at, [&](Request&, Response& response) -> awaitable<void> {
      ++inside;
      all.notify();
      while (inside < count) {
        auto waiting = all.wait();
        co_await std::move(waiting);
      }
      auto sending = response.send(200, Fields(), "all");
      co_await std::move(sending);
    });
    std::size_t answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      loop_.spawn([&]() -> awaitable<void> {
        auto connecting = connect(endpoint);
        Connected connected = co_await std::move(connecting);
        EXPECT_FALSE(connected.error) << connected.error.message();
        if (connected.error) co_return;
        Client client(std::move(connected.stream));
        RequestHead head;
        auto sending = client.send(std::move(head));
        co_await std::move(sending);
        auto reading_head = client.read_head();
        const Client::Head answer = co_await std::move(reading_head);
        EXPECT_EQ(answer.head.status, 200);
        auto reading = client.read_body(100);
        const Body body = co_await std::move(reading);
        if (body.bytes == "all") ++answered;
      });
    }
    loop_.until([&] { return answered == count; }, "all to be answered");
    EXPECT_EQ(inside, count);
    stop();
  }
}

TEST_F(SocketTest, BeyondTheLimitAClientWaitsUntilAnIdleOneIsSentAway) {
  options_.connections_max = 2;
  const Endpoint endpoint = serve(unix_endpoint());
  std::vector<std::unique_ptr<Stream>> idle;
  for (int i = 0; i < 2; ++i) {
    loop_.run([&]() -> awaitable<void> {
      auto connecting = connect(endpoint);
      Connected connected = co_await std::move(connecting);
      idle.push_back(std::move(connected.stream));
    });
    send(*idle.back(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    read_until(*idle.back(), "GET / ");
  }
  EXPECT_EQ(server_->connections(), 2u);
  beside([&] { EXPECT_EQ(fetch(endpoint, {})->body, "GET / "); });
  EXPECT_EQ(read_all(*idle.front()), "") << "the one that was idle longest";
}

TEST_F(SocketTest, AConnectionThatIsResetWhileItsHandlerWaitsIsSeen) {
  bool entered = false, left = false;
  const Endpoint endpoint = serve(tcp_endpoint(), [&](Request&, Response& response) -> awaitable<void> {
    entered = true;
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    left = true;
  });
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  loop_.until([&] { return entered; }, "the handler");
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(fd);
  loop_.until([&] { return left && server_->connections() == 0; }, "the reset to be seen");
}

TEST_F(SocketTest, AcceptingGoesOnAfterDescriptorsHaveRunOut) {
  const Endpoint endpoint = serve(unix_endpoint());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(fd) + 1;  // the lowest free number was taken, so there is none below it
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, endpoint.path.data(), endpoint.path.size());
  const int connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const ssize_t written = ::write(fd, bytes.data(), bytes.size());
  for (int i = 0; i < 10; ++i) {
    loop_.run([]() -> awaitable<void> { co_return; });
  }
  const std::size_t accepted = server_->connections();
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(connected, 0);
  EXPECT_EQ(written, static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(accepted, 0u);
  std::string answer(4096, '\0');
  beside([&] { answer.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(fd, answer.data(), 4096)))); });
  EXPECT_EQ(status_of(answer), 200);
  ::close(fd);
}

TEST_F(SocketTest, AStoppedServerIsGoneFromItsPlace) {
  const Endpoint endpoint = serve(unix_endpoint());
  stop();
  EXPECT_FALSE(fs::exists(endpoint.path));
  EXPECT_TRUE(fetch(endpoint, {}).has_error());
}

}  // namespace
}  // namespace holdfast::net
