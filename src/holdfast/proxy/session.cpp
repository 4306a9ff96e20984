#include "holdfast/proxy/session.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "holdfast/gateway/async.hpp"
#include "holdfast/proxy/forwarding.hpp"
#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::proxy {
namespace {

namespace asio = boost::asio;
using net::awaitable;

bool is_json(const net::Fields& fields) {
  const std::string_view type = fields.find("Content-Type").value_or("");
  return type.empty() || net::same_word(type.substr(0, type.find(';')), "application/json");
}

/// RFC 9112 §6.3: without either there is none, whatever the method.
bool has_body(const net::Fields& fields) {
  return fields.find("Content-Length") || fields.find("Transfer-Encoding");
}

/// The outcome of what may be refused, as a value: nothing is awaited inside a handler of exceptions.
template <class T>
awaitable<result<T>> outcome_of(awaitable<T> work) {
  try {
    co_return co_await std::move(work);
  } catch (const Error& error) {
    co_return Failure{error.errc(), error.what()};
  }
}

awaitable<std::optional<Failure>> outcome_of_run(awaitable<void> work) {
  try {
    co_await std::move(work);
    co_return std::nullopt;
  } catch (const Error& error) {
    co_return Failure{error.errc(), error.what()};
  }
}

}  // namespace

Session::Session(Proxy::Impl& proxy, net::Request& request, net::Response& response)
    : proxy_(proxy),
      table_(proxy.table),
      access_(table_->options->access->now()),
      request_(request),
      response_(response) {}

/// What its client could not be told waits for it. A cut comes behind this, when the handler has returned.
Session::~Session() {
  if (!recording_) return;
  recording_->on_left(nullptr);
  recording_->end(own_error(address_.route, Errc::cancelled, "the call was stopped", {}));
  const bool was_offered = proxy_.joins->withdraw(*recording_);
  if (was_offered || answer_->was_cut()) {
    proxy_.joins->offer(recording_, net::after(table_->options->outcome_kept));
  }
}

awaitable<void> Session::run() {
  auto preparing = prepare();
  if (!co_await std::move(preparing)) co_return;
  std::shared_ptr<Recording> before;
  if (may_be_repeated() && *address_.retry_count > 0) before = proxy_.joins->take(repeated());
  auto answering = before ? follow(std::move(before)) : call();
  co_await std::move(answering);
  auto quieting = answer_->quiet();
  co_await std::move(quieting);
}

awaitable<void> Session::call() {
  watch_client();
  Round round = Round::again;
  while (round == Round::again) {
    auto locking = lock();
    if (!co_await std::move(locking)) break;
    auto serving = serve();
    round = co_await std::move(serving);
  }
}

/// Everything that can be wrong before anybody is asked.
awaitable<bool> Session::prepare() {
  const ProxyOptions& options = *table_->options;
  auto address = address_of(request_.method(), request_.path(), request_.query_text(), request_.fields());
  if (address) address_ = std::move(*address);
  answer_.emplace(proxy_.executor, response_, address_.route,
                  AnswerStream::Times{options.header_grace, options.keepalive});
  if (const auto caller = access_->admit(request_, net::Scope::proxy); !caller) {
    auto refusing = refuse(caller.error());
    co_return co_await std::move(refusing);
  }
  if (!address) {
    auto refusing = refuse(address.error());
    co_return co_await std::move(refusing);
  }
  auto choosing = choose();
  if (!co_await std::move(choosing)) co_return false;
  auto reading = read_request();
  co_return co_await std::move(reading);
}

/// Is the provider configured, does the lock allow it, does it speak this language: in this order.
awaitable<bool> Session::choose() {
  std::optional<GoverningLock> governing;
  if (!address_.job.empty()) {
    auto looking = outcome_of(proxy_.gateway.async_governing_lock(address_.job, address_.stage, asio::use_awaitable));
    auto found = co_await std::move(looking);
    if (!found) {
      auto refusing = refuse(found.error());
      co_return co_await std::move(refusing);
    }
    governing = std::move(*found);
  }
  auto chosen = provider_for(governing);
  if (!chosen) {
    auto refusing = refuse(chosen.error());
    co_return co_await std::move(refusing);
  }
  provider_ = *chosen;
  moved_ = governing && governing->moved && address_.provider.empty();
  if (!moved_) meant_for_ = {{provider_->name, provider_->base.origin}};
  co_return true;
}

