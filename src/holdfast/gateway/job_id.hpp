#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

/// An id for a job that says none: its name, cut where it is long, and random letters none of which look alike:
/// "narrated-video-k3f9q2". Each letter more makes two alike 32 times less likely.
std::string new_job_id(std::string_view name, std::size_t letters);

}  // namespace holdfast
