#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/language.hpp"
#include "holdfast/providers/rulebased/outline.hpp"

namespace holdfast::rulebased {

inline constexpr std::size_t card_line_characters_max = 60;  ///< what is read at a glance from across a room
inline constexpr std::size_t card_points_max = 4;

/// The text in at most `characters_max` characters: whole, or cut behind a clause or a word and ended by " …".
/// Words that only lead on ("of the") are not left at the end. A first word that is too long is cut within.
std::string shortened(std::string_view text, std::size_t characters_max, Language language);

/// What is shown while a scene is spoken: its heading, and below it 1 to `card_points_max` lines that begin with "• ",
/// separated by "\n", each at most `card_line_characters_max` characters. `units`: those that are spoken, not empty;
/// `spare_points`: of what is not spoken, taken where the spoken have fewer than two.
std::string card_text(std::string_view heading, const std::vector<const Unit*>& units,
                      const std::vector<std::string>& spare_points, Language language);

}  // namespace holdfast::rulebased
