#include "holdfast/providers/rulebased/script_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "holdfast/base/name.hpp"
#include "holdfast/providers/rulebased/article.hpp"
#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/plan.hpp"
#include "holdfast/providers/rulebased/sentences.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string file(const std::string& name) {
  std::ifstream in(std::string(HOLDFAST_SOURCE_DIR) + "/src/holdfast/providers/rulebased/testdata/" + name);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

struct Script {
  std::string title;
  std::string language;
  std::vector<Scene> scenes;

  std::vector<std::string> titles() const {
    std::vector<std::string> out;
    for (const auto& scene : scenes)
      out.push_back(scene.title);
    return out;
  }
  std::string narration() const {
    std::string out;
    for (const auto& scene : scenes)
      out += scene.narration + "\n";
    return out;
  }
};

Script parsed(const std::string& json) {
  const auto document = boost::json::parse(json);
  Script script{document.at("title").as_string().c_str(), document.at("language").as_string().c_str(), {}};
  for (const auto& scene : document.at("scenes").as_array()) {
    script.scenes.push_back({scene.at("title").as_string().c_str(), scene.at("narration").as_string().c_str(),
                             scene.at("card").as_string().c_str()});
  }
  return script;
}

Script script_of(std::string_view article, const ScriptOptions& options = {}) {
  return parsed(write_script(article, options).value());
}

Failure failure_of(std::string_view article, const ScriptOptions& options = {}) {
  const auto script = write_script(article, options);
  EXPECT_TRUE(script.has_error()) << *script;
  return script.has_error() ? script.error() : Failure{};
}

/// The article as its words alone, so that spoken sentences can be looked up in it.
std::string without_marks(std::string_view article) {
  std::string out;
  for (std::size_t at = 0; at < article.size(); ++at) {
    const auto rest = article.substr(at);
    if (rest.starts_with("](")) {
      at = article.find(')', at);
    } else if (rest.starts_with("\n> ")) {
      out += ' ';
      at += 2;
    } else if (rest.starts_with(" | ") || rest.starts_with("** |")) {
      out += rest.starts_with("** |") ? "\n" : " \n ";
      at += rest.starts_with("** |") ? 3 : 2;
    } else if (std::string_view("*`[").find(article[at]) == std::string_view::npos) {
      out += article[at];
    }
  }
  return folded_space(out);
}

/// Whether the sentence stands in `words` behind `at`, which moves there. Points of a list are joined by ";" and rows
/// of a table by ":": then each piece must stand there.
bool stands_in(std::string_view words, std::string_view sentence, std::size_t& at) {
  for (const auto piece : {sentence, sentence.substr(0, sentence.find_last_not_of(".;:") + 1)}) {
    if (const auto found = words.find(piece, at); found != std::string_view::npos) {
      at = found + 1;
      return true;
    }
  }
  const auto joint = sentence.find_last_of(";:.", sentence.size() - 2);
  return joint != std::string_view::npos && stands_in(words, sentence.substr(0, joint), at) &&
         stands_in(words, sentence.substr(joint + 2), at);
}

/// What every script must be, whatever it was made from.
void expect_sound(const Script& script, const ScriptOptions& options) {
  EXPECT_FALSE(script.title.empty());
  EXPECT_THAT(script.language, testing::AnyOf("en", "de", "fr"));
  ASSERT_FALSE(script.scenes.empty());
  EXPECT_LE(script.scenes.size(), options.max_scenes);
  std::set<std::string> titles;
  for (const auto& scene : script.scenes) {
    EXPECT_TRUE(titles.insert(scene.title).second) << scene.title;
    EXPECT_FALSE(scene.title.empty());
    EXPECT_TRUE(is_utf8(scene.title) && is_utf8(scene.narration) && is_utf8(scene.card));
    EXPECT_TRUE(has_letter(scene.narration)) << scene.narration;
    EXPECT_TRUE(ends_sentence(scene.narration)) << scene.narration;
    EXPECT_EQ(folded_space(scene.narration), scene.narration);
    for (const char* mark : {"**", "`", "](", "://", "|", "<", ">", "{", "\n", "\\", "~~"}) {
      EXPECT_THAT(scene.narration, Not(HasSubstr(mark)));
    }
    std::istringstream lines(scene.card);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LE(count_characters(line), card_line_characters_max) << line;
      EXPECT_EQ(line.starts_with("• "), count > 0) << scene.card;
      EXPECT_GT(line.size(), count > 0 ? 4u : 0u) << scene.card;
    }
    EXPECT_GE(count, 1u) << scene.card;
    EXPECT_LE(count, 1 + card_points_max) << scene.card;
  }
}

