#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/instant.hpp"

namespace holdfast::jobs {

/// Where an attempt writes: files that count only once `ArtifactFolder::keep` has given them their name.
struct Attempt {
  std::filesystem::path folder{};
  std::filesystem::path output{};        ///< has the extension of the artifact: FFmpeg reads the format from it
  std::filesystem::path input_file{};    ///< for the prompt, beside the folder and not in it
  std::filesystem::path process_note{};  ///< for the process group that works on it: `note_child`
};

/// The folder that a job leaves behind.
///
/// Like a workshop with a shelf: what is unfinished lies in OUT/.holdfast/ATTEMPT/, what is whole is moved to OUT by
/// one rename, and is on the disk before anybody is told. An attempt never meets the remains of another.
///
/// Threads: any. Errors: `config` where the folder cannot be the job's, `store_unavailable` where the disk refuses.
class ArtifactFolder {
 public:
  ArtifactFolder(std::filesystem::path out, std::string job_id);

  /// Why the folder cannot be used: there is something else in it, it is a file, it cannot be written. Writes nothing.
  std::optional<std::string> problem() const;
  /// Makes it, and marks it as this job's.
  result<void> open();

  /// Ends the process groups that a killed run of this job has left running.
  void end_children() const;

  /// A new folder for one attempt at one artifact. `stage` and `item` count from 1 and make it readable.
  result<Attempt> attempt(std::size_t stage, std::size_t item, const std::string& output);
  /// Moves what the attempt wrote to OUT/`output`, durably. Returns where it is.
  result<std::filesystem::path> keep(const Attempt& attempt, const std::string& output);
  /// The artifact, where an earlier process has made it whole in an attempt that began at `since`: it has its name and
  /// is no older, and no attempt at it is left. What has the name is whole; but it may be of a run before `--from`.
  std::optional<std::filesystem::path> made_since(std::size_t stage, std::size_t item, const std::string& output,
                                                  WallTime since) const;
  /// What attempts at artifacts that are not whole have left behind, in the order of their folders.
  std::vector<std::filesystem::path> partial() const;
  /// Takes OUT/.holdfast away: everything is whole.
  void finish();

  const std::filesystem::path& out() const { return out_; }

 private:
  std::filesystem::path work() const { return out_ / ".holdfast"; }

  const std::filesystem::path out_;
  const std::string job_id_;
  mutable std::mutex mutex_;
  std::size_t attempts_ = 0;
  std::set<std::filesystem::path> outputs_;  ///< of the attempts at what is not whole
};

}  // namespace holdfast::jobs
