#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/screen/screen.hpp"

/// For the tests of this folder: a job in the middle of its work.
namespace holdfast::cli::bench {

inline CategoryWords words(LatencyCategory category, const std::string& type, const std::string&) {
  switch (category) {
    case LatencyCategory::Normal:
      return {"Active • Generating", ""};
    case LatencyCategory::Extended:
      return {"Extended Wait • Still Working", "Longer than most, normal for " + type + "."};
    case LatencyCategory::DeepWait:
      return {"Deep Wait", "Still working."};
    case LatencyCategory::StallSuspected:
      return {"Stall Suspected", "No progress lately."};
    case LatencyCategory::Error:
      return {"Error", ""};
  }
  __builtin_unreachable();
}

inline Board film() {
  return {"film-k3f9q2",
          {{.name = "script-generation", .provider = "RuleBased"},
           {.name = "tts-synthesis", .provider = "eSpeak"},
           {.name = "rendering", .provider = "FFmpeg"}},
          words};
}

inline News stage_started(const std::string& stage, const std::string& provider, std::size_t items) {
  return StageStarted{"film-k3f9q2", stage, provider, items};
}

inline News stage_step(const std::string& stage, std::size_t items, std::size_t done) {
  return StageFinished{
      {.job_id = "film-k3f9q2", .stage_name = stage, .items = items, .items_done = done, .finished = items == done}};
}

inline News lock(const std::string& provider, std::vector<std::string> stages, bool overridable = true) {
  return LockTaken{{.job_id = "film-k3f9q2",
                    .provider_name = provider,
                    .provider_type = "tts",
                    .overridable = overridable,
                    .stages = std::move(stages)}};
}

inline News call_started(const std::string& id, const std::string& stage, const std::string& provider,
                         bool queued = false) {
  return OperationStarted{.job_id = "film-k3f9q2",
                          .stage_name = stage,
                          .provider_name = provider,
                          .provider_type = "tts",
                          .operation_id = id,
                          .queued = queued};
}

inline api::OperationView live(const std::string& id, milliseconds elapsed, milliseconds silence, Progress progress,
                               LatencyCategory category = LatencyCategory::Normal) {
  return {.operation_id = id,
          .job_id = "film-k3f9q2",
          .stage_name = "tts-synthesis",
          .provider_name = "eSpeak",
          .provider_type = "tts",
          .category = category,
          .elapsed = elapsed,
          .since_last_progress = silence,
          .progress = std::move(progress)};
}

inline Question question(int ask = 1) {
  return {.job_id = "film-k3f9q2",
          .stage_name = "tts-synthesis",
          .provider_name = "eSpeak",
          .provider_type = "tts",
          .operation_id = "op-1",
          .ask = ask,
          .options = {{.id = "continue_30s", .label = "Continue Waiting (30s)"},
                      {.id = "wait_until_done", .label = "Wait until it finishes", .action = AnswerAction::wait},
                      {.id = "try_alternative",
                       .label = "Try Alternative Provider",
                       .action = AnswerAction::fallback,
                       .requires_confirmation = true},
                      {.id = "cancel_job",
                       .label = "Cancel Job",
                       .action = AnswerAction::cancel,
                       .requires_confirmation = true}},
          .alternatives = {{.provider_name = "Piper", .provider_type = "tts", .model = "amy"}},
          .evidence = "No progress for 46 s; usual is 20 s. The line is silent."};
}

/// The script is done, the speech runs with seven of twelve items, two calls and one that waits.
inline Board film_in_the_middle() {
  using namespace std::chrono_literals;
  Board board = film();
  board.hear(JobOpened{"film-k3f9q2", "film", "balanced", "ana"}, 0ms);
  board.hear(lock("RuleBased", {"script-generation"}), 0ms);
  board.hear(lock("eSpeak", {"tts-synthesis"}), 0ms);
  board.hear(lock("FFmpeg", {"rendering"}, false), 0ms);
  board.hear(stage_started("script-generation", "RuleBased", 1), 100ms);
  board.hear(stage_step("script-generation", 1, 1), 1300ms);
  board.hear(stage_started("tts-synthesis", "eSpeak", 12), 1400ms);
  board.hear(stage_step("tts-synthesis", 12, 7), 60s);
  board.hear(call_started("op-1", "tts-synthesis", "eSpeak"), 60s);
  board.hear(call_started("op-2", "tts-synthesis", "eSpeak", true), 60s);
  board.watch({live("op-1", 12s, 1s, {.percent = 50.0})}, 72s);
  return board;
}

/// Its first call makes no progress any more: at 70 s, and asked about at 74 s.
inline void stall(Board& board) {
  using namespace std::chrono_literals;
  board.hear(CategoryChanged{.job_id = "film-k3f9q2",
                             .stage_name = "tts-synthesis",
                             .provider_name = "eSpeak",
                             .provider_type = "tts",
                             .operation_id = "op-1",
                             .to = LatencyCategory::Extended,
                             .elapsed = 40s},
             70s);
  board.hear(StallSuspected{.job_id = "film-k3f9q2",
                            .stage_name = "tts-synthesis",
                            .provider_name = "eSpeak",
                            .provider_type = "tts",
                            .operation_id = "op-1",
                            .elapsed_since_last_progress = 46s},
             74s);
  board.watch({live("op-1", 60s, 46s, {.percent = 50.0}, LatencyCategory::StallSuspected)}, 74s);
}

}  // namespace holdfast::cli::bench
