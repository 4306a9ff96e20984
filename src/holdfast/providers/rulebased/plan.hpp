#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "holdfast/providers/rulebased/outline.hpp"

namespace holdfast::rulebased {

struct Scene {
  std::string title;
  std::string narration;
  std::string card;
};

/// What a scene is made from: a run of units of one section, of which as many are spoken as fit.
struct ScenePlan {
  std::string title;
  std::vector<const Unit*> units;   ///< the run, in order; not empty
  std::vector<const Unit*> spoken;  ///< those chosen, in order; not empty
  /// What is said before each of `spoken`: the heading it stands under, or nothing.
  std::vector<std::string> lead_ins;
  bool speaks_title = false;  ///< the first scene says the article's title before its first sentence
};

/// Divides an outline among at most `scenes` scenes of about `words` words. Pointers lead into `outline`, which is
/// changed (sections merged and dropped) and must then stay as it is. Shape: at least one section, scored.
std::vector<ScenePlan> plan_scenes(Outline& outline, std::size_t scenes, std::size_t words);

}  // namespace holdfast::rulebased
