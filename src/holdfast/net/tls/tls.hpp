#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "holdfast/base/error.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/origin.hpp"
#include "holdfast/net/pool.hpp"
#include "holdfast/net/stream.hpp"

struct ssl_ctx_st;

/// TLS 1.2 and 1.3 around any `Stream`, by OpenSSL. HTTP/1.1 is what both ends say they speak (ALPN);
/// clients of HTTP/1.0 are served.
///
/// A stream that ends without the other end's word that it ends (close_notify) was cut, by whomever: reading then gives
/// `Fault::truncated`, never `eof`. `shutdown()` gives that word; `close()` and `reset()` do not, and so cut.
namespace holdfast::net {

/// A handshake is two round trips and a signature. Longer than three lost packets take, as with connecting.
inline constexpr std::chrono::seconds tls_handshake_time{10};
/// Under way at once on one listener, and done but not yet taken from it: 256 × about 60 KiB.
inline constexpr std::size_t tls_handshakes_max = 256;
/// A chain of certificates, or all the roots of a system: those are 220 KiB.
inline constexpr std::size_t tls_file_bytes_max = 4 * 1024 * 1024;

/// Why a handshake failed, in words: "the certificate has expired", "its issuer is not trusted", "it is for another
/// host". What the other end refused is told as such.
const boost::system::error_category& tls_category() noexcept;

/// Whom a client trusts. Made once, and copied into whatever needs it.
///
/// Threads: any; copies share what never changes.
class TlsClientContext {
 public:
  /// With the roots of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` apply), or with those of a PEM file in their
  /// place. `Errc::config` names the file and what is wrong; a system without roots is such an error, too.
  static result<TlsClientContext> make(const std::string& ca_file = {});

  ssl_ctx_st* get() const noexcept { return context_.get(); }

 private:
  explicit TlsClientContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

  std::shared_ptr<ssl_ctx_st> context_;
};

/// What a server shows: its chain of certificates, its own first, and its key, from two PEM files.
///
/// Threads: any; copies are one context, and a reload through one is seen through all.
class TlsServerContext {
 public:
  /// `Errc::config` names the file and what is wrong: missing, unreadable, no PEM, behind a pass phrase, a key of
  /// another certificate.
  static result<TlsServerContext> load(const std::string& certificate_file, const std::string& key_file);
  /// Reads the files again, for connections that come from now on. On an error everything stays as it was.
  result<void> reload();

  /// What is in force now.
  std::shared_ptr<ssl_ctx_st> current() const;

 private:
  struct State;
  explicit TlsServerContext(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

/// The client's handshake over a stream that is connected. `host_name` is whom the certificate must be for: a name
/// (which is also sent, SNI), or an address. Wildcards stand for one whole label; the subject's common name counts for
/// nothing; revocation is not looked up. Heeds per-operation cancellation. An error closes the stream.
awaitable<Connected> tls_client(std::unique_ptr<Stream> stream, std::string host_name, TlsClientContext context,
                                std::chrono::milliseconds handshake_time = tls_handshake_time);
/// The server's handshake. As above.
awaitable<Connected> tls_server(std::unique_ptr<Stream> stream, TlsServerContext context,
                                std::chrono::milliseconds handshake_time = tls_handshake_time);

struct ConnectTimes {
  std::chrono::milliseconds address = connect_time;
  std::chrono::milliseconds handshake = tls_handshake_time;
};

/// `connect`, then `tls_client`.
awaitable<Connected> connect_tls(Endpoint endpoint, std::string host_name, TlsClientContext context,
                                 ConnectTimes times = {});
/// For a `Pool`: with TLS where the origin says so.
Connector connector(Origin origin, TlsClientContext context, ConnectTimes times = {});

struct TlsListenerOptions {
  std::chrono::milliseconds handshake_time = tls_handshake_time;
  std::size_t handshakes_max = tls_handshakes_max;
  /// Whose handshake failed and why, on the executor's thread: for a log. Clients cause it at will.
  std::function<void(const Peer&, const error_code&)> on_failed = {};
};

/// Gives the connections of another listener once their handshake is done, in the order in which they are. One that
/// is slow holds nobody up; beyond `handshakes_max` the next wait in the kernel's queue.
///
/// Begins with the first `accept`. Closing ends the handshakes under way. Threads: the executor's, which must be the
/// inner listener's.
std::unique_ptr<Listener> tls_listener(const Executor& executor, std::unique_ptr<Listener> inner,
                                       TlsServerContext context, TlsListenerOptions options = {});

}  // namespace holdfast::net
