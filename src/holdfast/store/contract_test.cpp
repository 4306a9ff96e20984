#include <algorithm>
#include <functional>

#include "holdfast/store/audit.hpp"
#include "holdfast/store/memory.hpp"
#include "store_driver.hpp"

// What every store does, whatever it keeps things in.
namespace holdfast::store {
namespace {

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Store>(const Folder&)> make;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class Contract : public testing::TestWithParam<Kind> {
 protected:
  Folder folder_;
  std::unique_ptr<Store> store_ = GetParam().make(folder_);
};

INSTANTIATE_TEST_SUITE_P(Stores, Contract,
                         testing::Values(Kind{"memory", [](const Folder&) { return std::make_unique<Memory>(); }},
                                         Kind{"sqlite",
                                              [](const Folder& folder) { return open_sqlite(folder.file()); }}),
                         [](const auto& info) { return info.param.name; });

TEST_P(Contract, a_job_comes_back_with_its_locks_consents_and_finished_stages) {
  must(*store_, {JobOpened{"job", "video", "longForm", "ana"}, taken("job", "Ollama", 1)});
  const StandingConsent consent{"consent-1", StandingConsent::When::stall, 10min, "OpenAI", "cloud_llm", "ana"};
  must(*store_, {ConsentGiven{"job", consent}});
  must(*store_, switched("job", "Ollama", "OpenAI", 2));
  must(*store_, {StageFinished{{.job_id = "job", .stage_name = "script", .finished = true}}});

  const auto image = store_->load("job").value();
  ASSERT_TRUE(image);
  EXPECT_EQ(image->name, "video");
  EXPECT_EQ(image->patience, "longForm");
  EXPECT_EQ(image->state, JobState::running);
  EXPECT_EQ(image->epoch, 2u);
  ASSERT_EQ(image->locks.size(), 2u);
  EXPECT_EQ(image->locks[0].reason, "USER_REQUEST");
  EXPECT_EQ(image->locks[0].ended_at, noon + 1s);
  EXPECT_TRUE(image->locks[1].active());
  EXPECT_EQ(image->consents, std::vector{consent});
  EXPECT_EQ(image->finished_stages, std::vector<std::string>{"script"});
  EXPECT_TRUE(image->lost.empty());
  EXPECT_EQ(store_->locks("job").value(), image->locks);
  EXPECT_EQ(store_->history("job").value(), std::vector{decision("job", "Ollama", "OpenAI")});
}

TEST_P(Contract, the_librarys_two_calls_are_kept_as_decision_and_end_and_then_the_new_lock) {
  must(*store_, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  must(*store_,
       {decision("job", "Ollama", "OpenAI"), ended(lock("job", "Ollama", 1), LockState::ended, "USER_REQUEST", 2)});
  must(*store_, {taken("job", "OpenAI", 3)});
  EXPECT_EQ(store_->load("job").value()->epoch, 3u);
}

TEST_P(Contract, a_switch_of_some_stages_renews_the_rest_in_the_same_epoch) {
  must(*store_, {JobOpened{"job"}, LockTaken{lock("job", "Ollama", 1, {"a", "b"})}});
  ProviderLock renewed = lock("job", "Ollama", 2, {"b"}), fresh = lock("job", "OpenAI", 2, {"a"});
  must(*store_, {decision("job", "Ollama", "OpenAI"),
                 ended(lock("job", "Ollama", 1, {"a", "b"}), LockState::ended, "USER_REQUEST", 2), LockTaken{renewed},
                 LockTaken{fresh}});
  EXPECT_EQ(store_->locks("job").value().size(), 3u);
}

TEST_P(Contract, a_history_of_another_system_moves_no_lock) {
  must(*store_, {JobOpened{"job"}, FallbackDecision::legacy_auto("job", "A", "B", 1ms, "c")});
  EXPECT_EQ(store_->load("job").value()->epoch, 0u);
  EXPECT_FALSE(store_->history("job").value().at(0).user_confirmed);
}

TEST_P(Contract, releasing_unlocking_and_cancelling_end_locks_with_their_own_words) {
  must(*store_, {JobOpened{"a"}, taken("a", "Ollama", 1)});
  must(*store_, {ended(lock("a", "Ollama", 1), LockState::unlocked, "we agreed", 2)});
  must(*store_, {JobClosed{"a", JobState::released, ""}});
  must(*store_, {JobOpened{"b"}, taken("b", "Ollama", 1)});
  must(*store_, {Cancelled{"b", "", "ana"}, ended(lock("b", "Ollama", 1), LockState::ended, "cancelled", 2),
                 JobClosed{"b", JobState::cancelled, "ana"}});
  EXPECT_EQ(store_->locks("a").value().at(0).reason, "we agreed");
  EXPECT_EQ(store_->job("b").value()->state, JobState::cancelled);
  EXPECT_EQ(store_->job("b").value()->locks.at(0).state, LockState::ended);
}

TEST_P(Contract, records_are_numbered_from_one_in_each_job_and_what_is_only_told_is_no_record) {
  const OperationStarted operation = started("a", "op-1", "script");
  OperationStarted queued = operation;
  queued.queued = true;
  must(*store_, {JobOpened{"a"}, JobOpened{"b"}, queued, operation, JobClosed{"a"}});
  const auto records = store_->records("a").value();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[2].seq, 3u);
  EXPECT_EQ(records[2].time, noon);
  EXPECT_EQ(event_name(records[2].record), "job.closed");
  EXPECT_EQ(store_->records("b").value().size(), 1u);
}

TEST_P(Contract, nothing_is_known_of_jobs_never_heard_of_and_a_refusal_makes_none) {
  must(*store_, {Refused{.job_id = "refused", .code = Errc::provider_locked, .message = "no"}});
  for (const std::string job : {"never", "refused"}) {
    EXPECT_FALSE(store_->load(job).value());
    EXPECT_FALSE(store_->job(job).value());
    EXPECT_TRUE(store_->locks(job).value().empty());
    EXPECT_TRUE(store_->history(job).value().empty());
  }
  EXPECT_TRUE(store_->records("never").value().empty());
  EXPECT_EQ(store_->records("refused").value().size(), 1u);
  EXPECT_TRUE(store_->jobs({}).value().empty());
  EXPECT_EQ(store_->statistics().value().total_jobs, 0);
  EXPECT_EQ(store_->statistics().value().fallback_rate, 0.0);
  EXPECT_EQ(store_->verify("never").error().code, Errc::no_such_job);
  EXPECT_TRUE(store_->verify("refused").value().findings.empty());
}

TEST_P(Contract, counts_are_over_all_time_and_a_job_with_two_decisions_counts_once) {
  const OperationStarted operation = started("a", "op-1", "script");
  Question question;
  question.job_id = "a";
  must(*store_, {JobOpened{"a"}, JobOpened{"b"}, taken("b", "Ollama", 1),
                 FallbackDecision::user_requested("a", "x", "y", 1ms, ""),
                 FallbackDecision::after_stall("a", "y", "z", 1ms, "", {}, 1ms),
                 FallbackDecision::after_fatal_error("a", "z", "x", 1ms, "", {}, "e", true),
                 FallbackDecision::legacy_auto("a", "z", "x", 1ms, ""), QuestionOpened{question},
                 resolved(operation, 1, "progress"), resolved(operation, 2, "answer")});
  must(*store_, {JobClosed{"b", JobState::failed, ""}});
  must(*store_, {JobOpened{.job_id = "b", .resumed = true}});
  const Statistics all = store_->statistics().value();
  EXPECT_EQ(all.total_fallback_decisions, 4);
  EXPECT_EQ(all.user_requested_fallbacks, 1);
  EXPECT_EQ(all.after_stall_fallbacks, 1);
  EXPECT_EQ(all.error_triggered_fallbacks, 1);
  EXPECT_EQ(all.stall_questions, 1);
  EXPECT_EQ(all.stalls_resolved_by_progress, 1);
  EXPECT_EQ(all.active_locks, 1);
  EXPECT_EQ(all.total_jobs, 2);
  EXPECT_EQ(all.fallback_rate, 0.5);
}

TEST_P(Contract, a_planned_job_lists_its_stages_in_their_order_with_an_artifact_for_each_item) {
  must(*store_, {JobOpened{.job_id = "job", .name = "video", .plan = a_plan()}});
  must(*store_, {StageFinished{{.job_id = "job",
                                .stage_name = "speech",
                                .items = 3,
                                .items_done = 1,
                                .artifacts = {"/out/n-3.wav"},
                                .item = 3}}});
  must(*store_, {StageFinished{{.job_id = "job",
                                .stage_name = "speech",
                                .items = 3,
                                .items_done = 2,
                                .artifacts = {"/out/n-1.wav"},
                                .item = 1}}});
  must(*store_, {started("job", "op-9", "extra")});
  const auto row = store_->job("job").value();
  ASSERT_TRUE(row);
  ASSERT_EQ(row->stages.size(), 3u);
  EXPECT_EQ(row->stages[0].stage_name, "script");
  EXPECT_EQ(row->stages[0].state, StageState::pending);
  EXPECT_EQ(row->stages[1].state, StageState::running);
  EXPECT_EQ(row->stages[1].items_done, 2u);
  EXPECT_EQ(row->stages[1].artifacts, (std::vector<std::string>{"/out/n-1.wav", "", "/out/n-3.wav"}));
  EXPECT_EQ(row->stages[2].stage_name, "extra");
  ASSERT_TRUE(row->plan);
  EXPECT_EQ(*row->plan, *a_plan());
}

TEST_P(Contract, a_stage_shows_how_its_operations_ended_until_it_is_done) {
  must(*store_, {JobOpened{.job_id = "job", .plan = a_plan()}});
  const auto state = [&] { return store_->job("job").value()->stages.at(0).state; };
  const OperationStarted operation = started("job", "op-1", "Script");  // names compare without regard to case
  const std::vector<std::pair<OperationPhase, StageState>> all = {
      {OperationPhase::failed, StageState::failed},
      {OperationPhase::cancelled, StageState::cancelled},
      {OperationPhase::interrupted, StageState::interrupted},
      {OperationPhase::switched, StageState::running},
      {OperationPhase::completed, StageState::running}};
  for (const auto& [outcome, shown] : all) {
    must(*store_, {operation});
    EXPECT_EQ(state(), StageState::running);
    must(*store_, {ended_as(operation, outcome)});
    EXPECT_EQ(state(), shown);
  }
  must(*store_, {StageFinished{{.job_id = "job", .stage_name = "script", .items_done = 1, .finished = true}}});
  must(*store_, {operation, ended_as(operation, OperationPhase::failed)});
  EXPECT_EQ(state(), StageState::done);
  EXPECT_EQ(store_->job("job").value()->stages.size(), 2u);
}

// A proxied stage that was done said 0 of 1, and one whose stream ended with a switch ran for ever.
TEST_P(Contract, a_stage_without_a_plan_is_what_its_operation_was) {
  const OperationStarted operation = started("job", "op-1", "text");
  const auto after = [&](OperationPhase outcome) {
    must(*store_, {operation, ended_as(operation, outcome)});
    const StageRow stage = store_->job("job").value()->stages.at(0);
    return std::pair(stage.state, stage.items_done);
  };
  must(*store_, {JobOpened{"job"}});
  EXPECT_EQ(after(OperationPhase::switched), std::pair(StageState::pending, std::size_t{0}));
  EXPECT_EQ(after(OperationPhase::completed), std::pair(StageState::done, std::size_t{1}));
  must(*store_, {operation});
  EXPECT_EQ(store_->job("job").value()->stages.at(0).items_done, 0u) << "once more";
}

TEST_P(Contract, resuming_keeps_what_was_done_and_opening_anew_does_not) {
  must(*store_, {JobOpened{.job_id = "job", .name = "video", .plan = a_plan()}, taken("job", "Ollama", 1),
                 ConsentGiven{"job", {.id = "consent-1", .switch_to = "B"}},
                 StageFinished{{.job_id = "job", .stage_name = "script", .items_done = 1, .finished = true}},
                 JobClosed{"job", JobState::failed, ""}});
  EXPECT_EQ(store_->job("job").value()->state, JobState::failed);
  EXPECT_EQ(store_->job("job").value()->closed_at, noon);
  must(*store_, {JobOpened{.job_id = "job", .resumed = true}}, noon + 1h);
  auto row = store_->job("job").value();
  EXPECT_EQ(row->state, JobState::running);
  EXPECT_FALSE(row->closed_at);
  EXPECT_EQ(row->opened_at, noon);
  EXPECT_EQ(row->name, "video");
  EXPECT_TRUE(row->plan);
  EXPECT_TRUE(row->locks.at(0).active());
  EXPECT_EQ(store_->load("job").value()->finished_stages.size(), 1u);
  EXPECT_EQ(store_->load("job").value()->consents.size(), 1u);
  EXPECT_EQ(row->consents, store_->load("job").value()->consents);

  must(*store_, {ended(lock("job", "Ollama", 1), LockState::released, "", 2), JobClosed{"job", JobState::done, ""}});
  EXPECT_TRUE(store_->job("job").value()->consents.empty()) << "they ended with it";
  must(*store_, {JobOpened{.job_id = "job", .name = "again"}}, noon + 2h);
  row = store_->job("job").value();
  EXPECT_EQ(row->opened_at, noon + 2h);
  EXPECT_TRUE(row->stages.empty());
  EXPECT_FALSE(row->plan);
  EXPECT_EQ(row->locks.size(), 1u) << "locks stay in the history";
  EXPECT_TRUE(store_->load("job").value()->finished_stages.empty());
  EXPECT_TRUE(store_->load("job").value()->consents.empty());
}

TEST_P(Contract, a_stage_that_a_resume_begins_anew_has_nothing_finished) {
  StageProgress step{
      .job_id = "job", .stage_name = "script", .items_done = 1, .finished = true, .artifacts = {"a.txt"}};
  step.item = 1;
  must(*store_, {JobOpened{.job_id = "job", .name = "video", .plan = a_plan()}, StageFinished{step},
                 JobClosed{"job", JobState::failed, ""}});
  must(*store_, {JobOpened{.job_id = "job", .resumed = true, .plan = a_plan(), .anew = {"Script"}}});
  const auto row = store_->job("job").value();
  const auto stage = std::ranges::find(row->stages, "script", &StageRow::stage_name);
  ASSERT_NE(stage, row->stages.end());
  EXPECT_EQ(stage->state, StageState::pending);
  EXPECT_EQ(stage->items_done, 0u);
  EXPECT_TRUE(stage->artifacts.empty());
  EXPECT_TRUE(store_->load("job").value()->finished_stages.empty());
}

TEST_P(Contract, jobs_are_listed_newest_first_page_by_page_and_active_ones_alone) {
  for (int i = 1; i <= 5; ++i)
    must(*store_, {JobOpened{"job-" + std::to_string(i)}}, noon + std::chrono::minutes(i / 2));
  must(*store_, {JobClosed{"job-4", JobState::done, ""}});
  must(*store_, {JobClosed{"job-2", JobState::failed, ""}});
  const auto ids = [&](const JobsQuery& query) {
    std::string out;
    for (const JobRow& row : store_->jobs(query).value())
      out += row.job_id.substr(4);
    return out;
  };
  EXPECT_EQ(ids({}), "54321");
  EXPECT_EQ(ids({.limit = 2}), "54");
  EXPECT_EQ(ids({.after = "job-4", .limit = 2}), "32");
  EXPECT_EQ(ids({.after = "job-1"}), "");
  EXPECT_EQ(ids({.active_only = true}), "5321");
  EXPECT_EQ(ids({.active_only = true, .after = "job-4"}), "321");
  EXPECT_EQ(store_->jobs({.after = "job-9"}).error().code, Errc::no_such_job);
}

TEST_P(Contract, the_trail_is_a_chain_that_can_be_read_in_pages_and_verifies) {
  must(*store_, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  must(*store_, switched("job", "Ollama", "OpenAI", 2));
  must(*store_, {QuestionAnswered{.job_id = "job", .operation_id = "op-1", .ask = 1, .option = "wait_until_done"}});
  const auto all = store_->trail("job", 1, 100).value();
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].previous, "");
  for (std::size_t i = 1; i < all.size(); ++i)
    EXPECT_EQ(all[i].previous, all[i - 1].hash);
  EXPECT_EQ(all[2].kind, "fallback.decided");
  EXPECT_EQ(store_->trail("job", 3, 2).value(), (std::vector{all[2], all[3]}));
  EXPECT_TRUE(store_->trail("job", 7, 2).value().empty());
  EXPECT_EQ(store_->trails("", 10).value(), std::vector<std::string>{"job"});
  EXPECT_TRUE(store_->trails("job", 10).value().empty());
  const AuditReport report = store_->verify("").value();
  EXPECT_EQ(report.jobs, 1u);
  EXPECT_EQ(report.records, 6u);
  EXPECT_EQ(findings(report), "");
}

TEST_P(Contract, what_belongs_to_no_job_has_a_trail_of_its_day_and_makes_no_job) {
  const std::string trail = "anonymous/2026-11-23/00001";
  OperationEnded failed = anonymous_end(2, OperationPhase::failed);
  failed.fault = {ErrorClass::auth, 401, "invalid_api_key", "no key sk-abcdef0123456789"};
  failed.started_at = noon - 5s;
  must(*store_, {anonymous_end(1), failed});
  must(*store_, {JobOpened{"job"}, taken("job", "Ollama", 1)});
  must(*store_, {anonymous_end(3)});
  EXPECT_EQ(store_->trails("", 10).value(), (std::vector{trail, std::string("job")}));
  EXPECT_EQ(store_->trails("", 1).value(), std::vector{trail});
  const auto records = store_->trail(trail, 1, 10).value();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].previous, "");
  EXPECT_EQ(records[2].previous, records[1].hash);
  EXPECT_EQ(records[1].kind, "operation.ended");
  EXPECT_EQ(records[1].job_id, trail);
  EXPECT_EQ(records[1].data.find("abcdef"), std::string::npos) << records[1].data;
  const auto kept = store_->records(trail).value();
  ASSERT_EQ(kept.size(), 3u);
  const auto said = std::get<OperationEnded>(kept[1].record);
  EXPECT_EQ(said.job_id, "");
  EXPECT_EQ(said.operation_id, "op-2");
  EXPECT_EQ(said.outcome, OperationPhase::failed);
  EXPECT_EQ(said.started_at, noon - 5s);
  EXPECT_EQ(said.fault.error_class, ErrorClass::auth);

  EXPECT_EQ(store_->jobs({}).value().size(), 1u);
  EXPECT_FALSE(store_->job(trail).value());
  EXPECT_FALSE(store_->load(trail).value());
  EXPECT_EQ(store_->statistics().value().total_jobs, 1);
  AuditReport report = store_->verify("").value();
  EXPECT_EQ(findings(report), "");
  EXPECT_EQ(report.records, 5u);
  report = store_->verify(trail).value();
  EXPECT_EQ(findings(report), "");
  EXPECT_EQ(report.records, 3u);
}

