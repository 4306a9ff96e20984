#include "invariants.hpp"

#include <algorithm>

#include "holdfast/core/consent.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast::sim {
namespace {

constexpr milliseconds asked_within{500};  // L1

}  // namespace

Invariants::Op* Invariants::find(OperationId id) {
  const auto found = operations_.find(id);
  return found == operations_.end() ? nullptr : &found->second;
}

Invariants::Op* Invariants::find(const std::string& text_id) {
  const auto id = parse_operation_id(text_id);
  return id ? find(*id) : nullptr;
}

bool Invariants::asked(OperationId operation) const {
  const auto found = operations_.find(operation);
  return found != operations_.end() && found->second.open_ask != 0;
}

bool Invariants::recording(OperationId id, const Op& op) const {
  if (op.answers_under_way > 0) return true;
  const auto ledger = ledgers_.find(op.request.job_id);
  const bool may_queue = ledger != ledgers_.end() && !ledger->second.image.consents.empty();
  return std::ranges::any_of(saves_, [&](const auto& save) {
    if (may_queue && job_of(save.second.front()) == op.request.job_id) return true;
    const auto* answered = first<QuestionAnswered>(save.second);
    return answered != nullptr && answered->operation_id == text(id);
  });
}

// Hearing.

void Invariants::heard(Moment now, const Event& event) {
  now_ = now;
  event_ = &event;
  decisions_this_step_.clear();
  moved_this_step_.clear();
  went_along_.clear();
  applied_.clear();
  must_close_.reset();
  suspected_this_step_ = opened_this_step_ = 0;
  std::visit(
      [&](const auto& each) {
        if constexpr (requires { each.ticket; }) {
          if (each.ticket) check(tickets_.insert(each.ticket.value).second, "the world used a ticket twice");
        }
        if constexpr (requires { note(each); }) note(each);
      },
      event);
  if (const auto* saved = std::get_if<event::Saved>(&event)) commit(saved->save);
  if (const auto* looked = std::get_if<event::SaveLookedUp>(&event)) {
    if (looked->found) commit(looked->save);
    lose(looked->save);
  }
  if (const auto* failed = std::get_if<event::SaveFailed>(&event)) lose(failed->save);
}

void Invariants::lose(SaveId save) {
  const auto found = saves_.find(save);
  if (found == saves_.end()) return;
  for (const News& record : found->second) {
    const auto ledger = ledgers_.find(job_of(record));
    const bool before = ledger != ledgers_.end() && ledger->second.opened;
    if (std::holds_alternative<JobOpened>(record) && !before) opening_.erase(job_of(record));
  }
  saves_.erase(found);
}

void Invariants::note(const event::OperationRequested& event) {
  Op& op = operations_[event.id];
  op.request = event.request;
  op.patience = event.patience;
  op.recorded_first = event.recorded_first && !event.request.job_id.empty();
}

void Invariants::note(const event::Answered& event) {
  Op* op = find(event.operation);
  if (op != nullptr) ++op->answers_under_way;
  answers_[event.ticket.value] = {event.operation, event.answer, op != nullptr ? op->open_ask : 0};
}

void Invariants::note(const event::ProgressMade& event) {
  Op* op = find(event.operation);
  if (op == nullptr) return;
  const bool news = event.at > op->told_progress_at;
  op->told_progress_at = std::max(op->told_progress_at, event.at);
  if (op->ended || !op->opened || op->cancel_ordered) return;
  if (news && event.at > op->since && op->open_ask == 0) {
    op->limit_min = op->limit_max = op->patience->stall;
    op->limited_at = now_.at;
  }
  if (op->stall_ask != 0 && op->answers_under_way > 0) rows_.count("race: progress while an answer is being recorded");
  if (op->stall_ask != 0 && event.at > op->asked_at && news && !recording(event.operation, *op)) {
    must_close_ = event.operation;
  }
}

void Invariants::note(const event::CallEnded& event) {
  const Op* op = find(event.operation);
  if (op != nullptr && op->ended) rows_.count("news of a dead operation: CallEnded");
}

// Orders.

void Invariants::ordered(const Effect& effect) {
  const Event& event = *event_;
  const bool quiet = std::holds_alternative<event::CategoryDue>(event);
  if (quiet) {
    const auto* announce = std::get_if<effect::Announce>(&effect);
    check(std::holds_alternative<effect::WatchCategory>(effect) ||
              (announce != nullptr && std::holds_alternative<CategoryChanged>(announce->news)),
          "I9: a category has no effect but announcements");
  }
  std::visit([this](const auto& order) { on(order); }, effect);
}

