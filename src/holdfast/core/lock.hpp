#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/instant.hpp"
#include "holdfast/core/consent.hpp"

namespace holdfast {

enum class LockState : unsigned char { active, unlocked, released, ended };

/// "active", "unlocked", "released", "ended".
std::string_view name(LockState state) noexcept;

/// Which stages a lock governs: those listed; or all; or all but some (what a switch of some stages leaves behind).
struct StageSet {
  std::vector<std::string> stages{};  ///< empty: all
  std::vector<std::string> except{};  ///< only where `stages` is empty

  bool all() const { return stages.empty(); }
  bool contains(std::string_view stage) const;
  bool overlaps(const StageSet& other) const;
  /// Every stage of `other` is in this set.
  bool covers(const StageSet& other) const;
  /// What is left when `other` is taken away; nothing where that is none.
  std::optional<StageSet> without(const StageSet& other) const;
  /// "script-generation, refinement", "All", "All but refinement".
  std::string text() const;

  bool operator==(const StageSet&) const = default;
};

/// The binding of a job, or of some of its stages, to one provider.
struct ProviderLock {
  std::string job_id{};
  std::string provider_name{};
  std::string provider_type{};
  std::string correlation_id{};
  bool overridable = true;            ///< false: absolute, ends only by release or by cancelling the job
  std::vector<std::string> stages{};  ///< empty: all
  std::vector<std::string> except_stages{};
  LockState state = LockState::active;
  WallTime locked_at{};
  std::optional<WallTime> ended_at{};
  std::string reason{};     ///< why it was unlocked, or the reason code of the switch that ended it
  std::uint64_t epoch = 0;  ///< of the job, raised by taking this lock

  bool active() const { return state == LockState::active; }
  StageSet governed() const { return {stages, except_stages}; }
  /// ProviderLock[Ollama (local_llm) for Job job-12345, Stages: script-generation, refinement, Active]
  std::string text() const;

  bool operator==(const ProviderLock&) const = default;
};

std::ostream& operator<<(std::ostream& out, const ProviderLock& lock);

/// The active lock of a stage, and whether recorded decisions brought the stage there from another provider.
struct GoverningLock {
  ProviderLock lock{};
  bool moved = false;
};

/// Whether a provider may serve a stage now, and if not, the sentence that says what to do.
struct Validation {
  bool allowed = true;
  std::string reason{};
};

/// The locks of one job.
///
/// Invariants: no stage is governed by two active locks. The provider of a governed stage changes only through
/// `replace` or `await`, and both take a `Consent`.
class LockTable {
 public:
  /// Nothing where a lock over these stages for this provider may be taken.
  std::optional<Failure> conflict(const StageSet& stages, std::string_view provider) const;
  Validation validate(std::string_view provider, std::string_view stage) const;
  const ProviderLock* governing(std::string_view stage) const;
  /// The provider that governs the stage is another than the one that was locked before recorded decisions moved it.
  bool moved(std::string_view stage) const;
  /// A recorded decision ended this provider's lock over the stage because it had failed; the stage is elsewhere since,
  /// and nobody has begun anew.
  bool left_after_failure(std::string_view provider, std::string_view stage) const;
  /// The active lock that covers all of these stages.
  const ProviderLock* covering(const StageSet& stages) const;
  const ProviderLock* newest_active() const;
  /// The newest active lock, of this provider where one is named; where none is active, the newest that was.
  const ProviderLock* newest(std::string_view provider) const;
  const std::vector<ProviderLock>& all() const { return locks_; }
  std::size_t active_count() const;
  bool full() const;
  /// The provider that a recorded decision names for some of these stages and that nobody has locked yet.
  const std::string* awaited(const StageSet& stages) const;

  /// Adds an active lock. The caller asked `conflict` first. Settles what a recorded decision left awaited.
  void take(ProviderLock lock);
  /// What the store knows, whoever took it. Settles what a recorded decision left awaited, too.
  void restore(std::vector<ProviderLock> locks);
  /// The job that was over begins again: what was decided before is history.
  void begin_anew() { begun_at_ = locks_.size(); }
  /// Marks the active lock that began at `ended.epoch` as `ended` says.
  void end(const ProviderLock& ended);
  void end_all(LockState state, const std::string& reason, WallTime wall);

  /// A switch in one step: `ended` (absent: no lock governed the stage) ends, `renewed` (the rest of its stages) goes
  /// on, `taken` begins.
  void replace(const std::optional<ProviderLock>& ended, const std::optional<ProviderLock>& renewed, ProviderLock taken,
               Consent consent);
  /// A switch in two steps, as the seed's example 4 writes it: `ended` (absent: an earlier decision has ended it
  /// already) ends; until somebody locks `stages`, only `provider` may serve them.
  void await(const std::optional<ProviderLock>& ended, const std::optional<ProviderLock>& renewed, StageSet stages,
             std::string provider, Consent consent);

 private:
  struct Awaited {
    StageSet stages;
    std::string provider;
    Consent consent;
  };

  /// The consent of every recorded decision is used up for these stages.
  void settle(const StageSet& stages);

  std::vector<ProviderLock> locks_{};  ///< in the order taken
  std::size_t begun_at_ = 0;           ///< of these, the first one of the job's present life, as far as is known
  std::vector<Awaited> awaited_{};
};

}  // namespace holdfast
