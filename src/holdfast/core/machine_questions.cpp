#include <algorithm>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/core/machine_internal.hpp"

namespace holdfast {
namespace {

/// How a job ends whose only operation ended so; absent: it goes on.
std::optional<JobState> adopted_end(OperationPhase outcome) {
  switch (outcome) {
    case OperationPhase::completed:
      return JobState::done;
    case OperationPhase::failed:
    case OperationPhase::interrupted:
      return JobState::failed;
    case OperationPhase::cancelled:
      return JobState::cancelled;
    case OperationPhase::queued:
    case OperationPhase::running:
    case OperationPhase::switched:
      return std::nullopt;
  }
  __builtin_unreachable();
}

}  // namespace

void Machine::on(const event::ProgressMade& event) {
  Operation* operation = find(event.operation);
  if (operation == nullptr || operation->stage == Operation::Stage::ended) return;
  if (event.at <= operation->last_progress) return;
  operation->last_progress = event.at;
  if (operation->stage != Operation::Stage::running) return;
  switch (operation->attention) {
    case Operation::Attention::first:
      return watch_ordinary(*operation);
    case Operation::Attention::extended:
      if (event.at > operation->silence_since) return watch_ordinary(*operation);
      return watch_again(*operation, true);  // from before the answer
    case Operation::Attention::asked: {
      QuestionTable::Open* open = questions_.find(operation->id);
      HOLDFAST_CHECK(open != nullptr, "an operation that is asked about has a question");
      if (event.at <= open->asked_at - open->question.silence) {
        watch_again(*operation, true);  // known when it was asked
      } else if (open->recording) {
        open->news = true;  // what is being recorded is not undone
      } else {
        resolve_by_progress(*operation);
      }
      return;
    }
    case Operation::Attention::watching:
    case Operation::Attention::unattended:
      return;
  }
}

/// The end of a stall episode, `by` progress, answer or end.
StallResolved Machine::resolved(const Operation& operation, const QuestionTable::Open& open, std::string by) const {
  auto news = about<StallResolved>(operation);
  news.ask = open.question.ask;
  news.by = std::move(by);
  news.stalled_for = in_ms(now_.at - open.asked_at);
  return news;
}

void Machine::resolve_by_progress(Operation& operation) {
  const QuestionTable::Open* open = questions_.find(operation.id);
  auto episode = resolved(operation, *open, "progress");
  const QuestionClosed closed{operation.terms->job_id, text(operation.id), open->question.ask, "progress"};
  questions_.close(operation.id, {QuestionTable::ClosedBy::progress});
  journal({std::move(episode), closed});
  set_category(operation, operation.terms->patience->category_after(elapsed(operation)));
  watch_ordinary(operation);
}

void Machine::on(const event::SilenceExceeded& event) {
  Operation* operation = find(event.operation);
  if (operation == nullptr || operation->stage != Operation::Stage::running) return;
  if (operation->silence_limit == Operation::unlimited) return;
  if (event.watch != 0 && event.watch != operation->watch_number) return;  // the clock was set anew meanwhile
  const Instant silent_from = std::max(operation->silence_since, operation->last_progress);
  if (now_.at - silent_from < operation->silence_limit) {
    // Progress came after the sweep had looked.
    return watch_again(*operation, operation->attention != Operation::Attention::watching);
  }
  switch (operation->attention) {
    case Operation::Attention::first:
    case Operation::Attention::watching:
    case Operation::Attention::extended:
      open_stall(*operation, event);
      break;
    case Operation::Attention::asked:
      questions_.find(operation->id)->silence = event.silence;
      operation->silence_limit = Operation::unlimited;  // it is reached: `watch_for_consents` sets the next
      break;
    case Operation::Attention::unattended:
      return;
  }
  touch(operation->terms->job_id);
}

/// An anonymous operation that somebody is asked about becomes a job like any other, under the operation's own name.
void Machine::adopt(Operation& operation) {
  if (!operation.terms->job_id.empty()) return;
  Job& job = hold(text(operation.id));
  job.known = true;
  OperationTerms terms = *operation.terms;
  terms.job_id = job.id;
  operation.terms = share(job.terms, std::move(terms));
  if (operation.stage != Operation::Stage::ended) join(job, operation);
  std::vector<News> records;
  open_record(job, records);
  announce_all(records);
  records.push_back(about<OperationStarted>(operation));  // was announced when it happened, as was its end
  if (operation.stage == Operation::Stage::ended) records.push_back(ended_news(operation));
  write_down(std::move(records));
}

/// Such a job ends with its operation, as that did, unless a decision has locked another provider for what comes next.
void Machine::leave_adopted(const Operation& operation) {
  const auto state = adopted_end(operation.outcome);
  if (!state || operation.terms->job_id != text(operation.id) || questions_.find(operation.id) != nullptr) return;
  Job* job = find_job(operation.terms->job_id);
  HOLDFAST_CHECK(job != nullptr, "a job is held when something of it ends");
  if (!job->opened || job->state != JobState::running) return;
  if (job->changing || !job->operations.empty() || job->locks.active_count() != 0) return;
  const JobClosed closed{job->id, *state, {}};
  apply(*job, closed);
  journal({closed});
  touch(job->id);
}

/// What has failed at a provider that its stage has left has its answer: whoever runs it goes along. What was
/// interrupted may be done, and paid for: that is asked for itself.
bool Machine::is_left(const Job& job, const Question& question) {
  return question.kind == QuestionKind::hard_error &&
         !job.locks.validate(question.provider_name, question.stage_name).allowed;
}

/// Of failures and interruptions, where nobody is answering: those of which nobody runs anything again, because the job
/// is over or has never begun, and those that their stage has left.
void Machine::close_settled_questions(const Job& job, bool never_begun) {
  const bool over = never_begun || (job.known && !job.opened);
  const std::set<OperationId> failures = questions_.failures_of(job.id);
  for (const OperationId id : failures) {
    const QuestionTable::Open& open = *questions_.find(id);
    if (open.recording || !(over || is_left(job, open.question))) continue;
    announce(QuestionClosed{job.id, text(id), open.question.ask, "end"});
    questions_.close(id, {QuestionTable::ClosedBy::end});
  }
}

Question Machine::question_about(const Operation& operation, QuestionKind kind) const {
  auto question = about<Question>(operation);
  question.kind = kind;
  question.ask = operation.asks;
  question.opened_at = now_.wall;
  question.total_elapsed = in_ms(elapsed(operation));
  question.options = kind == QuestionKind::stall ? operation.terms->patience->stall_options : failure_options();
  const Job* job = job_of_operation(operation);
  HOLDFAST_CHECK(job != nullptr, "what is asked about has a job");
  const ProviderLock* lock = job->locks.governing(operation.terms->stage_name);
  for (const ProviderInfo& provider : providers_) {
    if (same_name(provider.name, operation.terms->provider_name)) continue;
    if (!provider.serves(operation.terms->kind)) continue;
    Alternative alternative{.provider_name = provider.name,
                            .provider_type = provider.type,
                            .model = provider.model,
                            .requires_network = provider.requires_network,
                            .allowed = true,
                            .why_not = {},
                            .failed_here = job->locks.left_after_failure(provider.name, operation.terms->stage_name),
                            .normal_threshold = {}};
    const auto& normal = operation.terms->patience->normal_by_type;
    if (const auto known = normal.find(provider.type); known != normal.end()) {
      alternative.normal_threshold = known->second;
    }
    if (!provider.speaks(operation.terms->protocol)) {
      alternative.allowed = false;
      alternative.why_not = provider.name + " does not speak " + operation.terms->protocol + ", which the client does";
    } else if (lock != nullptr && !lock->overridable) {
      alternative.allowed = false;
      alternative.why_not = "the lock is absolute";
    }
    question.alternatives.push_back(std::move(alternative));
  }
  return question;
}

void Machine::open_stall(Operation& operation, const event::SilenceExceeded& silence) {
  adopt(operation);
  ++operation.asks;
  operation.attention = Operation::Attention::asked;
  set_category(operation, LatencyCategory::StallSuspected);

  Question question = question_about(operation, QuestionKind::stall);
  question.silence = in_ms(silence.silence);
  const bool pinging = silence.since_heartbeat < silence.silence / 2;
  question.evidence =
      "No new output for " + spoken(question.silence) + "; " +
      (pinging ? "the provider still gives signs of life, the last " + spoken(in_ms(silence.since_heartbeat)) + " ago"
               : "no sign of life either") +
      ". Running for " + spoken(question.total_elapsed) + ", progress so far: " + silence.progress.text() + ".";

  auto suspected = about<StallSuspected>(operation);
  suspected.ask = question.ask;
  suspected.elapsed_since_last_heartbeat = in_ms(silence.since_heartbeat);
  suspected.elapsed_since_last_progress = question.silence;
  suspected.total_elapsed = question.total_elapsed;
  suspected.progress = silence.progress;
  suspected.options = question.options;
  suspected.alternatives = question.alternatives;
  suspected.evidence = question.evidence;
  QuestionTable::Open open;
  open.question = question;
  open.asked_at = now_.at;
  open.silence = silence.silence;
  questions_.open(operation.id, std::move(open));
  journal({std::move(suspected), QuestionOpened{std::move(question)}});
  watch(operation, operation.started_at, std::nullopt, true);
}

void Machine::on(const event::QuestionRaised& event) {
  Operation* operation = find(event.operation);
  if (operation == nullptr) {
    return refuse(event.ticket, Errc::no_such_operation, "there is no operation " + text(event.operation));
  }
  const bool failed =
      operation->stage == Operation::Stage::ended &&
      (operation->outcome == OperationPhase::failed || operation->outcome == OperationPhase::interrupted);
  if (!failed || questions_.find(operation->id) != nullptr) {
    return refuse(event.ticket, Errc::invalid_argument, "only an operation that failed can be asked about, once");
  }
  const Job* job = job_of_operation(*operation);
  if (!operation->terms->job_id.empty() && (job == nullptr || !job->opened)) {
    return refuse(event.ticket, Errc::no_such_job, "job " + operation->terms->job_id + " is over");
  }
  if (event.consents_only) {
    if (job == nullptr) return reply(event.ticket, false);
    if (ready_job(job->id, event) == nullptr) return;  // the stage may be moving, and nobody else is there
  }
  adopt(*operation);
  ++operation->asks;
  QuestionTable::Open open;
  open.question = question_about(*operation, event.kind);
  // The stage has moved while this was on its way: whoever asks goes along.
  const bool left = job != nullptr && is_left(*job, open.question);
  if (event.consents_only && !left && !consented(*operation, open)) {
    --operation->asks;
    return reply(event.ticket, false);
  }
  if (operation->fault) open.question.evidence = operation->fault->message;
  if (event.kind == QuestionKind::interrupted) {
    open.question.evidence = "The process that ran it ended in the middle, after " +
                             spoken(in_ms(elapsed(*operation))) + " at the most; whether " +
                             operation->terms->provider_name + " has done the work is unknown.";
  }
  open.asked_at = now_.at;
  const Question question = open.question;
  questions_.open(operation->id, std::move(open));
  journal({QuestionOpened{question}});
  reply(event.ticket, true);
}

void Machine::refuse_answer(Ticket ticket, Errc code, std::string message, std::string winning) {
  reply(ticket,
        AnswerResult{
            .applied = false, .refused = code, .winning_option = std::move(winning), .message = std::move(message)});
}

std::optional<AnswerResult> Machine::refusal_of(const event::Answered& event, const Operation* operation,
                                                const QuestionTable::Open* open) const {
  const Answer& answer = event.answer;
  const auto refused = [](Errc code, std::string message, std::string winning = {}) {
    return AnswerResult{
        .applied = false, .refused = code, .winning_option = std::move(winning), .message = std::move(message)};
  };
  // One that names no question is of the one that is open, unless it is an earlier answer sent again.
  const QuestionTable::Closed* repeated = questions_.repeated(event.operation, answer);
  const bool current = open != nullptr && repeated == nullptr && (answer.ask == 0 || answer.ask == open->question.ask);
  if (!current) {
    const QuestionTable::Closed* closed =
        repeated != nullptr ? repeated : questions_.closed(event.operation, answer.ask);
    if (closed != nullptr && closed->by == QuestionTable::ClosedBy::answer) {
      if (answer.repeats(closed->answer)) {
        return AnswerResult{
            .applied = true, .refused = {}, .winning_option = {}, .message = {}, .recorded = closed->recorded};
      }
      return refused(Errc::already_answered, "the question was answered before: " + closed->answer.option,
                     closed->answer.option);
    }
    if (operation == nullptr && closed == nullptr) {
      return refused(Errc::no_such_operation, "there is no operation " + answer.operation_id);
    }
    return refused(Errc::stale_answer, closed != nullptr && closed->by == QuestionTable::ClosedBy::progress
                                           ? "the question was withdrawn: progress resumed"
                                           : "that question is not open");
  }
  if (open->recording) {
    return refused(Errc::already_answered,
                   answer.repeats(open->answer) ? "this answer is being recorded" : "another answer is being recorded",
                   open->answer.option);
  }
  if (operation->stage == Operation::Stage::ending) {
    return refused(Errc::stale_answer, "the operation is being ended: " + std::string(name(operation->phase())));
  }
  const AnswerOption* option = open->question.option(answer.option);
  if (option == nullptr) {
    return refused(Errc::invalid_argument,
                   "there is no option '" + answer.option + "'; the options are " + open->question.option_ids());
  }
  if (answer.note.size() > limits::text_bytes_max || answer.by.size() > name_bytes_max) {
    return refused(Errc::too_large, "a note has at most 4096 bytes, a name 256");
  }
  if (option->action == AnswerAction::fallback) return refusal_of_switch(event, *operation, open->question);
  if (option->requires_confirmation && !answer.confirmed) {
    return refused(Errc::confirmation_required,
                   "cancelling ends the job; what it produced so far is kept and named. Say confirmed to do it");
  }
  return std::nullopt;
}

std::optional<AnswerResult> Machine::refusal_of_switch(const event::Answered& event, const Operation& operation,
                                                       const Question& question) const {
  const auto refused = [](Errc code, std::string message) {
    return AnswerResult{.applied = false, .refused = code, .winning_option = {}, .message = std::move(message)};
  };
  const Answer& answer = event.answer;
  const Job* job = job_of_operation(operation);
  const ProviderLock* lock = job != nullptr ? job->locks.governing(operation.terms->stage_name) : nullptr;
  if (lock != nullptr && !lock->overridable) {
    return refused(Errc::lock_not_overridable, "the lock is absolute: " + lock->text());
  }
  std::string known;
  const Alternative* chosen = nullptr;
  for (const Alternative& each : question.alternatives) {
    known += (known.empty() ? "" : ", ") + each.provider_name;
    if (same_name(each.provider_name, answer.provider)) chosen = &each;
  }
  if (!answer.confirmed) {
    const std::string to = answer.provider.empty() ? "another provider (" + known + ")" : answer.provider;
    return refused(Errc::confirmation_required,
                   "switching from " + operation.terms->provider_name + " to " + to +
                       " may change style and tone of what comes; finished work is kept. Say confirmed to do it");
  }
  if (answer.provider.empty()) {
    return refused(Errc::invalid_argument, "name the provider to switch to: " + known);
  }
  if (same_name(answer.provider, operation.terms->provider_name)) {
    return refused(Errc::invalid_argument, "the operation runs on " + answer.provider + " already");
  }
  if (!providers_.empty() && chosen == nullptr) {
    return refused(Errc::invalid_argument,
                   "no configured provider named " + answer.provider + " can serve this stage; there is " + known);
  }
  if (chosen != nullptr && !chosen->allowed) return refused(Errc::invalid_argument, chosen->why_not);
  return std::nullopt;
}

void Machine::on(const event::Answered& event) {
  Operation* operation = find(event.operation);
  QuestionTable::Open* open = questions_.find(event.operation);
  if (event.answer.door == "consent") {
    return refuse_answer(event.ticket, Errc::invalid_argument, "standing consents answer by themselves");
  }
  if (auto refusal = refusal_of(event, operation, open)) {
    if (refusal->refused == Errc::lock_not_overridable) {
      auto refused = about<Refused>(*operation);
      refused.code = refusal->refused;
      refused.message = refusal->message;
      refused.by = event.answer.by;
      journal({std::move(refused)});
    }
    return reply(event.ticket, std::move(*refusal));
  }
  take_answer(*operation, *open, event);
}

/// Of an answer that nothing refuses.
void Machine::take_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event) {
  const AnswerOption option = *open.question.option(event.answer.option);
  open.recording = true;
  open.answer = event.answer;
  open.answer.operation_id = text(operation.id);
  switch (option.action) {
    case AnswerAction::extend:
    case AnswerAction::wait:
    case AnswerAction::retry:
      return save_answer(operation, open, event);
    case AnswerAction::fallback:
      return save_switch_answer(operation, open, event);
    case AnswerAction::cancel: {
      event::CancelRequested cancel{.ticket = event.ticket, .request = {}, .operation = {}, .answer = open.answer};
      cancel.request.job_id = operation.terms->job_id;
      cancel.request.confirmed = true;
      cancel.request.by = event.answer.by;
      return cancel_job(cancel);
    }
  }
}

