#include "holdfast/net/access/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace holdfast::net {
namespace {

using testing::HasSubstr;

const Peer here{.text = "127.0.0.1:50412"}, elsewhere{.text = "192.0.2.7:50412"};
const Peer socket_peer{.text = "unix, user 1000, process 4711", .user = 1000};

AccessOptions with_token() {
  AccessOptions options;
  options.tokens = {{.name = "ana", .sha256 = sha256_of_token("hf_ana"), .scopes = {"answer"}}};
  options.hosts = {"127.0.0.1", "box.example", "::1", "tunnel.example:8443"};
  return options;
}

RequestHead asked(std::string host, Fields more = {}, std::string method = "GET") {
  RequestHead head{.method = std::move(method), .fields = std::move(more)};
  head.fields.add("Host", host);
  return head;
}

/// The code of the refusal; ok where it is admitted.
Errc refused(const result<Caller>& outcome) {
  return outcome ? Errc::ok : outcome.error().code;
}

class AccessOf : public testing::Test {
 protected:
  Errc with(const RequestHead& head, Scope scope = Scope::read, const Peer& peer = elsewhere) {
    return refused(access_.admit(head, peer, scope));
  }
  const Access access_ = *Access::make(with_token());
  const Fields ana_{{"Authorization", "Bearer hf_ana"}};
};

TEST_F(AccessOf, ATokenAdmitsByItsScopesAndGivesItsName) {
  EXPECT_EQ(access_.admit(asked("box.example", ana_), elsewhere, Scope::answer)->token, "ana");
  EXPECT_EQ(with(asked("box.example", ana_), Scope::read), Errc::ok);
  EXPECT_EQ(with(asked("box.example", ana_), Scope::proxy), Errc::forbidden);
  EXPECT_EQ(with(asked("box.example", ana_), Scope::admin), Errc::forbidden);
  EXPECT_EQ(with(asked("box.example")), Errc::unauthorized);
  EXPECT_EQ(with(asked("box.example", {{"x-api-key", "guess"}})), Errc::unauthorized);
  EXPECT_EQ(with(asked("box.example"), Scope::open), Errc::ok);
}

TEST_F(AccessOf, TokensAreNeededFromThisMachineToo) {
  EXPECT_EQ(with(asked("127.0.0.1:7411"), Scope::read, here), Errc::unauthorized);
}

TEST_F(AccessOf, RefusalsNameTheScopeAndNeverWhatWasSent) {
  const auto lacking = access_.admit(asked("box.example", ana_), elsewhere, Scope::admin);
  EXPECT_THAT(lacking.error().message, HasSubstr("'ana' does not allow 'admin'"));
  const auto guess = access_.admit(asked("box.example", {{"x-api-key", "s3cret"}}), elsewhere, Scope::admin);
  EXPECT_THAT(guess.error().message, HasSubstr("allows 'admin'"));
  EXPECT_THAT(guess.error().message, testing::Not(HasSubstr("s3cret")));
}

TEST_F(AccessOf, AForeignHostIsRefusedWhateverElseItBrings) {
  for (const char* host : {"evil.example", "evil.example:7411", "box.example.evil.example", "", "tunnel.example",
                           "tunnel.example:7411", "[::2]:7411", "127.0.0.1.evil.example"}) {
    EXPECT_EQ(with(asked(host, ana_), Scope::read), Errc::forbidden) << host;
    EXPECT_EQ(with(asked(host), Scope::open), Errc::forbidden) << host;
  }
  for (const char* host :
       {"box.example", "BOX.example:1", "127.0.0.1:7411", "[::1]:7411", "[::1]", "tunnel.example:8443"}) {
    EXPECT_EQ(with(asked(host, ana_), Scope::read), Errc::ok) << host;
  }
}

TEST_F(AccessOf, AForeignPageMayChangeNothing) {
  const auto from = [&](std::string origin, std::string method) {
    Fields fields = ana_;
    fields.add("Origin", origin);
    return with(asked("box.example:7411", fields, std::move(method)), Scope::answer);
  };
  for (const char* origin : {"https://evil.example", "null", "", "http://box.example", "http://box.example:7412",
                             "http://box.example:7411.evil.example", "box.example:7411"}) {
    EXPECT_EQ(from(origin, "POST"), Errc::forbidden) << origin;
    EXPECT_EQ(from(origin, "DELETE"), Errc::forbidden) << origin;
    EXPECT_EQ(from(origin, "GET"), Errc::ok) << origin;
  }
  EXPECT_EQ(from("http://box.example:7411", "POST"), Errc::ok);
  EXPECT_EQ(from("https://BOX.example:7411", "POST"), Errc::ok) << "TLS ends in front of it";
}

TEST(Access, WithoutTokensServesThisMachineAlone) {
  const Access access;
  for (const char* text : {"127.0.0.1:50412", "127.8.8.8:1", "[::1]:50412", "[::ffff:127.0.0.1]:50412"}) {
    EXPECT_EQ(refused(access.admit(asked("localhost:7411"), {.text = text}, Scope::admin)), Errc::ok) << text;
  }
  for (const char* text :
       {"192.0.2.7:50412", "[2001:db8::1]:50412", "[::ffff:192.0.2.7]:1", "", "127.evil.example:1"}) {
    EXPECT_EQ(refused(access.admit(asked("localhost:7411"), {.text = text}, Scope::read)), Errc::unauthorized) << text;
  }
  EXPECT_EQ(refused(access.admit(asked("evil.example:7411"), here, Scope::read)), Errc::forbidden);
  const Fields page{{"Origin", "https://evil.example"}};
  EXPECT_EQ(refused(access.admit(asked("localhost:7411", page, "POST"), here, Scope::proxy)), Errc::forbidden);
}

TEST(Access, WithoutTokensAFrontOnThisMachineOpensTheProxyAndNotTheControlApi) {
  const Access access = *Access::make({.hosts = {"front.example"}});
  const RequestHead behind_front = asked("front.example"), directly = asked("127.0.0.1:7411");
  EXPECT_EQ(refused(access.admit(behind_front, here, Scope::proxy)), Errc::ok);
  EXPECT_EQ(refused(access.admit(behind_front, here, Scope::open)), Errc::ok);
  for (const Scope scope : {Scope::read, Scope::answer, Scope::admin}) {
    EXPECT_EQ(refused(access.admit(behind_front, here, scope)), Errc::forbidden) << name(scope);
    EXPECT_EQ(refused(access.admit(directly, here, scope)), Errc::ok) << name(scope);
  }
  EXPECT_THAT(access.admit(behind_front, here, Scope::read).error().message, HasSubstr("without tokens"));
}

TEST_F(AccessOf, NamesOfTheLoopbackInterfaceAreNamesWhateverElseIsConfigured) {
  for (const char* host : {"localhost:7411", "LOCALHOST", "127.0.0.1", "[::1]:7411"}) {
    EXPECT_EQ(with(asked(host, ana_)), Errc::ok) << host;
    EXPECT_EQ(with(asked(host)), Errc::unauthorized) << host;
  }
}

TEST(Access, InsecureServesEverybodyUnderItsNames) {
  const Access access = *Access::make({.hosts = {"box"}, .insecure = true});
  EXPECT_EQ(refused(access.admit(asked("box:7411"), elsewhere, Scope::admin)), Errc::ok);
  EXPECT_EQ(refused(access.admit(asked("evil:7411"), elsewhere, Scope::read)), Errc::forbidden);
  const Access both = *Access::make({.tokens = with_token().tokens, .hosts = {"box"}, .insecure = true});
  EXPECT_EQ(refused(both.admit(asked("box:7411"), elsewhere, Scope::read)), Errc::unauthorized)
      << "tokens that are there are needed";
}

TEST(Access, AUnixSocketIsLockedByItsModeAlone) {
  const Access access = *Access::make(with_token());
  EXPECT_EQ(refused(access.admit(asked("anything"), socket_peer, Scope::admin)), Errc::ok);
  EXPECT_EQ(access.admit(asked("anything"), socket_peer, Scope::admin)->token, "");
}

TEST(Access, SaysWhereNobodyShouldListenWithoutTokens) {
  const Access open;
  EXPECT_FALSE(open.problem_with({.host = "127.0.0.1", .port = 7411}));
  EXPECT_FALSE(open.problem_with({.host = "::1", .port = 7411}));
  EXPECT_FALSE(open.problem_with({.path = "/run/h.sock"}));
  EXPECT_THAT(open.problem_with({.host = "0.0.0.0", .port = 7411}).value_or(""), HasSubstr("0.0.0.0:7411"));
  EXPECT_TRUE(open.problem_with({.host = "::", .port = 7411}));
  EXPECT_FALSE(Access::make(with_token())->problem_with({.host = "0.0.0.0", .port = 7411}));
  EXPECT_FALSE(Access::make({.insecure = true})->problem_with({.host = "0.0.0.0", .port = 7411}));
}

TEST(Access, HostsThatAreNoneAreRefused) {
  EXPECT_EQ(Access::make({.hosts = {"http://box"}}).error().code, Errc::config);
  EXPECT_EQ(Access::make({.hosts = {"a b"}}).error().code, Errc::config);
}

TEST(CurrentAccess, IsRenewedWhileOthersReadItAndWhatTheyHaveStaysAsItWas) {
  CurrentAccess current(*Access::make(with_token()));
  const auto before = current.now();
  const std::jthread renewing([&] {
    for (int i = 0; i < 100; ++i)
      current.renew(i % 2 == 0 ? Access() : *Access::make(with_token()));
    current.renew(Access());
  });
  while (!current.now()->tokens().empty())
    EXPECT_EQ(before->tokens().find({{"Authorization", "Bearer hf_ana"}})->name, "ana");
  EXPECT_FALSE(before->tokens().empty());
}

}  // namespace
}  // namespace holdfast::net
