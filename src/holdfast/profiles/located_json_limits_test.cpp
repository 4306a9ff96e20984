#include "holdfast/profiles/located_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::profiles {
namespace {

using Kind = LocatedValue::Kind;

LocatedValue read(std::string_view text) {
  auto value = parse_located_json(text, "f.json");
  EXPECT_TRUE(value) << (value ? "" : value.error().message);
  return value ? std::move(*value) : LocatedValue{};
}

std::string failure_of(std::string_view text) {
  const auto value = parse_located_json(text, "f.json");
  if (value) return "no failure";
  EXPECT_EQ(value.error().code, Errc::config);
  return value.error().message;
}

TEST(LocatedJsonLimits, KnowsTheLineOfEveryKeyAndValue) {
  const LocatedValue root = read("{\n\"a\": 1,\r\n\"b\":\n [true,\n  null, \"x\"\n ],\n\"c\": {}}");
  EXPECT_EQ(root.line, 1);
  ASSERT_EQ(root.members.size(), 3u);
  EXPECT_EQ(root.find("a")->line, 2);
  EXPECT_EQ(root.find("a")->value.number, 1.0);
  EXPECT_EQ(root.find("b")->line, 3);
  const LocatedValue& list = root.find("b")->value;
  EXPECT_EQ(list.line, 4);
  ASSERT_EQ(list.items.size(), 3u);
  EXPECT_EQ(list.items[0].kind, Kind::boolean);
  EXPECT_TRUE(list.items[0].boolean);
  EXPECT_EQ(list.items[1].line, 5);
  EXPECT_EQ(list.items[1].kind, Kind::null);
  EXPECT_EQ(list.items[2].string, "x");
  EXPECT_EQ(root.find("c")->value.kind, Kind::object);
  EXPECT_EQ(root.find("d"), nullptr);
}

TEST(LocatedJsonLimits, AcceptsCommentsTrailingCommasAndAByteOrderMark) {
  const LocatedValue root =
      read("\xef\xbb\xbf// first\n{ /* over\ntwo lines */ \"a\": [1, 2,], // here\n}\n// last, without an end of line");
  EXPECT_EQ(root.find("a")->line, 3);
  EXPECT_EQ(root.find("a")->value.items.size(), 2u);
}

TEST(LocatedJsonLimits, ReadsEscapedTextAndEmptyText) {
  const LocatedValue root = read(R"({"\u0061\n": "\u00e9\ud83d\ude00", "e": ""})");
  EXPECT_EQ(root.find("a\n")->value.string, "é😀");
  EXPECT_EQ(root.find("e")->value.string, "");
}

TEST(LocatedJsonLimits, ReadsTheDoubleNearestToTheDigits) {
  const LocatedValue root = read("[0.7, 1e2, -3, 18446744073709551615, 2.2250738585072012e-308, 0.1e1, -0.0, 12\n]");
  EXPECT_EQ(root.items[0].number, 0.7);
  EXPECT_EQ(root.items[1].number, 100.0);
  EXPECT_EQ(root.items[2].number, -3.0);
  EXPECT_EQ(root.items[3].number, 18446744073709551615.0);
  EXPECT_EQ(root.items[4].number, 2.2250738585072012e-308);
  EXPECT_EQ(root.items[5].number, 1.0);
  EXPECT_EQ(root.items[7].number, 12.0);
  EXPECT_EQ(root.items[7].line, 1);
  EXPECT_EQ(read("12").number, 12.0);
}

TEST(LocatedJsonLimits, SaysWhereAKeyIsThereTwice) {
  EXPECT_EQ(failure_of("{\"a\": {\n\"b\": [0, {\"c\": 1,\n\n\"c\": 2}]}}"),
            "f.json:4: key 'a.b[1].c' is there twice (first in line 2); keep one of them");
  EXPECT_EQ(failure_of("{\"a\": 1, \"\\u0061\": 2}"),
            "f.json:1: key 'a' is there twice (first in line 1); keep one of them");
}

TEST(LocatedJsonLimits, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_EQ(failure_of("{\"a\":\n 1e999}"), "f.json:2: a: the number 1e999 is too large or too close to 0 to be held");
  EXPECT_EQ(failure_of("{\"a\": [-1e999]}"),
            "f.json:1: a[0]: the number -1e999 is too large or too close to 0 to be held");
  EXPECT_NE(failure_of("[1e-999]").find("too close to 0"), std::string::npos);
  EXPECT_NE(failure_of("1e999").find("f.json:1: the number"), std::string::npos);
  EXPECT_NE(failure_of("[1e99999999999999999999]").find("f.json:1: "), std::string::npos);
}

TEST(LocatedJsonLimits, SaysInWhichLineTheTextIsNotJson) {
  for (const auto& [text, line] : std::initializer_list<std::pair<std::string_view, int>>{
           {"{\n\"a\" 1}", 2},
           {"{\"a\": 1\n\n\"b\": 2}", 3},
           {"{\"a\":\nNaN}", 2},
           {"[Infinity]", 1},
           {"{\n'a': 1}", 2},
           {"[01]", 1},
           {"[\"a\nb\"]", 1},
           {"[\n\"\\ud800\"]", 2},
           {"\n\n]", 3},
       }) {
    const std::string failure = failure_of(text);
    EXPECT_TRUE(failure.starts_with("f.json:" + std::to_string(line) + ": this is not JSON: ")) << text << failure;
  }
}

TEST(LocatedJsonLimits, SaysWhatIsNotClosedAtTheEnd) {
  EXPECT_EQ(failure_of("{\n\"a\": [\n1,\n"),
            "f.json:3: the document ends too early: the array that begins in line 2 is not closed");
  EXPECT_EQ(failure_of("{\n"), "f.json:1: the document ends too early: the object that begins in line 1 is not closed");
  EXPECT_EQ(failure_of("// only a comment\n"), "f.json:1: the document ends too early");
  EXPECT_EQ(failure_of("\"abc"), "f.json:1: the document ends too early");
}

TEST(LocatedJsonLimits, NothingIsReadBehindACommentThatEndsTheText) {
  const std::string_view all = "/* no\nvalue */7";
  EXPECT_EQ(failure_of(all.substr(0, all.size() - 1)), "f.json:2: the document ends too early");
  EXPECT_EQ(failure_of("{} /* one\ntwo */"), "no failure");
  EXPECT_EQ(failure_of("\"not closed */"), "f.json:1: the document ends too early");
}

TEST(LocatedJsonLimits, RefusesEmptyTextMoreTextAndTextThatIsNotUtf8) {
  EXPECT_EQ(failure_of(""),
            "f.json:1: the document ends too early: there is nothing in it; the least that is JSON is {}");
  EXPECT_EQ(failure_of(" \n\t\n"),
            "f.json:1: the document ends too early: there is nothing in it; the least that is JSON is {}");
  EXPECT_EQ(failure_of("{}\n\n{}"), "f.json:3: there is more text after the end of the document");
  EXPECT_EQ(failure_of("{} x"), "f.json:1: there is more text after the end of the document");
  EXPECT_EQ(failure_of("{\n\"\xff\": 1}"), "f.json:2: the text is not valid UTF-8; save the file as UTF-8");
  EXPECT_EQ(failure_of("{} // \xc3\x28"), "f.json:1: the text is not valid UTF-8; save the file as UTF-8");
}

TEST(LocatedJsonLimits, KeepsItsLimits) {
  std::string large = "{}";
  large.resize(json_bytes_max, ' ');
  EXPECT_EQ(read(large).kind, Kind::object);
  large += ' ';
  EXPECT_EQ(failure_of(large), "f.json:1: this is too large; the limit is 1048576 bytes");

  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(read(nested(json_depth_max)).kind, Kind::array);
  EXPECT_EQ(failure_of("\n" + nested(json_depth_max + 1)), "f.json:2: this is nested deeper than 32 levels");

  std::string list = "[0", object = "{";
  for (std::size_t i = 0; i < json_children_max; ++i) {
    list += ",0";
    object += "\"" + std::to_string(i) + "\":0,";
  }
  EXPECT_EQ(failure_of(list + "]"), "f.json:1: more than 16384 entries in one list or object");
  EXPECT_EQ(failure_of(object + "\"x\":0}"), "f.json:1: more than 16384 entries in one list or object");
}

TEST(LocatedJsonLimits, ShowsTextWithoutControlCharactersAndNotAllOfALongOne) {
  EXPECT_EQ(shown("a\x1b[2Jé\x7f\xc2\x9b"), "a\\u001b[2Jé\\u007f\\u009b");
  EXPECT_EQ(shown(std::string(50, 'x')), std::string(50, 'x'));
  const std::string cut = shown(std::string(1000, 'x'));
  EXPECT_LT(cut.size(), shown_bytes_max + 8);
  EXPECT_TRUE(cut.ends_with("x…"));
  std::string wide;
  for (int i = 0; i < 100; ++i)
    wide += "😀";
  EXPECT_EQ(shown(wide).size() % 4, 3u);  // whole characters, then the three bytes of «…»
}

TEST(LocatedJsonLimits, NamesItsKinds) {
  std::string names;
  for (const Kind kind : {Kind::null, Kind::boolean, Kind::number, Kind::string, Kind::array, Kind::object}) {
    names += std::string(name(kind)) + " ";
  }
  EXPECT_EQ(names, "null boolean number string array object ");
}

}  // namespace
}  // namespace holdfast::profiles
