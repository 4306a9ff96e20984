#include "holdfast/cli/tty/signals.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

#include "holdfast/base/check.hpp"

namespace holdfast::cli {
namespace {

// A handler gets nothing but its number: what it tells has to be global.
std::atomic<int> descriptor_of_handler{-1};
std::array<std::atomic<int>, 4> came{};
constexpr std::array handled = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
static_assert(std::atomic<int>::is_always_lock_free, "used inside a signal handler");

void ring(int descriptor) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(descriptor, &one, sizeof one);  // full: it is readable already
}

void on_signal(int number) {
  const int saved = errno;
  for (std::size_t i = 0; i < handled.size(); ++i) {
    if (handled[i] == number) ++came[i];
  }
  const int descriptor = descriptor_of_handler.load();
  if (descriptor >= 0) ring(descriptor);
  errno = saved;
}

/// Does nothing, but unlike SIG_IGN is not inherited by the programs that are run.
void on_broken_pipe(int) {}

void handle(int number, void (*handler)(int)) {
  struct sigaction before{};
  ::sigaction(number, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return;
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

void unhandle(int number) {
  struct sigaction before{};
  ::sigaction(number, nullptr, &before);
  if (before.sa_handler == on_signal || before.sa_handler == on_broken_pipe) std::signal(number, SIG_DFL);
}

}  // namespace

Signals::Signals() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  HOLDFAST_CHECK(descriptor_of_handler.exchange(descriptor_) < 0, "signals are heard in one place");
  for (std::atomic<int>& each : came)
    each = 0;
  for (const int number : handled)
    handle(number, on_signal);
  handle(SIGPIPE, on_broken_pipe);
}

Signals::~Signals() {
  for (const int number : handled)
    unhandle(number);
  unhandle(SIGPIPE);
  descriptor_of_handler = -1;
  ::close(descriptor_);
}

void Signals::wake() const {
  ring(descriptor_);
}

Signals::Came Signals::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(descriptor_, &count, sizeof count);
  return {.interrupts = came[0].exchange(0),
          .terminate = came[1].exchange(0) > 0,
          .hang_up = came[2].exchange(0) > 0,
          .resized = came[3].exchange(0) > 0};
}

}  // namespace holdfast::cli
