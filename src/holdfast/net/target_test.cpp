#include "holdfast/net/target.hpp"

#include <gtest/gtest.h>

#include "holdfast/net/limits.hpp"

namespace holdfast::net {
namespace {

using Segments = std::vector<std::string>;

TEST(Target, DecodesEscapesAndLeavesAPlusAlone) {
  EXPECT_EQ(percent_decode("a%41%2f+b").value(), "aA/+b");
  EXPECT_EQ(percent_decode("%C3%A4").value(), "\xC3\xA4");
  EXPECT_EQ(percent_decode("").value(), "");
}

TEST(Target, RefusesWhatTwoReadersCouldDecodeDifferently) {
  for (const char* bad : {"%", "a%4", "%4g", "%g4", "%%41", "%00", "a%00b", "%ff", "%C3", "%C0%AF", "%ED%A0%80"}) {
    const auto decoded = percent_decode(bad);
    ASSERT_TRUE(decoded.has_error()) << bad;
    EXPECT_EQ(decoded.error().code, Errc::invalid_argument) << bad;
    EXPECT_FALSE(decoded.error().message.empty()) << bad;
  }
}

TEST(Target, EncodingIsUndoneByDecodingForEveryText) {
  std::string all;
  for (int c = 1; c < 128; ++c)
    all.push_back(static_cast<char>(c));
  all += "\xC3\xA4\xF0\x9F\x8E\xAC";
  EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
  EXPECT_EQ(percent_encode("a b/c"), "a%20b%2Fc");
}

TEST(Target, ASlashInsideASegmentStaysInside) {
  EXPECT_EQ(split_path("/").value(), (Segments{""}));
  EXPECT_EQ(split_path("/jobs/a%2Fb/").value(), (Segments{"jobs", "a/b", ""}));
  EXPECT_EQ(split_path("//x").value(), (Segments{"", "x"}));
  EXPECT_EQ(split_path("/a/...").value(), (Segments{"a", "..."}));
}

TEST(Target, RefusesPathsThatClimb) {
  for (const char* bad : {"", "x", "/..", "/a/./b", "/a/%2e%2E", "/%2e", "/%00", "/%ff"}) {
    EXPECT_TRUE(split_path(bad).has_error()) << bad;
  }
}

TEST(Target, AQueryKeepsItsOrderAndItsRepetitions) {
  const Query query = parse_query("a=1&b=x+y%2Bz&a=2&c&&d==").value();
  EXPECT_EQ(query.size(), 5u);
  EXPECT_EQ(query.find("a"), "1");
  EXPECT_EQ(query.count("a"), 2u);
  EXPECT_EQ(query.find("b"), "x y+z");
  EXPECT_EQ(query.find("c"), "");
  EXPECT_EQ(query.find("d"), "=");
  EXPECT_EQ(query.find("A"), std::nullopt);
  EXPECT_EQ(parse_query("").value().size(), 0u);
}

TEST(Target, RefusesAQueryThatDoesNotDecodeOrIsTooLong) {
  for (const char* bad : {"a=%", "%00=1", "a=%ff", "=1"})
    EXPECT_TRUE(parse_query(bad).has_error()) << bad;
  std::string many;
  for (std::size_t i = 0; i < query_parameters_max; ++i)
    many += "a&";
  EXPECT_TRUE(parse_query(many).has_value());
  EXPECT_TRUE(parse_query(many + "a").has_error());
}

TEST(Target, AnAbsoluteTargetLosesItsAuthority) {
  EXPECT_EQ(parse_target("GET", "http://a.example:80/x?y=1").value().path, "/x");
  EXPECT_EQ(parse_target("GET", "http://a.example?y=1").value().query, "y=1");
  EXPECT_EQ(parse_target("GET", "https://a.example").value().path, "/");
  EXPECT_EQ(parse_target("GET", "/x?a?b").value().query, "a?b");
}

}  // namespace
}  // namespace holdfast::net
