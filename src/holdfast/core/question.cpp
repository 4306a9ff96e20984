#include "holdfast/core/question.hpp"

#include <algorithm>
#include <limits>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast {

std::string_view name(QuestionKind kind) noexcept {
  switch (kind) {
    case QuestionKind::stall:
      return "stall";
    case QuestionKind::hard_error:
      return "hard_error";
    case QuestionKind::interrupted:
      return "interrupted";
  }
  __builtin_unreachable();
}

const AnswerOption* Question::option(std::string_view id) const {
  const auto found = std::ranges::find(options, id, &AnswerOption::id);
  return found == options.end() ? nullptr : &*found;
}

std::string Question::option_ids() const {
  std::string out;
  for (const AnswerOption& each : options)
    out += (out.empty() ? "" : ", ") + each.id;
  return out;
}

bool Answer::repeats(const Answer& first) const {
  const bool same_question = ask == first.ask || ask == 0 || first.ask == 0;
  return !idempotency_key.empty() && idempotency_key == first.idempotency_key && same_question &&
         option == first.option && same_name(provider, first.provider) && confirmed == first.confirmed;
}

QuestionTable::Open* QuestionTable::find(OperationId operation) {
  const auto found = open_.find(operation);
  return found == open_.end() ? nullptr : &found->second;
}

const QuestionTable::Open* QuestionTable::find(OperationId operation) const {
  const auto found = open_.find(operation);
  return found == open_.end() ? nullptr : &found->second;
}

QuestionTable::Open& QuestionTable::open(OperationId operation, Open question) {
  const auto [place, fresh] = open_.emplace(operation, std::move(question));
  HOLDFAST_CHECK(fresh, "an operation has one open question at a time");
  const Question& asked = place->second.question;
  if (asked.kind != QuestionKind::stall) failures_[asked.job_id].insert(operation);
  return place->second;
}

void QuestionTable::close(OperationId operation, Closed closed) {
  const auto found = open_.find(operation);
  HOLDFAST_CHECK(found != open_.end(), "a question closes exactly once");
  const std::pair key{operation, found->second.question.ask};
  if (const auto job = failures_.find(found->second.question.job_id); job != failures_.end()) {
    job->second.erase(operation);
    if (job->second.empty()) failures_.erase(job);
  }
  open_.erase(found);
  closed_[key] = std::move(closed);
  closed_in_order_.push_back(key);
  if (closed_in_order_.size() > limits::closed_questions_kept_max) {
    closed_.erase(closed_in_order_.front());
    closed_in_order_.pop_front();
  }
}

const std::set<OperationId>& QuestionTable::failures_of(const std::string& job_id) const {
  static const std::set<OperationId> none;
  const auto found = failures_.find(job_id);
  return found == failures_.end() ? none : found->second;
}

const QuestionTable::Closed* QuestionTable::closed(OperationId operation, int ask) const {
  if (ask > 0) {
    const auto found = closed_.find({operation, ask});
    return found == closed_.end() ? nullptr : &found->second;
  }
  auto after = closed_.upper_bound({operation, std::numeric_limits<int>::max()});
  if (after == closed_.begin()) return nullptr;
  --after;
  return after->first.first == operation ? &after->second : nullptr;
}

const QuestionTable::Closed* QuestionTable::repeated(OperationId operation, const Answer& answer) const {
  if (answer.ask != 0) return nullptr;  // it says which question it means
  for (auto each = closed_.lower_bound({operation, 0}); each != closed_.end() && each->first.first == operation;
       ++each) {
    if (each->second.by == ClosedBy::answer && answer.repeats(each->second.answer)) return &each->second;
  }
  return nullptr;
}

std::vector<AnswerOption> failure_options() {
  return {{.id = "try_again", .label = "Try Again (same provider)", .action = AnswerAction::retry},
          {.id = "try_alternative",
           .label = "Try Alternative Provider",
           .action = AnswerAction::fallback,
           .requires_confirmation = true},
          {.id = "cancel_job",
           .label = "Cancel Job",
           .action = AnswerAction::cancel,
           .requires_confirmation = true,
           .offer_partial_artifacts = true}};
}

}  // namespace holdfast
