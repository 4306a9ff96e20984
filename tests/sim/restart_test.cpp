#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "holdfast/store/owner.hpp"
#include "holdfast/store/sqlite.hpp"
#include "saved.hpp"

namespace holdfast::sim {
namespace {

constexpr int jobs = 24;
constexpr std::size_t crashes = 12;

/// A process that comes after the crash: a new Machine over the same file, with a disk that answers at once.
class NextProcess {
 public:
  explicit NextProcess(store::Store& store) : store_(store) {}

  void resume(const std::string& job_id) {
    JobRequest request{.job_id = job_id, .opened_by = "ana"};
    request.resume = true;
    tell(event::JobRequested{Ticket{++tickets_}, request});
  }
  const Machine& machine() const { return machine_; }

 private:
  void tell(const Event& event) {
    Effects effects;
    const Moment now{Instant(std::chrono::hours(2)), WallTime(std::chrono::hours(2))};
    machine_.step(now, event, effects);
    for (const Effect& effect : effects) {
      if (const auto* save = std::get_if<effect::Save>(&effect)) {
        const store::Transaction transaction{save->save, now.wall, save->records};
        const store::Outcome outcome = store_.commit({&transaction, 1})[0];
        ASSERT_EQ(outcome.kind, store::Outcome::Kind::saved) << outcome.why;
        tell(event::Saved{save->save});
      } else if (const auto* load = std::get_if<effect::LoadJob>(&effect)) {
        auto image = store_.load(load->job_id);
        ASSERT_TRUE(image) << image.error().message;
        tell(event::JobLoaded{load->job_id, std::move(*image)});
      }
    }
  }

  store::Store& store_;
  Machine machine_;
  std::uint64_t tickets_ = 0;
};

/// Every call that began has ended, every stall was resolved, each once.
void expect_whole(const std::vector<KeptRecord>& trail, const std::string& where) {
  std::map<std::string, int> operations, stalls;
  for (const KeptRecord& kept : trail) {
    if (const auto* started = std::get_if<OperationStarted>(&kept.record)) ++operations[started->operation_id];
    if (const auto* ended = std::get_if<OperationEnded>(&kept.record)) --operations[ended->operation_id];
    if (const auto* stall = std::get_if<StallSuspected>(&kept.record)) ++stalls[stall->operation_id];
    if (const auto* stall = std::get_if<StallResolved>(&kept.record)) --stalls[stall->operation_id];
  }
  for (const auto& [operation, open] : operations)
    EXPECT_EQ(open, 0) << where << ": " << operation << " began and ended, once each";
  for (const auto& [operation, open] : stalls)
    EXPECT_EQ(open, 0) << where << ": the stalls of " << operation << " are resolved";
}

TEST(Restart, AfterACrashAtAnyTransactionNothingIsLostAndWhatRanIsInterruptedOnce) {
  std::size_t interrupted = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const std::vector<store::Transaction> all = saved(seed, jobs);
    for (std::size_t crash = 1; crash <= crashes; ++crash) {
      const std::string where = "seed " + std::to_string(seed) + ", crash " + std::to_string(crash);
      const auto path = std::filesystem::path(testing::TempDir()) / ("restart-" + std::to_string(::getpid()) + ".db");
      std::filesystem::remove(path);
      auto before = store::Sqlite::open(path.string()).value();
      Owner dead = store::this_process("before", "");
      dead.start_time += 1;
      before->act_as(dead);
      before->commit(std::span(all).first(all.size() * crash / (crashes + 1)));
      before.reset();

      auto store = store::Sqlite::open(path.string()).value();
      NextProcess next(*store);
      for (const JobRow& row : store->jobs({.active_only = true, .limit = 1000}).value()) {
        const auto image = store->load(row.job_id).value();
        ASSERT_TRUE(image);
        interrupted += image->lost.size();
        next.resume(row.job_id);
        const Job* job = next.machine().job(row.job_id);
        ASSERT_NE(job, nullptr) << where;
        EXPECT_EQ(job->epoch, row.epoch) << where << ": the lock is the one that was committed";
        EXPECT_EQ(store->locks(row.job_id).value(), row.locks) << where;
        expect_whole(store->records(row.job_id).value(), where + ", " + row.job_id);
        const auto still = store->load(row.job_id).value();
        ASSERT_EQ(still->lost.size(), image->lost.size()) << where << ": until somebody has answered for them";
        EXPECT_TRUE(std::ranges::all_of(still->lost, &event::LostOperation::ended)) << where;
      }
      const AuditReport report = store->verify("").value();
      EXPECT_TRUE(report.findings.empty()) << where << ": " << report.findings.front().message;
    }
  }
  EXPECT_GT(interrupted, 100u) << "the test must meet calls that were running";
}

}  // namespace
}  // namespace holdfast::sim
