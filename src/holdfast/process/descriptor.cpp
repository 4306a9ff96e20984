#include "holdfast/process/descriptor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace holdfast::process {

int Descriptor::close() {
  if (fd_ < 0) return 0;
  // Linux gives the number back even where close reports EINTR: a second try could close somebody else's.
  return ::close(std::exchange(fd_, -1)) == 0 || errno == EINTR ? 0 : errno;
}

Descriptor above_standard(Descriptor fd) {
  if (!fd || fd.get() > STDERR_FILENO) return fd;
  return Descriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

result<Pipe> open_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Failure{Errc::provider_unreachable, "cannot open a pipe: " + reason(errno)};
  }
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  pipe.reads = above_standard(std::move(pipe.reads));
  pipe.writes = above_standard(std::move(pipe.writes));
  if (!pipe.reads || !pipe.writes) {
    return Failure{Errc::provider_unreachable, "cannot open a pipe: " + reason(errno)};
  }
  return pipe;
}

void set_nonblocking(const Descriptor& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
}

Descriptor open_pidfd(pid_t pid) {
  // By its number: Debian 12's <sys/pidfd.h> declares the function without C linkage.
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::string reason(int error) {
  const char* text = ::strerrordesc_np(error);
  return text ? text : "error " + std::to_string(error);
}

long write_quietly(int fd, std::string_view bytes) {
  sigset_t pipe_signal, before, pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ::sigpending(&pending);
  const long written = ::write(fd, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
    // Ours: taken off before the thread's mask is put back. One that waited already stays for whoever awaits it.
    const timespec at_once{};
    while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace holdfast::process
