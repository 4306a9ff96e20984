#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "holdfast/base/check.hpp"
#include "holdfast/net/server_internal.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;

/// A buffer that one large body grew is not kept through the hours that a connection may idle.
void release(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > read_bytes_min) std::string().swap(buffer);
}

}  // namespace

Connection::Connection(std::shared_ptr<Server::Core> core, std::unique_ptr<Stream> stream)
    : core_(std::move(core)),
      stream_(std::move(stream)),
      arrival_(core_->executor),
      room_(core_->executor),
      gone_(core_->executor) {
  core_->connections.insert(this);
}

Connection::~Connection() {
  core_->connections.erase(this);
  core_->changed.notify();
}

awaitable<void> Connection::pump() {
  const auto self = shared_from_this();
  std::vector<char> room(read_bytes_min);
  while (!ended_) {
    auto reading = stream_->read_some(room);
    const Transfer got = co_await std::move(reading);
    ended_ = got.error;
    if (!discarding_) arrived_.append(room.data(), got.bytes);
    arrival_.notify();
    if (ended_) break;
    if (got.bytes == room.size() && room.size() < read_bytes_max) room.resize(room.size() * 4);
    if (got.bytes < read_bytes_min && room.size() > read_bytes_min) std::vector<char>(read_bytes_min).swap(room);
    while (arrived_.size() >= read_ahead_bytes_max && !discarding_ && !ended_) {
      auto waiting = room_.wait();
      co_await std::move(waiting);
    }
  }
  tell_gone(Gone::client_left);
}

awaitable<Connection::Filled> Connection::fill(TimePoint deadline) {
  for (;;) {
    if (!arrived_.empty()) {
      ready_.erase(0, used_);
      used_ = 0;
      if (ready_.empty()) {
        ready_.swap(arrived_);
      } else {
        ready_.append(arrived_);
      }
      arrived_.clear();
      room_.notify();
      co_return Filled::more;
    }
    if (ended_) co_return Filled::ended;
    auto waiting = arrival_.wait_until(deadline);
    const Woken woken = co_await std::move(waiting);
    if (woken == Woken::timed_out) co_return Filled::timed_out;
    if (woken == Woken::cancelled) co_return Filled::cancelled;
  }
}

awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  struct Close {
    Connection& connection;
    ~Close() { connection.close_stream(); }  // the pump then ends, too
  };
  const Close close{*this};
  auto pumping = pump();
  asio::co_spawn(core_->executor, std::move(pumping), asio::detached);
  // Cancellation is for handlers; here it is told by the closed stream.
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    auto reading = read_head();
    const Next next = co_await std::move(reading);
    if (next == Next::close) {
      auto saying = say_end();
      co_await std::move(saying);
      break;
    }
    Request request(*this);
    Response response(*this);
    if (next == Next::request && understand(request)) {
      auto serving = serve_one(request, response);
      co_await std::move(serving);
    } else {
      // What comes after a mistake may be anything; nothing of it is read as a request.
      close_after_ = true;
      auto refusing = answer_refusal();
      co_await std::move(refusing);
    }
    if (broken_) break;
    if (close_after_) {
      auto lingering = linger();
      co_await std::move(lingering);
      break;
    }
    served_before_ = true;
  }
}

awaitable<Connection::Next> Connection::read_head() {
  parser_.emplace(MessageParser::Kind::request, core_->options.head);
  sent_ = Sent::nothing;
  head_request_ = old_client_ = expects_continue_ = false;
  refusal_status_ = 0;
  body_error_ = {};
  ready_.erase(0, used_);
  used_ = 0;
  release(ready_);
  release(arrived_);
  if (unread().empty() && arrived_.empty() && core_->stopping) co_return Next::close;
  const ServerOptions& options = core_->options;
  TimePoint deadline = after(served_before_ ? options.idle_time : options.head_time);
  bool begun = !served_before_;
  if (served_before_) idle_since_ = std::chrono::steady_clock::now();
  for (;;) {
    if (!unread().empty()) {
      if (!begun) deadline = after(options.head_time);
      begun = true;
      idle_since_.reset();
      const ParserStep step = parser_->feed(unread());
      used_ += step.consumed;
      if (step.error) {
        refuse(parser_->refusal_status(), parser_->refusal_reason());
        co_return Next::refuse;
      }
      if (parser_->head_done()) co_return Next::request;
    }
    auto filling = fill(deadline);
    const Filled filled = co_await std::move(filling);
    if (filled == Filled::more) continue;
    idle_since_.reset();
    if (filled != Filled::timed_out || unread().empty()) co_return Next::close;
    refuse(408, "the head of the request took too long");
    co_return Next::refuse;
  }
}

bool Connection::understand(Request& request) {
  request.head_ = std::move(parser_->request());
  head_request_ = request.head_.method == "HEAD";
  old_client_ = request.head_.minor_version == 0;
  expects_continue_ = request.head_.fields.count("Expect") > 0 && !old_client_ && !parser_->done();
  auto target = parse_target(request.head_.method, request.head_.target);
  if (!target) {
    refuse(400, target.error().message);
    return false;
  }
  request.target_ = std::move(*target);
  if (request.target_.path == "*") return true;
  auto segments = split_path(request.target_.path);
  if (!segments) {
    refuse(400, segments.error().message);
    return false;
  }
  request.segments_ = std::move(*segments);
  return true;
}

