#include "holdfast/profiles/profile_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <set>

#include "holdfast/base/name.hpp"
#include "holdfast/profiles/located_json.hpp"

namespace holdfast::profiles {
namespace {

constexpr double ms_max = 366.0 * 24 * 3600 * 1000;  // a year of patience is a mistake in the unit
constexpr double multiplier_max = 1000.0;

/// Thrown inside this file only; `read_profile_file` turns it into a value.
struct Wrong {
  Failure failure;
};

/// How many edits lead from one key to the other: to name the key that was probably meant.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

class Reader {
 public:
  Reader(std::string_view file_name, ProfileFile base) : file_name_(file_name), file_(std::move(base)) {}

  ProfileFile read(const LocatedValue& document);

 private:
  using Keys = std::initializer_list<std::string_view>;

  [[noreturn]] void wrong(int line, const std::string& key, const std::string& why) const {
    throw Wrong{{Errc::config, file_name_ + ":" + std::to_string(line) + ": " + key + ": " + why}};
  }
  void known_keys(const LocatedValue& object, const std::string& path, Keys keys) const;
  const LocatedValue& object(const LocatedMember& member, const std::string& path) const;
  std::string text(const LocatedMember& member, const std::string& path) const;
  bool boolean(const LocatedMember& member, const std::string& path) const;
  double number(const LocatedMember& member, const std::string& path, double max) const;
  double whole_ms(const LocatedMember& member, const std::string& path) const;

  void types(const LocatedMember& section);
  void type(const LocatedMember& member);
  void patience(const LocatedMember& section);
  void stall_behavior(const LocatedMember& section);
  void dialog_options(const LocatedMember& list);
  AnswerOption dialog_option(const LocatedValue& value, const std::string& path) const;
  void mapping(const LocatedMember& section);
  void messages(const LocatedMember& section);

  std::string file_name_;
  ProfileFile file_;
};

void Reader::known_keys(const LocatedValue& object, const std::string& path, Keys keys) const {
  for (const LocatedMember& member : object.members) {
    if (std::ranges::find(keys, member.key) != keys.end()) continue;
    const auto nearest = std::ranges::min_element(
        keys, {}, [&](std::string_view key) { return distance(folded(key), folded(member.key)); });
    wrong(member.line, path + member.key, "no such key is known; did you mean '" + std::string(*nearest) + "'?");
  }
}

const LocatedValue& Reader::object(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::object) {
    wrong(member.line, path, "must be an object, not a " + std::string(name(member.value.kind)));
  }
  return member.value;
}

std::string Reader::text(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::string) {
    wrong(member.line, path, "must be a text in quotes, not a " + std::string(name(member.value.kind)));
  }
  return member.value.string;
}

bool Reader::boolean(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::boolean) {
    wrong(member.line, path, "must be true or false, not a " + std::string(name(member.value.kind)));
  }
  return member.value.boolean;
}

double Reader::number(const LocatedMember& member, const std::string& path, double max) const {
  if (member.value.kind != LocatedValue::Kind::number) {
    wrong(member.line, path, "must be a number, not a " + std::string(name(member.value.kind)));
  }
  const double value = member.value.number;
  if (!std::isfinite(value) || value <= 0) wrong(member.line, path, "must be larger than 0");
  if (value > max) wrong(member.line, path, "is too large; the limit is " + std::to_string(std::llround(max)));
  return value;
}

double Reader::whole_ms(const LocatedMember& member, const std::string& path) const {
  const double value = number(member, path, ms_max);
  if (value != std::floor(value)) wrong(member.line, path, "must be a whole number of milliseconds");
  return value;
}

ProfileFile Reader::read(const LocatedValue& document) {
  if (document.kind != LocatedValue::Kind::object) {
    wrong(document.line, "document", "must be an object with profiles, patienceProfiles, …");
  }
  known_keys(document, "", {"$schema", "title", "description", "profiles", "patienceProfiles", "stallBehavior",
                            "providerMapping", "uiMessaging"});
  for (const std::string_view key : {"$schema", "title", "description"}) {
    if (const auto* member = document.find(key)) text(*member, member->key);
  }
  if (const auto* section = document.find("profiles")) types(*section);
  if (const auto* section = document.find("patienceProfiles")) patience(*section);
  if (const auto* section = document.find("stallBehavior")) stall_behavior(*section);
  if (const auto* section = document.find("providerMapping")) mapping(*section);
  if (const auto* section = document.find("uiMessaging")) messages(*section);
  return std::move(file_);
}

void Reader::types(const LocatedMember& section) {
  for (const LocatedMember& member : object(section, "profiles").members) type(member);
}

