#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/socket_stream.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
/// Others that start at the same moment hold the folder for less than a millisecond.
constexpr int folder_tries_max = 100;
constexpr std::chrono::milliseconds folder_pause{10};

std::string reason(int error) {
  return std::generic_category().message(error);
}

Failure refused(const Endpoint& endpoint, const std::string& why) {
  return {.code = Errc::invalid_argument, .message = "cannot listen on " + endpoint.text() + ": " + why};
}

/// A descriptor until the end of its scope.
struct Held {
  explicit Held(int number) : fd(number) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (fd >= 0) ::close(fd);
  }
  Held(Held&& other) noexcept : fd(other.release()) {}
  int release() { return std::exchange(fd, -1); }
  int fd;
};

/// Which file it is, so that only our own is taken away.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(const std::string& path) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) return {};
  return {file.st_dev, file.st_ino};
}

/// The file of a Unix socket: goes with the last of those that listen on it.
class PlacedFile {
 public:
  explicit PlacedFile(std::string path) : path_(std::move(path)), file_(identity_of(path_)) {}
  PlacedFile(const PlacedFile&) = delete;
  PlacedFile& operator=(const PlacedFile&) = delete;
  ~PlacedFile() {
    if (identity_of(path_) == file_) ::unlink(path_.c_str());
  }

 private:
  std::string path_;
  FileIdentity file_;
};

template <class Protocol>
class SocketListener final : public Listener {
 public:
  using Acceptor = typename Protocol::acceptor;

  SocketListener(Acceptor acceptor, Endpoint endpoint, std::shared_ptr<PlacedFile> file)
      : acceptor_(std::move(acceptor)), endpoint_(std::move(endpoint)), file_(std::move(file)) {}
  ~SocketListener() override { SocketListener::close(); }

  awaitable<Connected> accept() override {
    auto accepting = acceptor_.async_accept(as_value);
    auto [error, socket] = co_await std::move(accepting);
    if (error) co_return Connected{.error = acceptor_.is_open() ? error : error_code(asio::error::operation_aborted)};
    co_return Connected{.stream = make_stream(std::move(socket))};
  }

  void close() noexcept override {
    if (!acceptor_.is_open()) return;
    // Away before the socket closes: nobody may find a file behind which nobody listens.
    file_.reset();
    error_code ignored;
    acceptor_.close(ignored);
  }

  const Endpoint& endpoint() const noexcept override { return endpoint_; }

 private:
  Acceptor acceptor_;
  Endpoint endpoint_;
  std::shared_ptr<PlacedFile> file_;
};

/// A socket that listens, before anybody accepts.
struct Bound {
  Held socket{-1};
  Endpoint endpoint = {};
  int family = AF_UNIX;
  std::shared_ptr<PlacedFile> file = {};
};

/// What is wrong with the folder, or nothing.
std::string folder_problem(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return "cannot make " + folder + ": " + reason(errno);
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0) return folder + ": " + reason(errno);
  if (!S_ISDIR(found.st_mode)) return folder + " is no folder";
  if (found.st_uid != ::geteuid() && found.st_uid != 0) {
    return folder + " belongs to another user, who could put another socket in its place";
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return folder + " can be written by others, who could put another socket in its place: chmod go-w, or take another";
  }
  return {};
}

/// The folder, locked against others that look for a dead socket at the same moment.
int lock_folder(const std::string& folder) {
  Held opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.fd < 0) return -1;
  for (int tries = 0; ::flock(opened.fd, LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK || tries == folder_tries_max) return -1;
    std::this_thread::sleep_for(folder_pause);
  }
  return opened.release();
}

/// Absent: the path is too long for one.
std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Makes the place free, or says who holds it.
std::string clear_place(const std::string& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return errno == ENOENT ? std::string() : reason(errno);
  if (!S_ISSOCK(found.st_mode)) return "the file is there already and is no socket";
  const Held probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.fd < 0) return reason(errno);
  const int connected = ::connect(probe.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  // A full queue (EAGAIN) has somebody behind it.
  if (connected == 0 || errno == EAGAIN) return "another process is listening there";
  if (errno != ECONNREFUSED) return "there is a socket already: " + reason(errno);
  if (::unlink(path.c_str()) != 0) return "cannot replace the socket of a process that has ended: " + reason(errno);
  return {};
}

