#include "holdfast/profiles/located_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <unordered_set>
#include <utility>

#include "holdfast/base/name.hpp"

namespace holdfast::profiles {
namespace {

namespace json = boost::json;

/// An object or array whose end has not come yet.
struct Frame {
  LocatedValue value;
  LocatedMember pending;                 ///< the member whose value comes next
  std::unordered_set<std::string> seen;  ///< keys; a search through the members would be quadratic
};

/// Builds the tree from the parser's calls. The parser is fed line by line, so `line` is always the current one.
struct Builder {
  static constexpr std::size_t max_object_size = json_children_max;
  static constexpr std::size_t max_array_size = json_children_max;
  static constexpr std::size_t max_key_size = json_bytes_max;
  static constexpr std::size_t max_string_size = json_bytes_max;

  int line = 1;
  LocatedValue root;
  std::vector<Frame> open;
  std::string text;     ///< of the key, string or number that is being read
  std::string problem;  ///< what this handler itself objects to

  std::string path() const {
    std::string out;
    for (const Frame& frame : open) {
      if (frame.value.kind == LocatedValue::Kind::array) {
        out += "[" + std::to_string(frame.value.items.size()) + "]";
      } else {
        out += (out.empty() ? "" : ".") + shown(frame.pending.key);
      }
    }
    return out;
  }
  bool refuse(std::string why, json::error_code& error) {
    problem = std::move(why);
    error = json::error::syntax;  // any error stops the parser
    return false;
  }
  LocatedValue value(LocatedValue::Kind kind) const {
    LocatedValue made;
    made.kind = kind;
    made.line = line;
    return made;
  }
  bool add(LocatedValue made) {
    if (open.empty()) {
      root = std::move(made);
      return true;
    }
    Frame& frame = open.back();
    if (frame.value.kind == LocatedValue::Kind::array) {
      frame.value.items.push_back(std::move(made));
    } else {
      frame.pending.value = std::move(made);
      frame.value.members.push_back(std::exchange(frame.pending, {}));
    }
    return true;
  }
  bool begin(LocatedValue::Kind kind) {
    open.push_back({value(kind), {}, {}});
    return true;
  }
  bool end() {
    LocatedValue done = std::move(open.back().value);
    open.pop_back();
    return add(std::move(done));
  }
  bool part(json::string_view piece) {
    text.append(piece.data(), piece.size());
    return true;
  }
  /// Boost's own double may be one unit in the last place off; 0.7 must be the 0.7 that everybody else reads.
  bool number(json::string_view last, json::error_code& error) {
    part(last);
    const std::string digits = std::exchange(text, {});
    LocatedValue made = value(LocatedValue::Kind::number);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), made.number);
    if (failed != std::errc() || end != digits.data() + digits.size()) {
      return refuse(fmt::format("{}the number {} is too large or too close to 0 to be held",
                                open.empty() ? "" : path() + ": ", shown(digits)),
                    error);
    }
    return add(std::move(made));
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return begin(LocatedValue::Kind::object); }
  bool on_object_end(std::size_t, json::error_code&) { return end(); }
  bool on_array_begin(json::error_code&) { return begin(LocatedValue::Kind::array); }
  bool on_array_end(std::size_t, json::error_code&) { return end(); }
  bool on_key_part(json::string_view piece, std::size_t, json::error_code&) { return part(piece); }
  bool on_key(json::string_view last, std::size_t, json::error_code& error) {
    part(last);
    Frame& frame = open.back();
    frame.pending.key = std::exchange(text, {});
    frame.pending.line = line;
    if (frame.seen.insert(frame.pending.key).second) return true;
    return refuse(fmt::format("key '{}' is there twice (first in line {}); keep one of them", path(),
                              frame.value.find(frame.pending.key)->line),
                  error);
  }
  bool on_string_part(json::string_view piece, std::size_t, json::error_code&) { return part(piece); }
  bool on_string(json::string_view last, std::size_t, json::error_code&) {
    part(last);
    LocatedValue made = value(LocatedValue::Kind::string);
    made.string = std::exchange(text, {});
    return add(std::move(made));
  }
  bool on_number_part(json::string_view piece, json::error_code&) { return part(piece); }
  bool on_int64(std::int64_t, json::string_view last, json::error_code& error) { return number(last, error); }
  bool on_uint64(std::uint64_t, json::string_view last, json::error_code& error) { return number(last, error); }
  bool on_double(double, json::string_view last, json::error_code& error) { return number(last, error); }
  bool on_bool(bool read, json::error_code&) {
    LocatedValue made = value(LocatedValue::Kind::boolean);
    made.boolean = read;
    return add(std::move(made));
  }
  bool on_null(json::error_code&) { return add(value(LocatedValue::Kind::null)); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

Failure at(std::string_view file, int line, std::string_view why) {
  return {Errc::config, fmt::format("{}:{}: {}", file, line, why)};
}

std::string sentence(const json::error_code& error) {
  if (error == json::error::too_deep) return fmt::format("this is nested deeper than {} levels", json_depth_max);
  if (error == json::error::object_too_large || error == json::error::array_too_large) {
    return fmt::format("more than {} entries in one list or object", json_children_max);
  }
  return "this is not JSON: " + error.message();
}

}  // namespace

std::string shown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool starts_character = (byte & 0xc0) != 0x80;
    if (starts_character && out.size() + 4 > shown_bytes_max) return out + "…";
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(text[++i]));
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

