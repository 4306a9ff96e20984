#include "holdfast/wire/assembly.hpp"

#include <utility>
#include <vector>

#include "holdfast/wire/assembly_parts.hpp"
#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"
#include "holdfast/wire/request.hpp"

namespace holdfast::wire {
namespace {

std::unique_ptr<Assembly> assembly_for(const Route& route, Server server) {
  if (route.dialect == Dialect::openai && route.action == Action::chat) return openai_chat_assembly(server);
  if (route.dialect == Dialect::anthropic && route.action == Action::messages) return anthropic_assembly();
  if (route.dialect == Dialect::ollama && route.action == Action::chat) return ollama_assembly(true);
  if (route.dialect == Dialect::ollama && route.action == Action::generate) return ollama_assembly(false);
  return nullptr;
}

Failure failed(std::string message) {
  return {Errc::provider_failed, std::move(message)};
}

/// What a request may not ask for. Present and not null is enough: `logprobs: false` is not worth a reader of its own.
std::vector<std::string_view> not_assembled(Dialect dialect) {
  if (dialect == Dialect::openai) {
    return {"logprobs",      "top_logprobs",       "audio",         "modalities", "functions",
            "function_call", "web_search_options", "stream_options"};
  }
  if (dialect == Dialect::anthropic) return {"mcp_servers", "container", "context_management"};
  return {};
}

/// Whether the frame is the provider's error.
bool is_error(std::string_view event, const RawObject& frame) {
  return event == "error" || !frame.given("error").empty() || frame.get("type") == "\"error\"";
}

}  // namespace

result<std::string> streaming_request(const Route& route, std::string_view body) {
  if (assembly_for(route, Server::unknown) == nullptr)
    return Failure{Errc::invalid_argument, "answers of this kind are not assembled"};
  auto streamed = with_member(body, "stream", "true");
  if (!streamed) return streamed;
  const auto object = RawObject::of(*streamed);
  if (!object) return Failure{Errc::invalid_argument, "the body has a member twice, or very many"};
  for (const std::string_view each : not_assembled(route.dialect)) {
    if (object->given(each).empty()) continue;
    return Failure{Errc::invalid_argument, "answers with '" + std::string(each) + "' are not assembled"};
  }
  if (route.dialect != Dialect::openai) return streamed;
  return with_member(*streamed, "stream_options", R"({"include_usage": true})");
}

Assembler::Assembler(const Route& route, Server server)
    : splitter_(route.dialect == Dialect::ollama ? Framing::ndjson : Framing::sse),
      assembly_(assembly_for(route, server)) {
  if (assembly_ == nullptr) failure_ = {Errc::invalid_argument, "answers of this kind are not assembled"};
}
Assembler::Assembler(Assembler&&) noexcept = default;
Assembler& Assembler::operator=(Assembler&&) noexcept = default;
Assembler::~Assembler() = default;

void Assembler::feed(std::string_view bytes) {
  while (!failure_) {
    const std::size_t before = bytes.size();
    const auto frame = splitter_.next(bytes);
    bytes_ += before - bytes.size();
    if (bytes_ > document_bytes_max) {
      failure_ = {Errc::too_large, "the answer is longer than " + std::to_string(document_bytes_max) + " bytes"};
    } else if (frame) {
      take(*frame);
    }
    if (!frame) return;
  }
}

void Assembler::take(const Frame& frame) {
  if (frame.data == "[DONE]") return;  // nothing that is asked for follows; what must be there is seen at the end
  const auto object = frame.readable ? RawObject::of(frame.data) : std::nullopt;
  if (!object) {
    failure_ = failed("a frame of the answer cannot be read");
    return;
  }
  if (is_error(frame.event, *object)) {
    const ParsedObject parsed(frame.data);
    error_ = frame.data;
    const ProviderFault fault = parsed.get() == nullptr ? ProviderFault{} : fault_in(*parsed.get(), 200);
    failure_ = failed("the provider's error" + (fault.code.empty() ? "" : " " + fault.code) + ": " + fault.message);
    return;
  }
  assembly_->take(frame.event, *object);
  if (!assembly_->objection().empty()) failure_ = failed("the answer cannot be assembled: " + assembly_->objection());
}

result<std::string> Assembler::whole() {
  if (const auto frame = splitter_.last(); frame && !failure_) take(*frame);
  if (failure_) return *std::move(failure_);
  if (!assembly_->ended()) return Failure{Errc::truncated, "the answer ended without its end marker"};
  std::string document = assembly_->document();
  if (!assembly_->objection().empty()) return failed("the answer cannot be assembled: " + assembly_->objection());
  return document;
}

}  // namespace holdfast::wire
