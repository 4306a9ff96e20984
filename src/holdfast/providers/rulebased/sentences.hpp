#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/language.hpp"

namespace holdfast::rulebased {

/// The sentences of one paragraph, in order, in its own words; joined by blanks they are the paragraph again.
///
/// A full stop ends a sentence unless something speaks against it: a small letter, an abbreviation, an initial, a
/// German ordinal, a bracket that is still open. In doubt two sentences stay one: a long sentence is heard, a torn one
/// confuses.
///
/// Time: linear in the paragraph. Shape: `paragraph` has its white space folded.
std::vector<std::string> split_sentences(std::string_view paragraph, Language language);

}  // namespace holdfast::rulebased
