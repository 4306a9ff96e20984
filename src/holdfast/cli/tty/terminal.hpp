#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/cli/screen/dialog.hpp"
#include "holdfast/cli/screen/screen.hpp"

namespace holdfast::cli {

/// Environment variables and the locale as they were found, for decisions that tests can make too.
struct TerminalFacts {
  bool in_is_terminal = false, out_is_terminal = false;
  std::string term{};     ///< TERM
  bool no_color = false;  ///< NO_COLOR is set and not empty
  bool utf8 = false;      ///< the locale's codeset
  /// Not `run … &`: who takes keys from the background is stopped by the kernel.
  bool foreground = true;
};

TerminalFacts terminal_facts();
/// Whether there can be a screen: keys come in, cursor movements are understood.
bool can_paint(const TerminalFacts& facts);
Style style_for(const TerminalFacts& facts);

/// Bytes of a terminal → keys. Cursor keys and other sequences are one `other` each.
std::vector<Key> parse_keys(std::string_view bytes);

/// What `Terminal::paint` sends: from the block of lines that stands there, to another.
///
/// Pure. The cursor stands on the line below the block; `before` are the columns of its lines, `width` those of the
/// terminal now: a terminal that became narrower has folded them.
std::string repainting(const std::vector<int>& before, const std::vector<std::string>& lines, int width);

/// The user's terminal, painted in place: not the alternate screen, so that the final state remains to be read.
///
/// Raw mode from construction to destruction; put back too when the process dies of a fault or is aborted.
/// One at a time. Errors: a terminal that goes away makes `gone` true, and everything else does nothing.
class Terminal {
 public:
  Terminal(int in, int out);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  void paint(const std::vector<std::string>& lines);
  /// Rings the bell and shows `title` on the window until `unring`.
  void ring(const std::string& title);
  void unring();
  /// What was typed since the last call; never waits.
  std::vector<Key> keys();
  /// Ctrl-Z: gives the terminal back to the shell and stops the process; returns when it goes on.
  void suspend();
  bool gone() const { return gone_; }
  void set_gone() { gone_ = true; }
  int input() const { return in_; }

 private:
  void enter();
  void leave();
  void send(std::string_view bytes);

  int in_, out_;
  bool gone_ = false, titled_ = false;
  std::vector<int> painted_{};  ///< columns of the lines that stand there
};

}  // namespace holdfast::cli
