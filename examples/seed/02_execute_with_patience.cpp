// A call that takes as long as it takes, watched by the tokens it produces.
#include <holdfast/holdfast.hpp>
#include <iostream>

#include "slow_provider.hpp"

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  const auto model = std::make_shared<SlowProvider>(2ms);

  // Pulled every 15 s; a question after 45 s without a new token.
  const auto heartbeat =
      holdfast::llm_streaming_heartbeat([model] { return model->done(); }, {.interval = 15s, .stall_multiplier = 3});
  try {
    const std::string script = gateway.execute_with_patience(
        {.job_id = "job-12345",
         .provider_name = "Ollama",
         .provider_type = "local_llm",
         .stage_name = "script-generation",
         .correlation_id = "corr-67890"},
        heartbeat, [&](holdfast::OperationContext& operation) {
          std::string text;
          for (std::int64_t words = 0; words < model->work(40, operation.stop_token()); ++words)
            text += "word ";
          return text;
        });
    std::cout << "Script generated: " << script.size() << " characters\n";
  } catch (const std::exception& error) {
    std::cout << "Operation failed: " << error.what() << '\n';
  }
}
