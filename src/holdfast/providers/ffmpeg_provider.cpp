#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>

#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/programs.hpp"
#include "holdfast/providers/run_program.hpp"
#include "holdfast/providers/scratch.hpp"
#include "holdfast/providers/video_prompt.hpp"

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;

constexpr const char* ffmpeg = "ffmpeg";
constexpr const char* ffprobe = "ffprobe";
constexpr int frames_per_second = 25;
constexpr double breath_before_s = 0.3;  ///< the picture is there before the voice begins
constexpr double breath_after_s = 0.6;   ///< and stays a moment when it has ended
constexpr double fade_s = 0.25;

[[noreturn]] void fail(ErrorClass error, const std::string& why) {
  throw ProviderError(ProviderFault{.error_class = error, .message = why});
}

/// A name that begins with a dash, or holds a colon, is a file all the same.
std::string file(const fs::path& path) {
  return "file:" + fs::absolute(path).string();
}

void check_readable(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) fail(ErrorClass::other, "there is no file '" + path.string() + "'");
}

class FfmpegProvider final : public Provider {
 public:
  FfmpegProvider(ProviderInfo info, process::Spawner& spawner) : info_(std::move(info)), spawner_(spawner) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return "command"; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }

  std::vector<std::string> problems() const override {
    std::vector<std::string> problems;
    for (const char* program : {ffmpeg, ffprobe}) {
      if (const auto missing = missing_program(program)) problems.push_back(*missing);
    }
    return problems;
  }

  void run(const StageCall& call, OperationContext& operation) const override {
    const auto prompt = read_video_prompt(call.input);
    if (!prompt) fail(ErrorClass::other, prompt.error().message);
    const Scratch scratch(call.output);
    if (const auto* scene = std::get_if<ScenePrompt>(&*prompt)) {
      make_scene(*scene, call, scratch, operation);
    } else {
      join(std::get<JoinPrompt>(*prompt), call, scratch, operation);
    }
  }

 private:
  void make_scene(const ScenePrompt& scene, const StageCall& call, const Scratch& scratch,
                  OperationContext& operation) const {
    check_readable(scene.image);
    check_readable(scene.audio);
    // Whole frames: scenes that end between two would drift apart from their sound when they are joined.
    const double spoken = length_of(scene.audio, call, scratch, operation) + breath_before_s + breath_after_s;
    const double length = std::ceil(spoken * frames_per_second) / frames_per_second;
    // The picture is decoded once and repeated; decoding it for every frame would take longer than encoding.
    const std::string filters = fmt::format(
        "[0:v]scale=1920:1080:force_original_aspect_ratio=decrease:out_color_matrix=bt709:out_range=tv,"
        "pad=1920:1080:-1:-1:color=0x0E1726,setsar=1,format=yuv420p,loop=loop=-1:size=1:start=0,"
        "setpts=N/{0}/TB,fade=t=in:d={1}:color=0x0E1726,fade=t=out:st={2:.3f}:d={1}:color=0x0E1726[v];\n"
        "[1:a]aresample=48000,aformat=channel_layouts=stereo,adelay={3}:all=1,apad[a]\n",
        frames_per_second, fade_s, length - fade_s, static_cast<int>(breath_before_s * 1000));
    scratch.write("scene.txt", filters);
    ProgramRun run{.arguments = start_of_command(),
                   .cwd = scratch.folder(),
                   .progress = "ffmpeg",
                   .total = milliseconds(std::llround(length * 1000))};
    for (const std::string& each : {std::string("-i"), file(scene.image), std::string("-i"), file(scene.audio)}) {
      run.arguments.push_back(each);
    }
    for (const char* each : {"-filter_complex_script", "scene.txt", "-map", "[v]", "-map", "[a]", "-t"}) {
      run.arguments.emplace_back(each);
    }
    run.arguments.push_back(fmt::format("{:.3f}", length));
    for (const char* each : {"-r",        "25",         "-c:v",        "libx264", "-preset",
                             "superfast", "-crf",       "20",          "-tune",   "stillimage",
                             "-pix_fmt",  "yuv420p",    "-colorspace", "bt709",   "-color_primaries",
                             "bt709",     "-color_trc", "bt709",       "-c:a",    "aac",
                             "-b:a",      "128k",       "-ar",         "48000",   "-ac",
                             "2"}) {
      run.arguments.emplace_back(each);
    }
    run.arguments.push_back(file(call.output));
    run_program(spawner_, call, run, operation);
  }

  void join(const JoinPrompt& join, const StageCall& call, const Scratch& scratch, OperationContext& operation) const {
    double length = 0;
    for (const fs::path& each : join.files) {
      check_readable(each);
      length += length_of(each, call, scratch, operation);
    }
    scratch.write("list.txt", concat_list(join));
    ProgramRun run{.arguments = start_of_command(),
                   .cwd = scratch.folder(),
                   .progress = "ffmpeg",
                   .total = milliseconds(std::llround(length * 1000))};
    for (const char* each : {"-f", "concat", "-safe", "0", "-i", "list.txt", "-map", "0:v:0", "-map", "0:a:0", "-c",
                             "copy", "-movflags", "+faststart"}) {
      run.arguments.emplace_back(each);
    }
    run.arguments.push_back(file(call.output));
    run_program(spawner_, call, run, operation);
  }

  static std::vector<std::string> start_of_command() {
    return {ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-progress", "pipe:1", "-nostats", "-y"};
  }

  /// In seconds.
  double length_of(const fs::path& media, const StageCall& call, const Scratch& scratch,
                   OperationContext& operation) const {
    const fs::path answer = scratch.folder() / "length.txt";
    const ProgramRun run{.arguments = {ffprobe, "-v", "error", "-show_entries", "format=duration", "-of",
                                       "default=noprint_wrappers=1:nokey=1", file(media)},
                         .cwd = scratch.folder(),
                         .stdout_file = answer,
                         .progress = "none"};
    run_program(spawner_, call, run, operation);
    std::ifstream in(answer);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    double seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec != std::errc{} || !(seconds > 0)) {
      fail(ErrorClass::protocol, fmt::format("'{}' has no length: it is no sound and no video", media.string()));
    }
    return seconds;
  }

  const ProviderInfo info_;
  process::Spawner& spawner_;
};

}  // namespace

std::unique_ptr<Provider> ffmpeg_provider(ProviderInfo info, process::Spawner& spawner) {
  return std::make_unique<FfmpegProvider>(std::move(info), spawner);
}

}  // namespace holdfast::providers
