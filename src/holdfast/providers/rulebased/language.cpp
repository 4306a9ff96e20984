#include "holdfast/providers/rulebased/language.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

using Words = std::set<std::string_view>;

constexpr std::size_t detection_bytes_max = 64 * 1024;  ///< some ten thousand words decide as well as all of them

const Words english_stop_words{
    "a",      "about",  "after",   "again", "all",    "also",  "an",      "and",     "any",   "are",     "as",
    "at",     "be",     "because", "been",  "before", "being", "between", "both",    "but",   "by",      "can",
    "cannot", "could",  "did",     "do",    "does",   "down",  "during",  "each",    "even",  "every",   "few",
    "for",    "from",   "had",     "has",   "have",   "he",    "her",     "here",    "his",   "how",     "however",
    "i",      "if",     "in",      "into",  "is",     "it",    "its",     "just",    "many",  "may",     "more",
    "most",   "much",   "must",    "my",    "never",  "no",    "not",     "nothing", "now",   "of",      "off",
    "on",     "once",   "one",     "only",  "or",     "other", "our",     "out",     "over",  "own",     "same",
    "she",    "should", "since",   "so",    "some",   "such",  "than",    "that",    "the",   "their",   "them",
    "then",   "there",  "these",   "they",  "this",   "those", "through", "to",      "too",   "under",   "until",
    "up",     "us",     "very",    "was",   "we",     "were",  "what",    "when",    "where", "whether", "which",
    "while",  "who",    "whom",    "why",   "will",   "with",  "without", "would",   "you",   "your"};

const Words german_stop_words{
    "aber",     "alle",    "allem",   "allen",  "aller",  "alles",  "als",    "also",   "am",     "an",    "andere",
    "auch",     "auf",     "aus",     "bei",    "beim",   "bis",    "bleibt", "da",     "dabei",  "dafür", "daher",
    "damit",    "danach",  "dann",    "das",    "dass",   "davon",  "dazu",   "dem",    "den",    "denn",  "der",
    "des",      "deshalb", "die",     "dies",   "diese",  "diesem", "diesen", "dieser", "dieses", "doch",  "dort",
    "durch",    "eben",    "ein",     "eine",   "einem",  "einen",  "einer",  "eines",  "er",     "erst",  "es",
    "etwa",     "für",     "gegen",   "hat",    "hatte",  "hatten", "hier",   "ich",    "ihm",    "ihn",   "ihr",
    "ihre",     "ihrem",   "ihren",   "ihrer",  "im",     "immer",  "in",     "ins",    "ist",    "ja",    "jede",
    "jeder",    "jedes",   "jedoch",  "jetzt",  "kann",   "kein",   "keine",  "können", "man",    "mehr",  "mit",
    "muss",     "nach",    "nicht",   "nichts", "noch",   "nun",    "nur",    "ob",     "oder",   "ohne",  "schon",
    "sehr",     "sein",    "seine",   "seinem", "seinen", "seiner", "seit",   "sich",   "sie",    "sind",  "so",
    "sobald",   "soll",    "sondern", "um",     "und",    "uns",    "unser",  "unter",  "viele",  "vom",   "von",
    "vor",      "wann",    "war",     "waren",  "warum",  "was",    "weil",   "welche", "wenn",   "wer",   "werden",
    "wie",      "wieder",  "wir",     "wird",   "wo",     "wurde",  "wurden", "zu",     "zum",    "zur",   "zwar",
    "zwischen", "über"};

const Words french_stop_words{
    "a",      "afin",    "ai",    "ainsi",  "alors",    "après",   "au",    "aucun", "aucune",  "aussi",  "autre",
    "autres", "aux",     "avait", "avant",  "avec",     "avoir",   "c",     "car",   "ce",      "cela",   "celle",
    "celui",  "ces",     "cet",   "cette",  "ceux",     "chaque",  "chez",  "comme", "comment", "d",      "dans",
    "de",     "depuis",  "des",   "deux",   "donc",     "dont",    "du",    "elle",  "elles",   "en",     "encore",
    "entre",  "est",     "et",    "eu",     "fait",     "il",      "ils",   "j",     "je",      "jusqu",  "l",
    "la",     "le",      "les",   "leur",   "leurs",    "lorsque", "lui",   "mais",  "moins",   "même",   "n",
    "ne",     "ni",      "nous",  "on",     "ont",      "ou",      "où",    "par",   "parce",   "pas",    "pendant",
    "peu",    "peut",    "plus",  "pour",   "pourquoi", "qu",      "quand", "que",   "quel",    "quelle", "qui",
    "s",      "sa",      "sans",  "se",     "selon",    "ses",     "si",    "son",   "sont",    "sous",   "sur",
    "tous",   "tout",    "toute", "toutes", "très",     "un",      "une",   "vers",  "vous",    "y",      "à",
    "était",  "étaient", "été",   "être"};

