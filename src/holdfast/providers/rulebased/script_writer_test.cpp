#include "holdfast/providers/rulebased/script_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "holdfast/base/name.hpp"
#include "holdfast/providers/rulebased/article.hpp"
#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/plan.hpp"
#include "holdfast/providers/rulebased/script_for_tests.hpp"
#include "holdfast/providers/rulebased/sentences.hpp"
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
    std::size_t count = 0, points = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      if (line.starts_with("• ")) ++points;
      EXPECT_LE(count_characters(line), card_line_characters_max) << line;
      EXPECT_EQ(line.starts_with("• "), count > 0 && !line.ends_with(':')) << scene.card;
      EXPECT_GT(line.size(), count > 0 ? 4u : 0u) << scene.card;
    }
    EXPECT_GE(count, 1u) << scene.card;
    EXPECT_LE(points, card_points_max) << scene.card;
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
  EXPECT_EQ(script.scenes.front().card, "Kit\nIt offers three things:\n• Speed\n• Quiet\n• A price that is low");
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

TEST(ScriptWriter, RowsOfATableAreNotAnnouncedWithAList) {
  const std::string list = "Not in this version:\n\n- a console\n- a fleet\n\n";
  const std::string table = "| Size | Weight |\n|---|---|\n| small | 2 kg |\n| large | 9 kg |\n\n";
  EXPECT_THAT(script_of("# Kit\n\n" + list).scenes.front().card, HasSubstr("Not in this version:"));
  EXPECT_THAT(script_of("# Kit\n\n" + list + table).scenes.front().card,
              AllOf(HasSubstr("Small: 2 kg"), Not(HasSubstr("Not in this version"))));
  EXPECT_THAT(script_of("# Kit\n\n" + table + list).scenes.front().card,
              AllOf(HasSubstr("Small: 2 kg"), Not(HasSubstr("Not in this version"))));
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
