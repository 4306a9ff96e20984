#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <deque>
#include <map>

#include "holdfast/net/net_driver.hpp"
#include "holdfast/proxy/proxy.hpp"

/// For tests: a client, the proxy and scripted providers on one loop, with a gateway beside it. Everything waits for
/// conditions; the times of the profiles are short enough to be waited for.
namespace holdfast::proxy {

inline constexpr std::string_view impatient = R"({
  "profiles": {"local_llm": {"normalThresholdMs": 50, "extendedThresholdMs": 100, "deepWaitThresholdMs": 200,
                             "heartbeatIntervalMs": 50, "stallSuspicionMultiplier": 2}},
  "stallBehavior": {"checkIntervalMs": 10}})";

inline std::string post(const std::string& path, const std::string& body, const std::string& fields = {}) {
  return "POST " + path + " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A form with a file in it, which passes unread.
inline std::string post_form(const std::string& path) {
  return "POST " + path + " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: multipart/form-data; boundary=x\r\n" +
         "Content-Length: 5\r\n\r\n--x--";
}

inline const std::string chat =
    R"({"model": "small", "messages": [{"role": "user", "content": "hi"}], "stream": true})";
inline const std::string chat_whole = R"({"model": "small", "messages": [{"role": "user", "content": "hi"}]})";

inline std::string delta(const std::string& text) {
  return R"(data: {"id":"1","choices":[{"index":0,"delta":{"content":")" + text + "\"}}]}\n\n";
}
inline const std::string chat_end =
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

using Script = std::function<net::awaitable<void>(net::Request&, net::Response&)>;

/// Begins a stream, and goes on when it is told.
class Held {
 public:
  explicit Held(net::Executor executor) : go_(std::move(executor)) {}

  Script begins_with(std::string first) {
    return [this, first](net::Request& request, net::Response& response) -> net::awaitable<void> {
      auto reading = request.read_body(1 << 20);
      co_await std::move(reading);
      const net::Fields fields = {{"Content-Type", "text/event-stream"}};
      auto beginning = response.begin(200, fields, first);
      co_await std::move(beginning);
      auto going_on = go_on(response);
      co_await std::move(going_on);
    };
  }
  /// Before the head.
  Script answers_late(std::string type = "text/event-stream") {
    type_ = std::move(type);
    return [this](net::Request& request, net::Response& response) -> net::awaitable<void> {
      auto reading = request.read_body(1 << 20);
      co_await std::move(reading);
      auto going_on = go_on(response);
      co_await std::move(going_on);
    };
  }
  void say(std::string more, bool ends) {
    more_ = std::move(more);
    ends_ = ends;
    told_ = true;
    go_.notify();
  }
  bool waits() const { return waits_; }
  bool left() const { return left_; }

 private:
  net::awaitable<void> go_on(net::Response& response) {
    response.on_gone([this](net::Gone) {
      left_ = true;
      go_.notify();
    });
    waits_ = true;
    while (!told_ && !left_) {
      auto waiting = go_.wait();
      co_await std::move(waiting);
    }
    waits_ = false;
    if (left_) co_return;
    if (!response.begun()) {
      const net::Fields fields = {{"Content-Type", type_}};
      auto beginning = response.begin(200, fields);
      co_await std::move(beginning);
    }
    auto writing = response.write(more_);
    co_await std::move(writing);
    if (!ends_) co_return;
    auto ending = response.end();
    co_await std::move(ending);
  }

  net::Signal go_;
  std::string more_, type_ = "text/event-stream";
  bool ends_ = true, told_ = false, waits_ = false, left_ = false;
};

class ProxyTest : public net::ServerTest {
 protected:
  ProxyTest()
      : gateway_({.profiles = TimeoutProfiles::parse(impatient, "impatient"),
                  .providers = {info("One", {"openai"}), info("Two", {"openai"}), info("Claude", {"anthropic"})}}) {}

  static ProviderInfo info(std::string name, std::vector<std::string> protocols) {
    return {.name = std::move(name), .type = "local_llm", .kinds = {"text"}, .protocols = std::move(protocols)};
  }

  void SetUp() override {
    proxy_options_.access = std::make_shared<const net::CurrentAccess>(
        net::Access::make({.hosts = {"holdfast"}, .insecure = true}).value());
    proxy_options_.header_grace = std::chrono::milliseconds(40);
    proxy_options_.keepalive = std::chrono::milliseconds(30);
    provider("One", wire::Dialect::openai);
    provider("Two", wire::Dialect::openai);
    provider("Claude", wire::Dialect::anthropic);
  }

  void TearDown() override {
    ServerTest::TearDown();
    proxy_.reset();
    for (auto& [name, server] : providers_) {
      loop_.run([&]() -> net::awaitable<void> {
        auto stopping = server->stop(std::chrono::milliseconds(0));
        co_await std::move(stopping);
      });
    }
  }

  /// One that answers as its script says.
  void provider(const std::string& name, wire::Dialect dialect) {
    providers_[name] =
        std::make_unique<net::Server>(loop_.executor(), [this, name](net::Request& request, net::Response& response) {
          ++calls_[name];
          return scripts_.at(name)(request, response);
        });
    ProviderOptions options{.name = name, .type = "local_llm", .dialect = dialect};
    options.base = net::parse_origin("http://" + std::string(name == "Claude" ? "claude" : "gpt") + ".test/v1").value();
    options.connector = [this, name]() -> net::awaitable<net::Connected> {
      if (refusals_ > 0) {
        --refusals_;
        co_return net::Connected{.error = boost::asio::error::connection_refused};
      }
      auto [near, far] = net::memory_pair(loop_.executor());
      providers_.at(name)->serve(std::move(far));
      co_return net::Connected{.stream = std::move(near)};
    };
    proxy_options_.providers.push_back(std::move(options));
  }

  /// A script that is told when to go on; it lives as long as its provider.
  Held& hold() { return held_.emplace_back(loop_.executor()); }

  /// A connection to the proxy. The first makes it: options are set before.
  std::unique_ptr<net::Stream> client() {
    if (!proxy_) {
      proxy_ = std::make_unique<Proxy>(gateway_, loop_.executor(), std::make_shared<ProxyOptions>(proxy_options_));
      start([this](net::Request& request, net::Response& response) { return proxy_->handle(request, response); });
    }
    return connection();
  }

  /// Sends it over a connection of its own, and reads until `end`.
  std::string ask(const std::string& request, const std::string& end) {
    const auto stream = client();
    send(*stream, request);
    return read_until(*stream, end);
  }

  std::string open_operation() {
    std::string id;
    loop_.until(
        [&] {
          const auto questions = gateway_.open_questions();
          if (!questions.empty()) id = questions.front().operation_id;
          return !id.empty();
        },
        "a question");
    return id;
  }

  std::deque<Held> held_;
  Gateway gateway_;
  ProxyOptions proxy_options_;
  std::map<std::string, std::unique_ptr<net::Server>> providers_;
  std::map<std::string, Script> scripts_;
  std::map<std::string, int> calls_;
  int refusals_ = 0;
  std::unique_ptr<Proxy> proxy_;
};

/// Answers a whole document.
inline Script answers(int status, std::string body, net::Fields fields = {}) {
  return [=](net::Request& request, net::Response& response) -> net::awaitable<void> {
    auto reading = request.read_body(1 << 20);
    co_await std::move(reading);
    net::Fields head = fields;
    head.add("Content-Type", "application/json");
    auto sending = response.send(status, std::move(head), body);
    co_await std::move(sending);
  };
}

}  // namespace holdfast::proxy
