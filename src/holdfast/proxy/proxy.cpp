#include "holdfast/proxy/proxy.hpp"

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "holdfast/gateway/async.hpp"
#include "holdfast/proxy/proxy_internal.hpp"
#include "holdfast/proxy/session.hpp"

namespace holdfast::proxy {

Table::Table(const net::Executor& executor, std::shared_ptr<const ProxyOptions> with) : options(std::move(with)) {
  for (const ProviderOptions& each : options->providers) {
    pools.emplace(each.name, std::make_unique<net::Pool>(executor, each.base.origin, each.connector));
  }
}

const ProviderOptions* Table::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(options->providers, [&](const auto& each) { return same_name(each.name, name); });
  return found == options->providers.end() ? nullptr : &*found;
}

const ProviderOptions* Table::first(wire::Dialect dialect) const {
  const auto found =
      std::ranges::find_if(options->providers, [&](const auto& each) { return each.understands(dialect); });
  return found == options->providers.end() ? nullptr : &*found;
}

wire::Server Table::server(const ProviderOptions& provider) const {
  const wire::Server known = provider.server();
  return known == wire::Server::unknown && llama.contains(provider.name) ? wire::Server::llama : known;
}

/// Only llama.cpp is believed: whoever stands in front of another server passes its fields on, too.
void Table::heard(const ProviderOptions& provider, wire::Server said) {
  if (said == wire::Server::llama) {
    llama.insert(provider.name);
  } else {
    llama.erase(provider.name);
  }
}

Proxy::Impl::Impl(Gateway& of, net::Executor on, std::shared_ptr<const ProxyOptions> with, std::shared_ptr<Joins> among)
    : gateway(of),
      executor(std::move(on)),
      table(std::make_shared<Table>(executor, std::move(with))),
      joins(std::move(among)) {}

void Proxy::Impl::subscribe() {
  stalls = gateway.on_stall_suspected([weak = weak_from_this(), executor = executor](const StallSuspected& stall) {
    boost::asio::post(executor, [weak, stall] {
      if (const auto self = weak.lock()) self->answer_in_advance(stall);
    });
  });
}

void Proxy::Impl::answer_in_advance(const StallSuspected& stall) {
  const auto said = said_in_advance.find(stall.operation_id);
  if (said == said_in_advance.end()) return;
  const AnswerAction wanted = said->second == OnStall::wait ? AnswerAction::wait : AnswerAction::cancel;
  const auto option = std::ranges::find(stall.options, wanted, &AnswerOption::action);
  if (option == stall.options.end()) return;
  Answer answer{.operation_id = stall.operation_id,
                .ask = stall.ask,
                .option = option->id,
                .confirmed = true,
                .by = "client",
                .note = "said in advance: Holdfast-On-Stall",
                .door = "proxy"};
  gateway.async_answer(std::move(answer), boost::asio::detached);
}

Proxy::Proxy(Gateway& gateway, net::Executor executor, std::shared_ptr<const ProxyOptions> options,
             std::shared_ptr<Joins> joins)
    : impl_(std::make_shared<Impl>(gateway, std::move(executor), std::move(options), std::move(joins))) {
  impl_->subscribe();
}

Proxy::~Proxy() {
  impl_->stalls.reset();
}

void Proxy::reload(std::shared_ptr<const ProxyOptions> options) {
  impl_->table = std::make_shared<Table>(impl_->executor, std::move(options));
}

net::awaitable<void> Proxy::handle(net::Request& request, net::Response& response) {
  const std::shared_ptr<Impl> impl = impl_;
  Session session(*impl, request, response);
  auto running = session.run();
  co_await std::move(running);
}

}  // namespace holdfast::proxy
