#include "holdfast/cli/serve/daemon.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <latch>
#include <thread>

#include "holdfast/control/api.hpp"
#include "holdfast/gateway/thread_name.hpp"
#include "holdfast/proxy/proxy.hpp"

namespace holdfast::cli {
namespace {

namespace asio = boost::asio;

}  // namespace

struct Daemon::Shared {
  asio::thread_pool pool{control::calls_at_once};  ///< for handlers of the control API, which block
  std::atomic<std::size_t> running{0};
  std::shared_ptr<proxy::Joins> joins = std::make_shared<proxy::Joins>();
};

/// One I/O thread: its own connections, from the client's to the provider's.
struct Daemon::Worker {
  Worker(Gateway& gateway, const DaemonOptions& options, Shared& shared)
      : guard(asio::make_work_guard(io)),
        api(gateway, io.get_executor(), options.control, shared.pool),
        proxy(gateway, io.get_executor(), options.proxy, shared.joins),
        server(
            io.get_executor(),
            [this](net::Request& request, net::Response& response) {
              // Ollama's clients ask so whether anybody is there.
              const bool greeting = request.method() == "HEAD" && request.path() == "/";
              const bool control = !greeting && control::Api::owns(request);
              return control ? api.handle(request, response) : proxy.handle(request, response);
            },
            options.server) {}

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard;
  control::Api api;
  proxy::Proxy proxy;
  net::Server server;
  bool over = false;
  std::thread thread;
};

Daemon::Daemon(Gateway& gateway, DaemonOptions options) : shared_(std::make_shared<Shared>()) {
  std::vector<net::Executor> executors;
  for (std::size_t i = 0; i < options.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(gateway, options, *shared_));
    executors.push_back(workers_.back()->io.get_executor());
  }
  auto listeners = net::listen_shared(executors, options.endpoint);
  if (!listeners) throw Error(listeners.error().code, listeners.error().message);
  endpoint_ = listeners->front()->endpoint();
  shared_->running = workers_.size();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    std::unique_ptr<net::Listener> listener = std::move((*listeners)[i]);
    if (options.tls) listener = net::tls_listener(worker.io.get_executor(), std::move(listener), *options.tls);
    worker.server.serve(std::move(listener));
    worker.thread = std::thread([&io = worker.io] {
      name_this_thread("hf-io");
      io.run();
    });
  }
}

Daemon::~Daemon() {
  begin_stop(std::chrono::milliseconds(0), [] {});
  for (const auto& worker : workers_)
    worker->thread.join();
  shared_->pool.join();
}

const net::Endpoint& Daemon::endpoint() const {
  return endpoint_;
}

std::size_t Daemon::connections() const {
  std::atomic<std::size_t> sum{0};
  std::latch asked(static_cast<std::ptrdiff_t>(workers_.size()));
  for (const auto& worker : workers_) {
    asio::post(worker->io, [&sum, &asked, &server = worker->server] {
      sum += server.connections();
      asked.count_down();
    });
  }
  asked.wait();
  return sum;
}

void Daemon::reload(std::shared_ptr<const proxy::ProxyOptions> proxy) {
  for (const auto& worker : workers_) {
    asio::post(worker->io, [&to = worker->proxy, proxy] { to.reload(proxy); });
  }
}

void Daemon::begin_stop(std::chrono::milliseconds grace, std::function<void()> done) {
  const auto told = std::make_shared<std::function<void()>>(std::move(done));
  for (const auto& worker : workers_) {
    asio::post(worker->io, [&worker = *worker, shared = shared_, grace, told] {
      auto stopping = worker.server.stop(grace);
      asio::co_spawn(worker.io, std::move(stopping), [&worker, shared, told](const std::exception_ptr&) {
        if (std::exchange(worker.over, true)) return;  // stopped twice: the first has told it
        if (--shared->running == 0) (*told)();
        // Connections to providers that wait for their next request are watched, and would keep the loop for ever.
        worker.io.stop();
      });
    });
  }
}

}  // namespace holdfast::cli
