#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "holdfast/toml/text_file.hpp"
#include "holdfast/toml/toml.hpp"
#include "holdfast/toml/toml_reader.hpp"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string problems_of(std::string_view text) {
  const auto parsed = parse_toml(text, "a.toml");
  return parsed ? "" : parsed.error().text();
}

std::filesystem::path written(const std::string& name, std::string_view text) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  while (times-- > 0)
    out += part;
  return out;
}

TEST(Toml, KeepsTheOrderOfTheFileAndKnowsWhereEachValueStands) {
  const auto document =
      parse_toml("zebra = 1\napple = \"x\"\n[table]\nyes = true\nhalf = 0.5\nday = 1979-05-27\n", "a.toml");
  ASSERT_TRUE(document);
  const TomlTable& table = document->table();
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0].key, "zebra");
  EXPECT_EQ(table[1].key, "apple");
  EXPECT_EQ(table[1].place, (TomlPlace{2, 1}));
  EXPECT_EQ(table[1].value.place, (TomlPlace{2, 9}));
  EXPECT_EQ(table[1].value.type(), TomlType::string);
  const auto* inner = table[2].value.as<TomlTable>();
  ASSERT_TRUE(inner);
  EXPECT_EQ((*inner)[0].value.type(), TomlType::boolean);
  EXPECT_EQ((*inner)[1].value.type(), TomlType::real);
  EXPECT_EQ((*inner)[2].value.type(), TomlType::time);
  EXPECT_EQ((*inner)[2].value.place.line, 6u);
}

TEST(Toml, FindsTheLineOfAByteInALongString) {
  const auto document =
      parse_toml("äöü = 1\na = \"\"\"\none\ntwo\"\"\"\nb = '''one\ntwo'''\nc = \"x\\ny\"\n", "a.toml");
  EXPECT_FALSE(document) << "bare keys are ASCII";
  const auto good =
      parse_toml("\"äöü\" = 1\na = \"\"\"\none\ntwo\"\"\"\nb = '''one\ntwo'''\nc = \"x\\ny\"\n", "a.toml");
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_EQ(good->table()[1].value.line_of(0), 3u);
  EXPECT_EQ(good->table()[1].value.line_of(4), 4u);
  EXPECT_EQ(good->table()[1].value.line_of(999), 4u);
  EXPECT_EQ(good->table()[2].value.line_of(0), 5u);
  EXPECT_EQ(good->table()[2].value.line_of(4), 6u);
  EXPECT_EQ(good->table()[3].value.line_of(3), 7u) << "an escaped line end is no line of the file";
}

TEST(Toml, SaysWhereATextIsNoToml) {
  EXPECT_THAT(problems_of("a = 1\nb = \n"), HasSubstr("a.toml:2: is not TOML: "));
  EXPECT_THAT(problems_of("a = 1\na = 2\n"), HasSubstr("a.toml:2: is not TOML: "));
  EXPECT_THAT(problems_of("[(z"), HasSubstr("a.toml:1: is not TOML: "));
  EXPECT_THAT(problems_of(std::string_view("a = \0", 5)), HasSubstr("a.toml:1: is not TOML"));
}

TEST(Toml, RefusesWhatIsNotUtf8WithItsLine) {
  EXPECT_EQ(problems_of("a = 1\nb = \"\xff\"\n"), "a.toml:2: is not valid UTF-8; save it as UTF-8");
}

TEST(Toml, RefusesATextAboveTheLimitNamingIt) {
  const std::string huge = "a = \"" + std::string(10 * 1024 * 1024, 'x') + "\"";
  EXPECT_EQ(problems_of(huge), "a.toml: is larger than 1 MiB, which is the limit");
  EXPECT_EQ(problems_of("#" + std::string(toml_bytes_max - 1, 'x')), "");
}