QuestionAnswered Machine::answered_news(const Operation& operation, const QuestionTable::Open& open) const {
  auto news = about<QuestionAnswered>(operation);
  news.ask = open.question.ask;
  news.kind = open.question.kind;
  news.option = open.answer.option;
  news.provider = open.answer.provider;
  news.by = open.answer.by;
  news.door = open.answer.door;
  news.note = open.answer.note;
  return news;
}

void Machine::save_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event) {
  Write answer{.records = {answered_news(operation, open)}, .then = Write::AnswerSaved{event.ticket, operation.id}};
  if (open.question.kind == QuestionKind::stall) {
    answer.records.push_back(resolved(operation, open, "answer"));
  }
  add(hold(operation.terms->job_id), std::move(answer));
}

void Machine::save_switch_answer(Operation& operation, QuestionTable::Open& open, const event::Answered& event) {
  Job& job = job_for(operation.terms->job_id);
  if (commands_wait(job)) {
    open.recording = false;
    if (job.waiting.size() >= limits::waiting_per_job_max) {
      return refuse_answer(event.ticket, Errc::store_unavailable, "the job's locks are changing; try again");
    }
    // Heard again when the job's locks stand still, as the answer to this question and to none that comes meanwhile.
    event::Answered later = event;
    later.answer.ask = open.question.ask;
    job.waiting.push_back(std::move(later));
    return;
  }
  const ProviderLock* lock = job.locks.governing(operation.terms->stage_name);
  std::vector<News> records;
  open_record(job, records, event.answer.by);
  add_consent(operation, open, records);
  records.push_back(answered_news(operation, open));
  if (open.question.kind == QuestionKind::stall) {
    records.push_back(resolved(operation, open, "answer"));
  }
  Write answer{.records = std::move(records), .then = Write::AnswerSaved{event.ticket, operation.id, true}};
  // Where an earlier answer has moved the stage there, this one decides nothing new.
  const bool is_there = lock != nullptr && same_name(lock->provider_name, event.answer.provider);
  if (!is_there) {
    auto plan = plan_switch(job, decision_of(operation, open, lock, event.answer), lock, event.provider_type, true);
    if (!plan) {
      open.recording = false;
      return refuse_answer(event.ticket, plan.error().code, plan.error().message);
    }
    std::ranges::move(records_of(*plan), std::back_inserter(answer.records));
    answer.plan = std::make_unique<const SwitchPlan>(std::move(*plan));
  }
  change(job, std::move(answer));
}

