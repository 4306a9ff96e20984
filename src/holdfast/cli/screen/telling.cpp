#include "holdfast/cli/screen/telling.hpp"

#include <algorithm>

#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

std::string by(const std::string& who) {
  return who.empty() ? std::string() : " by " + who;
}

std::string counted(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

std::string stages_of(const ProviderLock& lock) {
  const StageSet governed = lock.governed();
  if (!governed.all()) return governed.text();
  std::string out = "all stages";
  for (const std::string& each : governed.except)
    out += (out == "all stages" ? " but " : ", ") + each;
  return out;
}

/// "tts-synthesis (item 2 of 12)"
std::string stage_and_item(const auto& news, std::size_t items) {
  const std::string item = item_of(news.job_id, news.stage_name, news.correlation_id, items);
  return news.stage_name + (item.empty() ? "" : " (" + item + ")");
}

/// "tts-synthesis (item 2 of 12) on eSpeak"
std::string place(const auto& news, std::size_t items) {
  if (news.stage_name.empty()) return news.provider_name;
  const std::string stage = stage_and_item(news, items);
  return news.provider_name.empty() ? stage : stage + " on " + news.provider_name;
}

struct Told {
  const CategoryWording& wording;
  const ItemCounts& counts;

  std::size_t items(const std::string& stage) const { return counts ? counts(stage) : 0; }
  std::string where(const auto& news) const { return place(news, items(news.stage_name)); }

  std::string operator()(const JobOpened& news) const {
    return "job " + news.job_id + " opened" + (news.patience.empty() ? "" : ", patience " + news.patience);
  }
  std::string operator()(const JobClosed& news) const {
    return "job " + news.job_id + " " + std::string(name(news.state)) + by(news.by);
  }
  std::string operator()(const LockTaken& news) const {
    return stages_of(news.lock) + ": locked to " + news.lock.provider_name +
           (news.lock.overridable ? "" : ", absolutely");
  }
  std::string operator()(const LockEnded& news) const {
    if (news.lock.state == LockState::released) return {};  // every job ends so
    return stages_of(news.lock) + ": lock on " + news.lock.provider_name + " " + std::string(name(news.lock.state)) +
           (news.lock.reason.empty() ? "" : " (" + news.lock.reason + ")");
  }
  std::string operator()(const Refused& news) const { return "refused: " + news.message; }
  std::string operator()(const OperationStarted& news) const {
    return news.queued ? where(news) + ": queued, waits for its turn" : std::string();
  }
  std::string operator()(const OperationEnded& news) const {
    if (news.outcome == OperationPhase::completed || news.outcome == OperationPhase::failed) return {};
    return where(news) + ": " + std::string(name(news.outcome)) + " after " + spoken(news.elapsed);
  }
  std::string operator()(const CategoryChanged& news) const {
    if (news.longer_than_usual) {
      return where(news) + ": longer than usual for " + news.provider_type + " (" + spoken(news.elapsed) + ")";
    }
    if (news.to == LatencyCategory::StallSuspected || news.to == LatencyCategory::Error) return {};  // told by others
    return where(news) + ": " + wording(news.to, news.provider_type, news.provider_name).label + ", after " +
           spoken(news.elapsed);
  }
  std::string operator()(const OperationProgress&) const { return {}; }
  std::string operator()(const StallSuspected& news) const {
    return where(news) + ": no progress for " + spoken(news.elapsed_since_last_progress);
  }
  std::string operator()(const StallResolved& news) const {
    if (news.by == "progress") return where(news) + ": progress again; the question is withdrawn";
    return news.by == "end" ? where(news) + ": ended; the question is withdrawn" : std::string();
  }
  std::string operator()(const QuestionOpened&) const { return {}; }
  std::string operator()(const QuestionAnswered& news) const {
    const std::string who = news.by.empty() ? "somebody" : news.by;
    return stage_and_item(news, items(news.stage_name)) + ": " + who + " answered " + news.option +
           (news.provider.empty() ? "" : ", " + news.provider) + " (" + news.door + ")" +
           (news.recorded ? "" : "; it could not be recorded");
  }
  std::string operator()(const QuestionClosed&) const { return {}; }
  std::string operator()(const ProviderHardError& news) const { return where(news) + ": " + told_fault(news.fault); }
  std::string operator()(const FallbackDecision& news) const { return "switched: " + told_decision(news); }
  std::string operator()(const ConsentGiven& news) const {
    return "consent given" + by(news.consent.given_by) + ": " + news.consent.text();
  }
  std::string operator()(const ConsentApplied& news) const { return "consent applied: " + news.consent.text(); }
  std::string operator()(const Cancelled& news) const {
    if (news.operation_id.empty()) return {};  // the job's end tells it
    return "operation " + news.operation_id + " cancelled" + by(news.by);
  }
  std::string operator()(const StageStarted& news) const {
    return news.stage_name + (news.provider_name.empty() ? "" : " on " + news.provider_name) + ": started" +
           (news.items == 1 ? "" : ", " + counted(news.items, "item"));
  }
  std::string operator()(const StageFinished& news) const {
    const StageProgress& step = news.step;
    if (step.finished) return step.stage_name + ": done" + (step.items == 1 ? "" : ", " + counted(step.items, "item"));
    return step.stage_name + ": " + std::to_string(step.items_done) + " of " + counted(step.items, "item") + " done";
  }
};

}  // namespace

std::string item_of(const std::string& job_id, const std::string& stage_name, const std::string& correlation_id,
                    std::size_t items) {
  const std::string stage = job_id + "/" + stage_name + "/";
  if (stage_name.empty() || !correlation_id.starts_with(stage)) return {};
  const std::string_view number = std::string_view(correlation_id).substr(stage.size());
  if (number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos) return {};
  if (items <= 1 && number == "1") return {};
  return "item " + std::string(number) + (items > 1 ? " of " + std::to_string(items) : "");
}

