// Event sequences from bytes against the Machine and every invariant of tests/sim. Each byte is one event: the lower
// half says which, the upper about what. A broken invariant aborts, so that the fuzzer keeps the input.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "holdfast/core/machine.hpp"
#include "invariants.hpp"

namespace {

using namespace holdfast;
using namespace std::chrono_literals;

class Sequence {
 public:
  Sequence() : invariants_(rows_) {
    tell(event::ProvidersConfigured{
        {{.name = "A", .type = "t", .kinds = {}, .model = "", .requires_network = false, .concurrent_max = 2},
         {.name = "B", .type = "t", .kinds = {}, .model = ""}}});
    auto terms = std::make_shared<Patience>();
    terms->normal = 1s;
    terms->extended = 2s;
    terms->deep_wait = 3s;
    terms->stall = 1s;
    terms->stall_options = failure_options();
    terms->stall_options.front() = {.id = "continue_30s", .label = "", .action = AnswerAction::extend, .extension = 1s};
    terms_ = terms;
  }

  void take(unsigned byte) {
    now_ += 1100ms;
    const unsigned what = byte % 16, about = byte / 16;
    const std::string job = about % 4 == 3 ? "" : "job-" + std::to_string(about % 2);
    const std::string provider = about % 2 == 0 ? "A" : "B", stage = about % 8 < 4 ? "script" : "speech";
    const OperationId id{(about % 8 + 1) * 1024};
    switch (what) {
      case 0:
        return tell(event::LockRequested{ticket(),
                                         {.job_id = job,
                                          .provider_name = provider,
                                          .provider_type = "t",
                                          .correlation_id = "",
                                          .overridable = about < 12}});
      case 1:
        return begin(job, provider, stage, about % 5 != 0);
      case 2:
        return invariants_.progress(id, now_), tell(event::ProgressMade{id, now_});
      case 3:
        return tell(event::SilenceExceeded{id, 1s, 1s, {}, 0});
      case 4:
        return answer(id, "continue_30s");
      case 5:
        return answer(id, "try_alternative");
      case 6:
        return answer(id, "cancel_job");
      case 7:
        return disk(event::Saved{});
      case 8:
        return disk(event::SaveFailed{});
      case 9:
        return disk(event::SaveUnknown{});
      case 10:
        return tell(event::CallEnded{id, event::CallEnded::How::returned, {}});
      case 11:
        tell(event::CallEnded{id, event::CallEnded::How::failed, {ErrorClass::http, 500, "", "it broke"}});
        return tell(event::QuestionRaised{ticket(), id, QuestionKind::hard_error});
      case 12:
        return tell(event::CancelRequested{ticket(), {job, "", true, "ana"}, about < 8 ? id : OperationId{}, {}});
      case 13:
        return tell(event::SwitchRequested{
            ticket(), {.job_id = job, .to_provider = provider, .to_type = "t", .stages = {}, .confirmed = about != 0}});
      case 14:
        return tell(event::ReleaseRequested{ticket(), job});
      default:
        return tell(event::DecisionSubmitted{
            ticket(), FallbackDecision::user_requested(job, about % 2 == 0 ? "B" : "A", provider, 1s, "", {stage})});
    }
  }

 private:
  Ticket ticket() { return {++last_ticket_}; }
  void begin(const std::string& job, const std::string& provider, const std::string& stage, bool recorded_first) {
    event::OperationRequested asked{.ticket = ticket(),
                                    .id = {++last_operation_ * 1024},
                                    .request = {},
                                    .patience = terms_,
                                    .recorded_first = recorded_first};
    asked.request = {.job_id = job, .provider_name = provider, .provider_type = "t", .stage_name = stage};
    tell(asked);
  }
  void answer(OperationId id, std::string option) {
    event::Answered given{.ticket = ticket(), .operation = id, .answer = {}, .provider_type = "t"};
    given.answer = {
        .operation_id = text(id), .ask = 0, .option = std::move(option), .provider = "B", .confirmed = true};
    tell(given);
  }
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
      if (const auto* look = std::get_if<effect::LookUp>(&effect)) {
        tell(event::SaveLookedUp{look->save, look->save.value % 2 == 0});
      } else if (const auto* load = std::get_if<effect::LoadJob>(&effect)) {
        // A store reads behind what it was given to write.
        while (!saves_.empty())
          disk(event::Saved{});
        const auto found = invariants_.committed().find(load->job_id);
        event::JobLoaded loaded{load->job_id, {}};
        if (found != invariants_.committed().end() && found->second.opened) loaded.image = found->second.image;
        tell(loaded);
      }
    }
  }

  sim::Rows rows_;
  sim::Invariants invariants_;
  Machine machine_;
  SharedPatience terms_;
  Instant now_{1h};
  std::uint64_t last_ticket_ = 0, last_operation_ = 0;
  std::vector<SaveId> saves_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  try {
    Sequence sequence;
    for (std::size_t i = 0; i < size && i < 512; ++i)
      sequence.take(data[i]);
  } catch (const sim::Violation& violation) {
    std::fprintf(stderr, "%s\n", violation.what());
    std::abort();
  }
  return 0;
}
