#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <new>

#include "holdfast/net/tls/tls_internal.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
constexpr std::size_t record_bytes_max = SSL3_RT_MAX_PLAIN_LENGTH;

/// What OpenSSL has to read, and what it has written, as bytes in memory.
struct Wire {
  std::string in = {};
  std::size_t in_used = 0;
  std::string out = {};
};

int wire_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  static_cast<Wire*>(BIO_get_data(bio))->out.append(data, size);
  *written = size;
  return 1;
}

int wire_read(BIO* bio, char* data, std::size_t size, std::size_t* got) {
  Wire& wire = *static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *got = std::min(size, wire.in.size() - wire.in_used);
  if (*got == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(data, wire.in.data() + wire.in_used, *got);
  wire.in_used += *got;
  return 1;
}

long wire_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// Lives as long as the process, as everything that OpenSSL knows by a pointer of its own.
const BIO_METHOD* wire_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast");
    if (!made) throw std::bad_alloc();
    BIO_meth_set_write_ex(made, wire_write);
    BIO_meth_set_read_ex(made, wire_read);
    BIO_meth_set_ctrl(made, wire_control);
    return made;
  }();
  return method;
}

/// The next bytes of several pieces, enough for one record.
std::string take_record(std::array<std::string_view, 3>& parts) {
  std::string record;
  for (std::string_view& part : parts) {
    const std::size_t here = std::min(part.size(), record_bytes_max - record.size());
    record.append(part.substr(0, here));
    part.remove_prefix(here);
  }
  return record;
}

