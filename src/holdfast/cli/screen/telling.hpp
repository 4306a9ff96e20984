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

/// One line about what happened, harmless on a terminal; empty where it is not worth a line.
std::string told(const News& news, const CategoryWording& wording);

/// The question as lines: who is asked about, the evidence, the alternatives, the options with their ids.
std::vector<std::string> told_question(const Question& question);

/// "OpenAI (cloud_llm, gpt-4o, needs the network)"; says why where it is not allowed.
std::string told_alternative(const Alternative& alternative);

/// "eSpeak exited with status 1: …"
std::string told_fault(const ProviderFault& fault);

/// "Ollama → OpenAI for refinement after 2 min 14 s (USER_AFTER_STALL), confirmed by ana"
std::string told_decision(const FallbackDecision& decision);

}  // namespace holdfast::cli
