#include "holdfast/wire/assembly_parts.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

/// As its server does it: the last line, with what all lines said.
class OllamaAssembly final : public Assembly {
 public:
  explicit OllamaAssembly(bool chat) : chat_(chat) {}

  void take(std::string_view, const RawObject& frame) override {
    if (ended_) return object("a line follows the last one");
    ended_ = frame.get("done") == "true";
    if (!ended_ && !knows(frame, "a line",
                          {"model", "created_at", "done", "remote_model", "remote_host", "logprobs",
                           chat_ ? "message" : "response", chat_ ? "message" : "thinking"})) {
      return;
    }
    append(frame, "logprobs", logprobs_);
    if (chat_) {
      take_message(frame);
    } else {
      add(frame, "response", text_);
      add(frame, "thinking", thinking_);
    }
    if (ended_) last_ = frame;
  }
  bool ended() const override { return ended_; }

  std::string document() override {
    RawObject& holder = chat_ ? message_ : last_;
    holder.set_string(chat_ ? "content" : "response", text_);
    if (!thinking_.empty()) holder.set_string("thinking", thinking_);
    if (!calls_.empty()) holder.set("tool_calls", array_text(calls_));
    if (chat_) last_.set("message", message_.text());
    if (!logprobs_.empty()) last_.set("logprobs", array_text(logprobs_));
    return last_.text();
  }

 private:
  void take_message(const RawObject& frame) {
    auto message = RawObject::of(frame.get("message"));
    if (!message) return object("a line has no message");
    if (!knows(*message, "a message", {"role", "content", "thinking", "tool_calls"})) return;
    add(*message, "content", text_);
    add(*message, "thinking", thinking_);
    append(*message, "tool_calls", calls_);
    if (ended_) message_ = *std::move(message);
  }
  void add(const RawObject& from, std::string_view name, std::string& to) {
    const std::string_view value = from.given(name);
    if (value.empty()) return;
    const auto text = from.string(name);
    if (!text) return object("'" + std::string(name) + "' is no string");
    to += *text;
  }
  void append(const RawObject& from, std::string_view name, std::vector<std::string>& to) {
    const std::string_view value = from.given(name);
    if (value.empty()) return;
    const auto elements = elements_of(value, parts_max);
    if (!elements) return object("'" + std::string(name) + "' is no list, or a very long one");
    for (const std::string_view each : *elements)
      to.emplace_back(each);
  }

  bool chat_;
  bool ended_ = false;
  RawObject last_, message_;
  std::string text_, thinking_;
  std::vector<std::string> calls_, logprobs_;
};

}  // namespace

std::unique_ptr<Assembly> ollama_assembly(bool chat) {
  return std::make_unique<OllamaAssembly>(chat);
}

}  // namespace holdfast::wire
