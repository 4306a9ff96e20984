#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/wire/framing.hpp"
#include "holdfast/wire/route.hpp"

/// Streamed towards the provider, whole towards the client.
namespace holdfast::wire {

/// The body of a request that asks for the same answer as a stream (and, of OpenAI, for its usage).
///
/// Errors: `invalid_argument`: its answer could not be put together again (another route, sound, probabilities of
/// tokens, functions of the old kind, servers of tools, …) or the body is no JSON object: send it as it is.
result<std::string> streaming_request(const Route& route, std::string_view body);

/// What is put together, in one dialect. Inside this module.
class Assembly;

/// A streamed answer becomes the document that the same request would have got without `stream`.
///
/// For Ollama's chat and generate, OpenAI's chat completions (several choices, tool calls, refusals, reasoning, finish
/// reasons, usage) and Anthropic's messages (text, citations, thinking, tools, usage, stop reason). Values keep their
/// digits. What is not known to be in the whole document as it is in the stream is an error, never a guess; an OpenAI
/// stream without usage is one too.
/// Threads: none. Limits: `frame_bytes_max`, `document_bytes_max`, `parts_max`.
class Assembler {
 public:
  explicit Assembler(const Route& route);
  Assembler(Assembler&&) noexcept;
  Assembler& operator=(Assembler&&) noexcept;
  ~Assembler();

  void feed(std::string_view bytes);
  /// No bytes follow. Called once.
  /// Errors: `truncated`: no end marker; `provider_failed`: the provider's own error, or a frame that cannot be read or
  /// put in its place, which the message names; `too_large`; `invalid_argument`: not one of these routes.
  result<std::string> whole();

 private:
  void take(const Frame& frame);

  FrameSplitter splitter_;
  std::unique_ptr<Assembly> assembly_;
  std::optional<Failure> failure_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::wire
