#include "holdfast/net/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include "holdfast/net/net_driver.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// A pool whose servers are a `Server` over memory, or the test itself.
class PoolTest : public ServerTest {
 protected:
  void make(PoolOptions options = {}) {
    pool_.emplace(loop_.executor(), Origin{.host = "a", .port = 80}, [this] { return connect_to_server(); }, options);
  }

  /// To the server, if there is one; else the test has the other end.
  awaitable<Connected> connect_to_server() {
    auto [near, far] = memory_pair(loop_.executor());
    ++connected_;
    if (server_) {
      server_->serve(std::move(far));
    } else {
      far_.push_back(std::move(far));
    }
    co_return Connected{.stream = std::move(near)};
  }

  /// A kept one, if there is one, unless it must be fresh.
  Lease take(bool fresh = false) {
    Lease lease;
    if (!fresh) lease = pool_->take_kept().value_or(Lease());
    if (lease) return lease;
    loop_.run([&]() -> awaitable<void> {
      auto taking = pool_->take_fresh();
      lease = co_await std::move(taking);
    });
    EXPECT_TRUE(lease) << lease.error().message();
    return lease;
  }

  /// A request on the lease; the status, or 0.
  int ask(Lease& lease, bool read_the_body = true) {
    int status = 0;
    loop_.run([&]() -> awaitable<void> {
      RequestHead head;
      auto sending = lease->send(std::move(head));
      error_ = co_await std::move(sending);
      auto reading_head = lease->read_head();
      const Client::Head answer = co_await std::move(reading_head);
      error_ = answer.error;
      if (error_) co_return;
      status = answer.head.status;
      if (!read_the_body) co_return;
      auto reading = lease->read_body(1000);
      const Body body = co_await std::move(reading);
      EXPECT_FALSE(body.error);
    });
    return status;
  }

  std::optional<Pool> pool_;
  std::vector<std::unique_ptr<Stream>> far_;
  std::size_t connected_ = 0;
  error_code error_;
};

TEST_F(PoolTest, AConnectionIsKeptForTheNextRequest) {
  start(echo);
  make();
  for (int i = 0; i < 5; ++i) {
    Lease lease = take();
    EXPECT_EQ(lease.fresh(), i == 0);
    EXPECT_EQ(pool_->idle_connections(), 0u);
    EXPECT_EQ(ask(lease), 200);
    lease = Lease();
    EXPECT_EQ(pool_->idle_connections(), 1u);
  }
  EXPECT_EQ(connected_, 1u);
  EXPECT_TRUE(take(true).fresh());
  EXPECT_EQ(connected_, 2u);
}

TEST_F(PoolTest, WhatIsInUseIsNobodyElses) {
  start(echo);
  make();
  Lease one = take(), other = take();
  EXPECT_EQ(connected_, 2u);
  EXPECT_EQ(ask(one), 200);
  EXPECT_EQ(ask(other), 200);
}

TEST_F(PoolTest, AConnectionWithAnUnreadAnswerOrALastOneIsNotKept) {
  start([](Request& request, Response& response) -> awaitable<void> {
    if (request.target() == "/") response.close_after();
    auto sending = response.send(200, Fields(), "body");
    co_await std::move(sending);
  });
  make();
  {
    Lease lease = take();
    EXPECT_EQ(ask(lease), 200);
  }
  EXPECT_EQ(pool_->idle_connections(), 0u) << "the server said that it closes";
  {
    Lease lease = take();
    EXPECT_EQ(ask(lease, false), 200);
  }
  {
    Lease unused = take();
  }
  EXPECT_EQ(pool_->idle_connections(), 0u);
  loop_.until([&] { return server_->connections() == 0; }, "what is not kept to be closed");
}

