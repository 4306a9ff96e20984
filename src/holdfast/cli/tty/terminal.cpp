#include "holdfast/cli/tty/terminal.hpp"

#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>

#include "holdfast/base/check.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

constexpr std::string_view show_cursor = "\x1b[?25h", hide_cursor = "\x1b[?25l";
constexpr std::string_view fold_lines = "\x1b[?7h", keep_lines = "\x1b[?7l";
/// A terminal that takes nothing for this long is treated as gone: the job must not wait for a screen.
constexpr int write_patience_ms = 2000;

// A fault's handler gets nothing but its number: what it puts back has to be global. Written before the handlers are.
struct Saved {
  std::atomic<bool> raw{false};
  int in = -1, out = -1;
  termios mode{};
};
Saved saved;

constexpr std::array faults = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGQUIT, SIGSYS, SIGXCPU};

void put_back() {
  if (!saved.raw.exchange(false)) return;
  ::tcsetattr(saved.in, TCSANOW, &saved.mode);
}

void on_fault(int number) {
  put_back();
  [[maybe_unused]] auto written = ::write(saved.out, show_cursor.data(), show_cursor.size());
  written = ::write(saved.out, fold_lines.data(), fold_lines.size());
  ::raise(number);  // the handler was taken off when it was called: now it kills
}

/// Columns that a line takes, colours not counted.
int shown_columns(const std::string& line) {
  std::string text;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] != '\x1b') {
      text += line[at];
      continue;
    }
    at = std::min(line.find('m', at), line.size() - 1);
  }
  return columns(text);
}

}  // namespace

TerminalFacts terminal_facts() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::setlocale(LC_CTYPE, "");
  return {.in_is_terminal = ::isatty(STDIN_FILENO) == 1,
          .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
          .term = environment("TERM"),
          .no_color = !environment("NO_COLOR").empty(),
          .utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8",
          .foreground = ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()};
}

bool can_paint(const TerminalFacts& facts) {
  return facts.in_is_terminal && facts.out_is_terminal && facts.foreground && !facts.term.empty() &&
         facts.term != "dumb";
}

Style style_for(const TerminalFacts& facts) {
  return {.utf8 = facts.utf8, .color = can_paint(facts) && !facts.no_color};
}

std::vector<Key> parse_keys(std::string_view bytes) {
  std::vector<Key> out;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto c = static_cast<unsigned char>(bytes[at]);
    if (c == 0x03) {
      out.push_back({Key::Kind::interrupt});
    } else if (c == 0x1a) {
      out.push_back({Key::Kind::suspend});
    } else if (c == 0x1b && at + 1 < bytes.size()) {
      ++at;
      if (bytes[at] == '[' || bytes[at] == 'O') {
        do
          ++at;
        while (at < bytes.size() && (bytes[at] < 0x40 || bytes[at] == 0x7f));
      }
      out.push_back({Key::Kind::other});
    } else if (c >= 0x20 && c < 0x7f) {
      out.push_back({Key::Kind::character, static_cast<char>(c)});
    } else if ((c & 0xc0) != 0x80) {  // the bytes that go on a character are no keys of their own
      out.push_back({Key::Kind::other});
    }
  }
  return out;
}

std::string repainting(const std::vector<int>& before, const std::vector<std::string>& lines, int width) {
  int up = 0;
  for (const int each : before)
    up += std::max(1, (each + std::max(width, 1) - 1) / std::max(width, 1));
  std::string out(hide_cursor);
  out += keep_lines;
  if (up > 0) out += "\x1b[" + std::to_string(up) + "A";
  out += "\r";
  // Cleared before and not after: behind the last column the cursor still stands on it, and would take it away.
  for (const std::string& each : lines)
    out += "\x1b[2K" + each + "\r\n";
  out += "\x1b[J";
  out += fold_lines;
  return out;
}

Terminal::Terminal(int in, int out) : in_(in), out_(out) {
  enter();
}

Terminal::~Terminal() {
  unring();
  leave();
}

void Terminal::enter() {
  termios mode{};
  if (::tcgetattr(in_, &mode) != 0) {
    gone_ = true;
    return;
  }
  HOLDFAST_CHECK(!saved.raw, "a terminal is put into raw mode once");
  saved.in = in_;
  saved.out = out_;
  saved.mode = mode;
  saved.raw = true;
  for (const int number : faults) {
    struct sigaction action{};
    action.sa_handler = on_fault;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
  // Output is left as it is: a line of somebody else's between two paintings should still begin at the left.
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
  mode.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
  mode.c_cc[VMIN] = 0;
  mode.c_cc[VTIME] = 0;
  if (::tcsetattr(in_, TCSAFLUSH, &mode) != 0) gone_ = true;
}

void Terminal::leave() {
  put_back();
  send(show_cursor);
  for (const int number : faults)
    std::signal(number, SIG_DFL);
}

Size Terminal::size() const {
  winsize window{};
  if (::ioctl(out_, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::paint(const std::vector<std::string>& lines) {
  send(repainting(painted_, lines, size().columns));
  painted_.clear();
  for (const std::string& each : lines)
    painted_.push_back(shown_columns(each));
}

void Terminal::ring(const std::string& title) {
  if (!titled_) send("\x1b[22;2t");  // keeps the title that the window has
  titled_ = true;
  send("\a\x1b]2;" + harmless(title) + "\a");
}

void Terminal::unring() {
  if (titled_) send("\x1b]2;\a\x1b[23;2t");  // empty first: some terminals keep no titles
  titled_ = false;
}

std::vector<Key> Terminal::keys() {
  std::array<char, 256> bytes{};
  if (gone_) return {};
  pollfd readable{.fd = in_, .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, 0) <= 0) return {};
  const auto got = ::read(in_, bytes.data(), bytes.size());
  if ((got < 0 && errno != EINTR && errno != EAGAIN) || (got == 0 && (readable.revents & POLLHUP) != 0)) gone_ = true;
  return got > 0 ? parse_keys({bytes.data(), static_cast<std::size_t>(got)}) : std::vector<Key>();
}

void Terminal::suspend() {
  leave();
  ::raise(SIGSTOP);
  painted_.clear();  // the shell has written below
  enter();
}

void Terminal::send(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    pollfd writable{.fd = out_, .events = POLLOUT, .revents = 0};
    const int ready = ::poll(&writable, 1, write_patience_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      gone_ = ready < 0;  // stopped by Ctrl-S or a slow line: what is not shown now is shown by the next painting
      return;
    }
    // A part at a time: a terminal that is stopped has room for some of it, and the write would wait for the rest.
    const auto written = ::write(out_, bytes.data(), std::min<std::size_t>(bytes.size(), 512));
    if (written < 0 && errno != EINTR && errno != EAGAIN) gone_ = true;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace holdfast::cli
