#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/door.hpp"
#include "holdfast/cli/line/sockets.hpp"
#include "holdfast/cli/log.hpp"
#include "holdfast/cli/notify.hpp"
#include "holdfast/cli/provider_views.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/serve/daemon.hpp"
#include "holdfast/cli/serve/serve_options.hpp"
#include "holdfast/cli/tty/signals.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/store/owner.hpp"

namespace holdfast::cli {
namespace {

/// A machine of many cores has more use for them than relaying; two of these fill a network card.
constexpr std::size_t threads_max = 4;
/// As many as descriptors allow is for the operator to say (`ulimit -n`): each waiting request takes two.
constexpr std::size_t connections_max = 20'000;
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

DaemonOptions options_for(const ServeArguments& arguments, const Session& session, const KnownProviders& known) {
  DaemonOptions options{.endpoint = endpoint_for(arguments, session),
                        .threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, threads_max),
                        .proxy = proxy_options(session.config, process_environment())};
  options.control.endpoint = options.endpoint;
  options.control.patience = session.config.patience;
  options.control.providers = known.views();
  options.server.connections_max = connections_max;
  options.server.write_time = client_write_time;
  if (const auto& tls = session.config.server.tls) {
    auto context = net::TlsServerContext::load(tls->certificate.string(), tls->key.string());
    if (!context) throw Error(Errc::config, "server.tls: " + context.error().message);
    options.tls = std::move(*context);
  }
  return options;
}

/// Reads the configuration again; what is wrong with it changes nothing.
void reload(const GlobalArguments& global, process::Spawner& spawner, Gateway& gateway, Daemon& daemon,
            KnownProviders& known, std::optional<net::TlsServerContext> tls, EventLog& log) {
  try {
    const Session session = load_session(global, process_environment());
    const providers::Catalogue catalogue(session.config.providers, session.profiles, spawner);
    auto proxy = proxy_options(session.config, process_environment());
    if (tls) {
      if (const auto read = tls->reload(); !read) throw Error(read.error().code, read.error().message);
    }
    known.know(catalogue, session.config);
    gateway.reload(session.profiles, catalogue.infos());
    daemon.reload(std::move(proxy));
    log.complain("the configuration was read again: requests that begin from now on heed it");
  } catch (const Error& error) {
    log.complain("the configuration was not read again: " + std::string(error.what()));
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
  const DaemonOptions options = options_for(arguments, session, known);
  const auto socket = socket_path(process_environment(), session.store, ::getpid());
  auto store = open_store(session);
  store->act_as(store::this_process("holdfast serve", socket.string()));
  Gateway gateway({.profiles = session.profiles, .patience = session.config.patience, .providers = catalogue.infos()},
                  std::move(store));
  EventLog log(global.log_file, global.log_level, true);
  const Subscription logged = gateway.on_news([&log](const Notice& notice) { log.hear(notice); });
  const Door door(gateway, socket, session, known.views());
  if (!door.problem().empty()) log.complain(door.problem());
  const Notifier notifier(gateway, spawner, session.config.notify.command,
                          [&log](const std::string& why) { log.complain(why); });
  Signals signals;
  Daemon daemon(gateway, options);
  std::cout << "listening on http" << (options.tls ? "s" : "") << "://" << daemon.endpoint().text() << std::endl;

  std::atomic<bool> over{false};
  int stops = 0;
  while (!over) {
    pollfd ready{.fd = signals.descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, -1);
    const Signals::Came came = signals.take();
    if (came.hang_up) reload(global, spawner, gateway, daemon, known, options.tls, log);
    const int asked = came.interrupts + (came.terminate ? 1 : 0);
    if (asked == 0) continue;
    stops += asked;
    const auto grace = stops == 1 ? arguments.grace : std::chrono::seconds(0);
    if (stops == 1) {
      std::cerr << "holdfast: stopping; what runs may take " << grace.count()
                << " s to end. Once more stops it at once.\n";
    }
    daemon.begin_stop(grace, [&over, &signals] {
      over = true;
      signals.wake();
    });
  }
  return Exit::done;
}

}  // namespace holdfast::cli
