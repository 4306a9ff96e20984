#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/toml/toml.hpp"

namespace holdfast {

/// One table of a TOML file, read key by key. What was never asked for is unknown.
///
/// The accessors answer nothing where the key is absent, and where its value is wrong: that is a problem with its line,
/// and the reading goes on. A text with a NUL character in it is wrong everywhere: no path, argument or name may hold
/// one.
///
/// Owns: nothing; table and problems must outlive it.
class TomlReader {
 public:
  /// `where` is how messages name the table: "[server]", "provider 'Ollama'". `line` is where it begins.
  TomlReader(const TomlTable& table, std::uint32_t line, std::string where, Problems& problems)
      : table_(table), line_(line), where_(std::move(where)), problems_(problems) {}

  const std::string& where() const { return where_; }
  void rename(std::string where) { where_ = std::move(where); }

  /// The value of whatever type; marks the key as known.
  const TomlValue* find(std::string_view key);
  /// The same, where it has this type.
  const TomlValue* find(std::string_view key, TomlType type);

  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  /// A whole number, both bounds included.
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  /// A list of texts.
  std::optional<std::vector<std::string>> texts(std::string_view key);
  /// A table whose values are texts.
  std::vector<std::pair<std::string, std::string>> texts_by_name(std::string_view key);
  /// `[key]`: its table and line.
  const TomlValue* table(std::string_view key);
  /// `[[key]]`: its tables; a plain `[key]` is told apart and explained. At most `count_max`.
  std::vector<const TomlValue*> tables(std::string_view key, std::size_t count_max);

  /// A key that is known and refused, with the reason: "KEY WHY".
  void refuse(std::string_view key, std::string_view why);
  /// The line of a key, else that of the table.
  std::uint32_t line(std::string_view key) const;
  /// A problem at the line of the key: "WHERE: MESSAGE".
  void problem(std::string_view key, std::string_view message);

  /// Every key that nobody asked for is a problem, with the nearest known one.
  void finish();

 private:
  const TomlEntry* entry(std::string_view key) const;
  /// A text without NUL, else a problem.
  bool sound(const TomlValue& value, std::string_view what);

  const TomlTable& table_;
  std::uint32_t line_;
  std::string where_;
  Problems& problems_;
  std::vector<std::string_view> known_, refused_;  ///< keys are literals of the caller's
};

}  // namespace holdfast
