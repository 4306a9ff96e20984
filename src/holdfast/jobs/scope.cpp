#include "holdfast/jobs/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <charconv>
#include <cmath>

#include "holdfast/toml/problems.hpp"

namespace holdfast {
namespace {

constexpr std::size_t keys_shown_max = 8;

Failure missing(std::string message) {
  return {Errc::invalid_argument, std::move(message)};
}

/// What stands somewhere, for the message about what does not.
std::string described(const boost::json::value& value) {
  if (const auto* list = value.if_array()) {
    if (list->empty()) return "is an empty list";
    return fmt::format("is a list of {} (0 to {})", list->size(), list->size() - 1);
  }
  const auto* object = value.if_object();
  if (!object) return fmt::format("is {}", shown(inserted(value)));
  if (object->empty()) return "is empty";
  std::string keys;
  std::size_t count = 0;
  for (const auto& each : *object) {
    if (count == keys_shown_max) {
      keys += ", …";
      break;
    }
    keys += (count++ == 0 ? "" : ", ") + shown(std::string_view(each.key()));
  }
  return fmt::format("has {}", keys);
}

const boost::json::value* child(const boost::json::value& value, std::string_view key) {
  if (const auto* object = value.if_object()) return object->if_contains(key);
  const auto* list = value.if_array();
  if (!list) return nullptr;
  std::size_t position = 0;
  const auto read = std::from_chars(key.data(), key.data() + key.size(), position);
  if (read.ec != std::errc() || read.ptr != key.data() + key.size()) return nullptr;
  return list->if_contains(position);
}

/// Compact, like Boost's own serialiser, but for numbers: that one writes 1.5 as 1.5E0.
void append_json(std::string& out, const boost::json::value& value) {
  if (const auto* real = value.if_double()) {
    out += std::isfinite(*real) ? fmt::format("{}", *real) : "null";
  } else if (const auto* list = value.if_array()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, (*list)[i]);
    }
    out += ']';
  } else if (const auto* object = value.if_object()) {
    out += '{';
    bool first = true;
    for (const auto& each : *object) {
      if (!std::exchange(first, false)) out += ',';
      out += boost::json::serialize(boost::json::string_view(each.key())) + ':';
      append_json(out, each.value());
    }
    out += '}';
  } else {
    out += boost::json::serialize(value);
  }
}

Failure about_stage(std::string_view stage, const Failure& failure) {
  return {failure.code, fmt::format("the output of stage '{}' {}", shown(stage), failure.message)};
}

}  // namespace

std::optional<std::string_view> longest_name(std::string_view rest,
                                             const std::function<bool(std::string_view)>& known) {
  for (std::size_t end = rest.size(); end != std::string_view::npos && end > 0; end = rest.rfind('.', end - 1)) {
    if (known(rest.substr(0, end))) return rest.substr(0, end);
  }
  return std::nullopt;
}

std::string inserted(const boost::json::value& value) {
  if (const auto* text = value.if_string()) return std::string(std::string_view(*text));
  std::string out;
  append_json(out, value);
  return out;
}

result<boost::json::value> parse_json(std::string_view text) {
  boost::json::stream_parser parser;
  boost::system::error_code wrong;
  const std::size_t read = parser.write_some(text.data(), text.size(), wrong);
  if (!wrong && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
    wrong = boost::json::error::extra_data;
  }
  if (!wrong) parser.finish(wrong);
  if (wrong) {
    const auto line = 1 + std::ranges::count(text.substr(0, read), '\n');
    return missing(fmt::format("is not JSON: {} in line {}", wrong.message(), line));
  }
  return parser.release();
}

result<const boost::json::value*> at_path(const boost::json::value& root, std::string_view path) {
  const boost::json::value* at = &root;
  for (std::size_t begin = 0; !path.empty() && begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const boost::json::value* next = child(*at, path.substr(begin, end - begin));
    if (!next) {
      const std::string_view before = path.substr(0, begin == 0 ? 0 : begin - 1);
      return missing(fmt::format("has no '{}': {} {}", shown(path.substr(0, end)),
                                 before.empty() ? "it" : fmt::format("'{}'", shown(before)), described(*at)));
    }
    at = next;
    begin = end + 1;
  }
  return at;
}

void Scope::set_stage(std::string name, StageOutput output) {
  auto kept = std::make_shared<Kept>();
  kept->texts.resize(output.files.size());
  kept->parsed.resize(output.files.size());
  kept->output = std::move(output);
  stages_[std::move(name)] = std::move(kept);
}

result<std::string> Scope::input(std::string_view name) const {
  const auto found = inputs_.find(name);
  if (found == inputs_.end()) return missing(fmt::format("there is no input '{}'", shown(name)));
  return result<std::string>(boost::system::in_place_value, found->second);
}

