#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <iostream>
#include <stop_token>
#include <thread>

#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/door.hpp"
#include "holdfast/cli/line/sockets.hpp"
#include "holdfast/cli/log.hpp"
#include "holdfast/cli/notify/notify.hpp"
#include "holdfast/cli/provider_views.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/serve/daemon.hpp"
#include "holdfast/cli/serve/serve_options.hpp"
#include "holdfast/cli/tty/signals.hpp"
#include "holdfast/metrics/metrics.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::cli {
namespace {

/// Half of the cores: the engine, the store and who is told of it all want to run, too. Two of these fill a network
/// card.
constexpr std::size_t threads_max = 4;
/// As many as descriptors allow is for the operator to say (`ulimit -n`): each waiting request takes two.
constexpr std::size_t connections_max = 20'000;
/// As whom it owns jobs.
constexpr const char* serve_program = "holdfast serve";
/// Before the first client is let in.
constexpr std::chrono::milliseconds taking_over_time{500};
/// A client on a slow line takes its time; one that takes nothing for so long has stopped.
constexpr std::chrono::minutes client_write_time{10};

net::Endpoint endpoint_for(const ServeArguments& arguments, const Session& session) {
  const bool said = !arguments.listen.empty();
  auto endpoint = net::parse_endpoint(said ? arguments.listen : session.config.server.listen);
  if (!endpoint) {
    throw Error(Errc::config, std::string(said ? "--listen" : "server.listen") + ": " + endpoint.error().message);
  }
  return std::move(*endpoint);
}

/// Who can serve, as the newest configuration has it.
class KnownProviders {
 public:
  KnownProviders(const providers::Catalogue& catalogue, const Config& config) { know(catalogue, config); }

  void know(const providers::Catalogue& catalogue, const Config& config) {
    views_->store(std::make_shared<const Views>(provider_views(catalogue, config, false)));
  }
  ProviderViews views() const {
    return [views = views_] { return *views->load(); };
  }

 private:
  using Views = std::vector<api::ProviderView>;
  std::shared_ptr<std::atomic<std::shared_ptr<const Views>>> views_ =
      std::make_shared<std::atomic<std::shared_ptr<const Views>>>();
};

/// What others can reach has tokens and TLS, or somebody said that it is meant.
void refuse_open_door(const net::Endpoint& endpoint, const ServerConfig& server) {
  const bool safe = server.tls && !server.tokens.empty();
  if (endpoint.is_unix() || net::is_loopback(endpoint.host) || safe || server.insecure) return;
  throw Error(Errc::config, "--listen " + endpoint.text() +
                                ": others can reach it, so it needs [server.tls] and [[server.tokens]], or insecure = "
                                "true in [server]");
}

DaemonOptions options_for(const ServeArguments& arguments, const Session& session, const KnownProviders& known,
                          metrics::Metrics& metrics, Gateway& gateway,
                          std::shared_ptr<const net::CurrentAccess> access) {
  DaemonOptions options{.endpoint = endpoint_for(arguments, session),
                        .threads = std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 1, threads_max)};
  refuse_open_door(options.endpoint, session.config.server);
  options.control.endpoint = options.endpoint;
  options.control.patience = session.config.patience;
  options.control.providers = known.views();
  options.control.access = access;
  options.control.metrics = [&metrics, &gateway] { return metrics.text(gateway); };
  options.proxy = proxy_options(session.config, process_environment(), metrics, std::move(access));
  options.server.connections_max = connections_max;
  options.server.write_time = client_write_time;
  if (const auto& tls = session.config.server.tls) {
    auto context = net::TlsServerContext::load(tls->certificate.string(), tls->key.string());
    if (!context) throw Error(Errc::config, "server.tls: " + context.error().message);
    options.tls = std::move(*context);
  }
  return options;
}

/// What serves, as far as a configuration that is read again changes it.
struct Serving {
  process::Spawner& spawner;
  Gateway& gateway;
  Daemon& daemon;
  KnownProviders& known;
  metrics::Metrics& metrics;
  std::shared_ptr<net::CurrentAccess> access;
  std::optional<net::TlsServerContext> tls;
  EventLog& log;
};

