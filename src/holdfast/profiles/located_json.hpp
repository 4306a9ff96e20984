#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"

namespace holdfast::profiles {

struct LocatedMember;

/// A JSON value that knows its line, so that whoever finds fault with it can say where.
struct LocatedValue {
  enum class Kind : unsigned char { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  int line = 1;  ///< where it begins, counted from 1
  bool boolean = false;
  double number = 0.0;   ///< finite; the double nearest to the digits in the text
  std::string string{};  ///< valid UTF-8
  std::vector<LocatedValue> items{};
  std::vector<LocatedMember> members;  ///< in the order of the text; no key twice. No braces: clang wants them complete

  const LocatedMember* find(std::string_view key) const;
};

struct LocatedMember {
  std::string key{};
  int line = 1;
  LocatedValue value{};
};

/// "object", "string", …
std::string_view name(LocatedValue::Kind kind) noexcept;

inline constexpr std::size_t json_bytes_max = 1 << 20;     ///< a configuration is written by people
inline constexpr std::size_t json_depth_max = 32;          ///< the tree is destroyed by recursion
inline constexpr std::size_t json_children_max = 1 << 14;  ///< of one object or array
inline constexpr std::size_t shown_bytes_max = 80;         ///< of the user's own text within a message

/// JSON with comments (`//` and `/* */`), trailing commas and a byte order mark.
///
/// Errors: `Errc::config`, «FILE:LINE: what is wrong», with the key path where a key or value is to blame: text that is
/// not UTF-8 or not JSON, a key twice in one object, a number that no double can hold, more than the limits above.
result<LocatedValue> parse_located_json(std::string_view text, std::string_view file);

/// The user's text as it may stand in a message: control characters as `\u001b`, the rest of a long text as «…».
std::string shown(std::string_view text);

}  // namespace holdfast::profiles
