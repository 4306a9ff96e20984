#include "holdfast/profiles/timeout_profiles.hpp"

#include <algorithm>
#include <cmath>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/profiles/profile_file.hpp"

namespace holdfast {
namespace {

constexpr std::string_view default_type = "local_llm";  // the most patient of the language models
constexpr milliseconds sweep_interval_max{250};

milliseconds rounded(double ms) { return milliseconds(std::llround(ms)); }

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& each : names) out += (out.empty() ? "" : ", ") + each;
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// The mapped type, and how it was found where that was a guess.
std::pair<std::string, std::string> mapped(const profiles::ProfileFile& file, std::string_view provider) {
  for (const auto& [name, type] : file.mapping) {
    if (name == provider) return {type, ""};
  }
  for (const auto& [name, type] : file.mapping) {
    if (same_name(name, provider)) return {type, ""};
  }
  const std::string folded_provider = folded(provider);
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& each : file.mapping) {
    const bool contained = folded_provider.find(folded(each.first)) != std::string::npos;
    if (contained && (best == nullptr || each.first.size() > best->first.size())) best = &each;
  }
  if (best != nullptr) return {best->second, ""};
  return {std::string(default_type), "provider " + std::string(provider) + " is in no mapping; it is treated as " +
                                         std::string(default_type)};
}

}  // namespace

milliseconds TimeoutProfile::stall_threshold() const {
  return rounded(static_cast<double>(heartbeat_interval.count()) * stall_suspicion_multiplier * stall_multiplier);
}

Patience TimeoutProfile::terms(std::optional<milliseconds> interval, std::optional<double> multiplier,
                               bool gives_heartbeats, const std::vector<AnswerOption>& stall_options) const {
  Patience patience;
  patience.normal = normal_threshold;
  patience.extended = extended_threshold;
  patience.deep_wait = deep_wait_threshold;
  patience.stall = gives_heartbeats
                       ? rounded(static_cast<double>(interval.value_or(heartbeat_interval).count()) *
                                 multiplier.value_or(stall_suspicion_multiplier) * stall_multiplier)
                       : deep_wait_threshold;
  patience.first_progress = gives_heartbeats ? first_progress_threshold : std::nullopt;
  patience.stall_options = stall_options;
  return patience;
}

std::string CategoryMessage::hint_for(std::string_view provider_name, std::string_view provider_type) const {
  return replaced(replaced(context_hint, "{providerType}", provider_type), "{providerName}", provider_name);
}

TimeoutProfiles TimeoutProfiles::defaults() {
  auto file = profiles::read_profile_file(profiles::default_profiles_text(), "built-in profiles", {});
  HOLDFAST_CHECK(file.has_value(), "the built-in profiles are right");
  return TimeoutProfiles(std::make_shared<const profiles::ProfileFile>(std::move(*file)));
}

TimeoutProfiles TimeoutProfiles::parse(std::string_view text, std::string_view file_name) {
  auto file = profiles::read_profile_file(text, file_name, *defaults().file_);
  if (!file) throw Error(file.error().code, file.error().message);
  return TimeoutProfiles(std::make_shared<const profiles::ProfileFile>(std::move(*file)));
}

std::string TimeoutProfiles::type_of(std::string_view provider) const { return mapped(*file_, provider).first; }

TimeoutProfile TimeoutProfiles::for_provider(std::string_view provider, std::string_view patience,
                                             std::string_view provider_type) const {
  const auto wanted = std::ranges::find(file_->patience, patience, &PatienceProfile::name);
  if (wanted == file_->patience.end()) {
    std::vector<std::string> names;
    for (const PatienceProfile& each : file_->patience) names.push_back(each.name);
    throw Error(Errc::invalid_argument,
                "there is no patience profile '" + std::string(patience) + "'; there is " + listed(names));
  }
  TimeoutProfile profile;
  profile.provider_name = provider;
  profile.patience_profile = patience;
  if (provider_type.empty()) {
    std::tie(profile.provider_type, profile.notice) = mapped(*file_, provider);
  } else {
    profile.provider_type = provider_type;
  }
  const profiles::TypeEntry* type = file_->type(profile.provider_type);
  if (type == nullptr) {
    throw Error(Errc::invalid_argument, "provider type '" + profile.provider_type +
                                            "' has no timeout profile; there is " + listed(provider_types()) +
                                            ", or add it to the profiles file");
  }
  profile.normal_threshold = rounded(*type->normal_ms * wanted->timeout_multiplier);
  profile.extended_threshold = rounded(*type->extended_ms * wanted->timeout_multiplier);
  profile.deep_wait_threshold = rounded(*type->deep_wait_ms * wanted->timeout_multiplier);
  profile.heartbeat_interval = rounded(*type->heartbeat_ms);
  profile.stall_suspicion_multiplier = *type->suspicion;
  profile.stall_multiplier = wanted->stall_multiplier;
  if (type->first_progress_ms) {
    profile.first_progress_threshold = rounded(*type->first_progress_ms * wanted->stall_multiplier);
  }
  return profile;
}

std::vector<std::string> TimeoutProfiles::provider_types() const {
  std::vector<std::string> names;
  for (const profiles::TypeEntry& each : file_->types) names.push_back(each.name);
  return names;
}

std::vector<PatienceProfile> TimeoutProfiles::patience_profiles() const { return file_->patience; }

std::vector<std::pair<std::string, std::string>> TimeoutProfiles::mapped_providers() const { return file_->mapping; }

std::vector<AnswerOption> TimeoutProfiles::stall_options() const {
  std::vector<AnswerOption> options = file_->stall_options;
  if (std::ranges::find(options, wait_until_done, &AnswerOption::id) != options.end()) return options;
  const auto after = std::ranges::find_if(options, [](const auto& each) { return each.action != AnswerAction::extend; });
  options.insert(after, {.id = std::string(wait_until_done),
                         .label = "Wait until it finishes, don't ask again",
                         .action = AnswerAction::wait});
  return options;
}

CategoryMessage TimeoutProfiles::message(LatencyCategory category) const {
  constexpr std::string_view keys[] = {"normal", "extended", "deepWait", "stallSuspected", "error"};
  const auto found = file_->messages.find(keys[static_cast<std::size_t>(category)]);
  HOLDFAST_CHECK(found != file_->messages.end(), "the built-in file has a message for every category");
  return found->second;
}

milliseconds TimeoutProfiles::sweep_interval() const {
  return std::clamp(rounded(file_->check_interval_ms), milliseconds(1), sweep_interval_max);
}

}  // namespace holdfast
