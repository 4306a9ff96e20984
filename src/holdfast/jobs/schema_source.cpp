#include "holdfast/jobs/schema_source.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "holdfast/jobs/answer_schema.hpp"
#include "holdfast/jobs/job_file.hpp"
#include "holdfast/providers/command_keys.hpp"
#include "holdfast/toml/text_file.hpp"

namespace holdfast::detail {
namespace {

namespace json = boost::json;

Failure wrong(std::string message) {
  return {Errc::config, std::move(message)};
}

result<json::value> json_of(const TomlValue& value) {
  if (const auto* text = value.as<std::string>()) return json::value(*text);
  if (const auto* whole = value.as<std::int64_t>()) return json::value(*whole);
  if (const auto* flag = value.as<bool>()) return json::value(*flag);
  if (const auto* real = value.as<double>(); real != nullptr && std::isfinite(*real)) return json::value(*real);
  if (const auto* list = value.as<TomlArray>()) {
    json::array out;
    for (const TomlValue& each : *list) {
      auto inner = json_of(each);
      if (!inner) return inner.error();
      out.push_back(std::move(*inner));
    }
    return result<json::value>(boost::system::in_place_value, std::move(out));
  }
  if (const auto* table = value.as<TomlTable>()) {
    json::object out;
    for (const TomlEntry& each : *table) {
      auto inner = json_of(each.value);
      if (!inner) return inner.error();
      out[each.key] = std::move(*inner);
    }
    return result<json::value>(boost::system::in_place_value, std::move(out));
  }
  return wrong(fmt::format("schema has a value in line {} that JSON does not know", value.place.line));
}

result<json::value> from_file(const std::string& said, const std::filesystem::path& folder) {
  if (said.size() < 2 || said.front() != '@') {
    return wrong("schema must be \"@FILE\", a file beside this one with a JSON Schema, or a table");
  }
  const std::filesystem::path file = against(folder, said.substr(1));
  const auto text = read_text_file(file, schema_bytes_max);
  if (!text) return wrong("schema: " + text.error().text());
  auto value = parse_json(*text);
  if (!value) return wrong(fmt::format("schema: '{}' {}", file.string(), value.error().message));
  return value;
}

}  // namespace

result<std::string> read_schema(const TomlValue& value, const std::filesystem::path& folder) {
  result<json::value> schema = wrong("schema must be \"@FILE\" or a table");
  if (const auto* said = value.as<std::string>()) schema = from_file(*said, folder);
  if (value.as<TomlTable>() != nullptr) schema = json_of(value);
  if (!schema) return schema.error();
  if (const auto problem = jobs::check_schema(*schema)) return wrong("schema: " + *problem);
  return result<std::string>(boost::system::in_place_value, json::serialize(*schema));
}

}  // namespace holdfast::detail
