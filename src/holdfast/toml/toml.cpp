#include "holdfast/toml/toml.hpp"

// toml++ 3.3 checks itself with assert(), which bad input such as `[(z` reaches. NDEBUG for this file alone, and no
// instrumentation of its unreachable points (CMakeLists.txt), turn those into the parse error that follows them.
#ifndef NDEBUG
#define NDEBUG
#endif
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "holdfast/toml/text_file.hpp"

namespace holdfast {
namespace {

/// Where each line of the text begins.
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts = {0};
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    starts.push_back(at + 1);
  }
  return starts;
}

/// Looks for tables within tables before the parser does: toml++ follows `a.a.a.a…` without a limit, and so does the
/// destructor of what it builds. Reads strings and comments as TOML does; where the text is no TOML, what comes after
/// that place is never parsed either.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  /// The first line that goes too deep.
  std::optional<std::uint32_t> too_deep() {
    while (at_ < text_.size()) {
      step();
      if (dots_ > toml_depth_max || brackets_ > toml_depth_max) return line_;
    }
    return std::nullopt;
  }

 private:
  void step() {
    const char c = text_[at_];
    switch (c) {
      case '\n':
        ++line_;
        dots_ = 0;
        break;
      case '#':
        skip_comment();
        return;
      case '"':
      case '\'':
        skip_string(c);
        return;
      case '.':
        ++dots_;
        break;
      case '[':
      case '{':
        ++brackets_;
        dots_ = 0;
        break;
      case ']':
      case '}':
        brackets_ -= brackets_ > 0 ? 1 : 0;
        dots_ = 0;
        break;
      case '=':
      case ',':
        dots_ = 0;
        break;
      default:
        break;
    }
    ++at_;
  }

  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  void skip_string(char quote) {
    const std::string_view rest = text_.substr(at_);
    if (rest.size() >= 3 && rest[1] == quote && rest[2] == quote) {
      at_ += 3;
      skip_long_string(quote);
      return;
    }
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\' && quote == '"') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_;
        return;
      }
    }
  }

  void skip_long_string(char quote) {
    const std::string end(3, quote);
    for (; at_ < text_.size(); ++at_) {
      line_ += text_[at_] == '\n' ? 1 : 0;
      if (text_[at_] == '\\' && quote == '"' && at_ + 1 < text_.size()) {
        ++at_;
        line_ += text_[at_] == '\n' ? 1 : 0;
      } else if (text_.substr(at_, 3) == end) {
        at_ += 3;
        // The string itself may end with one or two of its quotes.
        for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote; ++more)
          ++at_;
        return;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::size_t dots_ = 0, brackets_ = 0;
};

/// From toml++'s tree to ours.
class Converter {
 public:
  Converter(std::string_view text, Problems& problems) : text_(text), starts_(line_starts(text)), problems_(problems) {}

  /// `at`: where to point for a node that was never written itself, such as `a` in `[a.b]`.
  TomlValue convert(const toml::node& node, TomlPlace at, std::size_t depth) {
    TomlValue value;
    const toml::source_region& source = node.source();
    value.place = source.begin ? TomlPlace{source.begin.line, source.begin.column} : at;
    value.text_line = value.place.line;
    value.last_line = std::max(value.place.line, source.end ? source.end.line : value.place.line);
    if (depth > toml_depth_max) {
      problems_.add(value.place.line, fmt::format("tables stand deeper than {} within each other", toml_depth_max));
      return value;
    }
    if (const auto* table = node.as_table()) {
      value.data = convert_table(*table, value.place, depth);
    } else if (const auto* array = node.as_array()) {
      value.data = convert_array(*array, value.place, depth);
    } else {
      convert_scalar(node, value);
    }
    return value;
  }

 private:
  TomlTable convert_table(const toml::table& table, TomlPlace at, std::size_t depth) {
    TomlTable out;
    out.reserve(table.size());
    for (const auto& [key, node] : table) {
      const toml::source_position begin = key.source().begin;
      const TomlPlace place = begin ? TomlPlace{begin.line, begin.column} : at;
      out.push_back({std::string(key.str()), place, convert(node, place, depth + 1)});
    }
    // toml++ sorts by key; people read from top to bottom.
    std::ranges::sort(out, {}, [](const TomlEntry& each) {
      return std::tuple(each.place.line, each.place.column, std::string_view(each.key));
    });
    return out;
  }

  TomlArray convert_array(const toml::array& array, TomlPlace at, std::size_t depth) {
    TomlArray out;
    out.reserve(array.size());
    for (const toml::node& node : array)
      out.push_back(convert(node, at, depth + 1));
    return out;
  }

  void convert_scalar(const toml::node& node, TomlValue& value) {
    if (const auto* text = node.as_string()) {
      value.data = text->get();
      if (opens_long_string(value.place)) value.text_line = value.place.line + 1;
    } else if (const auto* whole = node.as_integer()) {
      value.data = whole->get();
    } else if (const auto* real = node.as_floating_point()) {
      value.data = real->get();
    } else if (const auto* yes = node.as_boolean()) {
      value.data = yes->get();
    } else {
      value.data = TomlTime{};
    }
  }

  /// Whether three quotes and a line end stand there: TOML leaves that line end out of the string.
  bool opens_long_string(TomlPlace place) const {
    if (place.line == 0 || place.line > starts_.size()) return false;
    // Columns count characters; what stands before a value in its line may be any key.
    std::size_t at = starts_[place.line - 1];
    for (std::uint32_t column = 1; column < place.column && at < text_.size(); ++column) {
      do
        ++at;
      while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xc0) == 0x80);
    }
    const std::string_view rest = text_.substr(std::min(at, text_.size()));
    if (!rest.starts_with("\"\"\"") && !rest.starts_with("'''")) return false;
    return rest.substr(3).starts_with("\n") || rest.substr(3).starts_with("\r\n");
  }

  std::string_view text_;
  std::vector<std::size_t> starts_;
  Problems& problems_;
};

}  // namespace