TEST_P(Contract, the_trail_of_what_belongs_to_no_job_begins_anew_with_the_day_and_when_it_is_full) {
  const auto fill = [&](std::uint64_t records) {
    std::vector<News> all;
    for (std::uint64_t i = 0; i < records; ++i)
      all.emplace_back(anonymous_end(static_cast<int>(i)));
    must(*store_, std::move(all));
  };
  fill(anonymous_records_max - 1);
  fill(5);
  fill(3);
  EXPECT_EQ(store_->records("anonymous/2026-11-23/00001").value().size(), anonymous_records_max + 4)
      << "a transaction is not divided";
  EXPECT_EQ(store_->records("anonymous/2026-11-23/00002").value().size(), 3u);
  EXPECT_EQ(store_->trail("anonymous/2026-11-23/00002", 1, 1).value().at(0).previous, "");
  must(*store_, {anonymous_end(1)}, noon + 24h);
  EXPECT_EQ(store_->records("anonymous/2026-11-24/00001").value().size(), 1u);
  EXPECT_EQ(findings(store_->verify("").value()), "");
}

TEST_P(Contract, trails_that_belong_to_no_job_are_pruned_when_told_and_when_their_last_record_is_old) {
  must(*store_, {anonymous_end(1), anonymous_end(2)});
  must(*store_, {anonymous_end(3)}, noon + 24h);
  EXPECT_EQ(store_->prune(noon + 1h, false).value().records, 0u);
  const Pruned pruned = store_->prune(noon + 1h, true).value();
  EXPECT_EQ(pruned.jobs, 0u);
  EXPECT_EQ(pruned.records, 2u);
  EXPECT_EQ(store_->trails("", 10).value(), std::vector<std::string>{"anonymous/2026-11-24/00001"});
  EXPECT_EQ(findings(store_->verify("").value()), "");
}

