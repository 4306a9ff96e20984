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

/// Whose server answers, where that is known. It tells what a whole answer has that the stream of the same does not
/// say.
enum class Server : unsigned char {
  unknown,
  openai,     ///< api.openai.com: a message without citations has an empty list of them
  anthropic,  ///< api.anthropic.com
  llama,      ///< llama.cpp: a message that says nothing and calls nothing is an empty text
};

/// The body of a request that asks for the same answer as a stream (and, of OpenAI, for its usage).
///
/// Errors: `invalid_argument`: its answer could not be put together again (another route, sound, probabilities of
/// tokens, functions of the old kind, servers of tools, …) or the body is no JSON object: send it as it is.
result<std::string> streaming_request(const Route& route, std::string_view body);

/// Whether the request's answer, streamed by this server and put together, is known to be the one that it would have
/// got whole: only for the shapes of which the tests have both forms. A member that is not known makes it false, and so
/// does whatever the server may answer in a form of its own (searching, sound, tools that it runs, probabilities, tiers
/// and storing; of Anthropic all tools, since one that `max_tokens` cuts is another thing in a stream). For a `body`
/// that `read_request` has read.
bool assembles_exactly(const Route& route, Server server, std::string_view body);

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
  explicit Assembler(const Route& route, Server server = Server::unknown);
  Assembler(Assembler&&) noexcept;
  Assembler& operator=(Assembler&&) noexcept;
  ~Assembler();

  void feed(std::string_view bytes);
  /// No bytes follow. Called once.
  /// Errors: `truncated`: no end marker; `provider_failed`: the provider's own error, or a frame that cannot be read or
  /// put in its place, which the message names; `too_large`; `invalid_argument`: not one of these routes.
  result<std::string> whole();
  /// The provider's own error, as the document that a whole answer would have been; empty: it said none.
  const std::string& error() const { return error_; }

 private:
  void take(const Frame& frame);

  FrameSplitter splitter_;
  std::unique_ptr<Assembly> assembly_;
  std::optional<Failure> failure_;
  std::string error_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::wire
