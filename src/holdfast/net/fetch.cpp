#include "holdfast/net/fetch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "holdfast/net/client.hpp"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
using EventFunction = std::function<bool(const SseEvent&)>;

struct Outcome {
  error_code error = {};
  std::string what = {};
  Fetched fetched = {};
};

bool is_event_stream(const ResponseHead& head) {
  const auto type = head.fields.find("Content-Type");
  return head.status == 200 && type && type->starts_with("text/event-stream");
}

awaitable<error_code> read_events(Client& client, const EventFunction& on_event) {
  SseReader reader;
  std::vector<SseEvent> events;
  for (;;) {
    auto reading = client.read_some();
    const Piece piece = co_await std::move(reading);
    if (piece.error) co_return piece.error;
    if (piece.is_end()) co_return error_code(Fault::truncated);
    const error_code error = reader.feed(piece.bytes, events);
    for (const SseEvent& event : events) {
      if (!on_event(event)) co_return error_code();
    }
    events.clear();
    if (error) co_return error;
  }
}

/// Parameters by reference: `run` keeps them all until the loop has ended.
awaitable<void> converse(const Endpoint& endpoint, const RequestHead& request, const std::string& body,
                         const FetchOptions& options, const EventFunction* on_event, Outcome& outcome) {
  co_await asio::this_coro::throw_if_cancelled(false);
  outcome.what = "connect to " + endpoint.text();
  auto connecting = options.connector ? options.connector() : connect(endpoint, options.connect_time);
  Connected connected = co_await std::move(connecting);
  outcome.error = connected.error;
  if (outcome.error) co_return;
  outcome.what = request.method + " " + request.target + " at " + endpoint.text();
  const ClientOptions client_options{.host = endpoint.host_field()};
  Client client(std::move(connected.stream), client_options);
  auto sending = client.send(request, body);
  const error_code sent = co_await std::move(sending);
  outcome.error = sent;
  if (sent == Fault::misused || sent == asio::error::operation_aborted) co_return;
  auto reading_head = client.read_head();
  Client::Head head = co_await std::move(reading_head);
  outcome.error = sent && head.error ? sent : head.error;
  if (outcome.error) co_return;
  outcome.fetched.head = std::move(head.head);
  if (on_event && is_event_stream(outcome.fetched.head)) {
    auto reading = read_events(client, *on_event);
    outcome.error = co_await std::move(reading);
    co_return;
  }
  auto reading = client.read_body(options.body_bytes_max);
  Body answer = co_await std::move(reading);
  outcome.error = answer.error;
  outcome.fetched.body = std::move(answer.bytes);
}

result<Fetched> run(const Endpoint& endpoint, RequestHead request, const std::string& body, const FetchOptions& options,
                    const EventFunction* on_event) {
  asio::io_context context(1);
  Outcome outcome;
  asio::cancellation_signal cancellation;
  bool done = false, out_of_time = false, cancelled = false;
  std::exception_ptr thrown;  // only `on_event` throws
  if (request.fields.count("Connection") == 0) request.fields.add("Connection", "close");
  const Executor executor = context.get_executor();
  std::optional<Deadline> limit;
  const auto cancel = [&] { cancelled = true; };
  if (options.total_time) {
    limit.emplace(executor, after(*options.total_time), [&] {
      out_of_time = true;
      cancel();
    });
  }
  auto conversation = converse(endpoint, request, body, options, on_event, outcome);
  asio::co_spawn(executor, std::move(conversation),
                 asio::bind_cancellation_slot(cancellation.slot(), [&](std::exception_ptr error) {
                   done = true;
                   thrown = error;
                   limit.reset();
                 }));
  {
    // Posted, since the token fires on any thread. Gone before the context is.
    const std::stop_callback stopping(options.stop, [&] { asio::post(context, cancel); });
    while (!done && context.run_one() > 0) {
      // Again and again: what has completed and waits for its turn does not hear it, and what follows would wait on.
      if (cancelled && !done) cancellation.emit(asio::cancellation_type::terminal);
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  if (out_of_time) outcome.error = Fault::timed_out;
  if (outcome.error) return failure(outcome.error, outcome.what);
  return std::move(outcome.fetched);
}

}  // namespace

result<Fetched> fetch(const Endpoint& endpoint, RequestHead request, std::string body, FetchOptions options) {
  return run(endpoint, std::move(request), body, options, nullptr);
}

result<Fetched> follow(const Endpoint& endpoint, RequestHead request, std::function<bool(const SseEvent&)> on_event,
                       FetchOptions options) {
  if (request.fields.count("Accept") == 0) request.fields.add("Accept", "text/event-stream");
  return run(endpoint, std::move(request), {}, options, &on_event);
}

}  // namespace holdfast::net
