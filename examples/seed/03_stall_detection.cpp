// A provider goes silent: the user is asked, with the evidence. Here they choose to cancel, and confirm it.
#include <cstdio>
#include <future>
#include <holdfast/holdfast.hpp>
#include <iostream>

#include "slow_provider.hpp"

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  std::promise<holdfast::StallSuspected> asked;
  const auto stalls = gateway.on_stall_suspected([&](const holdfast::StallSuspected& stall) {
    const auto seconds = [](std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000.0; };
    std::printf("⚠️ Stall suspected for %s\n", stall.provider_name.c_str());
    std::printf("   No heartbeat for %.1fs\n", seconds(stall.elapsed_since_last_heartbeat));
    std::printf("   Total elapsed: %.1fs\n", seconds(stall.total_elapsed));
    for (const holdfast::AnswerOption& option : stall.options)
      std::printf("   - %s\n", option.label.c_str());
    asked.set_value(stall);
  });

  auto call = std::async(std::launch::async, [&] {
    SlowProvider model(1ms);
    try {
      gateway.execute_with_patience({.job_id = "job-12345",
                                     .provider_name = "Ollama",
                                     .provider_type = "local_llm",
                                     .stage_name = "script-generation",
                                     .correlation_id = "corr-67890"},
                                    holdfast::pushed_heartbeat({.interval = 100ms, .stall_multiplier = 3}),
                                    [&](holdfast::OperationContext& operation) { model.hang(operation.stop_token()); });
    } catch (const holdfast::Error& error) {
      std::printf("The call ended: %s\n", std::string(holdfast::name(error.errc())).c_str());
    }
  });

  const holdfast::StallSuspected stall = asked.get_future().get();
  const auto answer = gateway.answer(
      {.operation_id = stall.operation_id, .ask = stall.ask, .option = "cancel_job", .confirmed = true, .by = "ana"});
  call.get();
  std::printf("Answer applied: %s\n", answer.applied ? "True" : "False");
}