const LocatedMember* LocatedValue::find(std::string_view key) const {
  const auto found = std::ranges::find(members, key, &LocatedMember::key);
  return found == members.end() ? nullptr : &*found;
}

std::string_view name(LocatedValue::Kind kind) noexcept {
  switch (kind) {
    case LocatedValue::Kind::null:
      return "null";
    case LocatedValue::Kind::boolean:
      return "boolean";
    case LocatedValue::Kind::number:
      return "number";
    case LocatedValue::Kind::string:
      return "string";
    case LocatedValue::Kind::array:
      return "array";
    case LocatedValue::Kind::object:
      return "object";
  }
  __builtin_unreachable();
}

result<LocatedValue> parse_located_json(std::string_view text, std::string_view file) {
  if (text.size() > json_bytes_max) {
    return at(file, 1, fmt::format("this is too large; the limit is {} bytes", json_bytes_max));
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return at(file, 1, "the document ends too early: there is nothing in it; the least that is JSON is {}");
  }

  json::parse_options options;
  options.allow_comments = true;
  options.allow_trailing_commas = true;
  options.max_depth = json_depth_max;
  json::basic_parser<Builder> parser(options);
  Builder& builder = parser.handler();
  int line_number = 0;
  std::string ended;  // the last line, where a comment ends the text
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    // Boost's parser (1.81) goes on behind a comment of several lines without a look whether anything is there.
    if (line.ends_with("*/")) line = ended.assign(line) += ' ';
    builder.line = ++line_number;
    if (!is_utf8(line)) return at(file, line_number, "the text is not valid UTF-8; save the file as UTF-8");
    json::error_code error;
    const std::size_t used = parser.write_some(true, line.data(), line.size(), error);
    if (!builder.problem.empty()) return at(file, line_number, builder.problem);
    if (error) return at(file, line_number, sentence(error));
    if (used < line.size()) return at(file, line_number, "there is more text after the end of the document");
  }
  json::error_code error;
  parser.write_some(false, "", 0, error);
  if (!builder.problem.empty()) return at(file, line_number, builder.problem);
  if (!builder.open.empty()) {
    const LocatedValue& unfinished = builder.open.back().value;
    return at(file, line_number,
              fmt::format("the document ends too early: the {} that begins in line {} is not closed",
                          name(unfinished.kind), unfinished.line));
  }
  if (error || !parser.done()) return at(file, line_number, "the document ends too early");
  return std::move(builder.root);
}

}  // namespace holdfast::profiles
