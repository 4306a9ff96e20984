#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "holdfast/core/effect.hpp"
#include "ledger.hpp"
#include "random.hpp"
#include "rows.hpp"

namespace holdfast::sim {

/// A disk that is slow, full, or says nothing: one transaction after the other, each whole or not at all.
class Store {
 public:
  /// Delivers an event after so long.
  using Later = std::function<void(Nanoseconds, Event)>;

  Store(Random& random, Rows& rows, Later later) : random_(random), rows_(rows), later_(std::move(later)) {}

  bool healthy = false;                             ///< from now on nothing fails
  std::function<void(const effect::Save&)> also{};  ///< hears of every transaction that is on disk

  void save(Instant now, const effect::Save& order) {
    if (now > outage_until_ && !healthy && random_.percent(1)) {
      outage_until_ = now + milliseconds(random_.between(100, 8000));
    }
    const Nanoseconds wait = queue(now);
    const bool broken = now < outage_until_ && !healthy;
    const int luck = healthy ? 100 : static_cast<int>(random_.between(1, 100));
    if (broken || luck <= 3) {
      rows_.count("store: save failed");
      return later_(wait, event::SaveFailed{order.save, "disk full"});
    }
    if (luck <= 6) {
      const bool kept = random_.percent(50);
      rows_.count(kept ? "store: unknown, was saved" : "store: unknown, was lost");
      if (kept) commit(order);
      outcome_[order.save] = kept;
      return later_(wait, event::SaveUnknown{order.save});
    }
    commit(order);
    later_(wait, event::Saved{order.save});
    if (luck <= 9) {
      rows_.count("news of a dead operation: Saved again");
      later_(wait + milliseconds(random_.between(0, 3000)), event::Saved{order.save});
    }
  }
  void look_up(Instant now, const effect::LookUp& order) {
    later_(queue(now), event::SaveLookedUp{order.save, outcome_.at(order.save)});
  }
  void load(Instant now, const effect::LoadJob& order) {
    const Nanoseconds wait = queue(now);
    if (!healthy && random_.percent(3)) {
      rows_.count("store: load failed");
      return later_(wait, event::JobLoadFailed{order.job_id, "read error"});
    }
    const auto found = ledgers_.find(order.job_id);
    event::JobLoaded loaded{order.job_id, {}};
    if (found != ledgers_.end() && found->second.opened) {  // a refusal alone makes no job
      loaded.image = found->second.image;
      rows_.count("store: a job read again");
    }
    later_(wait, std::move(loaded));
  }
  const Ledgers& ledgers() const { return ledgers_; }

 private:
  void commit(const effect::Save& order) {
    for (const News& record : order.records)
      ledgers_[job_of(record)].apply(record);
    if (also) also(order);
  }
  Nanoseconds queue(Instant now) {
    const Nanoseconds work = milliseconds(random_.percent(5) ? random_.between(200, 3000) : random_.between(1, 20));
    free_at_ = std::max(free_at_, now) + work;
    return free_at_ - now;
  }

  Random& random_;
  Rows& rows_;
  Later later_;
  Ledgers ledgers_;
  std::map<SaveId, bool> outcome_;
  Instant free_at_, outage_until_;
};

}  // namespace holdfast::sim
