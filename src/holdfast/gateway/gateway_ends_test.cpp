// How operations end that nobody waits for any more, or that end in great numbers.

#include <gtest/gtest.h>

#include <future>
#include <set>

#include "holdfast/gateway/async.hpp"
#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

// Their random part was for the first id only: two gateways that worked in the same millisecond gave the same ids.
TEST(OperationIds, AreNotSharedByTwoGatewaysThatWorkAtTheSameTime) {
  Gateway one, other;
  const auto work = [](Gateway& gateway) {
    std::vector<std::string> ids;
    OperationRequest anonymous = request();
    anonymous.job_id.clear();
    for (int i = 0; i < 3000; ++i) {
      gateway.execute_with_patience(anonymous, pushed_heartbeat(),
                                    [&](OperationContext& operation) { ids.push_back(operation.operation_id()); });
    }
    return ids;
  };
  auto ids_of_other = std::async(std::launch::async, [&] { return work(other); });
  const std::vector<std::string> mine = work(one), theirs = ids_of_other.get();
  EXPECT_TRUE(std::ranges::is_sorted(mine)) << "newer operations have higher ids";
  std::set<std::string> all(mine.begin(), mine.end());
  all.insert(theirs.begin(), theirs.end());
  EXPECT_EQ(all.size(), mine.size() + theirs.size());
}

}  // namespace
}  // namespace holdfast
