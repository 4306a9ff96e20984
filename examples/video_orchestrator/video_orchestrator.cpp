// The seed's orchestrator, in C++, and for real: one provider lock for the job, three stages under watch, the lock
// released in every path. Needs espeak-ng and ffmpeg.
//
//     example_video_orchestrator "A sentence to be spoken and shown." film.mp4
#include <boost/process.hpp>
#include <filesystem>
#include <fstream>
#include <holdfast/holdfast.hpp>
#include <iostream>

namespace {

namespace process = boost::process;

/// Runs a program in a group of its own; `seen` is called while it runs. Ends it when the operation is cancelled.
void run(const std::vector<std::string>& command, holdfast::OperationContext& operation,
         const std::function<void()>& seen) {
  process::group group;
  process::child child(
      process::search_path(command.front()), process::args(std::vector(command.begin() + 1, command.end())), group,
      process::std_in<process::null, process::std_out> process::null, process::std_err > process::null);
  const std::stop_callback cancelled(operation.stop_token(), [&group] { group.terminate(); });
  while (!child.wait_for(std::chrono::milliseconds(50)))
    seen();
  if (child.exit_code() == 0) return;
  throw holdfast::ProviderError({holdfast::ErrorClass::command, child.exit_code(), "",
                                 command.front() + " exited with status " + std::to_string(child.exit_code())});
}

struct Brief {
  std::string text;
  std::filesystem::path output;
};

class VideoOrchestrator {
 public:
  VideoOrchestrator(holdfast::Gateway& gateway, holdfast::TimeoutProfiles profiles)
      : gateway_(gateway), profiles_(std::move(profiles)) {}

  std::filesystem::path generate_video(const std::string& job_id, const Brief& brief, std::stop_token stop) {
    const holdfast::ScopedProviderLock speech(gateway_, {.job_id = job_id,
                                                         .provider_name = "eSpeak",
                                                         .provider_type = "tts",
                                                         .correlation_id = job_id,
                                                         .stages = {"tts-synthesis"}});
    gateway_.lock_provider({.job_id = job_id,
                            .provider_name = "FFmpeg",
                            .provider_type = "video_render",
                            .correlation_id = job_id,
                            .stages = {"video-render"}});
    std::cout << speech.lock() << '\n';

    const auto folder = std::filesystem::absolute(brief.output).parent_path();
    const auto narration = folder / "narration.wav";
    stage(job_id, "eSpeak", "tts", "tts-synthesis", narration, stop,
          {"espeak-ng", "-w", narration.string(), "--", brief.text});
    stage(job_id, "FFmpeg", "video_render", "video-render", brief.output, stop,
          {"ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i", "color=c=0x1b2a41:s=640x360:r=25", "-i",
           narration.string(), "-shortest", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac",
           brief.output.string()});
    return brief.output;
  }

 private:
  /// One program, watched by the growth of its file.
  void stage(const std::string& job_id, const std::string& provider, const std::string& type, const std::string& name,
             const std::filesystem::path& output, const std::stop_token& stop,
             const std::vector<std::string>& command) {
    const auto profile = profiles_.for_provider(provider, "balanced", type);
    std::cout << name << ": a question after " << holdfast::spoken(profile.stall_threshold()) << " of silence\n";
    gateway_.execute_with_patience(
        {.job_id = job_id,
         .provider_name = provider,
         .provider_type = type,
         .stage_name = name,
         .correlation_id = job_id},
        holdfast::pushed_heartbeat({.interval = profile.heartbeat_interval}),
        [&](holdfast::OperationContext& operation) {
          run(command, operation, [&] {
            std::error_code none;
            const auto bytes = std::filesystem::file_size(output, none);
            if (!none) operation.progress().bytes(static_cast<std::int64_t>(bytes));
          });
        },
        stop);
  }

  holdfast::Gateway& gateway_;
  holdfast::TimeoutProfiles profiles_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " TEXT OUTPUT.mp4\n";
    return 2;
  }
  holdfast::Gateway gateway;
  VideoOrchestrator orchestrator(gateway, holdfast::TimeoutProfiles::defaults());
  try {
    const auto film = orchestrator.generate_video("job-12345", {argv[1], argv[2]}, {});
    std::cout << "Video: " << film.string() << " (" << std::filesystem::file_size(film) << " bytes)\n";
    std::cout << "Lock left: " << (gateway.provider_lock("job-12345") ? "yes" : "no") << '\n';
    return 0;
  } catch (const holdfast::Error& error) {
    std::cerr << "The job failed: " << error.what() << '\n';
    return 1;
  }
}
