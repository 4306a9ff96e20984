#pragma once

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "holdfast/wire/limits.hpp"

/// Reading what a provider says in JSON: what is not there, or of another kind, is empty.
namespace holdfast::wire {

/// One frame's JSON in memory of its own, most of it on the stack: a frame is read in less than a microsecond.
/// Lives where it is made: views and pointers into it hold as long.
class ParsedObject {
 public:
  explicit ParsedObject(std::string_view text) : memory_(room_.data(), room_.size()) {
    boost::json::parse_options options;
    options.max_depth = json_depth_max;
    boost::system::error_code error;
    boost::json::value value =
        boost::json::parse(boost::json::string_view(text.data(), text.size()), error, &memory_, options);
    if (!error && value.is_object()) object_.emplace(std::move(value.get_object()));
  }
  ParsedObject(const ParsedObject&) = delete;
  ParsedObject& operator=(const ParsedObject&) = delete;

  /// Nothing: the text is no JSON object.
  const boost::json::object* get() const { return object_ ? &*object_ : nullptr; }

 private:
  std::array<unsigned char, 4096> room_;
  boost::json::monotonic_resource memory_;
  std::optional<boost::json::object> object_;
};

inline const boost::json::value* member(const boost::json::object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}
inline const boost::json::object* object_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  return value == nullptr ? nullptr : value->if_object();
}
inline const boost::json::array* array_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  return value == nullptr ? nullptr : value->if_array();
}
inline std::string_view text_of(const boost::json::value& value) {
  const boost::json::string* text = value.if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}
inline std::string_view text_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  return value == nullptr ? std::string_view() : text_of(*value);
}
inline std::optional<std::int64_t> integer_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->is_number() ? value->to_number<std::int64_t>(error) : 0;
  if (!value->is_number() || error) return std::nullopt;
  return number;
}
inline std::optional<double> number_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  boost::system::error_code error;
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>(error);
}
inline bool true_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = member(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace holdfast::wire
