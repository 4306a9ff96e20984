#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "holdfast/net/signal.hpp"
#include "holdfast/proxy/recording.hpp"

namespace holdfast::proxy {

/// Answers whose clients have gone and may ask again, for all threads of a process. A request that repeats the one of
/// such an answer takes it, and no second generation is paid for.
///
/// Threads: any. What nobody has taken until its time goes when the next is offered or looked for.
class Joins {
 public:
  /// One that can be offered later.
  std::shared_ptr<Recording> record(Repeated request);
  /// Until it is taken, withdrawn, or `until` has come. False: it was too long to be kept from its first byte on.
  bool offer(std::shared_ptr<Recording> recording, net::TimePoint until);
  /// False: it was not offered, or somebody has taken it.
  bool withdraw(const Recording& recording);
  /// Null: there is none. Whoever takes it has it alone: two live requests are two generations.
  std::shared_ptr<Recording> take(const Repeated& request);

 private:
  struct Offer {
    std::shared_ptr<Recording> recording;
    net::TimePoint until;
  };
  void forget_old();

  std::shared_ptr<RecordedBytes> all_ = std::make_shared<RecordedBytes>(0);
  std::mutex mutex_;
  std::vector<Offer> offers_;
};

}  // namespace holdfast::proxy
