#include "holdfast/jobs/answer_desk.hpp"

#include <ranges>

#include "holdfast/base/name.hpp"

namespace holdfast::jobs {

AnswerDesk::AnswerDesk(Gateway& gateway, std::string job_id)
    : gateway_(gateway),
      job_id_(std::move(job_id)),
      news_(gateway.on_news([this](const Notice& notice) { hear(*notice.news); })) {}

void AnswerDesk::hear(const News& news) {
  if (job_of(news) != job_id_) return;
  const std::lock_guard lock(mutex_);
  if (const auto* answered = std::get_if<QuestionAnswered>(&news)) {
    if (answered->kind != QuestionKind::stall) answers_[answered->operation_id] = answered->option;
  } else if (const auto* opened = std::get_if<QuestionOpened>(&news)) {
    const bool of_a_failure = opened->question.kind == QuestionKind::hard_error;
    if (of_a_failure) asked_[opened->question.operation_id] = opened->question.ask;
  } else if (const auto* question = std::get_if<QuestionClosed>(&news)) {
    const auto asked = asked_.find(question->operation_id);
    if (asked != asked_.end() && asked->second == question->ask && question->by == "end") left_.insert(asked->first);
  } else if (std::holds_alternative<LockTaken>(news)) {
    ++locks_taken_;
  } else if (const auto* cancelled = std::get_if<Cancelled>(&news)) {
    if (cancelled->operation_id.empty()) cancel_recorded_ = cancelled->recorded;
  } else if (const auto* closed = std::get_if<JobClosed>(&news)) {
    closed_ = true;
    cancelled_ = closed->state == JobState::cancelled;
  }
  changed_.notify_all();
}

AnswerDesk::Verdict AnswerDesk::wait(const std::string& operation_id, const std::string& stage,
                                     const std::string& failed_on, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (closed_ || stop.stop_requested()) return Verdict::cancelled;
    if (const auto answer = answers_.find(operation_id); answer != answers_.end()) {
      return answer->second == "cancel_job" ? Verdict::cancelled : Verdict::run_again;
    }
    const std::uint64_t seen = locks_taken_;
    const bool left = left_.contains(operation_id);
    lock.unlock();
    const std::string now_on = governing_provider(gateway_, job_id_, stage);
    lock.lock();
    if (closed_) return Verdict::cancelled;
    const bool moved = left || (!failed_on.empty() && !same_name(now_on, failed_on));
    if (moved && !now_on.empty()) return Verdict::run_again;
    changed_.wait(lock, stop, [&] {
      return closed_ || answers_.contains(operation_id) || locks_taken_ != seen || left_.contains(operation_id) != left;
    });
  }
}

void AnswerDesk::wait_for_lock(const std::string& stage, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!closed_ && !stop.stop_requested()) {
    const std::uint64_t seen = locks_taken_;
    lock.unlock();
    const bool governed = !governing_provider(gateway_, job_id_, stage).empty();
    lock.lock();
    if (governed) return;
    changed_.wait(lock, stop, [&] { return closed_ || locks_taken_ != seen; });
  }
}

bool AnswerDesk::job_cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

bool AnswerDesk::cancel_recorded() const {
  const std::lock_guard lock(mutex_);
  return cancel_recorded_;
}

bool AnswerDesk::job_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::string governing_provider(Gateway& gateway, const std::string& job_id, const std::string& stage) {
  const std::vector<ProviderLock> locks = gateway.provider_locks(job_id);
  for (const ProviderLock& lock : std::views::reverse(locks)) {
    if (lock.active() && lock.governed().contains(stage)) return lock.provider_name;
  }
  return {};
}

}  // namespace holdfast::jobs
