#include "holdfast/wire/answer.hpp"

#include <algorithm>

#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"

namespace holdfast::wire {
namespace {

constexpr std::string_view done_marker = "[DONE]";

bool is_judged(const Route& route, int status) {
  return status >= 200 && status < 300 && route.action != Action::other && route.dialect != Dialect::elevenlabs;
}

}  // namespace

AnswerReader::AnswerReader(const Route& route, int status, Framing framing)
    : route_(route), framing_(framing), judged_(is_judged(route, status)), status_(status), splitter_(framing) {
  if (judged_ && framing == Framing::whole) document_.emplace();
}

void AnswerReader::feed(std::string_view bytes) {
  if (bytes.empty()) return;
  begun_ = true;
  const bool frames = framing_ == Framing::sse || framing_ == Framing::ndjson;
  if (!frames || !judged_) findings_.progress += static_cast<std::int64_t>(bytes.size());
  if (frames) {
    while (const auto frame = splitter_.next(bytes)) {
      if (judged_) read_frame(*frame);
    }
  } else if (document_) {
    feed_document(bytes);
  }
}

void AnswerReader::finish() {
  begun_ = true;
  if (const auto frame = splitter_.last(); frame && judged_) read_frame(*frame);
  if (document_) return finish_document();
  if (!judged_ || framing_ == Framing::bytes) findings_.ended = true;
  if (!findings_.ended && !findings_.fault) {
    findings_.fault = {
        .error_class = ErrorClass::truncated, .status = status_, .message = "the answer ended without its end marker"};
  }
}

bool AnswerReader::at_boundary() const {
  switch (framing_) {
    case Framing::whole:
      return !begun_;
    case Framing::sse:
    case Framing::ndjson:
      return splitter_.at_boundary();
    case Framing::bytes:
      return false;
  }
  __builtin_unreachable();
}

void AnswerReader::collect_text(std::string* into) {
  findings_.text = into;
  findings_.text_before = into == nullptr ? 0 : into->size();
}

void AnswerReader::read_frame(const Frame& frame) {
  if (framing_ == Framing::sse && frame.data == done_marker) {
    findings_.ended = findings_.done = true;
    return;
  }
  if (!frame.readable) {
    ++unreadable_;
    return;
  }
  const ParsedObject parsed(frame.data);
  if (parsed.get() == nullptr) {
    ++unreadable_;
    return;
  }
  switch (route_.dialect) {
    case Dialect::openai:
      return read_openai(route_, frame.event, *parsed.get(), findings_);
    case Dialect::anthropic:
      return read_anthropic(frame.event, *parsed.get(), findings_);
    case Dialect::ollama:
      return read_ollama(*parsed.get(), findings_);
    case Dialect::elevenlabs:
    case Dialect::sdwebui:
      return;  // streams nothing that has a meaning
  }
}

bool AnswerReader::keeps_document() const {
  return findings_.text != nullptr || route_.action == Action::videos || route_.action == Action::progress;
}

void AnswerReader::feed_document(std::string_view bytes) {
  // What else is kept is for an error that comes with 200.
  const std::size_t bytes_max = keeps_document() ? document_bytes_max : error_bytes_max;
  kept_all_ = kept_all_ && kept_.size() + bytes.size() <= bytes_max;
  if (kept_all_) kept_.append(bytes);
  document_->feed(bytes);
  findings_.ended = document_->whole();
}

/// Only at the end: what follows a whole document may still make it none.
void AnswerReader::read_document() {
  if (!keeps_document() && !document_->says_error()) return;
  if (kept_all_) {
    const ParsedObject parsed(kept_);
    if (parsed.get() != nullptr) read_whole(route_, *parsed.get(), findings_);
  }
  if (document_->says_error() && !findings_.fault) {
    findings_.fault = {.error_class = ErrorClass::http, .status = status_, .message = "the answer holds an error"};
  }
}

void AnswerReader::finish_document() {
  document_->finish();
  findings_.ended = document_->whole();
  if (findings_.ended) read_document();
  if (findings_.ended || findings_.fault) return;
  if (document_->broken()) {
    ++unreadable_;
    // Not where: what the parser says of it depends on how the bytes were cut.
    findings_.fault = {.error_class = ErrorClass::protocol, .status = status_, .message = "the answer is not JSON"};
  } else {
    findings_.fault = {
        .error_class = ErrorClass::truncated, .status = status_, .message = "the answer ended in the middle"};
  }
}

void read_whole(const Route& route, const boost::json::object& document, Findings& out) {
  const boost::json::value* error = member(document, "error");
  if (error != nullptr && !error->is_null()) {
    out.fault = fault_in(document, 200);
    return;
  }
  const std::int64_t bytes = out.progress;  // of a document it is bytes that count
  switch (route.dialect) {
    case Dialect::openai:
      read_whole_openai(route, document, out);
      break;
    case Dialect::anthropic:
      read_whole_anthropic(document, out);
      break;
    case Dialect::ollama:
      read_ollama(document, out);
      break;
    case Dialect::elevenlabs:
      break;
    case Dialect::sdwebui:
      if (const auto part = number_in(document, "progress"); part && route.action == Action::progress) {
        out.percent = std::clamp(100 * *part, 0.0, 100.0);
      }
  }
  out.progress = bytes;
}

}  // namespace holdfast::wire
