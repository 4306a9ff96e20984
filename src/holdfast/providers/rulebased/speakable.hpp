#pragma once

#include <string>
#include <string_view>

/// What a voice can read, and how it says what was written for eyes. Pure functions.
namespace holdfast::rulebased {

/// Whether a voice can read it as a sentence: words, figures, units and prices; no addresses, no rests of mark-up or
/// code, no tables of symbols, not endless.
bool is_speakable(std::string_view sentence);

/// The same for a point of a list, which need not be a sentence: "12 €" is one.
bool is_speakable_point(std::string_view point);

/// The way through menus ("File -> Print", "File > Print") with dashes in place of its arrows: a pause is heard there.
std::string as_spoken(std::string_view text);

/// "Etc.", "usw.", "…": says that there is more, and nothing without what stands before it.
bool is_filler(std::string_view point);

}  // namespace holdfast::rulebased
