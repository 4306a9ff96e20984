#include "holdfast/store/store.hpp"

#include "holdfast/store/memory.hpp"
#include "holdfast/store/sqlite.hpp"

namespace holdfast::store {

result<std::unique_ptr<Store>> open(const std::string& url, Empty empty) {
  if (url == "memory:") return std::unique_ptr<Store>(std::make_unique<Memory>());
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with(sqlite)) {
    const std::string path = url.substr(sqlite.size());
    if (path.empty()) return Failure{Errc::config, "store 'sqlite:' names no file; write sqlite:PATH"};
    return Sqlite::open(path, {.empty = empty});
  }
  return Failure{Errc::config, "store '" + url +
                                   "' is of a kind that this version does not have; it knows 'memory:' and "
                                   "'sqlite:PATH'"};
}

}  // namespace holdfast::store
