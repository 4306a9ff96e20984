#include <vector>

#include "holdfast/wire/assembly_parts.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

/// A block of content. What it begins with is how it ends, but for what the deltas add.
struct Block {
  RawObject start{};
  std::string type{};
  std::string text{}, signature{}, input{};  ///< `text` of text and of thinking
  std::vector<std::string> citations{};
  bool stopped = false;
};

bool has_input(std::string_view type) {
  return type == "tool_use" || type == "server_tool_use";
}

class AnthropicAssembly final : public Assembly {
 public:
  void take(std::string_view event, const RawObject& frame) override {
    const std::string type = frame.string("type").value_or(std::string(event));
    if (type == "ping") return;
    if (ended_) return object("an event follows the last one");
    if (type == "message_start") return take_start(frame);
    if (!begun_) return object("it does not begin with 'message_start'");
    if (type == "content_block_start") return take_block(frame);
    if (type == "content_block_delta") return take_delta(frame);
    if (type == "content_block_stop") return take_stop(frame);
    if (type == "message_delta") return take_message_delta(frame);
    if (type != "message_stop") return object("the event '" + type.substr(0, 60) + "' is not known");
    ended_ = knows(frame, "'message_stop'", {"type"});
  }
  bool ended() const override { return ended_; }

  std::string document() override {
    std::vector<std::string> blocks;
    blocks.reserve(blocks_.size());
    for (Block& each : blocks_)
      blocks.push_back(block_text(each));
    message_.set("content", array_text(blocks));
    message_.set("usage", usage_.text());
    return message_.text();
  }

 private:
  void take_start(const RawObject& frame) {
    if (!knows(frame, "'message_start'", {"type", "message"})) return;
    auto message = RawObject::of(frame.get("message"));
    auto usage = message ? RawObject::of(message->get("usage")) : std::nullopt;
    if (!message || !usage || begun_) return object("'message_start' comes twice, or without message or usage");
    const auto content = elements_of(message->get("content").empty() ? "null" : message->get("content"), 0);
    if (!content) return object("the message begins with content");
    message_ = *std::move(message);
    usage_ = *std::move(usage);
    begun_ = true;
  }

  void take_block(const RawObject& frame) {
    if (!knows(frame, "'content_block_start'", {"type", "index", "content_block"})) return;
    auto start = RawObject::of(frame.get("content_block"));
    if (!start || frame.index("index") != blocks_.size()) return object("a block of content is out of its order");
    Block block;
    block.type = start->string("type").value_or("");
    const bool as_it_is = block.type == "redacted_thinking" || block.type.ends_with("_tool_result");
    if (block.type != "text" && block.type != "thinking" && !has_input(block.type) && !as_it_is) {
      return object("a block of the type '" + block.type.substr(0, 60) + "' is not known");
    }
    if (block.type == "text" || block.type == "thinking") block.text = start->string(block.type).value_or("");
    block.signature = start->string("signature").value_or("");
    block.start = *std::move(start);
    blocks_.push_back(std::move(block));
  }

  void take_delta(const RawObject& frame) {
    if (!knows(frame, "'content_block_delta'", {"type", "index", "delta"})) return;
    const auto index = frame.index("index");
    const auto delta = RawObject::of(frame.get("delta"));
    if (!index || *index >= blocks_.size() || blocks_[*index].stopped || !delta) {
      return object("a delta belongs to no open block");
    }
    Block& block = blocks_[*index];
    const std::string type = delta->string("type").value_or("");
    if (type == "text_delta" && block.type == "text") return add(*delta, "text", block.text);
    if (type == "thinking_delta" && block.type == "thinking") return add(*delta, "thinking", block.text);
    if (type == "input_json_delta" && has_input(block.type)) return add(*delta, "partial_json", block.input);
    if (type == "signature_delta" && block.type == "thinking") {
      if (!block.signature.empty()) return object("a block has two signatures");
      return add(*delta, "signature", block.signature);
    }
    if (type == "citations_delta" && block.type == "text" && knows(*delta, "a delta", {"type", "citation"})) {
      if (block.citations.size() == parts_max) return object("a block has very many citations");
      block.citations.emplace_back(delta->get("citation").empty() ? "null" : delta->get("citation"));
      return;
    }
    object("a delta of the type '" + type.substr(0, 60) + "' in a block of the type '" + block.type + "'");
  }

  void take_stop(const RawObject& frame) {
    if (!knows(frame, "'content_block_stop'", {"type", "index"})) return;
    const auto index = frame.index("index");
    if (!index || *index >= blocks_.size() || blocks_[*index].stopped) return object("a block ends that is not open");
    blocks_[*index].stopped = true;
  }

  /// "Top-level changes to the final Message object", and totals of its usage.
  void take_message_delta(const RawObject& frame) {
    if (!knows(frame, "'message_delta'", {"type", "delta", "usage"})) return;
    const auto delta = RawObject::of(frame.get("delta"));
    if (!delta || !knows(*delta, "a message's delta", {"stop_reason", "stop_sequence", "stop_details"})) {
      return object("'message_delta' without its delta");
    }
    for (const RawMember& each : delta->members())
      message_.set(each.name, each.value);
    if (frame.given("usage").empty()) return;
    const auto usage = RawObject::of(frame.get("usage"));
    if (!usage) return object("'usage' is no object");
    for (const RawMember& each : usage->members()) {
      if (each.value != "null" || usage_.get(each.name).empty()) usage_.set(each.name, each.value);
    }
  }

  void add(const RawObject& delta, std::string_view name, std::string& to) {
    if (!knows(delta, "a delta", {"type", name})) return;
    const auto text = delta.string(name);
    if (!text) return object("'" + std::string(name) + "' is no string");
    to += *text;
  }

  std::string block_text(Block& block) {
    if (!block.stopped) object("a block does not end");
    if (block.type == "text" || block.type == "thinking") block.start.set_string(block.type, block.text);
    if (!block.signature.empty()) block.start.set_string("signature", block.signature);
    if (!block.citations.empty()) block.start.set("citations", array_text(block.citations));
    if (!block.input.empty()) {
      if (const auto problem = json_problem(block.input)) object("the input of a tool " + *problem);
      block.start.set("input", block.input);
    }
    return block.start.text();
  }

  bool begun_ = false, ended_ = false;
  RawObject message_, usage_;
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Assembly> anthropic_assembly() {
  return std::make_unique<AnthropicAssembly>();
}

}  // namespace holdfast::wire
