#include <gmock/gmock.h>

#include <cstdlib>

#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/cards/card_graph.hpp"
#include "holdfast/providers/provider_bench.hpp"

namespace holdfast::providers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CardLayoutTest : public testing::Test {
 protected:
  CardText read(std::string_view text) { return read_card(text, regular, bold).value(); }
  CardLayout set(std::string_view text) { return lay_out(read(text), U"", regular, bold); }
  const FontMetrics& font_of(const PlacedLine& line) {
    return line.ink == CardInk::heading || line.ink == CardInk::bullet ? bold : regular;
  }
  std::vector<PlacedLine> lines(const CardLayout& layout, CardInk ink) {
    std::vector<PlacedLine> found;
    for (const PlacedLine& line : layout.lines) {
      if (line.ink == ink) found.push_back(line);
    }
    return found;
  }
  void expect_inside_margins(const CardLayout& layout) {
    for (const PlacedLine& line : layout.lines) {
      EXPECT_GE(line.x, card_margin);
      EXPECT_LE(line.x + font_of(line).width(line.text, line.size), card_width - card_margin) << utf8(line.text);
      EXPECT_GE(line.y - line.size, card_margin);
      EXPECT_LE(line.y, card_height - (line.ink == CardInk::page ? card_margin / 2 : card_margin)) << utf8(line.text);
    }
  }

  FontFiles files = find_fonts().value();
  FontMetrics regular = FontMetrics::open(files.regular).value();
  FontMetrics bold = FontMetrics::open(files.bold).value();
};

TEST_F(CardLayoutTest, TheFirstLineIsTheHeadingAndTheOthersLoseTheirBullets) {
  const CardText card = read("\n  What it is \n\u2022 first\n- second\n* third\nplain\n\u2022\n");
  EXPECT_EQ(utf8(card.heading), "What it is");
  EXPECT_THAT(card.points, ElementsAre(U"first", U"second", U"third", U"plain"));
}

TEST_F(CardLayoutTest, WhatCannotBeDrawnIsLeftOut) {
  const CardText card = read("a\x01\tb \xff\xc3(c) \U00012345 d\u200B");
  EXPECT_EQ(utf8(card.heading).substr(0, 4), "a b ");
  EXPECT_EQ(utf8(card.heading).find('\xff'), std::string::npos);
  EXPECT_EQ(card.heading.find(U'\U00012345'), std::u32string::npos);
}

TEST_F(CardLayoutTest, ACardWithNothingToShowIsRefused) {
  for (const char* text : {"", " \n\t\n", "\u2022\n", "\U00012345"}) {
    const auto card = read_card(text, regular, bold);
    ASSERT_FALSE(card) << text;
    EXPECT_EQ(card.error().code, Errc::invalid_argument);
  }
}

TEST_F(CardLayoutTest, CharactersSurviveTheWayThroughUtf8) {
  const std::string text = "a\u00e9\u20ac\U0001F600";
  EXPECT_EQ(utf8(characters(text)), text);
}

TEST_F(CardLayoutTest, AShortHeadingStandsAtFullSizeInOneLine) {
  const CardLayout layout = set("Slow is not failed\n\u2022 one");
  ASSERT_EQ(lines(layout, CardInk::heading).size(), 1u);
  EXPECT_EQ(lines(layout, CardInk::heading)[0].size, 84);
}

TEST_F(CardLayoutTest, AHeadingAloneIsATitleInTheMiddle) {
  const CardLayout layout = set("Holdfast");
  ASSERT_EQ(layout.lines.size(), 1u);
  EXPECT_GT(layout.lines[0].size, 100);
  EXPECT_GT(layout.lines[0].y, card_height * 2 / 5);
  EXPECT_LT(layout.lines[0].y, card_height * 3 / 5);
}

TEST_F(CardLayoutTest, ALongHeadingIsSetSmallerBeforeItIsCut) {
  std::string heading = "A heading that is much too long for a single line of a card and goes on";
  const CardLayout smaller = set(heading + "\n\u2022 one");
  EXPECT_LT(lines(smaller, CardInk::heading)[0].size, 84);
  EXPECT_EQ(lines(smaller, CardInk::heading).size(), 2u);
  for (int i = 0; i < 3; ++i)
    heading += " and on " + heading;
  const auto cut = lines(set(heading + "\n\u2022 one"), CardInk::heading);
  ASSERT_EQ(cut.size(), 3u);
  EXPECT_EQ(cut.back().text.back(), U'\u2026');
}

