#include "holdfast/wire/compose.hpp"

#include "holdfast/base/name.hpp"
#include "holdfast/wire/answer.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

Failure invalid(std::string message) {
  return {Errc::invalid_argument, std::move(message)};
}

/// The schema goes in as it is written: nothing of its numbers changes.
std::string openai_body(const Prompt& prompt, const std::string& messages) {
  std::string body = messages + ", \"stream\": true";
  if (prompt.max_tokens > 0) body += ", \"max_completion_tokens\": " + std::to_string(prompt.max_tokens);
  if (!prompt.schema_json.empty()) {
    body +=
        R"(, "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": )" +
        prompt.schema_json + "}}";
  }
  return body + "}";
}

std::string anthropic_body(const Prompt& prompt, const std::string& messages) {
  const std::int64_t tokens = prompt.max_tokens > 0 ? prompt.max_tokens : max_tokens_default;
  std::string body = messages + ", \"stream\": true, \"max_tokens\": " + std::to_string(tokens);
  if (!prompt.schema_json.empty()) {
    const std::string tool = token_of_string(answer_tool);
    body += R"(, "tools": [{"name": )" + tool +
            R"(, "description": "Takes the answer. Call it once, with the whole answer.", "input_schema": )" +
            prompt.schema_json + R"(}], "tool_choice": {"type": "tool", "name": )" + tool + "}";
  }
  return body + "}";
}

std::string ollama_body(const Prompt& prompt, const std::string& messages) {
  std::string body = messages + ", \"stream\": true";
  if (prompt.max_tokens > 0) body += ", \"options\": {\"num_predict\": " + std::to_string(prompt.max_tokens) + "}";
  if (!prompt.schema_json.empty()) body += ", \"format\": " + prompt.schema_json;
  return body + "}";
}

}  // namespace

result<Outgoing> compose(Dialect dialect, const Prompt& prompt) {
  if (!is_utf8(prompt.text)) return invalid("the prompt is not UTF-8");
  if (!is_utf8(prompt.model)) return invalid("the model's name is not UTF-8");
  if (!prompt.schema_json.empty()) {
    if (const auto problem = json_problem(prompt.schema_json)) return invalid("the schema " + *problem);
    if (!MemberWalk(prompt.schema_json).is_object()) return invalid("the schema is JSON, but no object");
  }
  std::string front = "{";
  if (!prompt.model.empty()) front += "\"model\": " + token_of_string(prompt.model) + ", ";
  front += R"("messages": [{"role": "user", "content": )" + token_of_string(prompt.text) + "}]";

  Outgoing out;
  out.method = "POST";
  out.headers.emplace_back("Content-Type", "application/json");
  switch (dialect) {
    case Dialect::openai:
      out.path = "/chat/completions";
      out.body = openai_body(prompt, front);
      out.route = {Dialect::openai, Action::chat, "text"};
      return out;
    case Dialect::anthropic:
      out.path = "/v1/messages";
      out.body = anthropic_body(prompt, front);
      out.headers.emplace_back("anthropic-version", "2023-06-01");
      out.route = {Dialect::anthropic, Action::messages, "text"};
      return out;
    case Dialect::ollama:
      out.path = "/api/chat";
      out.body = ollama_body(prompt, front);
      out.route = {Dialect::ollama, Action::chat, "text"};
      return out;
    case Dialect::elevenlabs:
    case Dialect::sdwebui:
      return invalid(std::string(name(dialect)) + " makes no texts");
  }
  __builtin_unreachable();
}

std::pair<std::string, std::string> auth_header(Dialect dialect, std::string_view key) {
  switch (dialect) {
    case Dialect::anthropic:
      return {"x-api-key", std::string(key)};
    case Dialect::elevenlabs:
      return {"xi-api-key", std::string(key)};
    case Dialect::openai:
    case Dialect::ollama:
    case Dialect::sdwebui:
      return {"Authorization", "Bearer " + std::string(key)};
  }
  __builtin_unreachable();
}

}  // namespace holdfast::wire
