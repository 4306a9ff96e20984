#include <algorithm>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {

void Machine::on(const event::ConsentOffered& event) {
  Job* job = ready_job(event.job_id, event);
  if (job == nullptr) return;
  const bool given = std::ranges::any_of(job->consents, [&](const StandingConsent& each) {
    return each.when == event.consent.when && each.minimum_silence == event.consent.minimum_silence &&
           same_name(each.switch_to, event.consent.switch_to);
  });
  if (given) return reply(event.ticket, false);  // a resumed run says it again
  if (job->consents.size() >= limits::consents_per_job_max) {
    return refuse(event.ticket, Errc::too_large,
                  "a job holds at most " + std::to_string(limits::consents_per_job_max) + " consents");
  }
  StandingConsent consent = event.consent;
  consent.id = "consent-" + std::to_string(job->consents.size() + 1);
  Write giving{.records = {}, .then = Write::Replied{event.ticket}};
  open_record(*job, giving.records, consent.given_by);
  giving.records.push_back(ConsentGiven{job->id, std::move(consent)});
  change(*job, std::move(giving));
}

/// Applying a consent is on the record with the answer that it gives.
void Machine::add_consent(const Operation& operation, const QuestionTable::Open& open,
                          std::vector<News>& records) const {
  if (open.answer.door != "consent") return;
  const std::vector<StandingConsent>& consents = job_of_operation(operation)->consents;
  const auto given = std::ranges::find(consents, open.answer.note, &StandingConsent::id);
  HOLDFAST_CHECK(given != consents.end(), "only a consent that stands answers");
  records.push_back(ConsentApplied{operation.terms->job_id, text(operation.id), open.question.ask, *given});
}

/// Answers what the job's consents answer. Called whenever the job stands still, so that nothing is missed: what was in
/// the way when a question opened may be gone.
void Machine::answer_by_consents(Job& job) {
  if (job.consents.empty() || job.consents_rest) return;
  std::set<OperationId> asked = questions_.failures_of(job.id);
  asked.insert(job.operations.begin(), job.operations.end());
  for (const OperationId id : asked) {
    if (commands_wait(job)) return;  // until that is on disk
    const QuestionTable::Open* open = questions_.find(id);
    if (open == nullptr || open->recording) continue;
    Operation& operation = *find(id);
    if (!answer_by_consents(job, operation) && open->question.kind == QuestionKind::stall)
      watch_for_consents(job, operation);
  }
}

bool Machine::answer_by_consents(const Job& job, Operation& operation) {
  QuestionTable::Open& open = *questions_.find(operation.id);
  for (const StandingConsent& consent : job.consents) {
    if (open.silence < consent.minimum_silence) continue;
    const auto answered = answer_by(consent, operation, open);
    if (!answered) continue;
    take_answer(operation, open, *answered);
    if (open.recording) return true;
  }
  return false;
}

/// Until the next of their silences is reached. The limit counts from the last progress, as they do.
void Machine::watch_for_consents(const Job& job, Operation& operation) {
  const QuestionTable::Open& open = *questions_.find(operation.id);
  std::optional<milliseconds> next;
  for (const StandingConsent& consent : job.consents) {
    if (consent.when != StandingConsent::When::stall || consent.minimum_silence <= open.silence) continue;
    next = std::min(next.value_or(milliseconds::max()), consent.minimum_silence);
  }
  if (next && *next != operation.silence_limit) watch(operation, operation.started_at, next, true);
}

/// Whether a consent answers what would be asked.
bool Machine::consented(const Operation& operation, const QuestionTable::Open& open) const {
  return std::ranges::any_of(job_of_operation(operation)->consents, [&](const StandingConsent& consent) {
    return answer_by(consent, operation, open).has_value();
  });
}

/// The answer that it gives; nothing where it is for something else or does not apply here: the lock is absolute, the
/// provider is the one that stalled, or it leads nowhere.
std::optional<event::Answered> Machine::answer_by(const StandingConsent& consent, const Operation& operation,
                                                  const QuestionTable::Open& open) const {
  const QuestionKind kind =
      consent.when == StandingConsent::When::stall ? QuestionKind::stall : QuestionKind::hard_error;
  if (open.question.kind != kind) return std::nullopt;
  const AnswerAction wanted = consent.cancels() ? AnswerAction::cancel : AnswerAction::fallback;
  const auto option = std::ranges::find(open.question.options, wanted, &AnswerOption::action);
  if (option == open.question.options.end()) return std::nullopt;
  event::Answered answered;
  answered.operation = operation.id;
  answered.provider_type = consent.provider_type;
  answered.answer = {.operation_id = text(operation.id),
                     .ask = open.question.ask,
                     .option = option->id,
                     .provider = consent.switch_to,
                     .confirmed = true,
                     .by = consent.given_by,
                     .note = consent.id,
                     .idempotency_key = {},
                     .door = "consent"};
  if (leads_nowhere(consent, operation) || refusal_of(answered, &operation, &open)) return std::nullopt;
  return answered;
}

/// Two that fail in turn would be paid in turn, with nobody asked; a stage that has gone elsewhere has not stalled
/// there; and there is an end to the locks of a job.
bool Machine::leads_nowhere(const StandingConsent& consent, const Operation& operation) const {
  if (consent.cancels()) return false;
  const LockTable& locks = job_of_operation(operation)->locks;
  const OperationTerms& terms = *operation.terms;
  const ProviderLock* lock = locks.governing(terms.stage_name);
  if (lock != nullptr && same_name(lock->provider_name, consent.switch_to)) return false;
  const bool elsewhere = lock != nullptr && !same_name(lock->provider_name, terms.provider_name);
  return elsewhere || locks.left_after_failure(consent.switch_to, terms.stage_name) || locks.full();
}

}  // namespace holdfast