TEST_F(CardLayoutTest, LinesOfAHeadingAreEven) {
  const auto heading =
      lines(set("The provider that its user chose keeps the job for as long as it takes\n- x"), CardInk::heading);
  ASSERT_EQ(heading.size(), 2u);
  const int first = bold.width(heading[0].text, heading[0].size), second = bold.width(heading[1].text, heading[1].size);
  EXPECT_LT(std::abs(first - second), 400) << utf8(heading[0].text) << " / " << utf8(heading[1].text);
}

TEST_F(CardLayoutTest, WrappedPointsHangBelowTheirText) {
  const CardLayout layout = set(
      "Title\n\u2022 A point that is certainly too long to fit into one line of a card, whatever the size of its type "
      "may be, and so it is wrapped");
  const auto text = lines(layout, CardInk::point);
  const auto bullets = lines(layout, CardInk::bullet);
  ASSERT_GE(text.size(), 2u);
  ASSERT_EQ(bullets.size(), 1u);
  EXPECT_EQ(text[0].x, text[1].x);
  EXPECT_LT(bullets[0].x, text[0].x);
  EXPECT_EQ(bullets[0].y, text[0].y);
}

TEST_F(CardLayoutTest, WhatAnnouncesTheNextPointsHasNoBullet) {
  const CardLayout layout = set("Title\nNot in this version:\n\u2022 one\n\u2022 two");
  const auto text = lines(layout, CardInk::point);
  const auto bullets = lines(layout, CardInk::bullet);
  ASSERT_EQ(text.size(), 3u);
  ASSERT_EQ(bullets.size(), 2u);
  EXPECT_EQ(text[0].x, bullets[0].x);
  EXPECT_EQ(bullets[0].y, text[1].y);
}

TEST_F(CardLayoutTest, NothingLeavesTheMarginsHoweverMuchThereIsToSay) {
  const std::string word = "Donaudampfschifffahrtsgesellschaft ";
  for (int points : {1, 2, 4, 8, 20}) {
    for (int words : {1, 6, 20, 60}) {
      std::string text = "Eine \u00dcberschrift";
      for (int i = 0; i < words; ++i)
        text += " " + word;
      for (int i = 0; i < points; ++i) {
        text += "\n\u2022 ";
        for (int j = 0; j < words; ++j)
          text += word;
      }
      SCOPED_TRACE(std::to_string(points) + " points of " + std::to_string(words) + " words");
      expect_inside_margins(lay_out(read(text), U"12 / 12", regular, bold));
    }
  }
}

TEST_F(CardLayoutTest, AWordLongerThanALineIsCut) {
  const CardLayout layout = set("Title\n\u2022 " + std::string(400, 'w'));
  EXPECT_GT(lines(layout, CardInk::point).size(), 3u);
  expect_inside_margins(layout);
}

TEST_F(CardLayoutTest, WhatDoesNotFitEndsVisibly) {
  std::string text = "Title";
  for (int i = 0; i < 40; ++i)
    text += "\n\u2022 point number " + std::to_string(i);
  const auto points = lines(set(text), CardInk::point);
  EXPECT_LT(points.size(), 40u);
  EXPECT_EQ(points.back().text.back(), U'\u2026');
}

TEST(CardFonts, AreFoundOrNot) {
  EXPECT_FALSE(find_fonts({testing::TempDir()}));
  EXPECT_FALSE(FontMetrics::open(__FILE__));
}

TEST(CardGraphTest, NoTextEntersTheFilterGraph) {
  CardLayout layout;
  layout.lines.push_back({U"',drawtext=text=x:%{pts}\\", CardInk::point, 1, 2, 30});
  const CardGraph graph = draw(layout);
  EXPECT_EQ(graph.filters.find("pts"), std::string::npos);
  EXPECT_THAT(graph.filters, HasSubstr("textfile=line-0.txt:expansion=none"));
  EXPECT_THAT(graph.texts, ElementsAre("',drawtext=text=x:%{pts}\\"));
}

