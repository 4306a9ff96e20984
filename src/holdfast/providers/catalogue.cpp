#include "holdfast/providers/catalogue.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "holdfast/base/name.hpp"
#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/command_provider.hpp"
#include "holdfast/providers/http_access.hpp"
#include "holdfast/providers/llm_provider.hpp"

namespace holdfast::providers {
namespace {

constexpr std::array protocol_names = {"openai",  "anthropic", "ollama",   "elevenlabs",
                                       "sdwebui", "command",   "rulebased"};

std::string name_of(Protocol protocol) {
  return protocol_names[static_cast<std::size_t>(protocol)];
}

/// What a protocol can serve at all, where the configuration does not say it.
std::vector<std::string> kinds_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::openai:
      return {"text", "speech", "image", "video", "embedding"};
    case Protocol::anthropic:
    case Protocol::rulebased:
      return {"text"};
    case Protocol::ollama:
      return {"text", "embedding"};
    case Protocol::elevenlabs:
      return {"speech"};
    case Protocol::sdwebui:
      return {"image"};
    case Protocol::command:
      break;
  }
  return {};
}

/// Whether it is somewhere else than on this machine.
bool is_remote(const ProviderConfig& config) {
  if (!dialect_of(config.protocol)) return false;
  if (config.base_url.empty()) return config.protocol != Protocol::ollama && config.protocol != Protocol::sdwebui;
  const auto base = net::parse_origin(config.base_url);
  if (!base) return true;
  const std::string& host = base->origin.host;
  return host != "localhost" && host != "::1" && !host.starts_with("127.");
}

ProviderInfo info_of(const ProviderConfig& config, const TimeoutProfiles& profiles) {
  ProviderInfo info{.name = config.name,
                    .type = config.type.empty() ? profiles.type_of(config.name) : config.type,
                    .kinds = config.kinds,
                    .requires_network = config.requires_network.value_or(is_remote(config)),
                    .concurrent_max = static_cast<int>(config.concurrent_max)};
  if (info.kinds.empty()) info.kinds = kinds_of(config.protocol);
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

/// One that serves clients of the proxy, and no stages of jobs.
class ProxyOnlyProvider final : public Provider {
 public:
  ProxyOnlyProvider(ProviderInfo info, const ProviderConfig& config)
      : info_(std::move(info)),
        protocol_(name_of(config.protocol)),
        why_("provider " + config.name + " (line " + std::to_string(config.line) +
             "): jobs cannot be run over the protocol " + protocol_ +
             " yet; openai, anthropic, ollama, command and rulebased can") {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return protocol_; }
  std::vector<std::string> problems() const override { return {why_}; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }
  bool runs_jobs() const override { return false; }
  void run(const StageCall&, OperationContext&) const override {
    throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = why_});
  }

 private:
  const ProviderInfo info_;
  const std::string protocol_, why_;
};

std::unique_ptr<Provider> made_of(const ProviderConfig& config, const TimeoutProfiles& profiles,
                                  process::Spawner& spawner, const EnvironmentValue& environment) {
  ProviderInfo info = info_of(config, profiles);
  switch (config.protocol) {
    case Protocol::command:
      return command_provider(std::move(info), config.command, spawner);
    case Protocol::rulebased:
      return rulebased_provider(std::move(info));
    case Protocol::openai:
    case Protocol::anthropic:
    case Protocol::ollama:
      return llm_provider(std::move(info), config, environment);
    case Protocol::elevenlabs:
    case Protocol::sdwebui:
      return std::make_unique<ProxyOnlyProvider>(std::move(info), config);
  }
  __builtin_unreachable();
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

std::optional<std::string> environment_value(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

Catalogue::Catalogue(const std::vector<ProviderConfig>& configured, const TimeoutProfiles& profiles,
                     process::Spawner& spawner, const EnvironmentValue& environment)
    : own_commands_(command_provider({.name = "command", .kinds = {"command"}}, {}, spawner)),
      providers_(built_in(spawner)) {
  for (const ProviderConfig& config : configured) {
    std::unique_ptr<Provider> made = made_of(config, profiles, spawner, environment);
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

std::vector<ProviderInfo> Catalogue::job_infos() const {
  std::vector<ProviderInfo> infos;
  for (const auto& each : providers_) {
    if (!each->runs_jobs()) continue;
    infos.push_back(each->info());
    infos.back().kinds = each->job_kinds();
  }
  return infos;
}

}  // namespace holdfast::providers
