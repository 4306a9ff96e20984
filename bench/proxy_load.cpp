#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "figures.hpp"
#include "holdfast/net/client.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/server.hpp"

/// Both ends of `bench/proxy`: a provider that answers by the name of the model, and a client that asks for one.
///
///     bench_proxy_load provider PORT
///     bench_proxy_load requests PORT CONNECTIONS REQUESTS      short JSON requests, one after the other
///     bench_proxy_load frames PORT STREAMS FRAMES MILLISECONDS a stream of FRAMES, one each MILLISECONDS
///     bench_proxy_load parked PORT STREAMS SECONDS             a head, one frame, and silence
///
/// A client prints one JSON object. Errors: exit status 1 with what went wrong; figures of failed requests are none.
namespace {

namespace asio = boost::asio;
namespace net = holdfast::net;
using Clock = std::chrono::steady_clock;
using net::awaitable;

constexpr std::string_view short_answer =
    R"({"id":"chatcmpl-1","object":"chat.completion","created":1764000000,"model":"short","choices":[{"index":0,)"
    R"("message":{"role":"assistant","content":"All good things take their time."},"logprobs":null,)"
    R"("finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20}})";
constexpr std::string_view frame =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"frames",)"
    R"("choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]})"
    "\n\n";
constexpr std::string_view last_frames =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"frames",)"
    R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]})"
    "\n\ndata: [DONE]\n\n";

awaitable<void> sleep_until(asio::steady_timer& timer, Clock::time_point when) {
  timer.expires_at(when);
  auto waiting = timer.async_wait(asio::use_awaitable);
  co_await std::move(waiting);
}

