#include "holdfast/cli/tty/terminal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "holdfast/cli/tty/signals.hpp"

namespace holdfast::cli {
namespace {

std::string kinds(std::string_view bytes) {
  std::string out;
  for (const Key key : parse_keys(bytes)) {
    switch (key.kind) {
      case Key::Kind::character:
        out += key.character;
        break;
      case Key::Kind::interrupt:
        out += "^C";
        break;
      case Key::Kind::suspend:
        out += "^Z";
        break;
      case Key::Kind::other:
        out += ".";
        break;
    }
  }
  return out;
}

TEST(Keys, characters_and_control_keys_are_told_apart) {
  EXPECT_EQ(kinds("1y\x03\x1a"), "1y^C^Z");
  EXPECT_EQ(kinds("\r"), ".");
}

TEST(Keys, a_cursor_key_is_one_key_and_none_of_its_letters) {
  EXPECT_EQ(kinds("\x1b[A"), ".");
  EXPECT_EQ(kinds("\x1b[1;5C1"), ".1");
  EXPECT_EQ(kinds("\x1bOP"), ".");
  EXPECT_EQ(kinds("\x1b"), ".");
  EXPECT_EQ(kinds("\x1b["), ".");
}

TEST(Keys, a_character_of_several_bytes_is_one_key) {
  EXPECT_EQ(kinds("\xc3\xa4y"), ".y");
}

TEST(TerminalFacts, a_screen_needs_keys_and_cursor_movements) {
  const TerminalFacts good{.in_is_terminal = true, .out_is_terminal = true, .term = "xterm", .utf8 = true};
  EXPECT_TRUE(can_paint(good));
  EXPECT_TRUE(style_for(good).color);
  TerminalFacts facts = good;
  facts.term = "dumb";
  EXPECT_FALSE(can_paint(facts));
  facts.term = "";
  EXPECT_FALSE(can_paint(facts));
  facts = good;
  facts.out_is_terminal = false;
  EXPECT_FALSE(can_paint(facts));
  facts = good;
  facts.in_is_terminal = false;
  EXPECT_FALSE(can_paint(facts));
  facts = good;
  facts.foreground = false;
  EXPECT_FALSE(can_paint(facts));
  facts = good;
  facts.no_color = true;
  EXPECT_FALSE(style_for(facts).color);
}

TEST(Repainting, goes_back_over_what_was_painted_and_clears_below) {
  EXPECT_EQ(repainting({}, {"a"}, 80), "\x1b[?25l\x1b[?7l\r\x1b[2Ka\r\n\x1b[J\x1b[?7h");
  EXPECT_EQ(repainting({3, 5}, {"a"}, 80), "\x1b[?25l\x1b[?7l\x1b[2A\r\x1b[2Ka\r\n\x1b[J\x1b[?7h");
}

TEST(Repainting, a_terminal_that_became_narrower_has_folded_the_lines) {
  EXPECT_NE(repainting({80, 0, 41}, {}, 40).find("\x1b[5A"), std::string::npos);
}

/// A terminal of its own, whose other end the test reads and writes.
struct Pty {
  int master = -1, slave = -1;

  explicit Pty(int columns = 80, int rows = 24) {
    winsize window{};
    window.ws_col = static_cast<unsigned short>(columns);
    window.ws_row = static_cast<unsigned short>(rows);
    EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &window), 0);
  }
  ~Pty() {
    ::close(slave);
    if (master >= 0) ::close(master);
  }
  termios mode() const {
    termios out{};
    ::tcgetattr(slave, &out);
    return out;
  }
  std::string seen() const {
    std::string out;
    pollfd readable{.fd = master, .events = POLLIN, .revents = 0};
    while (::poll(&readable, 1, 100) > 0 && (readable.revents & POLLIN) != 0) {
      std::array<char, 4096> bytes{};
      const auto got = ::read(master, bytes.data(), bytes.size());
      if (got <= 0) break;
      out.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return out;
  }
  void type(std::string_view keys) const { EXPECT_EQ(::write(master, keys.data(), keys.size()), std::ssize(keys)); }
};

TEST(Terminal, is_raw_while_it_lives_and_as_before_afterwards) {
  const Pty pty;
  {
    const Terminal terminal(pty.slave, pty.slave);
    EXPECT_EQ(pty.mode().c_lflag & (ICANON | ECHO | ISIG), 0U);
    EXPECT_FALSE(terminal.gone());
  }
  EXPECT_EQ(pty.mode().c_lflag & (ICANON | ECHO | ISIG), static_cast<tcflag_t>(ICANON | ECHO | ISIG));
  EXPECT_NE(pty.seen().find("\x1b[?25h"), std::string::npos);
}

TEST(Terminal, is_put_back_when_an_exception_leaves_the_scope) {
  const Pty pty;
  try {
    const Terminal terminal(pty.slave, pty.slave);
    throw std::runtime_error("anything");
  } catch (const std::runtime_error&) {
  }
  EXPECT_NE(pty.mode().c_lflag & ICANON, 0U);
}

TEST(Terminal, is_put_back_when_the_process_aborts) {
  const Pty pty;
  EXPECT_EXIT(
      {
        const Terminal terminal(pty.slave, pty.slave);
        std::abort();
      },
      testing::KilledBySignal(SIGABRT), "");
  EXPECT_NE(pty.mode().c_lflag & ICANON, 0U);
  EXPECT_NE(pty.seen().find("\x1b[?25h"), std::string::npos);
}

TEST(Terminal, knows_its_size_and_reads_keys_without_waiting) {
  const Pty pty(33, 7);
  Terminal terminal(pty.slave, pty.slave);
  EXPECT_EQ(terminal.size().columns, 33);
  EXPECT_EQ(terminal.size().rows, 7);
  EXPECT_TRUE(terminal.keys().empty());
  pty.type("1\x03");
  pollfd readable{.fd = terminal.input(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&readable, 1, 5000), 1);
  const auto keys = terminal.keys();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[1].kind, Key::Kind::interrupt);
}