void Invariants::on(const effect::Save& order) {
  check(!order.records.empty(), "audit: a transaction holds something");
  check(saves_.emplace(order.save, order.records).second, "audit: a transaction's number is its own");
  const bool anonymous = job_of(order.records.front()).empty();
  for (const News& record : order.records) {
    check(job_of(record).empty() == anonymous, "audit: what belongs to no job is written apart from jobs");
    if (anonymous) continue;
    if (std::holds_alternative<JobOpened>(record)) opening_.insert(job_of(record));
    if (const auto* applied = std::get_if<ConsentApplied>(&record)) {
      const Op* op = find(applied->operation_id);
      const bool for_stalls = applied->consent.when == StandingConsent::When::stall;
      const bool early = for_stalls && op->progress_at <= op->asked_at &&
                         unheard(*op, now_.at, true) < applied->consent.minimum_silence;
      check(!early, "§9: a consent waits for its least silence");
    }
    if (const auto* refused = std::get_if<Refused>(&record)) {
      check(refused->code != Errc::lock_not_overridable || refused->by != consents_giver,
            "§9: a consent that does not apply is passed over without a record");
    }
    check(std::holds_alternative<Refused>(record) || opening_.contains(job_of(record)),
          "audit: a job is opened before anything else of it is written");
  }
}

void Invariants::on(const effect::OpenCall& order) {
  Op* op = find(order.operation);
  check(op != nullptr && !op->opened && !op->ended, "I3: a call is opened once, and never after its end");
  check(!op->cancel_ordered, "I7: a cancelled call is not opened");
  check(same_name(op->request.provider_name, order.provider_name), "I1: the call goes where it was asked to go");
  const auto found = ledgers_.find(order.job_id);
  const Ledger* ledger = found == ledgers_.end() ? nullptr : &found->second;
  if (!order.job_id.empty()) {
    const ProviderLock* lock = ledger != nullptr ? ledger->governing(order.stage_name) : nullptr;
    check(lock == nullptr || same_name(lock->provider_name, order.provider_name),
          "I1: a call goes only to the provider that the committed lock names");
    if (lock == nullptr) {
      const Awaited* wanted = awaited(order.job_id, order.stage_name);
      check(wanted == nullptr || ledger->image.state != JobState::running ||
                same_name(wanted->provider, order.provider_name),
            "I1: between decision and lock only the decision's provider serves");
    }
    check(order.epoch == (ledger != nullptr ? ledger->image.epoch : 0), "I1: a call carries the committed epoch");
    check(!op->recorded_first || op->start_on_disk, "audit: a start is on disk before its call");
  } else {
    check(order.epoch == 0, "I1: an anonymous call has no epoch");
  }
  check(tickets_.erase(order.ticket.value) == 1, "L3: a caller is told once");
  op->opened = true;
  op->opened_at = op->base = op->since = now_.at;
  op->limit_min = op->limit_max = op->patience->first_progress.value_or(op->patience->stall);
  running_.insert(order.operation);
}

void Invariants::on(const effect::CancelCall& order) {
  Op* op = find(order.operation);
  check(op != nullptr && op->opened && !op->ended, "I3: only a running call is cancelled");
  check(!op->cancel_ordered, "I3: a call is cancelled once");
  const bool by_time =
      std::holds_alternative<event::CategoryDue>(*event_) || std::holds_alternative<event::ProgressMade>(*event_);
  check(!by_time, "I3: a call is never ended by elapsed time");
  if (std::holds_alternative<event::SilenceExceeded>(*event_) || std::holds_alternative<event::TimePassed>(*event_)) {
    const auto ledger = ledgers_.find(op->request.job_id);
    check(ledger != ledgers_.end() && std::ranges::any_of(ledger->second.image.consents, &StandingConsent::cancels),
          "I3: silence and time end a call only with a consent to cancel given before");
  }
  if (order.why == Errc::switched) {
    check(decisions_this_step_.contains(op->request.job_id) || went_along_.contains(order.operation),
          "I2: a call is switched only by a decision on disk");
  }
  op->cancel_ordered = true;
}

void Invariants::on(const effect::Announce& order) {
  std::visit([this](const auto& news) { told(news); }, order.news);
}

