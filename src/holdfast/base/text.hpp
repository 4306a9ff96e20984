#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast {

/// How many bytes must be put in, taken out or replaced to make one word of the other (Levenshtein): to name what was
/// probably meant. Costs the product of both lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The first `bytes_max` bytes at most, cut between characters.
std::string_view cut_to_bytes(std::string_view utf8, std::size_t bytes_max);

}  // namespace holdfast
