#include <gtest/gtest.h>

#include "holdfast/cli/screen/board_bench.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;

constexpr Style utf8{.utf8 = true, .color = false}, ascii_only{.utf8 = false, .color = false};
constexpr milliseconds now = 75s;

struct Scene {
  Board board = bench::film_in_the_middle();
  Dialog dialog{};
};

Scene running() {
  return {};
}

Scene asking() {
  Scene scene;
  bench::stall(scene.board);
  scene.board.hear(QuestionOpened{bench::question()}, 74s);
  scene.dialog.see(scene.board, 74s);
  return scene;
}

Scene pressed(Key key) {
  Scene scene = asking();
  scene.dialog.press(key, scene.board, now);
  return scene;
}

Scene switching() {
  return pressed({Key::Kind::character, '3'});
}
Scene cancelling() {
  return pressed({Key::Kind::interrupt});
}

Scene cancelled() {
  Scene scene = asking();
  scene.board.hear(JobClosed{"film-k3f9q2", JobState::cancelled, "ana"}, 74s);
  return scene;
}

/// The lines, each with its end, after one more line end: so that a golden screen begins at the left.
std::string shown(const Scene& scene, Size size, Style style) {
  std::string out = "\n";
  for (const std::string& each : render(scene.board, scene.dialog, now, size, style))
    out += each + "\n";
  return out;
}

TEST(Screen, a_running_job_at_20_columns) {
  EXPECT_EQ(shown(running(), {20, 30}, utf8), R"(
film-k3f9q2  runnin…
✓ script-gene…
▸ tts-synthes…  7/12
  Active • Generati…
· rendering
script-generation o…
script-generation: …
tts-synthesis on eS…
c cancel the job
)");
}

TEST(Screen, a_running_job_at_40_columns) {
  EXPECT_EQ(shown(running(), {40, 30}, utf8), R"(
film-k3f9q2  running  1 min 15 s
✓ script-generation               1.2 s
▸ tts-synthesis        7/12  1 min 13 s
  Active • Generating: 50 %
· rendering
    100 ms  script-generation on RuleBa…
     1.3 s  script-generation: done
     1.4 s  tts-synthesis on eSpeak: st…
c cancel the job
)");
}

TEST(Screen, a_running_job_at_80_columns) {
  EXPECT_EQ(shown(running(), {80, 30}, utf8), R"(
film-k3f9q2  running  1 min 15 s
✓ script-generation                          1.2 s  RuleBased · locked
▸ tts-synthesis     ██████░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Active • Generating: 50 %
· rendering                                         FFmpeg · absolute
    100 ms  script-generation on RuleBased: started
     1.3 s  script-generation: done
     1.4 s  tts-synthesis on eSpeak: started, 12 items
c cancel the job
)");
}

TEST(Screen, a_running_job_at_120_columns) {
  EXPECT_EQ(shown(running(), {120, 30}, utf8), R"(
film-k3f9q2  running  1 min 15 s
✓ script-generation                                    1.2 s  RuleBased · locked
▸ tts-synthesis     █████████████░░░░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Active • Generating: 50 %
· rendering                                                   FFmpeg · absolute
    100 ms  script-generation on RuleBased: started
     1.3 s  script-generation: done
     1.4 s  tts-synthesis on eSpeak: started, 12 items
c cancel the job
)");
}

TEST(Screen, a_running_job_without_utf8) {
  EXPECT_EQ(shown(running(), {80, 30}, ascii_only), R"(
film-k3f9q2  running  1 min 15 s
* script-generation                          1.2 s  RuleBased - locked
> tts-synthesis     ######....    7/12  1 min 13 s  eSpeak - locked - 1 queued
  Active - Generating: 50 %
. rendering                                         FFmpeg - absolute
    100 ms  script-generation on RuleBased: started
     1.3 s  script-generation: done
     1.4 s  tts-synthesis on eSpeak: started, 12 items
c cancel the job
)");
}

