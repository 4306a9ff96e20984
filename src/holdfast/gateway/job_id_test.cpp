#include "holdfast/gateway/job_id.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/base/name.hpp"

namespace holdfast {
namespace {

TEST(JobId, IsItsNameAndLettersThatDiffer) {
  EXPECT_THAT(new_job_id("film", 6), testing::MatchesRegex("film-[0-9a-z]{6}"));
  EXPECT_THAT(new_job_id("", 8), testing::MatchesRegex("job-[0-9a-z]{8}"));
  EXPECT_NE(new_job_id("film", 8), new_job_id("film", 8));
}

TEST(JobId, OfALongNameIsANameStill) {
  EXPECT_EQ(new_job_id(std::string(256, 'x'), 6).size(), name_bytes_max);
  std::string long_one;
  for (int i = 0; i < 128; ++i)
    long_one += "é";
  EXPECT_EQ(name_problem(new_job_id(long_one, 6)), std::nullopt);
}

}  // namespace
}  // namespace holdfast
