#include "holdfast/net/client.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "holdfast/net/parser.hpp"

namespace holdfast::net {
namespace {

constexpr std::string_view chunk_end = "\r\n";

}  // namespace

struct Client::State {
  State(std::unique_ptr<Stream> from, ClientOptions with) : stream(std::move(from)), options(std::move(with)) {}

  enum class Sending { nothing, fixed, chunked, sent };

  std::string_view unread() const { return std::string_view(buffer).substr(used); }
  error_code fail(error_code error) {
    broken = true;
    stream->close();
    return error;
  }
  result<std::string> prepare(RequestHead& head, std::optional<std::uint64_t> length);
  awaitable<error_code> put(std::string_view first, std::string_view second = {}, std::string_view third = {});
  awaitable<error_code> fill();

  std::unique_ptr<Stream> stream;
  ClientOptions options;
  std::string buffer;
  std::size_t used = 0;
  std::size_t read_bytes = read_bytes_min;
  std::optional<MessageParser> parser;
  Sending sending = Sending::nothing;
  std::uint64_t left = 0;
  bool head_request = false;
  bool asked_to_close = false;
  bool broken = false;
  bool marked = true;
};

/// Sends a head on its way; `length` empty means what the fields say, or chunked.
result<std::string> Client::State::prepare(RequestHead& head, std::optional<std::uint64_t> length) {
  const Failure misuse{.code = Errc::invalid_argument, .message = "a request at this point"};
  if (broken || sending == Sending::fixed || sending == Sending::chunked) return misuse;
  if (parser && !parser->done()) return misuse;
  if (sending == Sending::sent && !parser) return misuse;
  const std::size_t lengths = head.fields.count("Content-Length");
  head.fields.remove("Transfer-Encoding");
  if (length) {
    head.fields.remove("Content-Length");
    // RFC 9110 §8.6: that a body is empty is said where one is expected.
    const bool expected = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
    if (*length > 0 || expected) head.fields.add("Content-Length", std::to_string(*length));
  } else if (lengths > 0) {
    length = parse_length(*head.fields.find("Content-Length"));
    if (!length || lengths > 1) return misuse;
  } else {
    head.fields.add("Transfer-Encoding", "chunked");
  }
  if (head.fields.count("Host") == 0) head.fields.add("Host", options.host);
  auto text = format_head(head);
  if (!text) return Failure{.code = Errc::invalid_argument, .message = text.error().message()};
  head_request = head.method == "HEAD";
  asked_to_close = head.fields.lists("Connection", "close");
  sending = length ? Sending::fixed : Sending::chunked;
  left = length.value_or(0);
  parser.reset();
  marked = true;
  return std::move(*text);
}

awaitable<error_code> Client::State::put(std::string_view first, std::string_view second, std::string_view third) {
  auto writing = stream->write(first, second, third);
  const Transfer written = co_await std::move(writing);
  if (written.error == boost::asio::error::operation_aborted) fail(written.error);
  if (written.error) broken = true;  // but what the server said before it stopped reading can still be read
  co_return written.error;
}

awaitable<error_code> Client::State::fill() {
  buffer.erase(0, used);
  used = 0;
  const std::size_t before = buffer.size();
  // What is allocated is used before there is more of it: a string grows by doubling.
  const std::size_t spare = buffer.capacity() - before;
  const std::size_t room = spare >= read_bytes / 2 ? std::min(spare, read_bytes) : read_bytes;
  buffer.resize(before + room);
  auto reading = stream->read_some(std::span(buffer).subspan(before));
  const Transfer got = co_await std::move(reading);
  buffer.resize(before + got.bytes);
  read_bytes = got.bytes == room ? std::min(read_bytes * 4, read_bytes_max) : read_bytes;
  co_return got.error;
}

Client::Client(std::unique_ptr<Stream> stream, ClientOptions options)
    : state_(std::make_unique<State>(std::move(stream), std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

awaitable<error_code> Client::send(RequestHead head, std::string_view body) {
  State& state = *state_;
  const auto text = state.prepare(head, body.size());
  if (!text) co_return error_code(Fault::misused);
  state.sending = State::Sending::sent;
  auto putting = state.put(*text, body);
  co_return co_await std::move(putting);
}

awaitable<error_code> Client::begin(RequestHead head) {
  const auto text = state_->prepare(head, std::nullopt);
  if (!text) co_return error_code(Fault::misused);
  auto putting = state_->put(*text);
  co_return co_await std::move(putting);
}

awaitable<error_code> Client::write(std::string_view bytes) {
  State& state = *state_;
  if (state.broken) co_return error_code(boost::asio::error::broken_pipe);
  if (bytes.empty()) co_return error_code();
  if (state.sending == State::Sending::chunked) {
    const std::string line = format_chunk_line(bytes.size());
    auto putting = state.put(line, bytes, chunk_end);
    co_return co_await std::move(putting);
  }
  if (state.sending != State::Sending::fixed || bytes.size() > state.left) co_return error_code(Fault::misused);
  state.left -= bytes.size();
  auto putting = state.put(bytes);
  co_return co_await std::move(putting);
}

awaitable<error_code> Client::end() {
  State& state = *state_;
  if (state.broken) co_return error_code(boost::asio::error::broken_pipe);
  const auto was = std::exchange(state.sending, State::Sending::sent);
  if (was == State::Sending::chunked) {
    auto putting = state.put(last_chunk);
    co_return co_await std::move(putting);
  }
  if (was != State::Sending::fixed || state.left > 0) co_return state.fail(Fault::misused);
  co_return error_code();
}

awaitable<Client::Head> Client::read_head() {
  State& state = *state_;
  Head answer;
  if (state.sending == State::Sending::nothing || state.parser) co_return Head{.error = Fault::misused};
  for (int informational = 0; informational <= informational_answers_max; ++informational) {
    MessageParser parser(MessageParser::Kind::response, state.options.head);
    if (state.head_request) parser.expect_no_body();
    while (!parser.head_done()) {
      const ParserStep step = parser.feed(state.unread());
      state.used += step.consumed;
      if (step.error) co_return Head{.error = state.fail(step.error)};
      if (!step.needs_more) continue;
      auto filling = state.fill();
      const error_code error = co_await std::move(filling);
      if (!error) continue;
      const bool clean = error == boost::asio::error::eof || error == boost::asio::error::connection_reset ||
                         error == boost::asio::error::broken_pipe || error == Fault::truncated;  // of TLS: cut
      const error_code early = state.unread().empty() && informational == 0 ? Fault::closed : Fault::truncated;
      co_return Head{.error = state.fail(clean ? early : error)};
    }
    const int status = parser.response().status;
    // A protocol that nobody asked for would take over the connection.
    if (status == 101 || status < 100) break;
    if (status < 200) continue;
    answer.head = std::move(parser.response());
    state.marked = !parser.lasts_until_close();
    state.parser.emplace(std::move(parser));
    co_return answer;
  }
  co_return Head{.error = state.fail(Fault::malformed)};
}

awaitable<Piece> Client::read_some() {
  State& state = *state_;
  if (!state.parser) co_return Piece{.error = Fault::misused};
  for (;;) {
    if (state.parser->done()) co_return Piece();
    if (!state.unread().empty()) {
      const ParserStep step = state.parser->feed(state.unread());
      state.used += step.consumed;
      if (step.error) co_return Piece{.error = state.fail(step.error)};
      if (!step.body.empty()) co_return Piece{.bytes = step.body};
      if (!step.needs_more) continue;
    }
    auto filling = state.fill();
    const error_code error = co_await std::move(filling);
    if (!error) continue;
    state.broken = true;
    if (error == boost::asio::error::eof) {
      const error_code ending = state.parser->feed_end();
      if (!ending) co_return Piece();
      co_return Piece{.error = state.fail(ending)};
    }
    const bool cut = error == boost::asio::error::connection_reset;
    co_return Piece{.error = state.fail(cut ? error_code(Fault::truncated) : error)};
  }
}

awaitable<Body> Client::read_body(std::size_t bytes_max) {
  Body body;
  for (;;) {
    auto reading = read_some();
    const Piece piece = co_await std::move(reading);
    body.error = piece.error;
    if (piece.error || piece.is_end()) co_return body;
    if (piece.bytes.size() > bytes_max - body.bytes.size()) {
      body.error = state_->fail(Fault::body_too_large);
      co_return body;
    }
    body.bytes.append(piece.bytes);
  }
}

bool Client::untouched() const {
  return reusable() && state_->stream->silent();
}

void Client::trim() {
  State& state = *state_;
  state.read_bytes = read_bytes_min;
  state.buffer.clear();
  state.used = 0;
  if (state.buffer.capacity() > read_bytes_min) std::string().swap(state.buffer);
}

bool Client::reusable() const {
  const State& state = *state_;
  if (state.broken || state.sending != State::Sending::sent || !state.parser || !state.parser->done()) return false;
  // Bytes after the end of an answer belong to nothing that was asked.
  return state.marked && state.parser->keep_alive() && !state.asked_to_close && state.unread().empty();
}

bool Client::end_was_marked() const {
  return state_->marked;
}
void Client::close() noexcept {
  state_->broken = true;
  state_->stream->close();
}
const Peer& Client::peer() const noexcept {
  return state_->stream->peer();
}

}  // namespace holdfast::net
