// What a heartbeat and a sweep cost. The references stand in the same run: a bare relaxed store, a reading of the
// clock, and a plain walk over as many words as there are operations.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "holdfast/core/activity.hpp"
#include "holdfast/gateway/gateway.hpp"

namespace holdfast {
namespace {

Instant at(std::int64_t ms) {
  return Instant(milliseconds(ms));
}

void reference_relaxed_store(benchmark::State& state) {
  std::atomic<std::int64_t> cell;
  std::int64_t value = 0;
  for (auto _ : state)
    cell.store(++value, std::memory_order_relaxed);
}
BENCHMARK(reference_relaxed_store);

void reference_clock_reading(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(std::chrono::steady_clock::now());
}
BENCHMARK(reference_clock_reading);

void record_progress_with_a_given_instant(benchmark::State& state) {
  ActivitySlots slots;
  ActivityWriter writer = *slots.take(OperationId{1}, at(1));
  std::int64_t now = 1;
  for (auto _ : state)
    benchmark::DoNotOptimize(writer.progress(Instant(Nanoseconds(++now))));
}
BENCHMARK(record_progress_with_a_given_instant);

void record_progress_through_the_public_api(benchmark::State& state) {
  Gateway gateway;
  gateway.execute_with_patience(
      {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .stage_name = "text"},
      pushed_heartbeat(), [&](OperationContext& operation) {
        const ProgressReporter progress = operation.progress();
        std::int64_t tokens = 0;
        for (auto _ : state)
          progress.tokens(++tokens);
      });
}
BENCHMARK(record_progress_through_the_public_api);

struct Watched {
  explicit Watched(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const OperationId id{static_cast<std::uint64_t>(i) + 1};
      writers.push_back(*slots.take(id, at(1)));
      slots.order(effect::Watch{id, at(1), milliseconds(45000), at(30000), false});
    }
    std::vector<Due> out;
    slots.sweep(at(2), out);
  }
  ActivitySlots slots;
  std::vector<ActivityWriter> writers;
};

void reference_walk(benchmark::State& state) {
  const std::vector<std::int64_t> words(static_cast<std::size_t>(state.range(0)), std::int64_t(1) << 40);
  for (auto _ : state) {
    std::int64_t ran_out = 0;
    for (const std::int64_t word : words)
      ran_out += word <= 5 ? 1 : 0;
    benchmark::DoNotOptimize(ran_out);
  }
}
BENCHMARK(reference_walk)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

/// `share` is the share of one core at four sweeps a second.
void sweep_when_nothing_is_due(benchmark::State& state) {
  Watched watched(state.range(0));
  std::vector<Due> out;
  for (auto _ : state)
    watched.slots.sweep(at(2), out);
  state.counters["share_percent"] =
      benchmark::Counter(4.0 * 100.0, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(sweep_when_nothing_is_due)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

/// Every operation progresses all the time; a slot's time comes once in 45 s, so one sweep in 180 looks at each.
void sweep_over_a_stall_threshold_of_busy_operations(benchmark::State& state) {
  Watched watched(state.range(0));
  std::vector<Due> out;
  std::int64_t now = 2, silences = 0;
  for (auto _ : state) {
    state.PauseTiming();
    now += 250;
    // Progress of everybody just before each sweep, told apart so that only the sweep is timed.
    for (ActivityWriter& writer : watched.writers)
      writer.progress(at(now));
    state.ResumeTiming();
    out.clear();
    watched.slots.sweep(at(now), out);
    silences += std::ranges::count(out, Due::What::silence, &Due::what);
  }
  if (silences != 0) state.SkipWithError("busy operations became suspect");
}
BENCHMARK(sweep_over_a_stall_threshold_of_busy_operations)
    ->Arg(1'000'000)
    ->Iterations(360)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace holdfast
