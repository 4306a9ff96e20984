#pragma once

#include <string>

#include "holdfast/core/listing.hpp"

namespace holdfast::store {

/// This process as an owner of jobs: number, start and boot as /proc tells them.
Owner this_process(std::string program, std::string socket);

/// Any process, without what only it knows. `start_time` 0: there is none of that number.
Owner process_of(std::int64_t pid);

/// Whether that process is still the one it was: same boot, same number, same start. What cannot be read is dead.
bool alive(const Owner& owner);

/// The same process, whatever it calls itself and wherever it answers.
bool same_process(const Owner& a, const Owner& b);

/// "process 4711 (holdfast run, socket /run/…)"
std::string text(const Owner& owner);

}  // namespace holdfast::store
