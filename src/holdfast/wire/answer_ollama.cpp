#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"

namespace holdfast::wire {

namespace json = boost::json;

void read_ollama(const json::object& frame, Findings& out) {
  if (const json::value* error = member(frame, "error"); error != nullptr && !error->is_null()) {
    if (!out.fault) out.fault = fault_in(frame, 200);
    return;
  }
  const json::object* message = object_in(frame, "message");
  if (add_text(text_in(frame, "response"), out)) ++out.progress;
  if (!text_in(frame, "thinking").empty()) ++out.progress;
  if (message != nullptr) {
    if (add_text(text_in(*message, "content"), out)) ++out.progress;
    if (!text_in(*message, "thinking").empty()) ++out.progress;
    if (const json::array* calls = array_in(*message, "tool_calls")) {
      out.progress += static_cast<std::int64_t>(calls->size());
    }
  }
  if (true_in(frame, "done")) {
    out.ended = true;
    out.stop = text_in(frame, "done_reason");
  }
}

}  // namespace holdfast::wire