TEST(Toml, RefusesTablesWithinTablesBeyondTheLimitWhicheverWayTheyAreWritten) {
  const std::string deeper = "tables stand deeper than 32 within each other";
  for (const std::string& text :
       {repeated("a.", 100'000) + "a = 1", "[" + repeated("a.", 100'000) + "a]", "a = " + repeated("[", 100'000),
        "a = " + repeated("{a=", 100'000), repeated("\"a\" . ", 40) + "a = 1",
        "[a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]\n" + repeated("b.", 20) + "b = 1"}) {
    EXPECT_THAT(problems_of("# first\n" + text), HasSubstr(deeper)) << text.substr(0, 40);
  }
  EXPECT_EQ(problems_of(repeated("a.", 20) + "a = 1"), "");
}

TEST(Toml, DotsAndBracketsInsideStringsAndCommentsAreNoDepth) {
  const std::string many = repeated(".[", 60);
  EXPECT_EQ(problems_of("a = \"" + many + "\"\nb = '" + many + "'\n# " + many + "\nc = \"\"\"" + many + "\n\\\"" +
                        many + "\"\"\"\"\"\nd = '''" + many + "'''\ne = \"\\\"" + many + "\"\n"),
            "");
}

TEST(Toml, ReadsFilesAndSaysWhyItCannot) {
  EXPECT_TRUE(load_toml(written("good.toml", "a = 1\n")));
  EXPECT_THAT(load_toml("/nowhere/x.toml").error().text(), HasSubstr("/nowhere/x.toml: cannot be read: No such file"));
  EXPECT_THAT(load_toml(testing::TempDir()).error().text(), HasSubstr("cannot be read: Is a directory"));
  EXPECT_THAT(load_toml("/dev/zero").error().text(), HasSubstr("is larger than 1 MiB"));
  EXPECT_THAT(load_toml(written("latin.toml", "\n\n\xe4")).error().text(),
              HasSubstr("latin.toml:3: is not valid UTF-8"));
}

TEST(TomlReader, NamesUnknownKeysWithTheirLineAndTheNearestKnownOne) {
  const auto document =
      parse_toml("prompd = 1\nfor-each = 2\nSTORE = 3\nxyzzy = 4\n" + std::string(200, 'k') + " = 5\n", "a.toml");
  Problems problems("a.toml");
  TomlReader reader(document->table(), 1, "here", problems);
  for (const char* key : {"prompt", "for_each", "store"})
    reader.find(key);
  reader.finish();
  EXPECT_EQ(problems.text(),
            "a.toml:1: here: unknown key 'prompd'; did you mean 'prompt'?\n"
            "a.toml:2: here: unknown key 'for-each'; did you mean 'for_each'?\n"
            "a.toml:3: here: unknown key 'STORE'; did you mean 'store'?\n"
            "a.toml:4: here: unknown key 'xyzzy'\n"
            "a.toml:5: here: unknown key '" +
                std::string(80, 'k') + "…'");
}

TEST(TomlReader, EveryAccessorRefusesTheWrongTypeAndGoesOn) {
  const auto document = parse_toml(
      "text = 1\nyes = \"x\"\nwhole = 0.5\nlarge = 70\nlist = [1, \"b\"]\nnames = {a = 1, b = \"c\"}\n"
      "table = 3\ntables = 4\nmixed = [{}, 1]\nnul = \"a\\u0000b\"\n[one]\n",
      "a.toml");
  ASSERT_TRUE(document) << document.error().text();
  Problems problems("a.toml");
  TomlReader reader(document->table(), 1, "here", problems);
  EXPECT_EQ(reader.text("text"), std::nullopt);
  EXPECT_EQ(reader.boolean("yes"), std::nullopt);
  EXPECT_EQ(reader.integer("whole", 1, 64), std::nullopt);
  EXPECT_EQ(reader.integer("large", 1, 64), std::nullopt);
  EXPECT_EQ(reader.texts("list"), std::nullopt);
  EXPECT_EQ(reader.texts_by_name("names").size(), 1u);
  EXPECT_EQ(reader.table("table"), nullptr);
  EXPECT_TRUE(reader.tables("tables", 9).empty());
  EXPECT_EQ(reader.tables("mixed", 9).size(), 1u);
  EXPECT_TRUE(reader.tables("mixed", 1).empty());
  EXPECT_EQ(reader.text("nul"), std::nullopt);
  EXPECT_TRUE(reader.tables("one", 9).empty());
  EXPECT_EQ(reader.text("absent"), std::nullopt);
  reader.finish();
  EXPECT_EQ(problems.text(),
            "a.toml:1: here: text is a whole number; it must be a text\n"
            "a.toml:2: here: yes is a text; it must be true or false\n"
            "a.toml:3: here: whole is a number; it must be a whole number\n"
            "a.toml:4: here: large is 70; it must be from 1 to 64\n"
            "a.toml:5: here: an entry of list is a whole number; it must be a text\n"
            "a.toml:6: here: names.a is a whole number; it must be a text\n"
            "a.toml:7: here: table is a whole number; it must be a table\n"
            "a.toml:8: here: tables is a whole number; write [[tables]] above each of them\n"
            "a.toml:9: here: an entry of mixed is a whole number; it must be a table\n"
            "a.toml:9: here: there are 2 mixed; at most 1 are allowed\n"
            "a.toml:10: here: nul contains a NUL character\n"
            "a.toml:11: here: one is a table; write [[one]] above each of them");
}

TEST(Problems, AreSortedByLineAndCountedAboveTheLimit) {
  Problems problems("f");
  for (std::uint32_t line = 150; line > 0; --line)
    problems.add(line, "x");
  EXPECT_EQ(problems.list().size(), problems_max);
  EXPECT_EQ(problems.list().front().line, 1u);
  EXPECT_THAT(problems.text(), HasSubstr("f:100: x\nf: 50 more problems below these"));
  EXPECT_THROW(checked<int>(problems).value(), Error);
  Problems both("g");
  both.add(0, "whole");
  both.add(problems);
  EXPECT_EQ(both.list().front().text(), "g: whole");
}

TEST(Problems, ShowUsersTextsSafely) {
  EXPECT_EQ(shown("a\nb\x7f"), "a\\x0ab\\x7f");
  EXPECT_EQ(shown("\xff"
                  "a"),
            "\\xffa");
  EXPECT_EQ(shown("ääää", 3), "ä…");
  EXPECT_EQ(shown("漢字", 6), "漢字");
  EXPECT_EQ(spoken_bytes(300), "300 bytes");
  EXPECT_EQ(name(TomlType::time), "a time");
  EXPECT_EQ(name(TomlType::array), "a list");
}

}  // namespace
}  // namespace holdfast
