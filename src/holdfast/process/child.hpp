#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/instant.hpp"
#include "holdfast/process/progress_reader.hpp"
#include "holdfast/process/spawner.hpp"

namespace holdfast::process {

/// The end of stderr that is kept: a screenful; errors are said last.
inline constexpr std::size_t stderr_bytes_max = 4096;
/// Of it, what `Exit::describe` quotes: a few lines.
inline constexpr std::size_t described_bytes_max = 400;
/// What is read or written between two looks at the other pipes and the stop token: the size of a pipe.
inline constexpr std::size_t chunk_bytes_max = 64 * 1024;
/// The most that can wait in a pipe when its writer ends (the kernel's limit for a pipe made larger).
inline constexpr std::size_t pipe_bytes_max = 1024 * 1024;

/// What to run. An argument list, never a shell line.
struct Command {
  std::vector<std::string> argv{};           ///< the program first: a path, or a name that is looked for in PATH
  std::map<std::string, std::string> env{};  ///< laid over the parent's environment; PATH among it is the one searched
  std::filesystem::path cwd{};               ///< empty: the parent's
  std::string stdin_bytes{};                 ///< empty: the child's stdin is /dev/null
  std::optional<std::filesystem::path> stdout_file{};  ///< made or emptied, mode 0666 less the umask; absent: memory
  std::vector<int> success_exit_codes{0};              ///< empty: only 0
  std::filesystem::path watched_output{};  ///< growth is progress of `output_bytes`; relative to cwd; empty: stdout
  ProgressKind progress{};
};

struct RunOptions {
  /// From SIGTERM to SIGKILL after a stop: time to finish a file's index and to remove temporary files.
  milliseconds kill_grace{5000};
  /// How long a pipe is still read that another process holds open after the child's own end.
  milliseconds pipe_grace{2000};
  /// Between two looks at `watched_output`; a stall threshold is at least some seconds.
  milliseconds watch_interval{500};
  /// Stdout that is kept in memory: more than any text, and what a machine can spare for each of several children.
  std::size_t stdout_bytes_max = 64 * 1024 * 1024;
  /// Of what `ffmpeg` makes; absent: no percent.
  std::optional<milliseconds> media_duration{};
  /// Called once, as soon as the program runs, with its process group (which is its pid and its session too): whoever
  /// resumes after a crash ends what is still there of it.
  std::function<void(pid_t)> on_started{};
};

/// How a child that ran has ended.
struct Exit {
  std::string program{};          ///< as sentences name it: without its folder
  int status = 0;                 ///< exit status; 0 where a signal ended it
  int signal = 0;                 ///< the signal that ended it; 0: none
  bool succeeded = false;         ///< by itself, with one of the success codes
  bool cancelled = false;         ///< it was told to stop; whatever its status, its output is not whole
  bool output_left_open = false;  ///< it left a process behind that holds its pipes; what that writes later is not here
  std::string stdout_bytes{};     ///< empty where there is a `stdout_file`
  std::int64_t stdout_count = 0;  ///< bytes, wherever they went
  std::string stderr_end{};       ///< `plain_text`, at most `stderr_bytes_max`

  /// «ffmpeg exited with status 1: No such filter: 'x'», «ffmpeg was killed by signal 9 (SIGKILL)», «ffmpeg was
  /// cancelled», «ffmpeg finished». One line; lines of stderr are joined by " | ".
  std::string describe() const;
};

/// Called on the thread that called `run`, whenever the child wrote something or the watched file grew.
using ProgressSink = std::function<void(const ChildProgress&)>;

/// Runs a child to its end.
///
/// A stop sends SIGTERM to its process group, after `kill_grace` SIGKILL; what is left of the group when the child and
/// its pipes have ended is killed too. Without a stop, processes that it left behind are left alone.
///
/// Threads: any, at once; blocks the caller's. Time: its own, monotonic; nothing ends by elapsed time but what a stop
/// began. An exception of the sink or of `on_started` kills the group and reaches the caller. The environment is read
/// here: nobody may change it meanwhile.
/// Errors (a failure, where there is no ending to tell): provider_unreachable «cannot start 'x': No such file or
/// directory», nothing has run; invalid_argument: a command that cannot be one, a `stdout_file` that cannot be opened;
/// too_large: stdout above `stdout_bytes_max`, the group was ended; provider_failed: `stdout_file` cannot be written
/// (disk full), the group was ended; cancelled: stopped before it was started; outcome_unknown: it ran, but somebody
/// else in this process took its ending (SIGCHLD ignored, or a `wait` for any child).
/// Limits: a child that even SIGKILL does not end (waiting for a dead network disk) is waited for.
result<Exit> run(Spawner& spawner, const Command& command, std::stop_token stop, const ProgressSink& sink,
                 const RunOptions& options = {});

}  // namespace holdfast::process
