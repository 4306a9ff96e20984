#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "holdfast/profiles/timeout_profiles.hpp"

namespace {

using holdfast::milliseconds;

constexpr milliseconds longest{366LL * 24 * 3600 * 1000};

void check(const holdfast::TimeoutProfile& profile) {
  const bool rises =
      milliseconds(1) <= profile.normal_threshold && profile.normal_threshold <= profile.extended_threshold &&
      profile.extended_threshold <= profile.deep_wait_threshold && profile.deep_wait_threshold <= longest;
  const auto is_patience = [](milliseconds silence) { return milliseconds(1) <= silence && silence <= longest; };
  if (!rises || !is_patience(profile.heartbeat_interval) || !is_patience(profile.stall_threshold())) std::abort();
  if (profile.first_progress_threshold && !is_patience(*profile.first_progress_threshold)) std::abort();
  if (profile.terms({}, {}, true, {}).stall != profile.stall_threshold()) std::abort();
  if (profile.terms({}, {}, false, {}).stall != profile.deep_wait_threshold) std::abort();
  if (holdfast::to_json(profile).empty()) std::abort();
}

}  // namespace

// Any bytes are either profiles whose thresholds are positive and rise, or an error of the configuration.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto profiles = holdfast::TimeoutProfiles::parse({reinterpret_cast<const char*>(data), size}, "fuzzed.json");
    for (const auto& patience : profiles.patience_profiles()) {
      for (const std::string& type : profiles.provider_types())
        check(profiles.for_provider("x", patience.name, type));
      for (const auto* name : {"Ollama", "my-openai-box", "Unheard", ""}) {
        check(profiles.for_provider(name, patience.name));
      }
    }
    for (const auto& [provider, type] : profiles.mapped_providers()) {
      if (profiles.type_of(provider) != type) std::abort();
    }
    bool waits = false;
    for (const holdfast::AnswerOption& option : profiles.stall_options()) {
      waits = waits || (option.id == holdfast::wait_until_done && option.action == holdfast::AnswerAction::wait);
      if ((option.action == holdfast::AnswerAction::extend) != (option.extension > milliseconds(0))) std::abort();
    }
    if (!waits || profiles.messages().size() != 5 || profiles.sweep_interval() < milliseconds(1)) std::abort();
  } catch (const holdfast::Error& error) {
    if (error.errc() != holdfast::Errc::config || std::string_view(error.what()).substr(0, 12) != "fuzzed.json:")
      std::abort();
  }
  return 0;
}
