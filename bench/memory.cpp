// Bytes of resident memory per watched operation, in the library. usage: bench_memory [operations]
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "figures.hpp"
#include "holdfast/gateway/engine.hpp"

namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * 4096.0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace holdfast;
  const int count = argc > 1 ? std::atoi(argv[1]) : 200000;
  gateway::Engine engine({}, std::move(*store::open("memory:")));
  std::vector<std::shared_ptr<gateway::Call>> calls(static_cast<std::size_t>(count));
  for (auto& call : calls)
    call.reset();
  const auto heartbeat = pushed_heartbeat();
  const double before = resident_bytes();
  const auto heap_before = mallinfo2().uordblks;
  std::atomic<int> opened = 0;
  for (int i = 0; i < count; ++i) {
    engine.open({.job_id = "",
                 .provider_name = "Ollama",
                 .provider_type = "local_llm",
                 .stage_name = "script-generation",
                 .correlation_id = "corr-" + std::to_string(i)},
                heartbeat, {}, [&](result<std::shared_ptr<gateway::Call>> call) {
                  calls[static_cast<std::size_t>(opened++)] = *call;
                });
    if (i % 1000 == 999) {
      while (opened <= i)
        std::this_thread::yield();  // a bounded queue in front of the engine, or that is measured
    }
  }
  while (opened < count)
    std::this_thread::yield();
  std::printf("%d operations watched\n", count);
  std::printf("resident bytes per watched operation               %.0f\n", (resident_bytes() - before) / count);
  std::printf("allocated bytes per watched operation              %.0f\n",
              static_cast<double>(mallinfo2().uordblks - heap_before) / count);
  std::printf("  of these sizeof(Operation) %zu, sizeof(Call) %zu\n", sizeof(Operation), sizeof(gateway::Call));
}
