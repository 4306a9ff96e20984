#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/article.hpp"
#include "holdfast/providers/rulebased/language.hpp"

namespace holdfast::rulebased {

/// What is spoken or left out as a whole: a sentence, or some points of a list with what announces them.
struct Unit {
  std::string text{};                 ///< ends with a sentence mark; blanks only as ' '
  std::string shown{};                ///< what the card shows of it; empty: the text
  std::string announcement{};         ///< of its points: "Not in this version:"; empty: nothing announces them
  std::vector<std::string> points{};  ///< what a card may show beside it: points of a list, rows of a table
  std::size_t words = 0;
  std::int64_t score = 0;  ///< how much it tells about the article, see `score_outline`
  bool opens_paragraph = false;
  bool points_back = false;  ///< begins with "This", "Deshalb", …, answers a question or goes on with a list:
                             ///< understood only after its predecessor
  bool unannounced = false;  ///< begins with points of a list that no sentence leads to
  bool joined = false;       ///< its section was joined to another, whose title is not its heading
  std::size_t list = 0;      ///< units of one list that is told whole or not at all share a number; 0: none
  std::string heading{};     ///< of the section it was written under
};

struct Section {
  std::string title{};   ///< empty before the first heading of an article without a title
  std::string parent{};  ///< the heading above it
  int level = 1;
  bool boilerplate = false;
  bool group = false;         ///< short sections that were joined, under the heading above them
  bool table = false;         ///< all that is said is rows of a table: a glossary, one scene is enough
  std::vector<Unit> units{};  ///< not empty
  std::size_t words = 0;      ///< of all units
};

struct Outline {
  std::string title;
  bool titled = false;  ///< the article gives its title itself
  bool headed = false;  ///< there are headings besides the title
  Language language = Language::en;
  std::vector<Section> sections;  ///< in the article's order; the first may be its introduction
};

/// Orders an article's blocks into sections of units. Sections without a speakable sentence are left out.
Outline outline_of(const Article& article);

/// Gives every unit its score: how many of the article's frequent words and its headings' words it holds for its
/// length, and where it stands. In whole numbers, so that every machine ranks alike.
void score_outline(Outline& outline);

}  // namespace holdfast::rulebased
