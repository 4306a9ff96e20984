#include "holdfast/control/api.hpp"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/api/requests.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/control/feed.hpp"
#include "holdfast/control/routes.hpp"

namespace holdfast::control {
namespace {

namespace asio = boost::asio;
using net::awaitable;

std::string user_name(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return "uid " + std::to_string(user);
}

/// What became of a call: its reply, or the problem that it is.
Reply answered(Handle handle, const Call& call) {
  try {
    return handle(call);
  } catch (const Error& error) {
    return problem_reply(api::problem_of(error.errc(), error.what()));
  } catch (const std::exception& error) {
    return problem_reply(api::problem_of(Errc::outcome_unknown, error.what()));
  }
}

/// Runs `work` on the pool; the coroutine goes on where it was.
awaitable<Reply> on_pool(asio::thread_pool& pool, std::function<Reply()> work) {
  auto waiting = asio::async_initiate<const asio::use_awaitable_t<>&, void(Reply)>(
      [&pool](auto handler, std::function<Reply()> work) {
        const auto executor = asio::get_associated_executor(handler);
        const auto guard = asio::make_work_guard(executor);
        auto kept = std::make_unique<decltype(handler)>(std::move(handler));
        // Posted functions are copied nowhere, so that the handler ends on its own thread.
        asio::post(pool, [kept = std::move(kept), work = std::move(work), executor, guard]() mutable {
          Reply reply = work();
          asio::post(executor, [kept = std::move(kept), reply = std::move(reply)]() mutable {
            std::move (*kept)(std::move(reply));
          });
        });
      },
      asio::use_awaitable, std::move(work));
  co_return co_await std::move(waiting);
}

/// The name in front of the port.
std::string_view host_of(std::string_view field) {
  if (field.starts_with('[')) return field.substr(0, std::min(field.find(']') + 1, field.size()));
  return field.substr(0, field.find(':'));
}

bool is_json(const net::Request& request) {
  const std::string_view type = request.fields().find("Content-Type").value_or("");
  std::string_view media = type.substr(0, type.find(';'));
  while (media.ends_with(' '))
    media.remove_suffix(1);
  return net::same_word(media, "application/json");
}

api::Problem with_status(Errc code, int status, std::string detail) {
  api::Problem problem = api::problem_of(code, std::move(detail));
  problem.status = status;
  return problem;
}

/// The query, each name known and once. Throws invalid_argument.
net::Query checked_query(const net::Request& request, const Route& route) {
  auto query = request.query();
  if (!query) throw Error(query.error().code, query.error().message);
  for (const auto& [name, value] : *query) {
    const std::string what = "parameter '" + name.substr(0, 60) + "' ";
    if (std::ranges::find(route.parameters, name) == route.parameters.end()) {
      throw Error(Errc::invalid_argument, what + "is not known here");
    }
    if (query->count(name) > 1) throw Error(Errc::invalid_argument, what + "is given twice");
    if (const auto why = name_problem(value)) throw Error(Errc::invalid_argument, what + *why);
  }
  return std::move(*query);
}

}  // namespace

struct Api::Impl {
  Impl(Gateway& of, net::Executor executor, ServiceOptions given, asio::thread_pool& on)
      : gateway(of),
        options(std::move(given)),
        pool(on),
        feed(std::move(executor), options.boot, options.events_kept, options.feed_comment_time),
        news(of.on_news([this](const Notice& notice) { feed.tell(notice); })) {}

  awaitable<void> serve(net::Request& request, net::Response& response);
  awaitable<void> serve_route(net::Request& request, net::Response& response, Match match);
  /// The refusal of a request before anything of it is read; nothing where it may be answered.
  std::optional<Reply> refusal(const net::Request& request, const Match& match) const;
  bool may_be_called(std::string_view host) const;
  Call call_of(const net::Request& request, Match match);