FallbackDecision Machine::decision_of(const Operation& operation, const QuestionTable::Open& open,
                                      const ProviderLock* lock, const Answer& answer) const {
  const std::string& from = lock != nullptr ? lock->provider_name : operation.terms->provider_name;
  const std::string& job = operation.terms->job_id;
  const milliseconds ran = in_ms(elapsed(operation));
  FallbackDecision decision;
  switch (open.question.kind) {
    case QuestionKind::stall:
      decision = FallbackDecision::after_stall(job, from, answer.provider, ran, operation.correlation_id, {},
                                               open.question.silence + in_ms(now_.at - open.asked_at));
      break;
    case QuestionKind::hard_error:
      decision = FallbackDecision::after_fatal_error(job, from, answer.provider, ran, operation.correlation_id, {},
                                                     open.question.evidence, true);
      break;
    case QuestionKind::interrupted:  // the process failed, and not the provider
      decision = FallbackDecision::user_requested(job, from, answer.provider, ran, operation.correlation_id);
      break;
  }
  decision.decided_by = answer.by;
  decision.operation_id = text(operation.id);
  decision.ask = open.question.ask;
  if (answer.door == "consent") decision.consent_id = answer.note;
  if (lock == nullptr) decision.affected_stages = {operation.terms->stage_name};
  return decision;
}

