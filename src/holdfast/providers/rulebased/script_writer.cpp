#include "holdfast/providers/rulebased/script_writer.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <vector>

#include "holdfast/providers/rulebased/article.hpp"
#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/outline.hpp"
#include "holdfast/providers/rulebased/plan.hpp"
#include "holdfast/providers/rulebased/speakable.hpp"
#include "holdfast/providers/rulebased/text.hpp"

namespace holdfast::rulebased {
namespace {

std::string out_of_bounds(std::string_view option, std::size_t value, std::size_t least, std::size_t most) {
  return std::string(option) + " is " + std::to_string(value) + "; it must be between " + std::to_string(least) +
         " and " + std::to_string(most);
}

std::string nothing_to_narrate(const Article& article) {
  std::string why = "the article has no sentences to narrate: ";
  if (article.blocks.empty()) return why + "it is empty";
  const auto all = [&](auto kinds) { return std::ranges::all_of(article.blocks, kinds); };
  if (all([](const Block& block) { return block.kind == BlockKind::gap; })) {
    return why + "it holds only code, pictures or HTML";
  }
  if (all([](const Block& block) { return block.kind == BlockKind::heading || block.kind == BlockKind::gap; })) {
    return why + "it holds only headings, code or pictures";
  }
  return why +
         "no line of it can be read aloud (addresses, code, figures or words without end); write a paragraph of text";
}

std::string narration_of(const ScenePlan& plan, const Outline& outline) {
  std::string out;
  if (plan.speaks_title && !folded_case(plan.spoken.front()->text).starts_with(folded_case(outline.title)) &&
      is_speakable(outline.title)) {
    out = terminated(folded_space(outline.title));
  }
  const auto say = [&](std::string_view words) {
    if (!out.empty() && !words.empty()) out += ' ';
    out += words;
  };
  for (std::size_t i = 0; i < plan.spoken.size(); ++i) {
    say(plan.lead_ins[i]);
    say(plan.spoken[i]->text);
  }
  return out;
}

std::vector<std::string> spare_points(const ScenePlan& plan) {
  std::vector<std::string> points;
  for (const auto* unit : plan.units) {
    if (std::ranges::find(plan.spoken, unit) != plan.spoken.end()) continue;
    points.insert(points.end(), unit->points.begin(), unit->points.end());
  }
  return points;
}

std::string quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string(text));
}

/// One scene a paragraph: a person reads and edits this file.
std::string to_json(const Outline& outline, const std::vector<Scene>& scenes) {
  std::string out = "{\n  \"title\": " + quoted(outline.title) +
                    ",\n  \"language\": " + quoted(code(outline.language)) + ",\n  \"scenes\": [";
  for (const auto& scene : scenes) {
    out += &scene == scenes.data() ? "\n" : ",\n";
    out += "    {\n      \"title\": " + quoted(scene.title) + ",\n      \"narration\": " + quoted(scene.narration) +
           ",\n      \"card\": " + quoted(scene.card) + "\n    }";
  }
  return out + "\n  ]\n}\n";
}

}  // namespace

result<std::string> write_script(std::string_view prompt_text, const ScriptOptions& options,
                                 const ScriptProgress& progress) {
  if (options.max_scenes < 1 || options.max_scenes > scenes_max) {
    return Failure{Errc::invalid_argument, out_of_bounds("max_scenes", options.max_scenes, 1, scenes_max)};
  }
  if (options.max_words_per_scene < words_per_scene_min || options.max_words_per_scene > words_per_scene_max) {
    return Failure{Errc::invalid_argument, out_of_bounds("max_words_per_scene", options.max_words_per_scene,
                                                         words_per_scene_min, words_per_scene_max)};
  }
  const auto article = read_article(article_in(prompt_text));
  if (!article) return article.error();
  Outline outline = outline_of(*article);
  if (outline.sections.empty()) return Failure{Errc::invalid_argument, nothing_to_narrate(*article)};
  score_outline(outline);
  const auto plans =
      plan_scenes(outline, article->scenes_max.value_or(options.max_scenes), options.max_words_per_scene);
  std::vector<Scene> scenes;
  for (const auto& plan : plans) {
    scenes.push_back({plan.title, narration_of(plan, outline),
                      card_text(plan.title, plan.spoken, plan.lead_ins, spare_points(plan), outline.language)});
    if (progress) progress(scenes.size(), plans.size());
  }
  return to_json(outline, scenes);
}

}  // namespace holdfast::rulebased
