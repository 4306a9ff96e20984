#pragma once

#include <optional>
#include <string>
#include <vector>

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
control::Remote reach(const Owner& owner, const std::string& job_id);

}  // namespace holdfast::cli
