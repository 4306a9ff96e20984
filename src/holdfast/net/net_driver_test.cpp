#include "holdfast/net/net_driver.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace holdfast::net {

namespace asio = boost::asio;
using namespace std::chrono_literals;

Loop::Loop() : context_(std::make_unique<asio::io_context>(1)) {}
Loop::~Loop() = default;
Executor Loop::executor() {
  return context_->get_executor();
}

void Loop::until(const std::function<bool()>& condition, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    context_->restart();
    context_->run_one_for(100ms);
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "in vain: " << what;
      return;
    }
  }
}

void Loop::spawn(std::function<awaitable<void>()> coroutine, std::function<void()> done) {
  // A lambda's captures live in the lambda, not in the coroutine that it makes: keep it.
  const auto kept = std::make_shared<std::function<awaitable<void>()>>(std::move(coroutine));
  auto made = (*kept)();
  asio::co_spawn(executor(), std::move(made), [kept, done = std::move(done)](std::exception_ptr error) {
    EXPECT_FALSE(error) << "a test's coroutine threw";
    if (done) done();
  });
}

void Loop::spawn(std::function<awaitable<void>()> coroutine) {
  spawn(std::move(coroutine), {});
}

void Loop::run(std::function<awaitable<void>()> coroutine) {
  const auto done = std::make_shared<bool>(false);
  spawn(std::move(coroutine), [done] { *done = true; });
  until([&] { return *done; }, "the test's coroutine to end");
}

awaitable<void> ServerTest::echo(Request& request, Response& response) {
  auto reading = request.read_body(64 * 1024 * 1024);
  const Body body = co_await std::move(reading);
  if (body.error) co_return;
  const std::string answer = request.method() + " " + request.target() + " " + body.bytes;
  auto sending = response.send(200, Fields(), answer);
  co_await std::move(sending);
}

void ServerTest::start(Handler handler, MemoryOptions) {
  server_ = std::make_unique<Server>(loop_.executor(), std::move(handler), options_);
}

std::unique_ptr<Stream> ServerTest::connection(MemoryOptions memory) {
  if (!server_) start(echo);
  auto [near, far] = memory_pair(loop_.executor(), memory);
  server_->serve(std::move(far));
  return std::move(near);
}

void ServerTest::stop(std::chrono::milliseconds grace) {
  if (!server_) return;
  loop_.run([&]() -> awaitable<void> {
    auto stopping = server_->stop(grace);
    co_await std::move(stopping);
  });
  EXPECT_EQ(server_->connections(), 0u);
}

void ServerTest::TearDown() {
  stop(0ms);
  server_.reset();
}

void ServerTest::send(Stream& stream, std::string bytes) {
  loop_.run([&]() -> awaitable<void> {
    auto writing = stream.write(bytes);
    co_await std::move(writing);
  });
}

std::string ServerTest::read_until(Stream& stream, std::string end) {
  std::string all;
  loop_.run([&]() -> awaitable<void> {
    std::string room(4096, '\0');
    while (end.empty() || all.find(end) == std::string::npos) {
      auto reading = stream.read_some(room);
      const Transfer got = co_await std::move(reading);
      if (got.error) co_return;
      all.append(room, 0, got.bytes);
    }
  });
  return all;
}

std::string ServerTest::read_all(Stream& stream) {
  return read_until(stream, "");
}

std::string ServerTest::exchange(std::string bytes, MemoryOptions memory) {
  const auto stream = connection(memory);
  send(*stream, std::move(bytes));
  loop_.run([&]() -> awaitable<void> {
    auto shutting = stream->shutdown();
    co_await std::move(shutting);
  });
  return read_all(*stream);
}

int status_of(const std::string& answer) {
  if (!answer.starts_with("HTTP/1.1 ") || answer.size() < 12) return 0;
  return std::stoi(answer.substr(9, 3));
}

std::string body_of(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : answer.substr(end + 4);
}

std::size_t occurrences(const std::string& text, const std::string& of) {
  std::size_t count = 0;
  for (std::size_t at = text.find(of); at != std::string::npos; at = text.find(of, at + of.size()))
    ++count;
  return count;
}

}  // namespace holdfast::net
