#include "holdfast/proxy/provider_call.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/net/pause.hpp"

namespace holdfast::proxy {
namespace {

namespace asio = boost::asio;
using net::awaitable;
using net::error_code;

/// The request has not left, and nobody was there to begin any work.
bool was_refused(const error_code& error) {
  return error == asio::error::connection_refused;
}

}  // namespace

StopWith::StopWith(std::stop_token token, std::shared_ptr<ProviderCall> call, net::Executor executor)
    : callback_(std::move(token), Post{std::move(call), std::move(executor)}) {}

void StopWith::Post::operator()() const {
  asio::post(executor, [call = call] { call->stop(); });
}

void ProviderCall::stop() {
  stopped_ = true;
  connecting_.emit(asio::cancellation_type::terminal);
  if (lease_) lease_->close();  // only closed: somebody may be reading from it
  wake_.notify();
}

awaitable<void> ProviderCall::until_stopped() {
  while (!stopped_) {
    auto waiting = wake_.wait();
    co_await std::move(waiting);
  }
}

awaitable<net::Lease> ProviderCall::connect() {
  auto taking = pool_.take_fresh();
  // Apart, so that a stop ends the connecting and nothing else that this coroutine waits for.
  auto connecting = asio::co_spawn(executor_, std::move(taking),
                                   asio::bind_cancellation_slot(connecting_.slot(), asio::use_awaitable));
  co_return co_await std::move(connecting);
}

awaitable<error_code> ProviderCall::connect_patiently(bool fresh, const std::function<void(std::string)>& tell) {
  if (auto kept = fresh ? std::nullopt : pool_.take_kept()) {
    lease_ = std::move(*kept);
    co_return error_code();
  }
  for (int attempt = 0;; ++attempt) {
    auto connecting = connect();
    lease_ = co_await std::move(connecting);
    if (stopped_) co_return error_code(asio::error::operation_aborted);
    if (lease_) co_return error_code();
    if (!was_refused(lease_.error()) || attempt == connect_retries_max) co_return lease_.error();
    const auto pause = net::pause_before(attempt, connect_retry_pause);
    tell("connection refused; trying again in " + std::to_string(pause.count()) + " ms (" +
         std::to_string(attempt + 1) + " of " + std::to_string(connect_retries_max) + ")");
    auto waiting = wake_.wait_until(net::after(pause));
    co_await std::move(waiting);
    if (stopped_) co_return error_code(asio::error::operation_aborted);
  }
}

awaitable<error_code> ProviderCall::send(const Outgoing& outgoing) {
  net::Client& client = lease_.client();
  if (outgoing.streamed_from == nullptr) {
    auto sending = client.send(outgoing.head, *outgoing.body);
    co_return co_await std::move(sending);
  }
  auto beginning = client.begin(outgoing.head);
  error_code error = co_await std::move(beginning);
  while (!error) {
    auto reading = outgoing.streamed_from->read_some();
    const net::Piece piece = co_await std::move(reading);
    if (piece.error) co_return piece.error;
    if (piece.is_end()) break;
    auto writing = client.write(piece.bytes);
    error = co_await std::move(writing);
  }
  if (error) co_return error;
  auto ending = client.end();
  co_return co_await std::move(ending);
}

awaitable<ProviderCall::Head> ProviderCall::ask(const Outgoing& outgoing, std::function<void(std::string)> tell) {
  for (bool fresh = false;; fresh = true) {
    auto connecting = connect_patiently(fresh, tell);
    const error_code error = co_await std::move(connecting);
    if (error) {
      co_return Head{.fault = fault_of(error, "could not be reached")};
    }
    const bool kept = !lease_.fresh();
    auto sending = send(outgoing);
    const error_code sent = co_await std::move(sending);
    sent_at_ = std::chrono::steady_clock::now();
    if (stopped_) co_return Head{.fault = fault_of(asio::error::operation_aborted, "was stopped")};
    // Even where sending failed there may be an answer that says why.
    auto reading = lease_->read_head();
    net::Client::Head head = co_await std::move(reading);
    // A kept connection that closed before a byte of an answer: the server may have gone before the request came. It is
    // sent again only where nobody can have begun any work: not all of it had left, or it asks for none.
    const bool harmless = sent || outgoing.head.method == "GET" || outgoing.head.method == "HEAD";
    const bool unanswered = head.error == net::Fault::closed && outgoing.streamed_from == nullptr;
    if (kept && harmless && unanswered && !stopped_) continue;
    if (!head.error) co_return Head{.head = std::move(head.head)};
    co_return Head{.fault = fault_of(sent ? sent : head.error, "did not answer")};
  }
}

awaitable<net::Piece> ProviderCall::read_some() {
  auto reading = lease_->read_some();
  co_return co_await std::move(reading);
}

awaitable<net::Body> ProviderCall::read_body(std::size_t bytes_max) {
  auto reading = lease_->read_body(bytes_max);
  co_return co_await std::move(reading);
}

ProviderFault ProviderCall::fault_of(const error_code& error, std::string_view doing) const {
  ErrorClass kind = ErrorClass::connection;
  if (error == net::Fault::malformed || error == net::Fault::head_too_large) kind = ErrorClass::protocol;
  return {kind, 0, {}, provider_ + " " + std::string(doing) + ": " + error.message()};
}

}  // namespace holdfast::proxy
