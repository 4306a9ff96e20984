#pragma once

// What the store's tests share.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "holdfast/store/owner.hpp"
#include "holdfast/store/sqlite.hpp"

namespace holdfast::store {

using namespace std::chrono_literals;

inline constexpr WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h + 22min};

/// A folder of one test's own; gone with it.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::path(testing::TempDir()) / "store-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name = "holdfast.db") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Transaction saves(std::uint64_t number, std::vector<News> records, WallTime time = noon) {
  return {SaveId{number}, time, std::move(records)};
}

/// What became of one transaction.
inline Outcome commit(Store& store, std::vector<News> records, WallTime time = noon) {
  static std::atomic<std::uint64_t> number = 0;
  const std::vector one{saves(++number, std::move(records), time)};
  return store.commit(one).at(0);
}

inline void must(Store& store, std::vector<News> records, WallTime time = noon) {
  const Outcome outcome = commit(store, std::move(records), time);
  ASSERT_EQ(outcome.kind, Outcome::Kind::saved) << outcome.why;
}

inline ProviderLock lock(const std::string& job, const std::string& provider, std::uint64_t epoch,
                         std::vector<std::string> stages = {}) {
  return {.job_id = job,
          .provider_name = provider,
          .provider_type = "local_llm",
          .correlation_id = "corr",
          .stages = std::move(stages),
          .locked_at = noon,
          .epoch = epoch};
}

inline News taken(const std::string& job, const std::string& provider, std::uint64_t epoch) {
  return LockTaken{lock(job, provider, epoch)};
}

inline News ended(ProviderLock lock, LockState state, std::string reason, std::uint64_t epoch) {
  lock.state = state;
  lock.reason = std::move(reason);
  lock.ended_at = noon + 1s;
  return LockEnded{std::move(lock), epoch};
}

inline FallbackDecision decision(const std::string& job, const std::string& from, const std::string& to) {
  FallbackDecision out = FallbackDecision::user_requested(job, from, to, 5ms, "corr");
  out.timestamp = noon;
  out.decided_by = "ana";
  return out;
}

inline std::vector<News> switched(const std::string& job, const std::string& from, const std::string& to,
                                  std::uint64_t epoch) {
  return {decision(job, from, to), ended(lock(job, from, epoch - 1), LockState::ended, "USER_REQUEST", epoch),
          taken(job, to, epoch)};
}

inline OperationStarted started(const std::string& job, const std::string& operation, const std::string& stage) {
  return {.job_id = job,
          .stage_name = stage,
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .correlation_id = "corr",
          .operation_id = operation,
          .epoch = 1};
}

inline OperationEnded ended_as(const OperationStarted& started, OperationPhase outcome) {
  return {.job_id = started.job_id,
          .stage_name = started.stage_name,
          .provider_name = started.provider_name,
          .provider_type = started.provider_type,
          .correlation_id = started.correlation_id,
          .operation_id = started.operation_id,
          .outcome = outcome,
          .elapsed = 5s};
}

/// The end of an operation that belongs to no job.
inline OperationEnded anonymous_end(int number, OperationPhase outcome = OperationPhase::completed) {
  return ended_as(started("", "op-" + std::to_string(number), "text"), outcome);
}

inline StallSuspected suspected(const OperationStarted& started, int ask) {
  return {.job_id = started.job_id, .stage_name = started.stage_name, .operation_id = started.operation_id, .ask = ask};
}

inline StallResolved resolved(const OperationStarted& started, int ask, std::string by) {
  return {.job_id = started.job_id,
          .stage_name = started.stage_name,
          .operation_id = started.operation_id,
          .ask = ask,
          .by = std::move(by)};
}

inline std::shared_ptr<const JobPlan> a_plan() {
  return std::make_shared<JobPlan>(JobPlan{.file = "/jobs/video.toml",
                                           .text = "[job]\nname = \"video\"\n",
                                           .out = "/out/video",
                                           .stages = {{"script", "text", "aa"}, {"speech", "speech", "bb"}},
                                           .inputs = {{"article", "cc"}}});
}

/// A process that is gone: nobody has this number, and the boot is another one.
inline Owner dead_owner() {
  return {.pid = 4711,
          .start_time = 99,
          .boot_id = "an earlier boot",
          .socket = "/run/old.sock",
          .program = "holdfast run"};
}

/// Another process that lives: the one that started this test.
inline Owner living_owner() {
  Owner owner = this_process("holdfast run", "/run/user/0/holdfast/1.sock");
  std::ifstream file("/proc/" + std::to_string(::getppid()) + "/stat");
  std::string stat{std::istreambuf_iterator<char>(file), {}};
  std::istringstream rest(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    rest >> field;
  owner.pid = ::getppid();
  owner.start_time = std::stoull(field);
  return owner;
}

inline std::unique_ptr<Store> open_sqlite(const std::string& path) {
  auto store = Sqlite::open(path);
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

inline std::string findings(const AuditReport& report) {
  std::string out;
  for (const AuditFinding& each : report.findings)
    out += each.job_id + " " + std::to_string(each.seq) + " " + each.field + ": " + each.message + "\n";
  return out;
}

}  // namespace holdfast::store
