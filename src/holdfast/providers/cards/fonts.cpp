#include "holdfast/providers/cards/fonts.hpp"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <array>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>
#include <vector>

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::vector<fs::path> usual_folders() {
  std::vector<fs::path> folders = {"/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu",
                                   "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF",
                                   "/usr/local/share/fonts"};
  if (const char* home = std::getenv("HOME")) folders.emplace_back(fs::path(home) / ".local/share/fonts");
  return folders;
}

/// The file of the best font for a pattern, as fontconfig's own program says; empty where it is not installed.
fs::path matched(const char* command) {
  // A fixed command line: nothing of a job's enters it.
  const std::unique_ptr<FILE, int (*)(FILE*)> answer(popen(command, "re"), pclose);
  if (!answer) return {};
  std::array<char, 4096> path{};
  if (std::fgets(path.data(), path.size(), answer.get()) == nullptr) return {};
  return fs::path(path.data());
}

}  // namespace

std::optional<FontFiles> find_fonts(const std::vector<fs::path>& folders) {
  for (const fs::path& folder : folders.empty() ? usual_folders() : folders) {
    FontFiles fonts{folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"};
    if (is_file(fonts.regular) && is_file(fonts.bold)) return fonts;
  }
  if (!folders.empty()) return std::nullopt;
  FontFiles fonts{matched("fc-match -f '%{file}' sans-serif:regular 2>/dev/null"),
                  matched("fc-match -f '%{file}' sans-serif:bold 2>/dev/null")};
  if (is_file(fonts.regular) && is_file(fonts.bold)) return fonts;
  return std::nullopt;
}

struct FontMetrics::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  int pixels = 0;                                  ///< the size that `advances` are of
  std::unordered_map<FT_UInt, FT_Pos> advances{};  ///< hinting a glyph is slow, and texts repeat theirs

  Face() = default;
  Face(const Face&) = delete;
  Face& operator=(const Face&) = delete;
  ~Face() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
};

FontMetrics::FontMetrics(std::unique_ptr<Face> face) : face_(std::move(face)) {}
FontMetrics::FontMetrics(FontMetrics&&) noexcept = default;
FontMetrics& FontMetrics::operator=(FontMetrics&&) noexcept = default;
FontMetrics::~FontMetrics() = default;

result<FontMetrics> FontMetrics::open(const fs::path& file) {
  auto face = std::make_unique<Face>();
  if (FT_Init_FreeType(&face->library) != 0 || FT_New_Face(face->library, file.c_str(), 0, &face->face) != 0) {
    return Failure{Errc::config, "'" + file.string() + "' cannot be read as a font"};
  }
  return FontMetrics(std::move(face));
}

bool FontMetrics::has(char32_t character) const {
  return FT_Get_Char_Index(face_->face, character) != 0;
}

int FontMetrics::width(std::u32string_view text, int pixels) const {
  constexpr int units_per_pixel = 64;
  FT_Face face = face_->face;
  if (face_->pixels != pixels) {
    if (FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(pixels)) != 0) return 0;
    face_->pixels = pixels;
    face_->advances.clear();
  }
  FT_Pos units = 0;
  FT_UInt before = 0;
  for (const char32_t character : text) {
    const FT_UInt glyph = FT_Get_Char_Index(face, character);
    FT_Vector kerning{};
    if (before != 0 && FT_Get_Kerning(face, before, glyph, FT_KERNING_DEFAULT, &kerning) == 0) units += kerning.x;
    const auto [advance, is_new] = face_->advances.try_emplace(glyph, 0);
    if (is_new && FT_Load_Glyph(face, glyph, FT_LOAD_DEFAULT) == 0) advance->second = face->glyph->advance.x;
    units += advance->second;
    before = glyph;
  }
  return static_cast<int>((units + units_per_pixel - 1) / units_per_pixel);
}

}  // namespace holdfast::providers
