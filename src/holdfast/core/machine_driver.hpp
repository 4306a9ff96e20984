#pragma once

// Drives a Machine by hand: virtual time, slots, and a store that does as it is told. Tests only.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/limits.hpp"
#include "holdfast/core/machine.hpp"

namespace holdfast {

using namespace std::chrono_literals;

class Driver {
 public:
  enum class Disk { saves, fails, says_nothing, waits };

  Disk disk = Disk::saves;
  bool reads = true;              ///< false: what the store knows of a job is not said
  std::vector<std::string> told;  ///< `describe` of every effect, in order
  std::vector<News> news;
  std::vector<effect::Save> saves;
  std::map<std::uint64_t, effect::Reply> replies;
  std::vector<effect::OpenCall> calls;
  std::vector<effect::CancelCall> cancels;
  std::vector<effect::Save> waiting;  ///< where the disk waits

  Driver() {
    tell(event::ProvidersConfigured{
        {{.name = "Ollama", .type = "local_llm", .kinds = {}, .model = ""},
         {.name = "OpenAI", .type = "cloud_llm", .kinds = {}, .model = ""},
         {.name = "One", .type = "tts", .kinds = {}, .model = "", .requires_network = false, .concurrent_max = 1}}});
  }

  Instant now() const { return now_; }
  Machine& machine() { return machine_; }
  ActivitySlots& slots() { return slots_; }

  /// One step after the other: what an effect brings about is heard when the step is over.
  void tell(Event event) {
    heard_.push_back(std::move(event));
    if (stepping_) return;
    stepping_ = true;
    while (!heard_.empty()) {
      const Event next = std::move(heard_.front());
      heard_.pop_front();
      Effects effects;
      machine_.step({now_, WallTime(in_ms(now_.time_since_epoch()))}, next, effects);
      for (Effect& each : effects)
        perform(each);
    }
    stepping_ = false;
  }
  /// Time goes on, with a sweep every quarter of a second.
  void wait(Nanoseconds how_long) {
    const Instant until = now_ + how_long;
    while (now_ < until) {
      now_ = std::min(until, next_sweep_);
      if (now_ == next_sweep_) sweep();
      if (machine_.next_deadline() && *machine_.next_deadline() <= now_) tell(event::TimePassed{});
    }
  }
  /// Holdfast itself stands still: no sweep, then a late one.
  void stand_still(Nanoseconds how_long) {
    now_ += how_long;
    sweep();
  }
  void sweep() {
    std::vector<Due> due;
    slots_.sweep(now_, due);
    for (const Due& each : due)
      tell(each.event());
    next_sweep_ = now_ + slots_.interval();
  }

  Ticket ticket() { return {++last_ticket_}; }
  const effect::Reply& reply(Ticket ticket) { return replies.at(ticket.value); }
  Errc refusal(Ticket ticket) {
    const auto found = replies.find(ticket.value);
    if (found == replies.end()) return Errc::ok;
    if (const auto* failure = std::get_if<Failure>(&found->second.value)) return failure->code;
    if (const auto* answer = std::get_if<AnswerResult>(&found->second.value)) return answer->refused;
    return Errc::ok;
  }
  bool applied(Ticket ticket) {
    const auto found = replies.find(ticket.value);
    if (found == replies.end()) return false;
    const auto* answer = std::get_if<AnswerResult>(&found->second.value);
    return answer != nullptr && answer->applied;
  }
  bool said_yes(Ticket ticket) { return std::get<bool>(reply(ticket).value); }

