#include <algorithm>

#include "invariants.hpp"

namespace holdfast::sim {

// Announcements.

void Invariants::told(const OperationStarted& news) {
  if (news.queued) rows_.count("operation: queued");
}

void Invariants::told(const OperationEnded& news) {
  Op* op = find(news.operation_id);
  check(op != nullptr && !op->ended, "I3: an operation ends exactly once");
  const auto id = *parse_operation_id(news.operation_id);
  const auto* ended = std::get_if<event::CallEnded>(event_);
  const bool by_call = ended != nullptr && ended->operation == id;
  check(by_call || !op->opened, "I3: a running operation ends when its call does");
  if (by_call && ended->how == event::CallEnded::How::returned) {
    check(news.outcome == OperationPhase::completed, "I3: what returned is completed");
    if (op->answers_under_way > 0) rows_.count("race: ended by itself while an answer was under way");
  }
  check(op->stall_ask == 0 || recording(id, *op) || answered_.contains({id, op->stall_ask}),
        "I4: the end resolves an open stall first");
  if (news.outcome == OperationPhase::failed)
    check(op->category == LatencyCategory::Error, "§8: the category says Error");
  op->ended = true;
  op->outcome = news.outcome;
  op->ended_anonymous = news.job_id.empty();
  running_.erase(id);
  rows_.count("outcome", name(news.outcome));
  if (!op->opened && news.outcome == OperationPhase::switched) rows_.count("operation: moved before it began");
}

void Invariants::told(const CategoryChanged& news) {
  Op* op = find(news.operation_id);
  check(op != nullptr && !op->ended, "categories: of operations that run");
  check(op->category == news.from, "categories: each change is announced once");
  check(news.from != news.to || news.longer_than_usual, "categories: only a change is announced");
  const LatencyCategory by_time = op->patience->category_after(now_.at - op->opened_at);
  const bool by_event = news.to == LatencyCategory::StallSuspected || news.to == LatencyCategory::Error;
  check(by_event || news.to == by_time, "§4: leaving a stall returns to the category of the elapsed time");
  op->category = news.to;
  rows_.count("category", name(news.to));
  if (news.longer_than_usual) rows_.count("category: longer than usual");
}

void Invariants::told(const StallSuspected& news) {
  Op* op = find(news.operation_id);
  check(op != nullptr && op->opened && !op->ended && !op->cancel_ordered, "I4: only a running operation stalls");
  check(op->open_ask == 0 && op->stall_ask == 0, "I4: an episode raises exactly one question");
  check(news.ask == op->asks + 1, "I4: questions are counted");
  check(!op->unattended, "§6: wait until it finishes means no further question");
  if (silence(*op, now_.at, true) < op->limit_min) {
    fail("§6: nothing is asked before the silence threshold: " + news.operation_id + " was silent for " +
         std::to_string(in_ms(silence(*op, now_.at, true)).count()) + " ms of " +
         std::to_string(op->limit_min.count()) + ", the last progress " +
         std::to_string(in_ms(now_.at - op->progress_at).count()) + " ms ago, clock set " +
         std::to_string(in_ms(now_.at - op->base).count()) + " ms ago, held " +
         std::to_string(in_ms(op->held).count()) + " ms");
  }
  check(op->category == LatencyCategory::StallSuspected, "§4: an open episode shows StallSuspected");
  check(!news.job_id.empty(), "§1: what is asked about is a job");
  if (op->request.job_id.empty()) rows_.count("anonymous: became a job");
  op->request.job_id = news.job_id;
  if (const auto ledger = ledgers_.find(news.job_id); ledger != ledgers_.end()) {
    const ProviderLock* lock = ledger->second.governing(op->request.stage_name);
    const bool absolute = lock != nullptr && !lock->overridable && !ledger->second.image.consents.empty();
    if (absolute) rows_.count("consent: asked, though there is one, where the lock is absolute");
  }
  op->stall_ask = op->asks = news.ask;
  op->asked_at = now_.at;
  op->options = news.options;
  ++suspected_this_step_;
  rows_.count("stall: suspected");
}

void Invariants::told(const QuestionOpened& news) {
  Op* op = find(news.question.operation_id);
  check(op != nullptr && op->open_ask == 0, "I4: one open question at a time");
  const bool stall = news.question.kind == QuestionKind::stall;
  check(stall ? op->stall_ask == news.question.ask : news.question.ask == op->asks + 1, "I4: questions are counted");
  op->open_ask = op->asks = news.question.ask;
  op->kind = news.question.kind;
  if (const auto ledger = ledgers_.find(news.question.job_id); ledger != ledgers_.end()) {
    for (const StandingConsent& consent : ledger->second.image.consents) {
      const bool fits =
          stall ? consent.when == StandingConsent::When::stall
                : news.question.kind == QuestionKind::hard_error && consent.when == StandingConsent::When::error;
      const bool back = ledger->second.left_after_failure(consent.switch_to, op->request.stage_name);
      if (fits && back) rows_.count("consent: leads back to what has failed");
    }
  }
  op->options = news.question.options;
  if (op->request.job_id.empty()) op->request.job_id = news.question.job_id;
  if (stall) ++opened_this_step_;
  rows_.count("question", name(news.question.kind));
}

void Invariants::told(const StallResolved& news) {
  Op* op = find(news.operation_id);
  check(op != nullptr && op->stall_ask == news.ask, "I4: a stall is resolved exactly once");
  op->stall_ask = 0;
  rows_.count("stall resolved by", news.by);
}

void Invariants::told(const QuestionClosed& news) {
  Op* op = find(news.operation_id);
  check(op != nullptr && op->open_ask == news.ask, "I4: a question closes exactly once");
  check(op->kind != QuestionKind::stall || op->stall_ask == 0, "I4: a closed question resolves its stall");
  const auto id = *parse_operation_id(news.operation_id);
  closed_.insert({id, news.ask});
  op->open_ask = 0;
  if (news.by == "answer") applied_.insert({id, news.ask});
  if (news.by == "progress") {
    check(op->told_progress_at > op->asked_at - op->limit_max, "I5: only progress withdraws a question");
    op->base = std::max(op->base, op->progress_at);
    op->limit_min = op->limit_max = op->patience->stall;
    op->limited_at = now_.at;
    if (std::holds_alternative<event::SaveFailed>(*event_)) rows_.count("race: progress while the answer failed");
  }
}

void Invariants::told(const LockTaken& news) {
  const auto& locks = ledgers_[news.lock.job_id].image.locks;
  check(std::ranges::any_of(locks, [&](const auto& lock) { return lock.epoch == news.lock.epoch; }),
        "I10: a lock is announced only when durable");
}

void Invariants::told(const FallbackDecision& news) {
  check(decisions_this_step_.contains(news.job_id), "I10: a decision is announced only when durable");
}

void Invariants::told(const ConsentApplied& news) {
  const auto& consent = news.consent;
  const std::string what = consent.cancels() ? "cancel" : "switch";
  rows_.count("consent applied", (consent.when == StandingConsent::When::stall ? "stall, " : "error, ") + what);
}

void Invariants::told(const Refused& news) {
  rows_.count("refusal recorded", name(news.code));
}

void Invariants::told(const ProviderHardError& news) {
  rows_.count("error class", name(news.fault.error_class));
  const Op* op = find(news.operation_id);
  check(op != nullptr && op->category == LatencyCategory::Error, "§8: the category becomes Error");
}

void Invariants::told(const JobClosed& news) {
  const Op* op = find(news.job_id);  // an adopted job has the name of its operation
  if (op != nullptr && op->outcome == OperationPhase::failed && news.state == JobState::failed) {
    rows_.count("anonymous: became a job and failed");
  }
}

void Invariants::stepped() {
  check(suspected_this_step_ == opened_this_step_, "I4: a stall episode raises exactly one question");
  if (must_close_) {
    check(find(*must_close_)->stall_ask == 0, "I5: progress closes an open episode");
    rows_.count("race: progress withdrew a question");
  }
  for (const std::string& job : moved_this_step_) {
    for (const auto& [id, op] : operations_) {
      if (op.request.job_id != job || op.open_ask == 0 || op.kind != QuestionKind::hard_error) continue;
      const ProviderLock* lock = ledgers_[job].governing(op.request.stage_name);
      const bool left = lock != nullptr && !same_name(lock->provider_name, op.request.provider_name);
      check(!left || recording(id, op), "I4: what its stage has left is not asked about");
    }
  }
}

}  // namespace holdfast::sim
