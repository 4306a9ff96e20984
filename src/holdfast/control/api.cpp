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
#include "holdfast/control/handlers.hpp"
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

bool is_json(const net::Request& request) {
  const std::string_view type = request.fields().find("Content-Type").value_or("");
  std::string_view media = type.substr(0, type.find(';'));
  while (media.ends_with(' '))
    media.remove_suffix(1);
  return net::same_word(media, "application/json");
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
  awaitable<void> follow(net::Request& request, net::Response& response, std::string job, Scope scope);
  std::function<bool()> still_admitted(const net::Request& request, Scope scope) const;
  awaitable<Reply> carry_out(Handle handle, std::shared_ptr<Call> call, std::optional<uid_t> user);
  /// The refusal of a request before anything of it is read; nothing where it may be answered.
  std::optional<Reply> refusal(const net::Request& request, const Match& match, net::Caller& caller) const;
  /// What the handler is told; throws what is wrong with it.
  Call call_of(const net::Request& request, Match match, std::string_view body) const;
  bool stopping(const net::Response& response) const {
    return response.stopping() || (options.stopping && options.stopping());
  }

  Gateway& gateway;
  ServiceOptions options;
  std::size_t calls_waiting = 0, followers = 0;  ///< on the executor's thread
  asio::thread_pool& pool;
  Feed feed;
  Subscription news;  // last: ends before the feed that it tells
};

namespace {

/// Counts itself for as long as it lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

Reply too_many(const std::string& what) {
  Reply reply = problem_reply(Errc::too_large, 429, what + "; try again later");
  reply.fields.add("Retry-After", "1");
  return reply;
}

/// Nothing of this is a page, and nothing of it is for pages of others.
awaitable<void> send(net::Response& response, Reply reply) {
  reply.fields.set("Content-Type", reply.type);
  reply.fields.set("Cache-Control", "no-store");
  for (const auto& [name, value] : safety_fields)
    reply.fields.set(name, value);
  auto sending = response.send(reply.status, std::move(reply.fields), reply.body);
  co_await std::move(sending);
}

}  // namespace

std::optional<Reply> Api::Impl::refusal(const net::Request& request, const Match& match, net::Caller& caller) const {
  auto admitted = options.access->now()->admit(request, match.route == nullptr ? Scope::open : match.route->scope);
  if (!admitted) {
    Reply reply = problem_reply(api::problem_of(admitted.error().code, admitted.error().message));
    if (admitted.error().code == Errc::unauthorized) reply.fields.add("WWW-Authenticate", "Bearer realm=\"holdfast\"");
    return reply;
  }
  caller = std::move(*admitted);
  if (match.allow.empty()) return problem_reply(Errc::invalid_argument, 404, "there is nothing at " + request.path());
  if (match.route == nullptr) {
    const bool options = request.method() == "OPTIONS";
    Reply reply = options ? Reply{.status = 204}
                          : problem_reply(Errc::invalid_argument, 405, request.path() + " knows only " + match.allow);
    reply.fields.add("Allow", match.allow);
    return reply;
  }
  if (match.route->takes_body && !is_json(request)) {
    return problem_reply(Errc::invalid_argument, 415, "say Content-Type: application/json, and send that");
  }
  return std::nullopt;
}

Call Api::Impl::call_of(const net::Request& request, Match match, std::string_view body) const {
  Call call{.gateway = gateway, .options = options};
  if (match.route->takes_body) call.body = checked(api::parse_body(body));
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

/// Whether whoever was admitted would be again: asked anew when the access was renewed.
std::function<bool()> Api::Impl::still_admitted(const net::Request& request, Scope scope) const {
  return [this, &request, scope, by = std::shared_ptr<const net::Access>()]() mutable {
    auto now = options.access->now();
    if (now == by) return true;
    if (!now->admit(request, scope)) return false;
    by = std::move(now);
    return true;
  };
}

awaitable<void> Api::Impl::follow(net::Request& request, net::Response& response, std::string job, Scope scope) {
  if (request.method() == "HEAD" || followers >= followers_max) {
    auto sending = send(response, request.method() == "HEAD"
                                      ? Reply{.type = "text/event-stream"}
                                      : too_many("there are " + std::to_string(followers_max) + " followers"));
    co_await std::move(sending);
    co_return;
  }
  const Counted one_more(followers);
  std::string last_id(request.fields().find("Last-Event-ID").value_or(""));
  auto following = feed.follow(response, std::move(job), std::move(last_id), still_admitted(request, scope));
  co_await std::move(following);
}

awaitable<Reply> Api::Impl::carry_out(Handle handle, std::shared_ptr<Call> call, std::optional<uid_t> user) {
  if (calls_waiting >= calls_waiting_max) {
    co_return too_many(std::to_string(calls_waiting_max) + " requests wait for the gateway and its disk");
  }
  const Counted one_more(calls_waiting);
  std::function<Reply()> work = [handle, call, user] {
    if (user) call->caller = user_name(*user);  // may ask a directory service
    return answered(handle, *call);
  };
  auto waiting = on_pool(pool, std::move(work));
  co_return co_await std::move(waiting);
}

awaitable<void> Api::Impl::serve(net::Request& request, net::Response& response) {
  Match found = match(request.method(), request.segments());
  if (request.path() == "*") found.allow = "GET, HEAD, POST, DELETE, OPTIONS";
  net::Caller caller;
  std::optional<Reply> reply = refusal(request, found, caller);
  net::Body body;
  if (!reply && found.route->takes_body) {
    auto reading = request.read_body(body_bytes_max);
    body = co_await std::move(reading);
    if (body.error && body.error != net::Fault::body_too_large) co_return;  // the server answers
    if (body.error) {
      reply = problem_reply(
          api::problem_of(Errc::too_large, "a body has at most " + std::to_string(body_bytes_max) + " bytes"));
      response.close_after();
    }
  }
  std::shared_ptr<Call> call;
  const Handle handle = found.route == nullptr ? nullptr : found.route->handle;
  const Scope scope = found.route == nullptr ? Scope::open : found.route->scope;
  if (!reply) {
    try {
      call = std::make_shared<Call>(call_of(request, std::move(found), body.bytes));
      call->token = std::move(caller.token);
      call->stopping = stopping(response);
    } catch (const Error& error) {
      reply = problem_reply(api::problem_of(error.errc(), error.what()));
    }
  }
  if (!reply && handle == nullptr) {
    auto following = follow(request, response, call->parameter("job"), scope);
    co_await std::move(following);
    co_return;
  }
  if (!reply) {
    auto carrying_out = carry_out(handle, std::move(call), request.peer().user);
    reply = co_await std::move(carrying_out);
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
