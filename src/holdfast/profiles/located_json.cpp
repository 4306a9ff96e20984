#include "holdfast/profiles/located_json.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include "holdfast/base/name.hpp"

namespace holdfast::profiles {
namespace {

namespace json = boost::json;

/// Builds the tree from the parser's calls. The parser is fed line by line, so `line` is always the current one.
struct Builder {
  static constexpr std::size_t max_object_size = 1 << 16;
  static constexpr std::size_t max_array_size = 1 << 16;
  static constexpr std::size_t max_key_size = 1 << 16;
  static constexpr std::size_t max_string_size = json_bytes_max;

  int line = 1;
  LocatedValue root;
  std::vector<LocatedValue> open;  ///< the objects and arrays around the current place
  std::vector<LocatedMember> keys;  ///< the pending key of each open object
  std::string text;
  std::string duplicate;

  bool add(LocatedValue value) {
    if (open.empty()) {
      root = std::move(value);
    } else if (open.back().kind == LocatedValue::Kind::array) {
      open.back().items.push_back(std::move(value));
    } else {
      keys.back().value = std::move(value);
      open.back().members.push_back(std::move(keys.back()));
      keys.pop_back();
    }
    return true;
  }
  LocatedValue value(LocatedValue::Kind kind) const {
    LocatedValue made;
    made.kind = kind;
    made.line = line;
    return made;
  }
  bool begin(LocatedValue::Kind kind) {
    open.push_back(value(kind));
    return true;
  }
  bool end() {
    LocatedValue done = std::move(open.back());
    open.pop_back();
    return add(std::move(done));
  }
  bool number(double read) {
    LocatedValue made = value(LocatedValue::Kind::number);
    made.number = read;
    return add(std::move(made));
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return begin(LocatedValue::Kind::object); }
  bool on_object_end(std::size_t, json::error_code&) { return end(); }
  bool on_array_begin(json::error_code&) { return begin(LocatedValue::Kind::array); }
  bool on_array_end(std::size_t, json::error_code&) { return end(); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    text.append(part.data(), part.size());
    if (open.back().find(text) != nullptr) {
      duplicate = text;
      error = json::error::extra_data;
      return false;
    }
    keys.push_back({std::exchange(text, {}), line, {}});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    text.append(part.data(), part.size());
    LocatedValue made = value(LocatedValue::Kind::string);
    made.string = std::exchange(text, {});
    return add(std::move(made));
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t read, json::string_view, json::error_code&) { return number(static_cast<double>(read)); }
  bool on_uint64(std::uint64_t read, json::string_view, json::error_code&) { return number(static_cast<double>(read)); }
  bool on_double(double read, json::string_view, json::error_code&) { return number(read); }
  bool on_bool(bool read, json::error_code&) {
    LocatedValue made = value(LocatedValue::Kind::boolean);
    made.boolean = read;
    return add(std::move(made));
  }
  bool on_null(json::error_code&) { return add(value(LocatedValue::Kind::null)); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

Failure at(std::string_view file, int line, const std::string& why) {
  return {Errc::config, std::string(file) + ":" + std::to_string(line) + ": " + why};
}

}  // namespace

const LocatedMember* LocatedValue::find(std::string_view key) const {
  for (const LocatedMember& each : members) {
    if (each.key == key) return &each;
  }
  return nullptr;
}

std::string_view name(LocatedValue::Kind kind) noexcept {
  switch (kind) {
    case LocatedValue::Kind::null: return "null";
    case LocatedValue::Kind::boolean: return "boolean";
    case LocatedValue::Kind::number: return "number";
    case LocatedValue::Kind::string: return "string";
    case LocatedValue::Kind::array: return "array";
    case LocatedValue::Kind::object: return "object";
  }
  __builtin_unreachable();
}

result<LocatedValue> parse_located_json(std::string_view text, std::string_view file) {
  if (text.size() > json_bytes_max) {
    return at(file, 1, std::to_string(text.size()) + " bytes are too many; the limit is " +
                           std::to_string(json_bytes_max));
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());

  json::parse_options options;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  options.max_depth = json_depth_max;
  json::basic_parser<Builder> parser(options);
  Builder& builder = parser.handler();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (!is_utf8(line)) return at(file, builder.line, "the text is not valid UTF-8");
    json::error_code error;
    const std::size_t used = parser.write_some(true, line.data(), line.size(), error);
    if (!builder.duplicate.empty()) {
      return at(file, builder.line, "key '" + builder.duplicate + "' is there twice; keep one of them");
    }
    if (error) return at(file, builder.line, "this is not JSON: " + error.message());
    if (used < line.size() && line.substr(used).find_first_not_of(" \t\r\n") != std::string_view::npos) {
      return at(file, builder.line, "there is more text after the end of the document");
    }
    ++builder.line;
  }
  json::error_code error;
  parser.write_some(false, "", 0, error);
  if (error || !parser.done()) return at(file, builder.line, "the document ends too early");
  return std::move(builder.root);
}

}  // namespace holdfast::profiles