TEST(Screen, a_question_at_20_columns) {
  EXPECT_EQ(shown(asking(), {20, 40}, utf8), R"(
film-k3f9q2  waits …
✓ script-gene…
▸ tts-synthes…  7/12
  Stall Suspected: …
  No progress
  lately.
· rendering
tts-synthesis on eS…
tts-synthesis on eS…
tts-synthesis on eS…
┌─ Is eSpeak sta… ─┐
│ No progress for  │
│ 46 s; usual is   │
│ 20 s. The line   │
│ is silent.       │
│ Running for 1    │
│ min 01 s, no     │
│ progress for 47  │
│ s. So far: 50 %. │
│ Instead: Piper   │
│ (tts, amy)       │
│                  │
│ 1  Continue      │
│    Waiting (30s) │
│ 2  Wait until it │
│    finishes      │
│ 3  Try           │
│    Alternative   │
│    Provider      │
│ 4  Cancel Job    │
│ No answer: it    │
│ keeps waiting.   │
└──────────────────┘
c cancel the job
)");
}

TEST(Screen, a_question_at_40_columns) {
  EXPECT_EQ(shown(asking(), {40, 30}, utf8), R"(
film-k3f9q2  waits for an answer  1 min…
✓ script-generation               1.2 s
▸ tts-synthesis        7/12  1 min 13 s
  Stall Suspected: 50 %, last progress …
  No progress lately.
· rendering
     1.4 s  tts-synthesis on eSpeak: st…
1 min 10 s  tts-synthesis on eSpeak: Ex…
1 min 14 s  tts-synthesis on eSpeak: no…
┌─ Is eSpeak stalled? tts-synthesis ───┐
│ No progress for 46 s; usual is 20 s. │
│ The line is silent.                  │
│ Running for 1 min 01 s, no progress  │
│ for 47 s. So far: 50 %.              │
│ Instead: Piper (tts, amy)            │
│                                      │
│ 1  Continue Waiting (30s)            │
│ 2  Wait until it finishes            │
│ 3  Try Alternative Provider          │
│ 4  Cancel Job                        │
│ No answer: it keeps waiting.         │
└──────────────────────────────────────┘
c cancel the job
)");
}

TEST(Screen, a_question_at_80_columns) {
  EXPECT_EQ(shown(asking(), {80, 30}, utf8), R"(
film-k3f9q2  waits for an answer  1 min 15 s
✓ script-generation                          1.2 s  RuleBased · locked
▸ tts-synthesis     ██████░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Stall Suspected: 50 %, last progress 47 s ago
  No progress lately.
· rendering                                         FFmpeg · absolute
     1.4 s  tts-synthesis on eSpeak: started, 12 items
1 min 10 s  tts-synthesis on eSpeak: Extended Wait • Still Working, after 40 s
1 min 14 s  tts-synthesis on eSpeak: no progress for 46 s
┌─ Is eSpeak stalled? tts-synthesis ───────────────────────────────────────────┐
│ No progress for 46 s; usual is 20 s. The line is silent.                     │
│ Running for 1 min 01 s, no progress for 47 s. So far: 50 %.                  │
│ Instead: Piper (tts, amy)                                                    │
│                                                                              │
│ 1  Continue Waiting (30s)                                                    │
│ 2  Wait until it finishes                                                    │
│ 3  Try Alternative Provider                                                  │
│ 4  Cancel Job                                                                │
│ No answer: it keeps waiting.                                                 │
└──────────────────────────────────────────────────────────────────────────────┘
c cancel the job
)");
}

