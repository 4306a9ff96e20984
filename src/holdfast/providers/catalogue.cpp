#include "holdfast/providers/catalogue.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "holdfast/base/name.hpp"
#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/command_provider.hpp"

namespace holdfast::providers {
namespace {

constexpr std::array protocol_names = {"openai",  "anthropic", "ollama",   "elevenlabs",
                                       "sdwebui", "command",   "rulebased"};

std::string name_of(Protocol protocol) {
  return protocol_names[static_cast<std::size_t>(protocol)];
}

ProviderInfo info_of(const ProviderConfig& config, const TimeoutProfiles& profiles) {
  ProviderInfo info{.name = config.name,
                    .type = config.type.empty() ? profiles.type_of(config.name) : config.type,
                    .kinds = config.kinds,
                    .requires_network = config.requires_network.value_or(false),
                    .concurrent_max = static_cast<int>(config.concurrent_max)};
  for (const auto& [name, model] : config.models) {
    if (name == "default") info.model = model;
  }
  info.protocols.push_back(name_of(config.protocol));
  for (const Protocol each : config.speaks)
    info.protocols.push_back(name_of(each));
  // Ollama serves OpenAI's paths too.
  if (config.protocol == Protocol::ollama) info.protocols.push_back(name_of(Protocol::openai));
  return info;
}

/// Reached through `holdfast serve`, by clients that speak its language; a job file's stage cannot be run on it.
class ServedOnly final : public Provider {
 public:
  ServedOnly(ProviderInfo info, std::string protocol) : info_(std::move(info)), protocol_(std::move(protocol)) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return protocol_; }
  std::vector<std::string> problems() const override { return {refusal()}; }
  SharedHeartbeat heartbeat() const override { return no_heartbeat(); }
  void run(const StageCall&, OperationContext&) const override { throw Error(Errc::config, refusal()); }

 private:
  std::string refusal() const {
    return "stages of job files cannot be run over the protocol " + protocol_ + "; `holdfast serve` passes it on";
  }

  ProviderInfo info_;
  std::string protocol_;
};

std::unique_ptr<Provider> made_of(const ProviderConfig& config, const TimeoutProfiles& profiles,
                                  process::Spawner& spawner) {
  ProviderInfo info = info_of(config, profiles);
  switch (config.protocol) {
    case Protocol::command:
      return command_provider(std::move(info), config.command, spawner);
    case Protocol::rulebased:
      if (info.kinds.empty()) info.kinds = {"text"};
      return rulebased_provider(std::move(info));
    case Protocol::openai:
    case Protocol::anthropic:
    case Protocol::ollama:
    case Protocol::elevenlabs:
    case Protocol::sdwebui:
      break;
  }
  return std::make_unique<ServedOnly>(std::move(info), name_of(config.protocol));
}

/// Two at a time where the work is done on this machine: more share the same cores, and wait visibly instead.
std::vector<std::unique_ptr<Provider>> built_in(process::Spawner& spawner) {
  std::vector<std::unique_ptr<Provider>> all;
  all.push_back(rulebased_provider(
      {.name = "RuleBased", .type = "fallback_provider", .kinds = {"text"}, .protocols = {"rulebased"}}));
  all.push_back(espeak_provider(
      {.name = "eSpeak", .type = "tts", .kinds = {"speech"}, .concurrent_max = 2, .protocols = {"command"}}, spawner));
  all.push_back(cards_provider(
      {.name = "FFmpegCards", .type = "image_gen", .kinds = {"image"}, .concurrent_max = 2, .protocols = {"command"}},
      spawner));
  all.push_back(ffmpeg_provider(
      {.name = "FFmpeg", .type = "video_render", .kinds = {"video"}, .concurrent_max = 2, .protocols = {"command"}},
      spawner));
  return all;
}

}  // namespace

Catalogue::Catalogue(const std::vector<ProviderConfig>& configured, const TimeoutProfiles& profiles,
                     process::Spawner& spawner)
    : own_commands_(command_provider({.name = "command", .kinds = {"command"}}, {}, spawner)),
      providers_(built_in(spawner)) {
  for (const ProviderConfig& config : configured) {
    std::unique_ptr<Provider> made = made_of(config, profiles, spawner);
    const auto same =
        std::ranges::find_if(providers_, [&](const auto& each) { return same_name(each->info().name, config.name); });
    if (same != providers_.end()) {
      *same = std::move(made);
    } else {
      providers_.push_back(std::move(made));
    }
  }
}

const Provider* Catalogue::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(providers_, [&](const auto& each) { return same_name(each->info().name, name); });
  return found != providers_.end() ? found->get() : nullptr;
}

std::vector<ProviderInfo> Catalogue::infos() const {
  std::vector<ProviderInfo> infos;
  for (const auto& each : providers_)
    infos.push_back(each->info());
  return infos;
}

}  // namespace holdfast::providers
