#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "holdfast/gateway/gateway.hpp"

namespace holdfast::jobs {

/// Where those who wait for an answer sit: hears the gateway's news, and wakes whom they concern.
///
/// Threads: any may wait; news comes on the gateway's notice thread.
class AnswerDesk {
 public:
  enum class Verdict : unsigned char { run_again, cancelled };

  AnswerDesk(Gateway& gateway, std::string job_id);

  /// Waits until the question about a failed operation is answered, the stage has moved to another provider than
  /// `failed_on` (somebody answered for a sibling; empty: only its own answer counts), be it to and back, the job was
  /// closed, or a stop is requested. No answer: it waits.
  Verdict wait(const std::string& operation_id, const std::string& stage, const std::string& failed_on,
               std::stop_token stop);
  /// Waits until a lock governs the stage, the job was closed, or a stop is requested: a decision moved it, and the
  /// lock that it asks for is still to be taken.
  void wait_for_lock(const std::string& stage, std::stop_token stop);
  /// The job was cancelled, by whatever door.
  bool job_cancelled() const;
  /// False: it was, and that could not be written down.
  bool cancel_recorded() const;
  /// The job was closed by somebody else than its runner.
  bool job_closed() const;

 private:
  void hear(const News& news);

  Gateway& gateway_;
  const std::string job_id_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::string> answers_{};  ///< operation → option
  std::map<std::string, int> asked_{};            ///< failed operation → ask
  std::set<std::string> left_{};                  ///< failed operations whose stage has moved, though it may be back
  std::uint64_t locks_taken_ = 0;
  bool closed_ = false, cancelled_ = false, cancel_recorded_ = true;
  Subscription news_;  ///< last: ends before what it writes to
};

/// Who may serve the stage of the job now; empty where no lock governs it.
std::string governing_provider(Gateway& gateway, const std::string& job_id, const std::string& stage);

}  // namespace holdfast::jobs
