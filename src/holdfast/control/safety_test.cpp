#include "holdfast/control/control_driver.hpp"

// The API over TCP: who is let in, and what strangers hear. Each test is a line of docs/design/threat-model.md.
namespace holdfast::control {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* secret = "hf_the-secret-of-ana";

std::shared_ptr<net::CurrentAccess> with_tokens() {
  const auto entry = [](const char* name, const std::string& token, std::vector<std::string> scopes) {
    return net::TokenEntry{.name = name, .sha256 = net::sha256_of_token(token), .scopes = std::move(scopes)};
  };
  auto made = net::Access::make({.tokens = {entry("ana", secret, {"answer"}), entry("grafana", "hf_grafana", {"read"}),
                                            entry("boss", "hf_boss", {"admin"}), entry("app", "hf_app", {"proxy"})},
                                 .hosts = {"127.0.0.1", "box.example"}});
  return std::make_shared<net::CurrentAccess>(std::move(*made));
}

/// A gateway whose API is served over TCP.
class OverTcp {
 public:
  explicit OverTcp(ServiceOptions options = {}) {
    options.endpoint = {.host = "127.0.0.1", .port = 0};
    service_.emplace(gateway_, std::move(options));
  }

  Gateway& gateway() { return gateway_; }
  const net::Endpoint& endpoint() const { return service_->endpoint(); }

  Got ask(std::string method, const std::string& target, const std::string& token = {}, net::Fields fields = {},
          std::string body = {}) {
    if (!token.empty()) fields.add("Authorization", "Bearer " + token);
    if (!body.empty()) fields.add("Content-Type", "application/json");
    net::RequestHead head{.method = std::move(method), .target = target, .fields = std::move(fields)};
    const auto fetched = net::fetch(endpoint(), head, std::move(body), {.total_time = 20s});
    if (!fetched) {
      ADD_FAILURE() << target << ": " << fetched.error().message;
      return {};
    }
    return checked_against_document(head.method, target, *fetched);
  }

 private:
  Gateway gateway_{Served::with_providers()};
  std::optional<Service> service_;
};

ServiceOptions guarded() {
  ServiceOptions options;
  options.access = with_tokens();
  return options;
}

const std::string jobs = "/holdfast/v1/jobs";
const std::string lock = R"({"providerName": "Ollama"})";

TEST(Safety, EachRouteNeedsATokenWithItsScopeButTheOpenOnes) {
  OverTcp served(guarded());
  for (const Route& route : routes()) {
    std::string target = route.whole_path();
    for (const char* name : {"{job}", "{operation}", "{provider}"}) {
      if (const std::size_t at = target.find(name); at != std::string::npos) {
        target.replace(at, std::string(name).size(), "x");
      }
    }
    const std::string body = route.takes_body ? "{}" : "";
    const std::string method(route.method);
    const auto status = [&](const char* token) { return served.ask(method, target, token, {}, body).status; };
    if (route.scope == Scope::open) {
      EXPECT_EQ(status(""), 200) << target;
      continue;
    }
    EXPECT_EQ(status(""), 401) << method << " " << target;
    EXPECT_EQ(status("hf_guess"), 401) << method << " " << target;
    EXPECT_EQ(status("hf_app"), 403) << method << " " << target << ": a client of the proxy sees no jobs";
    if (route.scope != Scope::read) {
      EXPECT_EQ(status("hf_grafana"), 403) << method << " " << target;
    }
    if (route.scope == Scope::admin) {
      EXPECT_EQ(status(secret), 403) << method << " " << target;
    }
    if (route.handle == nullptr) continue;  // the feed has no end
    const int allowed = status("hf_boss");
    EXPECT_TRUE(allowed != 401 && allowed != 403) << method << " " << target << " answers " << allowed;
  }
}

TEST(Safety, RefusalsSayWhatIsMissingInTheFormsThatClientsKnow) {
  OverTcp served(guarded());
  const Got without = served.ask("GET", jobs);
  EXPECT_EQ(without.code(), "unauthorized");
  EXPECT_THAT(std::string(without.fields.find("WWW-Authenticate").value_or("")), testing::StartsWith("Bearer"));
  EXPECT_THAT(served.ask("DELETE", jobs + "/x", secret).detail(), HasSubstr("'ana' does not allow 'admin'"));
  EXPECT_EQ(served.ask("GET", jobs, "", {{"x-api-key", secret}}).status, 200);
  EXPECT_EQ(served.ask("GET", jobs, "", {{"xi-api-key", secret}}).status, 200);
}

TEST(Safety, WhatAStrangerMayNotSeeIsTheSameForWhatIsThereAndWhatIsNot) {
  OverTcp served(guarded());
  served.ask("POST", jobs + "/there/locks", "hf_boss", {}, lock);
  const Got there = served.ask("GET", jobs + "/there", "hf_guess"), not_there = served.ask("GET", jobs + "/x", "");
  EXPECT_EQ(there.status, 401);
  EXPECT_EQ(there.text, not_there.text);
}

TEST(Safety, AForeignHostIsRefusedBeforeTokensAreLookedAt) {
  OverTcp served(guarded());
  for (const char* host : {"evil.example", "evil.example:7411", "box.example.evil.example"}) {
    const Got got = served.ask("GET", jobs, secret, {{"Host", host}});
    EXPECT_EQ(got.status, 403) << host;
    EXPECT_THAT(got.detail(), HasSubstr("Host"));
    EXPECT_EQ(served.ask("GET", "/", "", {{"Host", host}}).status, 403) << host;
  }
  EXPECT_EQ(served.ask("GET", jobs, secret, {{"Host", "box.example:443"}}).status, 200);
}

TEST(Safety, APageOfAnotherServerChangesNothingAndReadsNothing) {
  OverTcp served;  // no tokens: the browser of who sits here is let in as he is
  const net::Fields page{{"Origin", "https://evil.example"}};
  const Got posted = served.ask("POST", jobs + "/job/locks", "", page, lock);
  EXPECT_EQ(posted.status, 403);
  EXPECT_THAT(posted.detail(), HasSubstr("Origin"));
  EXPECT_EQ(served.ask("POST", jobs + "/job/locks", "", {{"Origin", "null"}}, lock).status, 403);
  EXPECT_EQ(served.ask("DELETE", jobs + "/job", "", page).status, 403);
  EXPECT_FALSE(served.gateway().job("job"));
  const Got read = served.ask("GET", jobs, "", page);
  const Got preflight = served.ask("OPTIONS", jobs, "", page);
  for (const Got& each : {posted, read, preflight}) {
    EXPECT_EQ(each.fields.count("Access-Control-Allow-Origin"), 0u);
    EXPECT_EQ(each.fields.find("Cross-Origin-Resource-Policy"), "same-origin");
  }
  const std::string own = "http://" + served.endpoint().host_field();
  EXPECT_EQ(served.ask("POST", jobs + "/job/locks", "", {{"Origin", own}}, lock).status, 201);
}

TEST(Safety, AFormOfAPageCannotBeABody) {
  OverTcp served;
  net::RequestHead head{.method = "POST", .target = jobs, .fields = {{"Content-Type", "text/plain"}}};
  const auto got = net::fetch(served.endpoint(), head, "{}", {.total_time = 20s});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->head.status, 415);
}

