#include <algorithm>

#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/programs.hpp"
#include "holdfast/providers/rulebased/language.hpp"
#include "holdfast/providers/run_program.hpp"
#include "holdfast/providers/scratch.hpp"

namespace holdfast::providers {
namespace {

constexpr const char* program = "espeak-ng";
constexpr const char* words_per_minute = "160";  ///< a calm reader; espeak-ng's own 175 is hard to follow

/// The voice for a language tag such as "de" or "pt-br". Anything that is no tag is not passed on: it would be an
/// option of the program's, or a file.
std::string voice_for(const std::string& language) {
  constexpr std::size_t tag_bytes_max = 16;
  const bool tag = language.size() >= 2 && language.size() <= tag_bytes_max && language.front() != '-' &&
                   std::ranges::all_of(language, [](unsigned char c) {
                     return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                   });
  if (!tag || language == "en") return "en-us";
  return language;
}

class EspeakProvider final : public Provider {
 public:
  EspeakProvider(ProviderInfo info, process::Spawner& spawner) : info_(std::move(info)), spawner_(spawner) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return "command"; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }

  std::vector<std::string> problems() const override {
    if (const auto missing = missing_program(program)) return {*missing};
    return {};
  }

  std::optional<std::string> prompt_problem(const std::string& prompt) const override {
    if (prompt.find_first_not_of(" \t\r\n\v\f") != std::string::npos) return std::nullopt;
    return "the prompt is blank: there is nothing to read aloud";
  }

  void run(const StageCall& call, OperationContext& operation) const override {
    // It would write a head without a sound.
    if (const auto why = prompt_problem(call.input)) {
      throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = *why});
    }
    std::string language = call.value("language");
    if (language.empty()) language = rulebased::code(rulebased::detect_language(call.input));
    // In a file: a text that begins with a dash is no option there, and none is too long.
    const Scratch scratch(call.output);
    const auto text = scratch.write("narration.txt", call.input);
    const ProgramRun run{.arguments = {program, "-v", voice_for(language), "-s", words_per_minute, "-b", "1", "-w",
                                       call.output.string(), "-f", text.string()},
                         .output = call.output,
                         .progress = "output-bytes"};
    run_program(spawner_, call, run, operation);
  }

 private:
  const ProviderInfo info_;
  process::Spawner& spawner_;
};

}  // namespace

std::unique_ptr<Provider> espeak_provider(ProviderInfo info, process::Spawner& spawner) {
  return std::make_unique<EspeakProvider>(std::move(info), spawner);
}

}  // namespace holdfast::providers
