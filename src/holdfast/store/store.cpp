#include "holdfast/store/store.hpp"

#include "holdfast/store/memory.hpp"
#include "holdfast/store/sqlite.hpp"

namespace holdfast::store {

result<std::unique_ptr<Store>> open(const std::string& url, Empty empty) {
  if (url == "memory:") return std::unique_ptr<Store>(std::make_unique<Memory>());
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with(sqlite)) {
    const std::string path = url.substr(sqlite.size());
    if (path.empty()) return Failure{Errc::config, "'sqlite:' names no file; write sqlite:PATH"};
    return Sqlite::open(path, {.empty = empty});
  }
  // Only its kind is shown: behind that a password may stand.
  return Failure{Errc::config, "this version has no store '" + url.substr(0, url.find("://")) +
                                   "'; it has sqlite:PATH and memory: only"};
}

}  // namespace holdfast::store