TEST(Screen, a_question_at_120_columns) {
  EXPECT_EQ(shown(asking(), {120, 30}, utf8), R"(
film-k3f9q2  waits for an answer  1 min 15 s
✓ script-generation                                    1.2 s  RuleBased · locked
▸ tts-synthesis     █████████████░░░░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Stall Suspected: 50 %, last progress 47 s ago
  No progress lately.
· rendering                                                   FFmpeg · absolute
     1.4 s  tts-synthesis on eSpeak: started, 12 items
1 min 10 s  tts-synthesis on eSpeak: Extended Wait • Still Working, after 40 s
1 min 14 s  tts-synthesis on eSpeak: no progress for 46 s
┌─ Is eSpeak stalled? tts-synthesis ───────────────────────────────────────────────────────────────────────────────────┐
│ No progress for 46 s; usual is 20 s. The line is silent.                                                             │
│ Running for 1 min 01 s, no progress for 47 s. So far: 50 %.                                                          │
│ Instead: Piper (tts, amy)                                                                                            │
│                                                                                                                      │
│ 1  Continue Waiting (30s)                                                                                            │
│ 2  Wait until it finishes                                                                                            │
│ 3  Try Alternative Provider                                                                                          │
│ 4  Cancel Job                                                                                                        │
│ No answer: it keeps waiting.                                                                                         │
└──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
c cancel the job
)");
}

TEST(Screen, a_question_without_utf8) {
  EXPECT_EQ(shown(asking(), {80, 30}, ascii_only), R"(
film-k3f9q2  waits for an answer  1 min 15 s
* script-generation                          1.2 s  RuleBased - locked
> tts-synthesis     ######....    7/12  1 min 13 s  eSpeak - locked - 1 queued
  Stall Suspected: 50 %, last progress 47 s ago
  No progress lately.
. rendering                                         FFmpeg - absolute
     1.4 s  tts-synthesis on eSpeak: started, 12 items
1 min 10 s  tts-synthesis on eSpeak: Extended Wait - Still Working, after 40 s
1 min 14 s  tts-synthesis on eSpeak: no progress for 46 s
+- Is eSpeak stalled? tts-synthesis -------------------------------------------+
| No progress for 46 s; usual is 20 s. The line is silent.                     |
| Running for 1 min 01 s, no progress for 47 s. So far: 50 %.                  |
| Instead: Piper (tts, amy)                                                    |
|                                                                              |
| 1  Continue Waiting (30s)                                                    |
| 2  Wait until it finishes                                                    |
| 3  Try Alternative Provider                                                  |
| 4  Cancel Job                                                                |
| No answer: it keeps waiting.                                                 |
+------------------------------------------------------------------------------+
c cancel the job
)");
}

TEST(Screen, a_question_on_a_screen_of_twelve_rows) {
  EXPECT_EQ(shown(asking(), {80, 12}, utf8), R"(
film-k3f9q2  waits for an answer  1 min 15 s
▸ tts-synthesis     ██████░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  and 2 more stages
┌─ Is eSpeak stalled? tts-synthesis ───────────────────────────────────────────┐
│ 1  Continue Waiting (30s)                                                    │
│ 2  Wait until it finishes                                                    │
│ 3  Try Alternative Provider                                                  │
│ 4  Cancel Job                                                                │
│ No answer: it keeps waiting.                                                 │
└──────────────────────────────────────────────────────────────────────────────┘
c cancel the job
)");
}

TEST(Screen, a_switch_that_is_to_be_confirmed) {
  EXPECT_EQ(shown(switching(), {80, 30}, utf8), R"(
film-k3f9q2  waits for an answer  1 min 15 s
✓ script-generation                          1.2 s  RuleBased · locked
▸ tts-synthesis     ██████░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Stall Suspected: 50 %, last progress 47 s ago
  No progress lately.
· rendering                                         FFmpeg · absolute
     1.4 s  tts-synthesis on eSpeak: started, 12 items
1 min 10 s  tts-synthesis on eSpeak: Extended Wait • Still Working, after 40 s
1 min 14 s  tts-synthesis on eSpeak: no progress for 46 s
┌─ Is eSpeak stalled? tts-synthesis ───────────────────────────────────────────┐
│ No progress for 46 s; usual is 20 s. The line is silent.                     │
│ Running for 1 min 01 s, no progress for 47 s. So far: 50 %.                  │
│ Instead: Piper (tts, amy)                                                    │
│                                                                              │
│ Switch tts-synthesis from eSpeak to Piper?                                   │
│ It will be served by Piper (tts, amy).                                       │
│ The running call is cancelled; what is finished stays.                       │
│ press y to confirm, any other key to go back                                 │
└──────────────────────────────────────────────────────────────────────────────┘
)");
}

