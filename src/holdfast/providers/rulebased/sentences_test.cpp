#include "holdfast/providers/rulebased/sentences.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

using testing::ElementsAreArray;

struct SplitCase {
  Language language;
  std::vector<std::string> sentences;  ///< joined by blanks they are what is split
};

std::string joined(const std::vector<std::string>& sentences) {
  std::string out;
  for (const auto& sentence : sentences)
    out += (out.empty() ? "" : " ") + sentence;
  return out;
}

constexpr auto en = Language::en;
constexpr auto de = Language::de;
constexpr auto fr = Language::fr;

const std::vector<SplitCase> cases{
    {en, {"It rains."}},
    {en, {"It rains.", "We stay."}},
    {en, {"Really?", "Yes!", "Good."}},
    {en, {"What?!", "No."}},
    {en, {"Dr. Smith met Mr. Jones.", "They left."}},
    {en, {"Use a hut, e.g. Brown's hut, i.e. The Hut.", "It is dry."}},
    {en, {"It was by J. R. Whitlock.", "She knew."}},
    {en, {"See Fig. 3 and No. 5 on p. 12.", "Then go."}},
    {en, {"Was it yes?", "No.", "It was not."}},
    {en, {"Bring pens, paper, etc. and ink.", "Come early."}},
    {en, {"Bring pens, paper, etc.", "Come early."}},
    {en, {"It costs 3.50 a day.", "That is cheap."}},
    {en, {"Open holdfast.toml and v1.2.3 of it.", "Save."}},
    {en, {"Write tidewatch.toml.", "tidewatch.toml is read once."}},
    {en, {"Call it.", "execute_with_patience waits."}},
    {en, {"“No.”", "Then he left."}},
    {en, {"“No.” said he.", "Then he left."}},
    {en, {"He said (Dr. No. said. Too) it.", "End."}},
    {en, {"(It was late.)", "He slept."}},
    {en, {"Wait … then go.", "Now…", "Go."}},
    {en, {"The U.S. Army came.", "It left."}},
    {en, {"He lives in the U.S.", "The army does too."}},
    {en, {"At 5 p.m. we ate.", "At 9 a.m.", "We slept."}},
    {en, {"1. First of all, begin.", "End."}},
    {en, {"It has 40 MB.", "Enough."}},
    {en, {"In 1923.", "Afterwards nothing."}},
    {en, {"Go to www.example.org now.", "Read."}},
    {de, {"Das ist z. B. Holz oder z.B. Stein.", "Gut."}},
    {de, {"Am 3. Mai 1923 stand sie.", "Sie stand."}},
    {de, {"Im 19. Jahrhundert war das so.", "Heute nicht."}},
    {de, {"Der 2. Preis ging an ihn.", "Er kam."}},
    {de, {"Das war 1923.", "Danach kam nichts."}},
    {de, {"Alle 30 Stunden, d. h. Tag und Nacht.", "Das reicht."}},
    {de, {"Öl, Seile usw. kauft sie.", "Das genügt."}},
    {de, {"Sie kauft Öl, Seile usw.", "Das genügt."}},
    {de, {"Dr. Anton Reuß und Prof. Ludwig Ammer.", "Beide kamen."}},
    {de, {"Der Pfarrer J. B. Kranz schrieb es.", "So war es."}},
    {de, {"„Nein“, sagt sie.", "„Doch.“", "Dann geht sie."}},
    {de, {"„Ich sah es.“ sagte er.", "Gut."}},
    {de, {"»Wer da?« rief er.", "Niemand."}},
    {de, {"Ludwig XIV. König war er.", "Er starb."}},
    {de, {"Um 500 v. Chr. Geborene gab es.", "Das war i. d. R. Zufall."}},
    {de, {"Es wiegt rd. 400 kg.", "Drei tragen es."}},
    {de, {"2 Ztr. Kartoffeln gab es.", "Er nahm sie."}},
    {de, {"Bund bzw. Land zahlen.", "Beide."}},
    {de, {"Ein Mann streikte!", "Drei Wochen."}},
    {fr, {"M. Girardet et Mme. Jeannin viennent.", "Ils parlent."}},
    {fr, {"Vraiment ?", "Oui !", "Bien."}},
    {fr, {"« Quel prix ! »", "Il rit."}},
    {fr, {"« Quel prix ! » dit-il.", "Il rit."}},
    {fr, {"Il faut p. ex. Alsace et Loire.", "Voilà."}},
    {fr, {"Env. 20 000 animaux, etc.", "Les castors."}},
    {fr, {"J.-P. Dupont est venu.", "Il est parti."}},
    {fr, {"En 52 av. J.-C. César vint.", "Il vit."}},
    {fr, {"L'art. 5 du code.", "Le chap. 2 aussi."}},
    {fr, {"Ouvert de 10 h à 18 h.", "Fermé le lundi."}},
    {de, {"Man braucht 2 l.", "Wasser gibt es dort."}},
    {en, {"It is 5 m.", "Boats pass."}},
    {en, {"It takes 1 ms.", "Memory fell."}},
    {fr, {"Elle est sûre.", "Élodie aussi.", "« À demain. »"}},
};