class Articles : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Written, Articles, testing::Values("readme.en.md", "magazin.de.md", "article.fr.md"));

TEST_P(Articles, AreToldSoundlyInAnyNumberOfScenesAndWords) {
  const auto article = file(GetParam());
  for (const std::size_t scenes : {1u, 2u, 5u, 12u, 40u}) {
    for (const std::size_t words : {20u, 60u, 150u}) {
      const ScriptOptions options{scenes, words};
      SCOPED_TRACE(std::to_string(scenes) + " scenes of " + std::to_string(words));
      const auto script = script_of(article, options);
      expect_sound(script, options);
      EXPECT_EQ(script.language, std::string(GetParam()).substr(std::string(GetParam()).find('.') + 1, 2));
    }
  }
}

TEST_P(Articles, AreToldInTheirOwnSentencesAndInTheirOrder) {
  const auto article = file(GetParam());
  const auto words = without_marks(article);
  const auto script = script_of(article);
  const auto language = detect_language(article);
  std::size_t at = 0;
  for (const auto& scene : script.scenes) {
    for (const auto& sentence : split_sentences(scene.narration, language)) {
      if (sentence == script.title + ".") continue;
      EXPECT_TRUE(stands_in(words, sentence, at)) << "not in the article, or not in its order: " << sentence;
    }
  }
}

TEST_P(Articles, AreToldTheSameEachTime) {
  const auto article = file(GetParam());
  EXPECT_EQ(write_script(article).value(), write_script(article).value());
  std::string windows;
  for (const char c : article)
    windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(write_script(article).value(), write_script("\xef\xbb\xbf" + windows).value());
}

TEST_P(Articles, DamagedByChanceNeverBreakTheWriter) {
  const auto article = file(GetParam());
  const unsigned seed = 20261123;
  std::mt19937 random(seed);
  const std::string_view marks = "#*_`[]()|<>-.:!?\n\n\" &;~\\\t=1a";
  std::size_t written = 0;
  for (int round = 0; round < 150; ++round) {
    std::string text = article.substr(random() % article.size());
    for (auto edits = 1 + random() % 60; edits > 0 && !text.empty(); --edits) {
      const auto at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 40);
          break;
        case 2:
          text.insert(at, random() % 9, marks[random() % marks.size()]);
          break;
        default:
          text[at] = marks[random() % marks.size()];
          break;
      }
    }
    if (round % 2 == 0) std::erase_if(text, [](char c) { return (c & 0x80) != 0 || c == 0; });
    const ScriptOptions options{1 + random() % 20, 10 + random() % 80};
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    const auto script = write_script(text, options);
    if (script.has_error()) {
      EXPECT_FALSE(script.error().message.empty());
      continue;
    }
    ++written;
    expect_sound(parsed(*script), options);
  }
  EXPECT_GT(written, 50u);
}

TEST(ScriptWriter, TellsAReadmeWithoutItsBadgesCodeAndAddresses) {
  const auto script = script_of(file("readme.en.md"));
  EXPECT_EQ(script.title, "Tidewatch");
  EXPECT_THAT(script.scenes.front().narration, testing::StartsWith("Tidewatch tells small harbours"));
  EXPECT_THAT(script.titles(),
              testing::IsSupersetOf({"Why", "Installation", "How it works", "Features", "Limitations"}));
  EXPECT_THAT(script.titles(), Not(testing::Contains("License")));
  EXPECT_THAT(script.narration(), AllOf(Not(HasSubstr("curl")), Not(HasSubstr("badge")), Not(HasSubstr("following")),
                                        Not(HasSubstr("synchronisation")), Not(HasSubstr("logo"))));
  EXPECT_THAT(script.narration(), HasSubstr("writes the file tidewatch.toml."));
  EXPECT_THAT(script.narration(), HasSubstr("See the manual for what can be done about ice."));
}

TEST(ScriptWriter, TellsTheBeginningAndTheEndEvenInTwoScenes) {
  const auto script = script_of(file("magazin.de.md"), {.max_scenes = 2});
  ASSERT_EQ(script.scenes.size(), 2u);
  EXPECT_THAT(script.scenes.front().narration, HasSubstr("Am 3. Mai 1923"));
  EXPECT_EQ(script.scenes.back().title, "Was bleibt");
  EXPECT_THAT(script.scenes.back().narration, testing::EndsWith("bis der Zeiger vorrückt."));
}