TEST(Screen, a_cancel_that_is_to_be_confirmed) {
  EXPECT_EQ(shown(cancelling(), {80, 30}, utf8), R"(
film-k3f9q2  waits for an answer  1 min 15 s
✓ script-generation                          1.2 s  RuleBased · locked
▸ tts-synthesis     ██████░░░░    7/12  1 min 13 s  eSpeak · locked · 1 queued
  Stall Suspected: 50 %, last progress 47 s ago
  No progress lately.
· rendering                                         FFmpeg · absolute
     1.4 s  tts-synthesis on eSpeak: started, 12 items
1 min 10 s  tts-synthesis on eSpeak: Extended Wait • Still Working, after 40 s
1 min 14 s  tts-synthesis on eSpeak: no progress for 46 s
┌─ Cancel the job? y/N ────────────────────────────────────────────────────────┐
│ The running calls are cancelled; what is finished is kept and named.         │
│ y or Ctrl-C cancels, any other key goes on                                   │
└──────────────────────────────────────────────────────────────────────────────┘
)");
}

TEST(Screen, a_job_that_was_cancelled) {
  EXPECT_EQ(shown(cancelled(), {80, 30}, utf8), R"(
film-k3f9q2  cancelled  1 min 15 s
✓ script-generation                          1.2 s  RuleBased · locked
◦ tts-synthesis                   7/12  1 min 12 s  eSpeak · locked
· rendering                                         FFmpeg · absolute
)");
}

TEST(Screen, no_line_is_wider_than_the_terminal_and_no_screen_higher) {
  for (const Scene& scene : {running(), asking(), switching(), cancelling(), cancelled()}) {
    for (const int width : {1, 2, 5, 11, 12, 13, 19, 20, 21, 29, 35, 36, 40, 59, 60, 71, 72, 80, 99, 100, 130}) {
      for (const int rows : {1, 2, 3, 5, 8, 13, 24}) {
        const auto lines = render(scene.board, scene.dialog, now, {width, rows}, utf8);
        EXPECT_LE(lines.size(), static_cast<std::size_t>(std::max(rows - 1, 1)));
        for (const std::string& line : lines)
          EXPECT_LE(columns(line), width) << line;
      }
    }
  }
}

TEST(Screen, colour_changes_nothing_but_colour) {
  for (const Scene& scene : {running(), asking(), switching()}) {
    const auto plain = render(scene.board, scene.dialog, now, {80, 30}, utf8);
    const auto coloured = render(scene.board, scene.dialog, now, {80, 30}, {.utf8 = true, .color = true});
    ASSERT_EQ(plain.size(), coloured.size());
    bool any = false;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      std::string line;
      for (std::size_t at = 0; at < coloured[i].size(); ++at) {
        if (coloured[i][at] == '\x1b') {
          at = coloured[i].find('m', at);
          any = true;
        } else {
          line += coloured[i][at];
        }
      }
      EXPECT_EQ(line.substr(0, line.find_last_not_of(' ') + 1), plain[i]);
    }
    EXPECT_TRUE(any);
  }
}

TEST(Screen, without_utf8_every_byte_is_ascii) {
  for (const Scene& scene : {running(), asking(), switching(), cancelling(), cancelled()}) {
    for (const std::string& line : render(scene.board, scene.dialog, now, {40, 30}, ascii_only)) {
      for (const char c : line)
        EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
    }
  }
}

