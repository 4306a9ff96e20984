// The lock is released in every path: by hand, and by a scope that an exception leaves.
#include <holdfast/holdfast.hpp>
#include <iostream>
#include <stdexcept>

int main() {
  holdfast::Gateway gateway;
  const std::string job_id = "job-12345";
  gateway.lock_provider({.job_id = job_id, .provider_name = "Ollama", .provider_type = "local_llm"});
  if (gateway.release_provider_lock(job_id)) std::cout << "Provider lock released for job " << job_id << '\n';

  try {
    const holdfast::ScopedProviderLock lock(
        gateway, {.job_id = "job-2", .provider_name = "Ollama", .provider_type = "local_llm"});
    throw std::runtime_error("the job broke");
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << "; lock left: " << (gateway.provider_lock("job-2") ? "yes" : "no") << '\n';
  }
}
