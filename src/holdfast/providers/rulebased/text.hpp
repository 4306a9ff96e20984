#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// UTF-8 text by code points: what a sentence splitter, a word counter and a title card need to know about letters.
///
/// All texts handed in are valid UTF-8 (the article's reader refuses others). Case is known for Latin, Greek and
/// Cyrillic letters; others have none. Pure functions.
namespace holdfast::rulebased {

/// The code point that begins at byte `at`, which moves behind it. Shape: `at < text.size()`.
char32_t next_code_point(std::string_view text, std::size_t& at);
/// The byte where the code point that ends at byte `end` begins. Shape: `end > 0`.
std::size_t previous_code_point(std::string_view text, std::size_t end);
void append_code_point(std::string& out, char32_t c);

bool is_space(char32_t c);
bool is_digit(char32_t c);
bool is_letter(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
char32_t lower(char32_t c);
/// Pictures among the letters: emoji, dingbats, variation selectors, joiners, soft hyphens. A voice stumbles over them.
bool is_pictogram(char32_t c);
/// ») ] ” and the like; “ closes a German quotation and opens an English one, so it is in both sets.
bool is_closer(char32_t c);
bool is_opener(char32_t c);

/// Letters in lower case.
std::string folded_case(std::string_view text);
/// White space at the ends gone, within folded to one blank; a no-break space stays one (U+00A0) if `keep_no_break`.
std::string folded_space(std::string_view text, bool keep_no_break = false);
/// Spoken length in words: runs between white space that hold a letter or digit, but at least a sixteenth of the bytes,
/// so that text without blanks does not count as one word.
std::size_t count_words(std::string_view text);
std::size_t count_characters(std::string_view text);
/// The words in lower case, without what surrounds them.
std::vector<std::string> words_of(std::string_view text);
bool has_letter(std::string_view text);

/// Ends with . ! ? or …, closing quotes and brackets behind it allowed.
bool ends_sentence(std::string_view text);
/// The text as something that can be spoken on its own: dangling , ; : – gone, a full stop added where none ends it.
std::string terminated(std::string_view text);

}  // namespace holdfast::rulebased
