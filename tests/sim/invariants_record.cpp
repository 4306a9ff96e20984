#include <algorithm>

#include "holdfast/core/consent.hpp"
#include "invariants.hpp"

namespace holdfast::sim {
namespace {

/// Those that the people of the simulation use, where all are meant.
std::vector<std::string> known_stages(const std::vector<std::string>& named) {
  return named.empty() ? std::vector<std::string>{"script", "speech", "images"} : named;
}

/// What one command wrote of record `i`'s job: a decision and the locks it moves, or locks and the end of the job. What
/// waited may stand in front of it in the same transaction.
std::vector<News> command_of(const std::vector<News>& records, std::size_t i) {
  const auto lock_change = [&](std::size_t at) {
    return std::holds_alternative<LockEnded>(records[at]) || std::holds_alternative<LockTaken>(records[at]);
  };
  std::size_t begin = i;
  while (begin > 0 && lock_change(begin))
    --begin;
  if (!std::holds_alternative<FallbackDecision>(records[begin])) begin = i;
  std::size_t end = begin + 1;
  while (end < records.size() && lock_change(end))
    ++end;
  if (end < records.size() && std::holds_alternative<JobClosed>(records[end])) ++end;
  return {records.begin() + static_cast<std::ptrdiff_t>(begin), records.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

// What is on disk.

void Invariants::commit(SaveId save) {
  const auto found = saves_.find(save);
  if (found == saves_.end()) return;
  const std::vector<News> records = std::move(found->second);
  saves_.erase(found);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const News& record = records[i];
    const std::string& job = job_of(record);
    if (job.empty()) {
      commit_anonymous(record);
      continue;
    }
    if (std::holds_alternative<StageStarted>(record)) continue;  // for listings
    check(is_record(record), "audit: announcements are not records");
    Ledger& ledger = ledgers_[job];
    if (std::holds_alternative<JobOpened>(record))
      check(!ledger.opened || ledger.image.state != JobState::running, "audit: a running job is not opened again");
    if (std::holds_alternative<JobClosed>(record)) {
      const bool open = ledger.image.state == JobState::running || ledger.image.state == JobState::failed;
      check(ledger.opened && open, "audit: only an open job is closed");
    }
    if (const auto* taken = std::get_if<LockTaken>(&record)) commit_lock(taken->lock, command_of(records, i));
    if (const auto* ended = std::get_if<LockEnded>(&record)) commit_end(*ended, command_of(records, i));
    if (const auto* decision = std::get_if<FallbackDecision>(&record)) {
      commit_decision(*decision, command_of(records, i));
      const bool answers = decision->user_confirmed && decision->ask > 0;
      check(!answers || first<QuestionAnswered>(records) != nullptr, "I2: an answered switch is saved with its answer");
      const Op* asked = answers ? find(decision->operation_id) : nullptr;
      const auto* left = first<LockEnded>(records);
      if (asked != nullptr && left != nullptr) {
        check(Ledger::governs(left->lock, asked->request.stage_name),
              "I2: an answer moves the lock of the stage that was asked about");
      }
      check(decision->consent_id.empty() || first<ConsentApplied>(records) != nullptr,
            "I2: a consent used is recorded");
      const bool by_consent = asked != nullptr && !decision->consent_id.empty();
      check(!by_consent || !ledger.left_after_failure(decision->to_provider, asked->request.stage_name),
            "I2: a consent does not lead back to what has failed");
    }
    if (const auto* applied = std::get_if<ConsentApplied>(&record)) commit_consent(*applied, records, ledger);
    if (const auto* answered = std::get_if<QuestionAnswered>(&record)) {
      const auto id = parse_operation_id(answered->operation_id);
      check(answered_.insert({*id, answered->ask}).second, "I4: one answer to a question is on the record");
      if (first<FallbackDecision>(records) == nullptr) commit_plain_answer(*id, *answered, ledger);
    }
    if (const auto* started = std::get_if<OperationStarted>(&record)) {
      ++trail_["started " + started->operation_id];
      if (Op* op = find(started->operation_id)) op->start_on_disk = true;
    }
    if (const auto* ended = std::get_if<OperationEnded>(&record)) ++trail_["ended " + ended->operation_id];
    if (const auto* stall = std::get_if<StallSuspected>(&record)) {
      ++trail_["suspected " + stall->operation_id + " " + std::to_string(stall->ask)];
    }
    if (const auto* stall = std::get_if<StallResolved>(&record)) {
      ++trail_["resolved " + stall->operation_id + " " + std::to_string(stall->ask)];
    }
    if (const auto* closed = std::get_if<JobClosed>(&record); closed != nullptr && closed->state != JobState::failed) {
      std::erase_if(awaited_, [&](const Awaited& each) { return each.job == job; });
    }
    ledger.apply(record);
  }
}

void Invariants::commit_consent(const ConsentApplied& applied, const std::vector<News>& records, const Ledger& ledger) {
  const StandingConsent& consent = applied.consent;
  check(std::ranges::count(ledger.image.consents, consent) == 1, "§9: only a consent that stands is applied");
  const Op* op = find(applied.operation_id);
  check(op->kind == (consent.when == StandingConsent::When::stall ? QuestionKind::stall : QuestionKind::hard_error),
        "§9: a consent answers what it is for");
  const bool answers = std::ranges::any_of(records, [&](const News& each) {
    const auto* answered = std::get_if<QuestionAnswered>(&each);
    return answered != nullptr && answered->operation_id == applied.operation_id &&
           same_name(answered->provider, consent.switch_to);
  });
  check(answers, "§9: a consent applied is recorded with its answer");
}

/// One that names the provider that an earlier decision has locked for the stage decides nothing new.
void Invariants::commit_plain_answer(OperationId id, const QuestionAnswered& answered, const Ledger& ledger) {
  const Op* op = find(id);
  const ProviderLock* lock = op != nullptr ? ledger.governing(op->request.stage_name) : nullptr;
  if (lock == nullptr || answered.option != "try_alternative") return;
  check(same_name(lock->provider_name, answered.provider) && !same_name(answered.provider, op->request.provider_name),
        "I2: a switch without a decision goes where an earlier one has moved the stage");
  went_along_.insert(id);
  rows_.count("switch: went along with an earlier one");
}

void Invariants::commit_anonymous(const News& record) {
  const auto* ended = std::get_if<OperationEnded>(&record);
  check(ended != nullptr, "audit: of what belongs to no job the end is recorded, and nothing else");
  const Op* op = find(ended->operation_id);
  check(op != nullptr && op->ended_anonymous, "audit: what became a job before its end is in that job's trail");
  ++trail_["anonymous " + ended->operation_id];
  ledgers_[{}].apply(record);
  rows_.count("anonymous: its end is on the record");
}

const Invariants::Awaited* Invariants::awaited(const std::string& job, const std::string& stage) const {
  const auto ledger = ledgers_.find(job);
  if (ledger == ledgers_.end()) return nullptr;
  for (auto each = awaited_.rbegin(); each != awaited_.rend(); ++each) {
    if (each->job != job || !Ledger::governs(each->left, stage)) continue;
    const auto& locks = ledger->second.image.locks;
    const bool followed = std::any_of(locks.begin() + static_cast<std::ptrdiff_t>(each->locks_before), locks.end(),
                                      [&](const auto& lock) { return Ledger::governs(lock, stage); });
    return followed ? nullptr : &*each;
  }
  return nullptr;
}

void Invariants::commit_lock(const ProviderLock& lock, const std::vector<News>& records) {
  moved_this_step_.insert(lock.job_id);
  const Ledger& ledger = ledgers_[lock.job_id];
  for (const ProviderLock& other : ledger.image.locks) {
    if (other.state != LockState::active) continue;
    for (const std::string& stage : lock.stages)
      check(!Ledger::governs(other, stage), "locks: a stage has two");
    for (const std::string& stage : other.stages)
      check(!Ledger::governs(lock, stage), "locks: a stage has two");
    check(!lock.stages.empty() || !other.stages.empty(), "locks: a stage has two");
  }
  const auto* decision = first<FallbackDecision>(records);
  check(lock.epoch > ledger.image.epoch || (decision != nullptr && lock.epoch == ledger.image.epoch),
        "I6: an epoch rises with every lock");
  for (const std::string& stage : known_stages(lock.stages)) {
    const Awaited* wanted = Ledger::governs(lock, stage) ? awaited(lock.job_id, stage) : nullptr;
    if (wanted == nullptr || decision != nullptr) continue;
    check(same_name(wanted->provider, lock.provider_name), "I2: the second call locks what the decision named");
    rows_.count("two calls: the decision's provider locked");
  }
}

void Invariants::commit_end(const LockEnded& ended, const std::vector<News>& records) {
  const Ledger& ledger = ledgers_[ended.lock.job_id];
  const auto* closing = first<JobClosed>(records);
  const bool same_transaction = closing != nullptr && ended.epoch == ledger.image.epoch;
  check(ended.epoch > ledger.image.epoch || same_transaction, "I6: an epoch rises with every lock that ends");
  const bool active = std::ranges::any_of(ledger.image.locks, [&](const ProviderLock& lock) {
    return lock.state == LockState::active && lock.epoch == ended.lock.epoch && lock.stages == ended.lock.stages;
  });
  check(active, "locks: only an active lock ends");
  if (ended.lock.state == LockState::unlocked) check(ended.lock.overridable, "locks: an absolute lock is not unlocked");
  if (ended.lock.state == LockState::ended && closing == nullptr) {
    const auto* decision = first<FallbackDecision>(records);
    check(decision != nullptr, "I2: a provider is left only with a decision");
    check(same_name(decision->from_provider, ended.lock.provider_name), "I2: the decision names the provider left");
    check(decision->user_confirmed, "I2: only a confirmed decision moves a lock");
    check(ended.lock.overridable, "I2: an absolute lock does not move");
    check(ended.lock.reason == name(decision->reason_code), "I2: the lock ends with the decision's reason code");
  }
}

void Invariants::commit_decision(const FallbackDecision& decision, const std::vector<News>& records) {
  const auto decisions =
      std::ranges::count_if(records, [](const News& each) { return std::holds_alternative<FallbackDecision>(each); });
  check(decisions == 1, "I2: one decision a switch");
  check(!same_name(decision.from_provider, decision.to_provider), "I2: a switch goes to another provider");
  decisions_this_step_.insert(decision.job_id);
  moved_this_step_.insert(decision.job_id);
  rows_.count("reason", name(decision.reason_code));
  const auto* ended = first<LockEnded>(records);
  const LockTaken* taken = nullptr;
  for (const News& record : records) {
    const auto* lock = std::get_if<LockTaken>(&record);
    if (lock == nullptr) continue;
    if (same_name(lock->lock.provider_name, decision.to_provider))
      taken = lock;
    else
      rows_.count("switch: the rest of the stages renewed");
  }
  if (decision.reason_code == ReasonCode::legacy_auto) {
    check(ended == nullptr && taken == nullptr, "I2: LEGACY_AUTO moves no lock");
    rows_.count("legacy_auto: accepted as history");
  }
  if (ended != nullptr && taken == nullptr) {
    ProviderLock left = ended->lock;
    if (!decision.affected_stages.empty()) left.stages = decision.affected_stages;
    const std::size_t renewed = first<LockTaken>(records) != nullptr ? 1 : 0;
    awaited_.push_back(
        {decision.job_id, left, decision.to_provider, ledgers_[decision.job_id].image.locks.size() + renewed});
  } else if (decision.user_confirmed && taken == nullptr) {
    // Without a lock it redirects what an earlier decision left open, for the stages that it names.
    ProviderLock left;
    left.stages = decision.affected_stages;
    const bool redirects = std::ranges::any_of(known_stages(left.stages), [&](const std::string& stage) {
      return awaited(decision.job_id, stage) != nullptr;
    });
    if (redirects) {
      awaited_.push_back({decision.job_id, left, decision.to_provider, ledgers_[decision.job_id].image.locks.size()});
    }
  }
}

}  // namespace holdfast::sim
