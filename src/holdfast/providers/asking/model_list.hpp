#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/wire/route.hpp"

/// Which models a provider says that it has. Pure.
namespace holdfast::providers {

/// Where it is asked, behind its `base_url`.
std::string_view models_path(wire::Dialect dialect);

/// The names, in the provider's order. `provider_failed`: it is no such list.
result<std::vector<std::string>> read_models(wire::Dialect dialect, std::string_view body);

/// Whether `model` is among them. Ollama: a name without a tag means `:latest`.
bool has_model(wire::Dialect dialect, const std::vector<std::string>& models, std::string_view model);

/// "a, b, c and 17 more"
std::string listed(const std::vector<std::string>& models);

}  // namespace holdfast::providers
