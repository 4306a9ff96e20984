#pragma once

#include <map>
#include <unordered_set>

#include "holdfast/store/store.hpp"

namespace holdfast::store {

/// Everything in this process's memory; gone with it. Never fails.
class Memory final : public Store {
 public:
  std::vector<Outcome> commit(std::span<const Transaction> transactions) override;
  result<bool> contains(SaveId save) override;
  result<std::optional<event::JobImage>> load(const std::string& job_id) override;
  result<std::vector<ProviderLock>> locks(const std::string& job_id) override;
  result<std::vector<FallbackDecision>> history(const std::string& job_id) override;
  result<std::vector<KeptRecord>> records(const std::string& job_id) override;
  result<Statistics> statistics() override;

 private:
  struct Kept {
    event::JobImage image;
    std::vector<KeptRecord> records;
    bool decided = false;
  };

  std::map<std::string, Kept, std::less<>> jobs_;
  Statistics statistics_;
  std::int64_t jobs_with_decision_ = 0;
};

}  // namespace holdfast::store