/// Reads the configuration again; what is wrong with it changes nothing.
void reload(const GlobalArguments& global, Serving& serving) {
  try {
    const Session session = load_session(global, process_environment());
    const providers::Catalogue catalogue(session.config.providers, session.profiles, serving.spawner);
    auto proxy = proxy_options(session.config, process_environment(), serving.metrics, serving.access);
    net::Access access = access_of(session.config.server);
    refuse_open_door(serving.daemon.endpoint(), session.config.server);
    if (serving.tls) {
      if (const auto read = serving.tls->reload(); !read) throw Error(read.error().code, read.error().message);
    }
    serving.access->renew(std::move(access));
    serving.known.know(catalogue, session.config);
    serving.gateway.reload(session.profiles, catalogue.infos());
    serving.daemon.reload(std::move(proxy));
    serving.log.tell("HOLDFAST_CONFIGURATION_READ",
                     "requests that begin from now on heed the configuration read again");
  } catch (const Error& error) {
    serving.log.complain("the configuration was not read again: " + std::string(error.what()));
  }
}

/// What an earlier daemon was killed over: its jobs become this one's, and its operations are recorded as interrupted
/// and listed as such. Jobs of `holdfast run` wait for their `--resume`.
///
/// Each job is a commit. Some dozens are done before the first client is let in; ten thousand keep nobody out.
class TakingOver {
 public:
  TakingOver(Gateway& gateway, std::vector<std::string> jobs)
      : work_(std::async(std::launch::async, [&gateway, jobs = std::move(jobs), stop = stop_.get_token()] {
          for (const std::string& job : jobs) {
            if (stop.stop_requested()) return;
            try {
              gateway.open_job({.job_id = job});  // which is there already: it is only read, as its new owner
            } catch (const Error&) {
              // Another daemon was faster, or the store cannot be read now: whoever asks about the job hears so.
            }
          }
        })) {
    work_.wait_for(taking_over_time);
  }
  ~TakingOver() { stop_.request_stop(); }  // and then waits for the job at hand
  TakingOver(const TakingOver&) = delete;
  TakingOver& operator=(const TakingOver&) = delete;

 private:
  std::stop_source stop_;
  std::future<void> work_;
};

/// Until SIGTERM or Ctrl-C, and until what runs then has ended; the second one ends it.
void serve_until_stopped(const GlobalArguments& global, std::chrono::seconds grace, Signals& signals,
                         Serving& serving) {
  std::atomic<bool> over{false};
  int stops = 0;
  while (!over) {
    pollfd ready{.fd = signals.descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, -1);
    const Signals::Came came = signals.take();
    if (came.hang_up) reload(global, serving);
    const int asked = came.interrupts + (came.terminate ? 1 : 0);
    if (asked == 0) continue;
    stops += asked;
    if (stops == 1) {
      std::cerr << "holdfast: stopping; what runs may take " << grace.count()
                << " s to end. Once more stops it at once.\n";
    }
    serving.daemon.begin_stop(stops == 1 ? grace : std::chrono::seconds(0), [&over, &signals] {
      over = true;
      signals.wake();
    });
  }
}

}  // namespace

Exit serve_command(const ServeArguments& arguments, const GlobalArguments& global) {
  const Session session = load_session(global, process_environment());
  for (const std::string& each : session.notices)
    std::cerr << "holdfast: " << harmless(each) << "\n";
  process::Spawner spawner;
  const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
  KnownProviders known(catalogue, session.config);
  const auto socket = socket_path(process_environment(), session.store, ::getpid());
  auto store = open_store(session, store::Empty::filled);
  store->act_as(store::this_process(serve_program, socket.string()));
  std::vector<std::string> left = store->left_running(serve_program).value();
  metrics::Metrics metrics;
  GatewayOptions gateway_options{
      .profiles = session.profiles, .patience = session.config.patience, .providers = catalogue.infos()};
  metrics.measure(gateway_options);
  Gateway gateway(std::move(gateway_options), std::move(store));
  const Subscription counted = metrics.follow(gateway);
  EventLog log(global.log_file, global.log_level, true);
  const Subscription logged = gateway.on_news([&log](const Notice& notice) { log.hear(notice); });
  const auto access = std::make_shared<net::CurrentAccess>(access_of(session.config.server));
  const DaemonOptions options = options_for(arguments, session, known, metrics, gateway, access);
  const Door door(gateway, socket, session, known.views());
  if (!door.problem().empty()) log.complain(door.problem());
  const Notifier notifier(gateway, spawner, session.config.notify.command,
                          Webhook::configured(session.config.notify, process_environment()),
                          [&log](const std::string& why) { log.complain(why); });
  const TakingOver taking_over(gateway, std::move(left));
  Signals signals;
  Daemon daemon(gateway, options);
  std::cout << "listening on http" << (options.tls ? "s" : "") << "://" << daemon.endpoint().text() << std::endl;
  Serving serving{spawner, gateway, daemon, known, metrics, access, options.tls, log};
  serve_until_stopped(global, arguments.grace, signals, serving);
  return Exit::done;
}

}  // namespace holdfast::cli
