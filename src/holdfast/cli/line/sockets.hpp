#pragma once

#include <filesystem>
#include <string>

#include "holdfast/config/config.hpp"

namespace holdfast::cli {

/// Where process `pid` answers for its jobs: `$XDG_RUNTIME_DIR/holdfast/PID.sock`, else a folder below the store's;
/// empty where the store is no file, so that nobody else can know of its jobs.
std::filesystem::path socket_path(const EnvironmentLookup& environment, const std::string& store, int pid);

/// The folder of a store that is a file, absolute; else empty.
std::filesystem::path folder_of_store(const std::string& store);

}  // namespace holdfast::cli
