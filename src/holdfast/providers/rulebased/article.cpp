#include "holdfast/providers/rulebased/article.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "holdfast/base/name.hpp"
#include "holdfast/providers/rulebased/markdown.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t front_matter_bytes_max = 16 * 1024;  ///< a longer one is an article between two rules
constexpr std::size_t heading_characters_max = 80;         ///< plain text: a longer line is a sentence

/// The line at `at` without its end; `at` moves to the next one.
std::string_view next_line(std::string_view text, std::size_t& at) {
  const auto end = std::min(text.find('\n', at), text.size());
  const auto line = text.substr(at, end - at);
  at = std::min(end + 1, text.size());
  return line;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\f\v\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\f\v\r") - first + 1);
}

bool is_blank(std::string_view line) {
  return trimmed(line).empty();
}

/// Line ends as "\n", other control characters as blanks, no byte order mark.
std::string normalized(std::string_view source) {
  if (source.starts_with("\xef\xbb\xbf")) source.remove_prefix(3);
  std::string out;
  out.reserve(source.size());
  for (std::size_t at = 0; at < source.size(); ++at) {
    const char c = source[at];
    if (c == '\r') {
      if (at + 1 == source.size() || source[at + 1] != '\n') out += '\n';
    } else {
      out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::string_view without_quotes(std::string_view value) {
  const bool quoted =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

/// Takes a leading `--- … ---` block off. It is one only where its first line looks like `key: value` and it ends soon:
/// an article may well begin with a rule.
std::string_view skip_front_matter(std::string_view text, Article& article) {
  std::size_t at = 0;
  if (trimmed(next_line(text, at)) != "---") return text;
  std::string_view title;
  bool first = true;
  while (at < text.size() && at < front_matter_bytes_max) {
    const auto line = trimmed(next_line(text, at));
    if (line == "---" || line == "...") {
      if (first) return text;
      article.front_title = folded_space(without_quotes(title));
      return text.substr(at);
    }
    const auto colon = line.find(':');
    if (first && (colon == std::string_view::npos || line.substr(0, colon).find(' ') != std::string_view::npos)) break;
    first = false;
    if (line.starts_with("title:")) title = trimmed(line.substr(6));
  }
  return text;
}

/// Takes a leading line `Scenes: N` off. Other words behind the colon make it a line of the article.
result<std::string_view> skip_scenes_line(std::string_view text, Article& article) {
  std::size_t at = 0;
  std::string_view line;
  while (at < text.size() && is_blank(line))
    line = trimmed(next_line(text, at));
  if (folded(line.substr(0, 7)) != "scenes:") return text;
  const auto value = trimmed(line.substr(7));
  if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) return text;
  std::size_t number = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc{} || number == 0 || number > scenes_max) {
    return Failure{Errc::invalid_argument, "the article's line 'Scenes: " + std::string(value.substr(0, 20)) +
                                               "' asks for a number of scenes that is not between 1 and " +
                                               std::to_string(scenes_max)};
  }
  article.scenes_max = number;
  return text.substr(at);
}

/// A rule of one repeated character below a line: `====`, `----`, `~~~~`, `....`.
bool is_underline(std::string_view line) {
  line = trimmed(line);
  return line.size() >= 3 && std::string_view("=-~._*^\"").find(line.front()) != std::string_view::npos &&
         line.find_first_not_of(line.front()) == std::string_view::npos;
}

bool looks_like_markdown(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto line = trimmed(next_line(text, at));
    const auto hashes = std::min(line.find_first_not_of('#'), line.size());
    if (hashes >= 1 && hashes <= 6 && hashes < line.size() && line[hashes] == ' ') return true;
    if (line.starts_with("```") || line.starts_with("|") || line.starts_with("> ")) return true;
    for (const std::string_view mark : {"](", "**", "`", "</", "]["}) {
      if (line.find(mark) != std::string_view::npos) return true;
    }
  }
  return false;
}

bool all_capitals(std::string_view line) {
  std::size_t capitals = 0;
  for (std::size_t at = 0; at < line.size();) {
    const char32_t c = next_code_point(line, at);
    if (is_lower(c)) return false;
    capitals += is_upper(c) ? 1 : 0;
  }
  return capitals >= 3;
}

/// "1923. " or "- " inside a paragraph would begin a list; in plain text it is how the line happened to break.
std::string escaped_line(std::string_view line) {
  const auto digits = std::min(line.find_first_not_of("0123456789"), line.size());
  std::string out(line);
  if (digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')')) out.insert(digits, "\\");
  return out;
}

