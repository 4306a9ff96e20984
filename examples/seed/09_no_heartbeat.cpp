// A provider that says nothing until it is done: only elapsed time is known, and nothing is ended by it.
#include <holdfast/holdfast.hpp>
#include <iostream>

int main() {
  holdfast::Gateway gateway;
  const std::string script = gateway.execute_with_patience(
      {.job_id = "job-12345",
       .provider_name = "RuleBased",
       .provider_type = "fallback_provider",
       .stage_name = "script-generation",
       .correlation_id = "corr-67890"},
      holdfast::no_heartbeat(), [](holdfast::OperationContext&) { return std::string("Scene 1: the harbour."); });
  std::cout << script << '\n';
}
