#include "holdfast/providers/llm_answer.hpp"

#include <algorithm>
#include <array>

#include "holdfast/providers/llm_provider.hpp"
#include "holdfast/wire/fault.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::providers {
namespace {

constexpr std::array at_the_limit = {"length", "max_tokens", "model_context_window_exceeded"};
constexpr std::array withheld = {"content_filter", "refusal"};

std::optional<std::string> field_of(const net::ResponseHead& head, std::string_view name) {
  const auto value = head.fields.find(name);
  if (!value) return std::nullopt;
  return std::string(*value);
}

}  // namespace

void LlmAnswer::connected() {
  operation_.progress().message(name_.model + " is asked");
}

void LlmAnswer::head(const net::ResponseHead& head) {
  head_ = head;
  operation_.progress().alive();
  if (!good()) return;
  operation_.progress().message(name_.model + " answers");
  const std::string type = field_of(head, "Content-Type").value_or("");
  const wire::Framing framing = wire::framing_of(type);
  const std::string encoding = field_of(head, "Content-Encoding").value_or("identity");
  if (!net::same_word(encoding, "identity")) {
    refused_ = {ErrorClass::protocol, head.status, {}, name_.provider + " sent a compressed answer, unasked"};
  } else if (framing == wire::Framing::bytes) {
    refused_ = {ErrorClass::protocol,
                head.status,
                {},
                name_.provider + " answered with " + (type.empty() ? "something without a type" : type.substr(0, 60)) +
                    ", which no language model does; is base_url right?"};
  }
  whole_ = framing == wire::Framing::whole;
  reader_.emplace(route_, head.status, framing);
  reader_->collect_text(&text_);
}

bool LlmAnswer::bytes(std::string_view bytes) {
  operation_.progress().alive();
  if (refused_) return false;
  if (!reader_) {
    error_body_.append(bytes.substr(0, wire::error_bytes_max - error_body_.size()));
    return error_body_.size() < wire::error_bytes_max;
  }
  reader_->feed(bytes);
  report();
  if (reader_->unreadable() > 0) {
    refused_ = {ErrorClass::protocol, head_.status, {}, "a piece of the answer is not JSON, and it may hold text"};
  }
  if (text_.size() > answer_bytes_max) {
    refused_ = {ErrorClass::protocol, head_.status, {}, "the answer is larger than 64 MiB, which is the limit"};
  }
  return !refused_ && !reader_->fault();
}

void LlmAnswer::report() {
  if (reader_->percent() && reader_->percent() != percent_) {
    percent_ = reader_->percent();
    operation_.progress().percent(*percent_);
  }
  if (reader_->progress() == reported_) return;
  reported_ = reader_->progress();
  // A document in one piece tells nothing of its tokens.
  if (whole_) {
    operation_.progress().bytes(reported_);
  } else {
    operation_.progress().tokens(reported_);
  }
}

ProviderFault LlmAnswer::fault_of(const CallEnd& end) const {
  ErrorClass kind = ErrorClass::connection;
  if (end.error == net::Fault::malformed || end.error == net::Fault::head_too_large) kind = ErrorClass::protocol;
  if (end.error == net::Fault::truncated && end.phase == CallPhase::reading) kind = ErrorClass::truncated;
  std::string what;
  switch (end.phase) {
    case CallPhase::connecting:
      what = "could not connect to " + name_.provider + " at " + name_.address;
      break;
    case CallPhase::asking:
      what = name_.provider + " at " + name_.address + " did not answer";
      break;
    case CallPhase::reading:
      what = name_.provider + " did not finish its answer";
      break;
  }
  return {kind, 0, {}, what + ": " + end.error.message()};
}

/// Of an answer that came to its own end, but not with all of its text.
std::optional<ProviderFault> LlmAnswer::fault_of_whole_answer() const {
  const std::string& stop = reader_->stop();
  if (std::ranges::find(at_the_limit, stop) != at_the_limit.end()) {
    return ProviderFault{ErrorClass::truncated, head_.status, stop,
                         name_.model + " stopped at its limit of tokens (" + stop +
                             ") before the text was whole; allow more with max_tokens, or ask for less"};
  }
  if (std::ranges::find(withheld, stop) != withheld.end()) {
    return ProviderFault{ErrorClass::protocol, head_.status, stop, name_.model + " withheld its answer (" + stop + ")"};
  }
  if (text_.empty()) {
    return ProviderFault{ErrorClass::protocol, head_.status, stop, name_.model + " answered without any text"};
  }
  return std::nullopt;
}

std::optional<ProviderFault> LlmAnswer::verdict(const CallEnd& end) {
  if (refused_) return refused_;
  if (head_.status == 0) return fault_of(end);
  if (!good()) return wire::fault_of(route_, head_.status, error_body_);
  // A connection that breaks behind the end marker takes nothing of the text along.
  if (!end.error || end.error == net::Fault::truncated || reader_->ended()) reader_->finish();
  if (reader_->fault()) return reader_->fault();
  if (end.error && !reader_->ended()) return fault_of(end);
  return fault_of_whole_answer();
}

std::optional<std::string> LlmAnswer::retry_after() const {
  if (head_.status != 429 && head_.status != 503) return std::nullopt;
  return field_of(head_, "Retry-After");
}

}  // namespace holdfast::providers
