#pragma once

#include <cstddef>
#include <vector>

#include "holdfast/providers/rulebased/outline.hpp"

namespace holdfast::rulebased {

/// How many times a scene's words a list may take that is told whole: cut, it would be false.
inline constexpr std::size_t list_words_factor = 2;

/// Which units of a run are spoken, in the run's order; never none: where nothing fits, the shortest is spoken though
/// it is too long.
///
/// An article's beginning (`said` is null) is told from its first sentence on, as far as it fits: that is how it
/// introduces itself. Its lists are part of that, up to `list_words_factor` times `words`. Later the best are taken. A
/// unit that points back comes only with the one before it; the units of a list come all or not at all, and the first
/// choice may be a list of up to `list_words_factor` times `words`.
///
/// `said`: what was spoken last. `closing`: the run's last unit is wanted, it was written as the article's end.
std::vector<const Unit*> choose_units(const std::vector<const Unit*>& run, std::size_t words, const Unit* said,
                                      bool closing);

}  // namespace holdfast::rulebased