void Invariants::on(const effect::Reply& order) {
  check(tickets_.erase(order.ticket.value) == 1, "L3: a caller is told once");
  const auto asked = answers_.find(order.ticket.value);
  Errc code = Errc::ok;
  if (const auto* failure = std::get_if<Failure>(&order.value)) {
    code = failure->code;
    check(!failure->message.empty() && code != Errc::ok, "a refusal says what to do");
  } else if (const auto* result = std::get_if<AnswerResult>(&order.value)) {
    code = result->refused;
    check(result->applied == (code == Errc::ok), "an answer is applied or refused");
    if (!result->recorded) rows_.count("store: a cancel that could not be recorded");
    if (asked != answers_.end()) on_answer(asked->second, *result);
  } else if (const auto* lock = std::get_if<ProviderLock>(&order.value)) {
    const auto& locks = ledgers_[lock->job_id].image.locks;
    check(std::ranges::find(locks, *lock) != locks.end(), "I10: a lock is acknowledged only when durable");
  } else if (const auto* decision = std::get_if<FallbackDecision>(&order.value)) {
    check(decisions_this_step_.contains(decision->job_id), "I10: a decision is acknowledged only when durable");
  }
  if (code != Errc::ok) rows_.count("refusal", name(code));
  if (asked != answers_.end()) {
    if (Op* op = find(asked->second.operation)) --op->answers_under_way;
    answers_.erase(asked);
  }
}

void Invariants::on_answer(const Asked& asked, const AnswerResult& result) {
  Op* op = find(asked.operation);
  const int newest = op != nullptr && asked.open_ask == 0 ? op->asks : asked.open_ask;
  const int ask = asked.answer.ask != 0 ? asked.answer.ask : newest;
  if (result.refused == Errc::already_answered && op != nullptr && op->open_ask != 0) {
    rows_.count("race: a second answer while the first is being recorded");
  }
  if (result.refused == Errc::store_unavailable && op != nullptr && op->ended) {
    rows_.count("race: ended while an answer failed");
  }
  if (result.refused == Errc::store_unavailable) rows_.count("race: an answer that could not be saved opens again");
  if (!result.applied) return;
  check(op != nullptr, "I5: an answer to nothing never applies");
  const std::string& key = asked.answer.idempotency_key;
  const bool known = !key.empty() && !keys_.insert({asked.operation, key}).second;
  const bool sent_again = known && asked.answer.ask == 0;
  if ((sent_again || closed_.contains({asked.operation, ask})) && !applied_.contains({asked.operation, ask})) {
    check(!key.empty(), "I5: an answer to an older question never applies");
    rows_.count("answer: repeated with its key");
    return;
  }
  check(applied_.contains({asked.operation, ask}), "I5: an answer that applies closes its question");
  const auto option = std::ranges::find(op->options, asked.answer.option, &AnswerOption::id);
  check(option != op->options.end(), "an answer is one of the options");
  check(!option->requires_confirmation || asked.answer.confirmed, "I2: a switch and a cancel need a confirmation");
  rows_.count("answer", asked.answer.option);
  if (op->ended) rows_.count("race: ended while the answer was being recorded");
  if (op->ended || op->cancel_ordered) return;
  op->base = op->since = now_.at;
  op->held = {};
  op->unattended = option->action == AnswerAction::wait;
  op->limit_min = op->limit_max = option->extension;
}

// The truth.

Nanoseconds Invariants::silence_since(Instant base, Nanoseconds held, const Op& op, Instant now, bool most) const {
  const Instant until = op.held_since ? std::max(base, *op.held_since) : now;
  Nanoseconds silent = until - base - held;
  for (auto window = late_.rbegin(); window != late_.rend() && window->to > base; ++window) {
    const bool inside = window->from >= base && window->to <= until;
    if (inside || !most) silent -= window->to - window->from;
  }
  return silent;
}

Nanoseconds Invariants::silence(const Op& op, Instant now, bool most) const {
  return silence_since(op.base, op.held, op, now, most);
}

Nanoseconds Invariants::unheard(const Op& op, Instant now, bool most) const {
  return silence_since(std::max(op.opened_at, op.progress_at), op.held_since_progress, op, now, most);
}

void Invariants::due_consents_are_used() const {
  for (const auto& [id, op] : operations_) {
    const auto ledger = ledgers_.find(op.request.job_id);
    if (ledger == ledgers_.end() || op.open_ask == 0 || op.cancel_ordered || recording(id, op)) continue;
    if (ledger->second.image.state != JobState::running && ledger->second.image.state != JobState::failed) continue;
    for (const StandingConsent& consent : ledger->second.image.consents) {
      check(!would_answer(consent, op, ledger->second), "§9: a consent that is due and applies is used");
    }
  }
}