result<Bound> bind_unix(const Endpoint& endpoint) {
  const auto address = address_of(endpoint.path);
  if (!address) {
    return refused(endpoint, "the path of a Unix socket has at most " + std::to_string(sizeof address->sun_path - 1) +
                                 " bytes, this one has " + std::to_string(endpoint.path.size()));
  }
  const std::size_t slash = endpoint.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : endpoint.path.substr(0, slash);
  if (std::string problem = folder_problem(folder); !problem.empty()) return refused(endpoint, problem);
  const Held folder_lock(lock_folder(folder));
  if (folder_lock.fd < 0) return refused(endpoint, "cannot lock " + folder + ": " + reason(errno));
  if (std::string problem = clear_place(endpoint.path, *address); !problem.empty()) return refused(endpoint, problem);

  Held made(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // The mode of the socket before bind is the mode its file gets: there is no moment at which others could connect.
  if (made.fd < 0 || ::fchmod(made.fd, 0600) != 0 ||
      ::bind(made.fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::listen(made.fd, SOMAXCONN) != 0) {
    return refused(endpoint, reason(errno));
  }
  return Bound{.socket = std::move(made), .endpoint = endpoint, .file = std::make_shared<PlacedFile>(endpoint.path)};
}

result<Bound> bind_tcp(const Endpoint& endpoint) {
  error_code error;
  asio::io_context resolving;
  tcp::resolver resolver(resolving);
  const auto addresses = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, error);
  if (error) return refused(endpoint, error.message());
  std::string problem = "the host has no address";
  for (const auto& entry : addresses) {
    tcp::endpoint address = entry.endpoint();
    const int family = address.protocol().family();
    Held made(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    auto size = static_cast<socklen_t>(address.size());
    // Reuse: otherwise a restart would have to wait for the old connections' last minute.
    if (made.fd < 0 || ::setsockopt(made.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(made.fd, address.data(), size) != 0 || ::listen(made.fd, SOMAXCONN) != 0 ||
        ::getsockname(made.fd, address.data(), &size) != 0) {
      problem = reason(errno);
      continue;
    }
    Endpoint actual{.host = address.address().to_string(), .port = address.port()};
    return Bound{.socket = std::move(made), .endpoint = std::move(actual), .family = family};
  }
  return refused(endpoint, problem);
}

template <class Protocol>
result<std::unique_ptr<Listener>> accept_on(const Executor& executor, const Bound& bound, Protocol protocol) {
  // Each acceptor closes a descriptor of its own; the socket behind them is one.
  Held own(::fcntl(bound.socket.fd, F_DUPFD_CLOEXEC, 0));
  if (own.fd < 0) return refused(bound.endpoint, reason(errno));
  typename Protocol::acceptor acceptor(executor);
  error_code error;
  acceptor.assign(protocol, own.fd, error);
  if (error) return refused(bound.endpoint, error.message());
  own.release();
  return std::unique_ptr<Listener>(
      std::make_unique<SocketListener<Protocol>>(std::move(acceptor), bound.endpoint, bound.file));
}

}  // namespace

void remove_dead_sockets(const std::string& folder) {
  const Held folder_lock(lock_folder(folder));
  if (folder_lock.fd < 0) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string path = entry.path().string();
    if (const auto address = address_of(path)) clear_place(path, *address);
  }
}

result<std::vector<std::unique_ptr<Listener>>> listen_shared(std::span<const Executor> executors,
                                                             const Endpoint& endpoint) {
  const auto bound = endpoint.is_unix() ? bind_unix(endpoint) : bind_tcp(endpoint);
  if (!bound) return bound.error();
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const Executor& executor : executors) {
    auto listener = bound->family == AF_UNIX    ? accept_on(executor, *bound, Local())
                    : bound->family == AF_INET6 ? accept_on(executor, *bound, tcp::v6())
                                                : accept_on(executor, *bound, tcp::v4());
    if (!listener) return listener.error();
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

result<std::unique_ptr<Listener>> listen(const Executor& executor, const Endpoint& endpoint) {
  auto listeners = listen_shared(std::span(&executor, 1), endpoint);
  if (!listeners) return listeners.error();
  return std::move(listeners->front());
}

}  // namespace holdfast::net