void Connection::refuse(int status, std::string_view reason) {
  refusal_status_ = status;
  refusal_reason_ = reason;
}

awaitable<void> Connection::answer_refusal() {
  const std::string body = refusal_reason_ + "\n";
  Fields fields;
  fields.add("Content-Type", "text/plain; charset=utf-8");
  auto beginning = begin(refusal_status_, std::move(fields), body.size(), body);
  co_await std::move(beginning);
}

awaitable<void> Connection::call_handler(Request& request, Response& response, bool& threw) {
  co_await asio::this_coro::throw_if_cancelled(true);
  try {
    auto handling = core_->handler(request, response);
    co_await std::move(handling);
  } catch (...) {  // whatever it was, the client learns only that it was
    threw = true;
  }
}

/// What is answered where the handler said nothing; 0: nothing, since whom it would concern has left.
int Connection::status_of_silence(bool threw) const {
  if (threw) return 500;
  if (body_error_ == Fault::body_too_large) return 413;
  if (body_error_ == Fault::malformed) return 400;
  if (body_error_ == Fault::timed_out) return 408;
  return ended_ ? 0 : 500;
}

awaitable<void> Connection::serve_one(Request& request, Response& response) {
  bool threw = false;
  running_ = true;
  cancel_when_left_ = false;
  auto calling = call_handler(request, response, threw);
  co_await std::move(calling);
  running_ = false;
  on_gone_.clear();
  // What was cancelled was the handler's wait; what is left of this connection is not.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::this_coro::reset_cancellation_state();
  const int status = sent_ == Sent::nothing && !broken_ ? status_of_silence(threw) : 0;
  if (status != 0) {
    if (body_error_) close_after_ = true;
    refuse(status, reason_phrase(status));
    auto refusing = answer_refusal();
    co_await std::move(refusing);
  } else if (sent_ != Sent::ended) {
    broken_ = true;  // cut: an end would say that it is whole
  }
  if (!broken_ && !close_after_) {
    auto finishing = finish_body();
    const bool finished = co_await std::move(finishing);
    if (!finished) close_after_ = true;
  }
}

/// Reads what the handler left, so that the next request begins where it must.
awaitable<bool> Connection::finish_body() {
  std::uint64_t left = drain_bytes_max;
  while (!parser_->done()) {
    if (expects_continue_ || body_error_) co_return false;
    auto reading = read_piece();
    const Piece piece = co_await std::move(reading);
    if (piece.error || piece.bytes.size() > left) co_return false;
    left -= piece.bytes.size();
  }
  co_return true;
}

/// Nothing follows. Over TLS that is a message, and takes as long as any.
awaitable<void> Connection::say_end() {
  if (broken_) co_return;
  const Deadline limit(core_->executor, after(core_->options.write_time), [this] { stream_->close(); });
  auto shutting = stream_->shutdown();
  co_await std::move(shutting);
}

/// Closing with bytes unread makes the kernel reset the connection, and the client may lose the answer.
awaitable<void> Connection::linger() {
  auto saying = say_end();
  co_await std::move(saying);
  discarding_ = true;
  arrived_.clear();
  room_.notify();
  const TimePoint deadline = after(core_->options.linger_time);
  while (!ended_) {
    auto waiting = arrival_.wait_until(deadline);
    const Woken woken = co_await std::move(waiting);
    if (woken != Woken::notified) break;
  }
}

void Connection::begin_stop() {
  if (running_) {
    tell_gone(Gone::stopping);
  } else if (idle_since_ || (unread().empty() && arrived_.empty() && sent_ == Sent::nothing)) {
    stream_->close();
  }
}

bool Connection::still_writes(TimePoint now) {
  if (writing_ && write_due_ && *write_due_ <= now) {
    write_due_.reset();
    close_stream();
  }
  return writing_;
}

void Connection::close_stream() noexcept {
  // An answer that lasts until the connection's end is whole by any end but a reset.
  if (sent_ == Sent::until_close) {
    stream_->reset();
  } else {
    stream_->close();
  }
}

void Connection::cut() {
  broken_ = true;
  close_stream();
  // Not inside the handler's own call, which may be what led here.
  asio::post(core_->executor, [self = shared_from_this()] {
    self->cancellation_.emit(asio::cancellation_type::terminal);
    self->room_.notify();
  });
}

void Connection::post_gone(const std::shared_ptr<const GoneCall>& call, Gone why) {
  asio::post(core_->executor, [call = std::weak_ptr(call), why] {
    if (const auto here = call.lock()) (*here)(why);
  });
}

void Connection::tell_gone(Gone why) {
  if (why == Gone::client_left) gone_.notify();
  if (!running_) return;
  for (const auto& call : on_gone_)
    post_gone(call, why);
  if (why == Gone::client_left && cancel_when_left_) cut();
}

}  // namespace holdfast::net
