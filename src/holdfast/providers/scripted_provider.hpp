#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/server.hpp"

/// For tests: a provider on a real socket that says what it is told to, one script for each request.
namespace holdfast::providers {

struct Script {
  enum class After : unsigned char {
    end,    ///< whole
    cut,    ///< the connection closes before the last chunk
    stall,  ///< until the client has left
  };
  int status = 200;
  net::Fields fields{{"Content-Type", "text/event-stream"}};
  std::vector<std::string> pieces{};
  After after = After::end;
};

struct Asked {
  std::string method{}, target{}, body{};
  net::Fields fields{};
};

/// Threads: any may ask; the server has one of its own.
class ScriptedProvider {
 public:
  /// `port` 0: one that is free.
  explicit ScriptedProvider(std::deque<Script> scripts, std::uint16_t port = 0)
      : scripts_(std::move(scripts)),
        guard_(boost::asio::make_work_guard(io_)),
        server_(io_.get_executor(),
                [this](net::Request& request, net::Response& response) { return answer(request, response); }) {
    auto listener = net::listen(io_.get_executor(), {.host = "127.0.0.1", .port = port});
    EXPECT_TRUE(listener) << (listener ? "" : listener.error().message);
    port_ = (*listener)->endpoint().port;
    server_.serve(std::move(*listener));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ScriptedProvider() {
    boost::asio::post(io_, [this] {
      auto stopping = server_.stop(std::chrono::milliseconds(0));
      boost::asio::co_spawn(io_, std::move(stopping), [this](const std::exception_ptr&) { guard_.reset(); });
    });
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = {}) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Clients that closed while an answer stalled.
  int left() const { return left_; }

 private:
  net::awaitable<void> answer(net::Request& request, net::Response& response) {
    auto reading = request.read_body(1'000'000);
    net::Body body = co_await std::move(reading);
    const Script script = next({request.method(), request.target(), std::move(body.bytes), request.fields()});
    if (script.pieces.empty() && script.after == Script::After::stall) {
      auto waiting = response.client_gone();
      co_await std::move(waiting);
      ++left_;
      co_return;
    }
    auto beginning = response.begin(script.status, script.fields);
    co_await std::move(beginning);
    for (const std::string& each : script.pieces) {
      auto writing = response.write(each);
      co_await std::move(writing);
    }
    if (script.after == Script::After::end) {
      auto ending = response.end();
      co_await std::move(ending);
    } else if (script.after == Script::After::stall) {
      auto waiting = response.client_gone();
      co_await std::move(waiting);
      ++left_;
    }
  }

  Script next(Asked asked) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(asked));
    if (scripts_.empty()) return {.status = 500, .fields = {}, .pieces = {"nothing more is scripted"}};
    Script script = std::move(scripts_.front());
    scripts_.pop_front();
    return script;
  }

  std::mutex mutex_;
  std::deque<Script> scripts_;
  std::vector<Asked> asked_;
  std::atomic<int> left_{0};
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  net::Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// Waits for what another thread does; false where it never comes.
template <class Condition>
bool comes(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace holdfast::providers