  Ticket lock(std::string job, std::string provider, std::vector<std::string> stages = {}, bool overridable = true) {
    LockRequest request;
    request.job_id = std::move(job);
    request.provider_name = std::move(provider);
    request.provider_type = "local_llm";
    request.stages = std::move(stages);
    request.overridable = overridable;
    const Ticket mine = ticket();
    tell(event::LockRequested{mine, request});
    return mine;
  }
  struct Started {
    Ticket ticket;
    OperationId id;
  };
  Started start(std::string job, std::string provider, std::string stage, SharedPatience patience = {},
                bool recorded_first = true) {
    event::OperationRequested asked{.ticket = ticket(),
                                    .id = {++last_operation_ << 10},
                                    .request = {},
                                    .patience = patience ? patience : calm(),
                                    .recorded_first = recorded_first};
    asked.request.job_id = std::move(job);
    asked.request.provider_name = std::move(provider);
    asked.request.provider_type = "local_llm";
    asked.request.stage_name = std::move(stage);
    asked.request.correlation_id = "corr";
    tell(asked);
    return {asked.ticket, asked.id};
  }
  static SharedPatience calm() {
    Patience terms;
    terms.normal = 10s;
    terms.extended = 60s;
    terms.deep_wait = 120s;
    terms.stall = 45s;
    const auto option = [](std::string id, AnswerAction action, milliseconds extension, bool confirm) {
      AnswerOption made;
      made.id = std::move(id);
      made.action = action;
      made.extension = extension;
      made.requires_confirmation = confirm;
      return made;
    };
    terms.stall_options = {option("continue_30s", AnswerAction::extend, 30s, false),
                           option("continue_5m", AnswerAction::extend, 5min, false),
                           option("try_alternative", AnswerAction::fallback, {}, true),
                           option("cancel_job", AnswerAction::cancel, {}, true),
                           option(std::string(wait_until_done), AnswerAction::wait, {}, false)};
    return std::make_shared<Patience>(terms);
  }
  Ticket answer(OperationId operation, std::string option, int ask = 0, bool confirmed = true,
                std::string provider = "OpenAI", std::string key = {}) {
    news_first(operation);
    event::Answered given{.ticket = ticket(), .operation = operation, .answer = {}, .provider_type = "cloud_llm"};
    given.answer = {.operation_id = text(operation),
                    .ask = ask,
                    .option = std::move(option),
                    .provider = std::move(provider),
                    .confirmed = confirmed,
                    .by = "ana",
                    .note = {},
                    .idempotency_key = std::move(key)};
    tell(given);
    return given.ticket;
  }
  Ticket cancel(std::string job, OperationId operation = {}, bool confirmed = true) {
    event::CancelRequested wanted{.ticket = ticket(), .request = {}, .operation = operation, .answer = {}};
    wanted.request = {std::move(job), "", confirmed, "ana"};
    tell(wanted);
    return wanted.ticket;
  }
  Ticket switch_to(std::string job, std::string to, std::vector<std::string> stages = {}, bool confirmed = true) {
    SwitchRequest request;
    request.job_id = std::move(job);
    request.to_provider = std::move(to);
    request.to_type = "cloud_llm";
    request.stages = std::move(stages);
    request.confirmed = confirmed;
    const Ticket mine = ticket();
    tell(event::SwitchRequested{mine, request});
    return mine;
  }
  Ticket decide(FallbackDecision decision) {
    const Ticket mine = ticket();
    tell(event::DecisionSubmitted{mine, std::move(decision)});
    return mine;
  }
  void consent(std::string job, std::string_view words) {
    auto parsed = parse_consent(words).value();
    parsed.provider_type = "cloud_llm";
    parsed.given_by = "ana";
    tell(event::ConsentOffered{ticket(), std::move(job), parsed});
  }
  /// An operation of a locked job that has fallen silent and is asked about.
  OperationId stalled() {
    lock("job", "Ollama");
    const OperationId id = start("job", "Ollama", "script").id;
    wait(45250ms);
    return id;
  }
  /// One that has failed and is asked about.
  OperationId failed() {
    lock("job", "Ollama", {"script"});
    const OperationId id = start("job", "Ollama", "script").id;
    end(id, event::CallEnded::How::failed);
    raise(id);
    return id;
  }
  Ticket raise(OperationId id, QuestionKind kind = QuestionKind::hard_error, bool consents_only = false) {
    const Ticket mine = ticket();
    tell(event::QuestionRaised{mine, id, kind, consents_only});
    return mine;
  }
  std::size_t open() { return machine().questions().open_count(); }
  /// A token arrives.
  void progress(OperationId operation) {
    if (writers_.at(operation).progress(now_)) tell(event::ProgressMade{operation, now_});
  }
  ActivityWriter& writer(OperationId operation) { return writers_.at(operation); }
  void news_first(OperationId operation) {
    if (const auto made = slots_.news(operation)) tell(*made);
  }
  void end(OperationId operation, event::CallEnded::How how = event::CallEnded::How::returned) {
    news_first(operation);
    event::CallEnded ended{operation, how, {}};
    if (how == event::CallEnded::How::failed) ended.fault = {ErrorClass::http, 500, "server_error", "it broke"};
    tell(ended);
  }
  /// The oldest waiting transaction comes back.
  void disk_says(Disk how) {
    const SaveId id = waiting.front().save;
    waiting.erase(waiting.begin());
    if (how == Disk::saves) tell(event::Saved{id});
    if (how == Disk::fails) tell(event::SaveFailed{id, "disk full"});
    if (how == Disk::says_nothing) tell(event::SaveUnknown{id});
  }
  template <class N>
  std::vector<N> all() const {
    std::vector<N> found;
    for (const News& each : news) {
      if (const auto* one = std::get_if<N>(&each)) found.push_back(*one);
    }
    return found;
  }
  template <class N>
  std::size_t count() const {
    return all<N>().size();
  }
  /// Names of what was written down, in order.
  std::string trail() const {
    std::string out;
    for (const effect::Save& save : saves) {
      for (const News& record : save.records)
        out += (out.empty() ? "" : " ") + std::string(event_name(record));
    }
    return out;
  }
  std::optional<event::JobImage> image;  ///< what the store knows of every job

