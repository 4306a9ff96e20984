// What the gateway has seen. The rate is the seed's own: decisions by active locks.
#include <cstdio>
#include <holdfast/holdfast.hpp>

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  for (const char* job : {"job-1", "job-2"}) {
    gateway.lock_provider({.job_id = job, .provider_name = "Ollama", .provider_type = "local_llm"});
  }
  gateway.switch_provider({.job_id = "job-2", .to_provider = "OpenAI", .confirmed = true, .by = "ana"});

  const holdfast::Statistics stats = gateway.statistics();
  const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
  std::printf("Gateway Statistics:\n");
  std::printf("  Active Locks: %lld\n", number(stats.active_locks));
  std::printf("  Active Operations: %lld\n", number(stats.active_operations));
  std::printf("  Total Fallbacks: %lld\n", number(stats.total_fallback_decisions));
  std::printf("  User-Requested: %lld\n", number(stats.user_requested_fallbacks));
  std::printf("  Error-Triggered: %lld\n", number(stats.error_triggered_fallbacks));
  const double rate = stats.active_locks > 0 ? static_cast<double>(stats.total_fallback_decisions) /
                                                   static_cast<double>(stats.active_locks)
                                             : 0.0;
  std::printf("  Fallback Rate: %.1f%%\n", rate * 100.0);
}
