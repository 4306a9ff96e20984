#include "holdfast/providers/rulebased/outline.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "holdfast/providers/rulebased/sentences.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t list_unit_words_max = 54;     ///< points that are spoken in one breath
constexpr std::size_t item_words_max = 45;          ///< a longer item of a list is a paragraph
constexpr std::size_t full_item_words_min = 7;      ///< from here on an item stands on its own
constexpr std::size_t row_words_min = 6;            ///< a shorter row of a table is no sentence
constexpr std::size_t short_point_characters = 60;  ///< stands on one line of a card
constexpr std::size_t points_per_unit_max = 8;

bool begins_small(std::string_view text) {
  std::size_t at = 0;
  return !text.empty() && is_lower(next_code_point(text, at));
}

/// "200 g flour; 3 eggs": a figure opens a point no more than a small letter does.
bool goes_on_small(std::string_view text) {
  return begins_small(text) || (!text.empty() && is_digit(static_cast<unsigned char>(text.front())));
}

bool starts_pointing_back(std::string_view text, Language language) {
  std::size_t end = 0;
  for (int words = 0; words < 2 && end < text.size(); ++words)
    end = std::min(text.find(' ', end + 1), text.size());
  const auto words = words_of(text.substr(0, end));
  if (words.empty()) return false;
  if (points_back(language, words[0])) return true;
  // "Das dauert" points back, "Das alte Werk" does not: adjectives have endings.
  const bool article = words[0] == "das" || words[0] == "der" || words[0] == "die";
  if (language != Language::de || !article || words.size() < 2) return false;
  const auto second = text.find(' ');
  const bool adjective = words[1].ends_with("e") || words[1].ends_with("en") || words[1].ends_with("er");
  return second + 1 < text.size() && begins_small(text.substr(second + 1)) && !adjective;
}

std::string without_end_marks(std::string_view text) {
  while (!text.empty() && (std::string_view(".:;,").find(text.back()) != std::string_view::npos))
    text.remove_suffix(1);
  return std::string(text);
}

/// Builds the sections block by block.
class Builder {
 public:
  explicit Builder(const Article& article) : article_(article) {
    out_.language = detect_language(sample());
    choose_title();
  }

  Outline build() {
    begin_section(out_.titled ? out_.title : std::string(), 1);
    for (std::size_t i = 0; i < article_.blocks.size(); ++i) {
      const Block& block = article_.blocks[i];
      if (ends_list(block)) flush_list();
      if (block.kind != BlockKind::row) flush_rows();
      switch (block.kind) {
        case BlockKind::heading:
          drop_announcement();
          if (i != title_at_) begin_heading(block);
          break;
        case BlockKind::paragraph:
          add_paragraph(block);
          break;
        case BlockKind::item:
          list_.push_back(&block);
          break;
        case BlockKind::row:
          rows_.push_back(&block);
          break;
        case BlockKind::gap:
          if (list_.empty()) drop_announcement();
          break;
      }
    }
    flush_list();
    flush_rows();
    drop_announcement();
    end_section();
    return std::move(out_);
  }

 private:
  std::string sample() const {
    std::string text;
    for (const auto& block : article_.blocks) {
      if (text.size() > 64 * 1024) break;
      text += block.text;
      text += '\n';
    }
    return text;
  }

