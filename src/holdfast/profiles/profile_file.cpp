#include "holdfast/profiles/profile_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/base/text.hpp"
#include "holdfast/profiles/located_json.hpp"

namespace holdfast::profiles {
namespace {

/// Thrown inside this file only; `read_profile_file` turns it into a value.
struct Wrong {
  Failure failure;
};

/// Whether a terminal would take part of the text for a command.
bool has_control_characters(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || c1) return true;
  }
  return false;
}

template <class Entries>
std::string names_of(const Entries& entries) {
  std::string out;
  for (const auto& each : entries)
    out += (out.empty() ? "" : ", ") + shown(each.name);
  return out;
}

class Reader {
 public:
  Reader(std::string_view file_name, ProfileFile base) : file_name_(file_name), file_(std::move(base)) {}

  ProfileFile read(const LocatedValue& document);

 private:
  using Keys = std::initializer_list<std::string_view>;

  [[noreturn]] void wrong(int line, std::string_view path, std::string_view why) const {
    throw Wrong{{Errc::config, fmt::format("{}:{}: {}: {}", file_name_, line, path, why)}};
  }
  void known_keys(const LocatedValue& object, const std::string& path, Keys keys) const;
  const LocatedValue& object(const LocatedMember& member, const std::string& path) const;
  std::string text(const LocatedMember& member, const std::string& path) const;
  std::string shown_line(const LocatedMember& member, const std::string& path) const;
  void ignored_texts(const LocatedValue& value, const std::string& path, Keys keys) const;
  bool boolean(const LocatedMember& member, const std::string& path) const;
  double number(const LocatedMember& member, const std::string& path, double max);
  double whole_ms(const LocatedMember& member, const std::string& path);

  void types(const LocatedMember& section);
  void type(const LocatedMember& member);
  void rising(const LocatedMember& member, const TypeEntry& entry) const;
  void patience(const LocatedMember& section);
  void patience_profile(const LocatedMember& member);
  void stall_behavior(const LocatedMember& section);
  void dialog_options(const LocatedMember& list);
  AnswerOption dialog_option(const LocatedValue& value, const std::string& path);
  void action(const LocatedValue& value, const std::string& path, AnswerOption& option);
  void confirmation(const LocatedValue& value, const std::string& path, AnswerOption& option) const;
  void mapping(const LocatedMember& section);
  void messages(const LocatedMember& section);
  void every_type_under_every_patience() const;
  void check_scaled(const TypeEntry& type, const PatienceProfile& patience) const;
  [[noreturn]] void blame(std::initializer_list<std::string> paths, const std::string& why) const;

  std::string file_name_;
  ProfileFile file_;
  std::map<std::string, int> lines_;  ///< of the numbers that this file gives, by path
};

void Reader::known_keys(const LocatedValue& object, const std::string& path, Keys keys) const {
  for (const LocatedMember& member : object.members) {
    if (std::ranges::find(keys, member.key) != keys.end()) continue;
    const std::string key = shown(member.key);
    const auto edits = [&](std::string_view known) { return edit_distance(folded(known), folded(key)); };
    const std::string_view nearest = *std::ranges::min_element(keys, {}, edits);
    if (edits(nearest) <= std::max<std::size_t>(2, nearest.size() / 2)) {
      wrong(member.line, path + key, fmt::format("no such key is known; did you mean '{}'?", nearest));
    }
    wrong(member.line, path + key, fmt::format("no such key is known; there is {}", fmt::join(keys, ", ")));
  }
}

const LocatedValue& Reader::object(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::object) {
    wrong(member.line, path, fmt::format("must be an object, not a {}", name(member.value.kind)));
  }
  return member.value;
}

std::string Reader::text(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::string) {
    wrong(member.line, path, fmt::format("must be a text in quotes, not a {}", name(member.value.kind)));
  }
  return member.value.string;
}

/// A text that is put on screens as it is.
std::string Reader::shown_line(const LocatedMember& member, const std::string& path) const {
  std::string read = text(member, path);
  if (has_control_characters(read)) wrong(member.line, path, "must be one line without control characters");
  return read;
}

