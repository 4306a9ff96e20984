// Any bytes as an article: a script that parses as JSON and keeps its promises, or a reason. Never a crash.

#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "holdfast/base/check.hpp"
#include "holdfast/providers/rulebased/card.hpp"
#include "holdfast/providers/rulebased/script_writer.hpp"
#include "holdfast/providers/rulebased/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::rulebased;
  if (size < 2) return 0;
  const ScriptOptions options{1 + data[0] % 20u, 10 + data[1] % 120u};
  const std::string_view article(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto script = write_script(article, options);
  if (script.has_error()) {
    HOLDFAST_CHECK(!script.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto document = boost::json::parse(*script);
  const auto& scenes = document.at("scenes").as_array();
  HOLDFAST_CHECK(!scenes.empty(), "a script has scenes");
  for (const auto& scene : scenes) {
    const std::string_view narration = scene.at("narration").as_string();
    HOLDFAST_CHECK(has_letter(narration) && ends_sentence(narration), "every scene is spoken");
    std::string_view card = scene.at("card").as_string();
    for (std::size_t end = 0; end != std::string_view::npos;
         card.remove_prefix(end == std::string_view::npos ? 0 : end + 1)) {
      end = card.find('\n');
      HOLDFAST_CHECK(count_characters(card.substr(0, end)) <= card_line_characters_max, "a line of a card fits");
    }
  }
  return 0;
}
