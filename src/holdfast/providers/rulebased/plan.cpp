#include "holdfast/providers/rulebased/plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/selection.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t tiny_section_words = 9;  ///< shorter is a scene of three seconds: it joins its neighbour
constexpr std::size_t subject_words_min = 4;   ///< a shorter text may be no sentence: "Yes.", "Daily from ten."
constexpr std::size_t headline_characters_max = 64;
constexpr std::size_t title_characters_max = 100;  ///< without what tells parts and equal titles apart

/// The units go on under another title. Their heading will be said before them, see `lead_in`, and counts.
void mark_joined(Section& section) {
  const auto heading_words = count_words(section.title);
  section.units.front().words += heading_words;
  section.words += heading_words;
  for (auto& unit : section.units)
    unit.joined = true;
}

void append_section(Section& to, Section&& from) {
  if (!from.group) mark_joined(from);
  std::ranges::move(from.units, std::back_inserter(to.units));
  to.words += from.words;
}

/// How much would be lost without it: its three best sentences.
std::int64_t worth(const Section& section) {
  std::vector<std::int64_t> scores;
  for (const auto& unit : section.units)
    scores.push_back(unit.score);
  const auto top = std::min<std::size_t>(3, scores.size());
  std::ranges::partial_sort(scores, scores.begin() + static_cast<std::ptrdiff_t>(top), std::ranges::greater{});
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < top; ++i)
    sum += scores[i];
  return section.boilerplate ? sum / 8 : sum;
}

/// Joins sections to the one before them where `joins(previous, section)` says so.
template <class Joins>
void merge_where(std::vector<Section>& sections, Joins joins) {
  std::vector<Section> kept;
  for (auto& section : sections) {
    if (!kept.empty() && joins(kept.back(), section)) {
      append_section(kept.back(), std::move(section));
    } else {
      kept.push_back(std::move(section));
    }
  }
  sections = std::move(kept);
}

/// Sections about the document itself go where there is enough about its subject.
void drop_boilerplate(std::vector<Section>& sections) {
  std::size_t words = 0;
  for (const auto& section : sections)
    words += section.boilerplate ? 0 : section.words;
  if (words >= 40) std::erase_if(sections, [](const Section& section) { return section.boilerplate; });
}

/// The least telling sections go until `most` are left; the first and the last stay.
void drop_least(std::vector<Section>& sections, std::size_t most) {
  if (sections.size() <= most) return;
  std::vector<std::pair<std::int64_t, std::size_t>> ranked;  // worth, and the later ones first to go among equals
  for (std::size_t i = 1; i + 1 < sections.size(); ++i)
    ranked.emplace_back(-worth(sections[i]), i);
  std::ranges::sort(ranked);
  std::set<std::size_t> keep{0};
  if (most > 1) keep.insert(sections.size() - 1);
  for (const auto& [minus_worth, i] : ranked) {
    if (keep.size() >= most) break;
    keep.insert(i);
  }
  std::size_t at = 0;
  std::erase_if(sections, [&](const Section&) { return !keep.contains(at++); });
}

bool is_introduction(const Outline& outline, const Section& section) {
  return outline.titled && section.title == outline.title;
}

/// Two short sections side by side become one under the heading above both: neither is a part of the other, and each
/// keeps its own heading inside.
void make_group(const Outline& outline, Section& section) {
  const auto& above = section.parent.empty() ? outline.title : section.parent;
  if (section.group || above.empty()) return;
  mark_joined(section);
  section.title = above;
  section.group = true;
}

/// A scene of its own would be three seconds long. A card with points is worth that.
bool is_tiny(const Section& section) {
  const bool points = std::ranges::any_of(section.units, [](const Unit& unit) { return unit.points.size() > 1; });
  return section.words <= tiny_section_words && !section.group && !points;
}

