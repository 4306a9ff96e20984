#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "holdfast/profiles/timeout_profiles.hpp"

// Any bytes are either profiles whose thresholds rise, or an error of the configuration.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using holdfast::Errc;
  using holdfast::milliseconds;
  try {
    const auto profiles =
        holdfast::TimeoutProfiles::parse({reinterpret_cast<const char*>(data), size}, "fuzzed.json");
    for (const auto& patience : profiles.patience_profiles()) {
      for (const std::string& type : profiles.provider_types()) {
        const auto profile = profiles.for_provider("Ollama", patience.name, type);
        const bool rises = profile.normal_threshold <= profile.extended_threshold &&
                           profile.extended_threshold <= profile.deep_wait_threshold;
        if (!rises || profile.stall_threshold() < milliseconds(0)) std::abort();
      }
    }
    if (profiles.stall_options().empty() || profiles.sweep_interval() < milliseconds(1)) std::abort();
  } catch (const holdfast::Error& error) {
    if (error.errc() != Errc::config) std::abort();
  }
  return 0;
}
