#include <algorithm>
#include <boost/asio/error.hpp>

#include "holdfast/base/check.hpp"
#include "holdfast/net/server_internal.hpp"

/// What handlers call: the request's body, and the answer.
namespace holdfast::net {
namespace {

namespace asio = boost::asio;
constexpr std::string_view continue_head = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

awaitable<Piece> Connection::read_piece() {
  if (body_error_) co_return Piece{.error = body_error_};
  if (std::exchange(expects_continue_, false) && unread().empty() && arrived_.empty() && sent_ == Sent::nothing) {
    auto putting = put(continue_head);
    body_error_ = co_await std::move(putting);
  }
  while (!body_error_) {
    if (parser_->done()) co_return Piece();
    if (!unread().empty()) {
      const ParserStep step = parser_->feed(unread());
      used_ += step.consumed;
      body_error_ = step.error;
      if (!step.body.empty()) co_return Piece{.bytes = step.body};
      if (!step.needs_more) continue;
    }
    auto filling = fill(after(core_->options.body_idle_time));
    const Filled filled = co_await std::move(filling);
    if (filled == Filled::ended) body_error_ = Fault::truncated;
    if (filled == Filled::timed_out) body_error_ = Fault::timed_out;
    if (filled == Filled::cancelled) co_return Piece{.error = asio::error::operation_aborted};
  }
  co_return Piece{.error = body_error_};
}

/// Everything that is sent goes through here, a slice at a time, each with its own time.
awaitable<error_code> Connection::put(std::string_view first, std::string_view second, std::string_view third) {
  HOLDFAST_CHECK(!writing_, "one write at a time");
  if (broken_) co_return error_code(asio::error::broken_pipe);
  writing_ = true;
  error_code error;
  bool more = true;
  while (more && !error) {
    const std::string_view slice = second.substr(0, write_slice_bytes);
    second.remove_prefix(slice.size());
    more = !second.empty();
    write_due_ = after(core_->options.write_time);
    core_->watch_writes();
    auto writing = stream_->write(std::exchange(first, {}), slice, more ? std::string_view() : third);
    const Transfer written = co_await std::move(writing);
    error = write_due_ ? written.error : error_code(Fault::timed_out);
  }
  write_due_.reset();
  writing_ = false;
  if (error) {
    broken_ = true;
    close_stream();
  }
  co_return error;
}

bool Connection::may_keep_alive() const {
  if (close_after_ || !parser_->keep_alive() || core_->stopping || core_->waiting > 0) return false;
  if (parser_->done()) return true;
  return !expects_continue_ && parser_->content_length().value_or(0) <= drain_bytes_max;
}

awaitable<error_code> Connection::begin(int status, Fields fields, std::optional<std::uint64_t> length,
                                        std::string_view first) {
  if (sent_ != Sent::nothing || status < 200) co_return error_code(Fault::misused);
  const bool bodyless = head_request_ || status == 204 || status == 304;
  if (fields.lists("Connection", "close")) close_after_ = true;
  for (const char* own : {"Connection", "Keep-Alive", "Transfer-Encoding"})
    fields.remove(own);
  if (length) fields.remove("Content-Length");
  if (const auto said = fields.find("Content-Length"); said && !length) {
    length = parse_length(*said);
    if (!length || fields.count("Content-Length") > 1) co_return error_code(Fault::malformed);
  } else if (length && status != 204 && status != 304) {
    fields.add("Content-Length", std::to_string(*length));
  }
  Sent sending = length ? Sent::counted : old_client_ ? Sent::until_close : Sent::chunked;
  if (sending == Sent::until_close) close_after_ = true;
  if (sending == Sent::chunked && status != 204 && status != 304) fields.add("Transfer-Encoding", "chunked");
  if (!may_keep_alive()) close_after_ = true;
  if (close_after_) fields.add("Connection", "close");
  if (fields.count("Date") == 0) fields.add("Date", core_->date());
  const auto head = format_head(ResponseHead{.status = status, .fields = std::move(fields)});
  if (!head) co_return head.error();
  if (bodyless) sending = Sent::discarded;
  if (sending == Sent::counted && first.size() > *length) co_return error_code(Fault::misused);
  left_ = length.value_or(0) - (sending == Sent::counted ? first.size() : 0);
  // A whole answer is ended by being begun.
  sent_ = sending == Sent::counted && left_ == 0 && !first.empty() ? Sent::ended : sending;
  const bool in_chunk = sending == Sent::chunked && !first.empty();
  const std::string begins = in_chunk ? *head + format_chunk_line(first.size()) : *head;
  if (sending == Sent::discarded) first = {};
  auto putting = put(begins, first, in_chunk ? std::string_view("\r\n") : std::string_view());
  co_return co_await std::move(putting);
}

awaitable<error_code> Connection::write(std::string_view bytes) {
  if (sent_ == Sent::nothing || sent_ == Sent::ended) co_return error_code(Fault::misused);
  if (sent_ == Sent::discarded || bytes.empty()) {
    co_return broken_ ? error_code(asio::error::broken_pipe) : error_code();
  }
  if (sent_ == Sent::counted) {
    if (bytes.size() > left_) co_return error_code(Fault::misused);
    left_ -= bytes.size();
  }
  const std::string line = sent_ == Sent::chunked ? format_chunk_line(bytes.size()) : std::string();
  auto putting = put(line, bytes, sent_ == Sent::chunked ? std::string_view("\r\n") : std::string_view());
  co_return co_await std::move(putting);
}

awaitable<error_code> Connection::end() {
  if (sent_ == Sent::nothing || (sent_ == Sent::counted && left_ > 0)) co_return error_code(Fault::misused);
  const Sent was = std::exchange(sent_, Sent::ended);
  if (was != Sent::chunked) co_return broken_ ? error_code(asio::error::broken_pipe) : error_code();
  auto putting = put(last_chunk);
  co_return co_await std::move(putting);
}

const Peer& Request::peer() const {
  return connection_.stream_->peer();
}

std::optional<std::uint64_t> Request::content_length() const {
  return connection_.parser_->content_length();
}

awaitable<Piece> Request::read_some() {
  return connection_.read_piece();
}

awaitable<Body> Request::read_body(std::size_t bytes_max) {
  Body body;
  if (content_length().value_or(0) > bytes_max) {
    body.error = connection_.body_error_ = Fault::body_too_large;
    co_return body;
  }
  for (;;) {
    auto reading = connection_.read_piece();
    const Piece piece = co_await std::move(reading);
    body.error = piece.error;
    if (piece.error || piece.is_end()) co_return body;
    if (piece.bytes.size() > bytes_max - body.bytes.size()) {
      body.error = connection_.body_error_ = Fault::body_too_large;
      co_return body;
    }
    body.bytes.append(piece.bytes);
  }
}

awaitable<error_code> Response::send(int status, Fields fields, std::string_view body) {
  auto beginning = connection_.begin(status, std::move(fields), body.size(), body);
  const error_code error = co_await std::move(beginning);
  if (error) co_return error;
  auto ending = connection_.end();
  co_return co_await std::move(ending);
}

awaitable<error_code> Response::begin(int status, Fields fields, std::string_view first) {
  return connection_.begin(status, std::move(fields), std::nullopt, first);
}
awaitable<error_code> Response::write(std::string_view bytes) {
  return connection_.write(bytes);
}
awaitable<error_code> Response::end() {
  return connection_.end();
}

bool Response::begun() const {
  return connection_.sent_ != Connection::Sent::nothing;
}
bool Response::ended() const {
  return connection_.sent_ == Connection::Sent::ended;
}
void Response::close_after() {
  connection_.close_after_ = true;
}
void Response::cut() noexcept {
  connection_.broken_ = true;
  connection_.close_stream();
}

bool Response::client_left() const {
  return connection_.ended_ || connection_.broken_;
}
bool Response::stopping() const {
  return connection_.core_->stopping;
}

awaitable<void> Response::client_gone() {
  while (!client_left()) {
    auto waiting = connection_.gone_.wait();
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::cancelled) co_return;
  }
}

void Response::on_gone(std::function<void(Gone)> call) {
  const auto& kept = connection_.on_gone_.emplace_back(std::make_shared<const Connection::GoneCall>(std::move(call)));
  if (client_left()) connection_.post_gone(kept, Gone::client_left);
  if (stopping()) connection_.post_gone(kept, Gone::stopping);
}

void Response::cancel_when_left() {
  connection_.cancel_when_left_ = true;
  if (client_left()) connection_.cut();
}

}  // namespace holdfast::net
