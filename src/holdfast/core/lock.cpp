#include "holdfast/core/lock.hpp"

#include <algorithm>
#include <ostream>
#include <ranges>
#include <span>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/core/decision.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast {
namespace {

bool lists(const std::vector<std::string>& stages, std::string_view stage) {
  return std::ranges::any_of(stages, [&](const std::string& each) { return same_name(each, stage); });
}

std::string joined(const std::vector<std::string>& stages) {
  std::string out;
  for (const std::string& stage : stages)
    out += (out.empty() ? "" : ", ") + stage;
  return out;
}

/// Why a decision ended it; nothing where none did: what was unlocked, released or cancelled has begun anew.
std::optional<ReasonCode> decided(const ProviderLock& lock) {
  return lock.state == LockState::ended ? reason_from_name(lock.reason) : std::nullopt;
}

}  // namespace

std::string_view name(LockState state) noexcept {
  switch (state) {
    case LockState::active:
      return "active";
    case LockState::unlocked:
      return "unlocked";
    case LockState::released:
      return "released";
    case LockState::ended:
      return "ended";
  }
  __builtin_unreachable();
}

bool StageSet::contains(std::string_view stage) const {
  return all() ? !lists(except, stage) : lists(stages, stage);
}

bool StageSet::overlaps(const StageSet& other) const {
  if (all() && other.all()) return true;  // stages have any name: two sets that leave out some always share one
  const StageSet& listed = all() ? other : *this;
  const StageSet& rest = all() ? *this : other;
  return std::ranges::any_of(listed.stages, [&](const std::string& stage) { return rest.contains(stage); });
}

bool StageSet::covers(const StageSet& other) const {
  if (!other.all()) return std::ranges::all_of(other.stages, [&](const auto& stage) { return contains(stage); });
  return all() && std::ranges::all_of(except, [&](const auto& stage) { return lists(other.except, stage); });
}

std::optional<StageSet> StageSet::without(const StageSet& other) const {
  StageSet rest = *this;
  if (!all()) {
    std::erase_if(rest.stages, [&](const std::string& stage) { return other.contains(stage); });
    return rest.stages.empty() ? std::nullopt : std::optional(rest);
  }
  if (other.all()) {
    // Only what `other` leaves out and this set does not is left.
    rest = {};
    std::ranges::copy_if(other.except, std::back_inserter(rest.stages), [&](const auto& s) { return contains(s); });
    return rest.stages.empty() ? std::nullopt : std::optional(rest);
  }
  std::ranges::copy_if(other.stages, std::back_inserter(rest.except), [&](const auto& s) { return contains(s); });
  return rest;
}

std::string StageSet::text() const {
  if (!all()) return joined(stages);
  return except.empty() ? "All" : "All but " + joined(except);
}

std::string ProviderLock::text() const {
  std::string ending = "Active";
  const std::string at = ended_at ? rfc3339_seconds(*ended_at) : "";
  if (state == LockState::unlocked) ending = "Unlocked at " + at;
  if (state == LockState::released) ending = "Released at " + at;
  if (state == LockState::ended) ending = "Ended at " + at + " (" + reason + ")";
  return "ProviderLock[" + provider_name + " (" + provider_type + ") for Job " + job_id +
         ", Stages: " + governed().text() + ", " + ending + "]";
}

std::ostream& operator<<(std::ostream& out, const ProviderLock& lock) {
  return out << lock.text();
}

std::optional<Failure> LockTable::conflict(const StageSet& stages, std::string_view provider) const {
  for (const ProviderLock& lock : locks_) {
    if (!lock.active() || !lock.governed().overlaps(stages)) continue;
    return Failure{Errc::lock_conflict, "a lock is in the way: " + lock.text() +
                                            "; switch the provider with a decision, or release the job first"};
  }
  for (const Awaited& each : awaited_) {
    if (!each.stages.overlaps(stages) || same_name(each.provider, provider)) continue;
    return Failure{Errc::provider_locked, "Provider " + std::string(provider) + " does not match provider " +
                                              each.provider + " that the recorded decision names for stages " +
                                              each.stages.text() + "; lock that one, or record another decision"};
  }
  return std::nullopt;
}

Validation LockTable::validate(std::string_view provider, std::string_view stage) const {
  const ProviderLock* lock = governing(stage);
  const auto awaited = std::ranges::find_if(awaited_, [&](const auto& each) { return each.stages.contains(stage); });
  const std::string* locked = lock != nullptr             ? &lock->provider_name
                              : awaited != awaited_.end() ? &awaited->provider
                                                          : nullptr;
  if (locked == nullptr || same_name(*locked, provider)) return {};
  std::string how = lock != nullptr && !lock->overridable
                        ? "; the lock is absolute: only releasing it or cancelling the job ends it"
                        : "; to switch, record a confirmed fallback decision (holdfast switch JOB --to NAME --confirm)";
  return {false, "Provider " + std::string(provider) + " does not match locked provider " + *locked + " for stage " +
                     std::string(stage) + how};
}

