#include "holdfast/api/canonical.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <boost/json/parse.hpp>
#include <limits>

namespace holdfast::api {
namespace {

std::string number(std::uint64_t bits) {
  return canonical(std::bit_cast<double>(bits));
}

TEST(Canonical, gives_the_bytes_of_the_rfcs_own_example) {
  auto value = boost::json::parse(R"({
    "numbers": [],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]})");
  // Not parsed: Boost.JSON 1.81 rounds some numbers of many digits to the neighbour.
  value.as_object()["numbers"] = {333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001};
  EXPECT_EQ(canonical(value),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(Canonical, sorts_keys_by_their_utf16_code_units_as_the_rfc_shows) {
  const auto value = boost::json::parse(R"({"\u20ac": "Euro Sign", "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\ud83d\ude00": "Emoji: Grinning Face",
    "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"})");
  const std::string out = canonical(value);
  std::size_t last = 0;
  for (const char* each : {"Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"}) {
    const std::size_t at = out.find(each);
    ASSERT_NE(at, std::string::npos) << each;
    EXPECT_GE(at, last) << each << " stands too early in " << out;
    last = at;
  }
}

TEST(Canonical, prints_numbers_as_the_rfcs_appendix_does) {
  EXPECT_EQ(number(0x0000000000000000), "0");
  EXPECT_EQ(number(0x8000000000000000), "0");
  EXPECT_EQ(number(0x0000000000000001), "5e-324");
  EXPECT_EQ(number(0x8000000000000001), "-5e-324");
  EXPECT_EQ(number(0x7fefffffffffffff), "1.7976931348623157e+308");
  EXPECT_EQ(number(0xffefffffffffffff), "-1.7976931348623157e+308");
  EXPECT_EQ(number(0x4340000000000000), "9007199254740992");
  EXPECT_EQ(number(0xc340000000000000), "-9007199254740992");
  EXPECT_EQ(number(0x4430000000000000), "295147905179352830000");
  EXPECT_EQ(number(0x44b52d02c7e14af5), "9.999999999999997e+22");
  EXPECT_EQ(number(0x44b52d02c7e14af6), "1e+23");
  EXPECT_EQ(number(0x44b52d02c7e14af7), "1.0000000000000001e+23");
  EXPECT_EQ(number(0x444b1ae4d6e2ef4e), "999999999999999700000");
  EXPECT_EQ(number(0x444b1ae4d6e2ef4f), "999999999999999900000");
  EXPECT_EQ(number(0x444b1ae4d6e2ef50), "1e+21");
  EXPECT_EQ(number(0x3eb0c6f7a0b5ed8c), "9.999999999999997e-7");
  EXPECT_EQ(number(0x3eb0c6f7a0b5ed8d), "0.000001");
  EXPECT_EQ(number(0x41b3de4355555553), "333333333.3333332");
  EXPECT_EQ(number(0x41b3de4355555557), "333333333.33333343");
  EXPECT_EQ(number(0xbecbf647612f3696), "-0.0000033333333333333333");
  EXPECT_EQ(number(0x43143ff3c1cb0959), "1424953923781206.2");
  EXPECT_EQ(number(0x7fffffffffffffff), "null");
  EXPECT_EQ(number(0x7ff0000000000000), "null");
}

TEST(Canonical, keeps_integers_up_to_2_to_the_53rd_and_rounds_larger_ones_like_javascript) {
  EXPECT_EQ(canonical(std::int64_t{9007199254740992}), "9007199254740992");
  EXPECT_EQ(canonical(std::int64_t{-9007199254740992}), "-9007199254740992");
  EXPECT_EQ(canonical(std::numeric_limits<std::uint64_t>::max()), "18446744073709552000");
  EXPECT_EQ(canonical(std::numeric_limits<std::int64_t>::min()), "-9223372036854776000");
}

TEST(Canonical, gives_the_same_bytes_again_for_what_it_wrote) {
  const std::string once = canonical(boost::json::parse(R"( {"b": [1, {"z": 0.5, "a": ""}], "a": "\u0001\t/"} )"));
  EXPECT_EQ(once, "{\"a\":\"\\u0001\\t/\",\"b\":[1,{\"a\":\"\",\"z\":0.5}]}");
  EXPECT_EQ(canonical(boost::json::parse(once)), once);
}

}  // namespace
}  // namespace holdfast::api
