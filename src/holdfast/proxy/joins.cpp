#include "holdfast/proxy/joins.hpp"

#include <algorithm>

namespace holdfast::proxy {

std::shared_ptr<Recording> Joins::record(Repeated request) {
  return std::make_shared<Recording>(std::move(request), all_);
}

bool Joins::offer(std::shared_ptr<Recording> recording, net::TimePoint until) {
  if (!recording->is_complete()) return false;
  const std::lock_guard lock(mutex_);
  forget_old();
  offers_.push_back({std::move(recording), until});
  return true;
}

bool Joins::withdraw(const Recording& recording) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(offers_, [&](const Offer& each) { return each.recording.get() == &recording; }) != 0;
}

std::shared_ptr<Recording> Joins::take(const Repeated& request) {
  const std::lock_guard lock(mutex_);
  forget_old();
  const auto found = std::ranges::find_if(offers_, [&](const Offer& each) {
    return each.recording->is_complete() && each.recording->request() == request;
  });
  if (found == offers_.end()) return nullptr;
  std::shared_ptr<Recording> taken = std::move(found->recording);
  offers_.erase(found);
  return taken;
}

void Joins::forget_old() {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(offers_, [&](const Offer& each) { return each.until <= now; });
}

}  // namespace holdfast::proxy
