#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "holdfast/base/name.hpp"
#include "holdfast/core/event.hpp"

namespace holdfast::sim {

/// Null where there is none of the kind.
template <class T>
const T* first(const std::vector<News>& records) {
  for (const News& record : records) {
    if (const auto* found = std::get_if<T>(&record)) return found;
  }
  return nullptr;
}

/// Gives all standing consents.
constexpr const char* consents_giver = "consents' giver";

/// What committed records say about a job. Written anew, not with the Machine's code: two who agree are a check.
struct Ledger {
  event::JobImage image{};
  bool known = false, opened = false;
  std::size_t begun_at = 0;          ///< the first lock of its present life
  std::vector<std::string> trail{};  ///< names of the records, in order

  const ProviderLock* governing(const std::string& stage) const {
    for (const ProviderLock& lock : image.locks) {
      if (lock.state == LockState::active && governs(lock, stage)) return &lock;
    }
    return nullptr;
  }
  static bool lists(const std::vector<std::string>& list, const std::string& stage) {
    return std::ranges::any_of(list, [&](const auto& each) { return same_name(each, stage); });
  }
  static bool governs(const ProviderLock& lock, const std::string& stage) {
    return lock.stages.empty() ? !lists(lock.except_stages, stage) : lists(lock.stages, stage);
  }

  /// A decision took the stage away from this provider because it had failed, and nobody has begun anew since.
  bool left_after_failure(const std::string& provider, const std::string& stage) const {
    std::vector<ProviderLock> history;
    std::copy_if(image.locks.begin() + static_cast<std::ptrdiff_t>(begun_at), image.locks.end(),
                 std::back_inserter(history), [&](const auto& lock) { return governs(lock, stage); });
    bool left = false;
    for (std::size_t i = 0; i < history.size(); ++i) {
      const ProviderLock& lock = history[i];
      if (lock.state == LockState::active) continue;
      if (lock.state != LockState::ended || !reason_from_name(lock.reason)) {
        left = false;
      } else if (lock.reason == "PROVIDER_FATAL_ERROR" && same_name(lock.provider_name, provider)) {
        left = left || i + 1 == history.size() || !same_name(history[i + 1].provider_name, provider);
      }
    }
    return left;
  }

  void apply(const News& record) {
    if (!is_record(record)) return;  // for listings, and no part of the trail
    known = true;
    trail.emplace_back(event_name(record));
    if (const auto* opening = std::get_if<JobOpened>(&record)) {
      opened = true;
      image.state = JobState::running;
      image.name = opening->name;
      if (!opening->resumed) {
        begun_at = image.locks.size();
        image.consents.clear();  // and no sooner: so does the store
      }
    } else if (const auto* closing = std::get_if<JobClosed>(&record)) {
      image.state = closing->state;
    } else if (const auto* taken = std::get_if<LockTaken>(&record)) {
      image.locks.push_back(taken->lock);
      image.epoch = taken->lock.epoch;
    } else if (const auto* ended = std::get_if<LockEnded>(&record)) {
      for (ProviderLock& lock : image.locks) {
        const bool same = lock.state == LockState::active && lock.epoch == ended->lock.epoch &&
                          lock.stages == ended->lock.stages && lock.except_stages == ended->lock.except_stages;
        if (same) lock = ended->lock;
      }
      image.epoch = ended->epoch;
    } else if (const auto* given = std::get_if<ConsentGiven>(&record)) {
      image.consents.push_back(given->consent);
    } else if (const auto* stage = std::get_if<StageFinished>(&record)) {
      if (stage->step.finished) image.finished_stages.push_back(stage->step.stage_name);
    }
  }
};

using Ledgers = std::map<std::string, Ledger, std::less<>>;

}  // namespace holdfast::sim
