#include "holdfast/cli/screen/question_box.hpp"

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

constexpr std::string_view confirm_help = "press y to confirm, any other key to go back";

class Box {
 public:
  Box(int width, Style style) : width_(width), style_(style) {}

  void add(const std::string& text, Tone tone = Tone::plain) { add_indented("", text, tone); }
  /// `label` stands before the first line, and the others are as far in.
  void add_indented(const std::string& label, const std::string& text, Tone tone = Tone::plain) {
    const int in = columns(label);
    bool first = true;
    for (std::string& each : wrapped(shown_as(text, style_), inside_frame(width_) - in)) {
      lines_.push_back(
          {{first ? label : std::string(static_cast<std::size_t>(in), ' '), Tone::accent}, {std::move(each), tone}});
      first = false;
    }
  }
  void blank() { lines_.push_back({}); }
  std::vector<Line> framed_as(const std::string& title, Tone tone) const {
    return framed(title, lines_, tone, width_, style_);
  }

 private:
  int width_;
  Style style_;
  std::vector<Line> lines_;
};

std::string title_of(const Question& question, std::size_t items, std::size_t open) {
  std::string stage = question.stage_name.empty() ? question.operation_id : question.stage_name;
  const std::string item = item_of(question.job_id, question.stage_name, question.correlation_id, items);
  if (!item.empty()) stage += ", " + item;
  std::string out;
  switch (question.kind) {
    case QuestionKind::stall:
      out = "Is " + question.provider_name + " stalled? " + stage;
      break;
    case QuestionKind::hard_error:
      out = question.provider_name + " failed: " + stage;
      break;
    case QuestionKind::interrupted:
      out = question.provider_name + " was interrupted: " + stage;
      break;
  }
  if (question.ask > 1) out += ", question " + std::to_string(question.ask);
  if (open > 1) out += " (1 of " + std::to_string(open) + " questions)";
  return out;
}

/// The numbers as they are now, where the call still runs.
std::string facts(const Question& question, const Board& board, milliseconds now) {
  const LiveCall* call = board.call(question.operation_id);
  if (call == nullptr || question.kind != QuestionKind::stall) return {};
  const milliseconds since = now - call->seen_at;
  std::string out = "Running for " + spoken(call->operation.elapsed + since);
  if (call->operation.since_last_progress) {
    out += ", no progress for " + spoken(*call->operation.since_last_progress + since);
  }
  return out + ". So far: " + call->operation.progress.text() + ".";
}

/// How long it has made no progress by now.
milliseconds silence_of(const Question& question, const Board& board, milliseconds now) {
  const LiveCall* call = board.call(question.operation_id);
  if (call == nullptr || !call->operation.since_last_progress) return question.silence;
  return *call->operation.since_last_progress + (now - call->seen_at);
}

/// The evidence without the sentence that `facts` says of now.
std::string still_so(const std::string& evidence) {
  const std::size_t begin = evidence.find(" Running for ");
  if (begin == std::string::npos) return evidence;
  const std::size_t end = evidence.find(". ", begin);
  return evidence.substr(0, begin) + (end == std::string::npos ? "" : evidence.substr(end + 1));
}

void add_options(Box& box, const Question& question, const std::string& outlook) {
  for (std::size_t i = 0; i < question.options.size() && i < option_keys.size(); ++i) {
    box.add_indented(std::string(1, option_keys[i]) + "  ", told_option(question, question.options[i]));
  }
  if (!outlook.empty()) return box.add(outlook, Tone::warning);
  box.add(question.kind == QuestionKind::stall ? "No answer: it keeps waiting." : "No answer: the job waits.",
          Tone::faint);
}

void add_choice(Box& box, const Question& question) {
  box.add("Switch to which provider?", Tone::strong);
  const auto alternatives = allowed_alternatives(question);
  for (std::size_t i = 0; i < alternatives.size() && i < option_keys.size(); ++i) {
    box.add_indented(std::string(1, option_keys[i]) + "  ", told_alternative(*alternatives[i]));
  }
  box.add("Any other key goes back.", Tone::faint);
}

void add_confirmation(Box& box, const Question& question, const Answer& draft) {
  if (!draft.provider.empty()) {
    box.add("Switch " + question.stage_name + " from " + question.provider_name + " to " + draft.provider + "?",
            Tone::strong);
    for (const Alternative* each : allowed_alternatives(question)) {
      if (each->provider_name == draft.provider) box.add("It will be served by " + told_alternative(*each) + ".");
    }
    box.add(question.kind == QuestionKind::stall ? "The running call is cancelled; what is finished stays."
                                                 : "Its call has ended; what is finished stays.");
  } else {
    box.add("Cancel the job?", Tone::strong);
    box.add("What still runs is cancelled; what is finished is kept and named.");
  }
  box.add(std::string(confirm_help), Tone::warning);
}

std::vector<Line> cancel_box(int width, Style style, bool compact) {
  Box box(width, style);
  if (!compact) box.add("The running calls are cancelled; what is finished is kept and named.");
  box.add("y or Ctrl-C cancels, any other key goes on", Tone::warning);
  return box.framed_as("Cancel the job? y/N", Tone::bad);
}

}  // namespace

std::vector<Line> question_box(const Board& board, const Dialog& dialog, milliseconds now, bool compact, int width,
                               Style style) {
  if (dialog.mode() == Dialog::Mode::confirming_cancel) return cancel_box(width, style, compact);
  const Question* question = dialog.question(board);
  if (question == nullptr) return {};
  Box box(width, style);
  if (!compact) {
    const std::string now_so = facts(*question, board, now);
    const std::string evidence = now_so.empty() ? question->evidence : still_so(question->evidence);
    if (!evidence.empty()) box.add(evidence);
    if (!now_so.empty()) box.add(now_so);
    for (const Alternative& each : question->alternatives)
      box.add_indented("", "Instead: " + told_alternative(each));
    box.blank();
  }
  switch (dialog.mode()) {
    case Dialog::Mode::watching:
    case Dialog::Mode::confirming_cancel:
      add_options(box, *question, told_outlook(*question, board.consents(), silence_of(*question, board, now)));
      break;
    case Dialog::Mode::choosing_provider:
      add_choice(box, *question);
      break;
    case Dialog::Mode::confirming_answer:
      add_confirmation(box, *question, dialog.draft());
      break;
  }
  const Tone tone = question->kind == QuestionKind::stall ? Tone::warning : Tone::bad;
  const StageLine* stage = board.stage(question->stage_name);
  return box.framed_as(title_of(*question, stage == nullptr ? 0 : stage->items, dialog.open_count(board)), tone);
}

}  // namespace holdfast::cli
