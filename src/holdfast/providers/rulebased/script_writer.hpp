#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"

namespace holdfast::rulebased {

/// Bounds of the options. A scene of less than ten words holds no sentence; of a thousand, it is a chapter.
inline constexpr std::size_t words_per_scene_min = 10;
inline constexpr std::size_t words_per_scene_max = 1000;

struct ScriptOptions {
  std::size_t max_scenes = 12;           ///< 1 to `scenes_max`; a leading line `Scenes: N` of the article overrides it
  std::size_t max_words_per_scene = 60;  ///< spoken in about half a minute; a longer sentence, or a list of twice as
                                         ///< many, may exceed it
};

/// Told after each scene: how many are written, of how many. Called on the caller's thread.
using ScriptProgress = std::function<void(std::size_t done, std::size_t total)>;

/// Writes the script of a narrated video from an article, in the article's own sentences.
///
/// Like a reader with a marker: nothing is invented. Sections become scenes; where a section is too long for its
/// scenes, its sentences are ranked (place, frequent words, words of the heading) and the best are kept, whole and in
/// order. An article with more sections than scenes has its subsections merged and then its least telling sections left
/// out, never the first and the last; a short one is told nearly in full.
///
/// Nothing that is left out may make the rest false. A list that a sentence announces, and one that is numbered, is
/// told whole or not at all. A heading is said, and not only shown, where the text is not understood without: a
/// question before its answer, the heading of a short section that was joined to another, that of a list nothing
/// announces.
///
/// `prompt_text`: Markdown or plain text in English, German or French (others are written too, as if English). Where it
/// has lines `<article>` and `</article>`, what stands between them, and the rest is for others to read. A front matter
/// block and a leading line `Scenes: N` are taken off. Returns JSON, keys in this order:
/// `{"title", "language": "en|de|fr", "scenes": [{"title", "narration", "card"}]}`; narration: plain sentences; card: a
/// heading line, then up to 7 lines beginning with "• ", and lines ending with ":" that announce the next; each has at
/// most 160 characters and is meant to be wrapped. A list is shown from its first point on, a sentence whole or as
/// its main clause. Titles of scenes are unique.
///
/// Same bytes in, same bytes out, on every machine. Threads: any. Time: about linear, a second for some 10 MB.
/// Errors: `too_large` (see `article_bytes_max`); `invalid_argument` where there is nothing to narrate, the text is not
/// UTF-8 text, or an option is out of its bounds.
result<std::string> write_script(std::string_view prompt_text, const ScriptOptions& options = {},
                                 const ScriptProgress& progress = {});

}  // namespace holdfast::rulebased
