#include "holdfast/profiles/timeout_profiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <tuple>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/profiles/located_json.hpp"
#include "holdfast/profiles/profile_file.hpp"

namespace holdfast {
namespace {

constexpr std::string_view default_type = "local_llm";  // the most patient of the language models
constexpr milliseconds sweep_interval_max{250};

/// The one rounding. The factors are multiplied as real numbers first.
milliseconds rounded(double ms) {
  return milliseconds(std::llround(ms));
}

double as_real(milliseconds duration) {
  return static_cast<double>(duration.count());
}

template <class Entries>
std::string names_of(const Entries& entries) {
  std::string out;
  for (const auto& each : entries)
    out += (out.empty() ? "" : ", ") + each.name;
  return out;
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
  return {std::string(default_type),
          fmt::format("provider {} is in no mapping; it is treated as {}", profiles::shown(provider), default_type)};
}

}  // namespace

TimeoutProfile profiles::scaled(const TypeEntry& type, const PatienceProfile& patience) {
  TimeoutProfile profile;
  profile.normal_threshold = rounded(*type.normal_ms * patience.timeout_multiplier);
  profile.extended_threshold = rounded(*type.extended_ms * patience.timeout_multiplier);
  profile.deep_wait_threshold = rounded(*type.deep_wait_ms * patience.timeout_multiplier);
  profile.heartbeat_interval = rounded(*type.heartbeat_ms);
  profile.stall_suspicion_multiplier = *type.suspicion;
  profile.stall_multiplier = patience.stall_multiplier;
  if (type.first_progress_ms) {
    profile.first_progress_threshold = rounded(*type.first_progress_ms * patience.stall_multiplier);
  }
  return profile;
}

milliseconds TimeoutProfile::stall_threshold() const {
  return rounded(as_real(heartbeat_interval) * stall_suspicion_multiplier * stall_multiplier);
}

Patience TimeoutProfile::terms(std::optional<milliseconds> strategy_interval, std::optional<double> strategy_multiplier,
                               bool gives_heartbeats, const std::vector<AnswerOption>& stall_options) const {
  Patience patience;
  patience.normal = normal_threshold;
  patience.extended = extended_threshold;
  patience.deep_wait = deep_wait_threshold;
  patience.stall = deep_wait_threshold;
  patience.stall_options = stall_options;
  if (!gives_heartbeats) return patience;

  const milliseconds interval = strategy_interval.value_or(heartbeat_interval);
  const double multiplier = strategy_multiplier.value_or(stall_suspicion_multiplier);
  const double silence = as_real(interval) * multiplier * stall_multiplier;
  // Written so that a NaN is refused too, and before rounding: what does not fit an integer cannot be rounded.
  const bool fits = silence >= 0.5 && silence <= as_real(profiles::patience_max);
  if (interval <= milliseconds(0) || !fits) {
    throw Error(
        Errc::invalid_argument,
        fmt::format("a heartbeat interval of {} ms and a stall multiplier of {} under {} patience allow {:.0f} ms "
                    "of silence; both must be larger than 0 and lead to 1 to {} ms",
                    interval.count(), multiplier, patience_profile, silence, profiles::patience_max.count()));
  }
  patience.stall = rounded(silence);
  patience.first_progress = first_progress_threshold;
  return patience;
}

std::string to_json(const TimeoutProfile& profile) {
  boost::json::value first_progress = nullptr;
  if (profile.first_progress_threshold) first_progress = profile.first_progress_threshold->count();
  return boost::json::serialize(boost::json::object{{"providerName", profile.provider_name},
                                                    {"providerType", profile.provider_type},
                                                    {"patienceProfile", profile.patience_profile},
                                                    {"normalThresholdMs", profile.normal_threshold.count()},
                                                    {"extendedThresholdMs", profile.extended_threshold.count()},
                                                    {"deepWaitThresholdMs", profile.deep_wait_threshold.count()},
                                                    {"heartbeatIntervalMs", profile.heartbeat_interval.count()},
                                                    {"stallThresholdMs", profile.stall_threshold().count()},
                                                    {"firstProgressThresholdMs", std::move(first_progress)}});
}

std::string CategoryMessage::hint_for(std::string_view provider_name, std::string_view provider_type) const {
  constexpr std::string_view name_mark = "{providerName}", type_mark = "{providerType}";
  std::string out;
  std::string_view rest = context_hint;
  while (!rest.empty()) {
    if (rest.starts_with(name_mark)) {
      out += provider_name;
      rest.remove_prefix(name_mark.size());
    } else if (rest.starts_with(type_mark)) {
      out += provider_type;
      rest.remove_prefix(type_mark.size());
    } else {
      out += rest.front();
      rest.remove_prefix(1);
    }
  }
  return out;
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

std::string TimeoutProfiles::type_of(std::string_view provider) const {
  return mapped(*file_, provider).first;
}

TimeoutProfile TimeoutProfiles::for_provider(std::string_view provider, std::string_view patience,
                                             std::string_view provider_type) const {
  const auto wanted = std::ranges::find(file_->patience, patience, &PatienceProfile::name);
  if (wanted == file_->patience.end()) {
    throw Error(Errc::invalid_argument, fmt::format("there is no patience profile '{}'; there is {}",
                                                    profiles::shown(patience), names_of(file_->patience)));
  }
  std::string type_name(provider_type), notice;
  if (type_name.empty()) std::tie(type_name, notice) = mapped(*file_, provider);
  const profiles::TypeEntry* type = file_->type(type_name);
  if (type == nullptr) {
    throw Error(Errc::invalid_argument,
                fmt::format("provider type '{}' has no timeout profile; there is {}, or add it to the profiles file",
                            profiles::shown(type_name), names_of(file_->types)));
  }
  TimeoutProfile profile = profiles::scaled(*type, *wanted);
  profile.provider_name = provider;
  profile.provider_type = std::move(type_name);
  profile.patience_profile = patience;
  profile.notice = std::move(notice);
  return profile;
}

std::vector<std::string> TimeoutProfiles::provider_types() const {
  std::vector<std::string> names;
  for (const profiles::TypeEntry& each : file_->types)
    names.push_back(each.name);
  return names;
}

std::vector<PatienceProfile> TimeoutProfiles::patience_profiles() const {
  return file_->patience;
}

std::vector<std::pair<std::string, std::string>> TimeoutProfiles::mapped_providers() const {
  return file_->mapping;
}

std::vector<AnswerOption> TimeoutProfiles::stall_options() const {
  return file_->stall_options;
}

CategoryMessage TimeoutProfiles::message(LatencyCategory category) const {
  constexpr std::string_view keys[] = {"normal", "extended", "deepWait", "stallSuspected", "error"};
  const auto found = file_->messages.find(keys[static_cast<std::size_t>(category)]);
  HOLDFAST_CHECK(found != file_->messages.end(), "the built-in file has a message for every category");
  return found->second;
}

std::vector<std::pair<LatencyCategory, CategoryMessage>> TimeoutProfiles::messages() const {
  std::vector<std::pair<LatencyCategory, CategoryMessage>> out;
  for (const auto category : {LatencyCategory::Normal, LatencyCategory::Extended, LatencyCategory::DeepWait,
                              LatencyCategory::StallSuspected, LatencyCategory::Error}) {
    out.emplace_back(category, message(category));
  }
  return out;
}

milliseconds TimeoutProfiles::sweep_interval() const {
  return std::clamp(rounded(file_->check_interval_ms), milliseconds(1), sweep_interval_max);
}

}  // namespace holdfast