void Reader::type(const LocatedMember& member) {
  const std::string path = "profiles." + member.key;
  if (const auto why = name_problem(member.key)) wrong(member.line, path, "the type's name " + *why);
  const LocatedValue& value = object(member, path);
  known_keys(value, path + ".", {"normalThresholdMs", "extendedThresholdMs", "deepWaitThresholdMs",
                                 "heartbeatIntervalMs", "stallSuspicionMultiplier", "firstProgressThresholdMs",
                                 "description"});
  auto entry = std::ranges::find(file_.types, member.key, &TypeEntry::name);
  const bool fresh = entry == file_.types.end();
  TypeEntry merged = fresh ? TypeEntry{.name = member.key} : *entry;
  int last_line = member.line;
  const auto take = [&](std::string_view key, std::optional<double>& into, bool required) {
    const LocatedMember* found = value.find(key);
    const std::string where = path + "." + std::string(key);
    if (found == nullptr) {
      if (required && !into) wrong(member.line, where, "is missing, and a new provider type needs it");
      return;
    }
    last_line = found->line;
    into = key == "stallSuspicionMultiplier" ? number(*found, where, multiplier_max) : whole_ms(*found, where);
  };
  take("normalThresholdMs", merged.normal_ms, true);
  take("extendedThresholdMs", merged.extended_ms, true);
  take("deepWaitThresholdMs", merged.deep_wait_ms, true);
  take("heartbeatIntervalMs", merged.heartbeat_ms, true);
  take("stallSuspicionMultiplier", merged.suspicion, true);
  take("firstProgressThresholdMs", merged.first_progress_ms, false);
  if (const auto* found = value.find("description")) merged.description = text(*found, path + ".description");
  const auto rising = [&](std::string_view key, double lower, double upper) {
    if (lower < upper) return;
    const LocatedMember* found = value.find(key);
    wrong(found != nullptr ? found->line : member.line, path + "." + std::string(key),
          "must be larger than the threshold before it: normal < extended < deepWait");
  };
  rising("extendedThresholdMs", *merged.normal_ms, *merged.extended_ms);
  rising("deepWaitThresholdMs", *merged.extended_ms, *merged.deep_wait_ms);
  if (fresh) {
    file_.types.push_back(std::move(merged));
  } else {
    *entry = std::move(merged);
  }
}

void Reader::patience(const LocatedMember& section) {
  for (const LocatedMember& member : object(section, "patienceProfiles").members) {
    const std::string path = "patienceProfiles." + member.key;
    if (const auto why = name_problem(member.key)) wrong(member.line, path, "the profile's name " + *why);
    const LocatedValue& value = object(member, path);
    known_keys(value, path + ".", {"label", "timeoutMultiplier", "stallMultiplier", "description", "recommendedFor"});
    auto entry = std::ranges::find(file_.patience, member.key, &PatienceProfile::name);
    if (entry == file_.patience.end()) {
      for (const std::string_view key : {"timeoutMultiplier", "stallMultiplier"}) {
        if (value.find(key) == nullptr) {
          wrong(member.line, path + "." + std::string(key), "is missing, and a new patience profile needs it");
        }
      }
      entry = file_.patience.insert(file_.patience.end(), PatienceProfile{.name = member.key, .label = member.key});
    }
    if (const auto* found = value.find("label")) entry->label = text(*found, path + ".label");
    if (const auto* found = value.find("description")) entry->description = text(*found, path + ".description");
    if (const auto* found = value.find("timeoutMultiplier")) {
      entry->timeout_multiplier = number(*found, path + ".timeoutMultiplier", multiplier_max);
    }
    if (const auto* found = value.find("stallMultiplier")) {
      entry->stall_multiplier = number(*found, path + ".stallMultiplier", multiplier_max);
    }
    if (const auto* found = value.find("recommendedFor"); found != nullptr &&
                                                          found->value.kind != LocatedValue::Kind::array) {
      wrong(found->line, path + ".recommendedFor", "must be a list of provider types");
    }
  }
}

void Reader::stall_behavior(const LocatedMember& section) {
  const LocatedValue& value = object(section, "stallBehavior");
  known_keys(value, "stallBehavior.", {"checkIntervalMs", "userDialogOptions"});
  if (const auto* found = value.find("checkIntervalMs")) {
    file_.check_interval_ms = whole_ms(*found, "stallBehavior.checkIntervalMs");
  }
  if (const auto* found = value.find("userDialogOptions")) dialog_options(*found);
}

void Reader::dialog_options(const LocatedMember& list) {
  const std::string path = "stallBehavior.userDialogOptions";
  if (list.value.kind != LocatedValue::Kind::array || list.value.items.empty()) {
    wrong(list.line, path, "must be a list of options that is not empty");
  }
  std::vector<AnswerOption> options;
  std::set<std::string, NameLess> seen;
  for (std::size_t i = 0; i < list.value.items.size(); ++i) {
    const LocatedValue& value = list.value.items[i];
    AnswerOption option = dialog_option(value, path + "[" + std::to_string(i) + "]");
    if (!seen.insert(option.id).second) {
      wrong(value.line, path + "[" + std::to_string(i) + "].id", "'" + option.id + "' is there twice");
    }
    options.push_back(std::move(option));
  }
  file_.stall_options = std::move(options);
}

