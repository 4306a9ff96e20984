#include "holdfast/store/image.hpp"

#include <algorithm>

namespace holdfast::store {
namespace {

bool leave(Stage& stage, OperationPhase outcome) {
  if (stage.row.state == StageState::done) return false;
  switch (outcome) {
    case OperationPhase::failed:
      stage.row.state = StageState::failed;
      return true;
    case OperationPhase::cancelled:
      stage.row.state = StageState::cancelled;
      return true;
    case OperationPhase::interrupted:
      stage.row.state = StageState::interrupted;
      return true;
    // Where whole jobs are run, `StageFinished` says when a stage is done; elsewhere its operation is all there is.
    case OperationPhase::completed:
      if (stage.planned) return false;
      stage.row.state = StageState::done;
      stage.row.items_done = stage.row.items;
      return true;
    case OperationPhase::switched:
      if (stage.planned) return false;
      stage.row.state = StageState::pending;
      return true;
    case OperationPhase::queued:
    case OperationPhase::running:
      return false;
  }
  __builtin_unreachable();
}

struct Change {
  Stage& stage;

  bool run() const {
    if (stage.finished || stage.row.state == StageState::running) return false;
    if (stage.row.state == StageState::done) stage.row.items_done = 0;  // once more
    stage.row.state = StageState::running;
    return true;
  }
  bool operator()(const OperationStarted&) const { return run(); }
  bool operator()(const OperationEnded& record) const { return leave(stage, record.outcome); }
  bool operator()(const StageStarted& record) const {
    stage.row.items = record.items;
    run();
    return true;
  }
  bool operator()(const StageFinished& record) const {
    stage.row.items = record.step.items;
    stage.row.items_done = record.step.items_done;
    stage.finished = stage.finished || record.step.finished;
    stage.row.state = stage.finished ? StageState::done : StageState::running;
    return true;
  }
  bool operator()(const auto&) const { return false; }
};

/// Stages that begin from their start in a resumed job.
bool begins_anew(const JobOpened& record, std::string_view stage) {
  return std::ranges::any_of(record.anew, [&](const std::string& each) { return same_name(each, stage); });
}

struct Fold {
  event::JobImage& job;

