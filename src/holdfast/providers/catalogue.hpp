#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/provider.hpp"
#include "holdfast/providers/provider_config.hpp"

namespace holdfast::process {
class Spawner;
}

namespace holdfast::providers {

/// The value of an environment variable; nothing where it is not set or empty.
using EnvironmentValue = std::function<std::optional<std::string>(std::string_view)>;
/// This process's own.
std::optional<std::string> environment_value(std::string_view name);

/// The providers that there are: built in (RuleBased, eSpeak, FFmpegCards, FFmpeg), and configured ones, which replace
/// built-in ones of the same name.
///
/// Threads: immutable. `spawner` outlives the catalogue.
class Catalogue {
 public:
  /// Throws `Error` config where a configured provider cannot be made. What only prevents one from working (a key that
  /// is not there, a protocol that only the proxy speaks) is among its `problems` instead.
  Catalogue(const std::vector<ProviderConfig>& configured, const TimeoutProfiles& profiles, process::Spawner& spawner,
            const EnvironmentValue& environment = environment_value);

  const Provider* find(std::string_view name) const;  ///< names compare without regard to ASCII case
  /// Runs a stage's own command, whatever the provider is called that the stage is locked to. Not one of `all`.
  const Provider& own_commands() const { return *own_commands_; }
  const std::vector<std::unique_ptr<Provider>>& all() const { return providers_; }
  /// What the gateway is told of them: all that they serve to anybody.
  std::vector<ProviderInfo> infos() const;
  /// The same for a gateway that runs jobs only: who can run stages, with the kinds that they can run.
  std::vector<ProviderInfo> job_infos() const;

 private:
  std::unique_ptr<Provider> own_commands_;
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace holdfast::providers
