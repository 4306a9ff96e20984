#include <array>

#include "world.hpp"

namespace holdfast::sim {
namespace {

constexpr std::array errors = {ErrorClass::http,       ErrorClass::auth,      ErrorClass::quota,   ErrorClass::protocol,
                               ErrorClass::connection, ErrorClass::truncated, ErrorClass::command, ErrorClass::other};

}  // namespace

/// Crawls, stalls, resumes; then returns, fails, or never comes back.
void World::beat(OperationId id) {
  Call& call = calls_.at(id);
  if (call.over || draining_) return;
  const std::int64_t stall = call.patience->stall.count();
  std::int64_t gap = random_.between(20, stall / 2);
  if (random_.percent(20)) gap = random_.between(stall / 2, stall * 3);
  if (random_.percent(3)) gap = 30'000 + stall;
  after(milliseconds(gap), [this, id] {
    Call& call = calls_.at(id);
    if (call.over || draining_) return;
    if (call.beats-- > 0) {
      act(id, call);
      return beat(id);
    }
    finish_call(id, call);
  });
}

void World::act(OperationId id, Call& call) {
  if (random_.percent(20)) return call.writer.alive(now_);  // a ping, a percentage that falls: no progress
  if (random_.percent(6)) {
    call.writer.hold(now_);
    invariants_.held(id, now_);
    after_ms(10, call.patience->stall.count() * 3, [this, id] {
      if (calls_.at(id).given_back) return;
      calls_.at(id).writer.resume(now_);
      invariants_.resumed(id, now_);
    });
    return;
  }
  advance(id, call);
}

/// A token arrives; where the slot was armed, its writer posts it, sometimes late.
void World::advance(OperationId id, Call& call) {
  const bool post = call.writer.progress(now_);
  const bool delayed = post && random_.percent(10);
  invariants_.progress(id, now_);
  if (!post) return;
  const event::ProgressMade made{id, now_};
  if (!delayed) return tell(made);
  rows_.count("stale news: ProgressMade late");
  tell_later(milliseconds(random_.between(1, 4000)), made);
}

void World::finish_call(OperationId id, Call& call) {
  const int luck = static_cast<int>(random_.between(1, 100));
  if (luck <= 15) return;  // never comes back
  call.over = true;
  event::CallEnded ended{id, event::CallEnded::How::returned, {}};
  if (luck <= 45) {
    ended.how = event::CallEnded::How::failed;
    ended.fault = {.error_class = random_.of(errors), .status = 500, .code = "x", .message = "it broke"};
  }
  if (random_.percent(20)) {
    rows_.count("race: last output before the end");
    if (call.writer.progress(now_)) tell_later(milliseconds(random_.between(0, 5)), event::ProgressMade{id, now_});
    invariants_.progress(id, now_);
  }
  const bool open = invariants_.asked(id);
  news_first(id);
  if (open && !invariants_.asked(id)) rows_.count("race: the last output resolved the stall, then the end");
  tell(ended);
  if (random_.percent(5)) tell_later(milliseconds(random_.between(0, 2000)), ended);
  if (ended.how == event::CallEnded::How::failed && random_.percent(60)) {
    tell(event::QuestionRaised{ticket(), id, QuestionKind::hard_error});
    if (call.job.empty() || random_.percent(10)) return;
    after_ms(0, 10'000, [this, job = call.job, stage = call.stage] {  // its runner, once somebody has answered
      if (!draining_) operation(job, stage, provider_of(job, stage), false);
    });
  }
}

/// The last writer may outlive the operation: its heartbeats must not reach whoever gets a slot next.
void World::give_back_later(OperationId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second.given_back) return;
  found->second.over = found->second.given_back = true;
  const bool late = random_.percent(10);
  if (!late) return slots_.give_back(found->second.writer.slot());
  after_ms(1, 5000, [this, id] {
    Call& call = calls_.at(id);
    rows_.count("stale news: a heartbeat after the end");
    if (call.writer.progress(now_)) throw Violation("slots: the slot of an ended operation is not armed");
    slots_.give_back(call.writer.slot());
  });
}

}  // namespace holdfast::sim