result<Scope::Stages::const_iterator> Scope::find(std::string_view name) const {
  const auto found = stages_.find(name);
  if (found == stages_.end()) return missing(fmt::format("there is no finished stage '{}'", shown(name)));
  return found;
}

std::optional<std::size_t> Scope::same_item(const Kept& kept) const {
  if (!item || item->source.empty() || item->source != kept.output.item_source) return std::nullopt;
  if (item->index == 0 || item->index > kept.output.files.size()) return std::nullopt;
  return item->index - 1;
}

result<const std::string*> Scope::text_of(Stages::const_iterator stage, std::size_t i) {
  Kept& kept = *stage->second;
  if (!kept.texts[i]) {
    if (!kept.output.read) return about_stage(stage->first, missing("cannot be read as text"));
    auto text = kept.output.read(i);
    if (!text) return about_stage(stage->first, text.error());
    kept.texts[i] = std::move(*text);
  }
  return &*kept.texts[i];
}

result<const boost::json::value*> Scope::json_of(Stages::const_iterator stage, std::size_t i) {
  Kept& kept = *stage->second;
  if (!kept.parsed[i]) {
    const auto text = text_of(stage, i);
    if (!text) return text.error();
    auto value = parse_json(**text);
    if (!value) return about_stage(stage->first, value.error());
    kept.parsed[i] = std::move(*value);
  }
  return &*kept.parsed[i];
}

result<std::string> Scope::whole_text(Stages::const_iterator stage) const {
  const Kept& kept = *stage->second;
  const auto same = same_item(kept);
  std::string out;
  for (std::size_t i = same.value_or(0); i < (same ? *same + 1 : kept.output.files.size()); ++i) {
    const auto text = text_of(stage, i);
    if (!text) return text.error();
    if (!out.empty() && !out.ends_with('\n')) out += '\n';
    out += **text;
  }
  return result<std::string>(boost::system::in_place_value, std::move(out));
}

result<const boost::json::value*> Scope::root_of(Stages::const_iterator stage) const {
  Kept& kept = *stage->second;
  if (const auto same = same_item(kept)) return json_of(stage, *same);
  if (!kept.output.each) {
    if (kept.output.files.empty()) return about_stage(stage->first, missing("is not there"));
    return json_of(stage, 0);
  }
  if (!kept.all) {
    boost::json::array all;
    for (std::size_t i = 0; i < kept.output.files.size(); ++i) {
      const auto value = json_of(stage, i);
      if (!value) return value.error();
      all.push_back(**value);
    }
    kept.all = std::move(all);
  }
  return &*kept.all;
}

result<std::pair<Scope::Stages::const_iterator, std::string_view>> Scope::stage_and_path(std::string_view rest) const {
  const auto name = longest_name(rest, [&](std::string_view each) { return stages_.contains(each); });
  if (!name) return missing(fmt::format("there is no finished stage '{}'", shown(rest.substr(0, rest.find('.')))));
  return std::pair(stages_.find(*name), rest.substr(std::min(name->size() + 1, rest.size())));
}

result<boost::json::value> Scope::stage_json(std::string_view rest) const {
  const auto found = stage_and_path(rest);
  if (!found) return found.error();
  const auto& [stage, path] = *found;
  const auto root = root_of(stage);
  if (!root) return root.error();
  const auto value = at_path(**root, path);
  if (!value) return about_stage(stage->first, value.error());
  return result<boost::json::value>(boost::system::in_place_value, **value);
}

result<std::string> Scope::stage_value(std::string_view rest) const {
  const auto found = stage_and_path(rest);
  if (!found) return found.error();
  if (found->second.empty()) return whole_text(found->first);
  const auto value = stage_json(rest);
  if (!value) return value.error();
  return inserted(*value);
}

result<std::vector<std::string>> Scope::files(std::string_view name) const {
  const auto found = find(name);
  if (!found) return found.error();
  const Kept& kept = *(*found)->second;
  if (const auto same = same_item(kept)) return std::vector{kept.output.files[*same]};
  return kept.output.files;
}

result<std::string> Scope::item_value(std::string_view path) const {
  if (!item) return missing("there is no item outside a for_each");
  const auto value = at_path(item->value, path);
  if (!value) return missing(fmt::format("item {} {}", item->index, value.error().message));
  return inserted(**value);
}

result<std::string> Scope::index() const {
  if (!item) return missing("there is no index outside a for_each");
  return fmt::format("{:0{}}", item->index, fmt::formatted_size("{}", item->count));
}

}  // namespace holdfast