/// A short section joins its parent, or a sister as short as it is, where it comes right behind them. One that finds
/// neither joins whatever stands before it. Its heading goes with it, spoken: what is short ("Yes.", "Free.") is not
/// understood without.
void join_tiny(Outline& outline, std::size_t words) {
  for (const bool anywhere : {false, true}) {
    std::vector<Section> kept;
    for (auto& section : outline.sections) {
      const bool follows = !kept.empty() && kept.back().level <= section.level &&
                           kept.back().words + section.words <= 2 * words && is_tiny(section);
      const bool sisters = follows && kept.back().level == section.level && (is_tiny(kept.back()) || kept.back().group);
      const bool child = follows && kept.back().level < section.level && !is_introduction(outline, kept.back());
      if (!sisters && !child && !(follows && anywhere)) {
        kept.push_back(std::move(section));
        continue;
      }
      if (sisters) make_group(outline, kept.back());
      append_section(kept.back(), std::move(section));
    }
    outline.sections = std::move(kept);
  }
}

/// Brings the sections down to at most `scenes`: subsections join their neighbours, the deepest and shortest first.
void reduce(Outline& outline, std::size_t scenes, std::size_t words) {
  auto& sections = outline.sections;
  drop_boilerplate(sections);
  join_tiny(outline, words);
  for (int level = 6; level > 2 && sections.size() > scenes; --level) {
    // Those that fit together into one scene first, then all of this depth.
    for (const std::size_t together : {words, static_cast<std::size_t>(-1) / 2}) {
      if (sections.size() <= scenes) break;
      merge_where(sections, [&](const Section& previous, const Section& section) {
        const bool inside = section.level >= level && previous.level <= section.level && previous.level > 1;
        return inside && previous.words + section.words <= together;
      });
    }
  }
  drop_least(sections, scenes);
}

/// "Usage" below two parents becomes "Client: Usage" and "Server: Usage".
void tell_apart(Outline& outline) {
  std::map<std::string, int> seen;
  for (const auto& section : outline.sections)
    ++seen[folded_case(section.title)];
  for (auto& section : outline.sections) {
    if (seen[folded_case(section.title)] > 1 && !section.parent.empty() && section.parent != section.title) {
      section.title = section.parent + ": " + section.title;
      for (auto& unit : section.units)
        unit.heading = section.title;
    }
  }
}

/// An article that begins with a section right below its title lends its first sentences to the introduction.
void ensure_introduction(Outline& outline, std::size_t words) {
  auto& sections = outline.sections;
  if (!outline.titled || sections.front().title == outline.title || sections.size() == 1) return;
  Section& first = sections.front();
  Section introduction{.title = outline.title};
  const auto lend = [&] {
    introduction.words += first.units.front().words;
    first.words -= first.units.front().words;
    introduction.units.push_back(std::move(first.units.front()));
    first.units.erase(first.units.begin());
  };
  while (!first.units.empty() && introduction.units.size() < 2) {
    if (!introduction.units.empty() && introduction.words + first.units.front().words > words / 2) break;
    if (!introduction.units.empty() && first.units.front().list != 0) break;
    lend();
    const auto list = introduction.units.back().list;
    while (list != 0 && !first.units.empty() && first.units.front().list == list)
      lend();
  }
  if (first.units.empty() || first.words <= tiny_section_words) {
    while (!first.units.empty())
      lend();
    first = std::move(introduction);
  } else {
    sections.insert(sections.begin(), std::move(introduction));
  }
}

/// A list that is told whole and takes more than its section's scenes goes, unless there is nothing else: then as much
/// of it is told as fits, from its beginning on.
void drop_endless_lists(Section& section, std::size_t words) {
  std::map<std::size_t, std::size_t> list_words;
  for (const auto& unit : section.units)
    list_words[unit.list] += unit.words;
  list_words.erase(0);
  std::erase_if(list_words, [&](const auto& list) { return list.second <= list_words_factor * words; });
  const auto endless = [&](const Unit& unit) { return list_words.contains(unit.list); };
  if (list_words.empty()) return;
  if (std::ranges::all_of(section.units, endless)) {
    for (auto& unit : section.units)
      unit.list = 0;
    return;
  }
  std::erase_if(section.units, endless);
  section.words = 0;
  for (const auto& unit : section.units)
    section.words += unit.words;
}