const ProviderLock* LockTable::governing(std::string_view stage) const {
  for (const ProviderLock& lock : locks_) {
    if (lock.active() && lock.governed().contains(stage)) return &lock;
  }
  return nullptr;
}

bool LockTable::moved(std::string_view stage) const {
  const ProviderLock *first = nullptr, *last = nullptr;
  for (const ProviderLock& lock : locks_) {
    if (!lock.governed().contains(stage)) continue;
    if (last == nullptr || !decided(*last)) first = &lock;
    last = &lock;
  }
  return last != nullptr && last->active() && !same_name(first->provider_name, last->provider_name);
}

bool LockTable::left_after_failure(std::string_view provider, std::string_view stage) const {
  const ProviderLock* last = nullptr;
  bool left = false;
  // `next`: null where the lock that a decision asks for is still to be taken.
  const auto look = [&](const ProviderLock* next) {
    const auto reason = decided(*last);
    const bool goes = same_name(last->provider_name, provider) && !(next && same_name(next->provider_name, provider));
    left = reason && (left || (goes && reason == ReasonCode::provider_fatal_error));
  };
  for (const ProviderLock& lock : std::span(locks_).subspan(begun_at_)) {
    if (!lock.governed().contains(stage)) continue;
    if (last != nullptr) look(&lock);
    last = &lock;
  }
  if (last == nullptr) return false;
  if (last->active()) return left && !same_name(last->provider_name, provider);
  look(nullptr);
  return left;
}

const ProviderLock* LockTable::covering(const StageSet& stages) const {
  for (const ProviderLock& lock : locks_) {
    if (lock.active() && lock.governed().covers(stages)) return &lock;
  }
  return nullptr;
}

const ProviderLock* LockTable::newest_active() const {
  const auto found = std::find_if(locks_.rbegin(), locks_.rend(), [](const auto& lock) { return lock.active(); });
  return found == locks_.rend() ? nullptr : &*found;
}

const ProviderLock* LockTable::newest(std::string_view provider) const {
  const ProviderLock* ended = nullptr;
  for (const ProviderLock& lock : std::views::reverse(locks_)) {
    if (!provider.empty() && !same_name(lock.provider_name, provider)) continue;
    if (lock.active()) return &lock;
    if (ended == nullptr) ended = &lock;
  }
  return ended;
}

std::size_t LockTable::active_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(locks_, [](const auto& lock) { return lock.active(); }));
}

const std::string* LockTable::awaited(const StageSet& stages) const {
  const auto found = std::ranges::find_if(awaited_, [&](const Awaited& each) { return each.stages.overlaps(stages); });
  return found == awaited_.end() ? nullptr : &found->provider;
}

bool LockTable::full() const {
  return locks_.size() >= limits::locks_per_job_max;
}

void LockTable::take(ProviderLock lock) {
  HOLDFAST_CHECK(!conflict(lock.governed(), lock.provider_name), "no stage is governed by two active locks");
  settle(lock.governed());
  locks_.push_back(std::move(lock));
}

void LockTable::restore(std::vector<ProviderLock> locks) {
  locks_ = std::move(locks);
  begun_at_ = 0;
  for (const ProviderLock& lock : locks_) {
    if (lock.active()) settle(lock.governed());
  }
}

void LockTable::settle(const StageSet& stages) {
  std::erase_if(awaited_, [&](Awaited& each) {
    auto rest = each.stages.without(stages);
    if (rest) each.stages = std::move(*rest);
    return !rest;
  });
}

void LockTable::end(const ProviderLock& ended) {
  const auto found = std::ranges::find_if(locks_, [&](const ProviderLock& lock) {
    return lock.active() && lock.epoch == ended.epoch && lock.governed() == ended.governed();
  });
  HOLDFAST_CHECK(found != locks_.end(), "only an active lock ends");
  *found = ended;
}

void LockTable::end_all(LockState state, const std::string& reason, WallTime wall) {
  for (ProviderLock& lock : locks_) {
    if (!lock.active()) continue;
    lock.state = state;
    lock.reason = reason;
    lock.ended_at = wall;
  }
  awaited_.clear();
}

void LockTable::replace(const std::optional<ProviderLock>& ended, const std::optional<ProviderLock>& renewed,
                        ProviderLock taken, Consent consent) {
  HOLDFAST_CHECK(consent.saved(), "a provider changes only with a consent that is on disk");
  if (ended) end(*ended);
  if (renewed) take(*renewed);
  settle(taken.governed());  // a later decision stands in place of one that nobody has followed yet
  take(std::move(taken));
}

void LockTable::await(const std::optional<ProviderLock>& ended, const std::optional<ProviderLock>& renewed,
                      StageSet stages, std::string provider, Consent consent) {
  HOLDFAST_CHECK(consent.saved(), "a provider changes only with a consent that is on disk");
  if (ended) end(*ended);
  if (renewed) take(*renewed);
  settle(stages);
  awaited_.push_back({std::move(stages), std::move(provider), std::move(consent)});
}

}  // namespace holdfast
