#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/instant.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast::api {

/// Reads the keys of one object. The first thing that is wrong is kept, and what is read after it has no meaning.
///
/// Lifetime: object and problem outlive it. Threads: none.
class Reader {
 public:
  Reader(const boost::json::object& object, std::string& problem, std::string where = "")
      : object_(object), problem_(problem), where_(std::move(where)) {}

  std::string words(std::string_view key) {
    const boost::json::value* value = find(key);
    if (value == nullptr) return {};
    if (const boost::json::string* text = value->if_string()) return std::string(*text);
    return wrong(key, "is no string"), std::string();
  }
  /// Null is empty.
  std::string optional_words(std::string_view key) { return is_null(key) ? std::string() : words(key); }

  bool flag(std::string_view key) {
    const boost::json::value* value = find(key);
    if (value == nullptr) return false;
    if (const bool* truth = value->if_bool()) return *truth;
    return wrong(key, "is neither true nor false"), false;
  }
  template <class Number>
  Number number(std::string_view key) {
    const boost::json::value* value = find(key);
    if (value == nullptr) return 0;
    boost::system::error_code error;
    const Number out = value->to_number<Number>(error);
    if (!value->is_number() || error) return wrong(key, "is no number of its kind"), Number(0);
    return out;
  }
  template <class Number>
  std::optional<Number> optional_number(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return number<Number>(key);
  }
  milliseconds ms(std::string_view key) { return milliseconds(number<std::int64_t>(key)); }
  std::optional<milliseconds> optional_ms(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return ms(key);
  }
  WallTime time(std::string_view key) {
    const auto time = parse_rfc3339(words(key));
    if (!time) wrong(key, "is no time as this writes it (2026-11-23T07:22:00.123Z)");
    return time.value_or(WallTime{});
  }
  std::optional<WallTime> optional_time(std::string_view key) {
    if (is_null(key)) return std::nullopt;
    return time(key);
  }
  /// One of the names of a closed set whose last member is `last`.
  template <class Enum>
  Enum one_of(std::string_view key, Enum last) {
    const std::string said = words(key);
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      if (name(static_cast<Enum>(i)) == said) return static_cast<Enum>(i);
    }
    wrong(key, "is '" + said.substr(0, 40) + "', which is none of its names");
    return last;
  }
  std::vector<std::string> list(std::string_view key) {
    std::vector<std::string> out;
    for (const boost::json::value& each : array(key)) {
      if (const boost::json::string* text = each.if_string()) {
        out.emplace_back(*text);
      } else {
        wrong(key, "holds what is no string");
      }
    }
    return out;
  }
  /// The same; null among them is empty.
  std::vector<std::string> list_with_gaps(std::string_view key) {
    std::vector<std::string> out;
    for (const boost::json::value& each : array(key)) {
      if (!each.is_string() && !each.is_null()) wrong(key, "holds what is neither a string nor null");
      out.emplace_back(each.is_string() ? std::string_view(each.get_string()) : std::string_view());
    }
    return out;
  }
  /// `read` makes one value of each object of the array.
  template <class Read>
  auto objects(std::string_view key, Read read) {
    std::vector<decltype(read(std::declval<Reader&>()))> out;
    for (const boost::json::value& each : array(key)) {
      const boost::json::object* object = each.if_object();
      if (object == nullptr) return wrong(key, "holds what is no object"), out;
      Reader inner(*object, problem_, where_ + std::string(key) + ".");
      out.push_back(read(inner));
    }
    return out;
  }
  /// `read` makes a value of the object; a value as it is made by default where that is null.
  template <class Read>
  auto object(std::string_view key, Read read) {
    using Value = decltype(read(std::declval<Reader&>()));
    const boost::json::value* value = find(key);
    if (value == nullptr || value->is_null()) return Value{};
    const boost::json::object* object = value->if_object();
    if (object == nullptr) return wrong(key, "is no object"), Value{};
    Reader inner(*object, problem_, where_ + std::string(key) + ".");
    return read(inner);
  }
  bool is_null(std::string_view key) {
    const boost::json::value* value = find(key);
    return value == nullptr || value->is_null();
  }
  /// There, and not null: for keys that may be left out.
  bool has(std::string_view key) {
    seen_.push_back(key);
    const boost::json::value* value = object_.if_contains(key);
    return value != nullptr && !value->is_null();
  }
  /// Left out or null is empty.
  std::string maybe_words(std::string_view key) { return has(key) ? words(key) : std::string(); }
  std::optional<milliseconds> maybe_ms(std::string_view key) {
    return has(key) ? std::optional(ms(key)) : std::nullopt;
  }
  std::vector<std::string> maybe_list(std::string_view key) {
    return has(key) ? list(key) : std::vector<std::string>();
  }
  bool flag_or(std::string_view key, bool otherwise) { return has(key) ? flag(key) : otherwise; }
  /// A key that nobody has asked for is wrong. Called last.
  void refuse_unknown() {
    for (const auto& each : object_) {
      if (std::ranges::find(seen_, std::string_view(each.key())) == seen_.end()) {
        return wrong(std::string_view(each.key()).substr(0, 60), "is not known here");
      }
    }
  }
  void wrong(std::string_view key, const std::string& why) {
    if (problem_.empty()) problem_ = "key '" + where_ + std::string(key) + "' " + why;
  }

 private:
  const boost::json::value* find(std::string_view key) {
    seen_.push_back(key);
    const boost::json::value* value = object_.if_contains(key);
    if (value == nullptr) wrong(key, "is missing");
    return value;
  }
  const boost::json::array& array(std::string_view key) {
    static const boost::json::array none;
    const boost::json::value* value = find(key);
    if (value == nullptr) return none;
    if (const boost::json::array* array = value->if_array()) return *array;
    return wrong(key, "is no list"), none;
  }

  const boost::json::object& object_;
  std::string& problem_;
  std::string where_;
  std::vector<std::string_view> seen_{};  ///< keys that were asked for: literals
};

}  // namespace holdfast::api
