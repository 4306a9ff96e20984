#include "holdfast/toml/toml_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast {
namespace {

std::string wrong_type(std::string_view what, TomlType is, TomlType wanted) {
  return fmt::format("{} is {}; it must be {}", what, name(is), name(wanted));
}

}  // namespace

const TomlEntry* TomlReader::entry(std::string_view key) const {
  const auto found = std::ranges::find(table_, key, &TomlEntry::key);
  return found == table_.end() ? nullptr : &*found;
}

const TomlValue* TomlReader::find(std::string_view key) {
  known_.push_back(key);
  const TomlEntry* found = entry(key);
  return found ? &found->value : nullptr;
}

const TomlValue* TomlReader::find(std::string_view key, TomlType type) {
  const TomlValue* value = find(key);
  if (!value || value->type() == type) return value;
  problem(key, wrong_type(key, value->type(), type));
  return nullptr;
}

bool TomlReader::sound(const TomlValue& value, std::string_view what) {
  const auto* text = value.as<std::string>();
  if (!text) {
    problems_.add(value.place.line, fmt::format("{}: {}", where_, wrong_type(what, value.type(), TomlType::string)));
    return false;
  }
  const std::size_t nul = text->find('\0');
  if (nul == std::string::npos) return true;
  problems_.add(value.line_of(nul), fmt::format("{}: {} contains a NUL character", where_, what));
  return false;
}

std::optional<std::string> TomlReader::text(std::string_view key) {
  const TomlValue* value = find(key);
  if (!value || !sound(*value, key)) return std::nullopt;
  return *value->as<std::string>();
}

std::optional<bool> TomlReader::boolean(std::string_view key) {
  const TomlValue* value = find(key, TomlType::boolean);
  return value ? std::optional(*value->as<bool>()) : std::nullopt;
}

std::optional<std::int64_t> TomlReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const TomlValue* value = find(key, TomlType::integer);
  if (!value) return std::nullopt;
  const std::int64_t number = *value->as<std::int64_t>();
  if (number >= min && number <= max) return number;
  problem(key, fmt::format("{} is {}; it must be from {} to {}", key, number, min, max));
  return std::nullopt;
}

std::optional<std::vector<std::string>> TomlReader::texts(std::string_view key) {
  const TomlValue* value = find(key, TomlType::array);
  if (!value) return std::nullopt;
  std::vector<std::string> out;
  bool good = true;
  for (const TomlValue& each : *value->as<TomlArray>()) {
    if (sound(each, fmt::format("an entry of {}", key))) {
      out.push_back(*each.as<std::string>());
    } else {
      good = false;
    }
  }
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> TomlReader::texts_by_name(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> out;
  const TomlValue* value = find(key, TomlType::table);
  if (!value) return out;
  for (const TomlEntry& each : *value->as<TomlTable>()) {
    if (sound(each.value, fmt::format("{}.{}", key, shown(each.key)))) {
      out.emplace_back(each.key, *each.value.as<std::string>());
    }
  }
  return out;
}

const TomlValue* TomlReader::table(std::string_view key) {
  return find(key, TomlType::table);
}

std::vector<const TomlValue*> TomlReader::tables(std::string_view key, std::size_t count_max) {
  std::vector<const TomlValue*> out;
  const TomlValue* value = find(key);
  if (!value) return out;
  const auto* array = value->as<TomlArray>();
  if (!array) {
    problem(key, fmt::format("{0} is {1}; write [[{0}]] above each of them", key, name(value->type())));
    return out;
  }
  if (array->size() > count_max) {
    problem(key, fmt::format("there are {} {}; at most {} are allowed", array->size(), key, count_max));
    return out;
  }
  for (const TomlValue& each : *array) {
    if (each.type() == TomlType::table) {
      out.push_back(&each);
    } else {
      problems_.add(
          each.place.line,
          fmt::format("{}: {}", where_, wrong_type(fmt::format("an entry of {}", key), each.type(), TomlType::table)));
    }
  }
  return out;
}

void TomlReader::refuse(std::string_view key, std::string_view why) {
  const TomlEntry* found = entry(key);
  // Not among the known ones that an unknown key is compared with: nobody is to be led to a refused key.
  if (found) problem(key, fmt::format("{} {}", key, why));
  refused_.push_back(key);
}

std::uint32_t TomlReader::line(std::string_view key) const {
  const TomlEntry* found = entry(key);
  return found ? found->place.line : line_;
}

void TomlReader::problem(std::string_view key, std::string_view message) {
  problems_.add(line(key), fmt::format("{}: {}", where_, message));
}

void TomlReader::finish() {
  for (const TomlEntry& each : table_) {
    if (std::ranges::count(known_, each.key) + std::ranges::count(refused_, each.key) > 0) continue;
    problems_.add(each.place.line,
                  fmt::format("{}: unknown key '{}'{}", where_, shown(each.key), suggestion(each.key, known_)));
  }
}

}  // namespace holdfast
