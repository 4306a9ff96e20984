#pragma once

#include <boost/asio/thread_pool.hpp>
#include <string>
#include <vector>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/process/spawner.hpp"

namespace holdfast::cli {

/// Runs the configured `[notify] command` for each question that opens: the question as one line of JSON on its stdin.
///
/// Threads: one of its own; questions are told one after the other. A command that fails or hangs keeps nobody from
/// answering: its failure is handed to `complain`, and what hangs is ended with this. Limits: `waiting_max` questions
/// wait, later ones are dropped.
class Notifier {
 public:
  static constexpr int waiting_max = 100;  ///< more at once are one incident, and the screen shows them

  /// `command` empty: tells nobody.
  Notifier(Gateway& gateway, process::Spawner& spawner, std::vector<std::string> command,
           std::function<void(const std::string&)> complain);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

 private:
  void tell(const std::string& line);

  process::Spawner& spawner_;
  const std::vector<std::string> command_;
  const std::function<void(const std::string&)> complain_;
  std::stop_source stop_;
  std::atomic<int> waiting_{0};
  boost::asio::thread_pool thread_{1};
  Subscription news_;  ///< last: ends before what it posts to
};

}  // namespace holdfast::cli
