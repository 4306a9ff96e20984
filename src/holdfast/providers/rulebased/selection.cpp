#include "holdfast/providers/rulebased/selection.hpp"

#include <algorithm>
#include <span>

namespace holdfast::rulebased {
namespace {

/// What is chosen or left out as a whole: a unit, or the units of a list.
struct Piece {
  std::span<const Unit* const> units{};
  std::size_t words = 0;
  std::int64_t score = 0;
  bool chosen = false;

  bool list() const { return units.front()->list != 0; }
  bool points_back() const { return units.front()->points_back; }
};

std::vector<Piece> pieces_of(std::span<const Unit* const> run) {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0; begin < run.size();) {
    std::size_t end = begin + 1;
    while (run[begin]->list != 0 && end < run.size() && run[end]->list == run[begin]->list)
      ++end;
    Piece piece{.units = run.subspan(begin, end - begin)};
    for (const auto* unit : piece.units) {
      piece.words += unit->words;
      piece.score = std::max(piece.score, unit->score);
    }
    pieces.push_back(piece);
    begin = end;
  }
  return pieces;
}

void choose_lead(std::vector<Piece>& pieces, std::size_t words) {
  std::size_t sum = 0;
  for (auto& piece : pieces) {
    if (sum + piece.words > (piece.list() ? list_words_factor * words : words)) break;
    piece.chosen = true;
    sum += piece.words;
  }
}

void choose_best(std::vector<Piece>& pieces, std::size_t words, const Unit* said, bool closing) {
  std::size_t left = words;
  bool any = false;
  if (closing && pieces.back().words <= words / 2) {
    pieces.back().chosen = true;
    left -= pieces.back().words;
  }
  while (true) {
    std::size_t best = pieces.size();
    std::int64_t most = 0;
    std::size_t cost = 0;
    bool with_previous = false;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const Piece& piece = pieces[i];
      if (piece.chosen) continue;
      const bool after = i > 0 ? pieces[i - 1].chosen : said != nullptr && said + 1 == piece.units.front();
      const bool brings = piece.points_back() && !after;  // its predecessor has to come along
      if (brings && (i == 0 || pieces[i - 1].points_back())) continue;
      const auto needs = piece.words + (brings ? pieces[i - 1].words : 0);
      const auto score = after ? piece.score * 5 / 4 : piece.score;
      const auto room = piece.list() && !any ? list_words_factor * words : left;
      if (needs <= room && score > most) {
        most = score;
        best = i;
        cost = needs;
        with_previous = brings;
      }
    }
    if (best == pieces.size()) break;
    pieces[best].chosen = any = true;
    if (with_previous) pieces[best - 1].chosen = true;
    left -= std::min(left, cost);
  }
}

/// The shortest sentence; of a run that is nothing but a list too long for any scene, its beginning.
std::vector<const Unit*> least_of(const std::vector<const Unit*>& run, std::size_t words) {
  const Unit* shortest = nullptr;
  for (const auto* unit : run) {
    if (unit->list == 0 && (shortest == nullptr || unit->words < shortest->words)) shortest = unit;
  }
  if (shortest != nullptr) return {shortest};
  std::vector<const Unit*> spoken;
  for (const auto* unit : run) {
    if (!spoken.empty() && unit->words > words) break;
    spoken.push_back(unit);
    words -= std::min(words, unit->words);
  }
  return spoken;
}

}  // namespace

std::vector<const Unit*> choose_units(const std::vector<const Unit*>& run, std::size_t words, const Unit* said,
                                      bool closing) {
  auto pieces = pieces_of(run);
  if (said == nullptr) {
    choose_lead(pieces, words);
  } else {
    choose_best(pieces, words, said, closing);
  }
  std::vector<const Unit*> spoken;
  for (const auto& piece : pieces) {
    if (piece.chosen) spoken.insert(spoken.end(), piece.units.begin(), piece.units.end());
  }
  return spoken.empty() ? least_of(run, words) : spoken;
}

}  // namespace holdfast::rulebased
