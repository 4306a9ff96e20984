#include "holdfast/providers/asking/exchange.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "holdfast/net/client.hpp"
#include "holdfast/net/signal.hpp"

namespace holdfast::providers {
namespace {

namespace asio = boost::asio;

/// Parameters by reference: `exchange` keeps them all until its loop has ended.
net::awaitable<void> converse(const net::Connector& connector, const net::RequestHead& head, const std::string& body,
                              AnswerListener& listener, CallEnd& end) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto connecting = connector();
  net::Connected connected = co_await std::move(connecting);
  end.error = connected.error;
  if (end.error) co_return;
  end.phase = CallPhase::asking;
  listener.connected();
  net::Client client(std::move(connected.stream));
  auto sending = client.send(head, body);
  const net::error_code sent = co_await std::move(sending);
  end.error = sent;
  if (sent == net::Fault::misused || sent == asio::error::operation_aborted) co_return;
  // Even where sending failed there may be an answer that says why.
  auto reading_head = client.read_head();
  const net::Client::Head answer = co_await std::move(reading_head);
  end.error = sent && answer.error ? sent : answer.error;
  if (end.error) co_return;
  end.phase = CallPhase::reading;
  listener.head(answer.head);
  for (;;) {
    auto reading = client.read_some();
    const net::Piece piece = co_await std::move(reading);
    end.error = piece.error;
    if (piece.error || piece.is_end() || !listener.bytes(piece.bytes)) co_return;
  }
}

}  // namespace

CallEnd exchange(const net::Connector& connector, const net::RequestHead& head, const std::string& body,
                 AnswerListener& listener, const std::stop_token& stop, std::optional<milliseconds> total_time) {
  asio::io_context context(1);
  CallEnd end;
  asio::cancellation_signal cancellation;
  bool done = false, out_of_time = false, cancelled = false;
  std::exception_ptr thrown;  // only the listener throws
  const net::Executor executor = context.get_executor();
  std::optional<net::Deadline> limit;
  if (total_time) limit.emplace(executor, net::after(*total_time), [&] { cancelled = out_of_time = true; });
  auto conversation = converse(connector, head, body, listener, end);
  asio::co_spawn(executor, std::move(conversation),
                 asio::bind_cancellation_slot(cancellation.slot(), [&](std::exception_ptr error) {
                   done = true;
                   thrown = error;
                   limit.reset();
                 }));
  {
    // Posted, since the token fires on any thread. Gone before the context is.
    const std::stop_callback stopping(stop, [&] { asio::post(context, [&] { cancelled = true; }); });
    while (!done && context.run_one() > 0) {
      // Again and again: what has completed and waits for its turn does not hear it, and what follows would wait on.
      if (cancelled && !done) cancellation.emit(asio::cancellation_type::terminal);
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  if (out_of_time && end.error) end.error = net::Fault::timed_out;
  return end;
}

}  // namespace holdfast::providers
