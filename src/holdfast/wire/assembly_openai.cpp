#include <optional>
#include <vector>

#include "holdfast/wire/assembly_parts.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

/// A text that is there at all only if it was named. Null is said by its name alone.
struct MaybeText {
  bool named = false;
  std::optional<std::string> text{};

  std::string value() const { return text ? token_of_string(*text) : "null"; }
};

struct ToolCall {
  bool seen = false;
  std::string id{}, type{}, name{}, arguments{};
};

struct Choice {
  bool seen = false;
  std::string role{}, finish_reason{};
  MaybeText content{}, refusal{}, reasoning_content{}, reasoning{};
  std::vector<ToolCall> calls{};
  bool logprobs_named = false;
};

class OpenAiChatAssembly final : public Assembly {
 public:
  explicit OpenAiChatAssembly(Server server) : server_(server) {}

  void take(std::string_view, const RawObject& frame) override {
    // `obfuscation` and `prompt_progress` are of streams alone.
    if (!knows(frame, "a chunk",
               {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "timings",
                "provider", "obfuscation", "prompt_progress"})) {
      return;
    }
    if (frame.string("object") != "chat.completion.chunk") return object("a chunk says that it is something else");
    for (const std::string_view name : {"id", "model", "system_fingerprint", "provider"})
      keep(frame, name, true);
    for (const std::string_view name : {"created", "usage", "service_tier", "timings"})
      keep(frame, name, false);
    const auto choices = elements_of(frame.get("choices").empty() ? "[]" : frame.get("choices"), parts_max);
    if (!choices) return object("'choices' is no list, or a very long one");
    for (const std::string_view each : *choices) {
      const auto choice = RawObject::of(each);
      if (!choice) return object("a choice is no object");
      take_choice(*choice);
    }
  }
  bool ended() const override {
    for (const Choice& each : choices_) {
      if (each.seen && each.finish_reason.empty()) return false;
    }
    return !choices_.empty();
  }

  std::string document() override {
    RawObject out;
    carry("id", out);
    out.set_string("object", "chat.completion");
    carry("created", out);
    carry("model", out);
    std::vector<std::string> choices;
    for (std::size_t at = 0; at < choices_.size(); ++at) {
      if (!choices_[at].seen) object("choice " + std::to_string(at) + " is missing");
      choices.push_back(choice_text(at, choices_[at]));
    }
    out.set("choices", array_text(choices));
    if (kept_.given("usage").empty()) object("it does not say its usage");
    for (const std::string_view name : {"usage", "service_tier", "system_fingerprint", "provider", "timings"}) {
      if (!kept_.get(name).empty()) carry(name, out);
    }
    return out.text();
  }

 private:
  /// `same`: who says it twice says the same. Else the last that is not null.
  void keep(const RawObject& frame, std::string_view name, bool same) {
    const std::string_view value = frame.get(name);
    if (value.empty()) return;
    const std::string_view before = kept_.given(name);
    if (same && !before.empty() && value != before) return object("'" + std::string(name) + "' changes");
    if (value != "null" || before.empty()) kept_.set(name, value);
  }
  void carry(std::string_view name, RawObject& out) {
    const std::string_view value = kept_.get(name);
    if (value.empty()) return object("it does not say its '" + std::string(name) + "'");
    out.set(name, value);
  }

  void take_choice(const RawObject& choice) {
    // Of `logprobs` only null is known, and that knows() lets through.
    if (!knows(choice, "a choice", {"index", "delta", "finish_reason"})) return;
    const auto index = choice.index("index");
    if (!index) return object("a choice has no index");
    if (choices_.size() <= *index) choices_.resize(*index + 1);
    Choice& to = choices_[*index];
    to.seen = true;
    to.logprobs_named |= !choice.get("logprobs").empty();
    const auto delta = RawObject::of(choice.get("delta"));
    if (!delta) return object("a choice has no delta");
    take_delta(*delta, to);
    if (choice.given("finish_reason").empty()) return;
    const auto reason = choice.string("finish_reason");
    if (!reason || (!to.finish_reason.empty() && to.finish_reason != *reason)) return object("it finishes twice");
    to.finish_reason = *reason;
  }

