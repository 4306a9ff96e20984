#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/cli/notify/webhook.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/process/spawner.hpp"

namespace holdfast::cli {

/// Tells the configured `[notify]` of each question that opens: its command gets the question as one line of JSON on
/// its stdin, its webhook as the body of a request.
///
/// Threads: one of its own for each of the two; questions are told one after the other. What fails or hangs keeps
/// nobody from answering: its failure is handed to `complain`, on that thread, and what hangs is ended with this.
/// Limits: `waiting_max` questions wait for each; later ones are dropped, which is complained of.
class Notifier {
 public:
  static constexpr int waiting_max = 100;  ///< more at once are one incident, and the screen shows them

  /// `command` empty, `webhook` absent: tells nobody.
  Notifier(Gateway& gateway, process::Spawner& spawner, std::vector<std::string> command,
           std::optional<Webhook> webhook, std::function<void(const std::string&)> complain);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

 private:
  /// One way of telling, with those who wait for it.
  struct Way {
    std::function<void(const std::string& id, const std::string& line)> tell{};
    std::atomic<int> waiting{0};
    boost::asio::thread_pool thread{1};
  };

  void hear(const Notice& notice);
  void run_command(const std::string& line);

  process::Spawner& spawner_;
  const std::vector<std::string> command_;
  const std::function<void(const std::string&)> complain_;
  std::stop_source stop_;
  const std::optional<Webhook> webhook_;
  std::list<Way> ways_;
  Subscription news_;  ///< last: ends before what it posts to
};

}  // namespace holdfast::cli
