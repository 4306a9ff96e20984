#include "holdfast/base/text.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace holdfast {

/// Levenshtein's recurrence over one row.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string_view cut_to_bytes(std::string_view utf8, std::size_t bytes_max) {
  if (utf8.size() <= bytes_max) return utf8;
  std::size_t end = bytes_max;
  // The bytes of a character after its first are 10xxxxxx.
  while (end > 0 && (static_cast<unsigned char>(utf8[end]) & 0xc0) == 0x80)
    --end;
  return utf8.substr(0, end);
}

}  // namespace holdfast
