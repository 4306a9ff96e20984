#include "holdfast/control/service.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>

#include "holdfast/control/api.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::control {

namespace asio = boost::asio;

struct Service::Impl {
  Impl(Gateway& gateway, ServiceOptions given)
      : options(std::move(given)),
        guard(asio::make_work_guard(io)),
        pool(calls_at_once),
        api(std::in_place, gateway, io.get_executor(), options, pool),
        server(
            io.get_executor(),
            [this](net::Request& request, net::Response& response) { return api->handle(request, response); },
            options.server) {}

  ServiceOptions options;
  net::Endpoint endpoint;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  asio::thread_pool pool;
  std::optional<Api> api;  ///< until it is stopped
  net::Server server;
  std::thread thread;
};

Service::Service(Gateway& gateway, ServiceOptions options)
    : impl_(std::make_unique<Impl>(gateway, std::move(options))) {
  Impl& impl = *impl_;
  if (const auto why = impl.options.access->now()->problem_with(impl.options.endpoint)) throw Error(Errc::config, *why);
  auto listener = net::listen(impl.io.get_executor(), impl.options.endpoint);
  if (!listener) throw Error(listener.error().code, listener.error().message);
  impl.endpoint = (*listener)->endpoint();
  impl.server.serve(std::move(*listener));
  impl.thread = std::thread([&io = impl.io] {
    name_this_thread("hf-control");
    io.run();
  });
}

Service::~Service() {
  stop();
}

const net::Endpoint& Service::endpoint() const {
  return impl_->endpoint;
}

void Service::stop() {
  Impl& impl = *impl_;
  if (!impl.thread.joinable()) return;
  asio::post(impl.io, [&impl] {
    auto stopping = impl.server.stop(impl.options.stop_grace);
    asio::co_spawn(impl.io, std::move(stopping), [&impl](const std::exception_ptr&) { impl.guard.reset(); });
  });
  impl.thread.join();
  impl.pool.join();
  impl.api.reset();
}

}  // namespace holdfast::control