/// A client's key and model name belong to the provider that it was served by at first, where it was not moved already.
bool Session::is_meant_for(const ProviderOptions& provider) const {
  return meant_for_ && same_name(meant_for_->first, provider.name) && meant_for_->second == provider.base.origin;
}

result<const ProviderOptions*> Session::provider_for(const std::optional<GoverningLock>& governing) const {
  const auto refused = [](Errc code, std::string message) { return Failure{code, std::move(message)}; };
  const std::string& wanted =
      governing && address_.provider.empty() ? governing->lock.provider_name : address_.provider;
  const ProviderOptions* provider = nullptr;
  if (!wanted.empty()) {
    provider = table_->find(wanted);
    if (provider == nullptr) {
      return refused(Errc::invalid_argument,
                     "no provider named " + wanted + " is configured that can be asked over HTTP");
    }
  } else if (address_.known_path) {
    provider = table_->first(address_.route.dialect);
    if (provider == nullptr) {
      return refused(Errc::invalid_argument, "no configured provider speaks " +
                                                 std::string(wire::name(address_.route.dialect)) + ", which " +
                                                 address_.path + " is written in");
    }
  } else {
    return refused(Errc::invalid_argument,
                   "no provider is known to have " + address_.path + "; name one: Holdfast-Provider");
  }
  if (governing && !same_name(governing->lock.provider_name, provider->name)) {
    return refused(Errc::provider_locked, "Provider " + provider->name + " does not match locked provider " +
                                              governing->lock.provider_name + " for stage " + address_.stage +
                                              "; a confirmed switch moves the job (holdfast switch " + address_.job +
                                              " --to " + provider->name + " --confirm)");
  }
  if (address_.known_path && !provider->understands(address_.route.dialect)) {
    return refused(Errc::invalid_argument, "provider " + provider->name + " does not speak " +
                                               std::string(wire::name(address_.route.dialect)) + ", which " +
                                               address_.path + " is written in");
  }
  return provider;
}

/// A request that asks for work is read whole, since its model is looked at; everything else passes as it comes.
awaitable<bool> Session::read_request() {
  const bool is_read = !address_.route.kind.empty() && is_json(request_.fields());
  body_streams_ = !is_read && has_body(request_.fields());
  if (is_read) {
    auto reading = request_.read_body(request_bytes_max);
    net::Body body = co_await std::move(reading);
    if (body.error == net::Fault::body_too_large) {
      response_.close_after();
      auto refusing = refuse(
          Failure{Errc::too_large, "a request has at most " + std::to_string(request_bytes_max) + " bytes here"});
      co_return co_await std::move(refusing);
    }
    if (body.error) co_return false;  // the server answers
    body_ = std::make_shared<const std::string>(std::move(body.bytes));
    auto facts = wire::read_request(address_.route, request_.fields().find("Content-Type").value_or(""), *body_);
    if (!facts) {
      auto refusing = refuse(facts.error());
      co_return co_await std::move(refusing);
    }
    asked_ = std::move(*facts);
  }
  if (asked_.stream) answer_->expect_stream();
  if (body_streams_ && !address_.route.kind.empty()) answer_->expect_anything();
  co_return true;
}

