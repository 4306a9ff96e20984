#include "holdfast/providers/rulebased/card.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

using testing::ElementsAre;

TEST(Card, CutsAtWordsAndClauses) {
  EXPECT_EQ(shortened("short enough", 20, Language::en), "short enough");
  EXPECT_EQ(shortened("a clause of a certain length, and another one", 36, Language::en),
            "a clause of a certain length …");
  EXPECT_EQ(shortened("the history of the end of the world", 26, Language::en), "the history of the end …");
  EXPECT_EQ(shortened("the history of the whole of it", 20, Language::en), "the history …");
  EXPECT_EQ(shortened(std::string(80, 'x'), 10, Language::en), "xxxxxxxx…");
  EXPECT_EQ(shortened("äöü äöü äöü äöü", 9, Language::de), "äöü äöü …");
}

/// The card of one scene with these points, without its heading.
std::vector<std::string> points_of_card(const std::vector<std::string>& points, Language language = Language::en) {
  Unit unit{.text = "It is told.", .points = points, .words = 3};
  std::istringstream card(card_text("Kit", {&unit}, {""}, {}, language));
  std::vector<std::string> lines;
  std::string line;
  std::getline(card, line);
  while (std::getline(card, line))
    lines.push_back(line.substr(std::string_view("• ").size()));
  return lines;
}

std::string point_of_sentence(const std::string& sentence, Language language) {
  const Unit unit{.text = sentence, .words = count_words(sentence)};
  const auto card = card_text("Kit", {&unit}, {""}, {}, language);
  return card.find('\n') == std::string::npos ? std::string() : card.substr(card.find('\n') + 5);
}

// Where two points fitted onto a line, the longer ones vanished: steps 2 and 3 stood there without step 1.
TEST(Card, ShowsAListFromItsFirstPointOn) {
  const std::string first = "Open the settings of the printer, which are behind the third button from the left";
  EXPECT_THAT(points_of_card({first, "Tick the box", "Print a page"}),
              ElementsAre(first, "Tick the box", "Print a page"));
  const std::string endless(400, 'x');
  EXPECT_THAT(points_of_card({endless, "Tick the box", "Print a page"}), ElementsAre("It is told"));
  std::vector<std::string> many;
  for (int i = 1; i <= 12; ++i)
    many.push_back("Step number " + std::to_string(i));
  EXPECT_THAT(points_of_card(many), testing::ElementsAreArray(many.begin(), many.begin() + 7));
}

TEST(Card, ShortensTheLongestPointsWhereNotAllWouldFit) {
  const auto wheel = [](const std::string& name) { return "The " + name + " wheel is made of oak"; };
  const std::string more = "; it was cut in the forest behind the mill in the year in which the miller died";
  EXPECT_THAT(points_of_card({wheel("first"), wheel("second") + more, wheel("third") + more, wheel("fourth") + more,
                              wheel("fifth") + more, wheel("sixth")}),
              ElementsAre(wheel("first"), wheel("second") + " …", wheel("third") + " …", wheel("fourth") + " …",
                          wheel("fifth") + more, wheel("sixth")));
}

TEST(Card, NeverBreaksOffInsideASentence) {
  EXPECT_EQ(
      point_of_sentence("Er wurde, wie z. B. Dr. Müller vom Forstamt sagt, im Mai nach einem Sturm gefällt, weil der "
                        "Stamm innen vollständig hohl war und niemand mehr für die Sicherheit garantieren konnte.",
                        Language::de),
      "");
  EXPECT_EQ(
      point_of_sentence("Wenn es lange regnet und der Wind von Westen kommt, steht das Wasser der Weser hoch in den "
                        "Kellern der Altstadt und in den Gärten bis hinauf zu den Häusern an der alten Mühle.",
                        Language::de),
      "");
  EXPECT_EQ(
      point_of_sentence("The clock stopped in the spring of that year, because the man who had to wind it up every "
                        "thirty hours had not been paid for eleven weeks and did not want to climb any longer.",
                        Language::en),
      "The clock stopped in the spring of that year …");
  EXPECT_EQ(point_of_sentence(
                "Einige Anwohner am Rathausplatz fühlen sich durch den Schlag gestört und verlangen seit Jahren "
                "mit großem Nachdruck, dass die Glocke in der Nacht zwischen 22 Uhr und 6 Uhr schweigt.",
                Language::de),
            "");
  EXPECT_EQ(
      point_of_sentence("look up: commands, job files, configuration, profiles, the policy, the store, the trail, "
                        "the C++ interface, the control API, the proxy, the metrics, and a lot of other things "
                        "that are generated from the source.",
                        Language::en),
      "Look up: commands, job files, configuration, profiles, the policy, the store, the trail, the C++ interface …");
  EXPECT_EQ(point_of_sentence("The tea room closes at 5 p.m.", Language::en), "The tea room closes at 5 p.m.");
  EXPECT_EQ(point_of_sentence("A request takes 5 ms.", Language::en), "A request takes 5 ms");
}