AnswerOption Reader::dialog_option(const LocatedValue& value, const std::string& path) const {
  if (value.kind != LocatedValue::Kind::object) wrong(value.line, path, "must be an object with id, label and action");
  known_keys(value, path + ".",
             {"id", "label", "action", "extensionMs", "requiresConfirmation", "offerPartialArtifacts"});
  const auto needed = [&](std::string_view key) {
    const LocatedMember* found = value.find(key);
    if (found == nullptr) wrong(value.line, path + "." + std::string(key), "is missing");
    const std::string read = text(*found, path + "." + std::string(key));
    if (const auto why = name_problem(read)) wrong(found->line, path + "." + std::string(key), *why);
    return read;
  };
  AnswerOption option;
  option.id = needed("id");
  option.label = needed("label");
  const std::string action = needed("action");
  if (action == "extend") {
    option.action = AnswerAction::extend;
  } else if (action == "wait") {
    option.action = AnswerAction::wait;
  } else if (action == "fallback") {
    option.action = AnswerAction::fallback;
  } else if (action == "cancel") {
    option.action = AnswerAction::cancel;
  } else {
    wrong(value.find("action")->line, path + ".action", "must be extend, wait, fallback or cancel, not '" + action + "'");
  }
  const LocatedMember* extension = value.find("extensionMs");
  if (option.action == AnswerAction::extend) {
    if (extension == nullptr) wrong(value.line, path + ".extensionMs", "is missing: how long does it wait?");
    option.extension = milliseconds(std::llround(whole_ms(*extension, path + ".extensionMs")));
  } else if (extension != nullptr) {
    wrong(extension->line, path + ".extensionMs", "means something for the action extend only");
  }
  // A switch and a cancel are never done without a second word, whatever the file says.
  option.requires_confirmation = option.action == AnswerAction::fallback || option.action == AnswerAction::cancel;
  if (const auto* found = value.find("requiresConfirmation")) {
    const bool wanted = boolean(*found, path + ".requiresConfirmation");
    if (!wanted && option.requires_confirmation) {
      wrong(found->line, path + ".requiresConfirmation", "a switch and a cancel are always confirmed; leave it true");
    }
    option.requires_confirmation = wanted;
  }
  if (const auto* found = value.find("offerPartialArtifacts")) {
    option.offer_partial_artifacts = boolean(*found, path + ".offerPartialArtifacts");
  }
  return option;
}

void Reader::mapping(const LocatedMember& section) {
  for (const LocatedMember& member : object(section, "providerMapping").members) {
    const std::string path = "providerMapping." + member.key;
    if (const auto why = name_problem(member.key)) wrong(member.line, path, "the provider's name " + *why);
    const std::string type = text(member, path);
    if (file_.type(type) == nullptr) {
      std::string known;
      for (const TypeEntry& each : file_.types) known += (known.empty() ? "" : ", ") + each.name;
      wrong(member.line, path, "there is no provider type '" + type + "'; there is " + known);
    }
    const auto entry = std::ranges::find(file_.mapping, member.key, &std::pair<std::string, std::string>::first);
    if (entry == file_.mapping.end()) {
      file_.mapping.emplace_back(member.key, type);
    } else {
      entry->second = type;
    }
  }
}

void Reader::messages(const LocatedMember& section) {
  const LocatedValue& all = object(section, "uiMessaging");
  known_keys(all, "uiMessaging.", {"normal", "extended", "deepWait", "stallSuspected", "error"});
  for (const LocatedMember& member : all.members) {
    const std::string path = "uiMessaging." + member.key;
    const LocatedValue& value = object(member, path);
    known_keys(value, path + ".", {"statusLabel", "contextHint", "iconColor", "progressStyle", "helpLink",
                                   "showFallbackButton", "autoShowFallbackPanel"});
    CategoryMessage& message = file_.messages[member.key];
    if (const auto* found = value.find("statusLabel")) message.status_label = text(*found, path + ".statusLabel");
    if (const auto* found = value.find("contextHint")) {
      const bool none = found->value.kind == LocatedValue::Kind::null;
      message.context_hint = none ? "" : text(*found, path + ".contextHint");
    }
    for (const std::string_view key : {"iconColor", "progressStyle", "helpLink"}) {
      if (const auto* found = value.find(key)) text(*found, path + "." + std::string(key));
    }
    for (const std::string_view key : {"showFallbackButton", "autoShowFallbackPanel"}) {
      if (const auto* found = value.find(key)) boolean(*found, path + "." + std::string(key));
    }
  }
}

}  // namespace

const TypeEntry* ProfileFile::type(std::string_view name) const {
  const auto found = std::ranges::find(types, name, &TypeEntry::name);
  return found == types.end() ? nullptr : &*found;
}

result<ProfileFile> read_profile_file(std::string_view text, std::string_view file_name, ProfileFile base) {
  auto document = parse_located_json(text, file_name);
  if (!document) return document.error();
  try {
    return Reader(file_name, std::move(base)).read(*document);
  } catch (const Wrong& wrong) {
    return wrong.failure;
  }
}

}  // namespace holdfast::profiles
