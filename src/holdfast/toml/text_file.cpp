#include "holdfast/toml/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "holdfast/base/name.hpp"

namespace holdfast {
namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Problems problem(const std::filesystem::path& file, std::size_t line, std::string message) {
  Problems problems(file.string());
  problems.add(static_cast<std::uint32_t>(line), std::move(message));
  return problems;
}

Problems unreadable(const std::filesystem::path& file, int error) {
  return problem(file, 0, fmt::format("cannot be read: {}", std::generic_category().message(error)));
}

}  // namespace

std::string spoken_bytes(std::size_t bytes) {
  if (bytes >= mebibyte && bytes % mebibyte == 0) return fmt::format("{} MiB", bytes / mebibyte);
  return fmt::format("{} bytes", bytes);
}

std::size_t broken_utf8_line(std::string_view text) {
  std::size_t line = 1;
  while (!text.empty()) {
    // A line end is never part of a longer character, so each line stands for itself.
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!is_utf8(text.substr(0, end))) return line;
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  return 0;
}

checked<std::string> read_text_file(const std::filesystem::path& file, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, Close> in(std::fopen(file.c_str(), "rb"));
  if (!in) return unreadable(file, errno);
  std::string text;
  char block[16 * 1024];
  for (;;) {
    const std::size_t got = std::fread(block, 1, sizeof block, in.get());
    text.append(block, got);
    if (text.size() > bytes_max) {
      return problem(file, 0, fmt::format("is larger than {}, which is the limit", spoken_bytes(bytes_max)));
    }
    if (got < sizeof block) break;
  }
  if (std::ferror(in.get())) return unreadable(file, errno);
  if (const std::size_t line = broken_utf8_line(text)) {
    return problem(file, line, "is not valid UTF-8; save it as UTF-8");
  }
  return checked<std::string>(boost::system::in_place_value, std::move(text));
}

}  // namespace holdfast
