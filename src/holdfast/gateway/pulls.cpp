#include "holdfast/gateway/pulls.hpp"

#include <exception>
#include <optional>

#include "holdfast/base/text.hpp"
#include "holdfast/core/limits.hpp"
#include "holdfast/gateway/engine.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/gateway/operation_context.hpp"

namespace holdfast::gateway {

void Pulls::pull_once(Call& call, Count& thrown) {
  std::optional<std::string> fault;  // of the pull: neither progress nor a sign of life
  try {
    const Progress progress = call.pulled->heartbeat->pull(call.stop.get().get_token());
    ProgressReporter(call).report(progress);
  } catch (const std::exception& error) {
    fault = cut_to_bytes(error.what(), limits::error_text_bytes_max);
  } catch (...) {
    fault = "an exception that is no std::exception";
  }
  if (fault) thrown.fetch_add(1, std::memory_order_relaxed);
  call.inbox->run([id = call.id, fault = std::move(fault)](Engine& engine) {
    if (fault) engine.pull_threw(id, *fault);
    engine.pulled(id);
  });
}

void Pulls::pull(std::shared_ptr<Call> call) {
  crew_.post([call = std::move(call), thrown = thrown_] {
    if (call->fate.load(std::memory_order_relaxed) == Call::Fate::running) pull_once(*call, *thrown);
  });
}

}  // namespace holdfast::gateway