TEST(Terminal, the_second_painting_covers_the_first) {
  const Pty pty;
  Terminal terminal(pty.slave, pty.slave);
  terminal.paint({"\x1b[1mone\x1b[0m", "two"});
  terminal.paint({"three"});
  const std::string seen = pty.seen();
  EXPECT_NE(seen.find("\x1b[2A"), std::string::npos);
  EXPECT_LT(seen.find("one"), seen.find("three"));
}

TEST(Terminal, rings_and_titles_the_window_and_gives_the_title_back) {
  const Pty pty;
  {
    Terminal terminal(pty.slave, pty.slave);
    terminal.ring("asks\x1b[2J");
    const std::string seen = pty.seen();
    EXPECT_NE(seen.find("\x1b[22;2t"), std::string::npos);
    EXPECT_NE(seen.find("\a\x1b]2;asks␛[2J\a"), std::string::npos) << seen;
  }
  EXPECT_NE(pty.seen().find("\x1b[23;2t"), std::string::npos);  // by the destructor
}

TEST(Terminal, one_that_hangs_up_is_gone_and_nothing_else_happens) {
  Pty pty;
  Terminal terminal(pty.slave, pty.slave);
  ::close(std::exchange(pty.master, -1));
  terminal.keys();
  terminal.paint({"nobody sees this"});
  terminal.paint({"nor this"});
  EXPECT_TRUE(terminal.gone());
}

TEST(Terminal, what_is_no_terminal_is_gone_from_the_start) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  {
    const Terminal terminal(null, null);
    EXPECT_TRUE(terminal.gone());
    EXPECT_EQ(terminal.size().columns, 80);
  }
  ::close(null);
}

bool readable(int descriptor, int wait_ms) {
  pollfd watched{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, wait_ms) == 1;
}

TEST(Signals, are_told_once_and_counted) {
  Signals signals;
  ::raise(SIGINT);
  ::raise(SIGINT);
  ::raise(SIGTERM);
  ::raise(SIGHUP);
  ::raise(SIGWINCH);
  ::raise(SIGPIPE);  // does nothing
  EXPECT_TRUE(readable(signals.descriptor(), 5000));
  const Signals::Came came = signals.take();
  EXPECT_EQ(came.interrupts, 2);
  EXPECT_TRUE(came.terminate && came.hang_up && came.resized);
  EXPECT_FALSE(readable(signals.descriptor(), 0));
  const Signals::Came after = signals.take();
  EXPECT_EQ(after.interrupts, 0);
  EXPECT_FALSE(after.terminate || after.hang_up || after.resized);
}

TEST(Signals, anybody_may_wake) {
  Signals signals;
  signals.wake();
  EXPECT_TRUE(readable(signals.descriptor(), 5000));
  EXPECT_EQ(signals.take().interrupts, 0);
}

TEST(Signals, what_was_ignored_stays_ignored) {
  std::signal(SIGHUP, SIG_IGN);
  {
    Signals signals;
    ::raise(SIGHUP);
    EXPECT_FALSE(signals.take().hang_up);
  }
  struct sigaction now{};
  ::sigaction(SIGHUP, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
  std::signal(SIGHUP, SIG_DFL);
}

TEST(Signals, afterwards_the_defaults_hold_again) {
  {
    const Signals signals;
  }
  struct sigaction now{};
  ::sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace holdfast::cli
