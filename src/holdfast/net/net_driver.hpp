#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/net/client.hpp"
#include "holdfast/net/memory_stream.hpp"
#include "holdfast/net/server.hpp"

namespace boost::asio {
class io_context;
}

/// For tests: one loop, run by the test's own thread, so that waiting for a condition needs no sleep.
namespace holdfast::net {

class Loop {
 public:
  Loop();
  ~Loop();
  Executor executor();

  /// Runs the loop until the coroutine has ended. Fails the test after 20 s, which only a hang takes.
  void run(std::function<awaitable<void>()> coroutine);
  /// Runs the loop until the condition holds.
  void until(const std::function<bool()>& condition, const char* what);
  void spawn(std::function<awaitable<void>()> coroutine);
  void spawn(std::function<awaitable<void>()> coroutine, std::function<void()> done);

 private:
  std::unique_ptr<boost::asio::io_context> context_;
};

/// A server over memory, and raw bytes to and from it.
class ServerTest : public testing::Test {
 protected:
  /// Answers 200 with what it was sent, method first.
  static awaitable<void> echo(Request& request, Response& response);

  void start(Handler handler, MemoryOptions memory = {});
  /// Another connection to the server that was started.
  std::unique_ptr<Stream> connection(MemoryOptions memory = {});
  void stop(std::chrono::milliseconds grace = std::chrono::seconds(10));

  void send(Stream& stream, std::string bytes);
  /// Everything until the server closes.
  std::string read_all(Stream& stream);
  /// Until `end` has been read.
  std::string read_until(Stream& stream, std::string end);
  /// Sends, says that nothing follows if `half_close`, reads everything.
  std::string exchange(std::string bytes, MemoryOptions memory = {});

  void TearDown() override;

  Loop loop_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

/// The status in front of an answer; 0 where there is none.
int status_of(const std::string& answer);
std::string body_of(const std::string& answer);
std::size_t occurrences(const std::string& text, const std::string& of);

}  // namespace holdfast::net