/// Due for some time, where it is for stalls.
bool Invariants::would_answer(const StandingConsent& consent, const Op& op, const Ledger& ledger) const {
  const bool stall = consent.when == StandingConsent::When::stall;
  if (op.kind != (stall ? QuestionKind::stall : QuestionKind::hard_error)) return false;
  if (stall && unheard(op, now_.at, false) < consent.minimum_silence + milliseconds(10'000)) return false;
  if (consent.cancels()) return true;
  const std::string& stage = op.request.stage_name;
  const std::string& provider = op.request.provider_name;
  if (same_name(consent.switch_to, provider)) return false;
  const ProviderLock* lock = ledger.governing(stage);
  if (lock != nullptr && !lock->overridable) return false;
  if (lock != nullptr && same_name(lock->provider_name, consent.switch_to)) return true;
  if (lock != nullptr && !same_name(lock->provider_name, provider)) return false;
  return !ledger.left_after_failure(consent.switch_to, stage) && ledger.image.locks.size() < limits::locks_per_job_max;
}

void Invariants::progress(OperationId operation, Instant at) {
  Op* op = find(operation);
  if (op == nullptr) return;
  op->progress_at = at;
  op->held_since_progress = {};
  if (at <= op->base) return;
  op->base = at;
  op->held = {};
  const milliseconds stall = op->patience->stall;
  op->limit_min = std::min(op->limit_min, stall);
  op->limit_max = std::max(op->limit_max, stall);
}

void Invariants::held(OperationId operation, Instant at) {
  Op* op = find(operation);
  if (op != nullptr && !op->held_since) op->held_since = at;
}

void Invariants::resumed(OperationId operation, Instant at) {
  Op* op = find(operation);
  if (op == nullptr || !op->held_since) return;
  const auto part_behind = [&](Instant base) { return std::max(at - std::max(*op->held_since, base), Nanoseconds(0)); };
  const Nanoseconds whole = part_behind(op->base);
  op->held += whole;
  op->held_since_progress += part_behind(std::max(op->opened_at, op->progress_at));
  op->held_since.reset();
  if (whole > op->limit_max && op->open_ask == 0) rows_.count("silence: backpressure is none");
}

void Invariants::swept(Instant now, bool paused) {
  for (const OperationId id : running_) {
    const Op& op = operations_.at(id);
    if (op.cancel_ordered) continue;
    const LatencyCategory by_time = op.patience->category_after(now - op.opened_at);
    if (op.stall_ask == 0) check(op.category == by_time, "§4: a category is announced within a sweep");
    const bool quiet = op.open_ask == 0 && !op.unattended;
    const bool looked_at = now - op.limited_at > asked_within;
    if (quiet && looked_at && silence(op, now, false) > op.limit_max + asked_within) {
      fail("L1: a true stall is asked about: " + text(id) + " is silent for " +
           std::to_string(in_ms(silence(op, now, false)).count()) + " ms, the limit is " +
           std::to_string(op.limit_max.count()) + " ms; last progress " + std::to_string(in_ms(now - op.base).count()) +
           " ms ago, held " + std::to_string(in_ms(op.held).count()) + " ms" +
           (op.held_since ? ", and since " + std::to_string(in_ms(now - *op.held_since).count()) + " ms" : ""));
    }
    if (quiet && paused && now - op.base > op.limit_max) rows_.count("silence: our own pause is none");
  }
}

void Invariants::adopted_jobs_closed() const {
  for (const auto& [id, op] : operations_) {
    const auto ledger = ledgers_.find(text(id));
    if (ledger == ledgers_.end() || op.open_ask != 0) continue;
    const event::JobImage& image = ledger->second.image;
    const bool locked = std::ranges::any_of(image.locks, &ProviderLock::active);
    const bool over = op.outcome == OperationPhase::completed || op.outcome == OperationPhase::failed ||
                      op.outcome == OperationPhase::cancelled || op.outcome == OperationPhase::interrupted;
    check(!over || locked || image.state != JobState::running, "§1: an adopted job is closed with its operation");
  }
}

void Invariants::finished() const {
  check(tickets_.empty(), "L3: every caller is told");
  if (!running_.empty()) fail("L3: every operation is told its end: " + text(*running_.begin()));
  check(saves_.empty(), "L3: every transaction comes back");
  for (const auto& [id, op] : operations_) {
    if (op.open_ask != 0 || op.stall_ask != 0) fail("I4: a question closes exactly once: that of " + text(id));
    check(!op.opened || op.ended, "L3: every operation is told its end");
    const bool recorded = trail_.contains("anonymous " + text(id));
    check(op.ended_anonymous == recorded, "§1: an operation without a job leaves one record when it ends");
  }
  for (const auto& [what, times] : trail_) {
    if (times != 1) fail("audit: recorded " + std::to_string(times) + " times: " + what);
    if (what.starts_with("started ") && !trail_.contains("ended" + what.substr(7)))
      fail("audit: no end of what " + what);
    if (what.starts_with("suspected ")) {
      check(trail_.contains("resolved" + what.substr(9)), "§6: every stall.suspected has its stall.resolved");
    }
  }
}

}  // namespace holdfast::sim
