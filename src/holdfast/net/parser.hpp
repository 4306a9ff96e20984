#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "holdfast/net/head.hpp"
#include "holdfast/net/message.hpp"

namespace holdfast::net {

/// What `feed` did with the bytes it was shown.
struct ParserStep {
  error_code error = {};
  std::size_t consumed = 0;
  /// A piece of the body, inside the bytes that were shown.
  std::string_view body = {};
  /// Nothing more can be done with these bytes: show them again together with more.
  bool needs_more = false;
};

/// One message: bytes become a head and pieces of a body.
///
/// `HeadScanner` finds the head, Beast's parser reads it and the framing of the body, and on top of both stands what a
/// relay needs that no two readers ever disagree about where a message ends: one `Content-Length` of digits or one
/// `Transfer-Encoding: chunked`, never both, neither twice; one good `Host`. Trailers are skipped: a field that comes
/// after the head was acted upon is not looked at.
/// Pure. Not reusable: one for each message.
class MessageParser {
 public:
  using Kind = HeadScanner::Kind;

  explicit MessageParser(Kind kind, const HeadLimits& limits = {});
  ~MessageParser();
  MessageParser(MessageParser&&) noexcept;
  MessageParser& operator=(MessageParser&&) noexcept;

  /// A response to HEAD has a head only. Before the first `feed`.
  void expect_no_body();

  /// Takes one step: the head, or one piece of the body. Call again until `needs_more`, `done()` or an error. An error
  /// is final.
  ParserStep feed(std::string_view bytes);
  /// The stream ended here: success only where that is a way to end the message.
  error_code feed_end();

  bool head_done() const;
  bool done() const;
  /// Whether the head allows another message on this connection.
  bool keep_alive() const;
  /// The body lasts until the stream ends (responses only): whether it is whole cannot be known.
  bool lasts_until_close() const;
  std::optional<std::uint64_t> content_length() const;

  /// Once `head_done`.
  RequestHead& request();
  ResponseHead& response();

  /// What a server answers to a request in which `feed` found an error, and a sentence for it.
  int refusal_status() const;
  std::string_view refusal_reason() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
