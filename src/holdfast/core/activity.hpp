#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "holdfast/core/effect.hpp"
#include "holdfast/core/event.hpp"
#include "holdfast/core/limits.hpp"

/// Who is silent, for a million operations at once.
///
/// A token arriving is one relaxed store into its operation's slot, not an event: the Machine never hears of it. Every
/// quarter of a second `sweep` looks at the slots whose time may have come, and says what ran out.
///
///     writer (any thread)                     sweep (one thread)
///     last_progress[i] = instant    ---->     wake_at[i] > now?  next slot
///     armed[i]? post ProgressMade             else read last_progress[i]: ran out, or a new wake_at[i]
namespace holdfast {

class ActivitySlots;

/// What a sweep found about one operation. Small: a million of them may be due in one sweep.
struct Due {
  enum class What : unsigned char { progress, category, silence };

  OperationId operation{};
  What what = What::progress;
  std::uint32_t watch = 0;        ///< silence: the order that it carries out
  Instant at{};                   ///< progress: when it was made
  Nanoseconds silence{};          ///< silence: without progress; own pauses and backpressure taken off
  Nanoseconds since_heartbeat{};  ///< silence: without any sign of life

  /// What the Machine hears of it.
  Event event() const;
};

/// The writing end of one slot. Threads: any; several writers of one slot are fine, the newest store wins.
class ActivityWriter {
 public:
  ActivityWriter() = default;

  explicit operator bool() const { return segment_ != nullptr; }
  std::uint32_t slot() const { return slot_; }

  /// True where the slot was armed: then whoever calls posts `event::ProgressMade`.
  bool progress(Instant at);
  /// Any sign of life that is not progress.
  void alive(Instant at);
  /// The client does not take what the provider sends: from here the progress clock stands still, until `resume`.
  void hold(Instant at);
  void resume(Instant at);

 private:
  friend class ActivitySlots;
  struct Segment;

  std::shared_ptr<Segment> segment_;  ///< outlives the slots: a late heartbeat writes where nobody reads
  std::uint32_t index_ = 0;           ///< in the segment
  std::uint32_t slot_ = 0;
};

/// Slots and sweep.
///
/// Threads: writers store from anywhere; everything else is called on one thread. Owns: the slots, in segments that
/// never move. Limits: `limits::operations_max` slots.
///
/// Invariants: 1. A slot is free again only when its watch has ended and its last writer has given it back, so that a
/// late heartbeat never feeds a stranger's clock. 2. `wake_at` is never later than the first instant at which the slot
/// could have something to say.
class ActivitySlots {
 public:
  explicit ActivitySlots(milliseconds sweep_interval = milliseconds(250));
  ~ActivitySlots();
  ActivitySlots(const ActivitySlots&) = delete;
  ActivitySlots& operator=(const ActivitySlots&) = delete;

  /// A slot for an operation that starts now; nothing where all are taken.
  std::optional<ActivityWriter> take(OperationId operation, Instant now);
  void order(const effect::Watch& watch);
  void order(const effect::WatchCategory& watch);
  void end(OperationId operation);
  /// The last writer is gone.
  void give_back(std::uint32_t slot);

  /// Progress of an armed slot that the Machine has not heard of: to be delivered before an answer, a cancel or the
  /// end of the operation.
  std::optional<event::ProgressMade> news(OperationId operation);
  /// What ran out. Call it every `interval`; being late is taken off every silence that it lengthened.
  void sweep(Instant now, std::vector<Due>& out);
  std::optional<Instant> last_progress(OperationId operation) const;
  std::optional<Instant> last_alive(OperationId operation) const;

  std::optional<std::uint32_t> slot_of(OperationId operation) const;

  milliseconds interval() const { return interval_; }
  std::size_t taken() const { return taken_; }

 private:
  using Segment = ActivityWriter::Segment;
  static constexpr std::uint32_t segment_slots = 4096;

  /// Our own lateness: [from, to) was not the provider's silence.
  struct Late {
    Instant from, to;
    Nanoseconds before;  ///< sum of all earlier ones
  };

  Segment& segment(std::uint32_t slot) const { return *segments_[slot / segment_slots]; }
  void note_lateness(Instant now);
  Nanoseconds late_between(Instant from, Instant to) const;
  /// Not inline: the sweep's loop over those that have nothing to say stays small, a third of its time otherwise.
  [[gnu::noinline]] void look(Segment& segment, std::uint32_t index, Instant now, std::vector<Due>& out);
  void free_if_unused(std::uint32_t slot);

  milliseconds interval_;
  std::array<std::shared_ptr<Segment>, limits::operations_max / segment_slots> segments_;
  std::uint32_t segment_count_ = 0;
  std::vector<std::uint32_t> free_;
  boost::unordered_flat_map<OperationId, std::uint32_t, std::hash<OperationId>> slot_of_;
  std::size_t taken_ = 0;
  std::optional<Instant> last_sweep_;
  std::deque<Late> late_;
};

}  // namespace holdfast
