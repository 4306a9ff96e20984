#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "holdfast/toml/problems.hpp"

/// TOML as values that know where they stand. The parser behind it is toml++, seen by `toml.cpp` alone.
namespace holdfast {

/// A configuration or job file of more is a mistake (a thousand stages fit ten times); the parser holds it in memory.
inline constexpr std::size_t toml_bytes_max = 1024 * 1024;
/// Tables within tables. Holdfast's own keys need four; without a limit a short file overflows the stack.
inline constexpr std::size_t toml_depth_max = 32;

enum class TomlType : unsigned char { table, array, string, integer, real, boolean, time };

/// As the end of a sentence: "a table", "a list", "a text", "a whole number", "a number", "true or false", "a time".
std::string_view name(TomlType type) noexcept;

struct TomlPlace {
  std::uint32_t line = 1;    ///< from 1
  std::uint32_t column = 1;  ///< from 1, in characters

  bool operator==(const TomlPlace&) const = default;
};

/// Dates and times are recognised and nowhere wanted.
struct TomlTime {};

struct TomlEntry;
struct TomlValue;
/// In the order of the file.
using TomlTable = std::vector<TomlEntry>;
using TomlArray = std::vector<TomlValue>;

struct TomlValue {
  TomlPlace place;
  std::uint32_t text_line = 1;  ///< strings: the line of the first character; one below the `"""` that opens it
  std::uint32_t last_line = 1;
  std::variant<TomlTable, TomlArray, std::string, std::int64_t, double, bool, TomlTime> data;

  TomlType type() const { return static_cast<TomlType>(data.index()); }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  /// The line of a byte of a string. Exact unless the string itself writes line ends as `\n` or swallows them with a
  /// backslash; then it is a line of that string.
  std::uint32_t line_of(std::size_t offset) const;
};

struct TomlEntry {
  std::string key;
  TomlPlace place;
  TomlValue value;
};

struct TomlDocument {
  std::string file;  ///< as it stands in messages
  TomlValue root;    ///< a table

  const TomlTable& table() const { return std::get<TomlTable>(root.data); }
};

/// Reads the text of a TOML 1.0 file. `file` is for messages only. Problems: more than `toml_bytes_max` bytes, not
/// UTF-8, deeper than `toml_depth_max`, not TOML (the parser stops at the first), a key given twice.
checked<TomlDocument> parse_toml(std::string_view text, std::string file);

/// The same from a file: unreadable ones are a problem too.
checked<TomlDocument> load_toml(const std::filesystem::path& file);

}  // namespace holdfast