  /// The first heading of the highest rank if it comes before the text, the front matter's title, or none.
  void choose_title() {
    const auto& blocks = article_.blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (blocks[i].kind == BlockKind::heading && (blocks[i].level == 1 || article_.front_title.empty())) {
        const bool only = blocks[i].level == 1 || i == 0;
        if (only) {
          title_at_ = i;
          out_.title = without_end_marks(blocks[i].text);
        }
        break;
      }
      if (blocks[i].kind != BlockKind::gap && blocks[i].kind != BlockKind::heading) break;
    }
    if (out_.title.empty()) out_.title = article_.front_title;
    out_.titled = !out_.title.empty();
  }

  void begin_section(std::string title, int level) {
    end_section();
    section_ = Section{.title = std::move(title), .level = level};
    any_dropped_ = false;
    pending_points_.clear();
  }

  void begin_heading(const Block& block) {
    out_.headed = true;
    parents_.resize(static_cast<std::size_t>(std::clamp(block.level, 1, 6)));
    parents_.back().clear();  // that of a sister
    std::string parent;
    for (const auto& title : parents_) {
      if (!title.empty()) parent = title;
    }
    begin_section(without_end_marks(block.text), block.level);
    section_.parent = parent;
    section_.boilerplate = is_boilerplate_heading(section_.title);
    parents_.back() = section_.title;
    parents_.resize(7);
  }

  void end_section() {
    if (section_.units.empty()) return;
    show_pending_points();
    out_.sections.push_back(std::move(section_));
    section_ = {};
  }

  void add_unit(std::string_view text, std::string_view shown, bool opens, std::vector<std::string> points = {}) {
    Unit unit{
        .text = folded_space(terminated(as_spoken(text))), .shown = without_end_marks(shown), .opens_paragraph = opens};
    unit.points_back = starts_pointing_back(unit.text, out_.language);
    // What points back at a sentence that cannot be told goes with it: "E = mc². That is a lot."
    const auto first = words_of(unit.text.substr(0, unit.text.find(' ')));
    const bool at_sentence = unit.points_back && !first.empty() && points_at_sentence(out_.language, first.front());
    dropped_ = !is_speakable(unit.text) || (dropped_ && !opens && at_sentence);
    if (dropped_) {
      any_dropped_ = true;
      pending_points_.insert(pending_points_.end(), points.begin(), points.end());
      return;
    }
    unit.points = std::move(pending_points_);
    pending_points_.clear();
    unit.points.insert(unit.points.end(), points.begin(), points.end());
    unit.words = count_words(unit.text);
    unit.heading = section_.title;
    // At the beginning of a section it points at the heading.
    unit.points_back = unit.points_back && (!section_.units.empty() || any_dropped_);
    const bool asked = !section_.units.empty() && section_.units.back().text.ends_with('?');
    if (asked && !unit.text.ends_with('?')) unit.points_back = true;  // an answer
    section_.words += unit.words;
    section_.units.push_back(std::move(unit));
  }

  /// Code between two steps does not make two lists of them.
  static bool ends_list(const Block& block) {
    return block.kind == BlockKind::item ? block.begins_list : block.kind != BlockKind::gap;
  }

  /// An announcement ("It offers:") whose list is not speakable says nothing.
  void drop_announcement() {
    any_dropped_ = any_dropped_ || !announcement_.empty();
    announcement_.clear();
  }

  void add_paragraph(const Block& block) {
    section_.table = false;
    auto sentences = split_sentences(block.text, out_.language);
    if (sentences.empty()) return;
    if (!announcement_.empty()) {
      sentences.front() = std::exchange(announcement_, {}) + ' ' + sentences.front();
    }
    if (sentences.back().ends_with(':')) {
      announcement_ = std::move(sentences.back());
      sentences.pop_back();
    }
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      add_unit(sentences[i], i == 0 ? telling_lead(block) : std::string(), i == 0);
    }
  }

  /// Points of a list as spoken text: "fast; small; free." or "Fast. Small. Free."
  static std::string joined(std::string_view announcement, const std::vector<std::string>& items) {
    std::string out(announcement);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!out.empty()) out += ' ';
      if (i > 0 && is_filler(items[i])) {  // "Milch, etc."
        out += folded_case(terminated(items[i]));
        continue;
      }
      const bool last = i + 1 == items.size();
      if (!last && is_filler(items[i + 1])) {
        out += without_end_marks(items[i]) + ',';
      } else if (last || ends_sentence(items[i]) || !goes_on_small(items[i + 1])) {
        out += items[i].ends_with(':') && !last ? items[i] : terminated(items[i]);
      } else {
        out += without_end_marks(items[i]) + ';';
      }
    }
    return out;
  }

  /// The words in bold at the beginning, where they say something by themselves: "**Slow is not failed.** Nothing …",
  /// and not "**An anonymous request** takes no lock."
  static std::string telling_lead(const Block& block) {
    if (count_words(block.lead) < 3 || !block.text.starts_with(block.lead)) return {};
    const auto rest = std::string_view(block.text).substr(block.lead.size());
    const bool set_off = std::string_view(".:!?").find(block.lead.back()) != std::string_view::npos || rest.empty() ||
                         rest.starts_with(':') || rest.starts_with(" :") || rest.starts_with(" –") ||
                         rest.starts_with(" —");
    return set_off ? block.lead : std::string();
  }

  static std::string point_of(const Block& item) {
    const auto lead = telling_lead(item);
    const bool whole = lead.empty() || count_characters(item.text) <= short_point_characters;
    return without_end_marks(whole ? item.text : lead);
  }

  bool can_be_told(const Block& item) const {
    if (count_words(item.text) <= item_words_max) return is_speakable_point(as_spoken(item.text));
    return std::ranges::all_of(split_sentences(item.text, out_.language),
                               [](const auto& sentence) { return is_speakable(as_spoken(sentence)); });
  }

  /// Nothing but short points, or few enough words that nobody would leave some of them out.
  static bool is_price_list(std::span<const Unit> units) {
    const auto pointed = std::ranges::count_if(units, [](const Unit& unit) { return !unit.points.empty(); });
    std::size_t words = 0;
    for (const auto& unit : units)
      words += unit.words;
    return pointed == std::ssize(units) || (pointed > 0 && words <= 2 * list_unit_words_max);
  }

  /// What a sentence announces and what is numbered is told whole or not at all: three of seven ingredients are a false
  /// recipe. Of other lists each point stands for itself, and goes where no voice can read it.
  void flush_list() {
    auto items = std::exchange(list_, {});
    if (items.empty()) return;
    const bool announced = !announcement_.empty();
    const bool whole = announced || items.front()->ordered;
    const auto told = [&](const Block* item) { return can_be_told(*item); };
    const bool leads = !announced || is_speakable(as_spoken(terminated(announcement_)));
    if (whole && (!leads || !std::ranges::all_of(items, told))) return drop_announcement();
    std::erase_if(items, [&](const Block* item) { return count_words(item->text) <= item_words_max && !told(item); });
    const auto first = section_.units.size();
    // Rows of a table that come before are not announced.
    std::string announcement = pending_points_.empty() ? announcement_ : std::string();
    add_list(items);
    const auto added = std::span(section_.units).subspan(first);
    if (added.empty()) return;
    added.front().unannounced = !announced && !added.front().points.empty();
    added.front().announcement = std::move(announcement);
    if (added.size() == 1 || (!whole && !is_price_list(added))) return;
    ++lists_;
    for (auto& unit : added) {
      unit.list = lists_;
      unit.points_back = unit.points_back || &unit != added.data();
    }
  }

  /// Short points are packed into units, longer ones are units of their own.
  void add_list(const std::vector<const Block*>& items) {
    std::string announcement = std::exchange(announcement_, {});
    std::vector<std::string> pack;
    std::vector<std::string> points;
    std::size_t words = count_words(announcement);
    const auto flush_pack = [&] {
      if (!pack.empty()) add_unit(joined(announcement, pack), {}, true, std::move(points));
      if (!pack.empty()) announcement.clear();
      pack.clear();
      points.clear();
      words = 0;
    };
    for (const Block* item : items) {
      const auto count = count_words(item->text);
      // The last point of a French list ends with a full stop, and is a point still.
      const bool open_ended = !ends_sentence(item->text) || !pack.empty();
      const bool fragment = goes_on_small(item->text) && open_ended && count <= item_words_max;
      if (count >= full_item_words_min && !fragment) {
        flush_pack();
        add_item(*item, std::exchange(announcement, {}));
        continue;
      }
      if (words + count > list_unit_words_max && !is_filler(item->text)) flush_pack();
      pack.push_back(item->text);
      if (!is_filler(item->text)) points.push_back(point_of(*item));
      words += count;
    }
    flush_pack();
  }

  /// An item that stands on its own: one unit, or its sentences where it is long.
  void add_item(const Block& item, const std::string& announcement) {
    const std::string before = announcement.empty() ? announcement : announcement + ' ';
    if (count_words(item.text) <= item_words_max) {
      add_unit(before + item.text, point_of(item), true);
      return;
    }
    auto sentences = split_sentences(item.text, out_.language);
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      const bool first = i == 0;
      const auto lead = telling_lead(item);
      add_unit(first ? before + sentences[i] : sentences[i], !first || lead.empty() ? sentences[i] : lead, first);
    }
  }

  /// All rows can be told, and most are long enough for a sentence.
  static bool is_glossary(const std::vector<const Block*>& rows) {
    const auto tellable = [](const Block* row) {
      return row->cells.size() == 2 && !ends_sentence(row->cells[0]) &&
             count_words(row->cells[0]) + count_words(row->cells[1]) <= item_words_max &&
             is_speakable(row->cells[0] + ": " + row->cells[1]);
    };
    const auto sentence = [](const Block* row) { return count_words(row->cells[1]) >= row_words_min; };
    return std::ranges::all_of(rows, tellable) &&
           2 * std::ranges::count_if(rows, sentence) >= static_cast<std::ptrdiff_t>(rows.size());
  }

  /// A table of terms and what they mean can be spoken where nothing else is said; beside text it goes onto the card.
  void flush_rows() {
    const auto rows = std::exchange(rows_, {});
    if (rows.empty()) return;
    drop_announcement();
    const bool told = section_.units.empty() && is_glossary(rows);
    for (const Block* row : rows) {
      if (row->cells.size() < 2 || row->cells[0].empty() || row->cells[1].empty()) continue;
      const std::string text = row->cells[0] + ": " + row->cells[1];
      if (told) {
        add_unit(text, {}, true);
        section_.table = true;
      } else if (pending_points_.size() < points_per_unit_max) {
        pending_points_.push_back(text);
      }
    }
    if (!section_.units.empty()) show_pending_points();
  }

  /// On the card of the last unit, whose list is not the only one there then.
  void show_pending_points() {
    if (pending_points_.empty()) return;
    Unit& last = section_.units.back();
    for (Unit& unit : section_.units) {
      if (&unit == &last || (last.list != 0 && unit.list == last.list)) unit.announcement.clear();
    }
    last.points.insert(last.points.end(), pending_points_.begin(), pending_points_.end());
    pending_points_.clear();
  }

  const Article& article_;
  Outline out_;
  Section section_;
  std::size_t title_at_ = static_cast<std::size_t>(-1);
  std::vector<std::string> parents_ = std::vector<std::string>(7);  ///< headings above, by level
  std::vector<const Block*> list_;
  std::vector<const Block*> rows_;
  bool dropped_ = false;                     ///< the sentence before could not be told
  bool any_dropped_ = false;                 ///< something of this section could not be told
  std::size_t lists_ = 0;                    ///< how many lists are told whole
  std::string announcement_;                 ///< a sentence that ends with a colon and waits for what follows
  std::vector<std::string> pending_points_;  ///< for the next unit's card
};

}  // namespace