  void operator()(const JobOpened& record) const {
    if (!record.name.empty() || !record.resumed) job.name = record.name;
    if (!record.patience.empty() || !record.resumed) job.patience = record.patience;
    job.state = JobState::running;
    std::erase_if(job.finished_stages, [&](const std::string& each) { return begins_anew(record, each); });
    if (record.resumed) return;
    job.consents.clear();
    job.finished_stages.clear();
  }
  void operator()(const JobClosed& record) const { job.state = record.state; }
  void operator()(const LockTaken& record) const {
    job.locks.push_back(record.lock);
    job.epoch = std::max(job.epoch, record.lock.epoch);
  }
  void operator()(const LockEnded& record) const {
    const auto lock = std::ranges::find_if(job.locks, [&](const ProviderLock& each) {
      return each.active() && each.epoch == record.lock.epoch && each.governed() == record.lock.governed();
    });
    if (lock != job.locks.end()) *lock = record.lock;
    job.epoch = std::max(job.epoch, record.epoch);
  }
  void operator()(const ConsentGiven& record) const { job.consents.push_back(record.consent); }
  void operator()(const StageFinished& record) const {
    const bool known = std::ranges::any_of(
        job.finished_stages, [&](const std::string& each) { return same_name(each, record.step.stage_name); });
    if (record.step.finished && !known) job.finished_stages.push_back(record.step.stage_name);
  }
  void operator()(const auto&) const {}  // recorded, and changes nothing about the job's row
};

struct StageOf {
  std::string_view operator()(const OperationStarted& record) const { return record.stage_name; }
  std::string_view operator()(const OperationEnded& record) const { return record.stage_name; }
  std::string_view operator()(const StageStarted& record) const { return record.stage_name; }
  std::string_view operator()(const StageFinished& record) const { return record.step.stage_name; }
  std::string_view operator()(const auto&) const { return {}; }
};

}  // namespace

bool change(Stage& stage, const News& record) {
  return std::visit(Change{stage}, record);
}

std::string_view stage_of(const News& record) {
  return std::visit(StageOf{}, record);
}

std::vector<std::pair<std::size_t, std::string>> placed(const StageProgress& step, std::size_t known) {
  std::vector<std::pair<std::size_t, std::string>> out;
  out.reserve(step.artifacts.size());
  const bool all = step.item == 0 && step.artifacts.size() == step.items;
  std::size_t item = step.item != 0 ? step.item : all ? 1 : known + 1;
  for (const std::string& artifact : step.artifacts)
    out.emplace_back(item++, artifact);
  return out;
}

bool has_owner(JobState state) {
  return state == JobState::running || state == JobState::waiting || state == JobState::interrupted;
}
bool is_active(JobState state) {
  return has_owner(state) || state == JobState::failed;
}
bool is_over(JobState state) {
  return !is_active(state);
}

void count(Statistics& statistics, const News& record) {
  if (const auto* decision = std::get_if<FallbackDecision>(&record)) {
    ++statistics.total_fallback_decisions;
    switch (decision->reason_code) {
      case ReasonCode::user_request:
        ++statistics.user_requested_fallbacks;
        break;
      case ReasonCode::user_after_stall:
        ++statistics.after_stall_fallbacks;
        break;
      case ReasonCode::provider_fatal_error:
        ++statistics.error_triggered_fallbacks;
        break;
      case ReasonCode::legacy_auto:
        break;
    }
  } else if (const auto* question = std::get_if<QuestionOpened>(&record)) {
    if (question->question.kind == QuestionKind::stall) ++statistics.stall_questions;
  } else if (const auto* resolved = std::get_if<StallResolved>(&record)) {
    if (resolved->by == "progress") ++statistics.stalls_resolved_by_progress;
  }
}

Stage& Book::stage(std::string_view name) {
  const auto found =
      std::ranges::find_if(stages, [&](const Stage& each) { return same_name(each.row.stage_name, name); });
  if (found != stages.end()) return *found;
  stages.push_back({.row = {.stage_name = std::string(name)}});
  return stages.back();
}

void Book::open(const JobOpened& record, WallTime time) {
  if (!opened || !record.resumed) {
    opened_at = time;
    stages.clear();
    plan.reset();
  }
  opened = true;
  closed_at.reset();
  for (Stage& each : stages) {
    if (begins_anew(record, each.row.stage_name))
      each = {.row = {.stage_name = each.row.stage_name}, .planned = each.planned};
  }
  if (!record.plan) return;
  plan = record.plan;
  for (const StagePlan& each : plan->stages)
    stage(each.name).planned = true;
}

void Book::add(const News& record, WallTime time) {
  if (const auto* job = std::get_if<JobOpened>(&record)) open(*job, time);
  if (const auto* closed = std::get_if<JobClosed>(&record)) {
    closed_at = time;
    for (Stage& each : stages) {
      if (closed->state == JobState::cancelled && each.row.state == StageState::running) {
        each.row.state = StageState::cancelled;
      }
    }
  }
  std::visit(Fold{image}, record);
  const std::string_view name = stage_of(record);
  if (name.empty()) return;
  Stage& of = stage(name);
  change(of, record);
  if (const auto* finished = std::get_if<StageFinished>(&record)) {
    for (const auto& [item, artifact] : placed(finished->step, of.row.artifacts.size())) {
      if (of.row.artifacts.size() < item) of.row.artifacts.resize(item);
      of.row.artifacts[item - 1] = artifact;
    }
  }
}

JobRow Book::row(const std::string& job_id) const {
  JobRow row{.job_id = job_id,
             .name = image.name,
             .patience = image.patience,
             .state = image.state,
             .epoch = image.epoch,
             .opened_at = opened_at,
             .closed_at = closed_at,
             .locks = image.locks,
             .stages = {},
             .plan = plan,
             .owner = {},
             .consents = {}};
  if (is_active(row.state)) row.consents = image.consents;
  for (const Stage& each : stages)
    row.stages.push_back(each.row);
  return row;
}

}  // namespace holdfast::store
