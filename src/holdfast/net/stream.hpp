#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "holdfast/net/fault.hpp"
#include "holdfast/net/signal.hpp"

namespace holdfast::net {

/// How much was moved, and what ended it.
struct Transfer {
  error_code error = {};
  std::size_t bytes = 0;
};

/// Who is at the other end.
struct Peer {
  std::string text = {};           ///< for people: `127.0.0.1:50412`, `unix, user 1000, process 4711`
  std::optional<uid_t> user = {};  ///< of a Unix socket: whom the kernel vouches for
};

/// Bytes to and from one peer: TCP, a Unix socket, the test pair; TLS is one that wraps another.
///
/// Nothing throws; an error is final. One read and one write may be under way at a time, on the executor's one thread.
/// Reads and writes heed Asio's per-operation cancellation (`boost::asio::error::operation_aborted`): a cancelled read
/// took nothing, a cancelled write may have sent a part. `close()` ends both in the same way.
/// Lifetime: buffers live until the operation ends, the stream until its operations have ended.
class Stream {
 public:
  virtual ~Stream() = default;

  /// At least one byte, or an error; `boost::asio::error::eof` where the peer has said that nothing follows.
  virtual awaitable<Transfer> read_some(std::span<char> into) = 0;
  /// All of it, in as few packets as there can be, or an error. Returning *is* the backpressure.
  virtual awaitable<Transfer> write(std::string_view first, std::string_view second = {},
                                    std::string_view third = {}) = 0;
  /// Says that nothing follows. Reading goes on.
  virtual awaitable<error_code> shutdown() = 0;
  /// At once and for good. What the kernel has taken is still delivered, unless something unread came in.
  virtual void close() noexcept = 0;
  /// As `close()`, but what the kernel still has is thrown away, and the other end reads an error in place of an end
  /// (RST). Over Unix sockets, which have no such thing, it reads an end.
  virtual void reset() noexcept = 0;

  /// Nothing has come that was not read, and the peer has not closed: as far as this end can know now. Takes nothing.
  virtual bool silent() noexcept = 0;

  virtual const Peer& peer() const noexcept = 0;
  virtual Executor executor() = 0;
};

}  // namespace holdfast::net
