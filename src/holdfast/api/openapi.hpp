#pragma once

#include <string_view>

namespace holdfast::api {

/// The control API as an OpenAPI 3.1 document: `openapi.json` beside this file, inside the executable.
std::string_view openapi_document() noexcept;

}  // namespace holdfast::api