/// OpenSSL between two buffers, and coroutines that fill and empty them.
///
/// Reading may have to send (an alert, a new key) and writing never has to read, since nothing is negotiated again. One
/// coroutine at a time sends; what the other has sealed meanwhile goes along.
class TlsStream final : public Stream {
 public:
  /// Without an `SSL` (no memory): check with `good()`.
  TlsStream(std::unique_ptr<Stream> stream, SSL_CTX* context);
  ~TlsStream() override { SSL_free(ssl_); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  bool good() const { return ssl_ != nullptr; }
  bool expect_host(const std::string& name);
  void expect_client() { SSL_set_accept_state(ssl_); }
  awaitable<error_code> handshake(TimePoint deadline);

  awaitable<Transfer> read_some(std::span<char> into) override;
  awaitable<Transfer> write(std::string_view first, std::string_view second, std::string_view third) override;
  awaitable<error_code> shutdown() override;
  void close() noexcept override { stream_->close(); }
  void reset() noexcept override { stream_->reset(); }
  /// What the peer has sent of its own accord (a ticket, a key) counts as heard, too: it is read with the next answer,
  /// and who finds it in front of a request takes a new connection.
  bool silent() noexcept override {
    return !read_error_ && SSL_pending(ssl_) == 0 && wire_.in_used == wire_.in.size() && stream_->silent();
  }
  const Peer& peer() const noexcept override { return stream_->peer(); }
  Executor executor() override { return stream_->executor(); }

 private:
  awaitable<error_code> advance(int outcome);
  awaitable<error_code> receive();
  awaitable<error_code> flush();

  std::unique_ptr<Stream> stream_;
  SSL* ssl_ = nullptr;
  Wire wire_;
  std::string room_;
  std::size_t room_bytes_ = read_bytes_min;
  std::string sending_;
  bool flushing_ = false;
  Signal flushed_;
  error_code read_error_;   ///< final
  error_code write_error_;  ///< final
};

TlsStream::TlsStream(std::unique_ptr<Stream> stream, SSL_CTX* context)
    : stream_(std::move(stream)), flushed_(stream_->executor()) {
  ERR_clear_error();
  BIO* const bio = BIO_new(wire_method());
  ssl_ = bio ? SSL_new(context) : nullptr;
  if (!ssl_) {
    BIO_free(bio);
    return;
  }
  BIO_set_data(bio, &wire_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

/// False for a name that cannot be checked; the empty one would switch the check off.
bool TlsStream::expect_host(const std::string& name) {
  SSL_set_connect_state(ssl_);
  if (name.empty() || name.find('\0') != std::string::npos) return false;
  error_code not_an_address;
  asio::ip::make_address(name, not_an_address);
  if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str()) == 1;
  SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return SSL_set1_host(ssl_, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, name.c_str()) == 1;
}

awaitable<error_code> TlsStream::handshake(TimePoint deadline) {
  const Deadline limit(executor(), deadline, [this] { stream_->close(); });
  error_code error;
  for (int outcome = 0; outcome != 1 && !error;) {
    ERR_clear_error();
    outcome = SSL_do_handshake(ssl_);
    if (outcome == 1) {
      const unsigned char* protocol = nullptr;
      unsigned int bytes = 0;
      SSL_get0_alpn_selected(ssl_, &protocol, &bytes);
      const std::string_view chosen(reinterpret_cast<const char*>(protocol), bytes);
      if (!SSL_is_server(ssl_) && !chosen.empty() && chosen != "http/1.1") error = Fault::malformed;
    }
    auto going_on = outcome == 1 ? flush() : advance(outcome);
    const error_code went = co_await std::move(going_on);
    if (!error) error = went;
  }
  // Nothing was said yet that could have been cut.
  if (error == Fault::truncated || error == asio::error::eof) error = Fault::closed;
  co_return limit.passed() ? error_code(Fault::timed_out) : error;
}

/// Does what OpenSSL waits for, or says why nothing comes of it any more.
awaitable<error_code> TlsStream::advance(int outcome) {
  const int why = SSL_get_error(ssl_, outcome);
  if (why == SSL_ERROR_ZERO_RETURN) co_return read_error_ = asio::error::eof;
  const error_code broken = why == SSL_ERROR_WANT_READ
                                ? error_code()
                                : tls_error(SSL_is_init_finished(ssl_) ? X509_V_OK : SSL_get_verify_result(ssl_));
  if (broken) read_error_ = write_error_ = broken;
  // Whoever writes takes along what is there, but the peer must not make it grow without reading.
  if (!wire_.out.empty() && (!flushing_ || wire_.out.size() >= write_slice_bytes)) {
    auto flushing = flush();
    const error_code error = co_await std::move(flushing);
    // If nothing can be sent, what has come may say why.
    if (error == asio::error::operation_aborted) co_return error;
  }
  if (broken) co_return broken;
  auto receiving = receive();
  co_return co_await std::move(receiving);
}

awaitable<error_code> TlsStream::receive() {
  room_.resize(room_bytes_);
  auto reading = stream_->read_some(room_);
  const Transfer got = co_await std::move(reading);
  if (got.error) {
    if (got.error == asio::error::operation_aborted) co_return got.error;  // it may have been cancelled only
    co_return read_error_ = got.error == asio::error::eof ? error_code(Fault::truncated) : got.error;
  }
  wire_.in.erase(0, wire_.in_used);
  wire_.in_used = 0;
  wire_.in.append(room_, 0, got.bytes);
  if (got.bytes == room_bytes_) {
    room_bytes_ = std::min(room_bytes_ * 4, read_bytes_max);
  } else if (got.bytes < read_bytes_min && room_bytes_ > read_bytes_min) {
    room_bytes_ = read_bytes_min;
    std::string().swap(room_);
  }
  co_return error_code();
}

/// Sends all that is sealed. What was not sent when it was cancelled goes first the next time.
awaitable<error_code> TlsStream::flush() {
  while (flushing_) {
    auto waiting = flushed_.wait();
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::cancelled) co_return error_code(asio::error::operation_aborted);
  }
  flushing_ = true;
  error_code error;
  while (!wire_.out.empty() && !error) {
    sending_.swap(wire_.out);
    wire_.out.clear();
    auto writing = stream_->write(sending_);
    const Transfer sent = co_await std::move(writing);
    error = sent.error;
    if (error) wire_.out.insert(0, sending_, sent.bytes);
  }
  if (sending_.capacity() > record_bytes_max) std::string().swap(sending_);
  if (wire_.out.capacity() > record_bytes_max && wire_.out.empty()) std::string().swap(wire_.out);
  flushing_ = false;
  flushed_.notify();
  co_return error;
}

awaitable<Transfer> TlsStream::read_some(std::span<char> into) {
  for (;;) {
    if (read_error_) co_return Transfer{read_error_, 0};
    ERR_clear_error();
    std::size_t bytes = 0;
    const int outcome = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
    if (outcome == 1) co_return Transfer{{}, bytes};
    auto advancing = advance(outcome);
    const error_code error = co_await std::move(advancing);
    if (error) co_return Transfer{error, 0};
  }
}

awaitable<Transfer> TlsStream::write(std::string_view first, std::string_view second, std::string_view third) {
  std::array<std::string_view, 3> parts = {first, second, third};
  Transfer done;
  for (bool more = true; more && !done.error;) {
    while (more && !write_error_ && wire_.out.size() < write_slice_bytes) {
      const std::string record = take_record(parts);
      more = !record.empty();
      if (!more) break;
      ERR_clear_error();
      std::size_t bytes = 0;
      if (SSL_write_ex(ssl_, record.data(), record.size(), &bytes) != 1) write_error_ = tls_error(X509_V_OK);
      done.bytes += bytes;
    }
    if (write_error_) {
      done.error = write_error_;
      break;
    }
    auto flushing = flush();
    done.error = co_await std::move(flushing);
    if (done.error) write_error_ = done.error;
  }
  co_return done;
}

awaitable<error_code> TlsStream::shutdown() {
  if (write_error_) co_return write_error_;
  write_error_ = asio::error::shut_down;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
  auto flushing = flush();
  const error_code error = co_await std::move(flushing);
  if (error) co_return error;
  auto shutting = stream_->shutdown();
  co_return co_await std::move(shutting);
}

awaitable<Connected> shake(std::unique_ptr<TlsStream> stream, TimePoint deadline) {
  auto shaking = stream->handshake(deadline);
  const error_code error = co_await std::move(shaking);
  if (!error) co_return Connected{.stream = std::move(stream)};
  stream->close();
  co_return Connected{.error = error};
}

}  // namespace

