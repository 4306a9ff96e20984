#include <sys/un.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <vector>

#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/socket_stream.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
/// The kernel's byte for the terminating zero included.
constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
/// Between two tries at a Unix socket whose queue is full: its server needs that long to take a few.
constexpr std::chrono::milliseconds full_queue_pause{5};

Failure refused(std::string message) {
  return {.code = Errc::invalid_argument, .message = std::move(message)};
}

/// One address, and no longer than until the deadline.
template <class Socket, class Address>
awaitable<error_code> connect_one(Socket& socket, Address address, TimePoint deadline) {
  const Deadline limit(socket.get_executor(), deadline, [&socket] {
    error_code ignored;
    socket.close(ignored);
  });
  auto connecting = socket.async_connect(address, as_value);
  const auto [error] = co_await std::move(connecting);
  co_return limit.passed() ? error_code(Fault::timed_out) : error;
}

awaitable<Connected> connect_unix(Executor executor, std::string path, TimePoint deadline) {
  if (path.size() > path_bytes_max) co_return Connected{.error = asio::error::name_too_long};
  const Local::endpoint address(path);
  for (;;) {
    Local::socket socket(executor);
    error_code error;
    socket.open(Local(), error);
    // Blocking is decided at once for Unix sockets; Asio would take a full queue (EAGAIN) for a connection under way.
    if (!error) socket.non_blocking(true, error);
    if (!error) socket.connect(address, error);
    if (!error) co_return Connected{.stream = make_stream(std::move(socket))};
    if (error != asio::error::would_block && error != asio::error::try_again) co_return Connected{.error = error};
    if (std::chrono::steady_clock::now() >= deadline) co_return Connected{.error = Fault::timed_out};
    asio::steady_timer pause(executor, full_queue_pause);
    auto waiting = pause.async_wait(as_value);
    const auto [cancelled] = co_await std::move(waiting);
    if (cancelled) co_return Connected{.error = cancelled};
  }
}

struct Addresses {
  error_code error = {};
  std::vector<tcp::endpoint> list = {};
};

/// A name that is being looked up. Asio does that on a thread of its own, and nothing ends it there; so whoever waits
/// here leaves alone, and this stays until the answer has come.
struct Lookup {
  explicit Lookup(const Executor& executor) : resolver(executor), changed(executor) {}

  tcp::resolver resolver;
  Signal changed;
  Addresses addresses;
  bool done = false;
};

awaitable<Addresses> resolve(Executor executor, const Endpoint& endpoint, TimePoint deadline) {
  Addresses addresses;
  error_code not_literal;
  const auto literal = asio::ip::make_address(endpoint.host, not_literal);
  if (!not_literal) {
    addresses.list.emplace_back(literal, endpoint.port);
    co_return addresses;
  }
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->resolver.async_resolve(endpoint.host, std::to_string(endpoint.port),
                                 [lookup](const error_code& error, const tcp::resolver::results_type& found) {
                                   lookup->addresses.error = error;
                                   for (const auto& entry : found)
                                     lookup->addresses.list.push_back(entry.endpoint());
                                   lookup->done = true;
                                   lookup->changed.notify();
                                 });
  while (!lookup->done) {
    auto waiting = lookup->changed.wait_until(deadline);
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::notified) continue;
    addresses.error = woken == Woken::timed_out ? error_code(Fault::timed_out) : asio::error::operation_aborted;
    co_return addresses;
  }
  co_return lookup->addresses;
}

}  // namespace

std::string Endpoint::text() const {
  if (is_unix()) return "unix:" + path;
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Endpoint::host_field() const {
  return is_unix() ? "localhost" : text();
}

result<Endpoint> parse_endpoint(std::string_view text) {
  const std::string shown(text);
  const bool marked = text.starts_with("unix:");
  if (marked || text.starts_with('/')) {
    if (marked) text.remove_prefix(5);
    if (text.empty() || text.find('\0') != std::string_view::npos) return refused(shown + ": the path is missing");
    if (text.size() > path_bytes_max) {
      return refused(shown + ": the path of a Unix socket has at most " + std::to_string(path_bytes_max) +
                     " bytes, this one has " + std::to_string(text.size()));
    }
    return Endpoint{.path = std::string(text)};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused(shown + ": neither a path nor host:port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refused(shown + ": an IPv6 address stands in brackets, as in [::1]:8080");
  }
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty()) return refused(shown + ": the host is missing");
  if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return refused(shown + ": the port is a number up to 65535");
  }
  return Endpoint{.host = std::string(host), .port = port};
}

bool is_loopback(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, std::min(host.find(']'), host.size()) - 1);
  } else if (std::ranges::count(host, ':') == 1) {
    host = host.substr(0, host.find(':'));
  }
  if (same_word(host, "localhost")) return true;
  error_code not_an_address;
  const asio::ip::address address = asio::ip::make_address(host, not_an_address);
  if (not_an_address) return false;
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address.is_loopback();
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
}

awaitable<Connected> connect(Endpoint endpoint, std::chrono::milliseconds address_time) {
  const Executor executor = co_await asio::this_coro::executor;
  if (endpoint.is_unix()) {
    auto local = connect_unix(executor, endpoint.path, after(address_time));
    co_return co_await std::move(local);
  }
  auto resolving = resolve(executor, endpoint, after(address_time));
  const Addresses addresses = co_await std::move(resolving);
  Connected outcome{.error = addresses.error ? addresses.error : error_code(asio::error::host_not_found)};
  for (const tcp::endpoint& address : addresses.list) {
    tcp::socket socket(executor);
    auto connecting = connect_one(socket, address, after(address_time));
    outcome.error = co_await std::move(connecting);
    if (!outcome.error) {
      outcome.stream = make_stream(std::move(socket));
      break;
    }
    if (outcome.error == asio::error::operation_aborted) break;
  }
  co_return outcome;
}

}  // namespace holdfast::net
