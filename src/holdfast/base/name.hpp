#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

/// Longest name of a job, stage, provider or type: 256 bytes keeps every record and header line bounded.
inline constexpr std::size_t name_bytes_max = 256;

bool is_utf8(std::string_view text);

/// What is wrong with a name, as the end of a sentence that begins with what it names ("is empty", "is 300 bytes
/// long; 256 are allowed"); nothing where it is good: UTF-8, 1 to 256 bytes, not blank, no control characters.
std::optional<std::string> name_problem(std::string_view name);

/// Provider and stage names compare without regard to ASCII case. Everything else about them is kept.
bool same_name(std::string_view a, std::string_view b);
/// ASCII letters in lower case, for keys.
std::string folded(std::string_view name);

struct NameLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

}  // namespace holdfast