void Machine::answer_saved(const Write::AnswerSaved& saved) {
  Operation* operation = find(saved.operation);
  QuestionTable::Open* open = questions_.find(saved.operation);
  HOLDFAST_CHECK(operation != nullptr && open != nullptr && open->recording, "an answered question is kept");
  const Question question = open->question;
  const Answer answer = open->answer;
  questions_.close(saved.operation, {QuestionTable::ClosedBy::answer, answer});
  announce(QuestionClosed{question.job_id, question.operation_id, question.ask, "answer"});
  reply(saved.ticket, AnswerResult{.applied = true, .refused = {}, .winning_option = {}, .message = {}});
  if (operation->stage == Operation::Stage::ended) leave_adopted(*operation);
  if (operation->stage != Operation::Stage::running) return;  // it ended meanwhile: its result stands
  if (saved.leaves) return order_cancel(*operation, Errc::switched);

  const AnswerOption& option = *question.option(answer.option);
  set_category(*operation, operation->terms->patience->category_after(elapsed(*operation)));
  if (option.action == AnswerAction::wait) {
    operation->attention = Operation::Attention::unattended;
    watch(*operation, now_.at, std::nullopt, false);
  } else {
    operation->attention = Operation::Attention::extended;
    watch(*operation, now_.at, option.extension, true);
  }
}

void Machine::answer_failed(Ticket ticket, OperationId id, Errc code, const std::string& why) {
  Operation* operation = find(id);
  QuestionTable::Open* open = questions_.find(id);
  HOLDFAST_CHECK(operation != nullptr && open != nullptr && open->recording, "an answered question is kept");
  refuse_answer(ticket, code, why);
  const bool by_consent = open->answer.door == "consent";
  open->recording = false;
  open->answer = {};
  if (by_consent) {  // it stands
    Job& job = *find_job(operation->terms->job_id);
    job.consents_rest = true;
    try_later(job);
  }
  if (open->question.kind != QuestionKind::stall)
    return touch(operation->terms->job_id);  // it may have moved meanwhile
  if (operation->stage == Operation::Stage::ended) {
    auto episode = resolved(*operation, *open, "end");
    const QuestionClosed closed{open->question.job_id, open->question.operation_id, open->question.ask, "end"};
    questions_.close(id, {QuestionTable::ClosedBy::end});
    journal({std::move(episode), closed});
    return leave_adopted(*operation);
  }
  if (std::exchange(open->news, false)) return resolve_by_progress(*operation);
  touch(operation->terms->job_id);
}

}  // namespace holdfast
