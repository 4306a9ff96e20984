#pragma once

#include <filesystem>
#include <string>

#include "holdfast/base/error.hpp"
#include "holdfast/toml/toml.hpp"

namespace holdfast::detail {

/// The JSON Schema that a stage's `schema` stands for, checked: "@FILE", a JSON file relative to `folder`, or a table
/// of TOML that says the same. As JSON without blanks. Failure `config`, without naming stage or key.
result<std::string> read_schema(const TomlValue& value, const std::filesystem::path& folder);

}  // namespace holdfast::detail
