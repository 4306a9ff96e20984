#pragma once

#include <string>
#include <string_view>

/// What the writer knows about the three languages it is made for. Tables; pure functions.
namespace holdfast::rulebased {

enum class Language : unsigned char { en, de, fr };

/// "en", "de", "fr".
std::string_view code(Language language);

/// The language whose stop words the text uses most; English where that is undecided. Looks at the first 64 KiB.
Language detect_language(std::string_view text);

/// Words that carry no subject ("the", "und", "dans"). `word` in lower case.
bool is_stop_word(Language language, std::string_view word);

/// Words that point back at the sentence before ("this", "deshalb", "elle"): cut off from it, they confuse.
bool points_back(Language language, std::string_view word);

/// Words that begin a clause which is none by itself ("weil", "if", "lorsque").
bool subordinates(Language language, std::string_view word);
/// Words before which a whole clause ends ("und", "but", "car").
bool coordinates(Language language, std::string_view word);

/// Those of them that point at all of what was said, and not at the article's subject ("that", "deshalb", "cela").
bool points_at_sentence(Language language, std::string_view word);

/// How an abbreviation behaves before a capital letter.
enum class Abbreviation : unsigned char {
  none,
  inside,   ///< the sentence goes on: "Dr.", "z. B."
  either,   ///< it may end one: "usw.", "a.m."
  numeral,  ///< one before a number only: "No. 5", but "No. It was"
};
/// `word` in lower case, without its last full stop, blanks within taken out: "z.b", "mme".
Abbreviation abbreviation(Language language, std::string_view word);

/// Words that are written after a German ordinal and never begin a sentence there: months.
bool is_month(std::string_view word);

/// Sections that tell about the document and not about its subject: "License", "Inhalt", "Références".
bool is_boilerplate_heading(std::string_view heading);

/// The heading as it stands before what it announces: "Zutaten:", "Ingrédients :".
std::string announcing(Language language, std::string_view heading);

/// The title of the nth scene (from 2) that goes on under the same heading: "Title (continued)".
std::string continued(Language language, std::string_view title, std::size_t part);

}  // namespace holdfast::rulebased
