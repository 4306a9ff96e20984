// Every switch of a job, in order.
#include <holdfast/holdfast.hpp>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  const std::string job_id = "job-12345";
  holdfast::Gateway gateway;
  gateway.lock_provider({.job_id = job_id, .provider_name = "Ollama", .provider_type = "local_llm"});
  gateway.switch_provider({.job_id = job_id, .to_provider = "OpenAI", .confirmed = true, .by = "ana"});
  gateway.switch_provider({.job_id = job_id, .to_provider = "Anthropic", .confirmed = true, .by = "ana"});

  std::cout << "Fallback history for job " << job_id << ":\n";
  for (const holdfast::FallbackDecision& decision : gateway.fallback_history(job_id)) {
    std::cout << "  " << holdfast::clock_time(decision.timestamp) << " - " << decision.from_provider << " → "
              << decision.to_provider << '\n';
    std::cout << "    Reason: " << holdfast::name(decision.reason_code) << '\n';
    std::cout << "    User confirmed: " << (decision.user_confirmed ? "True" : "False") << '\n';
    std::cout << "    Elapsed: " << decision.elapsed_before_switch.count() << "ms\n";
  }
}
