#include "holdfast/cli/screen/dialog.hpp"

#include <algorithm>

namespace holdfast::cli {

std::vector<const Alternative*> allowed_alternatives(const Question& question) {
  std::vector<const Alternative*> out;
  for (const Alternative& each : question.alternatives) {
    if (each.allowed) out.push_back(&each);
  }
  return out;
}

bool Dialog::prompts(const Question& question) const {
  return prompts_stalls_ || question.kind != QuestionKind::stall;
}

std::size_t Dialog::open_count(const Board& board) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(board.questions(), [this](const Question& each) { return prompts(each); }));
}

const Question* Dialog::question(const Board& board) const {
  for (const Question& each : board.questions()) {
    if (each.operation_id == shown_.first && each.ask == shown_.second) return &each;
  }
  return nullptr;
}

bool Dialog::see(const Board& board, milliseconds now) {
  if (question(board) != nullptr) return false;
  if (mode_ != Mode::confirming_cancel) mode_ = Mode::watching;
  const bool had_one = shown_.second != 0;
  shown_ = {};
  for (const Question& each : board.questions()) {
    if (!prompts(each)) continue;
    shown_ = {each.operation_id, each.ask};
    shown_since_ = now;
    return true;
  }
  return had_one;
}

Dialog::Action Dialog::press(Key key, const Board& board, milliseconds now) {
  const bool yes = key.kind == Key::Kind::character && (key.character == 'y' || key.character == 'Y');
  const bool interrupt = key.kind == Key::Kind::interrupt;
  const Question* asked = question(board);
  if (mode_ == Mode::confirming_cancel) {
    mode_ = Mode::watching;
    if (yes || interrupt) return CancelJob{};
    return {};
  }
  if (interrupt || (mode_ == Mode::watching && key.character == 'c')) {
    mode_ = Mode::confirming_cancel;
    return {};
  }
  if (asked == nullptr || key.kind != Key::Kind::character) {
    mode_ = Mode::watching;
    return {};
  }
  if (mode_ == Mode::confirming_answer) {
    mode_ = Mode::watching;
    if (!yes) return {};
    draft_.confirmed = true;
    return draft_;
  }
  if (mode_ == Mode::choosing_provider) {
    const auto alternatives = allowed_alternatives(*asked);
    const std::size_t at = option_keys.find(key.character);
    mode_ = at < alternatives.size() ? Mode::confirming_answer : Mode::watching;
    if (at < alternatives.size()) draft_.provider = alternatives[at]->provider_name;
    return {};
  }
  if (now - shown_since_ < question_settles) return {};
  return choose_option(*asked, key.character);
}

Dialog::Action Dialog::choose_option(const Question& question, char key) {
  const std::size_t at = option_keys.find(key);
  if (at >= question.options.size()) return {};
  const AnswerOption& option = question.options[at];
  draft_ = {.operation_id = question.operation_id, .ask = question.ask, .option = option.id, .door = "terminal"};
  if (option.action == AnswerAction::fallback) {
    const auto alternatives = allowed_alternatives(question);
    if (alternatives.empty()) {
      return Said{"no other configured provider can serve " + question.stage_name + ": see `holdfast providers`"};
    }
    if (alternatives.size() > 1) {
      mode_ = Mode::choosing_provider;
      return {};
    }
    draft_.provider = alternatives.front()->provider_name;
    mode_ = Mode::confirming_answer;
    return {};
  }
  if (option.requires_confirmation || option.action == AnswerAction::cancel) {
    mode_ = Mode::confirming_answer;
    return {};
  }
  return draft_;
}

}  // namespace holdfast::cli