/// A job's first request locks what it chose, for its stage: durable before anybody is asked.
awaitable<bool> Session::lock() {
  if (address_.job.empty() || (address_.route.kind.empty() && !address_.stage_was_said)) co_return true;
  auto looking = outcome_of(proxy_.gateway.async_governing_lock(address_.job, address_.stage, asio::use_awaitable));
  auto governing = co_await std::move(looking);
  if (governing && *governing) co_return true;
  if (response_.client_left()) own_client_left();
  if (leaving_.stop_requested()) co_return false;
  LockRequest request{.job_id = address_.job,
                      .provider_name = provider_->name,
                      .provider_type = provider_->type,
                      .correlation_id = address_.correlation_id,
                      .stages = {address_.stage}};
  auto locking = outcome_of(proxy_.gateway.async_lock_provider(std::move(request), asio::use_awaitable));
  auto locked = co_await std::move(locking);
  // Another first request of the job may have been faster: what it locked is looked at by the operation itself.
  if (locked || locked.error().code == Errc::lock_conflict) co_return true;
  auto refusing = refuse(locked.error());
  co_return co_await std::move(refusing);
}

OperationRequest Session::operation_request() const {
  return {.job_id = address_.route.kind.empty() && !address_.stage_was_said ? "" : address_.job,
          .provider_name = provider_->name,
          .provider_type = provider_->type,
          .stage_name = address_.stage,
          .correlation_id = address_.correlation_id,
          .patience = address_.patience,
          .kind = std::string(address_.route.kind),
          .protocol = address_.known_path ? std::string(wire::name(address_.route.dialect)) : "",
          .recorded_first = false};
}

result<Outgoing> Session::outgoing() const {
  Outgoing out;
  out.head =
      request_for(*provider_, request_.head(), wire::target_at(provider_->base.path, address_.path, address_.query),
                  access_->tokens(), moved_);
  if (body_streams_) {
    out.streamed_from = &request_;
    if (const auto length = request_.content_length()) out.head.fields.set("Content-Length", std::to_string(*length));
    return out;
  }
  out.body = body_;
  const std::string model = provider_->model(asked_.model, moved_);
  if (!body_->empty() && model != asked_.model) {
    auto renamed = wire::with_member(*body_, wire::model_member(provider_->dialect),
                                     boost::json::serialize(boost::json::string(model)));
    if (!renamed) return renamed.error();
    out.body = std::make_shared<const std::string>(std::move(*renamed));
  }
  if (streams_to_provider(*out.body)) {
    // What could not be put together again is asked for as the client asks for it.
    if (auto streaming = wire::streaming_request(address_.route, *out.body)) {
      out.whole_body = std::exchange(out.body, std::make_shared<const std::string>(std::move(*streaming)));
    }
  }
  return out;
}

bool Session::streams_to_provider(std::string_view body) const {
  if (asked_.stream || body_->empty() || address_.route.kind != "text") return false;
  switch (provider_->streaming) {
    case Streaming::automatic:
      // A beta may answer in any form.
      return !request_.fields().find("anthropic-beta") &&
             wire::assembles_exactly(address_.route, table_->server(*provider_), body);
    case Streaming::always:
      return true;
    case Streaming::never:
      return false;
  }
  __builtin_unreachable();
}

net::Fields Session::own_fields(const OperationContext* operation) const {
  net::Fields fields;
  if (!address_.job.empty()) fields.add("Holdfast-Job", net::percent_encode(address_.job));
  if (operation != nullptr) fields.add("Holdfast-Operation", operation->operation_id());
  fields.add("Holdfast-Provider", net::percent_encode(provider_->name));
  if (operation != nullptr) fields.add("Holdfast-Lock-Epoch", std::to_string(operation->epoch()));
  return fields;
}

/// SDKs that try again say so from their first attempt on. What passes unread cannot be compared.
bool Session::may_be_repeated() const {
  return address_.retry_count && !address_.route.kind.empty() && !body_->empty();
}

Repeated Session::repeated() const {
  Repeated out{.body = body_};
  for (const char* field : {"Authorization", "x-api-key", "xi-api-key"})
    out.credential.append(request_.fields().find(field).value_or("")) += '\n';
  for (const std::string_view each :
       {std::string_view(request_.method()), std::string_view(request_.target()), std::string_view(address_.job),
        std::string_view(address_.stage), std::string_view(address_.provider)})
    out.place.append(each) += '\n';
  return out;
}

