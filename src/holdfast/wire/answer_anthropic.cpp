#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"

#include <boost/json/serialize.hpp>

namespace holdfast::wire {
namespace {

namespace json = boost::json;

void read_block_start(const json::object& frame, Findings& out) {
  const json::object* block = object_in(frame, "content_block");
  if (block == nullptr) return;
  if (text_in(*block, "type") == "tool_use" && text_in(*block, "name") == answer_tool) {
    out.answer_block = integer_in(frame, "index");
    if (out.text != nullptr) out.text->resize(out.text_before);
    return;
  }
  // Usually empty; some servers begin here.
  if (add_text(text_in(*block, "text"), out)) ++out.progress;
  if (!text_in(*block, "thinking").empty()) ++out.progress;
}

void read_block_delta(const json::object& frame, Findings& out) {
  const json::object* delta = object_in(frame, "delta");
  if (delta == nullptr) return;
  const std::string_view type = text_in(*delta, "type");
  if (type == "text_delta") {
    if (add_text(text_in(*delta, "text"), out)) ++out.progress;
  } else if (type == "thinking_delta") {
    if (!text_in(*delta, "thinking").empty()) ++out.progress;
  } else if (type == "input_json_delta") {
    const std::string_view part = text_in(*delta, "partial_json");
    if (part.empty()) return;
    ++out.progress;
    if (out.answer_block && integer_in(frame, "index") == out.answer_block && out.text != nullptr) {
      out.text->append(part);
    }
  }
}

}  // namespace

void read_anthropic(std::string_view event, const json::object& frame, Findings& out) {
  const std::string_view said = text_in(frame, "type");
  const std::string_view type = said.empty() ? event : said;
  if (type == "content_block_delta") {
    read_block_delta(frame, out);
  } else if (type == "content_block_start") {
    read_block_start(frame, out);
  } else if (type == "message_delta") {
    const json::object* delta = object_in(frame, "delta");
    const std::string_view reason = delta == nullptr ? std::string_view() : text_in(*delta, "stop_reason");
    if (!reason.empty()) out.stop = reason;
  } else if (type == "message_stop") {
    out.ended = true;
  } else if (type == "error") {
    if (!out.fault) out.fault = fault_in(frame, 200);
  }
}

void read_whole_anthropic(const json::object& document, Findings& out) {
  out.stop = text_in(document, "stop_reason");
  const json::array* content = array_in(document, "content");
  if (content == nullptr || out.text == nullptr) return;
  for (const json::value& each : *content) {
    const json::object* block = each.if_object();
    if (block == nullptr) continue;
    if (text_in(*block, "type") == "tool_use" && text_in(*block, "name") == answer_tool) {
      const json::value* input = member(*block, "input");
      out.answer_block = 0;
      out.text->resize(out.text_before);
      if (input != nullptr) out.text->append(json::serialize(*input));
      return;
    }
    if (text_in(*block, "type") == "text") add_text(text_in(*block, "text"), out);
  }
}

}  // namespace holdfast::wire
