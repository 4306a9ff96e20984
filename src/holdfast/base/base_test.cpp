#include <gtest/gtest.h>

#include "holdfast/base/error.hpp"
#include "holdfast/base/id.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/base/text.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(Error, EveryCodeHasANameThatLeadsBackToIt) {
  for (int value = 0; value <= static_cast<int>(Errc::outcome_unknown); ++value) {
    const auto code = static_cast<Errc>(value);
    EXPECT_EQ(errc_from_name(name(code)), code);
    EXPECT_GE(http_status(code), 200);
  }
  EXPECT_EQ(errc_from_name("no such name"), Errc::ok);
}

TEST(Error, ThrownErrorsCarryCodeAndSentence) {
  const result<int> refused = Failure{Errc::lock_conflict, "in the way"};
  try {
    refused.value();
    FAIL() << "a failure has no value";
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::lock_conflict);
    EXPECT_STREQ(error.what(), "in the way");
    EXPECT_EQ(error.code(), Errc::lock_conflict);
    EXPECT_EQ(error.code().message(), "lock_conflict");
    EXPECT_STREQ(error.code().category().name(), "holdfast");
  }
}

TEST(Name, SaysWhatIsWrong) {
  EXPECT_EQ(name_problem("script-generation"), std::nullopt);
  EXPECT_EQ(name_problem("Größe 漢字"), std::nullopt);
  EXPECT_EQ(name_problem(""), "is empty");
  EXPECT_EQ(name_problem(" \xc2\xa0"), "is blank");
  EXPECT_EQ(name_problem("a\nb"), "contains a control character");
  EXPECT_EQ(name_problem("a\xc2\x85"), "contains a control character");
  EXPECT_EQ(name_problem("\xff"), "is not valid UTF-8");
  EXPECT_EQ(name_problem("\xe6\xbc"), "is not valid UTF-8");
  EXPECT_EQ(name_problem(std::string(256, 'x')), std::nullopt);
  EXPECT_EQ(name_problem(std::string(257, 'x')), "is 257 bytes long; 256 are allowed");
}

TEST(Name, ComparesWithoutRegardToAsciiCaseOnly) {
  EXPECT_TRUE(same_name("OLLAMA", "ollama"));
  EXPECT_FALSE(same_name("ollama", "ollama2"));
  EXPECT_FALSE(same_name("Ä", "ä"));
  EXPECT_TRUE(NameLess{}("a", "B"));
  EXPECT_FALSE(NameLess{}("B", "a"));
  EXPECT_EQ(folded("FFmpeg"), "ffmpeg");
}

TEST(Text, EditsLeadFromOneWordToTheOther) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("provider", "provder"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), 2u);
}

TEST(Text, IsCutBetweenCharacters) {
  EXPECT_EQ(cut_to_bytes("ab", 2), "ab");
  EXPECT_EQ(cut_to_bytes("abc", 2), "ab");
  EXPECT_EQ(cut_to_bytes("aé", 2), "a");
  EXPECT_EQ(cut_to_bytes("é", 1), "");
}

TEST(OperationId, TextSortsLikeTheNumberAndLeadsBack) {
  for (const std::uint64_t value : {1ULL, 31ULL, 32ULL, 1ULL << 40, ~0ULL}) {
    EXPECT_EQ(parse_operation_id(text(OperationId{value})), OperationId{value});
  }
  EXPECT_LT(text(OperationId{31}), text(OperationId{32}));
  EXPECT_EQ(text(OperationId{1}), "op-0000000000001");
  for (const char* bad : {"", "op-", "op-000000000000i", "op-zzzzzzzzzzzzz", "xx-0000000000001", "op-00000000000001"}) {
    EXPECT_EQ(parse_operation_id(bad), std::nullopt) << bad;
  }
}

TEST(WallTime, IsWrittenAsRfc3339InUtc) {
  const WallTime time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h + 22min + 5s + 7ms};
  EXPECT_EQ(rfc3339(time), "2026-11-23T07:22:05.007Z");
  EXPECT_EQ(rfc3339_seconds(time), "2026-11-23T07:22:05Z");
  EXPECT_EQ(clock_time(time), "07:22:05");
}

TEST(Duration, IsSpokenAsAPersonWould) {
  EXPECT_EQ(spoken(850ms), "850 ms");
  EXPECT_EQ(spoken(1500ms), "1.5 s");
  EXPECT_EQ(spoken(48s), "48 s");
  EXPECT_EQ(spoken(134s), "2 min 14 s");
  EXPECT_EQ(spoken(120s), "2 min");
  EXPECT_EQ(spoken(3900s), "1 h 05 min");
}

TEST(Duration, IsParsedWithItsUnitOrNotAtAll) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const char* bad : {"", "s", "10", "-5s", "1.5h", "10 m", "9999999999999h", "10d"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace holdfast