  Gateway& gateway;
  ServiceOptions options;
  InFlight in_flight;
  asio::thread_pool& pool;
  Feed feed;
  Subscription news;  // last: ends before the feed that it tells
};

namespace {

awaitable<void> send(net::Response& response, Reply reply) {
  reply.fields.set("Content-Type", reply.type);
  reply.fields.set("Cache-Control", "no-store");
  reply.fields.set("X-Content-Type-Options", "nosniff");
  auto sending = response.send(reply.status, std::move(reply.fields), reply.body);
  co_await std::move(sending);
}

}  // namespace

bool Api::Impl::may_be_called(std::string_view host) const {
  if (options.hosts.empty() && options.endpoint.is_unix()) return true;
  const std::string_view name = host_of(host);
  const auto is = [name](std::string_view allowed) { return net::same_word(name, allowed); };
  if (!options.hosts.empty()) return std::ranges::any_of(options.hosts, is);
  return is("localhost") || is("127.0.0.1") || is("[::1]") || is(options.endpoint.host);
}

std::optional<Reply> Api::Impl::refusal(const net::Request& request, const Match& match) const {
  if (!may_be_called(request.fields().find("Host").value_or(""))) {
    return problem_reply(api::problem_of(Errc::forbidden, "this may not be called by that name (the field Host)"));
  }
  if (match.allow.empty()) {
    return problem_reply(with_status(Errc::invalid_argument, 404, "there is nothing at " + request.path()));
  }
  if (match.route == nullptr) {
    const bool options = request.method() == "OPTIONS";
    Reply reply =
        options
            ? Reply{.status = 204}
            : problem_reply(with_status(Errc::invalid_argument, 405, request.path() + " knows only " + match.allow));
    reply.fields.add("Allow", match.allow);
    return reply;
  }
  if (options.authorize) {
    if (const auto why = options.authorize(request, match.route->scope)) {
      Reply reply = problem_reply(api::problem_of(why->code, why->message));
      if (why->code == Errc::unauthorized) reply.fields.add("WWW-Authenticate", "Bearer");
      return reply;
    }
  }
  if (match.route->takes_body && !is_json(request)) {
    return problem_reply(with_status(Errc::invalid_argument, 415, "say Content-Type: application/json, and send that"));
  }
  return std::nullopt;
}

Call Api::Impl::call_of(const net::Request& request, Match match) {
  Call call{.gateway = gateway, .options = options, .in_flight = in_flight};
  call.query = checked_query(request, *match.route);
  call.path = std::move(match.path);
  for (const std::string& each : call.path) {
    if (const auto why = name_problem(each)) {
      throw Error(Errc::invalid_argument, "a name in the path " + *why);
    }
  }
  call.idempotency_key = request.fields().find("Idempotency-Key").value_or("");
  if (!call.idempotency_key.empty()) {
    if (const auto why = name_problem(call.idempotency_key)) {
      throw Error(Errc::invalid_argument, "the Idempotency-Key " + *why);
    }
  }
  return call;
}

awaitable<void> Api::Impl::serve(net::Request& request, net::Response& response) {
  Match found = match(request.method(), request.segments());
  if (request.path() == "*") found.allow = "GET, HEAD, POST, DELETE, OPTIONS";
  if (auto refused = refusal(request, found)) {
    auto sending = send(response, std::move(*refused));
    co_await std::move(sending);
    co_return;
  }
  auto serving = serve_route(request, response, std::move(found));
  co_await std::move(serving);
}

awaitable<void> Api::Impl::serve_route(net::Request& request, net::Response& response, Match match) {
  const Route& route = *match.route;
  std::optional<Call> call;
  std::optional<Reply> reply;
  if (route.takes_body) {
    auto reading = request.read_body(body_bytes_max);
    const net::Body body = co_await std::move(reading);
    if (body.error == net::Fault::body_too_large) {
      reply = problem_reply(
          api::problem_of(Errc::too_large, "a body has at most " + std::to_string(body_bytes_max) + " bytes"));
      response.close_after();
    } else if (body.error) {
      co_return;
    } else if (auto object = api::parse_body(body.bytes)) {
      call.emplace(Call{.gateway = gateway, .options = options, .in_flight = in_flight, .body = std::move(*object)});
    } else {
      reply = problem_reply(api::problem_of(object.error().code, object.error().message));
    }
  }
  if (!reply) {
    try {
      Call made = call_of(request, std::move(match));
      if (call) made.body = std::move(call->body);
      call.emplace(std::move(made));
    } catch (const Error& error) {
      reply = problem_reply(api::problem_of(error.errc(), error.what()));
    }
  }
  if (!reply && route.handle == nullptr) {
    if (request.method() == "HEAD") {
      reply = Reply{.type = "text/event-stream"};
    } else {
      std::string last_id(request.fields().find("Last-Event-ID").value_or(""));
      auto following = feed.follow(response, call->parameter("job"), std::move(last_id));
      co_await std::move(following);
      co_return;
    }
  }
  if (!reply) {
    const auto shared = std::make_shared<Call>(std::move(*call));
    std::function<Reply()> work = [handle = route.handle, shared, user = request.peer().user] {
      if (user) shared->caller = user_name(*user);
      return answered(handle, *shared);
    };
    auto waiting = on_pool(pool, std::move(work));
    reply = co_await std::move(waiting);
  }
  auto sending = send(response, std::move(*reply));
  co_await std::move(sending);
}

Api::Api(Gateway& gateway, net::Executor executor, ServiceOptions options, boost::asio::thread_pool& pool)
    : impl_(std::make_unique<Impl>(gateway, std::move(executor), std::move(options), pool)) {}

Api::~Api() = default;

bool Api::owns(const net::Request& request) {
  const std::vector<std::string>& segments = request.segments();
  if (request.path() == "*" || segments.empty()) return true;
  return segments.front() == "holdfast" || (segments.size() == 1 && (segments[0].empty() || segments[0] == "metrics"));
}

net::awaitable<void> Api::handle(net::Request& request, net::Response& response) {
  return impl_->serve(request, response);
}

}  // namespace holdfast::control
