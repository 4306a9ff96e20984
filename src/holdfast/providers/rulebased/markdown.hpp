#pragma once

#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/article.hpp"

namespace holdfast::rulebased {

enum class Dialect : unsigned char {
  markdown,
  plain,  ///< an indent is no code, an angle bracket no HTML
};

/// The blocks of a text whose mark-up md4c reads. Links leave their text; pictures, HTML, code blocks and struck-out
/// text leave nothing; a paragraph that is one short line in bold is a heading; entries of a table of contents are
/// dropped.
///
/// Shape: `text` is valid UTF-8 without NUL, at most `article_bytes_max` bytes. Cannot fail: every text is Markdown.
std::vector<Block> read_markdown(std::string_view text, Dialect dialect);

}  // namespace holdfast::rulebased
