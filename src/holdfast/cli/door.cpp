#include "holdfast/cli/door.hpp"

#include "holdfast/net/endpoint.hpp"

namespace holdfast::cli {

Door::Door(Gateway& gateway, const std::filesystem::path& socket, const Session& session, ProviderViews views) {
  if (socket.empty()) return;
  net::remove_dead_sockets(socket.parent_path());
  try {
    service_ =
        std::make_unique<control::Service>(gateway, control::ServiceOptions{.endpoint = {.path = socket.string()},
                                                                            .patience = session.config.patience,
                                                                            .providers = std::move(views)});
  } catch (const Error& error) {
    problem_ = "no other terminal can reach this job: " + std::string(error.what());
  }
}

}  // namespace holdfast::cli
