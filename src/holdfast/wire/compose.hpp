#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/wire/route.hpp"

/// Requests of Holdfast's own: a stage of a job asks for a text.
namespace holdfast::wire {

struct Prompt {
  std::string model{};  ///< empty: the provider's default, where it has one
  std::string text{};
  std::string schema_json{};    ///< JSON Schema that the answer must follow; empty: any text
  std::int64_t max_tokens = 0;  ///< 0: not said
};

struct Outgoing {
  std::string method{};
  std::string path{};  ///< to be put behind the provider's `base_url`
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  ///< without the key
  Route route{};
};

/// The request for a streamed answer, whose text is what `AnswerReader::collect_text` collects.
///
/// A schema: OpenAI `response_format` (strict), Ollama `format`; Anthropic is made to call `answer_tool`.
/// Errors: `invalid_argument`: a dialect without texts, text or model that is not UTF-8, a schema that is no JSON
/// object.
result<Outgoing> compose(Dialect dialect, const Prompt& prompt);

/// The header that carries a key.
std::pair<std::string, std::string> auth_header(Dialect dialect, std::string_view key);

}  // namespace holdfast::wire
