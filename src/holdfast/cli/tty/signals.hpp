#pragma once

namespace holdfast::cli {

/// What the system says to this process, as something to poll for.
///
/// One at a time: signals belong to a process. Children are not touched by it: a handler, unlike a mask or an ignored
/// signal, does not outlive exec. What was ignored when the program began (`nohup`, a background job) stays ignored.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  struct Came {
    int interrupts = 0;      ///< SIGINT
    bool terminate = false;  ///< SIGTERM
    bool hang_up = false;    ///< SIGHUP: the terminal is gone
    bool resized = false;    ///< SIGWINCH
  };

  /// Readable when something came, or somebody called `wake`.
  int descriptor() const { return descriptor_; }
  /// From any thread.
  void wake() const;
  /// What came since the last call; makes the descriptor quiet.
  Came take();

 private:
  int descriptor_ = -1;
};

}  // namespace holdfast::cli
