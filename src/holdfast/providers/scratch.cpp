#include "holdfast/providers/scratch.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "holdfast/gateway/gateway.hpp"

namespace holdfast::providers {

namespace fs = std::filesystem;

Scratch::Scratch(const fs::path& output) : folder_(output.string() + ".scratch") {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) {
    throw ProviderError(ProviderFault{.error_class = ErrorClass::other,
                                      .message = "cannot make '" + folder_.string() + "': " + error.message()});
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path Scratch::write(const std::string& name, std::string_view content) const {
  const fs::path path = folder_ / name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  if (!file) {
    throw ProviderError(ProviderFault{.error_class = ErrorClass::other,
                                      .message = "cannot write '" + path.string() + "': " + std::strerror(errno)});
  }
  return path;
}

}  // namespace holdfast::providers