TEST(Safety, EveryAnswerForbidsToGuessItsTypeToKeepItAndToRunIt) {
  OverTcp served(guarded());
  for (const char* target : {"/", "/holdfast/v1/jobs", "/holdfast/v1/nothing", "/holdfast/v1/health/live"}) {
    const Got got = served.ask("GET", target, secret);
    EXPECT_EQ(got.fields.find("Content-Security-Policy"), "default-src 'none'; frame-ancestors 'none'") << target;
    EXPECT_EQ(got.fields.find("Referrer-Policy"), "no-referrer") << target;
  }
  net::RequestHead head{.target = "/holdfast/v1/events", .fields = {{"x-api-key", secret}, {"Last-Event-ID", "x"}}};
  const auto feed = net::follow(served.endpoint(), head, [](const net::SseEvent&) { return false; });
  ASSERT_TRUE(feed);
  EXPECT_EQ(feed->head.fields.find("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(feed->head.fields.find("Cache-Control"), "no-store");
}

TEST(Safety, ATokenIsNeverToldAgain) {
  OverTcp served(guarded());
  const std::string key = "hf_typo-of-a-secret";
  for (const auto& [method, target] : {std::pair("GET", "/holdfast/v1/jobs"), std::pair("GET", "/holdfast/v1/x"),
                                       std::pair("PUT", "/holdfast/v1/jobs")}) {
    for (const char* token : {secret, key.c_str()}) {
      const Got got = served.ask(method, target, token);
      EXPECT_THAT(got.text, Not(HasSubstr(token)));
      for (const net::Field& each : got.fields)
        EXPECT_THAT(each.value, Not(HasSubstr(token)));
    }
  }
  served.ask("POST", jobs, "hf_boss", {}, R"({"jobId": "job"})");
  EXPECT_THAT(served.ask("GET", "/holdfast/v1/audit?job=job", secret).text, Not(HasSubstr("hf_boss")));
}

TEST(Safety, TheTokenIsWhoActsAndWhatIsSaidStandsBesideIt) {
  OverTcp served(guarded());
  const auto opened_by = [&](const std::string& id, const std::string& said) {
    const std::string by = said.empty() ? "" : R"(, "by": ")" + said + "\"";
    served.ask("POST", jobs, "hf_boss", {}, R"({"jobId": ")" + id + "\"" + by + "}");
    return std::get<JobOpened>(served.gateway().records(id).front().record).opened_by;
  };
  EXPECT_EQ(opened_by("one", ""), "boss");
  EXPECT_EQ(opened_by("two", "ana"), "boss (ana)") << "ana has a token of her own";
  EXPECT_EQ(opened_by("three", "boss"), "boss");
  EXPECT_EQ(opened_by("four", std::string(256, 'x')), "boss");
}

