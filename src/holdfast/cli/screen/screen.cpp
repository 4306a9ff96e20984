#include "holdfast/cli/screen/screen.hpp"

#include <algorithm>
#include <array>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/question_box.hpp"

namespace holdfast::cli {
namespace {

/// Which columns there is room for.
struct Columns {
  int name = 0, bar = 0, progress = 0, elapsed = 0;
  bool provider = false;
};

/// How much is shown. Each level gives up something more than the one before.
struct Detail {
  std::size_t events = 3;
  bool hints = true, calls = true, idle_stages = true, evidence = true;
};

constexpr std::array levels = {
    Detail{},
    Detail{.events = 1},
    Detail{.events = 0},
    Detail{.events = 0, .hints = false},
    Detail{.events = 0, .hints = false, .calls = false},
    Detail{.events = 0, .hints = false, .calls = false, .idle_stages = false},
    Detail{.events = 0, .hints = false, .calls = false, .idle_stages = false, .evidence = false},
};

Columns columns_for(const Board& board, int width) {
  int longest = 4;
  for (const StageLine& each : board.stages())
    longest = std::max(longest, columns(harmless(each.name)));
  Columns out;
  out.progress = width >= 30 ? 7 : 5;
  if (width >= 36) out.elapsed = 12;
  if (width >= 72) out.bar = width >= 100 ? 20 : 10;
  out.provider = width >= 60;
  const int rest =
      width - 2 - out.progress - 1 - out.elapsed - (out.bar > 0 ? out.bar + 1 : 0) - (out.provider ? 20 : 0);
  out.name = std::clamp(longest, 4, std::max(rest, 4));
  return out;
}

Span mark(StageState state, Style style) {
  switch (state) {
    case StageState::pending:
      return {style.utf8 ? "·" : ".", Tone::faint};
    case StageState::running:
      return {style.utf8 ? "▸" : ">", Tone::accent};
    case StageState::done:
      return {style.utf8 ? "✓" : "*", Tone::good};
    case StageState::interrupted:
    case StageState::failed:
      return {style.utf8 ? "✗" : "x", Tone::bad};
    case StageState::cancelled:
      return {style.utf8 ? "◦" : "-", Tone::warning};
  }
  __builtin_unreachable();
}

std::string progress_of(const Board& board, const StageLine& stage) {
  if (stage.state == StageState::pending) return {};
  if (stage.items != 1) return std::to_string(stage.items_done) + "/" + std::to_string(stage.items);
  if (stage.state != StageState::running) return {};
  const auto fraction = board.fraction(stage);
  return fraction ? std::to_string(static_cast<int>(*fraction * 100)) + " %" : std::string();
}

std::string elapsed_of(const StageLine& stage, milliseconds now) {
  if (stage.state == StageState::pending) return {};
  const auto end = stage.state == StageState::running ? std::optional(now) : stage.ended_at;
  return stage.began_at && end ? spoken(*end - *stage.began_at) : std::string();
}

std::string right_aligned(const std::string& text, int width) {
  const int missing = width - columns(text);
  return std::string(static_cast<std::size_t>(std::max(missing, 0)), ' ') + text;
}

std::string provider_of(const Board& board, const StageLine& stage) {
  std::string out = stage.provider;
  if (stage.locked) out += stage.absolute ? " · absolute" : " · locked";
  const auto calls = board.calls_of(stage.name);
  const auto queued = std::ranges::count_if(
      calls, [](const LiveCall* each) { return each->operation.state == OperationPhase::queued; });
  if (queued > 0) out += " · " + std::to_string(queued) + " queued";
  return out;
}

Line stage_line(const Board& board, const StageLine& stage, milliseconds now, const Columns& layout, Style style) {
  const Tone tone = stage.state == StageState::running   ? Tone::strong
                    : stage.state == StageState::pending ? Tone::faint
                                                         : Tone::plain;
  Line out{mark(stage.state, style), {" "}};
  out.push_back({padded(shown_as(stage.name, style), layout.name, style.utf8), tone});
  if (layout.bar > 0) {
    const auto fraction = stage.state == StageState::running ? board.fraction(stage) : std::nullopt;
    out.push_back(
        {" " + (fraction ? bar(*fraction, layout.bar, style) : std::string(static_cast<std::size_t>(layout.bar), ' ')),
         Tone::accent});
  }
  out.push_back({" " + right_aligned(progress_of(board, stage), layout.progress)});
  if (layout.elapsed > 0) out.push_back({right_aligned(elapsed_of(stage, now), layout.elapsed)});
  if (layout.provider) out.push_back({"  " + provider_of(board, stage), Tone::faint});
  return out;
}

Tone tone_of(LatencyCategory category) {
  switch (category) {
    case LatencyCategory::Normal:
      return Tone::good;
    case LatencyCategory::Extended:
    case LatencyCategory::DeepWait:
      return Tone::warning;
    case LatencyCategory::StallSuspected:
    case LatencyCategory::Error:
      return Tone::bad;
  }
  __builtin_unreachable();
}

/// What the call that most needs attention is doing.
std::vector<Line> call_lines(const Board& board, const StageLine& stage, milliseconds now, bool hints, int width,
                             Style style) {
  const auto calls = board.calls_of(stage.name);
  if (calls.empty() || stage.state != StageState::running) return {};
  const LiveCall* call = calls.front();
  for (const LiveCall* each : calls) {
    if (each->operation.state != OperationPhase::queued && each->operation.category > call->operation.category) {
      call = each;
    }
  }
  const api::OperationView& operation = call->operation;
  if (operation.state == OperationPhase::queued) {
    return {{{"  queued: waits for its turn at " + operation.provider_name, Tone::faint}}};
  }
  const CategoryWords words = board.words(operation);
  const milliseconds since = now - call->seen_at;
  Line first{{"  " + words.label, tone_of(operation.category)}};
  std::string state = operation.progress.text();
  const bool runs = operation.state == OperationPhase::running;
  if (runs && operation.since_last_progress && *operation.since_last_progress + since > milliseconds(5000)) {
    state += ", last progress " + spoken(*operation.since_last_progress + since) + " ago";
  }
  first.push_back({": " + state, Tone::plain});
  std::vector<Line> out{std::move(first)};
  if (!hints || words.hint.empty()) return out;
  for (std::string& each : wrapped(shown_as(words.hint, style), width - 2)) {
    out.push_back({{"  " + std::move(each), Tone::faint}});
  }
  return out;
}

Line title_line(const Board& board, milliseconds now) {
  const Tone tone = board.state() == JobState::failed                                             ? Tone::bad
                    : board.state() == JobState::cancelled || board.state() == JobState::released ? Tone::warning
                    : board.state() == JobState::done                                             ? Tone::good
                                                                                                  : Tone::plain;
  const std::string state = board.questions().empty() ? std::string(name(board.state())) : "waits for an answer";
  return {{board.job_id(), Tone::strong}, {"  " + state, tone}, {"  " + spoken(now), Tone::faint}};
}

void add_stages(const Board& board, milliseconds now, const Detail& detail, int width, Style style,
                std::vector<Line>& out) {
  const Columns layout = columns_for(board, width);
  std::size_t left_out = 0;
  for (const StageLine& each : board.stages()) {
    const bool idle = each.state == StageState::pending || each.state == StageState::done;
    if (idle && !detail.idle_stages) {
      ++left_out;
      continue;
    }
    out.push_back(stage_line(board, each, now, layout, style));
    if (!detail.calls) continue;
    for (Line& line : call_lines(board, each, now, detail.hints, width, style))
      out.push_back(std::move(line));
  }
  if (left_out > 0) out.push_back({{"  and " + std::to_string(left_out) + " more stages", Tone::faint}});
}

std::vector<Line> lines_of(const Board& board, const Dialog& dialog, milliseconds now, const Detail& detail, int width,
                           Style style) {
  std::vector<Line> out{title_line(board, now)};
  add_stages(board, now, detail, width, style, out);
  if (board.state() != JobState::running && board.state() != JobState::waiting) return out;
  const auto& events = board.events();
  const std::size_t shown = std::min(detail.events, events.size());
  for (std::size_t i = events.size() - shown; i < events.size(); ++i) {
    const std::string when = width < 36 ? "" : right_aligned(spoken(events[i].at), 10) + "  ";
    out.push_back({{when, Tone::faint}, {events[i].text, events[i].urgent ? Tone::warning : Tone::faint}});
  }
  for (Line& line : question_box(board, dialog, now, !detail.evidence, width, style))
    out.push_back(std::move(line));
  if (dialog.mode() == Dialog::Mode::watching) out.push_back({{"c cancel the job", Tone::faint}});
  return out;
}

}  // namespace

std::vector<std::string> render(const Board& board, const Dialog& dialog, milliseconds now, Size size, Style style) {
  const auto room = static_cast<std::size_t>(std::max(size.rows - 1, 1));
  std::vector<Line> lines;
  for (const Detail& detail : levels) {
    lines = lines_of(board, dialog, now, detail, size.columns, style);
    if (lines.size() <= room) break;
  }
  if (lines.size() > room) {
    // Keys to press stand at the end of a question; without one the beginning says more.
    const bool asks = dialog.question(board) != nullptr || dialog.mode() == Dialog::Mode::confirming_cancel;
    const auto over = static_cast<std::ptrdiff_t>(lines.size() - room);
    lines.erase(asks ? lines.begin() : lines.end() - over, asks ? lines.begin() + over : lines.end());
  }
  std::vector<std::string> out;
  for (const Line& each : lines)
    out.push_back(finished(each, size.columns, style));
  return out;
}

}  // namespace holdfast::cli
