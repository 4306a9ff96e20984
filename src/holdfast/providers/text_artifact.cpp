#include "holdfast/providers/text_artifact.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "holdfast/gateway/gateway.hpp"

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

/// 0, or the error of the system.
int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

void write_artifact(const fs::path& path, std::string_view content) {
  const fs::path part = path.parent_path() / (".part-" + path.filename().string());
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int error = file < 0 ? errno : write_all(file, content);
  if (file >= 0 && ::close(file) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(part.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return;
  if (file >= 0) ::unlink(part.c_str());
  throw ProviderError(ProviderFault{.error_class = ErrorClass::other,
                                    .message = "cannot write '" + path.string() + "': " + std::strerror(error)});
}

}  // namespace holdfast::providers
