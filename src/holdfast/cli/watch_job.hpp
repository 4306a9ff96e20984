#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <vector>

#include "holdfast/cli/log.hpp"
#include "holdfast/cli/tty/signals.hpp"
#include "holdfast/cli/view.hpp"
#include "holdfast/jobs/runner.hpp"

namespace holdfast::cli {

/// Where news waits for the thread that shows it.
///
/// Threads: `push` on the thread that hears, `take` on the thread that shows. Limits: none of its own; the shower takes
/// everything several times a second.
class NewsQueue {
 public:
  explicit NewsQueue(const Signals& signals) : signals_(signals) {}
  void push(const Notice& notice);
  std::vector<Notice> take();

 private:
  const Signals& signals_;
  std::mutex mutex_;
  std::vector<Notice> waiting_;
};

/// A running job as whoever shows it reaches it, in this process or another.
struct Shown {
  std::function<std::vector<api::OperationView>()> operations{};  ///< as they stand
  std::function<void()> terminate{};                              ///< SIGTERM came
  std::function<void()> interrupt{};                              ///< SIGINT came; empty: the view asks
  EventLog* log = nullptr;                                        ///< null: nobody logs
  milliseconds age{};  ///< how long it has been running already; a view's times count from its beginning
};

/// Shows a job on this thread until `over` and its last news was shown. SIGHUP takes the view its terminal.
void show_job(const Shown& job, View& view, NewsQueue& queue, Signals& signals, const std::atomic<bool>& over);

/// Runs the job on a thread of its own and shows it on this one, until it is over and everything about it was shown.
///
/// SIGTERM requests `stop`; SIGINT goes to the view; SIGHUP takes its terminal away, and the job goes on.
/// Throws what the run threw.
jobs::RunResult watch_job(Gateway& gateway, jobs::Runner& runner, View& view, EventLog& log, Signals& signals,
                          std::stop_source& stop);

}  // namespace holdfast::cli