/// How many scenes each section gets: one, and one more to the longest as long as there are some left.
std::vector<std::size_t> shares(const Outline& outline, std::size_t scenes, std::size_t words) {
  std::vector<std::size_t> share(outline.sections.size(), 1);
  std::size_t all = 0;
  for (const auto& section : outline.sections)
    all += section.words;
  const bool roomy =
      all <= scenes * words * 3 / 4;  // then all can be told; else a scene does without a sentence or two
  for (std::size_t total = share.size(); total < scenes; ++total) {
    std::size_t best = share.size();
    std::size_t most = roomy ? words : words * 5 / 4;
    for (std::size_t i = 0; i < share.size(); ++i) {
      const auto& section = outline.sections[i];
      if (section.units.size() <= share[i] || section.table) continue;
      const auto each = section.words / share[i];
      if (each > most) {
        most = each;
        best = i;
      }
    }
    if (best == share.size()) break;
    ++share[best];
  }
  return share;
}

/// Of the unit, or of the whole list that begins with it.
std::size_t words_together(const Section& section, std::size_t at) {
  std::size_t words = section.units[at].words;
  const auto list = section.units[at].list;
  if (list == 0 || (at > 0 && section.units[at - 1].list == list)) return words;
  for (++at; at < section.units.size() && section.units[at].list == list; ++at)
    words += section.units[at].words;
  return words;
}

/// Cuts a section's units into `parts` runs of about the same length, at paragraphs where one ends nearby.
std::vector<std::vector<const Unit*>> runs_of(const Section& section, std::size_t parts) {
  std::vector<std::vector<const Unit*>> runs(1);
  std::size_t left = section.words;
  std::size_t words = 0;
  for (std::size_t i = 0; i < section.units.size(); ++i) {
    const Unit& unit = section.units[i];
    const std::size_t parts_left = parts - runs.size() + 1;
    const std::size_t target = (left + words) / parts_left;
    const bool must = section.units.size() - i < parts_left;
    const bool full =
        words + words_together(section, i) / 2 > target || (unit.opens_paragraph && words * 5 > target * 4);
    const bool in_list = unit.list != 0 && i > 0 && section.units[i - 1].list == unit.list;
    const bool torn = in_list && words + unit.words <= list_words_factor * target;
    const bool awkward = !must && (torn || (unit.points_back && !unit.opens_paragraph && words < target * 5 / 4));
    if (parts_left > 1 && !runs.back().empty() && (must || (full && !awkward))) {
      runs.emplace_back();
      words = 0;
    }
    runs.back().push_back(&unit);
    words += unit.words;
    left -= unit.words;
  }
  return runs;
}

/// A long heading without what it says in brackets.
std::string without_aside(const std::string& title) {
  const auto open = title.find(" (");
  const auto close = title.find(')', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos || count_characters(title) <= 40) return title;
  return title.substr(0, open) + title.substr(close + 1);
}

/// Gives every scene a title that no other has.
class Titles {
 public:
  explicit Titles(const Outline& outline) : outline_(outline) {}

  std::string next(const Section& section, const std::vector<const Unit*>& spoken, std::size_t part) {
    std::string title = without_aside(section.title);
    const std::string& heading = spoken.front()->heading;
    const bool by_heading = part > 1 && outline_.headed && heading != section.title && !heading.empty() &&
                            !taken_.contains(folded_case(heading));
    if (part > 1 && title.empty()) title = without_aside(outline_.title);
    if (title.empty() || (part > 1 && !outline_.headed)) title = headline(*spoken.front());
    if (by_heading) title = without_aside(heading);
    // What tells two titles apart stands at their end, and must outlive the shortening.
    title = shortened(title, title_characters_max, outline_.language);
    const bool goes_on = (part > 1 && outline_.headed && !by_heading) || section.group;
    std::string unique = part > 1 && goes_on ? continued(outline_.language, title, part) : title;
    for (std::size_t n = 2; !taken_.insert(folded_case(unique)).second; ++n)
      unique = goes_on ? continued(outline_.language, title, n) : title + " (" + std::to_string(n) + ")";
    return unique;
  }

  /// A title from a sentence: its first clause, or its first words.
  std::string headline(const Unit& unit) const {
    auto line = shortened(unit.shown.empty() ? unit.text : unit.shown, headline_characters_max, outline_.language);
    if (line.ends_with('.')) line.pop_back();
    return line;
  }

 private:
  const Outline& outline_;
  std::set<std::string> taken_;
};