TEST(ScriptWriter, ContinuesALongSectionInTheArticlesLanguage) {
  EXPECT_THAT(script_of(file("magazin.de.md")).titles(), testing::Contains("Die Türmerin (Fortsetzung)"));
  EXPECT_THAT(script_of(file("article.fr.md")).titles(), testing::Contains("L'ingénieur des rivières (suite)"));
}

TEST(ScriptWriter, KeepsWithinItsWordsUnlessOneSentenceIsLonger) {
  for (const auto& scene : script_of(file("magazin.de.md"), {.max_words_per_scene = 50}).scenes) {
    EXPECT_LE(count_words(scene.narration), 50u) << scene.narration;
  }
  std::string sentence = "One";
  for (int i = 0; i < 40; ++i)
    sentence += " and one";
  EXPECT_EQ(script_of(sentence + ".", {.max_words_per_scene = 20}).scenes.front().narration, sentence + ".");
}

TEST(ScriptWriter, ReportsEachSceneInOrder) {
  std::vector<std::size_t> done;
  std::size_t of = 0;
  const auto script = write_script(file("article.fr.md"), {.max_scenes = 4}, [&](std::size_t scene, std::size_t total) {
    done.push_back(scene);
    of = total;
  });
  ASSERT_TRUE(script.has_value());
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(of, 4u);
}

TEST(ScriptWriter, WritesItsKeysInAFixedOrder) {
  const auto json = write_script("# A \"bell\"\n\nIt is so.\n").value();
  EXPECT_EQ(
      json,
      "{\n  \"title\": \"A \\\"bell\\\"\",\n  \"language\": \"en\",\n  \"scenes\": [\n    {\n      \"title\": \"A "
      "\\\"bell\\\"\",\n      \"narration\": \"A \\\"bell\\\". It is so.\",\n      \"card\": \"A \\\"bell\\\"\\n• It "
      "is "
      "so\"\n    }\n  ]\n}\n");
}

TEST(ScriptWriter, OfAPromptWithAnArticleInItOnlyThatIsTold) {
  const std::string article = "# Harbour\n\nThe harbour wakes before the town. Nobody hurries on the pier.\n";
  const std::string prompt = "Write a script. Be brief, and answer in JSON.\n\n<article>\n" + article + "</article>\n";
  EXPECT_EQ(script_of(prompt).narration(), script_of(article).narration());
  EXPECT_EQ(script_of("Write.\n  <article>\r\nScenes: 1\n" + article + " </article>\r\nThank you very much for it.")
                .narration(),
            script_of("Scenes: 1\n" + article).narration());
  EXPECT_THAT(script_of("<article>\n" + article).narration(), HasSubstr("Nobody hurries")) << "it does not end";
}

TEST(ScriptWriter, ObeysALeadingLineOfScenes) {
  const auto article = file("magazin.de.md");
  EXPECT_EQ(script_of("Scenes: 3\n\n" + article).scenes.size(), 3u);
  EXPECT_EQ(script_of("---\ntitle: x\n---\n\nscenes: 3\n" + article).scenes.size(), 3u);
  EXPECT_THAT(failure_of("Scenes: 0\n" + article).message, HasSubstr("'Scenes: 0'"));
  EXPECT_THAT(failure_of("Scenes: 99999999999999999999999\n" + article).message, HasSubstr("between 1 and 200"));
  EXPECT_THAT(script_of("Scenes: from a marriage.\n\nA film it was.").narration(),
              HasSubstr("Scenes: from a marriage."));
}

TEST(ScriptWriter, SkipsFrontMatterAndTakesItsTitleWhereThereIsNoOther) {
  const auto script = script_of("---\ntitle: 'The Pond'\ndate: 2026\n---\nFrogs live here.\n");
  EXPECT_EQ(script.title, "The Pond");
  EXPECT_EQ(script.narration(), "The Pond. Frogs live here.\n");
  EXPECT_THAT(script_of("---\n\nFrogs live here.\n\n---\n\nToads too.").narration(), HasSubstr("Frogs live here."));
  EXPECT_THAT(script_of("---\nkey: value that never ends.\n").narration(), HasSubstr("value that never ends."));
}

TEST(ScriptWriter, ReadsPlainTextWithItsHeadings) {
  const auto script = script_of(
      "The Mill\n\n   The mill stands at the brook, and it has stood there since\n1723. Nobody knows who built it.\n\n"
      "THE WHEEL\n\nThe wheel is made of oak. It turns in spring, when there is water enough for the stones.\n\n"
      "The Miller\n~~~~~~~~~~\nThe miller sleeps by day. At night he listens to the wheel and to nobody else.\n");
  EXPECT_EQ(script.title, "The Mill");
  EXPECT_THAT(script.titles(), ElementsAre("The Mill", "THE WHEEL", "The Miller"));
  EXPECT_THAT(script.narration(), HasSubstr("it has stood there since 1723. Nobody knows"));
}

