#include "holdfast/profiles/located_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::profiles {
namespace {

std::string failure(std::string_view text) {
  const auto parsed = parse_located_json(text, "f.json");
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed.has_value() ? "" : parsed.error().message;
}

TEST(LocatedJson, KnowsTheLineOfEveryValue) {
  const auto parsed = parse_located_json("{\n  \"a\": 1, // one\n  \"b\": [true,\n null, \"x\"],\n}\n", "f");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->find("a")->line, 2);
  EXPECT_EQ(parsed->find("a")->value.number, 1.0);
  const LocatedValue& list = parsed->find("b")->value;
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_TRUE(list.items[0].boolean);
  EXPECT_EQ(list.items[1].line, 4);
  EXPECT_EQ(list.items[2].string, "x");
  EXPECT_EQ(parsed->find("c"), nullptr);
}

TEST(LocatedJson, ReadsNumbersAtLineEndsAndEscapes) {
  const auto parsed =
      parse_located_json("{\"a\": -5\n, \"b\": 18446744073709551615, \"c\": 1.5, \"d\": \"\\u00e4\"}", "f");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->find("a")->value.number, -5.0);
  EXPECT_EQ(parsed->find("b")->value.number, 18446744073709551615.0);
  EXPECT_EQ(parsed->find("c")->value.number, 1.5);
  EXPECT_EQ(parsed->find("d")->value.string, "ä");
}

TEST(LocatedJson, SaysWhereItIsBroken) {
  EXPECT_THAT(failure("{\n\"a\": 1,\n\"a\": 2}"), testing::HasSubstr("f.json:3: key 'a' is there twice"));
  EXPECT_THAT(failure("{\n\"a\" 1}"), testing::StartsWith("f.json:2: this is not JSON"));
  EXPECT_THAT(failure("{\"a\": 1}\n\n x"), testing::StartsWith("f.json:3: "));
  EXPECT_THAT(failure("{\"a\": \n"), testing::HasSubstr("ends too early"));
  EXPECT_THAT(failure(""), testing::HasSubstr("ends too early"));
  EXPECT_THAT(failure("{\n\"a\": \"\xff\"}"), testing::HasSubstr("f.json:2: the text is not valid UTF-8"));
  EXPECT_THAT(failure(std::string(json_bytes_max + 1, ' ')), testing::HasSubstr("the limit is 1048576"));
  EXPECT_THAT(failure(std::string(40, '[')), testing::StartsWith("f.json:1: "));
}

TEST(LocatedJson, AByteOrderMarkIsSkipped) {
  EXPECT_TRUE(parse_located_json("\xef\xbb\xbf{}", "f").has_value());
}

TEST(LocatedJson, EveryKindHasAName) {
  EXPECT_EQ(name(LocatedValue::Kind::null), "null");
  EXPECT_EQ(name(LocatedValue::Kind::boolean), "boolean");
  EXPECT_EQ(name(LocatedValue::Kind::number), "number");
  EXPECT_EQ(name(LocatedValue::Kind::string), "string");
  EXPECT_EQ(name(LocatedValue::Kind::array), "array");
  EXPECT_EQ(name(LocatedValue::Kind::object), "object");
}

}  // namespace
}  // namespace holdfast::profiles