std::string_view name(TomlType type) noexcept {
  switch (type) {
    case TomlType::table:
      return "a table";
    case TomlType::array:
      return "a list";
    case TomlType::string:
      return "a text";
    case TomlType::integer:
      return "a whole number";
    case TomlType::real:
      return "a number";
    case TomlType::boolean:
      return "true or false";
    case TomlType::time:
      return "a time";
  }
  return "nothing";
}

std::uint32_t TomlValue::line_of(std::size_t offset) const {
  const auto* text = as<std::string>();
  if (!text || last_line <= place.line) return place.line;
  const std::string_view before = std::string_view(*text).substr(0, offset);
  const auto lines = static_cast<std::uint32_t>(std::ranges::count(before, '\n'));
  return std::min(text_line + lines, last_line);
}

checked<TomlDocument> parse_toml(std::string_view text, std::string file) {
  Problems problems(file);
  if (text.size() > toml_bytes_max) {
    problems.add(0, fmt::format("is larger than {}, which is the limit", spoken_bytes(toml_bytes_max)));
    return problems;
  }
  if (const std::size_t line = broken_utf8_line(text)) {
    problems.add(static_cast<std::uint32_t>(line), "is not valid UTF-8; save it as UTF-8");
    return problems;
  }
  if (const auto line = DepthScan(text).too_deep()) {
    problems.add(*line, fmt::format("tables stand deeper than {} within each other", toml_depth_max));
    return problems;
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    problems.add(error.source().begin.line, fmt::format("is not TOML: {} (column {})", shown(error.description(), 300),
                                                        error.source().begin.column));
    return problems;
  }
  TomlDocument document{std::move(file), Converter(text, problems).convert(parsed.table(), {}, 0)};
  if (!problems.empty()) return problems;
  return document;
}

checked<TomlDocument> load_toml(const std::filesystem::path& file) {
  auto text = read_text_file(file, toml_bytes_max);
  if (!text) return text.error();
  return parse_toml(*text, file.string());
}

}  // namespace holdfast
