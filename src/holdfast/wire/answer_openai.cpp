#include <algorithm>

#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"

namespace holdfast::wire {
namespace {

namespace json = boost::json;

/// The delta of a chat: every part of it that holds something is a unit of work.
void read_delta(const json::object& delta, bool first_choice, Findings& out) {
  const std::string_view content = text_in(delta, "content");
  if (!content.empty()) {
    ++out.progress;
    if (first_choice) add_text(content, out);
  }
  // Two names of the same thing: who sends both sends it once.
  if (!text_in(delta, "reasoning_content").empty() || !text_in(delta, "reasoning").empty()) ++out.progress;
  if (!text_in(delta, "refusal").empty()) ++out.progress;
  if (const json::object* audio = object_in(delta, "audio")) {
    if (!text_in(*audio, "data").empty() || !text_in(*audio, "transcript").empty()) ++out.progress;
  }
  if (const json::object* call = object_in(delta, "function_call")) {
    if (!text_in(*call, "arguments").empty()) ++out.progress;
  }
  const json::array* calls = array_in(delta, "tool_calls");
  if (calls == nullptr) return;
  for (const json::value& each : *calls) {
    const json::object* call = each.if_object();
    if (call == nullptr) continue;
    const json::object* function = object_in(*call, "function");
    const json::object* custom = object_in(*call, "custom");
    if (function != nullptr && !text_in(*function, "arguments").empty()) ++out.progress;
    if (custom != nullptr && !text_in(*custom, "input").empty()) ++out.progress;
  }
}

void note_choice(std::size_t index, bool finished, Findings& out) {
  if (index >= choices_max) return;
  if (out.choices.size() <= index) out.choices.resize(index + 1, ChoiceState::unseen);
  ChoiceState& state = out.choices[index];
  if (finished || state == ChoiceState::unseen) state = finished ? ChoiceState::finished : ChoiceState::open;
}

void read_choices(const json::array& choices, Findings& out) {
  for (const json::value& each : choices) {
    const json::object* choice = each.if_object();
    if (choice == nullptr) continue;
    const std::int64_t index = integer_in(*choice, "index").value_or(0);
    if (const json::object* delta = object_in(*choice, "delta")) read_delta(*delta, index == 0, out);
    if (const std::string_view text = text_in(*choice, "text"); !text.empty()) {
      ++out.progress;
      if (index == 0) add_text(text, out);
    }
    const std::string_view reason = text_in(*choice, "finish_reason");
    if (index == 0 && !reason.empty()) out.stop = reason;
    if (index >= 0) note_choice(static_cast<std::size_t>(index), !reason.empty(), out);
  }
}

void read_chunk(const json::object& frame, Findings& out) {
  if (const json::object* prompt = object_in(frame, "prompt_progress")) {
    const auto total = number_in(*prompt, "total"), processed = number_in(*prompt, "processed");
    if (total && processed && *total > 0) out.percent = std::clamp(100 * *processed / *total, 0.0, 100.0);
  }
  const json::array* choices = array_in(frame, "choices");
  if (choices == nullptr || choices->empty()) return;
  read_choices(*choices, out);
  const bool open = std::ranges::find(out.choices, ChoiceState::open) != out.choices.end();
  out.ended = out.done || (!out.choices.empty() && !open);
}

/// Events that say their type: responses, and streams of speech, transcripts and pictures.
void read_typed(std::string_view type, const json::object& frame, Findings& out) {
  if (const auto sequence = integer_in(frame, "sequence_number")) out.sequence = sequence;
  if (type.ends_with(".delta")) {
    const std::string_view delta = text_in(frame, "delta");
    if (!delta.empty() || !text_in(frame, "audio").empty()) ++out.progress;
    if (type == "response.output_text.delta" || type == "transcript.text.delta") add_text(delta, out);
    return;
  }
  if (type.ends_with(".partial_image")) {
    if (!text_in(frame, "b64_json").empty() || !text_in(frame, "partial_image_b64").empty()) ++out.progress;
    return;
  }
  for (const std::string_view end :
       {"response.completed", "response.incomplete", "response.cancelled", "speech.audio.done", "transcript.text.done",
        "image_generation.completed", "image_edit.completed"}) {
    if (type != end) continue;
    out.ended = true;
    out.stop = type.substr(type.rfind('.') + 1);
  }
}

std::string output_text(const json::object& response) {
  std::string text;
  const json::array* output = array_in(response, "output");
  if (output == nullptr) return text;
  for (const json::value& item : *output) {
    const json::object* message = item.if_object();
    const json::array* parts = message == nullptr ? nullptr : array_in(*message, "content");
    if (parts == nullptr) continue;
    for (const json::value& each : *parts) {
      const json::object* part = each.if_object();
      if (part != nullptr && text_in(*part, "type") == "output_text") text += text_in(*part, "text");
    }
  }
  return text;
}

}  // namespace

void read_openai(const Route& route, std::string_view event, const json::object& frame, Findings& out) {
  const std::string_view said = text_in(frame, "type");
  const std::string_view type = said.empty() ? event : said;
  const json::value* error = member(frame, "error");
  const bool failed = event == "error" || said == "error" || said == "response.failed";
  if (failed || (error != nullptr && !error->is_null())) {
    if (const auto sequence = integer_in(frame, "sequence_number")) out.sequence = sequence;
    const json::object* response = object_in(frame, "response");
    if (!out.fault) out.fault = fault_in(response == nullptr ? frame : *response, 200);
    return;
  }
  const bool chunks = route.action == Action::chat || route.action == Action::completions;
  if (chunks) {
    read_chunk(frame, out);
  } else {
    read_typed(type, frame, out);
  }
}

void read_whole_openai(const Route& route, const json::object& document, Findings& out) {
  if (route.action == Action::videos) {
    if (const auto percent = number_in(document, "progress")) out.percent = std::clamp(*percent, 0.0, 100.0);
    return;
  }
  if (route.action == Action::responses) {
    add_text(output_text(document), out);
    out.stop = text_in(document, "status");
    return;
  }
  if (route.action == Action::transcription) {
    add_text(text_in(document, "text"), out);
    return;
  }
  const json::array* choices = array_in(document, "choices");
  if (choices == nullptr) return;
  for (const json::value& each : *choices) {
    const json::object* choice = each.if_object();
    if (choice == nullptr || integer_in(*choice, "index").value_or(0) != 0) continue;
    if (const json::object* message = object_in(*choice, "message")) add_text(text_in(*message, "content"), out);
    add_text(text_in(*choice, "text"), out);
    out.stop = text_in(*choice, "finish_reason");
    return;
  }
}

}  // namespace holdfast::wire
