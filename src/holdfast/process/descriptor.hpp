#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "holdfast/base/error.hpp"

namespace holdfast::process {

/// A file descriptor that closes itself. -1 means none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// 0, or the `errno` of a close that lost what was written before (a full disk on some file systems).
  int close();

 private:
  int fd_ = -1;
};

/// Both ends are close-on-exec and numbered 3 or higher, so that putting them on 0, 1 and 2 never overwrites one.
struct Pipe {
  Descriptor reads, writes;
};
result<Pipe> open_pipe();

/// `fd` moved to 3 or higher, close-on-exec; nothing where there is no number left (`errno` says so).
Descriptor above_standard(Descriptor fd);
void set_nonblocking(const Descriptor& fd);

/// Readable once the process has ended; nothing where there is none of that number (`errno` says ESRCH).
Descriptor open_pidfd(pid_t pid);

/// What `errno` means, in English whatever the locale: "No such file or directory".
std::string reason(int error);

/// `write` that reports EPIPE and raises no SIGPIPE, whatever the process does with that signal. A pipe and not a
/// socket, because programs open /dev/stdin, which a socket refuses. Returns what `write` returns, `errno` set.
long write_quietly(int fd, std::string_view bytes);

}  // namespace holdfast::process
