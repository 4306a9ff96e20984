#include "holdfast/jobs/artifacts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "holdfast/jobs/children.hpp"

namespace holdfast::jobs {
namespace {

namespace fs = std::filesystem;

Failure disk_says(const std::string& what, const fs::path& path, const std::string& why) {
  return {Errc::store_unavailable, fmt::format("{} '{}': {}", what, path.string(), why)};
}

/// What is in the file or folder is on the disk when this returns.
result<void> sync(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return disk_says("cannot open", path, std::strerror(errno));
  const int done = ::fsync(file);
  const int error = errno;
  ::close(file);
  if (done != 0) return disk_says("cannot save", path, std::strerror(error));
  return {};
}

std::string read_marker(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// How the folders of all attempts at one artifact begin.
std::string attempt_prefix(std::size_t stage, std::size_t item) {
  return fmt::format("{:02}-{:05}-", stage, item);
}

/// The nearest folder above that exists.
fs::path existing_above(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

}  // namespace

ArtifactFolder::ArtifactFolder(fs::path out, std::string job_id)
    : out_(fs::absolute(out).lexically_normal()), job_id_(std::move(job_id)) {}

std::optional<std::string> ArtifactFolder::problem() const {
  std::error_code error;
  const fs::file_status status = fs::status(out_, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) return fmt::format("the output folder '{}' is a file", out_.string());
    const bool empty = fs::is_empty(out_, error);
    if (error) return fmt::format("the output folder '{}' cannot be read: {}", out_.string(), error.message());
    if (!empty && read_marker(work() / "job") != job_id_) {
      return fmt::format("the output folder '{}' holds other files; name an empty or a new one with --out",
                         out_.string());
    }
  }
  const fs::path above = existing_above(out_);
  if (::access(above.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("the output folder '{}' cannot be made: '{}' cannot be written", out_.string(), above.string());
  }
  return std::nullopt;
}

result<void> ArtifactFolder::open() {
  if (const auto why = problem()) return Failure{Errc::config, *why};
  std::error_code error;
  fs::create_directories(work(), error);
  if (error) return disk_says("cannot make", work(), error.message());
  std::ofstream marker(work() / "job", std::ios::binary | std::ios::trunc);
  marker << job_id_ << std::flush;
  if (!marker) return disk_says("cannot write", work() / "job", std::strerror(errno));
  return {};
}

void ArtifactFolder::end_children() const {
  // The folder may have been emptied and be another job's by now.
  if (read_marker(work() / "job") == job_id_) jobs::end_children(work());
}

result<Attempt> ArtifactFolder::attempt(std::size_t stage, std::size_t item, const std::string& output) {
  const std::lock_guard lock(mutex_);
  // Numbered through the job, and past what an earlier process left: an attempt never writes where another one did.
  std::error_code error;
  Attempt made;
  do {
    made.folder = work() / fmt::format("{}{}", attempt_prefix(stage, item), ++attempts_);
  } while (fs::exists(made.folder, error));
  fs::create_directories(made.folder, error);
  if (error) return disk_says("cannot make", made.folder, error.message());
  made.output = made.folder / fs::path(output).filename();
  made.input_file = fs::path(made.folder.string() + ".prompt");
  made.process_note = fs::path(made.folder.string() + ".process");
  outputs_.insert(made.output);
  return made;
}

result<fs::path> ArtifactFolder::keep(const Attempt& attempt, const std::string& output) {
  const fs::path whole = out_ / output;
  if (auto synced = sync(attempt.output); !synced) return synced.error();
  std::error_code error;
  fs::create_directories(whole.parent_path(), error);
  if (error) return disk_says("cannot make", whole.parent_path(), error.message());
  fs::rename(attempt.output, whole, error);
  if (error) return disk_says("cannot move an artifact to", whole, error.message());
  for (fs::path folder = whole.parent_path();; folder = folder.parent_path()) {
    if (auto synced = sync(folder); !synced) return synced.error();
    if (folder == out_ || !folder.has_relative_path()) break;
  }
  const std::lock_guard lock(mutex_);
  // Nothing is unfinished about it any more, whatever attempts before this one have left.
  const std::string name = attempt.folder.filename().string();
  const std::string begin = name.substr(0, name.rfind('-') + 1);
  std::erase_if(outputs_,
                [&](const fs::path& each) { return each.parent_path().filename().string().starts_with(begin); });
  fs::remove_all(attempt.folder, error);
  fs::remove(attempt.input_file, error);
  fs::remove(attempt.process_note, error);
  return whole;
}

std::optional<fs::path> ArtifactFolder::made_since(std::size_t stage, std::size_t item, const std::string& output,
                                                   WallTime since) const {
  // File systems take their times from a clock that lags by up to a tick of the kernel's.
  constexpr milliseconds tick{10};
  fs::path whole = out_ / output;
  struct stat found{};
  if (::stat(whole.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_size == 0) return std::nullopt;
  const auto changed = std::chrono::seconds(found.st_mtim.tv_sec) + std::chrono::nanoseconds(found.st_mtim.tv_nsec);
  if (changed + tick < since.time_since_epoch()) return std::nullopt;
  std::error_code error;
  const std::string begin = attempt_prefix(stage, item);
  for (const auto& each : fs::directory_iterator(work(), error)) {
    if (each.is_directory(error) && each.path().filename().string().starts_with(begin)) return std::nullopt;
  }
  return error ? std::nullopt : std::optional(std::move(whole));
}

std::vector<fs::path> ArtifactFolder::partial() const {
  const std::lock_guard lock(mutex_);
  std::vector<fs::path> found;
  for (const fs::path& output : outputs_) {
    std::error_code error;
    const auto size = fs::file_size(output, error);
    if (!error && size > 0) found.push_back(output);
  }
  return found;
}

void ArtifactFolder::finish() {
  std::error_code ignored;
  fs::remove_all(work(), ignored);
}

}  // namespace holdfast::jobs