  void take_delta(const RawObject& delta, Choice& to) {
    if (!knows(delta, "a delta", {"role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls"}))
      return;
    once(delta, "role", to.role);
    add(delta, "content", to.content);
    add(delta, "refusal", to.refusal);
    add(delta, "reasoning_content", to.reasoning_content);
    add(delta, "reasoning", to.reasoning);
    if (delta.given("tool_calls").empty()) return;
    const auto calls = elements_of(delta.get("tool_calls"), parts_max);
    if (!calls) return object("'tool_calls' is no list, or a very long one");
    for (const std::string_view each : *calls) {
      const auto call = RawObject::of(each);
      if (!call) return object("a tool call is no object");
      take_call(*call, to.calls);
    }
  }

  void take_call(const RawObject& call, std::vector<ToolCall>& calls) {
    if (!knows(call, "a tool call", {"index", "id", "type", "function"})) return;
    const auto index = call.index("index");
    if (!index) return object("a tool call has no index");
    if (calls.size() <= *index) calls.resize(*index + 1);
    ToolCall& to = calls[*index];
    to.seen = true;
    once(call, "id", to.id);
    once(call, "type", to.type);
    if (call.given("function").empty()) return;
    const auto function = RawObject::of(call.get("function"));
    if (!function) return object("the function of a tool call is no object");
    if (!knows(*function, "a function", {"name", "arguments"})) return;
    once(*function, "name", to.name);
    if (function->given("arguments").empty()) return;
    const auto arguments = function->string("arguments");
    if (!arguments) return object("the arguments of a tool call are no string");
    to.arguments += *arguments;
  }

  void add(const RawObject& from, std::string_view name, MaybeText& to) {
    const std::string_view value = from.get(name);
    if (value.empty()) return;
    to.named = true;
    if (value == "null") return;
    const auto text = from.string(name);
    if (!text) return object("'" + std::string(name) + "' is no string");
    to.text = to.text.value_or("") + *text;
  }
  /// Said once, or again with nothing in it or the same.
  void once(const RawObject& from, std::string_view name, std::string& to) {
    if (from.given(name).empty()) return;
    const auto text = from.string(name);
    if (!text) return object("'" + std::string(name) + "' is no string");
    if (text->empty() || *text == to) return;
    if (!to.empty()) return object("'" + std::string(name) + "' comes in two pieces");
    to = *text;
  }

  std::string choice_text(std::size_t index, const Choice& choice) {
    RawObject message;
    message.set_string("role", choice.role.empty() ? "assistant" : choice.role);
    // llama.cpp streams no word of a text that is empty.
    const bool says_nothing = server_ == Server::llama && !choice.content.text && choice.calls.empty();
    // Whole, a refusal has no text beside it; its stream may begin as that of a text does.
    const bool refuses = server_ == Server::openai && choice.refusal.text && !choice.refusal.text->empty() &&
                         choice.content.text && choice.content.text->empty();
    message.set("content", says_nothing ? "\"\"" : refuses ? "null" : choice.content.value());
    if (choice.refusal.named) message.set("refusal", choice.refusal.value());
    if (choice.reasoning_content.text) message.set("reasoning_content", choice.reasoning_content.value());
    if (choice.reasoning.text) message.set("reasoning", choice.reasoning.value());
    std::vector<std::string> calls;
    for (const ToolCall& each : choice.calls) {
      if (!each.seen || each.id.empty() || each.name.empty()) object("a tool call is incomplete");
      if (!each.type.empty() && each.type != "function") object("a tool call is of the type '" + each.type + "'");
      RawObject function, call;
      function.set_string("name", each.name);
      function.set_string("arguments", each.arguments);
      call.set_string("id", each.id);
      call.set_string("type", "function");
      call.set("function", function.text());
      calls.push_back(call.text());
    }
    if (!calls.empty()) message.set("tool_calls", array_text(calls));
    // A delta with citations would have been an objection.
    if (server_ == Server::openai) message.set("annotations", "[]");
    RawObject out;
    out.set("index", std::to_string(index));
    out.set("message", message.text());
    if (choice.logprobs_named) out.set("logprobs", "null");
    out.set_string("finish_reason", choice.finish_reason);
    return out.text();
  }

  Server server_;
  RawObject kept_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<Assembly> openai_chat_assembly(Server server) {
  return std::make_unique<OpenAiChatAssembly>(server);
}

}  // namespace holdfast::wire
