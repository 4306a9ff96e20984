#include "holdfast/cli/kept/questions.hpp"

#include <ostream>

#include "holdfast/base/name.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/telling.hpp"

namespace holdfast::cli {

std::size_t items_of(const control::Remote& remote, const Question& question) {
  try {
    for (const StageRow& each : job_of(remote, question.job_id).stages) {
      if (same_name(each.stage_name, question.stage_name)) return each.items;
    }
  } catch (const Error&) {
    // The question can be answered all the same.
  }
  return 0;
}

void print_question(const Question& question, std::size_t items, const std::string& holdfast, std::ostream& out) {
  const std::string item = item_of(question.job_id, question.stage_name, question.correlation_id, items);
  out << harmless(question.operation_id + "  " + question.job_id + ", stage " + question.stage_name +
                  (item.empty() ? "" : " (" + item + ")") + " on " + question.provider_name + ": ")
      << name(question.kind) << "\n  " << harmless(question.evidence) << "\n";
  for (const AnswerCommand& each : answer_commands(question, holdfast))
    out << "  " << each.command << "   " << each.label << "\n";
  for (const Alternative& each : question.alternatives) {
    if (!each.allowed) out << "  alternative: " << told_alternative(each) << "\n";
  }
}

}  // namespace holdfast::cli
