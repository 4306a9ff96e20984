#include "holdfast/cli/screen/display_text.hpp"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

TEST(DisplayText, control_characters_become_pictures_and_line_ends_blanks) {
  EXPECT_EQ(harmless("a\x1b[2Jb"), "a␛[2Jb");
  EXPECT_EQ(harmless("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(harmless(std::string_view("\0\x7f", 2)), "␀␡");
}

TEST(DisplayText, c1_controls_direction_overrides_and_broken_bytes_become_replacements) {
  EXPECT_EQ(harmless("\xc2\x9b"
                     "2J"),
            "�2J");
  EXPECT_EQ(harmless("\xe2\x80\xae"
                     "evil"),
            "�evil");
  EXPECT_EQ(harmless("\xff\xc3"), "��");
}

TEST(DisplayText, good_text_stays_as_it_is) {
  EXPECT_EQ(harmless("Größe • 漢字 é"), "Größe • 漢字 é");
}

TEST(DisplayText, ascii_keeps_what_can_be_read) {
  EXPECT_EQ(ascii("Aktiv • Größe … «x» 漢"), "Aktiv - Groesse ... \"x\" ?");
}

TEST(DisplayText, ascii_signs_keep_the_letters_of_a_path) {
  EXPECT_EQ(ascii_signs("Extended Wait • “Über/日本.toml” → b…\xe2\x90\x9b"),
            "Extended Wait - \"Über/日本.toml\" -> b...?");
}

TEST(DisplayText, columns_are_those_of_the_terminal) {
  EXPECT_EQ(columns("abc"), 3);
  EXPECT_EQ(columns("漢字"), 4);
  EXPECT_EQ(columns("e\xcc\x81"), 1);  // a combining accent takes none
}

TEST(DisplayText, cutting_shows_that_it_was_done) {
  EXPECT_EQ(cut("abcdef", 6, true), "abcdef");
  EXPECT_EQ(cut("abcdef", 4, true), "abc…");
  EXPECT_EQ(cut("abcdef", 4, false), "abc~");
  EXPECT_EQ(cut("漢字漢字", 4, true), "漢…");  // half a character is none
  EXPECT_EQ(cut("abc", 0, true), "");
}

TEST(DisplayText, padding_fills_to_the_column) {
  EXPECT_EQ(padded("漢", 4, true), "漢  ");
  EXPECT_EQ(padded("abcdef", 3, true), "ab…");
}

TEST(DisplayText, wrapping_breaks_at_blanks_where_there_are_any) {
  EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("one two three", 8), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped("abcdefgh ij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
  EXPECT_EQ(wrapped("", 4), (std::vector<std::string>{""}));
}

TEST(DisplayText, wrapping_to_less_than_a_character_still_ends) {
  EXPECT_EQ(wrapped("漢字", 1), (std::vector<std::string>{"漢", "字"}));
  EXPECT_EQ(wrapped("ab", 0), (std::vector<std::string>{"a", "b"}));
}

TEST(DisplayText, shell_quoting_survives_a_shell) {
  EXPECT_EQ(shell_quoted("job.toml"), "job.toml");
  EXPECT_EQ(shell_quoted("stall after 10m: cancel"), "'stall after 10m: cancel'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
}

}  // namespace
}  // namespace holdfast::cli
