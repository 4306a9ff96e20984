#include "holdfast/providers/rulebased/markdown.hpp"

#include <md4c.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "holdfast/base/check.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t bold_heading_characters_max = 70;
constexpr std::size_t url_bytes_max = 2048;  ///< how far a bracketed address is followed
constexpr int bold_heading_level = 5;        ///< below real ones, so that it is merged first

constexpr std::array<std::pair<std::string_view, std::string_view>, 40> entities{{
    {"&amp;", "&"},    {"&lt;", "<"},    {"&gt;", ">"},     {"&quot;", "\""}, {"&apos;", "'"},   {"&nbsp;", "\u00a0"},
    {"&mdash;", "—"},  {"&ndash;", "–"}, {"&hellip;", "…"}, {"&laquo;", "«"}, {"&raquo;", "»"},  {"&ldquo;", "“"},
    {"&rdquo;", "”"},  {"&bdquo;", "„"}, {"&lsquo;", "‘"},  {"&rsquo;", "’"}, {"&auml;", "ä"},   {"&ouml;", "ö"},
    {"&uuml;", "ü"},   {"&Auml;", "Ä"},  {"&Ouml;", "Ö"},   {"&Uuml;", "Ü"},  {"&szlig;", "ß"},  {"&eacute;", "é"},
    {"&egrave;", "è"}, {"&ecirc;", "ê"}, {"&agrave;", "à"}, {"&acirc;", "â"}, {"&ccedil;", "ç"}, {"&ugrave;", "ù"},
    {"&icirc;", "î"},  {"&ocirc;", "ô"}, {"&ucirc;", "û"},  {"&euml;", "ë"},  {"&iuml;", "ï"},   {"&oelig;", "œ"},
    {"&times;", "×"},  {"&deg;", "°"},   {"&euro;", "€"},   {"&sect;", "§"},
}};

/// The characters of an entity; nothing for one that is not known, or not a character.
std::string decoded_entity(std::string_view entity) {
  if (const auto* known = std::ranges::find(entities, entity, &std::pair<std::string_view, std::string_view>::first);
      known != entities.end()) {
    return std::string(known->second);
  }
  if (!entity.starts_with("&#") || entity.size() < 4) return {};
  const bool hex = entity[2] == 'x' || entity[2] == 'X';
  const auto digits = entity.substr(hex ? 3 : 2, entity.size() - (hex ? 4 : 3));
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  std::string out;
  if (value >= 0x20 && value < 0x110000 && (value < 0xd800 || value > 0xdfff)) {
    append_code_point(out, static_cast<char32_t>(value));
  }
  return out;
}

/// The length of "[^1]", ":rocket:", "[!NOTE]" or "(https://…)" at the beginning of `rest`; 0 where there is none.
std::size_t unspeakable_length(std::string_view rest) {
  const auto window = rest.substr(0, url_bytes_max);
  if (rest.front() == '[' && rest.size() > 2 && (rest[1] == '^' || rest[1] == '!')) {
    const auto end = window.substr(0, 40).find(']');
    return end == std::string_view::npos ? 0 : end + 1;
  }
  if (rest.front() == '(' &&
      (rest.starts_with("(http://") || rest.starts_with("(https://") || rest.starts_with("(www."))) {
    const auto end = window.find_first_of(") ");
    return end == std::string_view::npos || window[end] == ' ' ? 0 : end + 1;
  }
  if (rest.front() == ':') {
    const auto end = rest.substr(0, 32).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_+-", 1);
    const bool letter = rest.size() > 1 && rest[1] >= 'a' && rest[1] <= 'z';
    return letter && end != std::string_view::npos && end > 2 && rest[end] == ':' ? end + 1 : 0;
  }
  return 0;
}

/// What is left of a block's text when everything is gone that only eyes and machines understand.
std::string cleaned(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (const auto length = unspeakable_length(text.substr(at)); length > 0) {
      at += length;
      if (!out.empty() && out.back() == ' ' && text[at - 1] == ')') out.pop_back();  // "the page (https://…)."
      continue;
    }
    const char32_t c = next_code_point(text, at);
    if (!is_pictogram(c)) append_code_point(out, c);
  }
  return folded_space(out, true);
}