double micros(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// One of `count` instants, spread evenly over `within`: streams that all begin in one moment measure that moment.
Clock::duration spread(std::size_t index, std::size_t count, Clock::duration within) {
  return within * static_cast<std::int64_t>(index) / static_cast<std::int64_t>(count);
}

// The provider.

awaitable<void> stream_frames(asio::io_context& io, net::Response& response, int count, int milliseconds) {
  net::Fields fields{{"Content-Type", "text/event-stream"}};
  auto beginning = response.begin(200, std::move(fields));
  net::error_code error = co_await std::move(beginning);
  asio::steady_timer timer(io);
  Clock::time_point next = Clock::now();
  for (int i = 0; i < count && !error; ++i) {
    next += std::chrono::milliseconds(milliseconds);
    auto sleeping = sleep_until(timer, next);
    co_await std::move(sleeping);
    auto writing = response.write(frame);
    error = co_await std::move(writing);
  }
  auto writing = response.write(last_frames);
  co_await std::move(writing);
  auto ending = response.end();
  co_await std::move(ending);
}

awaitable<void> answer(asio::io_context& io, net::Request& request, net::Response& response) {
  auto reading = request.read_body(1 << 20);
  const net::Body body = co_await std::move(reading);
  const boost::json::value asked = boost::json::parse(body.bytes);
  const boost::json::string& model = asked.at("model").as_string();
  if (model == "parked") {
    net::Fields fields{{"Content-Type", "text/event-stream"}};
    auto beginning = response.begin(200, std::move(fields), frame);
    co_await std::move(beginning);
    auto waiting = response.client_gone();
    co_await std::move(waiting);
    co_return;
  }
  if (model.starts_with("frames-")) {
    int count = 0;
    int milliseconds = 0;
    std::sscanf(model.c_str(), "frames-%d-%d", &count, &milliseconds);
    auto streaming = stream_frames(io, response, count, milliseconds);
    co_await std::move(streaming);
    co_return;
  }
  net::Fields fields{{"Content-Type", "application/json"}};
  auto sending = response.send(200, std::move(fields), short_answer);
  co_await std::move(sending);
}

int provide(std::uint16_t port) {
  asio::io_context io(1);
  net::ServerOptions options;
  options.connections_max = 20'000;
  net::Server server(
      io.get_executor(),
      [&io](net::Request& request, net::Response& response) { return answer(io, request, response); }, options);
  auto listener = net::listen(io.get_executor(), net::Endpoint{.host = "127.0.0.1", .port = port});
  if (!listener) {
    std::cerr << listener.error().message << '\n';
    return 1;
  }
  server.serve(std::move(*listener));
  std::cout << "ready" << std::endl;
  io.run();
  return 0;
}

// The client.

struct Load {
  asio::io_context io{1};
  std::uint16_t port = 0;
  std::string failure;  ///< the first
  std::vector<double> times;
  std::size_t frames = 0;
  std::size_t waiting = 0;  ///< streams that have begun and go on

  void fail(std::string what) {
    if (failure.empty()) failure = std::move(what);
    io.stop();
  }
};

net::RequestHead request_head(std::uint16_t port) {
  net::RequestHead head{.method = "POST", .target = "/v1/chat/completions"};
  head.fields = {{"Host", "127.0.0.1:" + std::to_string(port)},
                 {"Content-Type", "application/json"},
                 {"Accept", "application/json"},
                 {"Authorization", "Bearer sk-nobody"},
                 {"User-Agent", "bench_proxy_load"},
                 // Portkey's gateway is told so whom to ask; the others pass it on.
                 {"x-portkey-provider", "openai"}};
  if (const char* host = std::getenv("BENCH_PORTKEY_HOST")) head.fields.add("x-portkey-custom-host", host);
  return head;
}

std::string request_body(std::string_view model, bool stream) {
  return R"({"model":")" + std::string(model) + R"(","messages":[{"role":"system","content":"You are brief."},)" +
         R"({"role":"user","content":"What takes its time?"}],"stream":)" + (stream ? "true}" : "false}");
}

awaitable<std::optional<net::Client>> connected(Load& load) {
  auto connecting = net::connect(net::Endpoint{.host = "127.0.0.1", .port = load.port});
  net::Connected made = co_await std::move(connecting);
  if (made.error) {
    load.fail("connect: " + made.error.message());
    co_return std::nullopt;
  }
  co_return net::Client(std::move(made.stream));
}

awaitable<bool> begin(Load& load, net::Client& client, const std::string& body) {
  auto sending = client.send(request_head(load.port), body);
  co_await std::move(sending);
  auto reading = client.read_head();
  const net::Client::Head head = co_await std::move(reading);
  if (!head.error && head.head.status == 200) co_return true;
  load.fail(head.error ? "no answer: " + head.error.message() : "status " + std::to_string(head.head.status));
  co_return false;
}

awaitable<void> ask_again_and_again(Load& load, std::size_t requests) {
  const std::string body = request_body("short", false);
  auto connecting = connected(load);
  std::optional<net::Client> client = co_await std::move(connecting);
  for (std::size_t i = 0; client && i < requests; ++i) {
    const auto before = Clock::now();
    auto beginning = begin(load, *client, body);
    if (!co_await std::move(beginning)) co_return;
    auto reading = client->read_body(1 << 20);
    const net::Body answer = co_await std::move(reading);
    load.times.push_back(micros(Clock::now() - before));
    if (answer.error || answer.bytes.find("All good things") == std::string::npos)
      co_return load.fail("another answer");
    if (client->reusable()) continue;
    auto connecting_again = connected(load);
    client = co_await std::move(connecting_again);
  }
}

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++count;
  return count;
}

/// A stream whose head has come.
awaitable<std::optional<net::Client>> streaming(Load& load, std::string model, Clock::duration start) {
  asio::steady_timer timer(load.io);
  auto sleeping = sleep_until(timer, Clock::now() + start);
  co_await std::move(sleeping);
  auto connecting = connected(load);
  std::optional<net::Client> client = co_await std::move(connecting);
  if (!client) co_return std::nullopt;
  const std::string body = request_body(model, true);
  auto beginning = begin(load, *client, body);
  if (!co_await std::move(beginning)) co_return std::nullopt;
  co_return client;
}