TEST(Sentences, EndWhereAReaderWouldEndThem) {
  ASSERT_GE(cases.size(), 40u);
  for (const auto& [language, sentences] : cases) {
    EXPECT_THAT(split_sentences(joined(sentences), language), ElementsAreArray(sentences)) << joined(sentences);
  }
}

TEST(Sentences, GoOnWhereNothingEndsThem) {
  EXPECT_THAT(split_sentences("no end here", en), ElementsAreArray({"no end here"}));
  EXPECT_TRUE(split_sentences("", en).empty());
  EXPECT_TRUE(split_sentences(" ", en).empty());
  EXPECT_THAT(split_sentences("今日は。明日も！", en), ElementsAreArray({"今日は。", "明日も！"}));
  EXPECT_THAT(split_sentences("A bracket (that stays open. And on.", en),
              ElementsAreArray({"A bracket (that stays open.", "And on."}));
}

TEST(Sentences, OfAMillionStopsTakeNoLongerThanTheyAreLong) {
  const std::string dots(1'000'000, '.');
  EXPECT_EQ(split_sentences(dots, en).size(), 1u);
  std::string brackets;
  for (int i = 0; i < 200'000; ++i)
    brackets += "(. ";
  EXPECT_FALSE(split_sentences(brackets, en).empty());
}

TEST(Text, KnowsLettersAndTheirCase) {
  EXPECT_EQ(folded_case("ÄÖÜ ẞ ÉÈ ŒŸŽ ŁŐ ΑΩ ЖЁ"), "äöü ß éè œÿž łő αω жё");
  EXPECT_TRUE(is_lower(U'ß') && is_lower(U'é') && is_lower(U'œ') && is_upper(U'Ł') && is_upper(U'Ň'));
  EXPECT_FALSE(is_letter(U'×') || is_letter(U'…') || is_letter(U'€') || is_upper(U'ñ') || is_lower(U'Ж'));
  EXPECT_TRUE(is_letter(U'漢'));
}

TEST(Text, FoldsWhiteSpaceAndKeepsTheNoBreakOneOnlyIfAsked) {
  EXPECT_EQ(folded_space("  a\u00a0 b\t\nc "), "a b c");
  EXPECT_EQ(folded_space("Quoi\u202f? a  b", true), "Quoi\u00a0? a b");
}

TEST(Text, CountsWhatIsSpoken) {
  EXPECT_EQ(count_words("two words – only"), 3u);
  EXPECT_EQ(count_words(std::string(160, 'x')), 10u);
  EXPECT_EQ(count_characters("äöü…"), 4u);
}

TEST(Text, EndsWithAMarkOrGetsOne) {
  EXPECT_EQ(terminated("fast;"), "fast.");
  EXPECT_EQ(terminated("so –"), "so.");
  EXPECT_EQ(terminated("Done."), "Done.");
  EXPECT_EQ(terminated("„Ja.“"), "„Ja.“");
  EXPECT_EQ(terminated("« Oui ! »"), "« Oui ! »");
  EXPECT_EQ(terminated("a list (b, …)"), "a list (b, …).");
  EXPECT_EQ(terminated("A. (It is.)"), "A. (It is.)");
  EXPECT_EQ(terminated("A (b) is c.)"), "A (b) is c.)");
  EXPECT_EQ(terminated(""), ".");
}

TEST(Language, IsKnownByItsSmallWords) {
  EXPECT_EQ(detect_language("The cat is on the mat and it will not go."), en);
  EXPECT_EQ(detect_language("Die Katze ist auf der Matte und sie geht nicht."), de);
  EXPECT_EQ(detect_language("Le chat est sur le tapis et il ne part pas."), fr);
  EXPECT_EQ(detect_language(""), en);
  EXPECT_EQ(code(de), "de");
}

TEST(Language, SaysThatATitleGoesOn) {
  EXPECT_EQ(continued(en, "Why", 2), "Why (continued)");
  EXPECT_EQ(continued(de, "Warum", 3), "Warum (Fortsetzung 2)");
  EXPECT_EQ(continued(fr, "Pourquoi", 2), "Pourquoi (suite)");
}

}  // namespace
}  // namespace holdfast::rulebased