const Words english_back{"this",  "that",  "these",   "those",     "it",   "its",     "they",      "them",    "he",
                         "she",   "his",   "her",     "their",     "such", "then",    "however",   "but",     "and",
                         "so",    "thus",  "also",    "therefore", "both", "instead", "otherwise", "because", "here",
                         "there", "again", "neither", "nor",       "yet",  "still",   "or"};
const Words german_back{"dies",       "diese",    "diesem",     "diesen", "dieser", "dieses",  "er",      "sie",
                        "es",         "ihr",      "ihre",       "sein",   "seine",  "deshalb", "daher",   "darum",
                        "doch",       "aber",     "und",        "denn",   "so",     "dann",    "jedoch",  "trotzdem",
                        "dabei",      "dazu",     "damit",      "davon",  "dort",   "hier",    "auch",    "zudem",
                        "allerdings", "außerdem", "sonst",      "oder",   "danach", "seither", "seitdem", "darin",
                        "daran",      "darauf",   "stattdessen"};
const Words french_back{"il",   "elle",  "ils",   "elles", "ce",       "cet",     "cette", "ces",       "cela",
                        "ça",   "mais",  "et",    "donc",  "or",       "car",     "ainsi", "puis",      "alors",
                        "c",    "y",     "aussi", "enfin", "pourtant", "ensuite", "celui", "cependant", "toutefois",
                        "leur", "leurs", "sa",    "son",   "ses",      "celle"};

const Words english_subordinate{"if",      "when",     "while",  "because", "although", "though", "since",
                                "as",      "after",    "before", "until",   "where",    "unless", "whereas",
                                "whether", "whenever", "once",   "that",    "to"};
const Words german_subordinate{"wenn", "weil", "als",     "obwohl", "da",    "nachdem", "bevor", "während", "sobald",
                               "ob",   "dass", "solange", "falls",  "damit", "wer",     "was",   "wo",      "wie",
                               "um",   "seit", "bis",     "ehe",    "indem", "sofern",  "wann"};
const Words french_subordinate{"si",    "quand", "lorsque", "lorsqu", "comme",  "parce", "puisque", "puisqu", "après",
                               "avant", "dès",   "pour",    "afin",   "tandis", "où",    "qui",     "que"};
const Words english_coordinate{"and", "but", "so", "or", "yet"};
const Words german_coordinate{"und", "aber", "denn", "sondern", "oder", "doch"};
const Words french_coordinate{"et", "mais", "car", "ou", "donc"};

const Words english_back_at_all{"this", "that", "these", "those", "thus", "therefore", "such", "so"};
const Words german_back_at_all{"das",   "dies",  "diese", "dieser", "dieses", "deshalb",
                               "daher", "darum", "damit", "dabei",  "davon",  "trotzdem"};
const Words french_back_at_all{"cela", "ça", "ce", "c", "ceci", "donc", "ainsi"};

const Words inside_any{"dr",   "prof", "st",  "cf",  "ca",  "approx", "vs",   "mr",   "mrs", "ms",  "sgt",
                       "capt", "lt",   "col", "e.g", "i.e", "hon",    "ph.d", "sept", "nov", "vgl", "messrs"};
const Words inside_en{"mt",  "dept", "est", "ed",  "eds", "gen",  "gov", "sen",  "rep",  "rev", "jan", "feb",
                      "apr", "aug",  "oct", "dec", "viz", "resp", "ave", "cmdr", "incl", "esp", "ibid"};
const Words inside_de{"bzw",  "bspw",  "sog",  "evtl",   "ggf",  "inkl",   "exkl",  "zzgl",  "abzgl", "str",  "hr",
                      "fr",   "frl",   "dipl", "ing",    "geb",  "gest",   "verh",  "tel",   "hrsg",  "mind", "max",
                      "allg", "bes",   "gem",  "entspr", "gegr", "österr", "dt",    "engl",  "frz",   "lat",  "griech",
                      "jan",  "feb",   "aug",  "okt",    "dez",  "z.b",    "d.h",   "i.d.r", "u.u",   "z.t",  "v.a",
                      "s.o",  "s.u",   "m.e",  "d.i",    "i.a",  "o.g",    "u.a.m", "sog",   "vorm",  "rd",   "zw",
                      "insb", "urspr", "ehem", "wiss",   "med",  "phil",   "jur",   "rer",   "nat",   "hl",   "a.d"};
const Words inside_fr{"m",   "mm",  "mme",    "mmes",  "mlle", "mlles", "me",  "mgr",  "pr",   "ste", "p.ex",
                      "ex",  "env", "av",     "bd",    "éd",   "ed",    "tél", "janv", "févr", "avr", "juil",
                      "oct", "déc", "c.-à-d", "c.à.d", "réf",  "trad",  "apr", "boul", "hab",  "id"};
