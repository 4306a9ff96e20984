// From the return of the operation's function to the return of `execute_with_patience`: how much later does the caller
// have the result because it was watched? Reference: the same through a function that only calls.
#include <chrono>

#include "figures.hpp"
#include "holdfast/gateway/gateway.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

template <class Function>
[[gnu::noinline]] auto call(Function&& function) {
  return function();
}

}  // namespace

int main() {
  constexpr int calls = 20000;
  holdfast::Gateway gateway;
  std::vector<double> plain, watched, whole;
  for (int i = 0; i < calls; ++i) {
    Clock::time_point returned;
    call([&] {
      returned = Clock::now();
      return 1;
    });
    plain.push_back(us_since(returned));
  }
  for (int i = 0; i < calls; ++i) {
    Clock::time_point returned;
    const auto begun = Clock::now();
    gateway.execute_with_patience(
        {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .stage_name = "text"},
        holdfast::pushed_heartbeat(), [&](holdfast::OperationContext&) {
          returned = Clock::now();
          return 1;
        });
    watched.push_back(us_since(returned));
    whole.push_back(us_since(begun));
  }
  print_percentiles("reference: return of a plain call", plain, "us");
  print_percentiles("return of a watched call", watched, "us");
  print_percentiles("a whole watched call: lock, start on record, end", whole, "us");
}