void Session::watch_client() {
  if (address_.on_disconnect == OnDisconnect::detach) answer_->outlive_client();
  response_.on_gone([this](net::Gone why) {
    if (why == net::Gone::client_left) own_client_left();
  });
  if (!may_be_repeated()) return;
  recording_ = proxy_.joins->record(repeated());
  recording_->on_left([this, executor = proxy_.executor, here = std::weak_ptr(here_)](bool timed_out) {
    asio::post(executor, [this, here, timed_out] {
      if (!here.expired()) client_left(timed_out);
    });
  });
  answer_->record_in(recording_);
}

void Session::own_client_left() {
  if (!std::exchange(own_client_gone_, true)) client_left(has_timed_out());
}

/// A client that leaves ends its operation: the provider must not work for nobody. Unless it said that it would; and
/// one that timed out is waited for.
void Session::client_left(bool timed_out) {
  const bool detached = address_.on_disconnect == OnDisconnect::detach;
  if (!detached && !timed_out) {
    leaving_.request_stop();
    return;
  }
  answer_->outlive_client();
  const bool offered = recording_ && proxy_.joins->offer(recording_, net::never);
  if (detached) return;
  return_.emplace(proxy_.executor, net::after(table_->options->client_return), [this, offered] {
    if (!offered || proxy_.joins->withdraw(*recording_)) leaving_.request_stop();
  });
}

bool Session::has_timed_out() const {
  const net::TimePoint now = std::chrono::steady_clock::now();
  if (address_.announced_wait) return now - began_ + timeout_tolerance >= *address_.announced_wait;
  return now - began_ >= table_->options->likely_timeout;
}

/// Gives the answer to the request that this one repeats: what there is of it, and what comes.
awaitable<void> Session::follow(std::shared_ptr<Recording> recording) {
  const auto news = std::make_shared<net::Signal>(proxy_.executor);
  recording->on_news([executor = proxy_.executor, news] { asio::post(executor, [news] { news->notify(); }); });
  response_.on_gone([news](net::Gone) { news->notify(); });
  answer_->keep_alive(recording->waiting_fields());
  std::optional<wire::AnswerReader> reader;
  std::optional<AnswerStream::Reading> readable;
  std::size_t read = 0;
  while (!answer_->told() && !answer_->client_left()) {
    Recording::News next = recording->read(read, reader.has_value());
    if (!next.head && next.bytes.empty() && !next.ended && !next.lost) {
      auto waiting = news->wait();
      co_await std::move(waiting);
      continue;
    }
    read += next.bytes.size();
    if (!reader) {
      reader.emplace(address_.route, next.head ? next.head->status : 200,
                     next.head ? next.head->framing : answer_->framing());
      readable.emplace(*answer_, *reader);
    }
    auto passing = pass_on(std::move(next), *reader);
    co_await std::move(passing);
  }
  const auto kept_until = net::after(table_->options->outcome_kept);
  if (answer_->told()) {
    recording->on_news(nullptr);
    if (answer_->was_cut()) proxy_.joins->offer(recording, kept_until);
    co_return;
  }
  const bool comes_back = has_timed_out() || address_.on_disconnect == OnDisconnect::detach;
  if (!recording->left(comes_back) && comes_back) proxy_.joins->offer(recording, kept_until);
}

awaitable<void> Session::pass_on(Recording::News news, wire::AnswerReader& reader) {
  const auto failure = [&](Errc code, std::string why) {
    return own_error(address_.route, code, provider_->name + std::move(why), {});
  };
  reader.feed(news.bytes);
  if (news.head && answer_->begun() && answer_->framing() != news.head->framing) {
    news.error = failure(Errc::provider_failed, " answered in another form than asked");
  } else if (news.head && !(news.error && news.bytes.empty())) {
    net::Fields fields = std::move(news.head->fields);
    auto beginning = answer_->begin(news.head->status, std::move(fields), news.head->framing, news.bytes);
    co_await std::move(beginning);
  } else if (!news.bytes.empty()) {
    auto passing = answer_->pass(news.bytes);
    co_await std::move(passing);
  }
  if (news.lost) news.error = failure(Errc::truncated, "'s answer is longer than what is kept for one that comes back");
  if (news.error) {
    auto failing = answer_->fail(std::move(*news.error));
    co_await std::move(failing);
  } else if (news.ended) {
    auto ending = answer_->end();
    co_await std::move(ending);
  }
}

