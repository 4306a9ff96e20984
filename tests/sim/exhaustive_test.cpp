#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "holdfast/core/activity.hpp"
#include "holdfast/core/machine.hpp"
#include "invariants.hpp"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

enum class Act {
  progress,
  answer_continue,
  answer_switch,
  saved,
  failed,
  unknown,
  cancel,
  returned,
  broke,
  silence,
  count
};

/// One operation of a locked job, from the moment its stall is asked about; then what `order` says, then the end.
class Case {
 public:
  Case() : invariants_(rows_) {
    tell(event::ProvidersConfigured{
        {{.name = "A", .type = "t", .kinds = {}, .model = ""}, {.name = "B", .type = "t", .kinds = {}, .model = ""}}});
    LockRequest lock{.job_id = "job", .provider_name = "A", .provider_type = "t"};
    tell(event::LockRequested{ticket(), lock});
    tell(event::JobLoaded{"job", {}});
    disk(event::Saved{});
    auto terms = std::make_shared<Patience>();
    terms->normal = 1s;
    terms->extended = 2s;
    terms->deep_wait = 3s;
    terms->stall = 1s;
    AnswerOption longer, other;
    longer.id = "continue_30s";
    longer.extension = 1s;
    other.id = "try_alternative";
    other.action = AnswerAction::fallback;
    other.requires_confirmation = true;
    terms->stall_options = {longer, other};
    event::OperationRequested asked{.ticket = ticket(), .id = id, .request = {}, .patience = terms};
    asked.request = {.job_id = "job", .provider_name = "A", .provider_type = "t", .stage_name = "s"};
    tell(asked);
    disk(event::Saved{});
    act(Act::silence);
    disk(event::Saved{});
  }

  void act(Act what) {
    now_ += 2s;
    switch (what) {
      case Act::progress:
        invariants_.progress(id, now_);
        return tell(event::ProgressMade{id, now_});
      case Act::answer_continue:
        return answer("continue_30s");
      case Act::answer_switch:
        return answer("try_alternative");
      case Act::saved:
        return disk(event::Saved{});
      case Act::failed:
        return disk(event::SaveFailed{});
      case Act::unknown:
        return disk(event::SaveUnknown{});
      case Act::cancel: {
        event::CancelRequested cancel{.ticket = ticket(), .request = {}, .operation = id, .answer = {}};
        cancel.request.confirmed = true;
        return tell(cancel);
      }
      case Act::returned:
        return tell(event::CallEnded{id, event::CallEnded::How::returned, {}});
      case Act::broke:
        return tell(event::CallEnded{id, event::CallEnded::How::failed, {ErrorClass::http, 500, "", "it broke"}});
      case Act::silence:
        return tell(event::SilenceExceeded{id, now_ - since_, now_ - since_, {}, watch_});
      case Act::count:
        return;
    }
  }
  /// The provider comes to an end, the disk to its senses, and nothing is left open.
  void finish() {
    act(Act::returned);
    for (int i = 0; i < 40 && (!saves_.empty() || machine_.next_deadline()); ++i) {
      act(Act::saved);
      now_ += 2s;
      if (machine_.next_deadline()) tell(event::TimePassed{});
    }
    invariants_.finished();
    EXPECT_EQ(machine_.questions().open_count(), 0u);
    EXPECT_EQ(machine_.backlog(), 0u);
  }
  const Rows& rows() const { return rows_; }

 private:
  Ticket ticket() { return {++last_ticket_}; }
  void answer(std::string option) {
    event::Answered given{.ticket = ticket(), .operation = id, .answer = {}, .provider_type = "t"};
    given.answer = {
        .operation_id = text(id), .ask = 0, .option = std::move(option), .provider = "B", .confirmed = true};
    tell(given);
  }
  /// The oldest transaction comes back.
  template <class E>
  void disk(E outcome) {
    if (saves_.empty()) return;
    outcome.save = saves_.front();
    saves_.erase(saves_.begin());
    tell(outcome);
  }
  void tell(const Event& event) {
    const Moment now{now_, WallTime(in_ms(now_.time_since_epoch()))};
    Effects effects;
    invariants_.heard(now, event);
    machine_.step(now, event, effects);
    for (const Effect& effect : effects)
      invariants_.ordered(effect);
    invariants_.stepped();
    for (const Effect& effect : effects) {
      if (const auto* save = std::get_if<effect::Save>(&effect)) saves_.push_back(save->save);
      if (const auto* look = std::get_if<effect::LookUp>(&effect)) lookups_.push_back(look->save);
      if (const auto* watch = std::get_if<effect::Watch>(&effect)) {
        watch_ = watch->number;
        since_ = std::max(since_, watch->since);
      }
    }
    while (!lookups_.empty()) {
      const SaveId save = lookups_.back();
      lookups_.pop_back();
      tell(event::SaveLookedUp{save, save.value % 2 == 0});
    }
  }

  static constexpr OperationId id{1024};
  Rows rows_;
  Invariants invariants_;
  Machine machine_;
  Instant now_{1h}, since_{1h};
  std::uint32_t watch_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::vector<SaveId> saves_, lookups_;
};

/// Every sequence of `length` acts, each act as often as one likes.
void all_orders(int length) {
  std::array<int, 6> order{};
  const int acts = static_cast<int>(Act::count);
  std::size_t total = 1;
  for (int i = 0; i < length; ++i)
    total *= static_cast<std::size_t>(acts);
  for (std::size_t n = 0; n < total; ++n) {
    std::size_t rest = n;
    std::string names;
    for (int i = 0; i < length; ++i, rest /= static_cast<std::size_t>(acts)) {
      order[static_cast<std::size_t>(i)] = static_cast<int>(rest % static_cast<std::size_t>(acts));
      names += " " + std::to_string(order[static_cast<std::size_t>(i)]);
    }
    try {
      Case one;
      for (int i = 0; i < length; ++i)
        one.act(static_cast<Act>(order[static_cast<std::size_t>(i)]));
      one.finish();
    } catch (const Violation& violation) {
      FAIL() << violation.what() << " in the order" << names;
    }
  }
}

TEST(Exhaustive, EveryOrderOfUpToFourEventsHolds) {
  for (int length = 0; length <= 4; ++length)
    all_orders(length);
}

/// Six different events, in each of their orders: 10 choose 6, times 720.
TEST(Exhaustive, EveryOrderOfSixDifferentEventsHolds) {
  std::array<int, static_cast<std::size_t>(Act::count)> chosen{};
  std::fill(chosen.end() - 6, chosen.end(), 1);
  do {
    std::vector<int> acts;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (chosen[i] != 0) acts.push_back(static_cast<int>(i));
    }
    do {
      try {
        Case one;
        for (const int act : acts)
          one.act(static_cast<Act>(act));
        one.finish();
      } catch (const Violation& violation) {
        std::string names;
        for (const int act : acts)
          names += " " + std::to_string(act);
        FAIL() << violation.what() << " in the order" << names;
      }
    } while (std::ranges::next_permutation(acts).found);
  } while (std::ranges::next_permutation(chosen).found);
}

}  // namespace
}  // namespace holdfast::sim
