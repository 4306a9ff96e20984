#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "holdfast/core/news.hpp"

namespace holdfast {

/// Job ids do not begin so: the store keeps under such names what belongs to no job.
inline constexpr std::string_view anonymous_prefix = "anonymous/";

/// The ends of operations that belong to no job, on their way to the store; and how many records are missing.
///
/// Nobody waits for them, so they go in bundles: one takes what has come within `anonymous_linger`, earlier where it is
/// full, and one at a time is under way. What the store did not take is tried again each second. Requests go on
/// meanwhile: what comes while `anonymous_waiting_max` wait is counted instead of kept, and the count is recorded when
/// the store takes records again.
///
/// Threads: none. Time: told. Limits: limits.hpp.
class AnonymousTrail {
 public:
  /// What the record does not have.
  struct Missing {
    std::uint64_t ends = 0, refusals = 0;
    std::uint64_t total() const { return ends + refusals; }
  };

  void add(Instant now, OperationEnded ended);
  /// Is counted instead of kept.
  void miss(Instant now, Missing more);
  /// When the next bundle is to be written if nothing presses; absent: there is none, or one is under way.
  std::optional<Instant> due() const;
  bool presses() const;  ///< it is full, or nothing lingers any more
  /// The next bundle, under way as `save` from here on.
  std::vector<News> take(SaveId save);
  /// From now on nothing lingers.
  void hurry() { hurried_ = true; }

  bool writes(SaveId save) const { return save_ && save_ == save; }
  /// What the bundle said of operations that are missing in the record, where it did.
  std::optional<Refused> saved(Instant now);
  /// `kept`: it is tried again. Else the store will never take it.
  void failed(Instant now, bool kept);

  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t missing() const { return missing_.total(); }  ///< that are not on the record, nor their count

 private:
  bool empty() const { return waiting_.empty() && missing_.total() == 0; }

  std::deque<OperationEnded> waiting_;  ///< oldest first; those under way stay in front
  std::size_t sent_ = 0;                ///< of `waiting_`
  Missing missing_, said_;
  SaveId save_;
  std::optional<Instant> due_;
  bool failing_ = false, hurried_ = false;
};

}  // namespace holdfast