/// Of a picture, one byte of brightness for each pixel.
class CardsTest : public ProviderBench {
 protected:
  std::string render(const std::string& text, std::map<std::string, std::string> values = {}) {
    const StageCall call{.stage_name = "cards",
                         .kind = "image",
                         .input = text,
                         .output = folder / "card.png",
                         .values = std::move(values)};
    run(*cards, call);
    const std::string command = "ffmpeg -v error -y -i '" + call.output.string() + "' -f rawvideo -pix_fmt gray '" +
                                (folder / "gray").string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
    return content(folder / "gray");
  }
  static int bright_pixels(const std::string& picture, int left, int top, int right, int bottom) {
    constexpr int bright = 110;  // the background's brightest is about 60
    int count = 0;
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        count += static_cast<unsigned char>(picture[static_cast<std::size_t>(y * card_width + x)]) > bright;
      }
    }
    return count;
  }
  static int bright_pixels(const std::string& picture) { return bright_pixels(picture, 0, 0, card_width, card_height); }

  std::unique_ptr<Provider> cards = cards_provider({.name = "FFmpegCards", .type = "image_gen"}, spawner);
};

TEST_F(CardsTest, TextStandsInsideTheMargins) {
  const std::string picture = render(
      "\u00c4rger \u00e0 l\u2019\u00c9t\u00e9: 100 % \u201cquoted\u201d [x]; C:\\path\\to %{pts}, 'single'\n\u2022 "
      "it's a \\ backslash, a %{localtime} and 12:30\n\u2022 Gr\u00f6\u00dfenma\u00dfst\u00e4be j\u00fcngerer "
      "\u00dcbertragungsger\u00e4te, lang genug f\u00fcr zwei Zeilen auf dieser Karte");
  ASSERT_EQ(picture.size(), static_cast<std::size_t>(card_width * card_height));
  const int all = bright_pixels(picture);
  EXPECT_GT(all, 20'000);
  constexpr int slack = 6;  // the overhang of a glyph, smoothing
  EXPECT_EQ(bright_pixels(picture, card_margin - slack, card_margin - slack, card_width - card_margin + slack,
                          card_height - card_margin + slack),
            all);
}

TEST_F(CardsTest, EveryLineIsDrawnWhereItWasSet) {
  const std::string with = render("Title\n\u2022 100%\n\u2022 second"), without = render("Title\n\u2022 100%");
  EXPECT_GT(bright_pixels(with), bright_pixels(without) + 500);
}

TEST_F(CardsTest, APageNumberStandsInTheCornerWhereThereAreSeveral) {
  const auto corner = [](const std::string& picture) {
    return bright_pixels(picture, card_width - 2 * card_margin, card_height - card_margin, card_width, card_height);
  };
  EXPECT_EQ(corner(render("Title\n\u2022 one")), 0);
  EXPECT_EQ(corner(render("Title\n\u2022 one", {{"index", "1"}, {"count", "1"}})), 0);
  EXPECT_GT(corner(render("Title\n\u2022 one", {{"index", "3"}, {"count", "12"}})), 100);
}

TEST_F(CardsTest, TheSamePromptGivesTheSamePicture) {
  const std::string first = render("Title\n\u2022 one");
  EXPECT_EQ(render("Title\n\u2022 one"), first);
}

TEST_F(CardsTest, LeavesNothingButTheCard) {
  render("Title");
  std::filesystem::remove(folder / "gray");
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    left.push_back(entry.path().filename());
  EXPECT_THAT(left, ElementsAre("card.png"));
}

TEST_F(CardsTest, AnEmptyPromptIsAHardErrorThatSaysWhatIsMissing) {
  const StageCall call{.input = " \n", .output = folder / "card.png"};
  EXPECT_THAT(fault_of(*cards, call).message, HasSubstr("heading"));
}

TEST_F(CardsTest, HasNoProblemsWhereFfmpegAndTheFontsAre) {
  EXPECT_THAT(cards->problems(), ElementsAre());
  EXPECT_EQ(cards->protocol(), "command");
  EXPECT_EQ(cards->command(), nullptr);
}

}  // namespace
}  // namespace holdfast::providers