/// Collects the blocks while md4c calls.
class Reader {
 public:
  std::vector<Block> blocks;

  void enter(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL:
        flush_item();
        if (items_ == 0) begins_list_ = true;
        if (items_ == 0) ordered_ = type == MD_BLOCK_OL;
        break;
      case MD_BLOCK_LI:
        flush_item();
        ++items_;
        break;
      case MD_BLOCK_H:
        flush_item();
        level_ = static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
        break;
      case MD_BLOCK_P:
        text_ += items_ > 0 && !text_.empty() ? " " : "";
        break;
      case MD_BLOCK_CODE:
      case MD_BLOCK_HTML:
        flush_item();
        ++silent_;
        break;
      case MD_BLOCK_TR:
        cells_.clear();
        break;
      case MD_BLOCK_THEAD:
        head_ = true;
        break;
      case MD_BLOCK_TBODY:
        head_ = false;
        break;
      default:
        break;
    }
  }

  void leave(MD_BLOCKTYPE type) {
    switch (type) {
      case MD_BLOCK_LI:
        flush_item();
        items_ -= items_ > 0 ? 1 : 0;
        break;
      case MD_BLOCK_H:
        add_heading();
        break;
      case MD_BLOCK_P:
        if (items_ == 0) add_paragraph();
        break;
      case MD_BLOCK_CODE:
      case MD_BLOCK_HTML:
        --silent_;
        // "Install it:" announces what nobody will hear, and is a step still.
        if (items_ > 0 && !blocks.empty() && blocks.back().kind == BlockKind::item && blocks.back().text.ends_with(':'))
          blocks.back().text.back() = '.';
        blocks.push_back({.kind = BlockKind::gap});
        break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD:
        cells_.push_back(take());
        break;
      case MD_BLOCK_TR:
        if (!head_) blocks.push_back({.kind = BlockKind::row, .cells = std::move(cells_)});
        break;
      default:
        break;
    }
  }

  void enter_span(MD_SPANTYPE type, void* detail) {
    if (type == MD_SPAN_IMG || type == MD_SPAN_DEL) ++silent_;
    if (type == MD_SPAN_IMG && silent_ == 1 && in_sentence()) picture_ = Picture{.open = true};
    if (type == MD_SPAN_A) {
      const auto& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
      anchor_ = href.size > 0 && href.text[0] == '#';
      span_begin_ = text_.size();
    }
    if (type == MD_SPAN_STRONG && silent_ == 0 && text_.find_first_not_of(' ') == std::string::npos) in_lead_ = true;
  }

  void leave_span(MD_SPANTYPE type) {
    if (type == MD_SPAN_IMG || type == MD_SPAN_DEL) --silent_;
    if (type == MD_SPAN_IMG && silent_ == 0 && picture_) picture_->open = false;
    if (type == MD_SPAN_A && std::exchange(anchor_, false)) anchored_ += text_.size() - span_begin_;
    if (type == MD_SPAN_STRONG && std::exchange(in_lead_, false)) lead_ = text_;
  }

  void text(MD_TEXTTYPE type, std::string_view value) {
    if (picture_ && picture_->open && type == MD_TEXT_NORMAL) picture_->text += value;
    if (silent_ > 0) return;
    if (picture_ && value.find_first_not_of(' ') != std::string_view::npos) say_picture();
    switch (type) {
      case MD_TEXT_BR:
      case MD_TEXT_SOFTBR:
        text_ += ' ';
        break;
      case MD_TEXT_ENTITY:
        text_ += decoded_entity(value);
        break;
      case MD_TEXT_HTML:
        text_ += value.starts_with("<br") ? " " : "";
        break;
      case MD_TEXT_NULLCHAR:
        break;
      default:
        text_ += value;
        break;
    }
  }

 private:
  /// A picture that stands inside a sentence leaves a hole in it, unless what it shows is said.
  struct Picture {
    std::string text{};
    bool open = false;
  };

  /// The text breaks off in the middle of one.
  bool in_sentence() const {
    const auto last = text_.find_last_not_of(' ');
    return last != std::string::npos && std::string_view(".!?:").find(text_[last]) == std::string_view::npos &&
           !std::string_view(text_).substr(0, last + 1).ends_with("\u2026");
  }

  /// More of the sentence follows the picture: without that, nobody misses it.
  void say_picture() {
    if (picture_->text.empty() && text_.ends_with(' ')) text_.pop_back();
    text_ += std::exchange(picture_, std::nullopt)->text;
  }

  /// The text collected so far, cleaned; ready for the next block.
  std::string take() {
    picture_.reset();
    auto out = cleaned(text_);
    const bool contents = anchored_ * 10 >= text_.size() * 8 && anchored_ > 0;  // an entry of a table of contents
    text_.clear();
    anchored_ = 0;
    return contents ? std::string() : out;
  }

  std::string take_lead() { return cleaned(std::exchange(lead_, {})); }

  void flush_item() {
    if (items_ == 0) return;
    auto text = take();
    auto lead = take_lead();
    if (text.empty()) return;
    blocks.push_back({.kind = BlockKind::item,
                      .text = std::move(text),
                      .lead = std::move(lead),
                      .begins_list = std::exchange(begins_list_, false),
                      .ordered = ordered_});
  }

  void add_heading() {
    auto text = cleaned(std::exchange(text_, {}));
    picture_.reset();
    lead_.clear();
    anchored_ = 0;
    // "A paragraph that is followed by a rule.\n---" is a heading to Markdown, and to nobody else.
    const bool prose = count_characters(text) > 2 * bold_heading_characters_max && ends_sentence(text);
    if (text.empty()) return;
    blocks.push_back(
        {.kind = prose ? BlockKind::paragraph : BlockKind::heading, .level = level_, .text = std::move(text)});
  }

  void add_paragraph() {
    const bool note = text_.starts_with("[^");  // a footnote's text
    auto text = take();
    auto lead = take_lead();
    if (text.empty() || note) {
      blocks.push_back({.kind = BlockKind::gap});
      return;
    }
    const bool heading = lead == text && count_characters(text) <= bold_heading_characters_max && !ends_sentence(text);
    if (heading) {
      blocks.push_back({.kind = BlockKind::heading, .level = bold_heading_level, .text = std::move(text)});
    } else {
      blocks.push_back({.kind = BlockKind::paragraph, .text = std::move(text), .lead = std::move(lead)});
    }
  }

  std::string text_;
  std::string lead_;
  std::optional<Picture> picture_;
  std::vector<std::string> cells_;
  std::size_t span_begin_ = 0;
  std::size_t anchored_ = 0;  ///< bytes of text_ that link within the page
  int items_ = 0;             ///< depth of list items
  int silent_ = 0;            ///< depth of what leaves no text
  int level_ = 0;
  bool begins_list_ = false;
  bool ordered_ = false;
  bool head_ = false;
  bool anchor_ = false;
  bool in_lead_ = false;
};

Reader& reader(void* user) {
  return *static_cast<Reader*>(user);
}

}  // namespace

std::vector<Block> read_markdown(std::string_view text, Dialect dialect) {
  MD_PARSER parser{};
  parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
  if (dialect == Dialect::plain) parser.flags = MD_FLAG_NOINDENTEDCODEBLOCKS | MD_FLAG_NOHTML;
  parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* user) { return reader(user).enter(type, detail), 0; };
  parser.leave_block = [](MD_BLOCKTYPE type, void*, void* user) { return reader(user).leave(type), 0; };
  parser.enter_span = [](MD_SPANTYPE type, void* detail, void* user) {
    return reader(user).enter_span(type, detail), 0;
  };
  parser.leave_span = [](MD_SPANTYPE type, void*, void* user) { return reader(user).leave_span(type), 0; };
  parser.text = [](MD_TEXTTYPE type, const MD_CHAR* value, MD_SIZE size, void* user) {
    return reader(user).text(type, {value, size}), 0;
  };
  Reader collected;
  const int failed = md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, &collected);
  HOLDFAST_CHECK(failed == 0, "md4c fails only where memory does: no callback asks it to stop");
  return std::move(collected.blocks);
}

}  // namespace holdfast::rulebased
