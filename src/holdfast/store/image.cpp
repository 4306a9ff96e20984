#include "holdfast/store/image.hpp"

#include <algorithm>

namespace holdfast::store {
namespace {

struct Fold {
  event::JobImage& job;

  void operator()(const JobOpened& record) const {
    job.name = record.name;
    job.patience = record.patience;
    job.state = JobState::running;
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
    if (record.step.finished) job.finished_stages.push_back(record.step.stage_name);
  }
  void operator()(const auto&) const {}  // recorded, and changes nothing about the job's row
};

}  // namespace

void fold(event::JobImage& job, const News& record) {
  std::visit(Fold{job}, record);
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

}  // namespace holdfast::store