TEST_P(Contract, pruning_takes_closed_jobs_and_their_trails_only_when_told) {
  for (const std::string job : {"old", "failed", "new"})
    must(*store_, {JobOpened{job}, decision(job, "A", "B")});
  must(*store_, {JobClosed{"old", JobState::done, ""}}, noon);
  must(*store_, {JobClosed{"failed", JobState::failed, ""}}, noon);
  must(*store_, {JobClosed{"new", JobState::done, ""}}, noon + 1h);
  EXPECT_EQ(store_->prune(noon + 1min, false).value().jobs, 1u);
  EXPECT_FALSE(store_->job("old").value());
  EXPECT_EQ(store_->records("old").value().size(), 3u);
  EXPECT_TRUE(store_->job("failed").value());
  EXPECT_TRUE(store_->job("new").value());
  EXPECT_EQ(findings(store_->verify("").value()), "");

  // The name is used again: the trail goes on where it was, the job begins anew.
  must(*store_, {JobOpened{"old"}, decision("old", "C", "D")}, noon + 2h);
  EXPECT_EQ(store_->history("old").value().size(), 1u);
  EXPECT_EQ(store_->trail("old", 4, 1).value().at(0).kind, "job.opened");
  EXPECT_EQ(findings(store_->verify("").value()), "");

  const Pruned pruned = store_->prune(noon + 3h, true).value();
  EXPECT_EQ(pruned.jobs, 1u);
  EXPECT_EQ(pruned.records, 3u);
  EXPECT_TRUE(store_->records("new").value().empty());
  EXPECT_EQ(store_->statistics().value().total_fallback_decisions, 4) << "counts are of all time";
  EXPECT_EQ(findings(store_->verify("").value()), "");
}