TEST(ScriptWriter, MakesTitlesFromSentencesWhereThereAreNoHeadings) {
  std::string text;
  for (const char* animal : {"frog", "toad", "newt", "heron"}) {
    for (int i = 1; i <= 3; ++i) {
      text += "The " + std::string(animal) + " lives at the pond, where it spends day " + std::to_string(i) +
              " of its long life in the shade of reeds and waits for rain. ";
    }
    text += "\n\n";
  }
  const auto script = script_of(text, {.max_scenes = 4});
  EXPECT_THAT(script.titles(), ElementsAre("The frog lives at the pond …", "The toad lives at the pond …",
                                           "The newt lives at the pond …", "The heron lives at the pond …"));
  EXPECT_EQ(script.title, "The frog lives at the pond …");
}

TEST(ScriptWriter, TellsEqualHeadingsApartByTheirParents) {
  const auto script = script_of(
      "# Kit\n\nThe kit has two halves, and both are needed by everybody.\n\n## Client\n\n### Usage\n\n"
      "The client is started first of all, and it waits for the other half.\n\n## Server\n\n### Usage\n\n"
      "The server is started second, and it answers whatever the client asks.\n");
  EXPECT_THAT(script.titles(), ElementsAre("Kit", "Client: Usage", "Server: Usage"));
}

TEST(ScriptWriter, MergesSubsectionsBeforeItDropsAny) {
  std::string text = "# All\n\nThis is about all of the things that there are.\n\n";
  for (int i = 1; i <= 6; ++i) {
    text += (i % 2 == 1 ? "## Part " : "### Detail ") + std::to_string(i) + "\n\nThing number " + std::to_string(i) +
            " is described here in rather more than nine words.\n\n";
  }
  const auto script = script_of(text, {.max_scenes = 4});
  EXPECT_THAT(script.titles(), ElementsAre("All", "Part 1", "Part 3", "Part 5"));
  EXPECT_THAT(script.narration(), HasSubstr("Thing number 6"));
}

TEST(ScriptWriter, SpeaksListsAsOneSentenceAndShowsTheirPoints) {
  const auto script = script_of("# Kit\n\nIt offers three things:\n\n- speed\n- **quiet**\n- a price that is low\n");
  EXPECT_EQ(script.narration(), "Kit. It offers three things: speed; quiet; a price that is low.\n");
  EXPECT_EQ(script.scenes.front().card, "Kit\n• Speed\n• Quiet\n• A price that is low");
}

TEST(ScriptWriter, KeepsTheLastPointOfAFrenchListWithTheOthers) {
  EXPECT_THAT(script_of(file("article.fr.md")).narration(),
              HasSubstr("peu coûteuses : un grillage autour des troncs les plus précieux ; une bande de dix mètres "
                        "laissée aux saules le long de la rive ; un tuyau posé"));
}

TEST(ScriptWriter, NeverAnnouncesWhatItCannotRead) {
  const auto script =
      script_of("# Kit\n\nThe kit is small. Install it like this:\n\n```sh\nmake\n```\n\nThen it runs.\n");
  EXPECT_EQ(script.narration(), "Kit. The kit is small. Then it runs.\n");
}

TEST(ScriptWriter, ShowsTheRowsOfATableBesideTheText) {
  const auto script =
      script_of("# Kit\n\nThe kit has sizes.\n\n| Size | Weight |\n|---|---|\n| small | 2 kg |\n| large | 9 kg |\n");
  EXPECT_EQ(script.scenes.front().card, "Kit\n• Small: 2 kg\n• Large: 9 kg");
  EXPECT_EQ(script.narration(), "Kit. The kit has sizes.\n");
}

// "Text with . Then more."
TEST(ScriptWriter, APictureInsideASentenceLeavesNoHole) {
  const auto script = script_of(
      "# Kit\n\nThe kit[^1] comes with ![a red box](a.png). It holds ![](b.png) much. See the plan ![Plan](c.png)\n\n"
      "![Badge](d.png) ![Badge](e.png)\n\nKeep it dry.\n");
  EXPECT_EQ(script.narration(), "Kit. The kit comes with a red box. It holds much. See the plan. Keep it dry.\n");
}

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
            "Zutaten\n• 200 g Mehl\n• 3 Eier\n• 125 g Butter\n• 1 Päckchen Backpulver\n• 5 bis 6 säuerliche Äpfel\n"
            "• 100 ml Milch\n• Etwas Zimt");
}

