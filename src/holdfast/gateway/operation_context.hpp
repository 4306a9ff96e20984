#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "holdfast/core/words.hpp"

namespace holdfast {

namespace gateway {
struct Call;
}

/// How an operation's function tells how far it is. Totals, not increments.
///
/// Threads: any, at once. About 25 ns a call: one reading of the clock and some relaxed stores.
class ProgressReporter {
 public:
  explicit ProgressReporter(gateway::Call& call) : call_(&call) {}

  void tokens(std::int64_t total) const;
  void chunks(std::int64_t total) const;
  void bytes(std::int64_t total) const;
  void percent(double percent) const;           ///< 0 to 100
  void remaining(milliseconds estimate) const;  ///< shown; no progress by itself
  void message(std::string text) const;  ///< shown; no progress by itself; 256 bytes of whole characters are kept
  void alive() const;                    ///< a sign of life that is not progress: a ping, a poll that answered
  void report(const Progress& progress) const;
  /// The client does not take what the provider sends: until `resume`, silence does not count.
  void hold() const;
  void resume() const;

 private:
  gateway::Call* call_;
};

/// What an operation's function is given. Valid while the function runs; copies may be kept by its helpers.
class OperationContext {
 public:
  explicit OperationContext(std::shared_ptr<gateway::Call> call) : call_(std::move(call)) {}

  /// Fires when the operation is cancelled or switched: close the provider's call.
  std::stop_token stop_token() const;
  ProgressReporter progress() const { return ProgressReporter(*call_); }
  /// "op-…"
  std::string operation_id() const;
  /// The provider that the lock names.
  const std::string& provider_name() const;
  std::uint64_t epoch() const;

 private:
  std::shared_ptr<gateway::Call> call_;
};

}  // namespace holdfast