TEST(Screen, escape_sequences_of_providers_and_job_files_reach_nobody) {
  const std::string evil =
      "\x1b]0;owned\x07\x1b[2J\r\xc2\x9b"
      "31m\xe2\x80\xae";
  Board board("job" + evil, {{.name = "stage" + evil, .provider = "P" + evil}},
              [&](LatencyCategory, const std::string&, const std::string&) { return CategoryWords{evil, evil}; });
  const std::string stage = "stage" + evil;
  board.hear(StageStarted{"job" + evil, stage, "P" + evil, 2}, 0ms);
  board.hear(
      OperationStarted{.job_id = "job" + evil, .stage_name = stage, .provider_name = "P", .operation_id = "op-1"}, 0ms);
  board.watch({{.operation_id = "op-1", .stage_name = stage, .provider_name = evil, .progress = {.message = evil}}},
              1s);
  board.hear(
      ProviderHardError{.job_id = "job" + evil, .stage_name = stage, .fault = {ErrorClass::other, 1, evil, evil}}, 1s);
  Question question = bench::question();
  question.job_id = "job" + evil;
  question.evidence = evil;
  question.stage_name = stage;
  question.options.front().label = evil;
  question.alternatives.front() = {.provider_name = evil, .provider_type = evil, .model = evil, .why_not = evil};
  board.hear(QuestionOpened{question}, 1s);
  Dialog dialog;
  dialog.see(board, 1s);
  for (const int width : {20, 80, 200}) {
    for (const std::string& line : render(board, dialog, 2s, {width, 60}, utf8)) {
      for (const char c : line)
        EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << line;
      EXPECT_EQ(line.find("\xc2\x9b"), std::string::npos);
      EXPECT_EQ(line.find("\xe2\x80\xae"), std::string::npos);
    }
  }
}

TEST(Screen, where_there_is_no_room_the_options_stay_longest) {
  const Scene scene = asking();
  const auto lines = render(scene.board, scene.dialog, now, {80, 9}, utf8);
  std::string all;
  for (const std::string& each : lines)
    all += each;
  EXPECT_NE(all.find("1  Continue Waiting (30s)"), std::string::npos);
  EXPECT_NE(all.find("4  Cancel Job"), std::string::npos);
}

TEST(Screen, a_hint_stands_under_the_category) {
  Scene scene = running();
  scene.board.watch({bench::live("op-1", 60s, 7s, {.tokens = 512}, LatencyCategory::Extended)}, now);
  const std::string all = shown(scene, {80, 30}, utf8);
  EXPECT_NE(all.find("  Extended Wait • Still Working: 512 tokens, last progress 7 s ago\n"
                     "  Longer than most, normal for tts.\n"),
            std::string::npos)
      << all;
}

TEST(Screen, a_call_that_waits_for_its_turn_is_said_to) {
  Scene scene{.board = bench::film()};
  scene.board.hear(bench::stage_started("rendering", "FFmpeg", 1), 0ms);
  scene.board.hear(bench::call_started("op-9", "rendering", "FFmpeg", true), 0ms);
  const std::string all = shown(scene, {80, 30}, utf8);
  EXPECT_NE(all.find("  queued: waits for its turn at FFmpeg\n"), std::string::npos) << all;
  EXPECT_NE(all.find("1 queued"), std::string::npos);
}

TEST(Screen, questions_after_an_error_and_an_interruption_say_so) {
  for (const auto& [kind, title] : {std::pair(QuestionKind::hard_error, "eSpeak failed: tts-synthesis, question 2"),
                                    std::pair(QuestionKind::interrupted, "eSpeak was interrupted: tts-synthesis")}) {
    Scene scene = running();
    Question question = bench::question(2);
    question.kind = kind;
    scene.board.hear(QuestionOpened{question}, 74s);
    scene.dialog.see(scene.board, 74s);
    const std::string all = shown(scene, {80, 30}, utf8);
    EXPECT_NE(all.find(title), std::string::npos) << all;
    EXPECT_NE(all.find("No answer: the job waits."), std::string::npos);
    EXPECT_EQ(all.find("no progress for"), std::string::npos);
  }
}

