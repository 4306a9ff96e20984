#include "holdfast/core/activity.hpp"

#include <algorithm>
#include <limits>

#include "holdfast/base/check.hpp"

namespace holdfast {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
/// At 250 ms a sweep: four and a half hours in which every single sweep was late.
constexpr std::size_t late_kept_max = 1 << 16;

std::int64_t ticks(Instant at) {
  return at.time_since_epoch().count();
}
Instant instant(std::int64_t ticks) {
  return Instant(Nanoseconds(ticks));
}

}  // namespace

struct ActivityWriter::Segment {
  // Written by writers, read by the sweep. `held_since` 0: not held. `held`: all whole holds; `held_at_progress`: of
  // them, what came before the last progress.
  std::array<std::atomic<std::int64_t>, 4096> last_progress{}, last_alive{}, held_since{}, held{}, held_at_progress{};
  std::array<std::atomic<bool>, 4096> armed{};
  // The sweep's own.
  // `held_before`: of `held`, what came before `since`. `reported`: the newest progress that is no longer news.
  std::array<std::int64_t, 4096> wake_at, began{}, since{}, held_before{}, limit{}, category_at{}, reported{};
  std::array<OperationId, 4096> operation{};
  std::array<std::uint32_t, 4096> number{};  ///< of the watch
  std::array<bool, 4096> written{};          ///< a writer still holds it

  Segment() { wake_at.fill(never); }
};

bool ActivityWriter::progress(Instant at) {
  segment_->last_progress[index_].store(ticks(at), std::memory_order_relaxed);
  const std::int64_t since = segment_->held_since[index_].load(std::memory_order_relaxed);
  const std::int64_t held = segment_->held[index_].load(std::memory_order_relaxed);
  if (held != 0 || since != 0) {
    const std::int64_t under_way = since != 0 ? std::max(ticks(at) - since, std::int64_t(0)) : 0;
    segment_->held_at_progress[index_].store(held + under_way, std::memory_order_relaxed);
  }
  std::atomic<bool>& armed = segment_->armed[index_];
  // A store that the sweep's thread sees late is found by its next look, 250 ms later at most.
  return armed.load(std::memory_order_relaxed) && armed.exchange(false, std::memory_order_relaxed);
}

void ActivityWriter::alive(Instant at) {
  segment_->last_alive[index_].store(ticks(at), std::memory_order_relaxed);
}

void ActivityWriter::hold(Instant at) {
  if (segment_->held_since[index_].load(std::memory_order_relaxed) == 0) {
    segment_->held_since[index_].store(ticks(at), std::memory_order_relaxed);
  }
}

void ActivityWriter::resume(Instant at) {
  const std::int64_t since = segment_->held_since[index_].exchange(0, std::memory_order_relaxed);
  if (since == 0) return;
  // The wait for the client is no silence of the provider. Nor is it progress: the last progress stays where it was.
  if (ticks(at) > since) segment_->held[index_].fetch_add(ticks(at) - since, std::memory_order_relaxed);
}

Event Due::event() const {
  switch (what) {
    case What::progress:
      return event::ProgressMade{operation, at};
    case What::category:
      return event::CategoryDue{operation};
    case What::silence:
      return event::SilenceExceeded{operation, silence, since_heartbeat, {}, watch};
  }
  __builtin_unreachable();
}

ActivitySlots::ActivitySlots(milliseconds sweep_interval) : interval_(sweep_interval) {
  static_assert(std::tuple_size_v<decltype(Segment::operation)> == segment_slots);
}

ActivitySlots::~ActivitySlots() = default;

