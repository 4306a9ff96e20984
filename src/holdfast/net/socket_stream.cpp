#include "holdfast/net/socket_stream.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <string>

#include "holdfast/net/limits.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
using Buffers = std::array<asio::const_buffer, 3>;

void drop_front(Buffers& buffers, std::size_t bytes) {
  for (asio::const_buffer& buffer : buffers) {
    const std::size_t here = std::min(bytes, buffer.size());
    buffer += here;
    bytes -= here;
  }
}

template <class Socket>
class SocketStream final : public Stream {
 public:
  SocketStream(Socket socket, Peer peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

  awaitable<Transfer> read_some(std::span<char> into) override {
    auto reading = socket_.async_read_some(asio::buffer(into.data(), into.size()), as_value);
    const auto [error, bytes] = co_await std::move(reading);
    co_return Transfer{error, bytes};
  }

  awaitable<Transfer> write(std::string_view first, std::string_view second, std::string_view third) override {
    Buffers left = {asio::buffer(first), asio::buffer(second), asio::buffer(third)};
    Transfer done;
    while (asio::buffer_size(left) > 0) {
      auto writing = socket_.async_write_some(left, as_value);
      const auto [error, bytes] = co_await std::move(writing);
      done.bytes += bytes;
      done.error = error;
      if (error) break;
      drop_front(left, bytes);
    }
    co_return done;
  }

  awaitable<error_code> shutdown() override {
    error_code error;
    socket_.shutdown(asio::socket_base::shutdown_send, error);
    co_return error;
  }

  void close() noexcept override {
    error_code ignored;  // the descriptor is gone either way
    socket_.close(ignored);
  }

  void reset() noexcept override {
    error_code ignored;  // whoever has closed already has nothing to reset
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  bool silent() noexcept override {
    char byte = 0;
    const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  const Peer& peer() const noexcept override { return peer_; }
  Executor executor() override { return socket_.get_executor(); }

 private:
  Socket socket_;
  Peer peer_;
};

void set_option(int fd, int level, int name, int value) {
  // A peer that has left already makes these fail; the next read says so.
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

}  // namespace

std::unique_ptr<Stream> make_stream(asio::ip::tcp::socket socket) {
  const int fd = socket.native_handle();
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(keepalive_idle.count()));
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(keepalive_interval.count()));
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  Peer peer;
  if (!error) {
    const bool six = remote.address().is_v6();
    const std::string address = remote.address().to_string();
    peer.text = (six ? "[" + address + "]" : address) + ":" + std::to_string(remote.port());
  }
  return std::make_unique<SocketStream<asio::ip::tcp::socket>>(std::move(socket), std::move(peer));
}

std::unique_ptr<Stream> make_stream(asio::local::stream_protocol::socket socket) {
  ucred who{};
  socklen_t size = sizeof who;
  Peer peer{.text = "unix"};
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0) {
    peer.text = "unix, user " + std::to_string(who.uid) + ", process " + std::to_string(who.pid);
    peer.user = who.uid;
  }
  return std::make_unique<SocketStream<asio::local::stream_protocol::socket>>(std::move(socket), std::move(peer));
}

}  // namespace holdfast::net
