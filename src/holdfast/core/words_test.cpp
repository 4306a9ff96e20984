#include "holdfast/core/words.hpp"

#include <gtest/gtest.h>

#include "holdfast/core/listing.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(Progress, SaysWhatIsKnownAndNothingElse) {
  EXPECT_EQ(Progress{}.text(), "nothing yet");
  EXPECT_EQ((Progress{.tokens = 512}).text(), "512 tokens");
  EXPECT_EQ((Progress{.tokens = 1, .chunks = 0}).text(), "1 token, 0 chunks");
  EXPECT_EQ((Progress{.percent = 36.6, .remaining = 2min}).text(), "37 %, about 2 min left");
  EXPECT_EQ((Progress{.percent = 0.0, .message = "loading the model"}).text(), "0 %, loading the model");
}

TEST(Progress, SaysBytesInTheUnitThatIsReadEasily) {
  const auto said = [](std::int64_t bytes) { return Progress{.bytes = bytes}.text(); };
  EXPECT_EQ(said(1), "1 byte");
  EXPECT_EQ(said(1023), "1023 bytes");
  EXPECT_EQ(said(1024), "1 KiB");
  EXPECT_EQ(said(1536 * 1024), "1.5 MiB");
}

template <class E>
std::string names(E last) {
  std::string out;
  for (int each = 0; each <= static_cast<int>(last); ++each)
    out += std::string(name(static_cast<E>(each))) + " ";
  return out;
}

TEST(Words, AreThoseOfRecordsAndTheApi) {
  EXPECT_EQ(names(OperationPhase::interrupted), "queued running completed failed cancelled switched interrupted ");
  EXPECT_EQ(names(JobState::released), "running waiting interrupted done failed cancelled released ");
  EXPECT_EQ(names(ErrorClass::other), "none http auth quota protocol connection truncated command other ");
  EXPECT_EQ(names(StageState::cancelled), "pending running done interrupted failed cancelled ");
}

}  // namespace
}  // namespace holdfast
