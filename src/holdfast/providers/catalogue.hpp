#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "holdfast/providers/provider.hpp"
#include "holdfast/providers/provider_config.hpp"

namespace holdfast::process {
class Spawner;
}

namespace holdfast::providers {

/// The providers that there are: built in (RuleBased, eSpeak, FFmpegCards, FFmpeg), and configured ones, which replace
/// built-in ones of the same name.
///
/// Threads: immutable. `spawner` outlives the catalogue.
class Catalogue {
 public:
  /// Throws `Error` config where a configured provider cannot be made.
  Catalogue(const std::vector<ProviderConfig>& configured, const TimeoutProfiles& profiles, process::Spawner& spawner);

  const Provider* find(std::string_view name) const;  ///< names compare without regard to ASCII case
  /// Runs a stage's own command, whatever the provider is called that the stage is locked to. Not one of `all`.
  const Provider& own_commands() const { return *own_commands_; }
  const std::vector<std::unique_ptr<Provider>>& all() const { return providers_; }
  /// What the gateway is told of them.
  std::vector<ProviderInfo> infos() const;

 private:
  std::unique_ptr<Provider> own_commands_;
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace holdfast::providers
