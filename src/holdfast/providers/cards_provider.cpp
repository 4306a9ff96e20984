#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/cards/card_graph.hpp"
#include "holdfast/providers/programs.hpp"
#include "holdfast/providers/run_program.hpp"
#include "holdfast/providers/scratch.hpp"

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

constexpr const char* program = "ffmpeg";
constexpr const char* no_fonts = "the fonts DejaVu Sans are not installed: apt-get install fonts-dejavu-core";

[[noreturn]] void fail(const std::string& why) {
  throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = why});
}

std::u32string page_of(const StageCall& call) {
  const std::string index = call.value("index"), count = call.value("count");
  if (index.empty() || count.empty() || count == "1") return {};
  return characters(index + " / " + count);
}

class CardsProvider final : public Provider {
 public:
  CardsProvider(ProviderInfo info, process::Spawner& spawner) : info_(std::move(info)), spawner_(spawner) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return "command"; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }

  std::vector<std::string> problems() const override {
    std::vector<std::string> problems;
    if (const auto missing = missing_program(program)) problems.push_back(*missing);
    if (!find_fonts()) problems.emplace_back(no_fonts);
    return problems;
  }

  void run(const StageCall& call, OperationContext& operation) const override {
    const auto fonts = find_fonts();
    if (!fonts) fail(no_fonts);
    const auto regular = FontMetrics::open(fonts->regular);
    if (!regular) fail(regular.error().message);
    const auto bold = FontMetrics::open(fonts->bold);
    if (!bold) fail(bold.error().message);
    const auto card = read_card(call.input, *regular, *bold);
    if (!card) fail(card.error().message);
    const CardGraph graph = draw(lay_out(*card, page_of(call), *regular, *bold));

    // FFmpeg runs where its files are, so that no path needs to be written in the language of filter graphs.
    const Scratch scratch(call.output);
    for (std::size_t i = 0; i < graph.texts.size(); ++i)
      scratch.write(text_file(i), graph.texts[i]);
    scratch.write("graph.txt", graph.filters);
    std::error_code error;
    fs::create_symlink(fonts->regular, scratch.folder() / regular_font_file, error);
    if (!error) fs::create_symlink(fonts->bold, scratch.folder() / bold_font_file, error);
    if (error) fail("cannot link the fonts into '" + scratch.folder().string() + "': " + error.message());
    const ProgramRun run{.arguments = {program,
                                       "-nostdin",
                                       "-hide_banner",
                                       "-v",
                                       "error",
                                       "-progress",
                                       "pipe:1",
                                       "-nostats",
                                       "-y",
                                       "-filter_complex_script",
                                       "graph.txt",
                                       "-map",
                                       "[card]",
                                       "-frames:v",
                                       "1",
                                       "-f",
                                       "image2",
                                       "-c:v",
                                       "png",
                                       "-update",
                                       "1",
                                       "file:" + fs::absolute(call.output).string()},
                         .cwd = scratch.folder(),
                         .progress = "ffmpeg"};
    run_program(spawner_, call, run, operation);
  }

 private:
  const ProviderInfo info_;
  process::Spawner& spawner_;
};

}  // namespace

std::unique_ptr<Provider> cards_provider(ProviderInfo info, process::Spawner& spawner) {
  return std::make_unique<CardsProvider>(std::move(info), spawner);
}

}  // namespace holdfast::providers