class FarEnd : public PoolTest {
 protected:
  /// A connection that has served once and waits.
  void leave_one_idle() {
    Lease lease = take();
    const std::size_t which = far_.size() - 1;
    send(*far_[which], "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(ask(lease), 204);
  }
};

TEST_F(FarEnd, AnIdleConnectionThatItsServerClosesIsThrownAway) {
  make();
  leave_one_idle();
  EXPECT_EQ(pool_->idle_connections(), 1u);
  far_.back()->close();
  EXPECT_FALSE(pool_->take_kept());
  EXPECT_EQ(pool_->idle_connections(), 0u);
  EXPECT_TRUE(take().fresh());
}

TEST_F(FarEnd, AnIdleConnectionOnWhichItsServerSpeaksIsThrownAway) {
  make();
  leave_one_idle();
  send(*far_.back(), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nno!");
  EXPECT_TRUE(take().fresh());
  EXPECT_EQ(read_all(*far_.front()), "GET / HTTP/1.1\r\nHost: a\r\n\r\n") << "closed by the pool";
}

TEST_F(FarEnd, AServerThatClosesUnderARequestLeavesTheChoiceToSendItAgain) {
  make();
  leave_one_idle();
  Lease lease = take();
  EXPECT_FALSE(lease.fresh());
  far_.back()->close();
  EXPECT_EQ(ask(lease), 0);
  EXPECT_EQ(error_, Fault::closed);
  lease = take(true);
  EXPECT_TRUE(lease.fresh());
  EXPECT_EQ(pool_->idle_connections(), 0u);
}

TEST_F(FarEnd, TooManyIdleOnesTheLongestUnusedGoesAndTheLastIsTakenFirst) {
  make({.idle_connections_max = 2});
  std::vector<Lease> leases;
  for (int i = 0; i < 3; ++i) {
    leases.push_back(take());
    send(*far_.back(), "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(ask(leases.back()), 204);
  }
  for (Lease& lease : leases)
    lease = Lease();
  EXPECT_EQ(pool_->idle_connections(), 2u);
  EXPECT_EQ(read_all(*far_[0]), "GET / HTTP/1.1\r\nHost: a\r\n\r\n") << "closed";
  Lease again = take();
  EXPECT_FALSE(again.fresh());
  send(*far_[2], "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(ask(again), 204);
}

TEST_F(FarEnd, IdleAndOldConnectionsGoByThemselves) {
  make({.idle_max = 20ms});
  leave_one_idle();
  EXPECT_EQ(pool_->idle_connections(), 1u);
  loop_.until([&] { return pool_->idle_connections() == 0; }, "the idle one to go");
  EXPECT_EQ(read_all(*far_.back()), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  make({.age_max = 20ms});
  leave_one_idle();
  loop_.until([&] { return pool_->idle_connections() == 0; }, "the old one to go");
  make({.age_max = 0ms});
  leave_one_idle();
  EXPECT_EQ(pool_->idle_connections(), 0u);
}

TEST_F(FarEnd, ClearingAndTheEndOfThePoolCloseWhatIsUnusedAndLeasesOutliveIt) {
  make();
  leave_one_idle();
  pool_->clear();
  EXPECT_EQ(pool_->idle_connections(), 0u);
  EXPECT_THAT(read_all(*far_.back()), HasSubstr("GET"));
  leave_one_idle();
  Lease lease = take(true);
  pool_.reset();
  EXPECT_THAT(read_all(*far_[1]), HasSubstr("GET"));
  send(*far_.back(), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(ask(lease), 204);
  lease = Lease();
  EXPECT_THAT(read_all(*far_.back()), HasSubstr("GET"));
}

TEST_F(FarEnd, TheHostFieldIsTheOrigins) {
  pool_.emplace(loop_.executor(), Origin{.tls = true, .host = "::1", .port = 8443},
                [this] { return connect_to_server(); });
  leave_one_idle();
  pool_->clear();
  EXPECT_EQ(read_all(*far_.back()), "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n");
}

/// What a coroutine that is cancelled as soon as it waits comes to.
error_code cancelled_take(Loop& loop, Pool& pool) {
  asio::cancellation_signal cancel;
  error_code error;
  bool done = false;
  auto taking = pool.take_fresh();
  asio::co_spawn(loop.executor(), std::move(taking),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr threw, const Lease& lease) {
                   EXPECT_FALSE(threw);
                   error = lease.error();
                   done = true;
                 }));
  loop.run([]() -> awaitable<void> { co_return; });
  EXPECT_FALSE(done);
  cancel.emit(asio::cancellation_type::terminal);
  loop.until([&] { return done; }, "the cancelled one to return");
  return error;
}

TEST_F(PoolTest, ConnectingEndsWhenItIsCancelled) {
  Signal never_told(loop_.executor());
  pool_.emplace(loop_.executor(), Origin{.host = "a", .port = 80}, [&]() -> awaitable<Connected> {
    auto waiting = never_told.wait();
    const Woken woken = co_await std::move(waiting);
    EXPECT_EQ(woken, Woken::cancelled);
    co_return Connected{.error = asio::error::operation_aborted};
  });
  EXPECT_EQ(cancelled_take(loop_, *pool_), asio::error::operation_aborted);
}

TEST_F(PoolTest, LookingAHostUpEndsWhenItIsCancelled) {
  const Origin origin{.host = "no-such-host.invalid", .port = 80};
  pool_.emplace(loop_.executor(), origin, plain_connector(origin));
  EXPECT_EQ(cancelled_take(loop_, *pool_), asio::error::operation_aborted);
}

TEST_F(PoolTest, AConnectionThatCannotBeMadeSaysWhy) {
  const Origin origin{.host = "127.0.0.1", .port = 1};
  pool_.emplace(loop_.executor(), origin, plain_connector(origin));
  loop_.run([&]() -> awaitable<void> {
    auto taking = pool_->take_fresh();
    const Lease lease = co_await std::move(taking);
    EXPECT_FALSE(lease);
    EXPECT_EQ(lease.error(), asio::error::connection_refused);
  });
}

TEST(Origin, AUrlIsAnOriginAndAPath) {
  const auto read = [](std::string_view url) {
    const auto base = parse_origin(url);
    return base ? base->origin.text() + " " + base->path : base.error().message;
  };
  EXPECT_EQ(read("https://api.openai.com/v1"), "https://api.openai.com /v1");
  EXPECT_EQ(read("https://api.openai.com:443"), "https://api.openai.com ");
  EXPECT_EQ(read("HTTP://LocalHost:11434/"), "http://localhost:11434 ");
  EXPECT_EQ(read("http://127.0.0.1:80/a/b%20c/"), "http://127.0.0.1 /a/b%20c");
  EXPECT_EQ(read("https://[2001:DB8::1]:8443/x"), "https://[2001:db8::1]:8443 /x");
  EXPECT_EQ(read("http://my_box-2.lan"), "http://my_box-2.lan ");
  const auto base = parse_origin("https://[::1]:8443");
  EXPECT_EQ(base->origin, (Origin{.tls = true, .host = "::1", .port = 8443}));
  EXPECT_EQ(base->origin.endpoint(), (Endpoint{.host = "::1", .port = 8443}));
  EXPECT_EQ(base->origin.host_field(), "[::1]:8443");
}

TEST(Origin, WhatCouldBeReadInTwoWaysIsRefusedAndNotRepeated) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "http://"},
      {"api.openai.com", "http://"},
      {"ftp://a", "http://"},
      {"https:/a", "http://"},
      {"https://", "host is missing"},
      {"https:///v1", "host is missing"},
      {"https://:80", "host is missing"},
      {"https://me:secret@a", "user or a password"},
      {"https://a?secret", "query"},
      {"https://a/v1#x", "fragment"},
      {"https://a b", "visible ASCII"},
      {"https://a\r\n", "visible ASCII"},
      {"https://m\xc3\xbcnchen.de", "visible ASCII"},
      {"https://a:", "port"},
      {"https://a:0", "port"},
      {"https://a:65536", "port"},
      {"https://a:+80", "port"},
      {"https://a:80:80", "port"},
      {"https://::1", "host is missing"},
      {"https://[::1", "IPv6"},
      {"https://[]", "IPv6"},
      {"https://[127.0.0.1]", "IPv6"},
      {"https://[fe80::1%25eth0]", "IPv6"},
      {"https://[::1]x", "port only"},
      {"https://1.2.3", "neither a name"},
      {"https://1.2.3.4.5", "neither a name"},
      {"https://a..b", "neither a name"},
      {"https://a.", "neither a name"},
      {"https://-a", "neither a name"},
      {"https://a,b", "neither a name"},
      {"https://a%41", "neither a name"},
      {"https://a/../v1", "dots"},
      {"https://a/%2e%2E/v1", "dots"},
      {"https://a//v1", "two slashes"},
      {"https://a/v1//", "two slashes"},
      {"https://a/%zz", "percent"},
  };
  for (const auto& [url, why] : bad) {
    const auto base = parse_origin(url);
    ASSERT_TRUE(base.has_error()) << url;
    EXPECT_EQ(base.error().code, Errc::invalid_argument);
    EXPECT_THAT(base.error().message, HasSubstr(why)) << url;
    EXPECT_THAT(base.error().message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace holdfast::net
