// What is left out must not make the rest false: lists, figures, questions, headings.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/providers/rulebased/script_for_tests.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"

namespace holdfast::rulebased {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Flour, eggs, butter and milk were missing: figures and units counted as noise.
TEST(ScriptWriter, ToldFourOfSevenIngredientsNever) {
  const auto script = script_of(
      "# Apfelkuchen\n\nEr gelingt auch denen, die selten backen, und er schmeckt.\n\n## Zutaten\n\n"
      "Für eine Springform braucht man:\n\n- 200 g Mehl\n- 3 Eier\n- 125 g Butter\n- 1 Päckchen Backpulver\n"
      "- 5 bis 6 säuerliche Äpfel\n- 100 ml Milch\n- etwas Zimt\n");
  EXPECT_EQ(script.scenes.back().narration,
            "Für eine Springform braucht man: 200 g Mehl; 3 Eier; 125 g Butter; 1 Päckchen Backpulver; 5 bis 6 "
            "säuerliche Äpfel; 100 ml Milch; etwas Zimt.");
  EXPECT_EQ(script.scenes.back().card,
            "Zutaten\nFür eine Springform braucht man:\n• 200 g Mehl\n• 3 Eier\n• 125 g Butter\n• 1 Päckchen "
            "Backpulver\n• 5 bis 6 säuerliche Äpfel\n"
            "• 100 ml Milch\n• Etwas Zimt");
}

TEST(ScriptWriter, SentencesWithFiguresAndPricesAreNotLost) {
  for (const char* text :
       {"Man spart 30,90 €.", "Das alles kostet 7,50 €.", "Il faut de l'eau à 25 °C.", "A: Yes.", "1889: first plans.",
        "1894: opened.", "Tea wants water at 94 °C.", "Es sind 2/3 (66 %).", "The energy is E = mc²."}) {
    EXPECT_TRUE(is_speakable(text)) << text;
    EXPECT_EQ(script_of(std::string("# Kit\n\n") + text + "\n").narration(), std::string("Kit. ") + text + "\n");
  }
  for (const char* point : {"12 €", "3 Eier", "1894: opened", "port 631", "U.S.A.", "1 cup = 240 ml"})
    EXPECT_TRUE(is_speakable_point(point)) << point;
}

TEST(ScriptWriter, CodeAndTablesOfSymbolsAreNotReadAloud) {
  for (const char* noise :
       {"12 34 56", "+---+---+", "o--o--o", "x = f(a);", "port = 631", "host = \"name of it\"", "main();",
        "/\\_/\\ ( o.o )", "d41d8cd98f00b204e9800998ecf8427e", "a->b", "see https://example.org",
        "Total 1 2 3 4 5 6 7 8 9", "{}", "....", "@@ -1 +1 @@", "±∓≈ ∞∑ ab"}) {
    EXPECT_FALSE(is_speakable(noise)) << noise;
  }
}

TEST(ScriptWriter, AnAnnouncedListIsToldWholeOrNotAtAll) {
  const auto script = script_of(
      "# Kit\n\nThe kit is small. It needs three things:\n\n- a table\n- `a{b}`\n- a chair\n\nThen it runs well.\n");
  EXPECT_EQ(script.narration(), "Kit. The kit is small. Then it runs well.\n");
}

// Of five steps the third and the fifth were told.
TEST(ScriptWriter, ANumberedListIsToldFromItsFirstStepToItsLast) {
  const std::string steps =
      "1. Open Settings -> Devices -> Printers and choose the printer that you want to share.\n"
      "2. Tick the box.\n"
      "3. Write down the name of the computer, for you will need it soon at the other one.\n"
      "4. At the other computer, open Settings > Devices and type the name that you wrote down.\n"
      "5. Print a page.\n";
  const auto script = script_of("# Printers\n\nA printer can serve the whole house.\n\n## Steps\n\n" + steps,
                                {.max_scenes = 2, .max_words_per_scene = 40});
  EXPECT_EQ(
      script.scenes.back().narration,
      "Open Settings – Devices – Printers and choose the printer that you want to share. Tick the box. Write down "
      "the name of the computer, for you will need it soon at the other one. At the other computer, open Settings "
      "– Devices and type the name that you wrote down. Print a page.");
  EXPECT_THAT(script.scenes.back().card,
              testing::StartsWith("Steps\n• Open Settings → Devices → Printers and choose the printer that you want to "
                                  "share\n• Tick the box\n• Write down"));
}

TEST(ScriptWriter, AListTooLongForItsScenesGoesWhole) {
  std::string text = "# Rules\n\nThe house is old.\n\n## All\n\nNobody knows them by heart. There are forty rules:\n\n";
  for (int i = 1; i <= 40; ++i)
    text += "- Rule number " + std::to_string(i) + " says that one must be quiet after ten at night.\n";
  const auto script = script_of(text, {.max_scenes = 2, .max_words_per_scene = 30});
  EXPECT_EQ(script.scenes.back().narration, "Nobody knows them by heart.");
}

// A list in the middle of a section was swallowed by the run before it, which had no room for it.
// Three of four prices were shown: the longest point was taken for a sentence.
TEST(ScriptWriter, APriceListIsShownWhole) {
  const auto script = script_of(
      "# Musée\n\nLe musée de la mine raconte l'histoire de la ville.\n\n## Tarifs\n\n- Plein tarif : 9 €\n"
      "- Tarif réduit : 6,50 €\n- Groupes (à partir de 10 personnes) : 5 € par personne\n");
  EXPECT_EQ(
      script.scenes.back().narration,
      "Tarifs : Plein tarif : 9 €. Tarif réduit : 6,50 €. Groupes (à partir de 10 personnes) : 5 € par personne.");
  EXPECT_THAT(script.scenes.back().card, testing::EndsWith("• Groupes (à partir de 10 personnes) : 5 € par personne"));
}

TEST(ScriptWriter, AListBetweenTwoTextsIsToldWhereThereAreScenes) {
  const auto script = script_of(
      "# Holdfast\n\nJobs that call language models, speech, image and video providers run for minutes and more. "
      "Most gateways take slowness for failure, and quietly switch to another model in the middle. The house does the "
      "opposite:\n\n- **Sticky.** A job is locked to its provider. Only a recorded decision moves it.\n"
      "- **Slow is not failed.** Nothing is ever ended by the time that has gone by.\n"
      "- **Ask, never guess.** A suspected stall puts a question to a person, with the evidence.\n\n"
      "It is a library and one executable, and it stands between applications and their models.\n");
  EXPECT_THAT(script.narration(), AllOf(HasSubstr("The house does the opposite: Sticky. A job is locked"),
                                        HasSubstr("Slow is not failed. Nothing is"), HasSubstr("with the evidence.")));
}

// "**An anonymous request** takes no lock." was shown as "An anonymous request".
TEST(ScriptWriter, WordsInBoldAreAPointOnlyWhereTheyAreSetOff) {
  const auto card = script_of(
                        "# Locks\n\n**An anonymous request** takes no lock.\n\n**Slow is not failed.** It goes "
                        "on.\n\n**What it costs:** nothing at all.\n")
                        .scenes.front()
                        .card;
  EXPECT_EQ(card,
            "Locks\n• An anonymous request takes no lock\n• Slow is not failed\n• It goes on\n• What it costs: nothing "
            "at all");
}

TEST(ScriptWriter, WhatPointsBackAtALostSentenceGoesWithIt) {
  const auto script = script_of(
      "# Light\n\nLight is fast. The formula is `a{b}` here. That is a lot. It is known since "
      "long ago.\n\nNobody is faster.\n");
  EXPECT_EQ(script.narration(), "Light is fast. It is known since long ago. Nobody is faster.\n");
}

// "What is new? The price stays." lacked "It is faster."
TEST(ScriptWriter, ASectionMayBeginWithAWordThatPointsAtItsHeading) {
  const auto script = script_of(
      "# Kit\n\nThe kit is a box that everybody has at home.\n\n## What is new in 2.0?\n\n"
      "It is 30 % faster than the one before. The price stays at $9.99.\n");
  EXPECT_EQ(script.scenes.back().narration,
            "What is new in 2.0? It is 30 % faster than the one before. The price stays at $9.99.");
}

TEST(ScriptWriter, CodeBetweenTwoStepsDoesNotTearThem) {
  const auto script = script_of(
      "# Server\n\nInstall it like this:\n\n1. Install the package:\n\n   ```sh\n   apt install cups\n   ```\n"
      "2. Start it:\n\n   ```sh\n   cups\n   ```\n3. Open its page.\n\nThen it runs.\n");
  EXPECT_EQ(script.narration(),
            "Server. Install it like this: Install the package. Start it. Open its page. Then it runs.\n");
}

// "The museum is open daily. Yes. No, it is free."
TEST(ScriptWriter, AnAnswerIsNeverToldWithoutItsQuestion) {
  const auto script = script_of(
      "# Bridge Museum\n\nThe museum tells how the bridge was built, and it stands beside it.\n\n## Visit\n\n"
      "The museum is open daily.\n\n### Can I cross by bike?\n\nYes.\n\n### Is there a fee?\n\nNo, it is free.\n\n"
      "## How do I get there?\n\nTake the bus from the station and get off at the stop Old Bridge.\n");
  ASSERT_EQ(script.scenes.size(), 3u);
  EXPECT_EQ(script.scenes[1].narration,
            "The museum is open daily. Can I cross by bike? Yes. Is there a fee? No, it is free.");
  EXPECT_EQ(script.scenes[1].card,
            "Visit\n• The museum is open daily\n• Can I cross by bike? Yes\n• Is there a fee? No, it is free");
  EXPECT_THAT(script.scenes[2].narration, testing::StartsWith("How do I get there? Take the bus"));
}

TEST(ScriptWriter, AnAnswerInTheTextBringsItsQuestion) {
  std::string text =
      "# Bridge\n\nThe bridge museum stands beside the bridge and beside the river.\n\n## Bridge fees\n\n";
  for (int i = 1; i <= 5; ++i)
    text +=
        "May group " + std::to_string(i) + " come in?\n\nThe fee of the bridge museum is waived for bridge fees.\n\n";
  const auto script = script_of(text, {.max_scenes = 2, .max_words_per_scene = 40});
  const auto& narration = script.scenes.back().narration;
  ASSERT_THAT(narration, HasSubstr("The fee of"));
  for (auto at = narration.find("The fee"); at != std::string::npos; at = narration.find("The fee", at + 1))
    EXPECT_TRUE(narration.substr(0, at).ends_with("come in? ")) << narration;
}

TEST(ScriptWriter, ShortSectionsSideBySideKeepTheirHeadings) {
  const auto script = script_of(
      "# Kuchen\n\nDer Kuchen gelingt auch denen, die selten backen und wenig Zeit haben.\n\n## Tipp\n\n"
      "Mit Sahne servieren.\n\n## Haltbarkeit\n\nEr hält sich kühl drei Tage.\n\n## Kosten\n\n"
      "Fertig gekauft kostet ein solcher Kuchen beim Bäcker rund 38,40 €.\n");
  EXPECT_THAT(script.titles(), ElementsAre("Kuchen", "Kuchen (Fortsetzung)", "Kosten"));
  EXPECT_EQ(script.scenes[1].narration, "Tipp: Mit Sahne servieren. Haltbarkeit. Er hält sich kühl drei Tage.");
  EXPECT_EQ(script.scenes[1].card,
            "Kuchen (Fortsetzung)\n• Tipp: Mit Sahne servieren\n• Haltbarkeit: Er hält sich kühl drei Tage");
}

TEST(ScriptWriter, AListThatNothingAnnouncesIsAnnouncedByItsHeading) {
  const auto script = script_of(
      "# Le lac\n\nLe tour du lac est une promenade facile pour toute la famille.\n\n## À emporter\n\n- de l'eau\n"
      "- 2 sandwichs\n- une carte\n");
  EXPECT_EQ(script.scenes.back().narration, "À emporter : de l'eau; 2 sandwichs; une carte.");
}

// A heading belongs to its parent, not to the sister before it: "Client: Usage" was "Setup: Usage".
TEST(ScriptWriter, EqualHeadingsAreNotToldApartByTheirSisters) {
  const auto script = script_of(
      "# Kit\n\nThe kit has two halves, and both are needed by everybody.\n\n## Client\n\n### Setup\n\n"
      "The client is unpacked first of all, and it needs a lot of room.\n\n### Usage\n\n"
      "The client is started first of all, and it waits for the other half.\n\n## Server\n\n### Usage\n\n"
      "The server is started second, and it answers whatever the client asks.\n");
  EXPECT_THAT(script.titles(), ElementsAre("Kit", "Setup", "Client: Usage", "Server: Usage"));
}

// Two cards in a row had the same heading: "(suite)" was cut off with its end.
TEST(ScriptWriter, ALongHeadingKeepsItsEndAndItsPart) {
  const std::string heading = "Détection et classification automatique de signes du métro de la ville de Paris";
  std::string text = "# Le métro\n\nLe métro de la ville est vieux.\n\n## " + heading + "\n\n";
  for (int i = 1; i <= 12; ++i)
    text += "La ligne " + std::to_string(i) + " est décrite ici avec dix mots, ou un peu plus. ";
  const auto script = script_of(text, {.max_scenes = 4});
  ASSERT_GE(script.scenes.size(), 3u);
  EXPECT_THAT(script.scenes[1].card, testing::StartsWith(heading + "\n"));
  EXPECT_THAT(script.scenes[2].card, testing::StartsWith(heading + " (suite)\n"));
  const std::string endless =
      "Un titre qui ne finit pas avant que tout le monde soit parti, et qui continue encore, "
      "et encore, et encore un peu";
  const auto longer = script_of(text.replace(text.find(heading), heading.size(), endless), {.max_scenes = 4});
  EXPECT_THAT(longer.scenes[2].card.substr(0, longer.scenes[2].card.find('\n')), testing::EndsWith("… (suite)"));
}

TEST(ScriptWriter, ALoneEtceteraGoesOnWithThePointBeforeIt) {
  const auto script = script_of("# Sac\n\nIl faut dans le sac :\n\n- une carte\n- un couteau\n- Etc.\n");
  EXPECT_EQ(script.narration(), "Sac. Il faut dans le sac : une carte; un couteau, etc.\n");
  EXPECT_EQ(script.scenes.front().card, "Sac\nIl faut dans le sac :\n• Une carte\n• Un couteau");
}

}  // namespace
}  // namespace holdfast::rulebased