/// Keys that the schema knows and that change nothing here.
void Reader::ignored_texts(const LocatedValue& value, const std::string& path, Keys keys) const {
  for (const std::string_view key : keys) {
    const LocatedMember* found = value.find(key);
    if (found != nullptr && found->value.kind != LocatedValue::Kind::null) text(*found, path + std::string(key));
  }
}

bool Reader::boolean(const LocatedMember& member, const std::string& path) const {
  if (member.value.kind != LocatedValue::Kind::boolean) {
    wrong(member.line, path, fmt::format("must be true or false, not a {}", name(member.value.kind)));
  }
  return member.value.boolean;
}

double Reader::number(const LocatedMember& member, const std::string& path, double max) {
  if (member.value.kind != LocatedValue::Kind::number) {
    wrong(member.line, path, fmt::format("must be a number, not a {}", name(member.value.kind)));
  }
  const double value = member.value.number;
  if (value <= 0) wrong(member.line, path, fmt::format("must be larger than 0, not {}", value));
  if (value > max) wrong(member.line, path, fmt::format("{} is too large; at most {:.0f} is allowed", value, max));
  lines_[path] = member.line;
  return value;
}

double Reader::whole_ms(const LocatedMember& member, const std::string& path) {
  const double value = number(member, path, static_cast<double>(patience_max.count()));
  if (value != std::floor(value)) {
    wrong(member.line, path, fmt::format("must be a whole number of milliseconds, not {}", value));
  }
  return value;
}

ProfileFile Reader::read(const LocatedValue& document) {
  if (document.kind != LocatedValue::Kind::object) {
    wrong(document.line, "document", "must be an object with profiles, patienceProfiles, …");
  }
  known_keys(document, "",
             {"$schema", "title", "description", "profiles", "patienceProfiles", "stallBehavior", "providerMapping",
              "uiMessaging"});
  ignored_texts(document, "", {"$schema", "title", "description"});
  if (const auto* section = document.find("profiles")) types(*section);
  if (const auto* section = document.find("patienceProfiles")) patience(*section);
  if (const auto* section = document.find("stallBehavior")) stall_behavior(*section);
  if (const auto* section = document.find("providerMapping")) mapping(*section);
  if (const auto* section = document.find("uiMessaging")) messages(*section);
  every_type_under_every_patience();
  return std::move(file_);
}

void Reader::types(const LocatedMember& section) {
  for (const LocatedMember& member : object(section, "profiles").members)
    type(member);
}

void Reader::type(const LocatedMember& member) {
  const std::string path = "profiles." + shown(member.key);
  if (const auto why = name_problem(member.key)) wrong(member.line, path, "the type's name " + *why);
  const LocatedValue& value = object(member, path);
  known_keys(value, path + ".",
             {"normalThresholdMs", "extendedThresholdMs", "deepWaitThresholdMs", "heartbeatIntervalMs",
              "stallSuspicionMultiplier", "firstProgressThresholdMs", "description"});
  auto entry = std::ranges::find(file_.types, member.key, &TypeEntry::name);
  if (entry == file_.types.end()) {
    if (file_.types.size() == provider_types_max) {
      wrong(member.line, path, fmt::format("is one type too many; {} are allowed", provider_types_max));
    }
    entry = file_.types.insert(entry, TypeEntry{.name = member.key});
  }
  const auto take = [&](std::string_view key, std::optional<double>& into, bool required) {
    const LocatedMember* found = value.find(key);
    const std::string where = path + "." + std::string(key);
    if (found != nullptr) {
      into = key == "stallSuspicionMultiplier" ? number(*found, where, multiplier_max) : whole_ms(*found, where);
    } else if (required && !into) {
      wrong(member.line, where, "is missing, and a new provider type needs it");
    }
  };
  take("normalThresholdMs", entry->normal_ms, true);
  take("extendedThresholdMs", entry->extended_ms, true);
  take("deepWaitThresholdMs", entry->deep_wait_ms, true);
  take("heartbeatIntervalMs", entry->heartbeat_ms, true);
  take("stallSuspicionMultiplier", entry->suspicion, true);
  take("firstProgressThresholdMs", entry->first_progress_ms, false);
  if (const auto* found = value.find("description")) entry->description = text(*found, path + ".description");
  rising(member, *entry);
}

