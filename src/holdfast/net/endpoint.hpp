#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/net/limits.hpp"
#include "holdfast/net/stream.hpp"

namespace holdfast::net {

/// Where somebody listens: a Unix socket, or a host and a port.
struct Endpoint {
  std::string path = {};  ///< of a Unix socket; then there is no host
  std::string host = {};
  std::uint16_t port = 0;

  bool is_unix() const { return !path.empty(); }
  /// As `parse_endpoint` takes it.
  std::string text() const;
  /// For the field `Host`: "localhost" for Unix sockets, as curl does it.
  std::string host_field() const;
  bool operator==(const Endpoint&) const = default;
};

/// `unix:/run/holdfast.sock`, `/run/holdfast.sock`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`.
/// `Errc::invalid_argument` names what is wrong; a path too long for a Unix socket by its length and the limit.
result<Endpoint> parse_endpoint(std::string_view text);

/// Whether only this machine reaches it: "localhost", 127.0.0.0/8, ::1, and 127.0.0.0/8 in IPv6 notation; brackets and
/// a port may be there. An address is four whole numbers: what else begins with "127." is a name, and anybody's.
bool is_loopback(std::string_view host);

struct Connected {
  error_code error = {};
  std::unique_ptr<Stream> stream = {};
};

/// Looks the host up within `address_time`, then tries every address of it in turn, each for `address_time`. TCP
/// streams send without delay
/// (`TCP_NODELAY`) and notice dead peers (keepalive). The error is that of the last address.
/// Heeds per-operation cancellation, at once. Threads: names are resolved on a thread of Asio's, one after the other
/// for each io_context; the coroutine stays on its own.
awaitable<Connected> connect(Endpoint endpoint, std::chrono::milliseconds address_time = connect_time);

/// What waits for connections. Closes itself; a Unix socket then takes its file away.
///
/// Threads: the executor's, which must be one. Lifetime: outlives an `accept` under way.
class Listener {
 public:
  virtual ~Listener() = default;

  /// The next connection. After `close()`: `boost::asio::error::operation_aborted`. Other errors pass (no descriptor
  /// left): wait, then try again.
  virtual awaitable<Connected> accept() = 0;
  virtual void close() noexcept = 0;
  /// With the port that the kernel chose where port 0 was asked for.
  virtual const Endpoint& endpoint() const noexcept = 0;
};

/// Listens. Of a host with several addresses the first that can be bound.
///
/// A Unix socket is this user's alone: mode 0600 from its first moment on, in a folder where nobody else can put
/// another in its place (made with mode 0700 where it is missing). The file of a listener that has died is replaced;
/// one that answers, and a file that is no socket, are refused. Blocks for as long as names need to be resolved.
/// Errors: `Errc::invalid_argument` with a sentence that names the endpoint and the reason.
result<std::unique_ptr<Listener>> listen(const Executor& executor, const Endpoint& endpoint);

/// Takes away the Unix sockets in a folder behind which nobody listens: a process that was killed leaves its own.
void remove_dead_sockets(const std::string& folder);

/// As `listen`, but for several executors: one socket, and for each executor a listener of its own on it, in their
/// order. Whoever is free takes the next connection. Another process is refused as ever (no SO_REUSEPORT). A Unix
/// socket's file goes with the last of them. At least one executor.
result<std::vector<std::unique_ptr<Listener>>> listen_shared(std::span<const Executor> executors,
                                                             const Endpoint& endpoint);

}  // namespace holdfast::net
