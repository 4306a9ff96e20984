#pragma once

#include <deque>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/machine.hpp"
#include "invariants.hpp"
#include "random.hpp"
#include "store.hpp"

namespace holdfast::sim {

/// One seeded run of the real Machine and the real ActivitySlots among providers, people and a store that misbehave.
///
/// Time: virtual, one event after the other. Errors: `Violation`. Same seed, same run, same `hash`.
class World {
 public:
  World(std::uint64_t seed, Rows& rows, bool traced = false);

  /// So many jobs, to their end and the peace after it.
  void run(int jobs);
  std::uint64_t hash() const { return hash_; }
  /// Hears of every transaction that this world's store has kept, in order.
  void also_keep(std::function<void(const effect::Save&)> keep) { store_.also = std::move(keep); }
  /// The last steps, each with what the Machine ordered; only where `traced`.
  const std::deque<std::string>& trace() const { return trace_; }

 private:
  struct Call {
    ActivityWriter writer;
    SharedPatience patience;
    std::string job, stage, provider;
    int beats = 0;
    bool over = false, post_delayed = false, given_back = false;
  };
  struct Item {
    Instant at;
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator<(const Item& other) const { return std::tie(other.at, other.order) < std::tie(at, order); }
  };

  // world.cpp: time, steps, effects
  void after(Nanoseconds wait, std::function<void()> what);
  void after_ms(std::int64_t low, std::int64_t high, std::function<void()> what);
  void tell(const Event& event);
  void tell_later(Nanoseconds wait, Event event);
  void note(const Event& event, const Effects& effects);
  void perform(Effect& effect);
  void opened(const effect::OpenCall& order);
  void cancelled(const effect::CancelCall& order);
  void sweep();
  void drain();
  void check_peace();
  void news_first(OperationId operation);

  // providers.cpp
  void beat(OperationId id);
  void act(OperationId id, Call& call);
  void advance(OperationId id, Call& call);
  void finish_call(OperationId id, Call& call);
  void give_back_later(OperationId id);

  // people.cpp: jobs and the people behind them
  void job(int number);
  void operation(const std::string& job, const std::string& stage, const std::string& provider, bool anonymous);
  void meddle(const std::string& job);
  void meddle_with_locks(const std::string& job);
  void two_calls(const std::string& job);
  void end_job(const std::string& job);
  void asked(const Question& question);
  void answer(const Question& question, int manner);
  void replied(const effect::Reply& reply);
  Ticket ticket() { return {++last_ticket_}; }
  SharedPatience patience();
  std::string other_than(const std::string& provider);
  std::string provider_of(const std::string& job, const std::string& stage);

  Random random_;
  Rows& rows_;
  Machine machine_;
  ActivitySlots slots_;
  Invariants invariants_;
  Store store_;
  Instant now_{std::chrono::hours(1)};
  std::priority_queue<Item> queue_;
  std::uint64_t last_order_ = 0, last_ticket_ = 0, last_operation_ = 0, hash_ = 1469598103934665603u;
  std::map<OperationId, Call> calls_;
  std::vector<std::string> jobs_;
  std::vector<OperationId> requested_;
  std::optional<Instant> deadline_, last_sweep_;
  int pauses_ = 0;
  bool traced_ = false, draining_ = false;
  std::deque<std::string> trace_;
};

}  // namespace holdfast::sim
