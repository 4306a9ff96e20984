#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <deque>
#include <set>

#include "holdfast/net/tls/tls_internal.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;

/// What the listener, the coroutine that accepts and the handshakes share.
struct State : std::enable_shared_from_this<State> {
  State(Executor on, std::unique_ptr<Listener> from, TlsServerContext with, TlsListenerOptions how)
      : executor(std::move(on)),
        inner(std::move(from)),
        context(std::move(with)),
        options(std::move(how)),
        changed(executor) {}

  using Handshake = std::shared_ptr<asio::cancellation_signal>;

  bool full() const { return handshakes.size() + ready.size() >= options.handshakes_max; }
  awaitable<void> accept_from_inner();
  void begin(std::unique_ptr<Stream> stream);

  Executor executor;
  std::unique_ptr<Listener> inner;
  TlsServerContext context;
  TlsListenerOptions options;
  std::set<Handshake> handshakes;
  std::deque<std::unique_ptr<Stream>> ready;
  /// Of the inner listener, until somebody takes it.
  error_code error;
  bool begun = false;
  bool closed = false;
  Signal changed;
};

awaitable<void> State::accept_from_inner() {
  const auto self = shared_from_this();
  while (!closed) {
    if (full() || error) {
      auto waiting = changed.wait();
      co_await std::move(waiting);
      continue;
    }
    auto accepting = inner->accept();
    Connected accepted = co_await std::move(accepting);
    if (closed) break;
    error = accepted.error;
    if (!error) begin(std::move(accepted.stream));
    changed.notify();
  }
}

void State::begin(std::unique_ptr<Stream> stream) {
  const auto handshake = std::make_shared<asio::cancellation_signal>();
  handshakes.insert(handshake);
  auto ended = [self = shared_from_this(), handshake, peer = stream->peer()](std::exception_ptr, Connected connected) {
    self->handshakes.erase(handshake);
    self->changed.notify();
    if (self->closed) return;
    if (connected.stream) {
      self->ready.push_back(std::move(connected.stream));
    } else if (self->options.on_failed) {
      self->options.on_failed(peer, connected.error);
    }
  };
  auto shaking = tls_server(std::move(stream), context, options.handshake_time);
  asio::co_spawn(executor, std::move(shaking), asio::bind_cancellation_slot(handshake->slot(), std::move(ended)));
}

class TlsListener final : public Listener {
 public:
  explicit TlsListener(std::shared_ptr<State> state) : state_(std::move(state)), endpoint_(state_->inner->endpoint()) {}
  ~TlsListener() override { TlsListener::close(); }

  awaitable<Connected> accept() override {
    const std::shared_ptr<State> state = state_;
    if (!std::exchange(state->begun, true)) {
      auto accepting = state->accept_from_inner();
      asio::co_spawn(state->executor, std::move(accepting), asio::detached);
    }
    Connected next{.error = asio::error::operation_aborted};
    while (!state->closed && state->ready.empty() && !state->error) {
      auto waiting = state->changed.wait();
      const Woken woken = co_await std::move(waiting);
      if (woken == Woken::cancelled) co_return next;
    }
    if (state->closed) co_return next;
    if (state->ready.empty()) {
      next.error = std::exchange(state->error, {});
    } else {
      next = Connected{.stream = std::move(state->ready.front())};
      state->ready.pop_front();
    }
    state->changed.notify();
    co_return next;
  }

  void close() noexcept override {
    if (std::exchange(state_->closed, true)) return;
    state_->inner->close();
    state_->ready.clear();
    const auto under_way = state_->handshakes;  // one that ends takes itself out
    for (const auto& handshake : under_way)
      handshake->emit(asio::cancellation_type::terminal);
    state_->changed.notify();
  }

  const Endpoint& endpoint() const noexcept override { return endpoint_; }

 private:
  std::shared_ptr<State> state_;
  Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<Listener> tls_listener(const Executor& executor, std::unique_ptr<Listener> inner,
                                       TlsServerContext context, TlsListenerOptions options) {
  auto state = std::make_shared<State>(executor, std::move(inner), std::move(context), std::move(options));
  return std::make_unique<TlsListener>(std::move(state));
}

}  // namespace holdfast::net
