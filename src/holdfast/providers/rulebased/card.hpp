#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/language.hpp"
#include "holdfast/providers/rulebased/outline.hpp"

namespace holdfast::rulebased {

/// A card wraps its lines. At the size that is read at a glance from across a room about sixty characters stand on one:
/// no heading or point becomes longer than three.
inline constexpr std::size_t card_line_characters_max = 160;
inline constexpr std::size_t card_points_max = 7;

/// The text in at most `characters_max` characters: whole, or cut behind a whole clause or else a word, and ended by
/// " …". Words that only lead on ("of the") are not left at the end. A first word that is too long is cut within.
std::string shortened(std::string_view text, std::size_t characters_max, Language language);

/// What is shown while a scene is spoken: its heading, and below it up to `card_points_max` lines that begin with "• ",
/// and lines that end with ":" and announce those below; separated by "\n", each at most `card_line_characters_max`
/// characters; together no more than a card holds in a size that can be read. `units`: those that are spoken, not
/// empty; `lead_ins`: what is said before each of them; `spare_points`: of what is not spoken, taken where the spoken
/// have fewer than two.
///
/// The points of a list are shown from the first on: a card that begins with the second step is wrong. What is too long
/// is shown as its first sentences or its main clause; where that cannot be told, it is left out, and a card of a
/// heading alone is a title.
std::string card_text(std::string_view heading, const std::vector<const Unit*>& units,
                      const std::vector<std::string>& lead_ins, const std::vector<std::string>& spare_points,
                      Language language);

}  // namespace holdfast::rulebased
