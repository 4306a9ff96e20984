// What an operation is doing, asked while it runs.
#include <cstdio>
#include <holdfast/holdfast.hpp>

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  gateway.execute_with_patience(
      {.job_id = "job-12345",
       .provider_name = "Ollama",
       .provider_type = "local_llm",
       .stage_name = "script-generation",
       .correlation_id = "corr-67890"},
      holdfast::pushed_heartbeat(), [&](holdfast::OperationContext& operation) {
        for (int tokens : {128, 256, 512})
          operation.progress().tokens(tokens);

        const auto state = gateway.provider_state("corr-67890");
        if (!state) return;
        const auto seconds = [](std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000.0; };
        std::printf("Provider: %s\n", state->provider_name.c_str());
        std::printf("Category: %s\n", std::string(holdfast::name(state->current_category)).c_str());
        std::printf("Elapsed: %.1fs\n", seconds(state->elapsed_time));
        std::printf("Heartbeats: %lld\n", static_cast<long long>(state->heartbeat_count));
        if (state->last_heartbeat) {
          std::printf("Last heartbeat: %.1fs ago\n", seconds(*state->time_since_last_heartbeat));
        }
        if (state->progress) std::printf("Progress: %s\n", state->progress->text().c_str());
      });
}