awaitable<Connected> tls_client(std::unique_ptr<Stream> stream, std::string host_name, TlsClientContext context,
                                std::chrono::milliseconds handshake_time) {
  auto tls = std::make_unique<TlsStream>(std::move(stream), context.get());
  if (!tls->good()) co_return Connected{.error = asio::error::no_memory};
  if (!tls->expect_host(host_name)) co_return Connected{.error = Fault::misused};
  auto shaking = shake(std::move(tls), after(handshake_time));
  co_return co_await std::move(shaking);
}

awaitable<Connected> tls_server(std::unique_ptr<Stream> stream, TlsServerContext context,
                                std::chrono::milliseconds handshake_time) {
  auto tls = std::make_unique<TlsStream>(std::move(stream), context.current().get());
  if (!tls->good()) co_return Connected{.error = asio::error::no_memory};
  tls->expect_client();
  auto shaking = shake(std::move(tls), after(handshake_time));
  co_return co_await std::move(shaking);
}

awaitable<Connected> connect_tls(Endpoint endpoint, std::string host_name, TlsClientContext context,
                                 ConnectTimes times) {
  auto connecting = connect(std::move(endpoint), times.address);
  Connected connected = co_await std::move(connecting);
  if (connected.error) co_return connected;
  auto shaking = tls_client(std::move(connected.stream), std::move(host_name), std::move(context), times.handshake);
  co_return co_await std::move(shaking);
}

Connector connector(Origin origin, TlsClientContext context, ConnectTimes times) {
  if (!origin.tls) return plain_connector(std::move(origin), times.address);
  return [endpoint = origin.endpoint(), host = origin.host, context = std::move(context), times] {
    return connect_tls(endpoint, host, context, times);
  };
}

}  // namespace holdfast::net