awaitable<void> follow(Load& load, std::string model, std::size_t expected, Clock::duration start) {
  auto opening = streaming(load, std::move(model), start);
  std::optional<net::Client> client = co_await std::move(opening);
  if (!client) co_return;
  std::string got;
  while (true) {
    auto reading = client->read_some();
    const net::Piece piece = co_await std::move(reading);
    if (piece.error) co_return load.fail("cut: " + piece.error.message());
    if (piece.is_end()) break;
    got.append(piece.bytes);
  }
  const std::size_t frames = count_of(got, "\"content\":\" token\"");
  if (frames != expected || !got.ends_with("data: [DONE]\n\n")) co_return load.fail("frames are missing");
  load.frames += frames;
}

/// Waits through the silence. What is measured is the time between keepalives.
awaitable<void> park(Load& load, Clock::duration start) {
  auto opening = streaming(load, "parked", start);
  std::optional<net::Client> client = co_await std::move(opening);
  if (!client) co_return;
  ++load.waiting;
  auto heard = Clock::now();
  for (;;) {
    auto reading = client->read_some();
    const net::Piece piece = co_await std::move(reading);
    if (piece.error || piece.is_end()) co_return load.fail("a waiting stream ended: " + piece.error.message());
    if (piece.bytes.starts_with(':')) load.times.push_back(micros(Clock::now() - heard));
    heard = Clock::now();
  }
}

int report(Load& load, Clock::duration took) {
  if (!load.failure.empty()) {
    std::cerr << "bench_proxy_load: " << load.failure << '\n';
    return 1;
  }
  const bool timed = !load.times.empty();
  std::printf(
      "{\"seconds\": %.3f, \"count\": %zu, \"frames\": %zu, \"waiting\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
      "\"max_us\": %.1f}\n",
      micros(took) / 1e6, load.times.size(), load.frames, load.waiting, timed ? percentile(load.times, 50) : 0.0,
      timed ? percentile(load.times, 99) : 0.0, timed ? percentile(load.times, 100) : 0.0);
  return 0;
}

int usage() {
  std::cerr
      << "usage: bench_proxy_load provider PORT | requests PORT CONNECTIONS REQUESTS | frames PORT STREAMS FRAMES "
         "MILLISECONDS | parked PORT STREAMS SECONDS\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> numbers;
  for (int i = 2; i < argc; ++i)
    numbers.push_back(std::strtoul(argv[i], nullptr, 10));
  const std::string what = argc > 1 ? argv[1] : "";
  if (numbers.empty()) return usage();
  if (what == "provider") return provide(static_cast<std::uint16_t>(numbers[0]));
  Load load;
  load.port = static_cast<std::uint16_t>(numbers[0]);
  auto until = Clock::time_point::max();
  if (what == "requests" && numbers.size() == 3) {
    for (std::size_t i = 0; i < numbers[1]; ++i)
      asio::co_spawn(load.io, ask_again_and_again(load, numbers[2] / numbers[1]), asio::detached);
  } else if (what == "frames" && numbers.size() == 4) {
    const std::string model = "frames-" + std::to_string(numbers[2]) + "-" + std::to_string(numbers[3]);
    for (std::size_t i = 0; i < numbers[1]; ++i)
      asio::co_spawn(load.io, follow(load, model, numbers[2], spread(i, numbers[1], std::chrono::seconds(1))),
                     asio::detached);
  } else if (what == "parked" && numbers.size() == 3) {
    const auto arriving = std::chrono::milliseconds(numbers[1]);  // a thousand a second
    until = Clock::now() + arriving + std::chrono::seconds(numbers[2]);
    for (std::size_t i = 0; i < numbers[1]; ++i)
      asio::co_spawn(load.io, park(load, spread(i, numbers[1], arriving)), asio::detached);
  } else {
    return usage();
  }
  const auto began = Clock::now();
  load.io.run_until(until);
  return report(load, Clock::now() - began);
}
