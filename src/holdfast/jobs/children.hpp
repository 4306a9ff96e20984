#pragma once

#include <filesystem>
#include <string>

namespace holdfast::jobs {

/// Notes that process group `group` works for an attempt, so that whoever resumes the job finds it. Best effort: the
/// kernel ends a child with its parent anyway; this is for what the child has started in turn.
void note_child(const std::filesystem::path& note, int group);

/// Ends what is still there of the groups that a killed run left in `folder`, TERM first and KILL after two seconds,
/// and takes the notes away. A group whose number belongs to somebody else by now is left alone, and so is whoever left
/// its group for a session of its own.
void end_children(const std::filesystem::path& folder);

}  // namespace holdfast::jobs