const Words either_any{"etc", "inc", "ltd", "co", "corp", "jr", "sr", "a.m", "p.m", "al", "u.s", "u.k", "d.c", "bros"};
const Words either_de{"usw", "u.a", "u.ä",   "o.ä",   "ff",  "jh",    "jhdt",  "jhd", "mio",   "mrd", "std", "min",
                      "sek", "chr", "v.chr", "n.chr", "e.v", "u.v.m", "u.s.w", "uvm", "a.a.o", "a.d", "o.j", "g.m.b.h"};
const Words either_fr{"j.-c", "av.j.-c", "apr.j.-c", "s.a", "s.a.r.l", "cie"};
const Words numeral_any{"no",   "nos", "nr",  "n",    "p",   "pp",  "s",    "art", "abs", "vol",
                        "vols", "kap", "fig", "figs", "abb", "tab", "chap", "ch",  "sec", "v",
                        "ver",  "anm", "eq",  "op",   "bd",  "z",   "rn",   "bl"};

const Words months{"januar",      "jänner",       "februar",   "märz",       "april",     "mai",      "juni",
                   "juli",        "august",       "september", "oktober",    "november",  "dezember", "jan",
                   "feb",         "apr",          "aug",       "sept",       "okt",       "nov",      "dez",
                   "jahrhundert", "jahrhunderts", "jahrestag", "geburtstag", "weltkrieg", "stock",    "klasse"};

const Words boilerplate{"license",
                        "licence",
                        "licensing",
                        "contributing",
                        "contributors",
                        "contents",
                        "table of contents",
                        "toc",
                        "references",
                        "see also",
                        "further reading",
                        "acknowledgements",
                        "acknowledgments",
                        "credits",
                        "changelog",
                        "authors",
                        "badges",
                        "footnotes",
                        "links",
                        "sponsors",
                        "code of conduct",
                        "lizenz",
                        "mitwirken",
                        "inhalt",
                        "inhaltsverzeichnis",
                        "literatur",
                        "quellen",
                        "danksagung",
                        "siehe auch",
                        "weiterführende links",
                        "einzelnachweise",
                        "fußnoten",
                        "autoren",
                        "contribuer",
                        "sommaire",
                        "table des matières",
                        "références",
                        "bibliographie",
                        "sources",
                        "remerciements",
                        "voir aussi",
                        "liens",
                        "notes",
                        "auteurs",
                        "licence et crédits"};

/// The one of the three that is of this language.
template <class T>
const T& of(Language language, const T& english, const T& german, const T& french) {
  return language == Language::en ? english : language == Language::de ? german : french;
}

}  // namespace

std::string_view code(Language language) {
  return of<std::string_view>(language, "en", "de", "fr");
}

Language detect_language(std::string_view text) {
  if (text.size() > detection_bytes_max) {
    text = text.substr(0, previous_code_point(text, detection_bytes_max));
  }
  std::array<std::size_t, 3> hits{};
  for (const auto& word : words_of(text)) {
    for (const auto language : {Language::en, Language::de, Language::fr}) {
      hits[static_cast<std::size_t>(language)] += is_stop_word(language, word) ? 1 : 0;
    }
  }
  return static_cast<Language>(std::ranges::max_element(hits) - hits.begin());
}

bool is_stop_word(Language language, std::string_view word) {
  return of(language, english_stop_words, german_stop_words, french_stop_words).contains(word);
}

bool points_back(Language language, std::string_view word) {
  return of(language, english_back, german_back, french_back).contains(word);
}

bool subordinates(Language language, std::string_view word) {
  return of(language, english_subordinate, german_subordinate, french_subordinate).contains(word);
}

bool coordinates(Language language, std::string_view word) {
  return of(language, english_coordinate, german_coordinate, french_coordinate).contains(word);
}

bool points_at_sentence(Language language, std::string_view word) {
  return of(language, english_back_at_all, german_back_at_all, french_back_at_all).contains(word);
}

Abbreviation abbreviation(Language language, std::string_view word) {
  static const Words none;
  const Words& inside = of(language, inside_en, inside_de, inside_fr);
  const Words& either = of(language, none, either_de, either_fr);
  if (inside_any.contains(word) || inside.contains(word)) return Abbreviation::inside;
  if (either_any.contains(word) || either.contains(word)) return Abbreviation::either;
  return numeral_any.contains(word) ? Abbreviation::numeral : Abbreviation::none;
}

bool is_month(std::string_view word) {
  return months.contains(word);
}

bool is_boilerplate_heading(std::string_view heading) {
  return boilerplate.contains(folded_case(heading));
}

std::string announcing(Language language, std::string_view heading) {
  return std::string(heading) + (language == Language::fr ? " :" : ":");
}

std::string continued(Language language, std::string_view title, std::size_t part) {
  std::string out(title);
  out += " (";
  out += of<std::string_view>(language, "continued", "Fortsetzung", "suite");
  if (part > 2) out += " " + std::to_string(part - 1);
  return out + ")";
}

}  // namespace holdfast::rulebased
