#include "holdfast/proxy/answer_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "holdfast/wire/fault.hpp"

namespace holdfast::proxy {
namespace {

namespace asio = boost::asio;
using net::awaitable;
using net::error_code;
using Clock = std::chrono::steady_clock;

/// How an answer will be framed, as far as the request tells.
wire::Framing expected_framing(const wire::Route& route, bool streams) {
  if (route.kind == "speech" || route.action == wire::Action::other) return wire::Framing::bytes;
  if (!streams) return wire::Framing::whole;
  return route.dialect == wire::Dialect::ollama ? wire::Framing::ndjson : wire::Framing::sse;
}

std::string_view content_type_of(wire::Framing framing) {
  switch (framing) {
    case wire::Framing::sse:
      return "text/event-stream; charset=utf-8";
    case wire::Framing::ndjson:
      return "application/x-ndjson";
    case wire::Framing::whole:
      return "application/json";
    case wire::Framing::bytes:
      return "application/octet-stream";
  }
  __builtin_unreachable();
}

}  // namespace

AnswerError own_error(const wire::Route& route, Errc code, std::string message, net::Fields fields) {
  const int status = http_status(code);
  fields.set("Content-Type", "application/json");
  if (status == 409) fields.set("x-should-retry", "false");  // the SDKs of OpenAI and Anthropic retry 409 otherwise
  if (code == Errc::unauthorized) fields.set("WWW-Authenticate", "Bearer");
  std::string body = wire::error_body(route.dialect, code, message);
  return {status, std::move(fields), std::move(body), code, std::move(message)};
}

AnswerStream::AnswerStream(const net::Executor& executor, net::Response& response, const wire::Route& route,
                           Times times)
    : executor_(executor),
      response_(response),
      route_(route),
      framing_(expected_framing(route, false)),
      times_(times),
      timer_(executor),
      free_(executor) {}

void AnswerStream::expect_stream() {
  framing_ = expected_framing(route_, true);
}

void AnswerStream::expect_anything() {
  framing_ = wire::Framing::bytes;
  anything_ = true;
}

void AnswerStream::keep_alive(net::Fields fields) {
  if (over_) return;
  if (recording_) recording_->wait_with(fields);
  fields_ = std::move(fields);
  if (waiting_ || (!begun() && wire::keepalive(route_, framing_).empty())) return;
  wait(begun() ? times_.keepalive : times_.header_grace);
}

void AnswerStream::wait(std::chrono::milliseconds patience) {
  waiting_ = true;
  last_write_ = Clock::now();
  patience_ = patience;
  arm(last_write_ + patience_);
}

/// One timer for each answer, which is seldom touched: when it runs out it looks at what was written meanwhile.
void AnswerStream::arm(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([this, here = std::weak_ptr(here_)](const error_code& error) {
    if (error || here.expired() || over_ || !waiting_) return;
    const auto due = last_write_ + patience_;
    if (writing_) return arm(Clock::now() + times_.keepalive);
    if (Clock::now() < due) return arm(due);
    beating_ = true;
    asio::co_spawn(executor_, beat(), asio::detached);
  });
}

bool AnswerStream::may_beat() const {
  return !over_ && waiting_ && !client_left() && between();
}

/// One keepalive, or the head that makes them possible.
awaitable<void> AnswerStream::beat() {
  if (may_beat() && !writing_) {
    writing_ = true;
    const std::string_view bytes = wire::keepalive(route_, framing_);
    error_code error;
    auto patience = times_.keepalive;
    if (!begun()) {
      net::Fields fields = std::exchange(fields_, {});
      fields.set("Content-Type", content_type_of(framing_));
      fields.set("Cache-Control", "no-cache");
      fields.set("X-Accel-Buffering", "no");
      auto beginning = response_.begin(200, std::move(fields), bytes);
      error = co_await std::move(beginning);
      patience = times_.keepalive / 2;
    } else if (!bytes.empty()) {
      auto writing = response_.write(bytes);
      error = co_await std::move(writing);
    }
    finished(patience);
    if (!error && waiting_ && !over_) arm(last_write_ + patience_);
  } else if (waiting_ && !over_) {
    arm(Clock::now() + times_.keepalive);
  }
  beating_ = false;
  free_.notify();
}

void AnswerStream::finished(std::chrono::milliseconds patience) {
  writing_ = false;
  patience_ = patience;
  last_write_ = Clock::now();
  free_.notify();
}

/// Waits until nobody writes, and is then the one who does.
awaitable<void> AnswerStream::turn() {
  while (writing_) {
    auto waiting = free_.wait();
    co_await std::move(waiting);
  }
  writing_ = true;
}

awaitable<error_code> AnswerStream::send(int status, net::Fields fields, std::string_view body) {
  over_ = told_ = true;
  timer_.cancel();
  if (recording_) recording_->whole({status, fields, wire::Framing::whole}, body);
  auto sending = response_.send(status, std::move(fields), body);
  co_return co_await std::move(sending);
}

awaitable<error_code> AnswerStream::begin(int status, net::Fields fields, wire::Framing framing,
                                          std::string_view first) {
  if (recording_) {
    recording_->begin({status, fields, framing});
    recording_->add(first);
  }
  auto turning = turn();
  co_await std::move(turning);
  error_code error;
  if (begun()) {
    // A head of our own is out, and nothing was promised that would not hold: the framing is looked at by the caller.
    if (!first.empty()) {
      auto writing = response_.write(first);
      error = co_await std::move(writing);
    }
  } else {
    framing_ = framing;
    fields_ = {};
    auto beginning = response_.begin(status, std::move(fields), first);
    error = co_await std::move(beginning);
  }
  delivered_ = delivered_ || !first.empty();
  // Whoever has a head and nothing else waits for the first sign of life half as long.
  const auto patience = first.empty() ? times_.keepalive / 2 : times_.keepalive;
  finished(patience);
  if (wire::keepalive(route_, framing_).empty()) {
    waiting_ = false;
  } else if (anything_) {
    wait(patience);
  }
  co_return error;
}

awaitable<error_code> AnswerStream::pass(std::string_view bytes) {
  delivered_ = true;
  if (recording_) recording_->add(bytes);
  if (client_left()) co_return asio::error::broken_pipe;
  if (writing_) {
    auto turning = turn();
    co_await std::move(turning);
  }
  writing_ = true;
  auto writing = response_.write(bytes);
  const error_code error = co_await std::move(writing);
  finished(times_.keepalive);
  co_return error;
}

awaitable<error_code> AnswerStream::end() {
  if (recording_) recording_->end();
  auto turning = turn();
  co_await std::move(turning);
  over_ = told_ = true;
  timer_.cancel();
  auto ending = response_.end();
  const error_code error = co_await std::move(ending);
  finished(times_.keepalive);
  co_return error;
}

awaitable<void> AnswerStream::fail(Errc code, std::string message, net::Fields fields) {
  return fail(own_error(route_, code, std::move(message), std::move(fields)));
}

awaitable<void> AnswerStream::fail(AnswerError error) {
  told_ = true;
  if (recording_) recording_->end(error);
  auto quieting = quiet();
  co_await std::move(quieting);
  if (client_left() || response_.ended()) co_return;
  if (!begun()) {
    auto sending = response_.send(error.status, std::move(error.fields), error.body);
    co_await std::move(sending);
    co_return;
  }
  const std::string frames =
      between() ? wire::error_frames(route_, framing_, error.code, error.message, sequence()) : std::string();
  // What has no frame for an error is cut off, so that nobody takes it for whole: the server does that with an answer
  // that was begun and not ended.
  cut_ = frames.empty();
  if (cut_) co_return;
  auto writing = response_.write(frames);
  if (co_await std::move(writing)) co_return;
  auto ending = response_.end();
  co_await std::move(ending);
}

awaitable<void> AnswerStream::quiet() {
  over_ = true;
  waiting_ = false;
  timer_.cancel();
  while (beating_ || writing_) {
    auto waiting = free_.wait();
    co_await std::move(waiting);
  }
}

}  // namespace holdfast::proxy
