#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/limits.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/stream.hpp"
#include "holdfast/net/target.hpp"

namespace holdfast::net {

class Connection;

struct ServerOptions {
  HeadLimits head = {};
  /// From the first byte of a head (of a new connection: from its beginning) to its last. Slow-loris ends here.
  std::chrono::milliseconds head_time{10'000};
  /// Between two pieces of a body that somebody waits for.
  std::chrono::milliseconds body_idle_time{30'000};
  /// Between an answer and the next request. Longer than balancers keep theirs (60 s), so that they close first.
  std::chrono::milliseconds idle_time{75'000};
  /// For each 64 KiB of an answer. A client that takes nothing for so long has stopped; it is cut off within a second
  /// more.
  std::chrono::milliseconds write_time{60'000};
  /// After a last answer, for the client to read it and close, so that no reset overtakes it.
  std::chrono::milliseconds linger_time{1'000};
  /// Further clients wait, the first in this process, the others in the kernel's queue, while idle ones are sent away.
  std::size_t connections_max = 1024;
};

/// Why a handler may want to come to an end.
enum class Gone {
  client_left,  ///< the connection was reset, or the client said that it sends no more (a half-closed one counts as
                ///< gone)
  stopping,     ///< the server stops; what takes no more than the grace time may be finished
};

/// What was asked. Lives as long as its handler runs.
class Request {
 public:
  explicit Request(Connection& connection) : connection_(connection) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::string& method() const { return head_.method; }
  /// As it was sent.
  const std::string& target() const { return head_.target; }
  /// As it was sent, without the query; `*` for OPTIONS.
  const std::string& path() const { return target_.path; }
  const std::string& query_text() const { return target_.query; }
  /// Decoded. A path that does not decode never reaches a handler (400).
  const std::vector<std::string>& segments() const { return segments_; }
  result<Query> query() const { return parse_query(target_.query); }
  const Fields& fields() const { return head_.fields; }
  const RequestHead& head() const { return head_; }
  const Peer& peer() const;

  /// Empty where it is not known in advance.
  std::optional<std::uint64_t> content_length() const;
  /// The next piece; waiting for it is the backpressure. The first call answers `Expect: 100-continue`.
  /// Errors: `Fault::truncated`, `timed_out`, `malformed`. A handler may just return then: the server answers.
  awaitable<Piece> read_some();
  /// The rest of the body. `Fault::body_too_large` where it is longer; a handler may just return then (413).
  awaitable<Body> read_body(std::size_t bytes_max);

 private:
  friend class Connection;

  Connection& connection_;
  RequestHead head_;
  Target target_;
  std::vector<std::string> segments_;
};

/// What is answered: `send`, or `begin`, `write`…, `end`. Lives as long as its handler runs.
///
/// One call at a time, and a second one meanwhile is a bug. Any coroutine of the executor's may make it: one that keeps
/// the client's connection alive beside the handler, say. Who writes when is for these two to settle, and the handler
/// waits for the other before it returns. Bytes must live until the call has returned; strings that would not are
/// refused by the compiler. Calls in the wrong order, and fields that cannot be written down, are `Fault::misused` and
/// `malformed`, and nothing is sent. `Connection`, `Keep-Alive`, `Transfer-Encoding` among the fields are the server's
/// own business and dropped; `Date` is added. To HEAD, 204 and 304 the body is not sent, whatever is written.
/// An answer that is begun and not ended is cut off, so that nobody takes it for whole: its last chunk or the rest of
/// its length is missing, over TLS the word of the end (close_notify) too, and one that lasts until the connection's
/// end (to HTTP/1.0) ends with a reset. Only over a Unix socket has the last of these no mark.
class Response {
 public:
  explicit Response(Connection& connection) : connection_(connection) {}
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  /// The whole answer in one write.
  awaitable<error_code> send(int status, Fields fields, std::string_view body);
  template <PassingString T>
  awaitable<error_code> send(int status, Fields fields, T&& body) = delete;

  /// An answer in pieces: chunked, or as long as a `Content-Length` among the fields says. The head leaves at once,
  /// together with `first`.
  awaitable<error_code> begin(int status, Fields fields, std::string_view first = {});
  template <PassingString T>
  awaitable<error_code> begin(int status, Fields fields, T&& first) = delete;
  awaitable<error_code> write(std::string_view bytes);
  template <PassingString T>
  awaitable<error_code> write(T&& bytes) = delete;
  awaitable<error_code> end();

  bool begun() const;
  bool ended() const;
  /// Cuts the answer off now, as above, where returning must wait. What is being written fails, what is written later
  /// fails (`broken_pipe`), and the client counts as gone. Not for an answer that has ended.
  void cut() noexcept;
  /// No further request on this connection.
  void close_after();

  bool client_left() const;
  bool stopping() const;
  /// Waits until the client is gone (`Gone::client_left`).
  awaitable<void> client_gone();
  /// Is called once for each reason, from the loop, never inside another call; at once where it has happened already
  /// (from the loop too). Until the handler ends.
  void on_gone(std::function<void(Gone)> call);
  /// Whatever the handler waits for then ends by per-operation cancellation as soon as the client has left.
  void cancel_when_left();

 private:
  Connection& connection_;
};

/// May throw: 500 where nothing was sent yet, else the connection is cut. So may one that returns without an answer;
/// where the client has left, the connection is just closed then.
using Handler = std::function<awaitable<void>(Request&, Response&)>;

/// HTTP/1.1 for whoever connects, one coroutine a connection.
///
/// A second coroutine a connection reads ahead while the handler works (up to `read_ahead_bytes_max`), which is how a
/// client's leaving is seen. One that has sent more than that ahead is seen leaving once it is read, or when writing
/// fails.
/// Threads: all on the executor's, which must be one thread; so are all calls.
/// Errors: clients' mistakes are answered and never reach a handler; nothing is thrown.
/// Lifetime: `stop()` is awaited before anything goes that handlers use. The destructor cuts what is left.
class Server {
 public:
  Server(Executor executor, Handler handler, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Begins to accept. May be called for several listeners.
  void serve(std::unique_ptr<Listener> listener);
  /// A connection that is there already (what TLS has made, a test's).
  void serve(std::unique_ptr<Stream> stream);

  /// Accepts no more, lets idle connections go, tells running handlers (`Gone::stopping`), waits for them up to
  /// `grace`, then closes their connections, cancels what they wait for, and waits until they have returned.
  awaitable<void> stop(std::chrono::milliseconds grace);

  std::size_t connections() const;

 private:
  class Core;
  friend class Connection;

  std::shared_ptr<Core> core_;
};

}  // namespace holdfast::net
