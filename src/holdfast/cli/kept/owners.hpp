#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/cli/line/session.hpp"
#include "holdfast/control/remote.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::cli {

/// A process that holds jobs and answers for them.
struct LivingOwner {
  Owner process{};
  std::vector<std::string> jobs{};  ///< newest first
};

/// Those that hold jobs of this store now; they may be gone a moment later.
std::vector<LivingOwner> living_owners(store::Store& store);

/// How to reach it. Throws `Error` store_held where it has no socket, so that only its own terminal can be used.
control::Remote reach(const Owner& owner, const std::string& job_id,
                      std::chrono::milliseconds call_time = control::call_time);

/// The daemon that HOLDFAST_URL names (`http://127.0.0.1:7411`, `https://box:7411`), asked with HOLDFAST_TOKEN; nothing
/// where the variable is not set. Throws `Error` config where it names none.
std::optional<control::Remote> named_daemon(const EnvironmentLookup& environment);

/// How long the job has been running: since it was opened, or, gone on with by another process, since that began.
/// Never negative.
milliseconds age_of(const JobRow& job);

/// What goes behind a refusal of the daemon that HOLDFAST_URL names: where the token comes from. Empty for any other.
std::string hint_for_refusal(Errc code, const EnvironmentLookup& environment);

/// A job as that process tells of it. Throws what it refuses.
JobRow job_of(const control::Remote& remote, const std::string& job_id);

}  // namespace holdfast::cli
