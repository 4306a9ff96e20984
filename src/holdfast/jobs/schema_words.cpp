#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "holdfast/jobs/answer_schema.hpp"

namespace holdfast::jobs {
namespace {

namespace json = boost::json;

/// What stands behind a word.
enum class Shape : unsigned char {
  schema,
  schema_or_flag,
  schema_or_schemas,
  schemas,
  named_schemas,
  pattern_schemas,
  dependencies,
  type,
  names,
  values,
  pattern,
  number,
  count,
  flag,
  reference,
  anything,  ///< it explains, and is not checked
};

struct Word {
  std::string_view name;
  Shape shape = Shape::anything;
};

constexpr std::array words = {Word{"type", Shape::type},
                              Word{"properties", Shape::named_schemas},
                              Word{"required", Shape::names},
                              Word{"additionalProperties", Shape::schema_or_flag},
                              Word{"patternProperties", Shape::pattern_schemas},
                              Word{"minProperties", Shape::count},
                              Word{"maxProperties", Shape::count},
                              Word{"dependencies", Shape::dependencies},
                              Word{"items", Shape::schema_or_schemas},
                              Word{"additionalItems", Shape::schema_or_flag},
                              Word{"minItems", Shape::count},
                              Word{"maxItems", Shape::count},
                              Word{"uniqueItems", Shape::flag},
                              Word{"minLength", Shape::count},
                              Word{"maxLength", Shape::count},
                              Word{"pattern", Shape::pattern},
                              Word{"minimum", Shape::number},
                              Word{"maximum", Shape::number},
                              Word{"exclusiveMinimum", Shape::flag},
                              Word{"exclusiveMaximum", Shape::flag},
                              Word{"multipleOf", Shape::number},
                              Word{"enum", Shape::values},
                              Word{"allOf", Shape::schemas},
                              Word{"anyOf", Shape::schemas},
                              Word{"oneOf", Shape::schemas},
                              Word{"not", Shape::schema},
                              Word{"$ref", Shape::reference},
                              Word{"definitions", Shape::named_schemas},
                              Word{"$defs", Shape::named_schemas},
                              Word{"$schema", Shape::anything},
                              Word{"$id", Shape::anything},
                              Word{"id", Shape::anything},
                              Word{"$comment", Shape::anything},
                              Word{"title", Shape::anything},
                              Word{"description", Shape::anything},
                              Word{"default", Shape::anything},
                              Word{"examples", Shape::anything},
                              Word{"format", Shape::anything}};
constexpr std::array<std::string_view, 7> types = {"object", "array", "string", "number", "integer", "boolean", "null"};
/// One reference may lead to the next; a longer way goes round in a circle.
constexpr int references_max = 32;

bool is_texts(const json::value& value) {
  const auto* list = value.if_array();
  return list != nullptr && std::ranges::all_of(*list, [](const json::value& each) { return each.is_string(); });
}

bool is_type(const json::value& value) {
  const auto* text = value.if_string();
  return text != nullptr && std::ranges::find(types, std::string_view(*text)) != types.end();
}

bool is_count(const json::value& value) {
  return (value.is_int64() && value.get_int64() >= 0) || value.is_uint64();
}

std::string escaped(std::string_view key) {
  std::string out;
  for (const char each : key) {
    if (each == '~') {
      out += "~0";
    } else if (each == '/') {
      out += "~1";
    } else {
      out += each;
    }
  }
  return out;
}

/// Walks a schema and finds the first thing in it that would not be checked.
class Walk {
 public:
  explicit Walk(const json::value& root) : root_(root) {}

  using Found = std::optional<std::string>;

  Found schema(const json::value& value, const std::string& place) const {
    const auto* object = value.if_object();
    if (object == nullptr) return at(place, "must be an object");
    for (const auto& [key, inner] : *object) {
      const std::string_view name(key.data(), key.size());
      const auto* word = std::ranges::find(words, name, &Word::name);
      if (word == words.end()) return at(place, fmt::format("'{}' is no word that can be checked", name));
      if (object->contains("$ref") && word->shape != Shape::anything && word->shape != Shape::reference &&
          word->shape != Shape::named_schemas) {
        return at(place, fmt::format("'{}' beside $ref would not be checked", name));
      }
      if (Found found = shaped(word->shape, inner, place + "/" + escaped(name))) return found;
    }
    return std::nullopt;
  }

