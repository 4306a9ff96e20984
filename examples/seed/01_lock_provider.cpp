// The user selects Ollama for a job: from here on nothing else serves these stages without a recorded decision.
#include <holdfast/holdfast.hpp>
#include <iostream>

int main() {
  holdfast::Gateway gateway;
  const auto lock = gateway.lock_provider({.job_id = "job-12345",
                                           .provider_name = "Ollama",
                                           .provider_type = "local_llm",
                                           .correlation_id = "corr-67890",
                                           .overridable = true,
                                           .stages = {"script-generation", "refinement"}});
  std::cout << "Provider locked: " << lock << '\n';
}
