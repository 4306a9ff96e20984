#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"

namespace holdfast::providers {

/// The two faces that a card is set in.
struct FontFiles {
  std::filesystem::path regular{}, bold{};
};

/// DejaVu Sans in the folders where distributions put it; else what fontconfig's `fc-match` calls sans-serif; nothing
/// where this machine has neither. `folders`: where to look first, for tests; empty: the usual ones.
std::optional<FontFiles> find_fonts(const std::vector<std::filesystem::path>& folders = {});

/// How wide text will be when FFmpeg's drawtext draws it: the same library, the same hinting, the same kerning.
///
/// Threads: one at a time.
class FontMetrics {
 public:
  /// Fails with `config` where the file is not a font.
  static result<FontMetrics> open(const std::filesystem::path& file);
  FontMetrics(FontMetrics&&) noexcept;
  FontMetrics& operator=(FontMetrics&&) noexcept;
  ~FontMetrics();

  bool has(char32_t character) const;
  /// In pixels, at a size of `pixels` to the em.
  int width(std::u32string_view text, int pixels) const;

 private:
  struct Face;
  explicit FontMetrics(std::unique_ptr<Face> face);

  std::unique_ptr<Face> face_;
};

}  // namespace holdfast::providers
