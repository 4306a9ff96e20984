// How late a stall is announced after its threshold, with 100 000 operations watched, of which many stall.
// usage: bench_announcement [operations]
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "figures.hpp"
#include "holdfast/gateway/engine.hpp"

int main(int argc, char** argv) {
  using namespace holdfast;
  using namespace std::chrono_literals;
  const int count = argc > 1 ? std::atoi(argv[1]) : 100000;
  const int stalling = count / 10;

  GatewayOptions options;
  gateway::Engine engine(options, std::move(*store::open("memory:")));
  std::mutex mutex;
  std::vector<double> late_ms;
  std::atomic<int> asked = 0;
  const auto subscription = engine.notices().subscribe([&](const Notice& notice) {
    const auto* stall = std::get_if<StallSuspected>(notice.news.get());
    if (stall == nullptr) return;
    const std::lock_guard lock(mutex);
    // Announced when the callback runs; the threshold was 1 000 ms of silence, all of it since the start.
    late_ms.push_back(static_cast<double>(stall->elapsed_since_last_progress.count()) - 1000.0);
    ++asked;
  });

  std::atomic<int> opened = 0;
  std::mutex calls_mutex;
  std::vector<std::shared_ptr<gateway::Call>> calls;
  for (int i = 0; i < count; ++i) {
    const bool stalls = i % 10 == 0;
    OperationRequest request{.job_id = "",
                             .provider_name = "Ollama",
                             .provider_type = "local_llm",
                             .stage_name = "text",
                             .correlation_id = ""};
    const auto heartbeat = stalls ? pushed_heartbeat({.interval = 500ms, .stall_multiplier = 2.0})
                                  : pushed_heartbeat({.interval = 600s, .stall_multiplier = 2.0});
    engine.open(std::move(request), heartbeat, {}, [&](result<std::shared_ptr<gateway::Call>> call) {
      const std::lock_guard lock(calls_mutex);
      calls.push_back(*call);
      ++opened;
    });
  }
  while (opened < count || asked < stalling)
    std::this_thread::sleep_for(50ms);
  std::printf("%d operations watched, %d stalled\n", count, stalling);
  print_percentiles("lateness of the announcement after the threshold", late_ms, "ms");
}
