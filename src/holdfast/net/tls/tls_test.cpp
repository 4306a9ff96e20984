#include "holdfast/net/tls/tls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "holdfast/net/net_driver.hpp"
#include "holdfast/net/tls/tls_driver.hpp"

/// Handshakes, over sockets on the loopback and over memory.
namespace holdfast::net {
namespace {

namespace fs = std::filesystem;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class TlsTest : public ServerTest {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("holdfast-tls-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    trusted_.emplace(trusting(authority_.certificate_pem()));
    tls_.on_failed = [this](const Peer&, const error_code& error) { failures_.push_back(error.message()); };
  }
  void TearDown() override {
    ServerTest::TearDown();
    fs::remove_all(folder_);
  }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::trunc) << text;
    return path;
  }
  TlsClientContext trusting(const std::string& pem) { return TlsClientContext::make(file("ca.pem", pem)).value(); }
  TlsServerContext showing(const Issued& issued) {
    return TlsServerContext::load(file("chain.pem", issued.certificate_pem()), file("key.pem", issued.key_pem()))
        .value();
  }

  /// Serves on the loopback, with TLS.
  void serve(const Issued& issued, Handler handler = echo) {
    context_.emplace(showing(issued));
    auto plain = listen(loop_.executor(), {.host = "127.0.0.1", .port = 0});
    ASSERT_TRUE(plain) << plain.error().message;
    auto listener = tls_listener(loop_.executor(), std::move(*plain), *context_, tls_);
    place_ = listener->endpoint();
    start(std::move(handler));
    server_->serve(std::move(listener));
  }

  Connected dial(std::string host_name = "localhost", std::optional<TlsClientContext> context = {}) {
    Connected connected;
    loop_.run([&]() -> awaitable<void> {
      auto connecting = connect_tls(place_, host_name, context ? *context : *trusted_, times_);
      connected = co_await std::move(connecting);
    });
    return connected;
  }
  std::unique_ptr<Stream> dial_plain() {
    Connected connected;
    loop_.run([&]() -> awaitable<void> {
      auto connecting = connect(place_);
      connected = co_await std::move(connecting);
    });
    EXPECT_FALSE(connected.error);
    return std::move(connected.stream);
  }
  std::string problem(std::string host_name = "localhost", std::optional<TlsClientContext> context = {}) {
    return dial(std::move(host_name), std::move(context)).error.message();
  }

  /// One request on a connection of its own; the body of the answer, or what went wrong.
  std::string ask(std::string target = "/", std::string body = {}) {
    Connected connected = dial();
    if (connected.error) return connected.error.message();
    return ask_on(std::move(connected.stream), std::move(target), std::move(body));
  }
  std::string ask_on(std::unique_ptr<Stream> stream, std::string target = "/", std::string body = {}) {
    std::string outcome;
    loop_.run([&]() -> awaitable<void> {
      Client client(std::move(stream));
      RequestHead head{.method = "POST", .target = target};
      auto sending = client.send(std::move(head), body);
      co_await std::move(sending);
      auto reading_head = client.read_head();
      const Client::Head answer = co_await std::move(reading_head);
      outcome = answer.error.message();
      if (answer.error) co_return;
      auto reading = client.read_body(100'000'000);
      const Body got = co_await std::move(reading);
      outcome = got.error ? got.error.message() : got.bytes;
    });
    return outcome;
  }

