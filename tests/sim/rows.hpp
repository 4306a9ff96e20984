#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace holdfast::sim {

/// How often each row of the policy's tables occurred.
class Rows {
 public:
  void count(std::string_view row) {
    const auto found = counts_.find(row);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(row, 1);
    }
  }
  void count(std::string_view table, std::string_view row) {
    key_.assign(table).append(": ").append(row);
    count(key_);
  }
  const std::map<std::string, std::uint64_t, std::less<>>& all() const { return counts_; }
  std::uint64_t of(std::string_view row) const {
    const auto found = counts_.find(row);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
  std::string key_;
};

/// A broken invariant: its name first, "I5: …".
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace holdfast::sim