// The row stood bare while the question about the failure was open, and a switch "cancelled the running call".
TEST(Screen, a_call_that_failed_shows_its_category_while_it_is_asked_about) {
  Scene scene = running();
  const auto failed = [&](auto news) {
    news.job_id = "film-k3f9q2";
    news.stage_name = "tts-synthesis";
    news.provider_name = "eSpeak";
    news.provider_type = "tts";
    news.operation_id = "op-1";
    return news;
  };
  CategoryChanged change = failed(CategoryChanged{});
  change.to = LatencyCategory::Error;
  OperationEnded end = failed(OperationEnded{});
  end.outcome = OperationPhase::failed;
  scene.board.hear(change, 73s);
  scene.board.hear(end, 73s);
  Question question = bench::question();
  question.kind = QuestionKind::hard_error;
  scene.board.hear(QuestionOpened{question}, 74s);
  scene.dialog.see(scene.board, 74s);
  EXPECT_NE(shown(scene, {80, 30}, utf8).find("\n  Error: "), std::string::npos) << shown(scene, {80, 30}, utf8);
  scene.dialog.press({Key::Kind::character, '3'}, scene.board, now);
  const std::string confirm = shown(scene, {80, 30}, utf8);
  EXPECT_EQ(confirm.find("running call is cancelled"), std::string::npos) << confirm;
  EXPECT_NE(confirm.find("Its call has ended"), std::string::npos) << confirm;
  scene.board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "answer"}, 75s);
  EXPECT_EQ(shown(scene, {80, 30}, utf8).find("  Error: "), std::string::npos);
}

// What was known when it was asked stood beside the same numbers as they are now.
TEST(Screen, a_question_says_each_number_once) {
  Scene scene = asking();
  Question question = bench::question(2);
  question.evidence = "No new output for 5.2 s; no sign of life either. Running for 5.2 s, progress so far: 1 chunk.";
  scene.board.hear(QuestionClosed{"film-k3f9q2", "op-1", 1, "answer"}, 74s);
  scene.board.hear(QuestionOpened{question}, 74s);
  scene.dialog.see(scene.board, 74s);
  const std::string all = shown(scene, {100, 30}, utf8);
  EXPECT_EQ(all.find("Running for 5.2 s"), std::string::npos) << all;
  EXPECT_NE(all.find("no sign of life either."), std::string::npos);
  EXPECT_NE(all.find("Running for 1 min"), std::string::npos);
}

TEST(Screen, several_open_questions_are_counted) {
  Scene scene = asking();
  scene.board.hear(QuestionOpened{bench::question(7)}, 74s);
  EXPECT_NE(shown(scene, {80, 30}, utf8).find("(1 of 2 questions)"), std::string::npos);
}

TEST(Screen, several_alternatives_are_chosen_from) {
  Scene scene = running();
  Question question = bench::question();
  question.alternatives.push_back({.provider_name = "Cloud",
                                   .provider_type = "tts",
                                   .requires_network = true,
                                   .failed_here = true,
                                   .normal_threshold = 20s});
  question.alternatives.push_back({.provider_name = "Old", .allowed = false, .why_not = "it is gone"});
  scene.board.hear(QuestionOpened{question}, 70s);
  scene.dialog.see(scene.board, 70s);
  EXPECT_NE(shown(scene, {80, 40}, utf8).find("Old (): not possible, it is gone"), std::string::npos);
  scene.dialog.press({Key::Kind::character, '3'}, scene.board, now);
  const std::string all = shown(scene, {80, 40}, utf8);
  EXPECT_NE(all.find("2  Cloud (tts, needs the network, normally within 20 s, failed here"), std::string::npos) << all;
  EXPECT_EQ(all.find("3  Old"), std::string::npos);
  EXPECT_NE(all.find("Any other key goes back."), std::string::npos);
}

TEST(Screen, an_answer_that_cancels_is_confirmed_in_its_own_words) {
  const std::string all = shown(pressed({Key::Kind::character, '4'}), {80, 30}, utf8);
  EXPECT_NE(all.find("Cancel the job?"), std::string::npos);
  EXPECT_NE(all.find("press y to confirm, any other key to go back"), std::string::npos);
}

TEST(Screen, a_failed_job_shows_where) {
  Scene scene = running();
  scene.board.hear(JobClosed{"film-k3f9q2", JobState::failed, {}}, 74s);
  const std::string all = shown(scene, {80, 30}, utf8);
  EXPECT_NE(all.find("film-k3f9q2  failed"), std::string::npos);
  EXPECT_NE(all.find("✗ tts-synthesis"), std::string::npos) << all;
}

}  // namespace
}  // namespace holdfast::cli
