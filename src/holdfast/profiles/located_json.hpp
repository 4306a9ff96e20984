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
  int line = 1;
  bool boolean = false;
  double number = 0.0;
  std::string string{};
  std::vector<LocatedValue> items{};
  std::vector<LocatedMember> members{};  ///< in the order of the file; no key twice

  const LocatedMember* find(std::string_view key) const;
};

struct LocatedMember {
  std::string key{};
  int line = 1;
  LocatedValue value{};
};

/// "object", "string", …
std::string_view name(LocatedValue::Kind kind) noexcept;

inline constexpr std::size_t json_bytes_max = 1 << 20;  ///< a configuration is written by people
inline constexpr std::size_t json_depth_max = 32;

/// JSON with comments and trailing commas. The failure begins with «FILE:LINE: ».
result<LocatedValue> parse_located_json(std::string_view text, std::string_view file);

}  // namespace holdfast::profiles