/// Names the threshold that the file gives; the other of the pair may be the built-in one.
void Reader::rising(const LocatedMember& member, const TypeEntry& entry) const {
  const auto pair = [&](std::string_view lower_key, double lower, std::string_view upper_key, double upper) {
    if (lower < upper) return;
    const std::string path = "profiles." + shown(member.key) + ".";
    if (const LocatedMember* found = member.value.find(upper_key)) {
      wrong(found->line, path + std::string(upper_key),
            fmt::format("must be larger than the threshold before it: {} is {}, and this is {}", lower_key, lower,
                        upper));
    }
    wrong(member.value.find(lower_key)->line, path + std::string(lower_key),
          fmt::format("must be smaller than {}, which is built in as {}, not {}", upper_key, upper, lower));
  };
  pair("normalThresholdMs", *entry.normal_ms, "extendedThresholdMs", *entry.extended_ms);
  pair("extendedThresholdMs", *entry.extended_ms, "deepWaitThresholdMs", *entry.deep_wait_ms);
}

void Reader::patience(const LocatedMember& section) {
  for (const LocatedMember& member : object(section, "patienceProfiles").members)
    patience_profile(member);
}

void Reader::patience_profile(const LocatedMember& member) {
  const std::string path = "patienceProfiles." + shown(member.key);
  if (const auto why = name_problem(member.key)) wrong(member.line, path, "the profile's name " + *why);
  const LocatedValue& value = object(member, path);
  known_keys(value, path + ".", {"label", "timeoutMultiplier", "stallMultiplier", "description", "recommendedFor"});
  auto entry = std::ranges::find(file_.patience, member.key, &PatienceProfile::name);
  if (entry == file_.patience.end()) {
    if (file_.patience.size() == patience_profiles_max) {
      wrong(member.line, path, fmt::format("is one patience profile too many; {} are allowed", patience_profiles_max));
    }
    for (const std::string_view key : {"timeoutMultiplier", "stallMultiplier"}) {
      if (value.find(key) != nullptr) continue;
      wrong(member.line, path + "." + std::string(key), "is missing, and a new patience profile needs it");
    }
    entry = file_.patience.insert(entry, PatienceProfile{.name = member.key, .label = member.key});
  }
  if (const auto* found = value.find("label")) entry->label = shown_line(*found, path + ".label");
  if (const auto* found = value.find("description")) entry->description = text(*found, path + ".description");
  if (const auto* found = value.find("timeoutMultiplier")) {
    entry->timeout_multiplier = number(*found, path + ".timeoutMultiplier", multiplier_max);
  }
  if (const auto* found = value.find("stallMultiplier")) {
    entry->stall_multiplier = number(*found, path + ".stallMultiplier", multiplier_max);
  }
  const LocatedMember* recommended = value.find("recommendedFor");
  if (recommended != nullptr && recommended->value.kind != LocatedValue::Kind::array) {
    wrong(recommended->line, path + ".recommendedFor", "must be a list of provider types in brackets");
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

/// The list replaces the built-in one: its order is the order of the dialog, and what it leaves out is left out.
void Reader::dialog_options(const LocatedMember& list) {
  const std::string path = "stallBehavior.userDialogOptions";
  const std::size_t count = list.value.items.size();
  if (list.value.kind != LocatedValue::Kind::array || count == 0 || count > stall_options_max) {
    wrong(list.line, path,
          fmt::format("must be a list of options that is not empty and has at most {}", stall_options_max));
  }
  std::vector<AnswerOption> options;
  std::set<std::string, NameLess> seen;
  for (const LocatedValue& value : list.value.items) {
    const std::string where = fmt::format("{}[{}]", path, options.size());
    AnswerOption option = dialog_option(value, where);
    if (!seen.insert(option.id).second) {
      wrong(value.find("id")->line, where + ".id", fmt::format("'{}' is there twice; ids differ", shown(option.id)));
    }
    options.push_back(std::move(option));
  }
  if (!seen.contains(wait_until_done)) {
    const auto last_extension =
        std::ranges::find(options.rbegin(), options.rend(), AnswerAction::extend, &AnswerOption::action);
    options.insert(last_extension.base(), {.id = std::string(wait_until_done),
                                           .label = "Wait until it finishes, don't ask again",
                                           .action = AnswerAction::wait});
  }
  file_.stall_options = std::move(options);
}

AnswerOption Reader::dialog_option(const LocatedValue& value, const std::string& path) {
  if (value.kind != LocatedValue::Kind::object) wrong(value.line, path, "must be an object with id, label and action");
  known_keys(value, path + ".",
             {"id", "label", "action", "extensionMs", "requiresConfirmation", "offerPartialArtifacts"});
  const auto needed = [&](std::string_view key) {
    const std::string where = path + "." + std::string(key);
    const LocatedMember* found = value.find(key);
    if (found == nullptr) wrong(value.line, where, "is missing, and every option needs it");
    std::string read = text(*found, where);
    if (const auto why = name_problem(read)) wrong(found->line, where, *why);
    return read;
  };
  AnswerOption option;
  option.id = needed("id");
  option.label = needed("label");
  needed("action");
  action(value, path, option);
  confirmation(value, path, option);
  if (const auto* found = value.find("offerPartialArtifacts")) {
    option.offer_partial_artifacts = boolean(*found, path + ".offerPartialArtifacts");
  }
  return option;
}

void Reader::action(const LocatedValue& value, const std::string& path, AnswerOption& option) {
  const LocatedMember& member = *value.find("action");
  const std::string& word = member.value.string;
  if (word == "extend") {
    option.action = AnswerAction::extend;
  } else if (word == "wait") {
    option.action = AnswerAction::wait;
  } else if (word == "fallback") {
    option.action = AnswerAction::fallback;
  } else if (word == "cancel") {
    option.action = AnswerAction::cancel;
  } else {
    wrong(member.line, path + ".action",
          fmt::format("must be extend, wait, fallback or cancel, not '{}'", shown(word)));
  }
  // Scripts answer by this id: it must not mean something else in somebody's file.
  if (same_name(option.id, wait_until_done)) {
    if (option.action != AnswerAction::wait) {
      wrong(member.line, path + ".action", fmt::format("must be wait: that is what the id {} means", wait_until_done));
    }
    option.id = wait_until_done;
  }
  const LocatedMember* extension = value.find("extensionMs");
  if (option.action == AnswerAction::extend) {
    if (extension == nullptr) {
      wrong(value.line, path + ".extensionMs", "is missing: after how long without progress is the next question?");
    }
    option.extension = milliseconds(std::llround(whole_ms(*extension, path + ".extensionMs")));
  } else if (extension != nullptr) {
    wrong(extension->line, path + ".extensionMs", "belongs to the action extend only; leave it out");
  }
}

/// A switch and a cancel are never done without a second word, whatever the file says.
void Reader::confirmation(const LocatedValue& value, const std::string& path, AnswerOption& option) const {
  const bool always = option.action == AnswerAction::fallback || option.action == AnswerAction::cancel;
  option.requires_confirmation = always;
  const LocatedMember* found = value.find("requiresConfirmation");
  if (found == nullptr) return;
  option.requires_confirmation = boolean(*found, path + ".requiresConfirmation");
  if (always && !option.requires_confirmation) {
    wrong(found->line, path + ".requiresConfirmation", "must be true: a switch and a cancel are always confirmed");
  }
}

/// The file's entries stand before the built-in ones, and replace those of the same name in any case of letters.
void Reader::mapping(const LocatedMember& section) {
  std::vector<std::pair<std::string, std::string>> all;
  std::set<std::string, NameLess> named;
  for (const LocatedMember& member : object(section, "providerMapping").members) {
    const std::string path = "providerMapping." + shown(member.key);
    if (const auto why = name_problem(member.key)) wrong(member.line, path, "the provider's name " + *why);
    const std::string type = text(member, path);
    if (file_.type(type) == nullptr) {
      wrong(member.line, path,
            fmt::format("there is no provider type '{}'; there is {}", shown(type), names_of(file_.types)));
    }
    named.insert(member.key);
    all.emplace_back(member.key, type);
  }
  for (auto& built_in : file_.mapping) {
    if (!named.contains(built_in.first)) all.push_back(std::move(built_in));
  }
  if (all.size() > mapped_providers_max) {
    wrong(section.line, "providerMapping", fmt::format("must name at most {} providers", mapped_providers_max));
  }
  file_.mapping = std::move(all);
}

void Reader::messages(const LocatedMember& section) {
  const LocatedValue& all = object(section, "uiMessaging");
  known_keys(all, "uiMessaging.", {"normal", "extended", "deepWait", "stallSuspected", "error"});
  for (const LocatedMember& member : all.members) {
    const std::string path = "uiMessaging." + member.key;
    const LocatedValue& value = object(member, path);
    known_keys(value, path + ".",
               {"statusLabel", "contextHint", "iconColor", "progressStyle", "helpLink", "showFallbackButton",
                "autoShowFallbackPanel"});
    CategoryMessage& message = file_.messages[member.key];
    if (const auto* found = value.find("statusLabel")) {
      message.status_label = text(*found, path + ".statusLabel");
      if (const auto why = name_problem(message.status_label)) wrong(found->line, path + ".statusLabel", *why);
    }
    if (const auto* found = value.find("contextHint")) {
      const bool none = found->value.kind == LocatedValue::Kind::null;
      message.context_hint = none ? "" : shown_line(*found, path + ".contextHint");
    }
    ignored_texts(value, path + ".", {"iconColor", "progressStyle", "helpLink"});
    for (const std::string_view key : {"showFallbackButton", "autoShowFallbackPanel"}) {
      if (const auto* found = value.find(key)) boolean(*found, path + "." + std::string(key));
    }
  }
}

/// Numbers that are good by themselves may be none together: 1 ms × 0.1 is no patience at all.
void Reader::every_type_under_every_patience() const {
  for (const TypeEntry& type : file_.types) {
    for (const PatienceProfile& patience : file_.patience)
      check_scaled(type, patience);
  }
}

void Reader::check_scaled(const TypeEntry& type, const PatienceProfile& patience) const {
  const TimeoutProfile made = scaled(type, patience);
  const std::string of_type = "profiles." + shown(type.name) + ".";
  const std::string of_patience = "patienceProfiles." + shown(patience.name) + ".";
  const std::string under = fmt::format("under the patience profile {} ", shown(patience.name));
  const milliseconds normal = made.normal_threshold, extended = made.extended_threshold,
                     deep_wait = made.deep_wait_threshold;
  // Rounding may make two of them equal; they rise in the file, so none is smaller than the one before it.
  if (normal < milliseconds(1) || deep_wait > patience_max) {
    blame({of_patience + "timeoutMultiplier", of_type + "normalThresholdMs", of_type + "extendedThresholdMs",
           of_type + "deepWaitThresholdMs"},
          fmt::format("{}the thresholds of {} would be {}, {} and {} ms; they must be 1 to {}", under, shown(type.name),
                      normal.count(), extended.count(), deep_wait.count(), patience_max.count()));
  }
  const auto silence = [&](milliseconds allowed) { return allowed >= milliseconds(1) && allowed <= patience_max; };
  if (!silence(made.stall_threshold())) {
    blame({of_patience + "stallMultiplier", of_type + "stallSuspicionMultiplier", of_type + "heartbeatIntervalMs"},
          fmt::format("{}the stall threshold of {} would be {} ms; it must be 1 to {}", under, shown(type.name),
                      made.stall_threshold().count(), patience_max.count()));
  }
  if (made.first_progress_threshold && !silence(*made.first_progress_threshold)) {
    blame({of_patience + "stallMultiplier", of_type + "firstProgressThresholdMs"},
          fmt::format("{}the silence allowed to {} before its first progress would be {} ms; it must be 1 to {}", under,
                      shown(type.name), made.first_progress_threshold->count(), patience_max.count()));
  }
}

/// At the first of these keys that the file itself gives: without it the numbers would be the built-in, good ones.
void Reader::blame(std::initializer_list<std::string> paths, const std::string& why) const {
  const auto blamed = std::ranges::find_if(paths, [&](const std::string& path) { return lines_.contains(path); });
  HOLDFAST_CHECK(blamed != paths.end(), "what is laid over good numbers is at fault when they are good no longer");
  wrong(lines_.at(*blamed), *blamed, why);
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
