#include "holdfast/providers/rulebased/plan.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

constexpr std::size_t tiny_section_words = 9;  ///< shorter is a scene of three seconds: it joins its neighbour
constexpr std::size_t headline_characters_max = 48;
constexpr std::size_t title_characters_max = 90;

void append_section(Section& to, Section&& from) {
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

/// Brings the sections down to at most `scenes`: subsections join their neighbours, the deepest and shortest first.
void reduce(Outline& outline, std::size_t scenes, std::size_t words) {
  auto& sections = outline.sections;
  drop_boilerplate(sections);
  merge_where(sections, [&](const Section& previous, const Section& section) {
    return section.words <= tiny_section_words && previous.level <= section.level && &previous != sections.data() &&
           previous.words + section.words <= 2 * words;
  });
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
    }
  }
}

/// An article that begins with a section right below its title lends its first sentences to the introduction.
void ensure_introduction(Outline& outline, std::size_t words) {
  auto& sections = outline.sections;
  if (!outline.titled || sections.front().title == outline.title || sections.size() == 1) return;
  Section& first = sections.front();
  Section introduction{.title = outline.title};
  while (!first.units.empty() && introduction.units.size() < 2) {
    if (!introduction.units.empty() && introduction.words + first.units.front().words > words / 2) break;
    introduction.words += first.units.front().words;
    first.words -= first.units.front().words;
    introduction.units.push_back(std::move(first.units.front()));
    first.units.erase(first.units.begin());
  }
  if (first.units.empty() || first.words <= tiny_section_words) {
    append_section(introduction, std::move(first));
    first = std::move(introduction);
  } else {
    sections.insert(sections.begin(), std::move(introduction));
  }
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
    const bool full = words + unit.words / 2 > target || (unit.opens_paragraph && words * 5 > target * 4);
    const bool awkward = unit.points_back && !unit.opens_paragraph && words < target * 5 / 4 && !must;
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

/// The sentences from the beginning on, as many as fit: how an article introduces itself.
std::vector<const Unit*> lead_of(const std::vector<const Unit*>& run, std::size_t words) {
  std::vector<const Unit*> spoken;
  for (const auto* unit : run) {
    if (unit->words > words) break;
    words -= unit->words;
    spoken.push_back(unit);
  }
  return spoken;
}

/// The best sentences that fit, in the article's order. One that points back comes only with the one before it.
/// `said`: what was spoken last, or nothing. `closing`: the article's last sentence is wanted, it was written as an
/// end.
std::vector<const Unit*> best_of(const std::vector<const Unit*>& run, std::size_t words, const Unit* said,
                                 bool closing) {
  std::vector<bool> chosen(run.size(), false);
  if (closing && run.back()->words <= words / 2) {
    chosen.back() = true;
    words -= run.back()->words;
  }
  while (true) {
    std::size_t best = run.size();
    std::int64_t most = 0;
    std::size_t cost = 0;
    bool with_previous = false;
    for (std::size_t i = 0; i < run.size(); ++i) {
      if (chosen[i]) continue;
      const bool after = i > 0 ? chosen[i - 1] : said != nullptr && said + 1 == run[0];
      const bool brings = run[i]->points_back && !after;  // its predecessor has to come along
      if (brings && (i == 0 || run[i - 1]->points_back)) continue;
      const auto needs = run[i]->words + (brings ? run[i - 1]->words : 0);
      const auto score = after ? run[i]->score * 5 / 4 : run[i]->score;
      if (needs <= words && score > most) {
        most = score;
        best = i;
        cost = needs;
        with_previous = brings;
      }
    }
    if (best == run.size()) break;
    chosen[best] = true;
    if (with_previous) chosen[best - 1] = true;
    words -= cost;
  }
  std::vector<const Unit*> spoken;
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (chosen[i]) spoken.push_back(run[i]);
  }
  return spoken;
}

/// Never silent: where nothing fits, the shortest sentence is spoken though it is too long.
std::vector<const Unit*> spoken_of(const std::vector<const Unit*>& run, std::size_t words, const Unit* said,
                                   bool closing) {
  auto spoken = said == nullptr ? lead_of(run, words) : best_of(run, words, said, closing);
  if (spoken.empty())
    spoken.push_back(*std::ranges::min_element(run, {}, [](const Unit* unit) { return unit->words; }));
  return spoken;
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
    if (part == 1 && title.empty()) title = headline(*spoken.front());
    if (part > 1 && !outline_.headed) {
      title = headline(*spoken.front());
    } else if (part > 1 && heading != section.title && !heading.empty() && !taken_.contains(folded_case(heading))) {
      title = without_aside(heading);
    } else if (part > 1) {
      title = continued(outline_.language, without_aside(section.title.empty() ? outline_.title : section.title), part);
    }
    title = shortened(title, title_characters_max, outline_.language);
    std::string unique = title;
    for (int n = 2; !taken_.insert(folded_case(unique)).second; ++n)
      unique = title + " (" + std::to_string(n) + ")";
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

}  // namespace

std::vector<ScenePlan> plan_scenes(Outline& outline, std::size_t scenes, std::size_t words) {
  tell_apart(outline);
  reduce(outline, scenes, words);
  if (scenes > 1) ensure_introduction(outline, words);
  drop_least(outline.sections, scenes);
  Titles titles(outline);
  if (outline.title.empty()) outline.title = titles.headline(outline.sections.front().units.front());
  const auto share = shares(outline, scenes, words);
  std::vector<ScenePlan> plans;
  const Unit* said = nullptr;
  for (std::size_t s = 0; s < outline.sections.size(); ++s) {
    const Section& section = outline.sections[s];
    std::size_t part = 0;
    for (auto& run : runs_of(section, share[s])) {
      const bool first = plans.empty();
      const auto title_words = first && outline.titled ? count_words(outline.title) : 0;
      const auto room = words > title_words ? words - title_words : 1;
      const bool closing = run.back() == &outline.sections.back().units.back();
      auto spoken = spoken_of(run, room, said, closing);
      said = spoken.back();
      auto title = titles.next(section, spoken, ++part);
      plans.push_back({std::move(title), std::move(run), std::move(spoken), first && outline.titled});
    }
  }
  return plans;
}

}  // namespace holdfast::rulebased