/// The heading that is said before `unit`, or nothing. Headings are seen on the card; said are those without which the
/// text is not understood: a question before its answer, a list that nothing announces, a text too short to be a
/// sentence ("Daily from ten."), and whatever stands in a scene that has another title.
std::string lead_in(const Unit& unit, const Unit* before, std::string_view scene_title, const Outline& outline) {
  const auto& heading = unit.heading;
  if (heading.empty() || (before != nullptr && before->heading == heading)) return {};
  if (heading == outline.title || !is_speakable_point(as_spoken(heading))) return {};
  if (folded_case(unit.text).starts_with(folded_case(heading))) return {};
  auto spoken = folded_space(as_spoken(heading));
  if (ends_sentence(heading)) return spoken;
  if (unit.unannounced || (count_words(unit.text) < subject_words_min && !unit.text.ends_with('?')))
    return announcing(outline.language, spoken);
  return unit.joined && scene_title != heading ? terminated(spoken) : std::string();
}

/// Gives a scene its words: as many of the run's units as fit together with the headings that are said before them.
class SceneWriter {
 public:
  SceneWriter(const Outline& outline, std::size_t words) : titles_(outline), outline_(outline), words_(words) {}

  ScenePlan write(const Section& section, std::vector<const Unit*> run, std::size_t part) {
    ScenePlan plan;
    plan.units = std::move(run);
    plan.speaks_title = said_ == nullptr && outline_.titled;
    const auto title_words = plan.speaks_title ? count_words(outline_.title) : 0;
    const bool closing = plan.units.back() == &outline_.sections.back().units.back();
    const std::size_t room = words_ > title_words ? words_ - title_words : 1;
    choose(plan, room, closing, section.title);
    // Headings that are said take room from sentences; of a list nothing can be taken.
    const bool list = std::ranges::any_of(plan.spoken, [](const Unit* unit) { return unit->list != 0; });
    if (const auto all = words_of_scene(plan); all > room && plan.spoken.size() > 1 && !list) {
      choose(plan, room > all - room ? room - (all - room) : 1, closing, section.title);
    }
    plan.title = titles_.next(section, plan.spoken, part);
    set_lead_ins(plan, plan.title);
    said_ = plan.spoken.back();
    return plan;
  }

  std::string headline(const Unit& unit) const { return titles_.headline(unit); }

 private:
  void choose(ScenePlan& plan, std::size_t room, bool closing, std::string_view scene_title) const {
    plan.spoken = choose_units(plan.units, room, said_, closing);
    set_lead_ins(plan, scene_title);
  }

  void set_lead_ins(ScenePlan& plan, std::string_view scene_title) const {
    plan.lead_ins.clear();
    const Unit* before = said_;
    for (const auto* unit : plan.spoken)
      plan.lead_ins.push_back(lead_in(*unit, std::exchange(before, unit), scene_title, outline_));
  }

  static std::size_t words_of_scene(const ScenePlan& plan) {
    std::size_t sum = 0;
    for (const auto* unit : plan.spoken)
      sum += count_words(unit->text);
    for (const auto& heading : plan.lead_ins)
      sum += count_words(heading);
    return sum;
  }

  Titles titles_;
  const Outline& outline_;
  std::size_t words_;
  const Unit* said_ = nullptr;
};

}  // namespace

std::vector<ScenePlan> plan_scenes(Outline& outline, std::size_t scenes, std::size_t words) {
  tell_apart(outline);
  reduce(outline, scenes, words);
  if (scenes > 1) ensure_introduction(outline, words);
  drop_least(outline.sections, scenes);
  const auto share = shares(outline, scenes, words);
  for (std::size_t s = 0; s < outline.sections.size(); ++s)
    drop_endless_lists(outline.sections[s], words * share[s]);
  SceneWriter writer(outline, words);
  if (outline.title.empty()) outline.title = writer.headline(outline.sections.front().units.front());
  std::vector<ScenePlan> plans;
  for (std::size_t s = 0; s < outline.sections.size(); ++s) {
    const Section& section = outline.sections[s];
    std::size_t part = 0;
    for (auto& run : runs_of(section, std::min(share[s], section.units.size())))
      plans.push_back(writer.write(section, std::move(run), ++part));
  }
  return plans;
}

}  // namespace holdfast::rulebased