/// Plain text with its headings marked as Markdown marks them, its indents gone.
class PlainText {
 public:
  explicit PlainText(std::string_view text) {
    for (std::size_t at = 0; at < text.size();)
      lines_.push_back(trimmed(next_line(text, at)));
  }

  std::string marked() const {
    std::string out;
    bool any = false;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const bool first = !any && !lines_[i].empty();
      any = any || first;
      const bool underlined = i + 1 < lines_.size() && is_underline(lines_[i + 1]) && alone_above(i);
      if (!lines_[i].empty() && heading(i, underlined, first)) {
        out += first ? "# " : "## ";
        out += lines_[i];
        out += "\n\n";
        if (underlined) ++i;
        continue;
      }
      if (!is_underline(lines_[i])) out += alone_above(i) ? std::string(lines_[i]) : escaped_line(lines_[i]);
      out += '\n';
    }
    return out;
  }

 private:
  bool alone_above(std::size_t i) const { return i == 0 || lines_[i - 1].empty() || is_underline(lines_[i - 1]); }

  bool heading(std::size_t i, bool underlined, bool first) const {
    const auto line = lines_[i];
    if (!alone_above(i) || ends_sentence(line) || !has_letter(line)) return false;
    if (count_characters(line) > heading_characters_max || line.starts_with("- ") || line.starts_with("* "))
      return false;
    if (underlined) return true;
    const bool alone = i + 1 == lines_.size() || lines_[i + 1].empty();
    if (all_capitals(line)) return alone || first;
    const auto below = std::find_if(lines_.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines_.end(),
                                    [](std::string_view other) { return !other.empty(); });
    // A signature or a line of verse has no longer text below it; a line with a colon announces, it does not head.
    return alone && below != lines_.end() && below->size() > line.size() && line.back() != ':' && line.back() != ',';
  }

  std::vector<std::string_view> lines_;
};

}  // namespace

std::string_view article_in(std::string_view prompt_text) {
  std::optional<std::size_t> begin;
  std::optional<std::size_t> end;
  for (std::size_t at = 0; at < prompt_text.size();) {
    const std::size_t line_begin = at;
    const auto line = trimmed(next_line(prompt_text, at));
    if (!begin && line == "<article>") begin = at;
    if (begin && line == "</article>") end = line_begin;
  }
  if (!begin || !end) return prompt_text;
  return prompt_text.substr(*begin, *end - *begin);
}

result<Article> read_article(std::string_view source) {
  if (source.size() > article_bytes_max) {
    return Failure{Errc::too_large, "the article is " + std::to_string(source.size()) + " bytes long; " +
                                        std::to_string(article_bytes_max) + " are allowed"};
  }
  if (const auto nul = source.find('\0'); nul != std::string_view::npos) {
    return Failure{Errc::invalid_argument, "the article is no text: there is a NUL byte at byte " +
                                               std::to_string(nul) + "; Markdown or plain text in UTF-8 is needed"};
  }
  if (!is_utf8(source)) {
    return Failure{Errc::invalid_argument, "the article is not valid UTF-8; convert it first (iconv -t UTF-8)"};
  }
  Article article;
  const std::string text = normalized(source);
  auto rest = skip_scenes_line(text, article);
  if (!rest) return rest.error();
  const auto body = skip_scenes_line(skip_front_matter(*rest, article), article);
  if (!body) return body.error();
  article.blocks = looks_like_markdown(*body) ? read_markdown(*body, Dialect::markdown)
                                              : read_markdown(PlainText(*body).marked(), Dialect::plain);
  return article;
}

}  // namespace holdfast::rulebased
