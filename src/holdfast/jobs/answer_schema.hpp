#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"

/// JSON Schema: what a stage's answer must look like. The validator behind it is RapidJSON, seen by `answer_schema.cpp`
/// alone; it knows draft 4.
namespace holdfast::jobs {

/// Why this is no schema that can be checked, with the place: a word that is not known, or that has another shape than
/// draft 4 gives it, a reference that leads nowhere. A schema is never checked in part: what is not understood is said.
/// Words that only explain (`title`, `description`, `default`, `format`, …) are taken. Pure.
std::optional<std::string> check_schema(const boost::json::value& schema);

/// The first place at which `answer` does not follow the schema: "/scenes/3/narration is missing", "is not JSON: …".
/// Nothing: it does. `schema`: JSON that `check_schema` had nothing against. Pure.
std::optional<std::string> answer_problem(std::string_view schema, std::string_view answer);

namespace detail {
/// Whether it is a regular expression that can be checked.
bool is_pattern(const std::string& text);
}  // namespace detail

}  // namespace holdfast::jobs
