#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"

namespace holdfast::rulebased {

/// Longest article: a thick book has 2 MB of text. Beyond this it is a mistake, and memory grows to several times it.
inline constexpr std::size_t article_bytes_max = 16u * 1024 * 1024;
/// Most scenes that options or a line `Scenes: N` may ask for: above, a film becomes hours long.
inline constexpr std::size_t scenes_max = 200;

enum class BlockKind : unsigned char {
  heading,
  paragraph,
  item,  ///< of a list, nested ones flattened
  row,   ///< of a table, the heading row left out
  gap,   ///< something that cannot be spoken stood here: code, a picture, HTML
};

/// A piece of an article as words: no mark-up, no pictures, no footnote marks, white space folded.
struct Block {
  BlockKind kind = BlockKind::paragraph;
  int level = 0;                     ///< headings: 1 to 6
  std::string text{};                ///< rows: empty
  std::string lead{};                ///< what stands in bold at the beginning of a paragraph or item ("Sticky.")
  std::vector<std::string> cells{};  ///< rows only
  bool begins_list = false;          ///< items: the first of its list
  bool ordered = false;              ///< items: of a numbered list
};

struct Article {
  std::string front_title;                ///< `title:` of the front matter; empty where there is none
  std::optional<std::size_t> scenes_max;  ///< of a leading line `Scenes: N`
  std::vector<Block> blocks;
};

/// What stands between a line `<article>` and the last line `</article>`; all of the text where there are none. So one
/// prompt serves a language model, which is told what to do around them, and this.
std::string_view article_in(std::string_view prompt_text);

/// Reads Markdown (CommonMark with tables, by md4c) or plain text, told apart by whether any mark-up is there. In plain
/// text a short line that stands alone, is underlined or in capitals is a heading.
///
/// Errors: `too_large` above `article_bytes_max`; `invalid_argument` for what is no text (NUL bytes, not UTF-8) and for
/// `Scenes: N` out of range. An article without words is not an error here: its blocks are empty.
result<Article> read_article(std::string_view source);

}  // namespace holdfast::rulebased