  error_code end_of(Stream& stream) {
    error_code end;
    loop_.run([&]() -> awaitable<void> {
      std::string room(1'000, '\0');
      while (!end) {
        auto reading = stream.read_some(room);
        const Transfer got = co_await std::move(reading);
        end = got.error;
      }
    });
    return end;
  }

  fs::path folder_;
  Authority authority_;
  std::optional<TlsClientContext> trusted_;
  std::optional<TlsServerContext> context_;
  TlsListenerOptions tls_;
  ConnectTimes times_;
  Endpoint place_;
  std::vector<std::string> failures_;
};

TEST_F(TlsTest, AnswersLargeAndSmall) {
  serve(authority_.issue());
  EXPECT_EQ(ask("/x", "hello"), "POST /x hello");
  const std::string large(3'000'000, 'z');
  EXPECT_EQ(ask("/x", large), "POST /x " + large);
  EXPECT_THAT(failures_, ElementsAre());
}

TEST_F(TlsTest, BothVersionsAreSpokenAndNoOlderOne) {
  serve(authority_.issue());
  const std::string large(100'000, 'z');
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_min_proto_version(trusted_->get(), version);
    SSL_CTX_set_max_proto_version(trusted_->get(), version);
    EXPECT_EQ(ask("/x", large), "POST /x " + large);
  }
  SSL_CTX_set_min_proto_version(trusted_->get(), TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(trusted_->get(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(trusted_->get(), "DEFAULT@SECLEVEL=0");
  EXPECT_THAT(problem(), HasSubstr("broke TLS off: protocol version"));
  loop_.until([&] { return failures_.size() == 1; }, "the server to say so, too");
  EXPECT_THAT(failures_.front(), HasSubstr("no version of TLS from 1.2 on"));
}

TEST_F(TlsTest, OnlyHttp11IsAgreedUpon) {
  serve(authority_.issue());
  const unsigned char http_2[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(trusted_->get(), http_2, sizeof http_2);
  EXPECT_THAT(problem(), HasSubstr("broke TLS off: no application protocol"));
  const unsigned char both[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(trusted_->get(), both, sizeof both);
  EXPECT_EQ(ask(), "POST / ");
  const unsigned char old[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '0'};
  SSL_CTX_set_alpn_protos(trusted_->get(), old, sizeof old);
  EXPECT_EQ(dial().error, Fault::malformed) << "the server takes it; our client did not mean it";
  EXPECT_EQ(failures_.size(), 1u);
  SSL_CTX_set_alpn_protos(trusted_->get(), nullptr, 0);
  EXPECT_EQ(ask(), "POST / ") << "who does not ask speaks HTTP/1.1";
}

TEST_F(TlsTest, ACertificateMustBeForTheHost) {
  serve(authority_.issue({.names = {"DNS:localhost", "DNS:*.example.com", "IP:127.0.0.1"}}));
  for (const char* good : {"localhost", "LOCALHOST", "api.example.com", "127.0.0.1"}) {
    EXPECT_EQ(dial(good).error, error_code()) << good;
  }
  for (const char* bad : {"example.com", "a.b.example.com", "127.0.0.2", "::1", "other"}) {
    EXPECT_EQ(problem(bad), "the certificate is for another host") << bad;
  }
  EXPECT_EQ(dial("").error, Fault::misused);
  EXPECT_EQ(dial(std::string("localhost\0.evil", 15)).error, Fault::misused);
}

TEST_F(TlsTest, TheCommonNameOfACertificateCountsForNothing) {
  serve(authority_.issue({.names = {}}));
  EXPECT_EQ(problem("localhost"), "the certificate is for another host");
}

TEST_F(TlsTest, ACertificateMustBeOfItsTime) {
  serve(authority_.issue({.valid_from = -7'000, .valid_until = -60}));
  EXPECT_THAT(problem(), HasSubstr("has expired"));
  stop();
  serve(authority_.issue({.valid_from = 3'000, .valid_until = 3'600}));
  EXPECT_THAT(problem(), HasSubstr("not valid yet"));
}

TEST_F(TlsTest, ACertificatesIssuerMustBeTrusted) {
  serve(authority_.issue());
  EXPECT_THAT(problem("localhost", trusting(Authority("Other").certificate_pem())), HasSubstr("issuer is not trusted"));
  EXPECT_THAT(problem("localhost", trusting(Authority().certificate_pem())), HasSubstr("certificate"))
      << "a name is not a key";
  loop_.until([&] { return failures_.size() == 2; }, "the server to hear of it");
  EXPECT_THAT(failures_.front(), HasSubstr("the other end broke TLS off: unknown CA"));
  stop();
  const Issued alone = Authority::self_signed();
  serve(alone);
  EXPECT_THAT(problem(), HasSubstr("signed by itself"));
  EXPECT_EQ(problem("localhost", trusting(alone.certificate_pem())), error_code().message()) << "pinned";
}

TEST_F(TlsTest, AReloadIsForConnectionsThatComeAfterIt) {
  const Authority next("Next");
  serve(authority_.issue());
  Connected before = dial();
  const Issued renewed = next.issue();
  file("chain.pem", renewed.certificate_pem());
  file("key.pem", renewed.key_pem());
  ASSERT_TRUE(context_->reload());
  EXPECT_EQ(ask_on(std::move(before.stream), "/old"), "POST /old ");
  EXPECT_THAT(problem(), HasSubstr("issuer is not trusted"));
  trusted_.emplace(trusting(next.certificate_pem()));
  EXPECT_EQ(ask("/new"), "POST /new ");
}

TEST_F(TlsTest, GarbageInPlaceOfAHelloHarmsNobody) {
  serve(authority_.issue());
  const auto garbage = dial_plain();
  send(*garbage, std::string(5'000, '\xff'));
  read_all(*garbage);
  const auto plain = dial_plain();
  send(*plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  read_all(*plain);
  dial_plain()->close();
  EXPECT_EQ(ask(), "POST / ");
  loop_.until([&] { return failures_.size() == 3; }, "the failures");
  EXPECT_THAT(failures_, testing::Contains(HasSubstr("HTTP without TLS")));
  EXPECT_THAT(failures_, testing::Contains(HasSubstr("does not speak TLS")));
  EXPECT_THAT(failures_, testing::Contains(HasSubstr("closed before")));
}

TEST_F(TlsTest, HandshakesThatStallHoldNobodyUp) {
  serve(authority_.issue());
  std::vector<std::unique_ptr<Stream>> stalled;
  for (int i = 0; i < 20; ++i) {
    stalled.push_back(dial_plain());
    if (i % 2 == 0) send(*stalled.back(), "\x16\x03\x01");
  }
  EXPECT_EQ(ask(), "POST / ");
  EXPECT_THAT(failures_, ElementsAre());
}

TEST_F(TlsTest, BeyondTheLimitHandshakesWaitForThoseThatStallToBeGivenUp) {
  tls_.handshakes_max = 3;
  tls_.handshake_time = 50ms;
  serve(authority_.issue());
  std::vector<std::unique_ptr<Stream>> stalled;
  for (int i = 0; i < 7; ++i)
    stalled.push_back(dial_plain());
  EXPECT_EQ(ask(), "POST / ");
  ASSERT_GE(failures_.size(), 5u) << "seven came first, and three at a time";
  EXPECT_THAT(failures_.front(), HasSubstr("too long"));
  EXPECT_EQ(read_all(*stalled.front()), "");
}

TEST_F(TlsTest, StoppingEndsHandshakesToo) {
  serve(authority_.issue());
  const auto stalled = dial_plain();
  send(*stalled, "\x16\x03\x01");
  EXPECT_EQ(ask(), "POST / ");
  stop();
  EXPECT_EQ(read_all(*stalled), "");
  EXPECT_THAT(failures_, ElementsAre()) << "that is no failure of theirs";
}

TEST_F(TlsTest, AnIdleConnectionIsToldThatItEndsBeforeItIsClosed) {
  options_.idle_time = 20ms;
  serve(authority_.issue());
  Connected idle = dial();
  send(*idle.stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  read_until(*idle.stream, "GET / ");
  EXPECT_EQ(end_of(*idle.stream), asio::error::eof);
}

TEST_F(TlsTest, FilesMayBeReadAgainWhileAnotherThreadShakesHands) {
  context_.emplace(showing(authority_.issue()));
  asio::io_context elsewhere(1);
  auto plain = listen(elsewhere.get_executor(), {.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(plain) << plain.error().message;
  place_ = (*plain)->endpoint();
  Server server(elsewhere.get_executor(), echo);
  server.serve(tls_listener(elsewhere.get_executor(), std::move(*plain), *context_));
  std::thread thread([&] { elsewhere.run(); });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(context_->reload());
    EXPECT_EQ(ask(), "POST / ");
  }
  asio::post(elsewhere, [&] {
    auto stopping = server.stop(1s);
    asio::co_spawn(elsewhere, std::move(stopping), asio::detached);
  });
  thread.join();
}

/// A client whose server is the test, without TLS.
class TlsClientTest : public TlsTest {
 protected:
  void SetUp() override {
    TlsTest::SetUp();
    listener_ = listen(loop_.executor(), {.host = "127.0.0.1", .port = 0}).value();
    place_ = listener_->endpoint();
  }

  /// What the client says of a server that says this, and closes if it is to.
  error_code told(std::string answer, bool closes) {
    std::unique_ptr<Stream> held;
    bool done = false;
    loop_.spawn(
        [&]() -> awaitable<void> {
          auto accepting = listener_->accept();
          Connected connected = co_await std::move(accepting);
          held = std::move(connected.stream);
          auto writing = held->write(answer);
          co_await std::move(writing);
          std::string hello(4'096, '\0');
          auto reading = held->read_some(hello);
          co_await std::move(reading);
          if (closes) held->close();
        },
        [&] { done = true; });
    const error_code error = dial().error;
    loop_.until([&] { return done; }, "the server to have spoken");
    return error;
  }

  std::unique_ptr<Listener> listener_;
};

TEST_F(TlsClientTest, AServerThatDoesNotSpeakTlsIsToldFromOneThatLeavesOrIsSilent) {
  EXPECT_THAT(told("HTTP/1.1 400 Bad Request\r\n\r\n", false).message(), HasSubstr("does not speak TLS"));
  EXPECT_EQ(told("", true), Fault::closed);
  times_.handshake = 30ms;
  EXPECT_EQ(told("", false), Fault::timed_out);
}

TEST_F(TlsClientTest, AHandshakeEndsWhenItIsCancelled) {
  asio::cancellation_signal cancel;
  std::optional<error_code> ended;
  std::unique_ptr<Stream> held;
  auto connecting = connect_tls(place_, "localhost", *trusted_);
  asio::co_spawn(loop_.executor(), std::move(connecting),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr threw, const Connected& connected) {
                   EXPECT_FALSE(threw);
                   ended = connected.error;
                 }));
  loop_.run([&]() -> awaitable<void> {
    auto accepting = listener_->accept();
    Connected connected = co_await std::move(accepting);
    held = std::move(connected.stream);
    std::string hello(4'096, '\0');
    auto reading = held->read_some(hello);
    co_await std::move(reading);
  });
  cancel.emit(asio::cancellation_type::terminal);
  loop_.until([&] { return ended.has_value(); }, "the handshake to end");
  EXPECT_EQ(*ended, asio::error::operation_aborted);
}

/// Two ends over memory, which can be cut anywhere.
class TlsStreamTest : public TlsTest {
 protected:
  void join(MemoryOptions memory = {}) {
    near_.reset();
    far_.reset();
    auto [near, far] = memory_pair(loop_.executor(), memory);
    near_below_ = near.get();
    context_.emplace(showing(authority_.issue()));
    // Tickets are a part of the server's handshake that the client reads afterwards; a narrow pipe has no room for
    // them.
    SSL_CTX_set_num_tickets(context_->current().get(), 0);
    loop_.spawn([this, far = std::make_shared<std::unique_ptr<Stream>>(std::move(far))]() -> awaitable<void> {
      auto shaking = tls_server(std::move(*far), *context_);
      Connected connected = co_await std::move(shaking);
      EXPECT_FALSE(connected.error) << connected.error.message();
      far_ = std::move(connected.stream);
    });
    loop_.run([&]() -> awaitable<void> {
      auto shaking = tls_client(std::move(near), "localhost", *trusted_);
      Connected connected = co_await std::move(shaking);
      EXPECT_FALSE(connected.error) << connected.error.message();
      near_ = std::move(connected.stream);
    });
    loop_.until([&] { return far_ != nullptr; }, "the server's end");
  }

  void shut_down(Stream& stream) {
    loop_.run([&]() -> awaitable<void> {
      auto shutting = stream.shutdown();
      const error_code error = co_await std::move(shutting);
      EXPECT_FALSE(error);
    });
  }

  Stream* near_below_ = nullptr;
  std::unique_ptr<Stream> near_, far_;
};

TEST_F(TlsStreamTest, BytesGoBothWaysAtOnceWhateverTheStreamBelowTakes) {
  for (const MemoryOptions memory : {MemoryOptions{}, MemoryOptions{.read_bytes_max = 1, .held_bytes_max = 7}}) {
    join(memory);
    const std::string one(memory.read_bytes_max == 1 ? 20'000 : 1'000'000, 'a'), other(one.size() + 1, 'b');
    std::size_t ended = 0;
    const auto talk = [&](Stream& stream, const std::string& says, const std::string& hears) {
      loop_.spawn([&]() -> awaitable<void> {
        auto writing = stream.write("<", says, ">");
        const Transfer written = co_await std::move(writing);
        EXPECT_EQ(written.bytes, says.size() + 2);
        EXPECT_FALSE(written.error);
        ++ended;
      });
      loop_.spawn([&]() -> awaitable<void> {
        std::string heard, room(100'000, '\0');
        while (heard.size() < hears.size() + 2) {
          auto reading = stream.read_some(room);
          const Transfer got = co_await std::move(reading);
          EXPECT_FALSE(got.error) << got.error.message();
          if (got.error) break;
          heard.append(room, 0, got.bytes);
        }
        EXPECT_TRUE(heard == "<" + hears + ">");
        ++ended;
      });
    };
    talk(*far_, other, one);
    talk(*near_, one, other);
    loop_.until([&] { return ended == 4; }, "both ways");
  }
}

TEST_F(TlsStreamTest, AnEndThatWasSaidIsAnEndAndAnyOtherIsACut) {
  join();
  shut_down(*near_);
  EXPECT_EQ(end_of(*far_), asio::error::eof);
  send(*far_, "still heard");
  EXPECT_EQ(read_until(*near_, "heard"), "still heard");
  far_->close();
  EXPECT_EQ(end_of(*near_), Fault::truncated);
  EXPECT_EQ(end_of(*near_), Fault::truncated) << "for good";
  join();
  send(*near_, "a last word");
  near_->close();
  EXPECT_EQ(read_until(*far_, "word"), "a last word");
  EXPECT_EQ(end_of(*far_), Fault::truncated);
}

TEST_F(TlsStreamTest, ChangedBytesAreNoticed) {
  join();
  loop_.run([&]() -> awaitable<void> {
    const std::string record = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
    auto writing = near_below_->write(std::string_view(record));
    co_await std::move(writing);
  });
  EXPECT_THAT(end_of(*far_).message(), HasSubstr("TLS: "));
  EXPECT_THAT(end_of(*near_).message(), HasSubstr("broke TLS off: bad record mac"));
}

TEST_F(TlsStreamTest, ACancelledReadTookNothing) {
  join();
  asio::cancellation_signal cancel;
  std::string room(100, '\0');
  std::optional<Transfer> ended;
  auto reading = near_->read_some(room);
  asio::co_spawn(loop_.executor(), std::move(reading),
                 asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, Transfer got) { ended = got; }));
  loop_.run([]() -> awaitable<void> { co_return; });
  cancel.emit(asio::cancellation_type::terminal);
  loop_.until([&] { return ended.has_value(); }, "the cancelled read");
  EXPECT_EQ(ended->error, asio::error::operation_aborted);
  send(*far_, "hello");
  EXPECT_EQ(read_until(*near_, "hello"), "hello");
}

TEST_F(TlsStreamTest, ABodyThatLastsUntilTheEndIsWholeOnlyIfTheEndWasSaid) {
  for (const bool said : {true, false}) {
    join();
    send(*far_, "HTTP/1.1 200 OK\r\n\r\nhalf or whole");
    if (said) {
      shut_down(*far_);
    } else {
      far_->close();
    }
    EXPECT_EQ(ask_on(std::move(near_)), said ? "half or whole" : error_code(Fault::truncated).message());
  }
}

TEST_F(TlsStreamTest, AKeptConnectionThatIsCutUnderARequestMayBeAskedAgainElsewhere) {
  join();
  far_->close();
  EXPECT_EQ(ask_on(std::move(near_)), error_code(Fault::closed).message());
}

TEST_F(TlsTest, AnAnswerThatIsCutIsTruncatedHoweverItIsFramed) {
  serve(authority_.issue(), [](Request& request, Response& response) -> awaitable<void> {
    Fields fields;
    if (request.path() == "/counted") fields.add("Content-Length", "9");
    auto beginning = response.begin(200, std::move(fields), "begun");
    co_await std::move(beginning);
    if (request.path() == "/cut") {
      response.cut();
      auto waiting = response.client_gone();
      co_await std::move(waiting);
    }
  });
  for (const char* target : {"/chunked", "/counted", "/cut"}) {
    EXPECT_EQ(ask(target), error_code(Fault::truncated).message()) << target;
  }
  Connected old = dial();
  send(*old.stream, "GET / HTTP/1.0\r\n\r\n");
  read_until(*old.stream, "begun");
  EXPECT_EQ(end_of(*old.stream), asio::error::connection_reset);
}

TEST_F(TlsTest, APoolKeepsConnectionsAndSeesThemEnd) {
  options_.idle_time = 300ms;
  serve(authority_.issue());
  const Origin origin{.tls = true, .host = "localhost", .port = place_.port};
  Pool pool(loop_.executor(), origin, connector(origin, *trusted_));
  for (int i = 0; i < 3; ++i) {
    loop_.run([&]() -> awaitable<void> {
      Lease lease = pool.take_kept().value_or(Lease());
      if (!lease) {
        auto taking = pool.take_fresh();
        lease = co_await std::move(taking);
      }
      EXPECT_TRUE(lease) << lease.error().message();
      if (!lease) co_return;
      EXPECT_EQ(lease.fresh(), i == 0);
      RequestHead head{.target = "/kept"};
      auto sending = lease->send(std::move(head));
      co_await std::move(sending);
      auto reading_head = lease->read_head();
      const Client::Head answer = co_await std::move(reading_head);
      EXPECT_EQ(answer.head.status, 200);
      auto reading = lease->read_body(100);
      const Body body = co_await std::move(reading);
      EXPECT_EQ(body.bytes, "GET /kept ");
    });
    EXPECT_EQ(pool.idle_connections(), 1u);
  }
  EXPECT_EQ(server_->connections(), 1u);
  loop_.until([&] { return server_->connections() == 0; }, "the server to close it");
  EXPECT_FALSE(pool.take_kept());
}

}  // namespace
}  // namespace holdfast::net
