#pragma once

#include <chrono>
#include <cstddef>
#include <iosfwd>
#include <string>

#include "holdfast/control/remote.hpp"
#include "holdfast/core/question.hpp"

namespace holdfast::cli {

/// Whoever does not answer within it is stopped (Ctrl-Z), and keeps nobody from what others have to say.
inline constexpr std::chrono::milliseconds look_time{2'000};

/// How many items the question's stage has; 0 where nobody says.
std::size_t items_of(const control::Remote& remote, const Question& question);

/// Whom it is about, its evidence, and the commands that answer it, each whole. `holdfast`: how these begin.
void print_question(const Question& question, std::size_t items, const std::string& holdfast, std::ostream& out);

}  // namespace holdfast::cli