 private:
  void perform(Effect& order) {
    told.push_back(describe(order));
    if (auto* save = std::get_if<effect::Save>(&order)) {
      saves.push_back(*save);
      if (disk == Disk::waits) return waiting.push_back(*save);
      if (disk == Disk::fails) return tell(event::SaveFailed{save->save, "disk full"});
      if (disk == Disk::says_nothing) return tell(event::SaveUnknown{save->save});
      tell(event::Saved{save->save});
    } else if (auto* load = std::get_if<effect::LoadJob>(&order)) {
      if (reads) tell(event::JobLoaded{load->job_id, image});
    } else if (auto* reply = std::get_if<effect::Reply>(&order)) {
      EXPECT_TRUE(replies.emplace(reply->ticket.value, *reply).second) << "a caller is told once";
    } else if (auto* open = std::get_if<effect::OpenCall>(&order)) {
      calls.push_back(*open);
      writers_[open->operation] = slots_.take(open->operation, now_).value();
    } else if (auto* cancelled = std::get_if<effect::CancelCall>(&order)) {
      cancels.push_back(*cancelled);
    } else if (auto* watch = std::get_if<effect::Watch>(&order)) {
      slots_.order(*watch);
    } else if (auto* category = std::get_if<effect::WatchCategory>(&order)) {
      slots_.order(*category);
    } else if (auto* over = std::get_if<effect::EndWatch>(&order)) {
      slots_.end(over->operation);
    } else if (auto* announce = std::get_if<effect::Announce>(&order)) {
      news.push_back(announce->news);
    }
  }

  Machine machine_;
  ActivitySlots slots_;
  Instant now_{std::chrono::hours(1)}, next_sweep_{std::chrono::hours(1)};
  std::uint64_t last_ticket_ = 0, last_operation_ = 0;
  bool stepping_ = false;
  std::deque<Event> heard_;
  std::map<OperationId, ActivityWriter> writers_;
};

}  // namespace holdfast
