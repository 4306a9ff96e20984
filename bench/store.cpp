// What durability costs: locks and releases of many callers at once, a journalled operation, and opening a large file.
// References in the same run: the store in memory, and single commits of plain SQLite with the same settings.
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>

#include "figures.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/store/sqlite.hpp"

namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void pairs(const char* what, const std::string& url, int callers, double seconds) {
  holdfast::Gateway gateway{{.store = url}};
  std::atomic<bool> over{false};
  std::atomic<long> done{0};
  std::vector<std::thread> threads;
  const auto begun = Clock::now();
  const std::clock_t cpu = std::clock();
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (int i = 0; !over; ++i) {
        const std::string job = "job-" + std::to_string(caller) + "-" + std::to_string(i);
        gateway.lock_provider({.job_id = job, .provider_name = "Ollama", .provider_type = "local_llm"});
        gateway.release_provider_lock(job);
        ++done;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  over = true;
  for (std::thread& each : threads)
    each.join();
  const double cpu_us = static_cast<double>(std::clock() - cpu) * 1e6 / CLOCKS_PER_SEC / static_cast<double>(done);
  std::printf("%-52s %9.0f pairs/s, %.0f us of CPU a pair\n", what, static_cast<double>(done) / seconds_since(begun),
              cpu_us);
}

void operations(const char* what, const std::string& url) {
  constexpr int calls = 2000;
  holdfast::Gateway gateway{{.store = url}};
  std::vector<double> whole;
  for (int i = 0; i < calls; ++i) {
    const auto begun = Clock::now();
    gateway.execute_with_patience(
        {.job_id = "job", .provider_name = "Ollama", .provider_type = "local_llm", .stage_name = "text"},
        holdfast::pushed_heartbeat(), [](holdfast::OperationContext&) { return 1; });
    whole.push_back(seconds_since(begun) * 1e6);
  }
  print_percentiles(what, whole, "us");
}

/// What one commit of one row costs here, with nothing of ours around it.
void plain_commits(const std::string& path) {
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  sqlite3_exec(database, "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; CREATE TABLE t(x)", nullptr, nullptr,
               nullptr);
  std::vector<double> each;
  for (int i = 0; i < 500; ++i) {
    const auto begun = Clock::now();
    sqlite3_exec(database, "INSERT INTO t VALUES(1)", nullptr, nullptr, nullptr);
    each.push_back(seconds_since(begun) * 1e6);
  }
  sqlite3_close(database);
  print_percentiles("reference: one commit of plain SQLite", each, "us");
}

/// A store with 10 000 jobs of 100 records each.
void fill(const std::string& path) {
  {
    holdfast::store::Sqlite::open(path).value();
  }
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  const int code = sqlite3_exec(
      database,
      "PRAGMA synchronous=OFF; BEGIN; DROP TRIGGER audit_in_order; DROP TRIGGER audit_counted;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
      "INSERT INTO chains SELECT i, 'job-' || i, 100, printf('%064d', i) FROM n;"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
      "INSERT INTO jobs(job, first_seq, name, patience, state, opened_at) SELECT i, 1, 'n', '', 'done', i FROM n;"
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999) "
      "INSERT INTO audit SELECT i / 100 + 1, i % 100 + 1, i, 'operation.started', printf('%0300d', i), printf('%064d', "
      "i), "
      "printf('%064d', i + 1) FROM n; COMMIT",
      nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) std::printf("the large file could not be made: %s\n", sqlite3_errmsg(database));
  sqlite3_close(database);
}

void opening(const std::string& path) {
  fill(path);
  std::vector<double> opened, listed;
  for (int i = 0; i < 50; ++i) {
    const auto begun = Clock::now();
    const auto store = holdfast::store::Sqlite::open(path);
    opened.push_back(seconds_since(begun) * 1e3);
    if (!store || (*store)->jobs({}).value().size() != 100) std::printf("the large file is not read\n");
    listed.push_back(seconds_since(begun) * 1e3);
  }
  std::printf("%-52s %9.0f MiB\n", "a file with 1 000 000 records",
              static_cast<double>(fs::file_size(path)) / 1024 / 1024);
  print_percentiles("opening it", opened, "ms");
  print_percentiles("opening it and listing 100 jobs", listed, "ms");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "fill") {  // for bench/proxy, which starts a daemon on it
    fill(argv[2]);
    return 0;
  }
  const bool only_pairs = argc == 3 && std::string(argv[2]) == "locks";
  const fs::path folder =
      (argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path()) / ("holdfast-bench-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  if (only_pairs) {
    pairs("lock and release, 64 callers, SQLite", "sqlite:" + (folder / "pairs.db").string(), 64, 5);
    fs::remove_all(folder);
    return 0;
  }
  plain_commits(folder / "plain.db");
  pairs("lock and release, 64 callers, memory", "memory:", 64, 3);
  pairs("lock and release, 64 callers, SQLite", "sqlite:" + (folder / "pairs.db").string(), 64, 5);
  pairs("lock and release, 1 caller, SQLite", "sqlite:" + (folder / "one.db").string(), 1, 3);
  operations("a whole watched call, memory", "memory:");
  operations("a whole watched call, SQLite", "sqlite:" + (folder / "calls.db").string());
  opening(folder / "large.db");
  fs::remove_all(folder);
}