TEST_P(Contract, words_of_a_provider_enter_the_trail_without_keys) {
  OperationEnded failed = ended_as(started("job", "op-1", "script"), OperationPhase::failed);
  failed.fault = {ErrorClass::auth, 401, "invalid_api_key", "Incorrect API key provided: sk-abcdef0123456789"};
  must(*store_, {JobOpened{"job"}, failed});
  const std::string data = store_->trail("job", 2, 1).value().at(0).data;
  EXPECT_EQ(data.find("abcdef"), std::string::npos) << data;
  EXPECT_NE(data.find("***"), std::string::npos) << data;
}

TEST(Memory, keeps_the_newest_two_trails_of_what_belongs_to_no_job) {
  Memory store;
  for (int day = 0; day < 4; ++day)
    must(store, {anonymous_end(day)}, noon + day * 24h);
  must(store, {JobOpened{"a"}, JobOpened{"job"}});
  EXPECT_EQ(store.trails("", 10).value(),
            (std::vector<std::string>{"a", "anonymous/2026-11-25/00001", "anonymous/2026-11-26/00001", "job"}));
}

TEST_P(Contract, giving_back_jobs_works_where_nothing_is_held) {
  EXPECT_TRUE(store_->let_go().has_value());
  EXPECT_TRUE(store_->contains(SaveId{12345}).has_value());
}

}  // namespace
}  // namespace holdfast::store