std::optional<ActivityWriter> ActivitySlots::take(OperationId operation, Instant now) {
  if (free_.empty()) {
    if (segment_count_ == segments_.size()) return std::nullopt;
    segments_[segment_count_] = std::make_shared<Segment>();
    const std::uint32_t first = segment_count_++ * segment_slots;
    free_.reserve(std::size_t{segment_count_} * segment_slots);
    for (std::uint32_t i = segment_slots; i-- > 0;)
      free_.push_back(first + i);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  ++taken_;

  Segment& place = segment(slot);
  const std::uint32_t i = slot % segment_slots;
  place.last_progress[i].store(0, std::memory_order_relaxed);
  place.last_alive[i].store(0, std::memory_order_relaxed);
  place.held_since[i].store(0, std::memory_order_relaxed);
  place.held[i].store(0, std::memory_order_relaxed);
  place.held_at_progress[i].store(0, std::memory_order_relaxed);
  place.armed[i].store(false, std::memory_order_relaxed);
  place.wake_at[i] = never;
  place.since[i] = place.began[i] = ticks(now);
  place.limit[i] = place.category_at[i] = never;
  place.reported[i] = place.held_before[i] = 0;
  place.operation[i] = operation;
  place.written[i] = true;
  slot_of_[operation] = slot;

  ActivityWriter writer;
  writer.segment_ = segments_[slot / segment_slots];
  writer.index_ = i;
  writer.slot_ = slot;
  return writer;
}

void ActivitySlots::order(const effect::Watch& watch) {
  const auto found = slot_of_.find(watch.operation);
  if (found == slot_of_.end()) return;
  Segment& place = segment(found->second);
  const std::uint32_t i = found->second % segment_slots;
  const std::int64_t since = ticks(watch.since);
  const std::int64_t progress = place.last_progress[i].load(std::memory_order_relaxed);
  if (since != place.since[i]) {
    const std::int64_t held_since = place.held_since[i].load(std::memory_order_relaxed);
    place.since[i] = since;
    place.held_before[i] = place.held[i].load(std::memory_order_relaxed) +
                           (held_since != 0 ? std::max(since - held_since, std::int64_t(0)) : 0);
  }
  // What came before the clock was set anew is no news to whoever set it.
  if (progress <= since) place.reported[i] = std::max(place.reported[i], progress);
  place.limit[i] = watch.silence_limit ? Nanoseconds(*watch.silence_limit).count() : never;
  place.category_at[i] = watch.category_at ? ticks(*watch.category_at) : never;
  place.armed[i].store(watch.armed, std::memory_order_relaxed);
  place.number[i] = watch.number;
  place.wake_at[i] = std::numeric_limits<std::int64_t>::min();  // the next sweep looks once, and computes it
}

void ActivitySlots::order(const effect::WatchCategory& watch) {
  const auto found = slot_of_.find(watch.operation);
  if (found == slot_of_.end()) return;
  Segment& place = segment(found->second);
  const std::uint32_t i = found->second % segment_slots;
  place.category_at[i] = ticks(watch.at);
  place.wake_at[i] = std::min(place.wake_at[i], ticks(watch.at));
}

void ActivitySlots::end(OperationId operation) {
  const auto found = slot_of_.find(operation);
  if (found == slot_of_.end()) return;
  const std::uint32_t slot = found->second;
  slot_of_.erase(found);
  Segment& place = segment(slot);
  const std::uint32_t i = slot % segment_slots;
  place.wake_at[i] = never;
  place.operation[i] = {};
  place.armed[i].store(false, std::memory_order_relaxed);
  free_if_unused(slot);
}

void ActivitySlots::give_back(std::uint32_t slot) {
  Segment& place = segment(slot);
  const std::uint32_t i = slot % segment_slots;
  HOLDFAST_CHECK(place.written[i], "a slot is given back once");
  place.written[i] = false;
  free_if_unused(slot);
}

void ActivitySlots::free_if_unused(std::uint32_t slot) {
  const Segment& place = segment(slot);
  const std::uint32_t i = slot % segment_slots;
  if (place.written[i] || place.operation[i]) return;
  free_.push_back(slot);
  --taken_;
}

std::optional<event::ProgressMade> ActivitySlots::news(OperationId operation) {
  const auto found = slot_of_.find(operation);
  if (found == slot_of_.end()) return std::nullopt;
  Segment& place = segment(found->second);
  const std::uint32_t i = found->second % segment_slots;
  const std::int64_t progress = place.last_progress[i].load(std::memory_order_relaxed);
  if (progress <= place.reported[i]) return std::nullopt;
  place.reported[i] = progress;
  return event::ProgressMade{operation, instant(progress)};
}

std::optional<std::uint32_t> ActivitySlots::slot_of(OperationId operation) const {
  const auto found = slot_of_.find(operation);
  return found == slot_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Instant> ActivitySlots::last_progress(OperationId operation) const {
  const auto found = slot_of_.find(operation);
  if (found == slot_of_.end()) return std::nullopt;
  const std::uint32_t i = found->second % segment_slots;
  const std::int64_t at = segment(found->second).last_progress[i].load(std::memory_order_relaxed);
  return at == 0 ? std::nullopt : std::optional(instant(at));
}

std::optional<Instant> ActivitySlots::last_alive(OperationId operation) const {
  const auto found = slot_of_.find(operation);
  if (found == slot_of_.end()) return std::nullopt;
  const Segment& place = segment(found->second);
  const std::uint32_t i = found->second % segment_slots;
  const std::int64_t at = std::max(place.last_progress[i].load(std::memory_order_relaxed),
                                   place.last_alive[i].load(std::memory_order_relaxed));
  return at == 0 ? std::nullopt : std::optional(instant(at));
}

void ActivitySlots::note_lateness(Instant now) {
  if (last_sweep_) {
    const Nanoseconds late = now - *last_sweep_ - interval_;
    if (late > Nanoseconds(0)) {
      const Nanoseconds before =
          late_.empty() ? Nanoseconds(0) : late_.back().before + (late_.back().to - late_.back().from);
      late_.push_back({now - late, now, before});
      if (late_.size() > late_kept_max) late_.pop_front();
    }
  }
  last_sweep_ = now;
}

Nanoseconds ActivitySlots::late_between(Instant from, Instant to) const {
  // Lateness up to an instant: the windows that ended before it, and its share of the one it lies in.
  const auto until = [&](Instant at) -> Nanoseconds {
    const auto after = std::ranges::upper_bound(late_, at, {}, &Late::from);
    if (after == late_.begin()) return late_.empty() ? Nanoseconds(0) : late_.front().before;
    const Late& window = *std::prev(after);
    return window.before + (std::min(at, window.to) - window.from);
  };
  return until(to) - until(from);
}

void ActivitySlots::sweep(Instant now, std::vector<Due>& out) {
  note_lateness(now);
  const std::int64_t at = ticks(now);
  for (std::uint32_t s = 0; s < segment_count_; ++s) {
    Segment& place = *segments_[s];
    for (std::uint32_t i = 0; i < segment_slots; ++i) {
      if (place.wake_at[i] <= at) look(place, i, now, out);
    }
  }
}

void ActivitySlots::look(Segment& place, std::uint32_t i, Instant now, std::vector<Due>& out) {
  const OperationId operation = place.operation[i];
  const std::int64_t progress = place.last_progress[i].load(std::memory_order_relaxed);
  const bool armed = place.armed[i].load(std::memory_order_relaxed);
  if (armed && progress > place.reported[i]) {
    // The writer did not see that the slot was armed, or its post is still under way: the Machine ignores a repetition.
    place.reported[i] = progress;
    place.armed[i].store(false, std::memory_order_relaxed);
    out.push_back({.operation = operation, .what = Due::What::progress, .at = instant(progress)});
  }
  if (place.category_at[i] <= ticks(now)) {
    place.category_at[i] = never;
    out.push_back({.operation = operation, .what = Due::What::category});
  }
  std::int64_t wake = place.category_at[i];
  if (place.limit[i] == never) {
    // An armed slot without a limit has an open question: look each time, so that no progress is overlooked.
    if (armed) wake = std::numeric_limits<std::int64_t>::min();
  } else {
    const std::int64_t held_since = place.held_since[i].load(std::memory_order_relaxed);
    const std::int64_t held = place.held[i].load(std::memory_order_relaxed);
    // Where we slept while the client held, both are taken off: the user is asked later, never earlier. Below zero it
    // must not go, or the next look would come after the end of a silence that begins meanwhile.
    const auto silent_since = [&](Instant base, std::int64_t held_before) {
      const Instant until = held_since == 0 ? now : std::max(base, instant(held_since));
      const Nanoseconds holds(std::max(held - held_before, std::int64_t(0)));
      return std::max(until - base - late_between(base, until) - holds, Nanoseconds(0));
    };
    const std::int64_t heard = std::max(progress, place.began[i]);
    const Nanoseconds unheard = silent_since(instant(heard), place.held_at_progress[i].load(std::memory_order_relaxed));
    const bool anew = place.since[i] >= progress;
    const Nanoseconds silence = anew ? silent_since(instant(place.since[i]), place.held_before[i]) : unheard;
    if (silence.count() >= place.limit[i]) {
      place.limit[i] = never;
      place.reported[i] = progress;  // known when the question was asked: only what comes later withdraws it
      const std::int64_t alive = std::max(heard, place.last_alive[i].load(std::memory_order_relaxed));
      out.push_back({.operation = operation,
                     .what = Due::What::silence,
                     .watch = place.number[i],
                     .silence = unheard,  // an answer sets the clock anew, and brings no progress
                     .since_heartbeat = now - instant(alive)});
    } else {
      wake = std::min(wake, ticks(now) + (place.limit[i] - silence.count()));
    }
  }
  place.wake_at[i] = wake;
}

}  // namespace holdfast
