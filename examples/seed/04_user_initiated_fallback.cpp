// The user decides to switch: confirmed, recorded, and only then locked to the new provider.
#include <holdfast/holdfast.hpp>
#include <iostream>

namespace {

/// Where the application shows its own dialog.
bool show_confirmation_dialog(const std::string& title, const std::string& text) {
  std::cout << title << '\n' << text << '\n' << "[x] Yes\n";
  return true;
}

bool switch_provider(holdfast::Gateway& gateway, const std::string& job_id, const std::string& from,
                     const std::string& to, std::chrono::milliseconds elapsed, const std::string& correlation_id) {
  const bool confirmed =
      show_confirmation_dialog("Switch from " + from + " to " + to + "?",
                               "The style may change. Finished work is kept; what comes next is made by " + to + ".");
  if (!confirmed) return false;

  const auto decision = holdfast::FallbackDecision::user_requested(job_id, from, to, elapsed, correlation_id,
                                                                   {"script-generation", "refinement"});
  gateway.record_fallback_decision(decision);
  const auto lock = gateway.lock_provider({.job_id = job_id,
                                           .provider_name = to,
                                           .provider_type = "cloud_llm",
                                           .correlation_id = correlation_id,
                                           .overridable = true});
  std::cout << "Provider locked: " << lock << '\n';
  return true;
}

}  // namespace

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  gateway.lock_provider({.job_id = "job-12345",
                         .provider_name = "Ollama",
                         .provider_type = "local_llm",
                         .correlation_id = "corr-67890",
                         .overridable = true,
                         .stages = {"script-generation", "refinement"}});
  const bool switched = switch_provider(gateway, "job-12345", "Ollama", "OpenAI", 48s, "corr-67890");
  std::cout << "Switched: " << (switched ? "True" : "False") << '\n';
}
