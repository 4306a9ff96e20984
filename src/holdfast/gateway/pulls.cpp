#include "holdfast/gateway/pulls.hpp"

#include "holdfast/gateway/engine.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/gateway/operation_context.hpp"

namespace holdfast::gateway {

void Pulls::pull_once(Call& call, Count& thrown) {
  try {
    const Progress progress = call.pulled->heartbeat->pull(call.stop.get().get_token());
    ProgressReporter(call).report(progress);
  } catch (...) {
    thrown.fetch_add(1, std::memory_order_relaxed);  // neither progress nor a sign of life
  }
  call.inbox->run([id = call.id](Engine& engine) { engine.pulled(id); });
}

void Pulls::pull(std::shared_ptr<Call> call) {
  crew_.post([call = std::move(call), thrown = thrown_] {
    if (call->fate.load(std::memory_order_relaxed) == Call::Fate::running) pull_once(*call, *thrown);
  });
}

}  // namespace holdfast::gateway
