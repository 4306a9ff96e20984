#include <string>

#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"
#include "holdfast/wire/raw.hpp"

/// Which requests may be streamed without being asked to. Each name here stands in the requests of
/// `testdata/exact.txt`, beside both forms of an answer, or only changes what the model says and not in which form.
namespace holdfast::wire {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Functions that the client runs: other tools have parts of their own in streams.
bool has_only_functions(const RawObject& request) {
  if (request.given("tools").empty()) return true;
  const auto tools = elements_of(request.get("tools"), parts_max);
  if (!tools) return false;
  for (const std::string_view each : *tools) {
    const auto tool = RawObject::of(each);
    if (!tool || tool->string("type") != "function") return false;
  }
  return true;
}

bool openai_is_exact(const RawObject& request) {
  const std::string_view other = request.other_than({"model",
                                                     "messages",
                                                     "stream",
                                                     "frequency_penalty",
                                                     "presence_penalty",
                                                     "logit_bias",
                                                     "max_tokens",
                                                     "max_completion_tokens",
                                                     "n",
                                                     "parallel_tool_calls",
                                                     "prompt_cache_key",
                                                     "reasoning_effort",
                                                     "response_format",
                                                     "safety_identifier",
                                                     "seed",
                                                     "stop",
                                                     "temperature",
                                                     "tool_choice",
                                                     "tools",
                                                     "top_p",
                                                     "user",
                                                     "verbosity"});
  // These models cite and speak without being asked for more than a chat.
  const std::string model = request.string("model").value_or("search");
  return other.empty() && !contains(model, "search") && !contains(model, "audio") && has_only_functions(request);
}

bool llama_is_exact(const RawObject& request) {
  const std::string_view other = request.other_than({"model",
                                                     "messages",
                                                     "stream",
                                                     "cache_prompt",
                                                     "chat_template_kwargs",
                                                     "frequency_penalty",
                                                     "grammar",
                                                     "id_slot",
                                                     "logit_bias",
                                                     "max_completion_tokens",
                                                     "max_tokens",
                                                     "min_p",
                                                     "n",
                                                     "n_predict",
                                                     "parallel_tool_calls",
                                                     "presence_penalty",
                                                     "reasoning_effort",
                                                     "reasoning_format",
                                                     "repeat_last_n",
                                                     "repeat_penalty",
                                                     "response_format",
                                                     "samplers",
                                                     "seed",
                                                     "stop",
                                                     "temperature",
                                                     "tool_choice",
                                                     "tools",
                                                     "top_k",
                                                     "top_p",
                                                     "typical_p",
                                                     "user"});
  const bool one = request.given("n").empty() || request.get("n") == "1";
  return other.empty() && one && has_only_functions(request);
}

/// The members of a member are no others than these; absent is as good.
bool holds_only(const RawObject& request, std::string_view member, std::initializer_list<std::string_view> names) {
  if (request.given(member).empty()) return true;
  const auto inner = RawObject::of(request.get(member));
  return inner && inner->other_than(names).empty();
}

bool anthropic_is_exact(const RawObject& request) {
  const std::string_view other =
      request.other_than({"model", "messages", "stream", "cache_control", "max_tokens", "metadata", "output_config",
                          "stop_sequences", "system", "temperature", "thinking", "top_k", "top_p"});
  return other.empty() && holds_only(request, "output_config", {"effort", "format"}) &&
         holds_only(request, "thinking", {"type", "budget_tokens", "display"}) &&
         // Documents that are to be cited: whether a text that cites nothing says so is not known.
         !contains(request.get("messages"), "\"citations\"") && !contains(request.get("system"), "\"citations\"");
}

}  // namespace

bool assembles_exactly(const Route& route, Server server, std::string_view body) {
  if (route.dialect == Dialect::ollama) return route.action == Action::chat || route.action == Action::generate;
  const bool chat = route.dialect == Dialect::openai && route.action == Action::chat;
  const bool messages = route.dialect == Dialect::anthropic && route.action == Action::messages;
  const bool known =
      chat ? server == Server::openai || server == Server::llama : messages && server == Server::anthropic;
  const auto request = known ? RawObject::of(body) : std::nullopt;
  if (!request) return false;
  if (messages) return anthropic_is_exact(*request);
  return server == Server::llama ? llama_is_exact(*request) : openai_is_exact(*request);
}

}  // namespace holdfast::wire