TEST(Safety, WithoutTokensNobodyListensWhereOthersCome) {
  Gateway gateway;
  ServiceOptions options;
  options.endpoint = {.host = "0.0.0.0", .port = 0};
  EXPECT_EQ(thrown([&] { Service open(gateway, options); }), Errc::config);
  options.access = with_tokens();
  EXPECT_EQ(thrown([&] { Service closed(gateway, options); }), Errc::ok);
  options.access = std::make_shared<const net::CurrentAccess>(*net::Access::make({.insecure = true}));
  EXPECT_EQ(thrown([&] { Service meant(gateway, options); }), Errc::ok);
}

TEST(Safety, MoreFollowersThanThereArePlacesAreToldToComeBack) {
  OverTcp served;
  std::vector<std::future<int>> followers;
  std::stop_source stop;
  std::atomic<std::size_t> following = 0;
  const auto follow = [&] {
    net::RequestHead head{.target = "/holdfast/v1/events", .fields = {{"Last-Event-ID", "another-1"}}};
    const auto heard = [&](const net::SseEvent&) { return ++following, true; };  // the reset
    const auto got = net::follow(served.endpoint(), head, heard, {.stop = stop.get_token()});
    return got ? got->head.status : 0;
  };
  for (std::size_t i = 0; i < followers_max; ++i)
    followers.push_back(std::async(std::launch::async, follow));
  wait_for([&] { return following == followers_max; });
  const Got more = served.ask("GET", "/holdfast/v1/events");
  EXPECT_EQ(more.status, 429);
  EXPECT_EQ(more.fields.find("Retry-After"), "1");
  EXPECT_EQ(served.ask("GET", jobs).status, 200) << "nobody else is held up";
  stop.request_stop();
  for (auto& each : followers)
    each.get();
}

TEST(Safety, AFeedEndsWhenItsFollowersTokenIsTakenAway) {
  ServiceOptions options;
  const auto access = with_tokens();
  options.access = access;
  options.feed_comment_time = 10ms;
  OverTcp served(options);
  std::atomic<bool> follows = false;
  auto following = std::async(std::launch::async, [&] {
    net::RequestHead head{.target = "/holdfast/v1/events",
                          .fields = {{"Last-Event-ID", "another-1"}, {"Authorization", "Bearer hf_grafana"}}};
    return net::follow(served.endpoint(), head, [&](const net::SseEvent&) { return follows = true, true; });
  });
  wait_for([&] { return follows.load(); });
  access->renew(*with_tokens()->now());  // the token is still there
  tell(served.gateway(), "s");
  EXPECT_EQ(following.wait_for(50ms), std::future_status::timeout);
  access->renew(*net::Access::make(
      {.tokens = {{.name = "boss", .sha256 = net::sha256_of_token("hf_boss"), .scopes = {"admin"}}}}));
  const auto ended = following.get();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::truncated) << ended.error().message;
}

TEST(Safety, MoreRequestsThanMayWaitAreToldToComeBack) {
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  ServiceOptions options;
  options.providers = [gone] {
    gone.wait();
    return std::vector<api::ProviderView>();
  };
  OverTcp served(options);
  std::vector<std::future<int>> waiting;
  std::atomic<std::size_t> refused = 0;
  for (std::size_t i = 0; i < calls_waiting_max + 1; ++i) {
    waiting.push_back(std::async(std::launch::async, [&] {
      const auto got = net::fetch(served.endpoint(), {.target = "/holdfast/v1/providers"});
      const int status = got ? got->head.status : 0;
      if (status == 429) ++refused;
      return status;
    }));
  }
  wait_for([&] { return refused > 0; });
  go.set_value();
  std::size_t answered = 0;
  for (auto& each : waiting)
    answered += each.get() == 200 ? 1 : 0;
  EXPECT_EQ(answered, calls_waiting_max);
  EXPECT_EQ(refused, 1u);
}

TEST(Safety, TellsMetricsWhereThereAreSome) {
  OverTcp none;
  EXPECT_EQ(none.ask("GET", "/metrics").status, 404);
  ServiceOptions options = guarded();
  options.metrics = [] { return std::string("holdfast_open_questions 0\n"); };
  OverTcp some(options);
  const Got got = some.ask("GET", "/metrics", "hf_grafana");
  EXPECT_EQ(got.text, "holdfast_open_questions 0\n");
  EXPECT_EQ(got.fields.find("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST(Safety, IsNotReadyOnceItWantsNoNewWork) {
  std::atomic<bool> stopping = false;
  ServiceOptions options;
  options.stopping = [&] { return stopping.load(); };
  OverTcp served(options);
  EXPECT_EQ(served.ask("GET", "/holdfast/v1/health/ready").status, 200);
  stopping = true;
  const Got ready = served.ask("GET", "/holdfast/v1/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.detail(), HasSubstr("stopping"));
  EXPECT_EQ(served.ask("GET", "/holdfast/v1/health/live").status, 200);
}

}  // namespace
}  // namespace holdfast::control