awaitable<Session::Round> Session::serve() {
  const std::shared_ptr<Table> table = table_;  // a switch takes another one while this round's relay is still there
  auto out = outgoing();
  if (!out) {
    auto refusing = refuse(out.error());
    co_await std::move(refusing);
    co_return Round::over;
  }
  std::optional<Relay> relay;
  std::string operation_id;
  answer_->keep_alive(own_fields(nullptr));  // it may be queued
  // What cannot be heard making progress is judged by the time that its kind takes at the most.
  const SharedHeartbeat heartbeat = asked_.stream || out->whole_body ? pushed_heartbeat() : no_heartbeat();
  const auto function = [this, &relay, &out, &operation_id](OperationContext& operation) -> awaitable<void> {
    operation_id = operation.operation_id();
    if (address_.on_stall != OnStall::ask) proxy_.said_in_advance[operation_id] = address_.on_stall;
    net::Fields fields = own_fields(&operation);
    answer_->keep_alive(fields);
    relay.emplace(proxy_.executor, address_.route, *provider_, table_->pool(*provider_),
                  Relay::Listener{*answer_, [this] { own_client_left(); }}, std::move(fields));
    auto running = relay->run(operation, *out);
    co_await std::move(running);
  };
  auto executing = outcome_of_run(proxy_.gateway.async_execute_with_patience(
      operation_request(), heartbeat, function, asio::use_awaitable, leaving_.get_token()));
  const std::optional<Failure> failure = co_await std::move(executing);
  proxy_.said_in_advance.erase(operation_id);
  if (relay) tell_end(*relay);
  if (relay && relay->server()) table->heard(*provider_, *relay->server());
  if (!failure) co_return Round::over;
  if (failure->code == Errc::switched) {
    auto going_on = after_switch(std::move(operation_id));
    co_return co_await std::move(going_on);
  }
  // What the provider did wrong has been told on its way, except where it never answered.
  if (!answer_->told()) {
    auto failing = answer_->fail(failure->code, failure->message, {});
    co_await std::move(failing);
  }
  co_return Round::over;
}

/// A decision has moved the stage. Where nothing was delivered yet, the new provider serves the same request; else
/// output of two providers would meet, and the next request goes there.
awaitable<Session::Round> Session::after_switch(std::string operation) {
  if (address_.job.empty()) address_.job = operation;  // an anonymous one became a job when it was asked about
  std::optional<Failure> why;
  if (answer_->delivered() || body_streams_) {
    why = Failure{Errc::switched, "a confirmed decision moved this job to another provider; ask again to go on there"};
  } else {
    auto looking = outcome_of(proxy_.gateway.async_governing_lock(address_.job, address_.stage, asio::use_awaitable));
    auto governing = co_await std::move(looking);
    address_.provider.clear();
    table_ = proxy_.table;  // the decision may name a provider that was configured while the client waited
    auto chosen = governing ? provider_for(*governing) : result<const ProviderOptions*>(governing.error());
    if (chosen) {
      provider_ = *chosen;
      moved_ = !is_meant_for(*provider_);  // it may have been switched back
      arrived_.reset();
      co_return Round::again;
    }
    why = chosen.error();
  }
  auto failing = answer_->fail(why->code, why->message, {});
  co_await std::move(failing);
  co_return Round::over;
}

void Session::tell_end(const Relay& relay) const {
  const auto& ended = table_->options->ended;
  if (!ended) return;
  RelayFacts facts = relay.facts();
  facts.provider_name = provider_->name;
  facts.provider_type = provider_->type;
  if (arrived_ && relay.sent_at() > *arrived_) facts.overhead = relay.sent_at() - *arrived_;
  ended(facts);
}

awaitable<bool> Session::refuse(Failure why) {
  auto failing = answer_->fail(why.code, std::move(why.message), {});
  co_await std::move(failing);
  co_return false;
}

}  // namespace holdfast::proxy
