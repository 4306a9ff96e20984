#include "holdfast/wire/raw.hpp"

#include <algorithm>
#include <charconv>

#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {

std::optional<RawObject> RawObject::of(std::string_view text) {
  if (json_problem(text)) return std::nullopt;
  MemberWalk walk(text);
  if (!walk.is_object()) return std::nullopt;
  RawObject out;
  while (const auto place = walk.next()) {
    std::string name = string_of_token(text.substr(place->name, place->name_end - place->name));
    if (out.members_.size() == parts_max || !out.get(name).empty()) return std::nullopt;
    out.members_.push_back({std::move(name), std::string(text.substr(place->value, place->value_end - place->value))});
  }
  return out;
}

std::string_view RawObject::get(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &RawMember::name);
  return found == members_.end() ? std::string_view() : std::string_view(found->value);
}

std::string_view RawObject::given(std::string_view name) const {
  const std::string_view value = get(name);
  return value == "null" ? std::string_view() : value;
}

std::optional<std::string> RawObject::string(std::string_view name) const {
  const std::string_view value = get(name);
  if (!value.starts_with('"')) return std::nullopt;
  return string_of_token(value);
}

std::optional<std::size_t> RawObject::index(std::string_view name) const {
  const std::string_view value = get(name);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number >= parts_max) return std::nullopt;
  return number;
}

std::string_view RawObject::other_than(std::initializer_list<std::string_view> names) const {
  for (const RawMember& each : members_) {
    if (each.value != "null" && std::ranges::find(names, each.name) == names.end()) return each.name;
  }
  return {};
}

void RawObject::set(std::string_view name, std::string_view value) {
  const auto found = std::ranges::find(members_, name, &RawMember::name);
  if (found != members_.end()) {
    found->value = value;
  } else {
    members_.push_back({std::string(name), std::string(value)});
  }
}

void RawObject::set_string(std::string_view name, std::string_view text) {
  set(name, token_of_string(text));
}

void RawObject::erase(std::string_view name) {
  std::erase_if(members_, [name](const RawMember& each) { return each.name == name; });
}

std::string RawObject::text() const {
  std::string out = "{";
  for (const RawMember& each : members_) {
    if (out.size() > 1) out += ",";
    out.append(token_of_string(each.name)).append(":").append(each.value);
  }
  return out + "}";
}

}  // namespace holdfast::wire
