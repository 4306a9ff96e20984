#include "holdfast/cli/screen_view.hpp"

#include <unistd.h>

#include "holdfast/cli/line/session.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

/// Twenty paintings a second are more than anybody reads; a flood of news must not become a flood of paintings.
constexpr milliseconds between_paintings{50};

}  // namespace

ScreenView::ScreenView(Board board, Style style, bool prompts_stalls, JobControl control)
    : board_(std::move(board)),
      dialog_(prompts_stalls),
      style_(style),
      control_(std::move(control)),
      terminal_(STDIN_FILENO, STDOUT_FILENO) {}

void ScreenView::hear(const Notice& notice, milliseconds at) {
  board_.hear(*notice.news, at);
  look(at);
  if (at - painted_at_ >= between_paintings) paint(at);
}

void ScreenView::begin(const JobRow& job, const std::vector<api::OperationView>& operations, milliseconds at) {
  board_.adopt(job.consents);
  board_.adopt(operations, at);
}

void ScreenView::watch(std::vector<api::OperationView> operations, milliseconds at) {
  board_.watch(std::move(operations), at);
  paint(at);
}

/// A question that comes rings once; one that goes takes its title along.
void ScreenView::look(milliseconds at) {
  if (!dialog_.see(board_, at)) return;
  const Question* question = dialog_.question(board_);
  if (question == nullptr) return terminal_.unring();
  const std::string& about = question->stage_name.empty() ? question->provider_name : question->stage_name;
  terminal_.ring("? holdfast: " + shown_as(about, style_) + " waits for an answer");
}

void ScreenView::paint(milliseconds at) {
  painted_at_ = at;
  terminal_.paint(render(board_, dialog_, at, terminal_.size(), style_));
}

void ScreenView::input_ready(milliseconds at) {
  for (const Key key : terminal_.keys())
    press(key, at);
  look(at);
  paint(at);
}

void ScreenView::interrupted(milliseconds at) {
  press({Key::Kind::interrupt}, at);
  paint(at);
}

void ScreenView::press(Key key, milliseconds at) {
  if (key.kind == Key::Kind::suspend) return terminal_.suspend();
  if (key.kind == Key::Kind::interrupt && control_.leave) return control_.leave();
  const Dialog::Action action = dialog_.press(key, board_, at);
  if (const auto* answer = std::get_if<Answer>(&action)) return send(*answer, at);
  if (const auto* said = std::get_if<Dialog::Said>(&action)) return board_.note(harmless(said->text), at, true);
  if (!std::holds_alternative<Dialog::CancelJob>(action)) return;
  board_.note("cancelling: what is finished is kept", at, true);
  paint(at);
  try {
    control_.cancel(user_name());
  } catch (const Error& error) {
    board_.note(harmless(std::string("not cancelled: ") + error.what()), at, true);
  }
}

void ScreenView::send(Answer answer, milliseconds at) {
  answer.by = user_name();
  AnswerResult result;
  try {
    result = control_.answer(std::move(answer));
  } catch (const Error& error) {
    result.refused = error.errc();
    result.message = error.what();
  }
  if (result.applied) return;
  if (result.refused == Errc::already_answered) {
    return board_.note(harmless("somebody was first: " + result.winning_option), at, true);
  }
  board_.note(harmless(result.message.empty() ? std::string(name(result.refused)) : result.message), at, true);
}

void ScreenView::finished(milliseconds at) {
  terminal_.unring();
  paint(at);
}

}  // namespace holdfast::cli
