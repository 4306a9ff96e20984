#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/net/limits.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/stream.hpp"

namespace holdfast::net {

struct ClientOptions {
  HeadLimits head = {};
  /// `Host`, where the head brings none.
  std::string host = "localhost";
};

/// The client's side of one connection: one request after the other, each answered before the next.
///
/// There is no time-out in it: how long a provider may be silent is decided elsewhere. A call under way is ended by
/// per-operation cancellation or by `close()`, and returns `boost::asio::error::operation_aborted`; the connection is
/// then closed. Nothing throws. No limit on streamed bodies. A stream that ends early is `Fault::truncated`, or
/// `Fault::closed` where not one byte of the answer came (a kept connection that the server closed meanwhile: the
/// request may be sent again on a new one if it may happen twice).
/// Threads: the stream's one. Lifetime: outlives its calls.
class Client {
 public:
  explicit Client(std::unique_ptr<Stream> stream, ClientOptions options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// A request with a body of known length; head and body leave together. If it fails because the server stopped
  /// reading, `read_head` may still give its answer.
  awaitable<error_code> send(RequestHead head, std::string_view body = {});
  template <PassingString T>
  awaitable<error_code> send(RequestHead head, T&& body) = delete;

  /// A request whose body comes in pieces: chunked, or as long as a `Content-Length` among the fields says.
  awaitable<error_code> begin(RequestHead head);
  awaitable<error_code> write(std::string_view bytes);
  template <PassingString T>
  awaitable<error_code> write(T&& bytes) = delete;
  /// `Fault::misused` where less was written than `Content-Length` promised; the connection is then closed.
  awaitable<error_code> end();

  struct Head {
    error_code error = {};
    ResponseHead head = {};
  };
  /// The final answer's head; 1xx answers are skipped.
  awaitable<Head> read_head();
  /// The next piece of the body.
  awaitable<Piece> read_some();
  /// The rest of the body. More than `bytes_max`: `Fault::body_too_large`, and the connection is closed.
  awaitable<Body> read_body(std::size_t bytes_max);

  /// Whether the answer is whole and another request may follow here.
  bool reusable() const;
  /// Whether a connection that was kept for its next request is still as it was left: its server has neither closed it
  /// nor said what nobody asked for. A look at the socket; a server can still close in the next moment.
  bool untouched() const;
  /// Gives back the room that a large answer took, before a time of waiting. Of a `reusable` one.
  void trim();
  /// False for an answer that lasted until the stream ended: whether it is whole, only its content can tell.
  bool end_was_marked() const;
  void close() noexcept;
  const Peer& peer() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
