#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "holdfast/cli/line/session.hpp"
#include "holdfast/cli/provider_views.hpp"
#include "holdfast/control/service.hpp"

namespace holdfast::cli {

/// Where a running job can be looked at and acted on from elsewhere: the control API over this process's own socket.
///
/// A job is worth more than its door: where the socket cannot be made, `problem` says why, and the job runs without.
class Door {
 public:
  /// `socket` empty: nobody else can know of the jobs, so there is none.
  Door(Gateway& gateway, const std::filesystem::path& socket, const Session& session, ProviderViews views);

  const std::string& problem() const { return problem_; }

 private:
  std::unique_ptr<control::Service> service_;
  std::string problem_;
};

}  // namespace holdfast::cli
