#include "holdfast/cli/line/sockets.hpp"

namespace holdfast::cli {
namespace {

constexpr std::string_view sqlite = "sqlite:";

}  // namespace

std::filesystem::path folder_of_store(const std::string& store) {
  if (!store.starts_with(sqlite)) return {};
  return std::filesystem::absolute(store.substr(sqlite.size())).parent_path();
}

std::filesystem::path socket_path(const EnvironmentLookup& environment, const std::string& store, int pid) {
  const std::filesystem::path folder = folder_of_store(store);
  if (folder.empty()) return {};
  const std::string name = std::to_string(pid) + ".sock";
  if (const auto runtime = environment("XDG_RUNTIME_DIR")) return std::filesystem::path(*runtime) / "holdfast" / name;
  return folder / "run" / name;
}

}  // namespace holdfast::cli
