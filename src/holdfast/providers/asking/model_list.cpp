#include "holdfast/providers/asking/model_list.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace holdfast::providers {
namespace {

namespace json = boost::json;

constexpr std::size_t listed_max = 20;  ///< more are no help to whoever has mistyped one

const json::array* list_in(const json::value& document, std::string_view key) {
  const auto* object = document.if_object();
  const auto* list = object != nullptr ? object->if_contains(key) : nullptr;
  return list != nullptr ? list->if_array() : nullptr;
}

}  // namespace

std::string_view models_path(wire::Dialect dialect) {
  switch (dialect) {
    case wire::Dialect::ollama:
      return "/api/tags";
    case wire::Dialect::anthropic:
      return "/v1/models?limit=1000";
    case wire::Dialect::openai:
    case wire::Dialect::elevenlabs:
    case wire::Dialect::sdwebui:
      break;
  }
  return "/models";
}

result<std::vector<std::string>> read_models(wire::Dialect dialect, std::string_view body) {
  const bool ollama = dialect == wire::Dialect::ollama;
  boost::system::error_code error;
  const json::value document = json::parse(body, error);
  const json::array* list = error ? nullptr : list_in(document, ollama ? "models" : "data");
  if (list == nullptr) return Failure{Errc::provider_failed, "its list of models is none"};
  std::vector<std::string> names;
  for (const json::value& each : *list) {
    const auto* object = each.if_object();
    const auto* name = object != nullptr ? object->if_contains(ollama ? "name" : "id") : nullptr;
    if (name != nullptr && name->is_string()) names.emplace_back(name->get_string());
  }
  return names;
}

bool has_model(wire::Dialect dialect, const std::vector<std::string>& models, std::string_view model) {
  std::string name(model);
  if (dialect == wire::Dialect::ollama && name.find(':') == std::string::npos) name += ":latest";
  return std::ranges::find(models, name) != models.end() || std::ranges::find(models, model) != models.end();
}

std::string listed(const std::vector<std::string>& models) {
  std::string text;
  for (std::size_t i = 0; i < std::min(models.size(), listed_max); ++i)
    text += (i == 0 ? "" : ", ") + models[i];
  if (models.size() > listed_max) text += " and " + std::to_string(models.size() - listed_max) + " more";
  return text.empty() ? "none" : text;
}

}  // namespace holdfast::providers