Outline outline_of(const Article& article) {
  return Builder(article).build();
}

void score_outline(Outline& outline) {
  std::unordered_map<std::string, std::uint64_t> frequency;
  const auto subject_words = [&](std::string_view text) {
    auto words = words_of(text);
    std::erase_if(words, [&](const std::string& word) {
      return word.size() < 3 || is_stop_word(outline.language, word) || is_digit(static_cast<unsigned char>(word[0]));
    });
    return words;
  };
  for (const auto& section : outline.sections) {
    for (const auto& unit : section.units) {
      for (auto& word : subject_words(unit.text))
        ++frequency[std::move(word)];
    }
  }
  for (auto& section : outline.sections) {
    std::set<std::string> headings;
    for (auto& word : subject_words(section.title + ' ' + outline.title))
      headings.insert(std::move(word));
    for (std::size_t i = 0; i < section.units.size(); ++i) {
      Unit& unit = section.units[i];
      auto words = subject_words(unit.text);
      std::ranges::sort(words);
      words.erase(std::ranges::unique(words).begin(), words.end());
      std::int64_t sum = 0;
      for (const auto& word : words) {
        sum += static_cast<std::int64_t>(std::bit_width(frequency[word] * frequency[word])) +
               (headings.contains(word) ? 2 : 0);
      }
      unit.score = 1000 * sum / static_cast<std::int64_t>(unit.words + 8);
      if (i == 0) unit.score = unit.score * 9 / 5;
      if (unit.opens_paragraph) unit.score = unit.score * 5 / 4;
      if (unit.points_back) unit.score = unit.score * 4 / 5;
      const bool list = unit.points.size() > 1 || unit.list != 0;  // what the author has summed up already
      if (list) unit.score = unit.score * 9 / 5;
      const bool odd = unit.words < 5 || unit.words > 35 || unit.text.ends_with('?');
      if (odd && !list) unit.score = unit.score * 3 / 5;
      if (unit.text.find('(') != std::string::npos) unit.score = unit.score * 4 / 5;
      if (unit.text.find('_') != std::string::npos || unit.text.find(" / ") != std::string::npos) unit.score /= 2;
      unit.score = std::max<std::int64_t>(unit.score, 1);
    }
  }
  if (!outline.sections.empty()) {
    auto& last = outline.sections.back().units.back().score;
    last = last * 8 / 5;
  }
}

}  // namespace holdfast::rulebased
