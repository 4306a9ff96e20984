#include "holdfast/core/news.hpp"

namespace holdfast {
namespace {

struct Name {
  std::string_view operator()(const JobOpened&) const { return "job.opened"; }
  std::string_view operator()(const JobClosed&) const { return "job.closed"; }
  std::string_view operator()(const LockTaken&) const { return "lock.created"; }
  std::string_view operator()(const LockEnded&) const { return "lock.ended"; }
  std::string_view operator()(const Refused&) const { return "refused"; }
  std::string_view operator()(const OperationStarted&) const { return "operation.started"; }
  std::string_view operator()(const OperationEnded&) const { return "operation.ended"; }
  std::string_view operator()(const CategoryChanged&) const { return "operation.category"; }
  std::string_view operator()(const OperationProgress&) const { return "operation.progress"; }
  std::string_view operator()(const StallSuspected&) const { return "stall.suspected"; }
  std::string_view operator()(const StallResolved&) const { return "stall.resolved"; }
  std::string_view operator()(const QuestionOpened&) const { return "question.opened"; }
  std::string_view operator()(const QuestionAnswered&) const { return "question.answered"; }
  std::string_view operator()(const QuestionClosed&) const { return "question.closed"; }
  std::string_view operator()(const ProviderHardError&) const { return "provider.hard_error"; }
  std::string_view operator()(const FallbackDecision&) const { return "fallback.decided"; }
  std::string_view operator()(const ConsentGiven&) const { return "consent.given"; }
  std::string_view operator()(const ConsentApplied&) const { return "consent.applied"; }
  std::string_view operator()(const Cancelled&) const { return "cancelled"; }
  std::string_view operator()(const StageStarted&) const { return "stage.started"; }
  std::string_view operator()(const StageFinished&) const { return "stage.finished"; }
};

struct Job {
  const std::string& operator()(const LockTaken& news) const { return news.lock.job_id; }
  const std::string& operator()(const LockEnded& news) const { return news.lock.job_id; }
  const std::string& operator()(const QuestionOpened& news) const { return news.question.job_id; }
  const std::string& operator()(const StageFinished& news) const { return news.step.job_id; }
  const std::string& operator()(const auto& news) const { return news.job_id; }
};

struct Recorded {
  bool operator()(const CategoryChanged&) const { return false; }
  bool operator()(const OperationProgress&) const { return false; }
  bool operator()(const QuestionClosed&) const { return false; }
  bool operator()(const ProviderHardError&) const { return false; }  // its operation's end records it
  bool operator()(const StageStarted&) const { return false; }
  bool operator()(const OperationStarted& news) const { return !news.queued; }
  bool operator()(const auto&) const { return true; }
};

}  // namespace

std::string_view event_name(const News& news) noexcept {
  return std::visit(Name{}, news);
}
const std::string& job_of(const News& news) noexcept {
  return std::visit(Job{}, news);
}
bool is_record(const News& news) noexcept {
  return std::visit(Recorded{}, news);
}

}  // namespace holdfast
