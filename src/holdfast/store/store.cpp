#include "holdfast/store/store.hpp"

#include "holdfast/store/memory.hpp"

namespace holdfast::store {

result<std::unique_ptr<Store>> open(const std::string& url) {
  if (url == "memory:") return std::unique_ptr<Store>(std::make_unique<Memory>());
  return Failure{Errc::config, "store '" + url + "' is of a kind that this version does not have; it knows 'memory:'"};
}

}  // namespace holdfast::store
