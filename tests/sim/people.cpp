#include <array>
#include <memory>

#include "world.hpp"

namespace holdfast::sim {
namespace {

const std::array<std::string, 3> stages = {"script", "speech", "images"};
const std::array<std::string, 3> providers = {"Ollama", "OpenAI", "Queue"};

AnswerOption option(std::string id, AnswerAction action, milliseconds extension, bool confirm) {
  AnswerOption made;
  made.id = std::move(id);
  made.action = action;
  made.extension = extension;
  made.requires_confirmation = confirm;
  return made;
}

}  // namespace

SharedPatience World::patience() {
  auto made = std::make_shared<Patience>();
  made->normal = milliseconds(random_.between(1000, 8000));
  made->extended = made->normal + milliseconds(random_.between(1, 20000));
  made->deep_wait = made->extended + milliseconds(random_.between(1, 30000));
  made->stall = milliseconds(random_.between(1500, 20000));
  if (random_.percent(40)) made->first_progress = made->stall + milliseconds(random_.between(0, 20000));
  made->stall_options = {option("continue_30s", AnswerAction::extend, milliseconds(30'000), false),
                         option("continue_5m", AnswerAction::extend, milliseconds(300'000), false),
                         option("try_alternative", AnswerAction::fallback, {}, true),
                         option("cancel_job", AnswerAction::cancel, {}, true),
                         option(std::string(wait_until_done), AnswerAction::wait, {}, false)};
  return made;
}

std::string World::other_than(const std::string& provider) {
  const std::string& other = random_.of(providers);
  return same_name(other, provider) ? (provider == "OpenAI" ? "Ollama" : "OpenAI") : other;
}

/// Who the committed locks say serves a stage; anybody where none does.
std::string World::provider_of(const std::string& job, const std::string& stage) {
  const auto ledger = invariants_.committed().find(job);
  if (ledger != invariants_.committed().end()) {
    if (const ProviderLock* lock = ledger->second.governing(stage)) return lock->provider_name;
  }
  return random_.of(providers);
}

void World::job(int number) {
  const std::string id = "job-" + std::to_string(number);
  jobs_.push_back(id);
  if (random_.percent(5)) {
    for (int i = 0; i < 2; ++i)
      operation("", random_.of(stages), random_.of(providers), true);
    return;
  }
  if (random_.percent(30)) tell(event::JobRequested{ticket(), {id, "a job", "balanced", "ana"}});
  const auto consents = random_.percent(20) ? random_.between(1, 4) : 0;
  for (int i = 0; i < consents; ++i) {
    StandingConsent consent;
    if (random_.percent(60)) {
      consent.minimum_silence = milliseconds(random_.percent(30) ? 0 : random_.between(100, 40'000));
    } else {
      consent.when = StandingConsent::When::error;
    }
    if (random_.percent(60)) consent.switch_to = random_.of(providers);
    consent.provider_type = "t";
    consent.given_by = consents_giver;
    tell(event::ConsentOffered{ticket(), id, consent});
  }
  if (random_.percent(80)) {
    LockRequest lock{.job_id = id, .provider_name = random_.of(providers), .provider_type = "t"};
    lock.overridable = !random_.percent(20);
    if (random_.percent(50)) lock.stages = {"script", "speech"};
    tell(event::LockRequested{ticket(), lock});
    if (random_.percent(20)) {
      lock.provider_name = random_.of(providers);
      lock.stages = {random_.of(stages)};
      tell(event::LockRequested{ticket(), lock});
    }
  }
  const auto operations = random_.between(1, 3);
  for (int i = 0; i < operations; ++i) {
    after_ms(0, 40'000, [this, id] {
      const std::string stage = random_.of(stages);
      const bool wrong = random_.percent(8);
      operation(id, stage, wrong ? random_.of(providers) : provider_of(id, stage), false);
    });
  }
  const auto meddlings = random_.between(0, 3);
  for (int i = 0; i < meddlings; ++i)
    after_ms(0, 120'000, [this, id] { meddle(id); });
  after_ms(60'000, 900'000, [this, id] { end_job(id); });
}

void World::operation(const std::string& job, const std::string& stage, const std::string& provider, bool anonymous) {
  event::OperationRequested asked{.ticket = ticket(),
                                  .id = {++last_operation_ << 8},
                                  .request = {},
                                  .patience = patience(),
                                  .recorded_first = random_.percent(75)};
  asked.request.job_id = anonymous ? "" : job;
  asked.request.stage_name = stage;
  asked.request.provider_name = random_.percent(10) ? folded(provider) : provider;
  asked.request.provider_type = "t";
  asked.request.correlation_id = "corr";
  if (random_.percent(20) && !anonymous) {
    const auto ledger = invariants_.committed().find(job);
    asked.request.epoch = ledger == invariants_.committed().end() ? 0 : ledger->second.image.epoch;
    if (random_.percent(30)) asked.request.epoch = *asked.request.epoch + 1;
  }
  requested_.push_back(asked.id);
  tell(asked);
  if (random_.percent(5)) {
    event::CancelRequested cancel{
        .ticket = random_.percent(70) ? ticket() : Ticket{}, .request = {}, .operation = asked.id, .answer = {}};
    cancel.request.job_id = anonymous ? "" : job;
    cancel.request.confirmed = true;
    after_ms(0, 20'000, [this, cancel] {
      news_first(cancel.operation);
      tell(cancel);
    });
  }
}

void World::meddle(const std::string& job) {
  if (random_.percent(60)) return meddle_with_locks(job);
  switch (random_.between(0, 6)) {
    case 0: {
      const auto stage = random_.of(stages);
      tell(event::StageBegan{{.job_id = job, .stage_name = stage}});
      return tell(event::StageReached{ticket(), {job, stage, 1, 1, random_.percent(70), {"a"}}});
    }
    case 1: {
      event::CancelRequested cancel{
          .ticket = ticket(), .request = {job, "", random_.percent(70), "ana"}, .operation = {}, .answer = {}};
      return tell(cancel);
    }
    case 2:
      return tell(event::CancelRequested{ticket(), {"", "", true, "ana"}, {0xdead00}, {}});
    case 3:
      return tell(event::JobRequested{ticket(), {job, "again", "", ""}});
    case 4:
      return tell(event::JobFinished{ticket(), job, JobState::failed, "ana"});
    case 5:
      return tell(event::LockRequested{ticket(), {.job_id = job, .provider_name = " "}});
    default:
      return tell(event::Answered{ticket(), {0xbeef00}, {.operation_id = "x", .ask = 0, .option = "continue_30s"}, ""});
  }
}

void World::meddle_with_locks(const std::string& job) {
  const std::string stage = random_.of(stages);
  const std::string from = provider_of(job, stage);
  switch (random_.between(0, 5)) {
    case 0: {
      SwitchRequest request{.job_id = job, .to_provider = other_than(from), .to_type = "t"};
      request.confirmed = random_.percent(80);
      if (random_.percent(40)) request.stages = {stage};
      return tell(event::SwitchRequested{ticket(), request});
    }
    case 1:
      return two_calls(job);
    case 2: {
      auto legacy = FallbackDecision::legacy_auto(job, from, other_than(from), milliseconds(5), "corr", {stage});
      const auto ledger = invariants_.committed().find(job);
      const bool governed = ledger != invariants_.committed().end() && ledger->second.governing(stage) != nullptr;
      if (governed) rows_.count("legacy_auto: tried against a lock");
      return tell(event::DecisionSubmitted{ticket(), legacy});
    }
    case 3: {
      auto fatal = FallbackDecision::after_fatal_error(job, from, other_than(from), milliseconds(5), "corr", {stage},
                                                       "it broke", random_.percent(50));
      return tell(event::DecisionSubmitted{ticket(), fatal});
    }
    case 4: {
      const std::string reason = random_.percent(80) ? "the lock is too narrow" : " ";
      tell(event::UnlockRequested{ticket(), job, reason, ""});
      rows_.count("unlock");
      return;
    }
    default: {
      LockRequest lock{.job_id = job, .provider_name = random_.of(providers), .provider_type = "t"};
      lock.stages = {stage};
      return tell(event::LockRequested{ticket(), lock});
    }
  }
}

/// The seed's example 4: record the decision, then lock the new provider.
void World::two_calls(const std::string& job) {
  const std::string stage = random_.of(stages);
  const std::string from = provider_of(job, stage);
  const std::string to = other_than(from);
  std::vector<std::string> affected;
  if (random_.percent(50)) affected = {stage};
  tell(event::DecisionSubmitted{ticket(),
                                FallbackDecision::user_requested(job, from, to, milliseconds(1), "corr", affected)});
  after_ms(0, 10'000, [this, job, to, affected] {
    LockRequest lock{
        .job_id = job, .provider_name = random_.percent(80) ? to : random_.of(providers), .provider_type = "t"};
    if (random_.percent(60)) lock.stages = affected;
    tell(event::LockRequested{ticket(), lock});
  });
}

void World::end_job(const std::string& job) {
  switch (random_.between(0, 3)) {
    case 0:
      return tell(event::JobFinished{ticket(), job, JobState::done, "ana"});
    case 1:
      return tell(event::ReleaseRequested{ticket(), job});
    case 2:
      return tell(event::CancelRequested{ticket(), {job, "", true, "ana"}, {}, {}});
    default:
      return;  // a named job lives until somebody ends it
  }
}

/// People answer late, twice, wrongly, or not at all.
void World::asked(const Question& question) {
  if (draining_ || random_.percent(15)) return;
  const auto answers = random_.between(1, 3);
  for (int i = 0; i < answers; ++i) {
    after_ms(0, random_.percent(70) ? 8000 : 90'000, [this, question] {
      const auto manner = static_cast<int>(random_.between(0, 99));
      answer(question, manner);
      if (random_.percent(15)) {
        after_ms(1, 30, [this, id = *parse_operation_id(question.operation_id)] {
          const auto found = calls_.find(id);
          if (found != calls_.end() && !found->second.over && !draining_) advance(id, found->second);
        });
      }
      if (random_.percent(30)) after_ms(0, 30, [this, question, manner] { answer(question, manner); });
    });
  }
}

void World::answer(const Question& question, int manner) {
  event::Answered given{
      .ticket = ticket(), .operation = *parse_operation_id(question.operation_id), .answer = {}, .provider_type = "t"};
  given.answer.operation_id = question.operation_id;
  given.answer.ask = random_.percent(80) ? question.ask : 0;
  given.answer.by = "ana";
  given.answer.confirmed = !random_.percent(15);
  given.answer.option = random_.of(question.options).id;
  if (random_.percent(30)) given.answer.idempotency_key = "key-" + given.answer.option;
  if (given.answer.option == "try_alternative") given.answer.provider = other_than(question.provider_name);
  if (manner < 4) given.answer.option = "do_something";
  if (manner >= 4 && manner < 7) given.answer.ask = question.ask + 1;
  if (manner >= 7 && manner < 10) given.answer.provider = "Nobody";
  if (manner == 10) given.answer.note = std::string(5000, 'x');
  const bool open = invariants_.asked(given.operation);
  if (!random_.percent(10)) news_first(given.operation);
  if (open && !invariants_.asked(given.operation)) rows_.count("race: progress came before the answer");
  tell(given);
}

void World::replied(const effect::Reply& reply) {
  if (const auto* changed = std::get_if<bool>(&reply.value)) rows_.count("reply", *changed ? "done" : "nothing to do");
}

}  // namespace holdfast::sim
