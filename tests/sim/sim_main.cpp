#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "required_rows.hpp"
#include "world.hpp"

namespace {

using namespace holdfast::sim;

constexpr int jobs_per_run = 64;

/// Prints the last steps of the run that a seed names. False where it holds.
bool replay(std::uint64_t seed) {
  Rows rows;
  World world(seed, rows, true);
  try {
    world.run(jobs_per_run);
  } catch (const Violation& violation) {
    for (const std::string& step : world.trace())
      std::printf("%s\n", step.c_str());
    std::printf("\n%s\nreplay: holdfast_sim --replay %llu\n", violation.what(), static_cast<unsigned long long>(seed));
    return true;
  }
  std::printf("seed %llu holds, hash %016llx\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(world.hash()));
  return false;
}

/// Every row that policy and proof name occurred at least so often.
bool enough(const Rows& rows, std::uint64_t wanted) {
  bool good = true;
  for (const char* row : required_rows) {
    if (rows.of(row) >= wanted) continue;
    std::printf("too rare: %s occurred %llu times, %llu are wanted\n", row,
                static_cast<unsigned long long>(rows.of(row)), static_cast<unsigned long long>(wanted));
    good = false;
  }
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs the Machine in virtual time among providers, people and stores that misbehave.", "holdfast_sim"};
  std::uint64_t jobs = 5000, seed = 0, replayed = 0, rows_wanted = 0;
  bool quiet = false;
  app.add_option("--jobs", jobs, "so many jobs");
  app.add_option("--seed", seed, "the first run's seed; 0 takes one from the time, and prints it");
  const auto* again = app.add_option("--replay", replayed, "one run, with its last steps");
  app.add_option("--require-rows", rows_wanted, "fail where a row of the policy occurred less often");
  app.add_flag("--quiet", quiet, "no table");
  CLI11_PARSE(app, argc, argv);
  if (again->count() > 0) return replay(replayed) ? 1 : 0;
  if (seed == 0) seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);

  Rows rows;
  const std::clock_t begun = std::clock();
  std::uint64_t done = 0;
  for (; done < jobs; done += jobs_per_run, ++seed) {
    try {
      World(seed, rows).run(jobs_per_run);
    } catch (const Violation&) {
      replay(seed);
      return 1;
    }
  }
  const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  if (!quiet) {
    for (const auto& [row, times] : rows.all()) {
      std::printf("%10llu  %s\n", static_cast<unsigned long long>(times), row.c_str());
    }
  }
  std::printf("%llu jobs hold, %.0f jobs per core-second\n", static_cast<unsigned long long>(done),
              static_cast<double>(done) / seconds);
  return rows_wanted == 0 || enough(rows, rows_wanted) ? 0 : 1;
}