 private:
  static Found at(const std::string& place, std::string_view what) {
    return fmt::format("{} {}", place.empty() ? "the schema:" : place, what);
  }
  static Found unless(bool good, const std::string& place, std::string_view what) {
    return good ? std::nullopt : at(place, what);
  }

  Found shaped(Shape shape, const json::value& value, const std::string& place) const {
    switch (shape) {
      case Shape::schema:
        return schema(value, place);
      case Shape::schema_or_flag:
        return value.is_bool() ? std::nullopt : schema(value, place);
      case Shape::schema_or_schemas:
        return value.is_array() ? list(value, place) : schema(value, place);
      case Shape::schemas:
        return list(value, place);
      case Shape::named_schemas:
      case Shape::pattern_schemas:
      case Shape::dependencies:
        return named(shape, value, place);
      case Shape::type: {
        const auto* several = value.if_array();
        const bool good =
            several != nullptr ? !several->empty() && std::ranges::all_of(*several, is_type) : is_type(value);
        return unless(good, place, fmt::format("must be of {}", fmt::join(types, ", ")));
      }
      case Shape::names:
        return unless(is_texts(value), place, "must be a list of names");
      case Shape::values:
        return unless(value.is_array() && !value.get_array().empty(), place, "must be a list of values");
      case Shape::pattern:
        return unless(value.is_string() && detail::is_pattern(std::string(value.get_string())), place,
                      "is no regular expression that can be checked");
      case Shape::number:
        return unless(value.is_number(), place, "must be a number");
      case Shape::count:
        return unless(is_count(value), place, "must be a whole number from 0");
      case Shape::flag:
        return unless(value.is_bool(), place, "must be true or false (as in draft 4)");
      case Shape::reference:
        return reference(value, place);
      case Shape::anything:
        return std::nullopt;
    }
    __builtin_unreachable();
  }

  Found list(const json::value& value, const std::string& place) const {
    const auto* each = value.if_array();
    if (each == nullptr || each->empty()) return at(place, "must be a list of schemas");
    for (std::size_t i = 0; i < each->size(); ++i) {
      if (Found found = schema((*each)[i], fmt::format("{}/{}", place, i))) return found;
    }
    return std::nullopt;
  }

  Found named(Shape shape, const json::value& value, const std::string& place) const {
    const auto* object = value.if_object();
    if (object == nullptr) return at(place, "must be an object");
    for (const auto& [key, inner] : *object) {
      const std::string here = place + "/" + escaped({key.data(), key.size()});
      if (shape == Shape::pattern_schemas && !detail::is_pattern(std::string(key))) {
        return at(here, "is no regular expression that can be checked");
      }
      if (shape == Shape::dependencies && is_texts(inner)) continue;
      if (Found found = schema(inner, here)) return found;
    }
    return std::nullopt;
  }

  /// Inside this schema, to an object, and not round in a circle.
  Found reference(const json::value& value, const std::string& place) const {
    const json::value* to = &value;
    for (int i = 0; i < references_max; ++i) {
      const auto* text = to->if_string();
      if (text == nullptr || !text->starts_with('#') || text->find('%') != json::string::npos) {
        return at(place, "must be a place inside this schema, such as \"#/definitions/scene\"");
      }
      boost::system::error_code error;
      const json::value* target = root_.find_pointer(text->subview(1), error);
      if (error || target == nullptr || !target->is_object()) return at(place, "leads nowhere");
      to = target->get_object().if_contains("$ref");
      if (to == nullptr) return std::nullopt;
    }
    return at(place, "leads back to itself");
  }

  const json::value& root_;
};

}  // namespace

std::optional<std::string> check_schema(const json::value& schema) {
  return Walk(schema).schema(schema, "");
}

}  // namespace holdfast::jobs