std::string told(const News& news, const CategoryWording& wording, const ItemCounts& items) {
  return harmless(std::visit(Told{wording, items}, news));
}

std::string told_alternative(const Alternative& alternative) {
  std::string what = alternative.provider_type;
  if (!alternative.model.empty()) what += ", " + alternative.model;
  if (alternative.requires_network) what += ", needs the network";
  if (alternative.normal_threshold) what += ", normally within " + spoken(*alternative.normal_threshold);
  if (alternative.failed_here) what += ", failed here before";
  std::string out = alternative.provider_name + " (" + what + ")";
  if (!alternative.allowed) out += ": not possible, " + alternative.why_not;
  return harmless(out);
}

std::vector<std::string> told_question(const Question& question, const std::string& holdfast, std::size_t items) {
  std::vector<std::string> out;
  const std::string kind = question.kind == QuestionKind::stall        ? "is it stalled?"
                           : question.kind == QuestionKind::hard_error ? "it failed"
                                                                       : "it was interrupted";
  out.push_back(harmless("question " + std::to_string(question.ask) + " about " + place(question, items) + " (" +
                         question.operation_id + "): " + kind));
  if (!question.evidence.empty()) out.push_back(harmless(question.evidence));
  for (const Alternative& each : question.alternatives)
    out.push_back("alternative: " + told_alternative(each));
  const auto commands = holdfast.empty() ? std::vector<AnswerCommand>() : answer_commands(question, holdfast);
  for (const AnswerOption& each : question.options) {
    out.push_back(harmless("option " + each.id + ": " + told_option(question, each) +
                           (each.requires_confirmation ? " (asks for confirmation)" : "")));
    for (const AnswerCommand& command : commands) {
      if (command.option == each.id) out.push_back("  " + command.command);
    }
  }
  return out;
}

std::string told_option(const Question& question, const AnswerOption& option) {
  const bool useless =
      option.action == AnswerAction::fallback &&
      std::ranges::none_of(question.alternatives, [](const Alternative& each) { return each.allowed; });
  if (!useless) return option.label;
  return option.label + (question.alternatives.empty() ? " (none is configured)" : " (none is possible)");
}

namespace {

/// As far as the question tells.
bool can_apply(const StandingConsent& consent, const Question& question) {
  const AnswerAction wanted = consent.cancels() ? AnswerAction::cancel : AnswerAction::fallback;
  if (std::ranges::find(question.options, wanted, &AnswerOption::action) == question.options.end()) return false;
  return consent.cancels() || std::ranges::any_of(question.alternatives, [&](const Alternative& other) {
           return other.allowed && !other.failed_here && same_name(other.provider_name, consent.switch_to);
         });
}

}  // namespace

std::string told_outlook(const Question& question, const std::vector<StandingConsent>& consents, milliseconds silence) {
  if (question.kind == QuestionKind::interrupted) return {};
  const bool stall = question.kind == QuestionKind::stall;
  const StandingConsent* next = nullptr;
  for (const StandingConsent& each : consents) {
    if ((each.when == StandingConsent::When::stall) != stall || !can_apply(each, question)) continue;
    if (next == nullptr || each.minimum_silence < next->minimum_silence) next = &each;
  }
  if (next == nullptr) return {};
  const std::string given = "Given in advance: " + next->text() + ". ";
  if (!stall || next->minimum_silence <= silence) return harmless(given + "That comes now.");
  return harmless(given + "That comes in " + spoken(next->minimum_silence - silence) +
                  ", unless it makes progress or somebody answers before.");
}

std::vector<AnswerCommand> answer_commands(const Question& question, const std::string& holdfast) {
  std::vector<AnswerCommand> out;
  for (const AnswerOption& each : question.options) {
    const std::string command =
        holdfast + " answer " + shell_quoted(question.operation_id) + " " + shell_quoted(each.id);
    const std::string confirm = each.requires_confirmation ? " --confirm" : "";
    if (each.action != AnswerAction::fallback) {
      out.push_back({each.id, harmless(command + confirm), harmless(each.label)});
      continue;
    }
    for (const Alternative& other : question.alternatives) {
      if (!other.allowed) continue;
      out.push_back({each.id, harmless(command + " --provider " + shell_quoted(other.provider_name) + confirm),
                     harmless(each.label) + ": " + told_alternative(other)});
    }
  }
  return out;
}

std::string told_fault(const ProviderFault& fault) {
  std::string out(name(fault.error_class));
  if (fault.error_class == ErrorClass::none) out = "failed";
  if (fault.error_class == ErrorClass::command) out = "command failed";
  if (fault.error_class == ErrorClass::other) out = "failed";
  if (fault.status != 0) out += ", status " + std::to_string(fault.status);
  if (!fault.code.empty()) out += ", " + fault.code;
  if (!fault.message.empty()) out += ": " + fault.message;
  return harmless(out);
}

std::string told_decision(const FallbackDecision& decision) {
  std::string out = decision.from_provider + " → " + decision.to_provider;
  std::string stages;
  for (const std::string& each : decision.affected_stages)
    stages += (stages.empty() ? " for " : ", ") + each;
  out += stages + " after " + spoken(decision.elapsed_before_switch) + " (" + std::string(name(decision.reason_code)) +
         ")";
  if (decision.user_confirmed) out += ", confirmed" + by(decision.decided_by);
  return harmless(out);
}

}  // namespace holdfast::cli
