#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace holdfast::providers {

/// A folder beside a call's output for what a program reads on the way, gone when the call is over.
class Scratch {
 public:
  /// Throws `ProviderError` where it cannot be made.
  explicit Scratch(const std::filesystem::path& output);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// Writes a file and returns its path. Throws `ProviderError`.
  std::filesystem::path write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace holdfast::providers
