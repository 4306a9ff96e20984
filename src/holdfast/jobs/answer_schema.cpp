#include "holdfast/jobs/answer_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

/// RapidJSON asserts on some regular expressions that are none, such as "(".
#define RAPIDJSON_ASSERT(condition) \
  if (!(condition)) throw std::logic_error(#condition)

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include "holdfast/jobs/scope.hpp"

namespace holdfast::jobs {
namespace {

namespace rj = rapidjson;

constexpr std::size_t pattern_bytes_max = 1024;
/// Counted repeats are written out when a pattern is read: `(a{100}){100}` has 10 000 states.
constexpr std::uint64_t pattern_repeats_max = 10'000;

/// The product of all counts `{n}` and `{n,m}`: more than the states that each byte of the pattern can become.
std::uint64_t repeats_of(std::string_view pattern) {
  std::uint64_t product = 1;
  for (std::size_t at = 0; (at = pattern.find_first_of("{,", at)) != std::string_view::npos; ++at) {
    std::uint64_t count = 0;
    const auto read = std::from_chars(pattern.data() + at + 1, pattern.data() + pattern.size(), count);
    if (read.ec == std::errc::result_out_of_range || count > pattern_repeats_max) return pattern_repeats_max + 1;
    product *= std::max<std::uint64_t>(count, 1);
    if (product > pattern_repeats_max) return product;
  }
  return product;
}

std::string_view text_of(const rj::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

std::string text_of(const rj::Pointer& pointer) {
  rj::StringBuffer buffer;
  pointer.Stringify(buffer);
  return {buffer.GetString(), buffer.GetSize()};
}

std::string_view kind_of(const rj::Value& value) {
  switch (value.GetType()) {
    case rj::kNullType:
      return "null";
    case rj::kFalseType:
    case rj::kTrueType:
      return "true or false";
    case rj::kObjectType:
      return "an object";
    case rj::kArrayType:
      return "a list";
    case rj::kStringType:
      return "a text";
    case rj::kNumberType:
      return "a number";
  }
  return "something else";
}

const rj::Value* member(const rj::Value* value, const char* name) {
  if (value == nullptr || !value->IsObject()) return nullptr;
  const auto found = value->FindMember(name);
  return found == value->MemberEnd() ? nullptr : &found->value;
}

/// "string", or "string or null".
std::string wanted(const rj::Value* type) {
  if (type == nullptr) return "something else";
  if (type->IsString()) return std::string(text_of(*type));
  std::string all;
  for (const rj::Value& each : type->GetArray())
    all += (all.empty() ? "" : " or ") + std::string(text_of(each));
  return all;
}

/// The first name that is required and not there.
std::string_view missing_name(const rj::Value* schema, const rj::Value& value) {
  const rj::Value* required = member(schema, "required");
  if (required == nullptr || !value.IsObject()) return {};
  for (const rj::Value& each : required->GetArray()) {
    if (value.FindMember(each) == value.MemberEnd()) return text_of(each);
  }
  return {};
}

std::string words_for(std::string_view keyword, const std::string& place, const rj::Value* schema,
                      const rj::Value& value) {
  const std::string here = place.empty() ? "the answer" : place;
  if (keyword == "required") {
    if (const auto name = missing_name(schema, value); !name.empty())
      return fmt::format("{}/{} is missing", place, name);
  }
  if (keyword == "additionalProperties") {
    return fmt::format("{} is not in the schema, which allows nothing else", here);
  }
  if (keyword == "type")
    return fmt::format("{} is {}; it must be {}", here, kind_of(value), wanted(member(schema, "type")));
  if (keyword == "enum") return fmt::format("{} is none of the values that are allowed", here);
  if (keyword == "minItems" || keyword == "maxItems") {
    const rj::Value* bound = member(schema, keyword == "minItems" ? "minItems" : "maxItems");
    return fmt::format("{} has {} entries; {} {} are allowed", here, value.IsArray() ? value.Size() : 0,
                       keyword == "minItems" ? "no fewer than" : "no more than",
                       bound != nullptr && bound->IsUint64() ? bound->GetUint64() : 0);
  }
  return fmt::format("{} does not meet '{}' of the schema", here, keyword);
}

}  // namespace

std::optional<std::string> answer_problem(std::string_view schema, std::string_view answer) {
  // First by the reader that the later stages use too: it bounds the depth.
  if (const auto readable = parse_json(answer); !readable) return readable.error().message;
  rj::Document wanted_document, document;
  wanted_document.Parse(schema.data(), schema.size());
  if (wanted_document.HasParseError()) return "cannot be checked: the schema is not JSON";
  document.Parse<rj::kParseValidateEncodingFlag | rj::kParseFullPrecisionFlag>(answer.data(), answer.size());
  if (document.HasParseError()) {
    return fmt::format("is not JSON: {} at byte {}", rj::GetParseError_En(document.GetParseError()),
                       document.GetErrorOffset());
  }
  const rj::SchemaDocument compiled(wanted_document);
  rj::SchemaValidator validator(compiled);
  if (document.Accept(validator)) return std::nullopt;
  const rj::Pointer at = validator.GetInvalidDocumentPointer();
  const rj::Value* value = at.Get(document);
  const rj::Value* rule = validator.GetInvalidSchemaPointer().Get(wanted_document);
  const char* keyword = validator.GetInvalidSchemaKeyword();
  return words_for(keyword != nullptr ? keyword : "", text_of(at), rule, value != nullptr ? *value : document);
}

bool detail::is_pattern(const std::string& text) {
  if (text.size() > pattern_bytes_max || text.find('\0') != std::string::npos) return false;
  if (repeats_of(text) > pattern_repeats_max) return false;
  try {
    return rj::internal::Regex(text.c_str()).IsValid();
  } catch (const std::logic_error&) {
    return false;
  }
}

}  // namespace holdfast::jobs
