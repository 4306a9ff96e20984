#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/news.hpp"

/// News in sentences, for people.
namespace holdfast::cli {

/// How a latency category is called, and what is said about it; both from the profiles' `uiMessaging`.
struct CategoryWords {
  std::string label{};
  std::string hint{};  ///< empty: none
};

using CategoryWording =
    std::function<CategoryWords(LatencyCategory, const std::string& provider_type, const std::string& provider_name)>;

/// How many items a stage has; 0 where nobody knows.
using ItemCounts = std::function<std::size_t(const std::string& stage_name)>;

/// Which item of its stage a call is for: "item 2 of 4". A job's correlation ids say it, JOB/STAGE/2. Empty where it
/// has one item only, or where it is no call of a job's stage.
std::string item_of(const std::string& job_id, const std::string& stage_name, const std::string& correlation_id,
                    std::size_t items);

/// One line about what happened, harmless on a terminal; empty where it is not worth a line. `items` empty: unknown.
std::string told(const News& news, const CategoryWording& wording, const ItemCounts& items = {});

/// The question as lines: who is asked about, the evidence, the alternatives, the options with their ids. Below each
/// option stand the commands that answer with it, unless `holdfast` is empty; see `answer_commands`.
std::vector<std::string> told_question(const Question& question, const std::string& holdfast, std::size_t items = 0);

/// What an option does, and where it can do nothing now, that.
std::string told_option(const Question& question, const AnswerOption& option);

/// What a consent will do about an open question, and when; empty where none will. `silence`: without progress by now.
std::string told_outlook(const Question& question, const std::vector<StandingConsent>& consents, milliseconds silence);

/// A command that answers a question, as it can be pasted into a shell.
struct AnswerCommand {
  std::string option{};  ///< its id
  std::string command{};
  std::string label{};  ///< what it does
};

/// One for each option, and for a switch one for each provider that may be switched to. `holdfast`: how it begins.
std::vector<AnswerCommand> answer_commands(const Question& question, const std::string& holdfast);

/// "OpenAI (cloud_llm, gpt-4o, needs the network, normally within 15 s)"; says why where it is not allowed.
std::string told_alternative(const Alternative& alternative);

/// "eSpeak exited with status 1: …"
std::string told_fault(const ProviderFault& fault);

/// "Ollama → OpenAI for refinement after 2 min 14 s (USER_AFTER_STALL), confirmed by ana"
std::string told_decision(const FallbackDecision& decision);

}  // namespace holdfast::cli
