#include <algorithm>

#include "holdfast/core/machine_internal.hpp"

namespace holdfast {
namespace {

std::optional<Failure> problem(const OperationRequest& request) {
  const auto invalid = [](std::string why) { return Failure{Errc::invalid_argument, std::move(why)}; };
  if (!request.job_id.empty()) {
    if (const auto why = name_problem(request.job_id)) return invalid("the job id " + *why);
  }
  if (const auto why = name_problem(request.provider_name)) return invalid("the provider's name " + *why);
  if (const auto why = name_problem(request.provider_type)) return invalid("the provider's type " + *why);
  if (const auto why = name_problem(request.stage_name)) return invalid("the stage's name " + *why);
  if (!request.correlation_id.empty()) {
    if (const auto why = name_problem(request.correlation_id)) return invalid("the correlation id " + *why);
  }
  return std::nullopt;
}

}  // namespace

void Machine::on(const event::OperationRequested& event) {
  const OperationRequest& request = event.request;
  if (auto wrong = problem(request)) return reply(event.ticket, std::move(*wrong));
  if (stopping_) return refuse(event.ticket, Errc::cancelled, "the gateway is stopping; nothing new begins");
  if (active_ >= limits::operations_max) {
    return refuse(event.ticket, Errc::too_large,
                  std::to_string(limits::operations_max) + " operations are running, which is the limit");
  }
  HOLDFAST_CHECK(event.patience != nullptr && !operations_.contains(event.id), "an operation is new and has terms");

  Job* job = nullptr;
  if (!request.job_id.empty()) {
    job = ready_job(request.job_id, event);
    if (job == nullptr) return;
    std::optional<Failure> refusal;
    if (job->state == JobState::cancelled || job->stopping) {
      refusal = Failure{Errc::cancelled, "job " + job->id + " was cancelled; nothing of it begins"};
    } else if (request.epoch && *request.epoch != job->epoch) {
      refusal = Failure{Errc::stale_epoch, "the locks of job " + job->id + " have changed (epoch " +
                                               std::to_string(job->epoch) + ", not " + std::to_string(*request.epoch) +
                                               "); read them again"};
    } else if (backlog_ >= limits::backlog_max) {
      refusal = Failure{Errc::store_unavailable, "the store does not take records; nothing new begins until it does"};
    } else if (auto valid = job->locks.validate(request.provider_name, request.stage_name); !valid.allowed) {
      refusal = Failure{Errc::provider_locked, std::move(valid.reason)};
    }
    if (refusal) {
      return refuse_on_record(event.ticket,
                              {.job_id = job->id,
                               .stage_name = request.stage_name,
                               .provider_name = request.provider_name,
                               .correlation_id = request.correlation_id},
                              std::move(*refusal));
    }
  }

  Operation& operation = operations_[event.id];
  operation.id = event.id;
  operation.terms = share(job != nullptr ? job->terms : anonymous_terms_,
                          {request.job_id, request.stage_name, request.provider_name, request.provider_type,
                           request.kind, event.patience, request.protocol});
  operation.correlation_id = request.correlation_id;
  operation.ticket = event.ticket;
  operation.recorded_first = event.recorded_first && job != nullptr;
  operation.epoch = job != nullptr ? job->epoch : 0;
  operation.started_at = now_.at;
  ++active_;
  if (job != nullptr) join(*job, operation);
  admit(operation);
}

/// The terms that are known already where they are the same, so that a million calls of a kind hold one copy.
SharedTerms Machine::share(std::vector<SharedTerms>& known, OperationTerms terms) {
  const auto same = std::ranges::find_if(known, [&](const SharedTerms& each) { return *each == terms; });
  if (same != known.end()) return *same;
  if (known.size() >= limits::shared_terms_max) known.erase(known.begin());
  return known.emplace_back(new CountedTerms(std::move(terms)));
}

void Machine::admit(Operation& operation) {
  Desk& desk = desks_[operation.terms->provider_name];
  if (desk.places != 0 && desk.taken >= desk.places) {
    desk.queue.push_back(operation.id);
    auto news = about<OperationStarted>(operation);
    news.epoch = operation.epoch;
    news.queued = true;
    std::vector<News> records{std::move(news)};
    if (Job* job = find_job(operation.terms->job_id))
      open_record(*job, records);  // it may be cancelled before it begins
    return journal(std::move(records));
  }
  ++desk.taken;
  begin(operation);
}

void Machine::begin(Operation& operation) {
  operation.stage = Operation::Stage::starting;
  std::vector<News> records;
  auto news = about<OperationStarted>(operation);
  news.epoch = operation.epoch;
  records.push_back(std::move(news));
  Job* job = find_job(operation.terms->job_id);
  if (job != nullptr) open_record(*job, records);
  if (job != nullptr && operation.recorded_first) {
    return add(*job, {.records = std::move(records), .then = Write::Started{operation.id}});
  }
  journal(std::move(records));
  operation.start_recorded = true;
  open_call(operation);
}

void Machine::open_call(Operation& operation) {
  HOLDFAST_CHECK(operation.stage == Operation::Stage::starting, "a call opens once, when its start is written");
  if (operation.ending != Errc::ok) {
    refuse(operation.ticket, operation.ending, "the operation was ended before it began");
    operation.ticket = {};
    return end(operation, operation.ending == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled);
  }
  if (const Job* job = find_job(operation.terms->job_id)) {
    // Locks may have moved while the start was being written: a call goes only where the committed lock says.
    const Validation valid = job->locks.validate(operation.terms->provider_name, operation.terms->stage_name);
    if (!valid.allowed) {
      refuse(operation.ticket, Errc::switched, valid.reason);
      operation.ticket = {};
      return end(operation, OperationPhase::switched);
    }
    operation.epoch = job->epoch;
  }
  operation.stage = Operation::Stage::running;
  operation.started_at = now_.at;
  out_->push_back(effect::OpenCall{operation.ticket, operation.id, operation.terms->job_id, operation.terms->stage_name,
                                   operation.terms->provider_name, operation.epoch});
  operation.ticket = {};
  const Patience& patience = *operation.terms->patience;
  // Where the first progress has no limit of its own there is nothing to hear of it.
  if (!patience.first_progress) operation.attention = Operation::Attention::watching;
  watch(operation, now_.at, patience.first_progress.value_or(patience.stall), patience.first_progress.has_value());
}

void Machine::on(const event::CallEnded& event) {
  Operation* operation = find(event.operation);
  if (operation == nullptr) return;
  if (operation->stage != Operation::Stage::running && operation->stage != Operation::Stage::ending) return;
  switch (event.how) {
    case event::CallEnded::How::returned:
      return end(*operation, OperationPhase::completed);
    case event::CallEnded::How::failed:
      operation->fault = std::make_unique<const ProviderFault>(event.fault);
      return end(*operation, OperationPhase::failed);
    case event::CallEnded::How::closed:
      return end(*operation,
                 operation->ending == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled);
  }
}

/// Ends a call by somebody's order, never by elapsed time.
void Machine::order_cancel(Operation& operation, Errc why) {
  switch (operation.stage) {
    case Operation::Stage::queued:
      refuse(operation.ticket, why,
             why == Errc::switched ? "a decision moved the stage to another provider before the operation began"
                                   : "the operation was cancelled while it was queued");
      operation.ticket = {};
      return end(operation, why == Errc::switched ? OperationPhase::switched : OperationPhase::cancelled);
    case Operation::Stage::starting:
      operation.ending = why;  // its start is being written; `open_call` ends it
      return;
    case Operation::Stage::running:
      operation.stage = Operation::Stage::ending;
      operation.ending = why;
      out_->push_back(effect::CancelCall{operation.id, why});
      return;
    case Operation::Stage::ending:
    case Operation::Stage::ended:
      return;
  }
}

void Machine::end(Operation& operation, OperationPhase outcome) {
  const bool held_place = operation.stage != Operation::Stage::queued;
  operation.ended_at = now_.at;
  operation.stage = Operation::Stage::ended;
  operation.outcome = outcome;
  --active_;

  std::vector<News> records;
  if (const QuestionTable::Open* open = questions_.find(operation.id); open != nullptr && !open->recording) {
    records.push_back(resolved(operation, *open, "end"));
    records.push_back(QuestionClosed{operation.terms->job_id, text(operation.id), open->question.ask, "end"});
    questions_.close(operation.id, {QuestionTable::ClosedBy::end});
  }
  if (operation.fault) {
    set_category(operation, LatencyCategory::Error);
    auto error = about<ProviderHardError>(operation);
    error.fault = *operation.fault;
    error.elapsed = in_ms(elapsed(operation));
    records.push_back(std::move(error));
  }
  records.push_back(ended_news(operation));
  if (operation.start_recorded || operation.terms->job_id.empty()) {
    journal(std::move(records));
  } else {
    announce_all(records);
  }
  out_->push_back(effect::EndWatch{operation.id});

  if (Job* job = find_job(operation.terms->job_id)) {
    leave(*job, operation);
    touch(job->id);
    leave_adopted(operation);
  }
  keep_ended(operation.id);
  held_place ? release_place(operation.terms->provider_name) : leave_queue(desks_[operation.terms->provider_name]);
}

void Machine::keep_ended(OperationId operation) {
  ended_.push_back(operation);
  if (ended_.size() > limits::ended_kept_max) {
    // One that is still asked about is kept, at the end of the line.
    const OperationId oldest = ended_.front();
    ended_.pop_front();
    if (questions_.find(oldest) != nullptr) {
      ended_.push_back(oldest);
    } else {
      const SharedTerms terms = find(oldest)->terms;
      operations_.erase(oldest);
      if (!terms->job_id.empty()) touch(terms->job_id);
    }
  }
}

void Machine::join(Job& job, Operation& operation) {
  operation.place = static_cast<std::uint32_t>(job.operations.size());
  job.operations.push_back(operation.id);
}

/// The last one takes its place: a job may have a million.
void Machine::leave(Job& job, const Operation& operation) {
  HOLDFAST_CHECK(operation.place < job.operations.size() && job.operations[operation.place] == operation.id,
                 "a job knows what runs of it");
  const OperationId last = job.operations.back();
  job.operations[operation.place] = last;
  find(last)->place = operation.place;
  job.operations.pop_back();
}

OperationEnded Machine::ended_news(const Operation& operation) const {
  auto news = about<OperationEnded>(operation);
  news.outcome = operation.outcome;
  news.elapsed = in_ms(elapsed(operation));
  if (operation.fault) news.fault = *operation.fault;
  news.started_at = now_.wall - in_ms(now_.at - operation.started_at);
  return news;
}

void Machine::release_place(const std::string& provider) {
  Desk& desk = desks_[provider];
  --desk.taken;
  fill(desk);
}

/// Its id goes with the next ones that are taken, or when half of the queue is such.
void Machine::leave_queue(Desk& desk) {
  if (++desk.gone * 2 <= desk.queue.size()) return;
  std::erase_if(desk.queue, [this](OperationId id) {
    const Operation* operation = find(id);
    return operation == nullptr || operation->stage != Operation::Stage::queued;
  });
  desk.gone = 0;
}

void Machine::fill(Desk& desk) {
  while (!desk.queue.empty() && (desk.places == 0 || desk.taken < desk.places)) {
    Operation* next = find(desk.queue.front());
    desk.queue.pop_front();
    if (next == nullptr || next->stage != Operation::Stage::queued) {
      --desk.gone;
      continue;
    }
    ++desk.taken;
    begin(*next);
  }
}

void Machine::set_category(Operation& operation, LatencyCategory to) {
  const bool longer = !operation.longer_announced && elapsed(operation) >= operation.terms->patience->deep_wait &&
                      to != LatencyCategory::Error;
  if (operation.category == to && !longer) return;
  auto news = about<CategoryChanged>(operation);
  news.from = operation.category;
  news.to = to;
  news.elapsed = in_ms(elapsed(operation));
  news.longer_than_usual = longer;
  operation.longer_announced = operation.longer_announced || longer;
  operation.category = to;
  announce(std::move(news));
}

void Machine::on(const event::CategoryDue& event) {
  Operation* operation = find(event.operation);
  if (operation == nullptr || operation->stage != Operation::Stage::running) return;
  // An open stall episode hides the category of the elapsed time until it is left.
  if (operation->category != LatencyCategory::StallSuspected) {
    set_category(*operation, operation->terms->patience->category_after(elapsed(*operation)));
  }
  if (const auto next = operation->terms->patience->next_threshold(elapsed(*operation))) {
    out_->push_back(effect::WatchCategory{operation->id, operation->started_at + *next});
  }
}

void Machine::watch(Operation& operation, Instant since, std::optional<milliseconds> limit, bool armed) {
  operation.silence_since = since;
  operation.silence_limit = limit.value_or(Operation::unlimited);
  ++operation.watch_number;
  if (operation.category != LatencyCategory::StallSuspected) {
    // What is due but not announced yet would be lost: the order names the threshold after it.
    set_category(operation, operation.terms->patience->category_after(elapsed(operation)));
  }
  effect::Watch order{.operation = operation.id,
                      .since = since,
                      .silence_limit = limit,
                      .category_at = {},
                      .armed = armed,
                      .number = operation.watch_number};
  if (const auto next = operation.terms->patience->next_threshold(elapsed(operation))) {
    order.category_at = operation.started_at + *next;
  }
  out_->push_back(order);
}

/// Its watch was used up by old news.
void Machine::watch_again(Operation& operation, bool armed) {
  std::optional<milliseconds> limit;
  if (operation.silence_limit != Operation::unlimited) limit = operation.silence_limit;
  watch(operation, operation.silence_since, limit, armed);
}

void Machine::watch_ordinary(Operation& operation) {
  operation.attention = Operation::Attention::watching;
  watch(operation, operation.started_at, operation.terms->patience->stall, false);
}

}  // namespace holdfast