// "A console in the browser" stood on a card about what is not there.
TEST(Card, AListIsAnnouncedAsItIsInTheText) {
  const auto card = [](const std::string& announcement, std::vector<std::string> points) {
    const Unit unit{.text = "It is told.", .announcement = announcement, .points = std::move(points), .words = 3};
    return card_text("Limits", {&unit}, {""}, {}, Language::en);
  };
  EXPECT_EQ(card("not in this version:", {"a console", "a fleet"}),
            "Limits\nNot in this version:\n• A console\n• A fleet");
  EXPECT_EQ(card("Limits:", {"a console", "a fleet"}), "Limits\n• A console\n• A fleet") << "the heading says it";
  EXPECT_EQ(card(std::string(60, 'x') + ':', {"a console", "a fleet"}), "Limits\n• A console\n• A fleet");
  EXPECT_EQ(card("Not in this version:", {"a console"}), "Limits\n• It is told") << "one point is no list";
  EXPECT_EQ(card("Not in this version:", {std::string(400, 'x'), "a fleet"}), "Limits\n• It is told");
}

// What there is stood below "Not in this version:".
TEST(Card, WhatAnnouncesAListIsShownWhereNoOtherPointsStandBelowIt) {
  const Unit missing{.text = "It is told.", .announcement = "Missing:", .points = {"a console", "a fleet"}, .words = 3};
  const Unit there{.text = "It is told.", .points = {"a lock", "a question"}, .words = 3};
  const Unit sentence{.text = "It is free.", .words = 3};
  const auto card = [](const std::vector<const Unit*>& units, const std::vector<std::string>& lead_ins,
                       const std::vector<std::string>& spare = {}) {
    return card_text("Kit", units, lead_ins, spare, Language::en);
  };
  EXPECT_EQ(card({&missing, &there}, {"", ""}), "Kit\n• A console\n• A fleet\n• A lock\n• A question");
  EXPECT_EQ(card({&there, &missing}, {"", ""}), "Kit\n• A lock\n• A question\n• A console\n• A fleet");
  EXPECT_EQ(card({&missing, &sentence}, {"", ""}), "Kit\nMissing:\n• A console\n• A fleet");
  EXPECT_EQ(card({&missing, &sentence}, {"", "Price."}), "Kit\n• A console\n• A fleet\n• Price: It is free");
  Unit one = missing;
  one.points.pop_back();
  EXPECT_EQ(card({&one}, {""}, {"a lock"}), "Kit\n• A console\n• A lock");
  one.points.clear();
  EXPECT_EQ(card({&one, &there}, {"", ""}), "Kit\n• A lock\n• A question");
  Unit first = missing, second = there;
  first.list = second.list = 1;
  EXPECT_EQ(card({&first, &second}, {"", ""}), "Kit\nMissing:\n• A console\n• A fleet\n• A lock\n• A question");
}

TEST(Card, ALoneEtceteraIsNoPoint) {
  EXPECT_THAT(points_of_card({"Eau", "Une carte", "Etc."}, Language::fr), ElementsAre("Eau", "Une carte"));
  EXPECT_THAT(points_of_card({"Brot", "Käse", "usw."}, Language::de), ElementsAre("Brot", "Käse"));
}

}  // namespace
}  // namespace holdfast::rulebased
