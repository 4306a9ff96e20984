#include "holdfast/wire/document.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "holdfast/base/check.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

namespace json = boost::json;

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view error_key = "error";

/// Keeps nothing of what is parsed but how deep it stands and whether the top says `error`.
struct Shape {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  int depth = 0;
  bool object = false;    ///< at the top
  std::string key{};      ///< at the top, as much as matters
  bool at_error = false;  ///< the value that comes next is that of `error` at the top
  bool says_error = false;

  bool key_part(json::string_view piece) {
    if (depth == 1 && object && key.size() <= error_key.size()) key.append(piece.data(), piece.size());
    return true;
  }
  bool value() {
    if (at_error && depth == 1) says_error = true;
    at_error = false;
    return true;
  }
  bool begin() { return value(), ++depth, true; }
  bool end() { return --depth, true; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    object = object || depth == 0;
    return begin();
  }
  bool on_object_end(std::size_t, json::error_code&) { return end(); }
  bool on_array_begin(json::error_code&) { return begin(); }
  bool on_array_end(std::size_t, json::error_code&) { return end(); }
  bool on_key_part(json::string_view piece, std::size_t, json::error_code&) { return key_part(piece); }
  bool on_key(json::string_view last, std::size_t, json::error_code&) {
    key_part(last);
    at_error = depth == 1 && object && key == error_key;
    key.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return value(); }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return value(); }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return value(); }
  bool on_double(double, json::string_view, json::error_code&) { return value(); }
  bool on_bool(bool, json::error_code&) { return value(); }
  bool on_null(json::error_code&) {
    at_error = false;
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

json::parse_options strict() {
  json::parse_options options;
  options.max_depth = json_depth_max;
  return options;
}

}  // namespace

struct Document::State {
  json::basic_parser<Shape> parser{strict()};
  std::size_t bytes = 0;
  std::string problem{};

  void write(bool more, std::string_view text) {
    if (!problem.empty()) return;
    json::error_code error;
    const std::size_t taken = parser.write_some(more, text.data(), text.size(), error);
    if (!error && taken < text.size() && text.find_first_not_of(blanks, taken) != std::string_view::npos) {
      error = json::error::extra_data;
    }
    if (error && error != json::error::incomplete) {
      problem = error.message() + " at byte " + std::to_string(bytes + taken + 1);
    }
    bytes += text.size();
  }
};

Document::Document() : state_(std::make_unique<State>()) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

void Document::feed(std::string_view bytes) {
  if (!bytes.empty()) state_->write(true, bytes);
}

void Document::finish() {
  if (!whole()) state_->write(false, {});
}

bool Document::whole() const {
  return state_->parser.done() && state_->problem.empty();
}

bool Document::broken() const {
  return !state_->problem.empty();
}

const std::string& Document::problem() const {
  return state_->problem;
}

bool Document::says_error() const {
  return state_->parser.handler().says_error;
}

std::optional<std::string> json_problem(std::string_view text) {
  Document document;
  document.feed(text);
  document.finish();
  if (document.whole()) return std::nullopt;
  if (document.broken()) return "is not JSON: " + document.problem();
  return text.find_first_not_of(blanks) == std::string_view::npos ? "is empty" : "ends in the middle";
}

namespace {

std::size_t after_blanks(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(blanks, at), text.size());
}

/// Behind the string that begins at `at`.
std::size_t after_string(std::string_view text, std::size_t at) {
  for (at = text.find_first_of("\"\\", at + 1);; at = text.find_first_of("\"\\", at)) {
    HOLDFAST_CHECK(at < text.size(), "the text was checked: a string has its end");
    if (text[at] == '"') return at + 1;
    at += 2;  // whatever is escaped
  }
}

/// Behind the value that begins at `at`.
std::size_t after_value(std::string_view text, std::size_t at) {
  if (text[at] == '"') return after_string(text, at);
  if (text[at] != '{' && text[at] != '[') return std::min(text.find_first_of(",}] \t\r\n", at), text.size());
  for (int depth = 0;;) {
    at = text.find_first_of("\"{}[]", at);
    HOLDFAST_CHECK(at != std::string_view::npos, "the text was checked: what opens is closed");
    if (text[at] == '"') {
      at = after_string(text, at);
      continue;
    }
    depth += text[at] == '{' || text[at] == '[' ? 1 : -1;
    ++at;
    if (depth == 0) return at;
  }
}

}  // namespace

MemberWalk::MemberWalk(std::string_view text) : text_(text), at_(after_blanks(text, 0)) {
  if (at_ < text_.size() && text_[at_] == '{') open_ = at_++;
}

std::optional<MemberPlace> MemberWalk::next() {
  if (!is_object()) return std::nullopt;
  at_ = after_blanks(text_, at_);
  if (text_[at_] == ',') at_ = after_blanks(text_, at_ + 1);
  if (text_[at_] != '"') return std::nullopt;
  MemberPlace place;
  place.name = at_;
  place.name_end = after_string(text_, at_);
  place.value = after_blanks(text_, after_blanks(text_, place.name_end) + 1);
  place.value_end = at_ = after_value(text_, place.value);
  return place;
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view text, std::size_t elements_max) {
  std::size_t at = after_blanks(text, 0);
  if (at == text.size() || text[at] != '[') return std::nullopt;
  std::vector<std::string_view> out;
  for (at = after_blanks(text, at + 1); text[at] != ']'; at = after_blanks(text, at)) {
    if (text[at] == ',') at = after_blanks(text, at + 1);
    if (out.size() == elements_max) return std::nullopt;
    const std::size_t end = after_value(text, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::string token_of_string(std::string_view text) {
  return json::serialize(json::string(text.data(), text.size()));
}

std::string string_of_token(std::string_view token) {
  const std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return std::string(inside);
  json::error_code error;
  const json::value value = json::parse(json::string_view(token.data(), token.size()), error);
  HOLDFAST_CHECK(!error && value.is_string(), "the token was checked");
  return std::string(value.get_string());
}

}  // namespace holdfast::wire
