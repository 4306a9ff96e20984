#pragma once

#include <boost/json/parse.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/rulebased/plan.hpp"
#include "holdfast/providers/rulebased/script_writer.hpp"

/// A script as tests look at it. Header only, for tests.
namespace holdfast::rulebased {

struct Script {
  std::string title;
  std::string language;
  std::vector<Scene> scenes;

  std::vector<std::string> titles() const {
    std::vector<std::string> out;
    for (const auto& scene : scenes)
      out.push_back(scene.title);
    return out;
  }
  std::string narration() const {
    std::string out;
    for (const auto& scene : scenes)
      out += scene.narration + "\n";
    return out;
  }
};

inline Script parsed(const std::string& json) {
  const auto document = boost::json::parse(json);
  Script script{document.at("title").as_string().c_str(), document.at("language").as_string().c_str(), {}};
  for (const auto& scene : document.at("scenes").as_array()) {
    script.scenes.push_back({scene.at("title").as_string().c_str(), scene.at("narration").as_string().c_str(),
                             scene.at("card").as_string().c_str()});
  }
  return script;
}

inline Script script_of(std::string_view article, const ScriptOptions& options = {}) {
  return parsed(write_script(article, options).value());
}

}  // namespace holdfast::rulebased