TEST(ScriptWriter, SentencesWithFiguresAndPricesAreNotLost) {
  for (const char* text : {"Man spart 30,90 €.", "Das alles kostet 7,50 €.", "Il faut de l'eau à 25 °C.", "A: Yes.",
                           "1889: first plans.", "1894: opened.", "Tea wants water at 94 °C.", "Es sind 2/3 (66 %)."}) {
    EXPECT_TRUE(is_speakable(text)) << text;
    EXPECT_EQ(script_of(std::string("# Kit\n\n") + text + "\n").narration(), std::string("Kit. ") + text + "\n");
  }
  for (const char* point : {"12 €", "3 Eier", "1894: opened", "port 631", "U.S.A."})
    EXPECT_TRUE(is_speakable_point(point)) << point;
}

TEST(ScriptWriter, CodeAndTablesOfSymbolsAreNotReadAloud) {
  for (const char* noise : {"12 34 56", "+---+---+", "o--o--o", "x = f(a);", "main();", "/\\_/\\ ( o.o )",
                            "d41d8cd98f00b204e9800998ecf8427e", "a->b", "see https://example.org",
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
  EXPECT_EQ(script.scenes.front().card, "Sac\n• Une carte\n• Un couteau");
}

TEST(ScriptWriter, LeavesOutWhatAVoiceCannotSay) {
  const auto script = script_of(
      "# Kit :rocket:\n\nIt is **good** 🎉 &amp; *cheap*&nbsp;&#33; More is at https://example.org/x today. It[^1] has "
      "a page (https://example.org). ~~It was dear.~~ ![A picture](x.png) Call `a{b}` now. Use <b>both</b> "
      "hands&hellip; &unknown; Then rest.\n\n[^1]: Said the maker of it.\n\n<div>Not this one.</div>\n\n> [!NOTE]\n> "
      "Mind the "
      "gap.\n\n**Care**\n\nKeep it dry and do not lend it to anybody you know.\n");
  EXPECT_EQ(script.narration(),
            "Kit. It is good & cheap ! It has a page. Use both hands… Then rest. Mind the gap.\n"
            "Keep it dry and do not lend it to anybody you know.\n");
  EXPECT_THAT(script.titles(), ElementsAre("Kit", "Care"));
}

TEST(ScriptWriter, SaysWhyThereIsNothingToNarrate) {
  for (const char* blank : {"", " \n\t\n", "\xef\xbb\xbf", "---\na: b\n---\n"}) {
    EXPECT_EQ(failure_of(blank).message, "the article has no sentences to narrate: it is empty");
  }
  EXPECT_THAT(failure_of("```\nint main() {}\n```\n").message, HasSubstr("it holds only code, pictures or HTML"));
  EXPECT_THAT(failure_of("# Title\n\n## Other\n").message, HasSubstr("only headings"));
  EXPECT_THAT(failure_of("https://example.org/a\n\n12 34 56\n").message, HasSubstr("no line of it can be read aloud"));
  EXPECT_THAT(failure_of(std::string(5000, 'x')).message, HasSubstr("no line of it can be read aloud"));
  EXPECT_EQ(failure_of("").code, Errc::invalid_argument);
}

TEST(ScriptWriter, RefusesWhatIsNoText) {
  EXPECT_THAT(failure_of(std::string_view("ab\0cd", 5)).message, HasSubstr("a NUL byte at byte 2"));
  EXPECT_THAT(failure_of("caf\xe9 au lait.").message, HasSubstr("not valid UTF-8"));
  const std::string large(article_bytes_max + 1, 'a');
  EXPECT_EQ(failure_of(large).code, Errc::too_large);
  EXPECT_THAT(failure_of(large).message, HasSubstr("16777217 bytes long; 16777216 are allowed"));
}

TEST(ScriptWriter, RefusesOptionsOutOfBounds) {
  EXPECT_THAT(failure_of("It is.", {.max_scenes = 0}).message, HasSubstr("max_scenes is 0"));
  EXPECT_THAT(failure_of("It is.", {.max_scenes = 201}).message, HasSubstr("between 1 and 200"));
  EXPECT_THAT(failure_of("It is.", {.max_words_per_scene = 9}).message, HasSubstr("max_words_per_scene is 9"));
}

TEST(ScriptWriter, TellsABookOfTenMegabytes) {
  const auto chapter = file("magazin.de.md");
  std::string book;
  while (book.size() < 10'000'000)
    book += chapter + "\n";
  const auto script = script_of(book);
  expect_sound(script, {});
  EXPECT_EQ(script.scenes.size(), 12u);
}

}  // namespace
}  // namespace holdfast::rulebased
