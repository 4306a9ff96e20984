#include "holdfast/cli/screen/board.hpp"

#include <algorithm>

#include "holdfast/base/name.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {

struct Board::Fold {
  Board& board;
  milliseconds at;

  void operator()(const JobOpened&) const {}
  void operator()(const JobClosed& news) const {
    board.state_ = news.state;
    if (news.state == JobState::failed) board.end_open_rows(StageState::failed, at);
    if (news.state == JobState::cancelled || news.state == JobState::released) {
      board.end_open_rows(StageState::cancelled, at);
    }
    board.calls_.clear();
    board.questions_.clear();
  }
  void operator()(const LockTaken& news) const {
    const StageSet governed = news.lock.governed();
    for (StageLine& each : board.stages_) {
      if (!governed.contains(each.name)) continue;
      each.provider = news.lock.provider_name;
      each.provider_type = news.lock.provider_type;
      each.locked = true;
      each.absolute = !news.lock.overridable;
    }
  }
  void operator()(const LockEnded& news) const {
    const StageSet governed = news.lock.governed();
    for (StageLine& each : board.stages_) {
      if (governed.contains(each.name) && same_name(each.provider, news.lock.provider_name)) each.locked = false;
    }
  }
  void operator()(const Refused&) const {}
  void operator()(const OperationStarted& news) const {
    // What failed before is decided about: this is what came of it.
    std::erase_if(board.calls_, [&](const auto& each) {
      const api::OperationView& before = each.second.operation;
      return before.state == OperationPhase::failed && same_name(before.stage_name, news.stage_name) &&
             before.correlation_id == news.correlation_id;
    });
    LiveCall& call = board.calls_[news.operation_id];
    api::OperationView& operation = call.operation;
    operation.operation_id = news.operation_id;
    operation.job_id = news.job_id;
    operation.stage_name = news.stage_name;
    operation.provider_name = news.provider_name;
    operation.provider_type = news.provider_type;
    operation.correlation_id = news.correlation_id;
    operation.state = news.queued ? OperationPhase::queued : OperationPhase::running;
    call.seen_at = at;
    StageLine& stage = board.row(news.stage_name);
    stage.provider = news.provider_name;
    begin(stage);
  }
  void operator()(const OperationEnded& news) const {
    const auto call = board.calls_.find(news.operation_id);
    if (call == board.calls_.end()) return;
    if (news.outcome != OperationPhase::failed) {
      board.calls_.erase(call);
      return;
    }
    call->second.operation.state = OperationPhase::failed;  // stands until it is decided what comes of it
    call->second.operation.category = LatencyCategory::Error;
    call->second.seen_at = at;
  }
  void operator()(const CategoryChanged& news) const {
    const auto call = board.calls_.find(news.operation_id);
    if (call != board.calls_.end()) call->second.operation.category = news.to;
  }
  void operator()(const OperationProgress& news) const {
    const auto call = board.calls_.find(news.operation_id);
    if (call == board.calls_.end()) return;
    call->second.operation.progress = news.progress;
    call->second.operation.elapsed = news.elapsed;
    call->second.seen_at = at;
  }
  void operator()(const StallSuspected&) const {}
  void operator()(const StallResolved&) const {}
  void operator()(const QuestionOpened& news) const {
    close(news.question.operation_id, news.question.ask);  // the same one, open again: its answer could not be saved
    board.questions_.push_back(news.question);
  }
  void operator()(const QuestionAnswered&) const {}
  void operator()(const QuestionClosed& news) const {
    close(news.operation_id, news.ask);
    const auto call = board.calls_.find(news.operation_id);
    if (call != board.calls_.end() && call->second.operation.state == OperationPhase::failed) board.calls_.erase(call);
  }
  void operator()(const ProviderHardError&) const {}
  void operator()(const FallbackDecision& news) const { board.decisions_.push_back(news); }
  void operator()(const ConsentGiven& news) const { board.consents_.push_back(news.consent); }
  void operator()(const ConsentApplied&) const {}
  void operator()(const Cancelled&) const {}
  void operator()(const StageStarted& news) const {
    StageLine& stage = board.row(news.stage_name);
    if (!news.provider_name.empty()) stage.provider = news.provider_name;
    stage.items = news.items;
    begin(stage);
  }
  void operator()(const StageFinished& news) const {
    StageLine& stage = board.row(news.step.stage_name);
    begin(stage);
    stage.items = news.step.items;
    stage.items_done = news.step.items_done;
    if (!news.step.finished) return;
    stage.state = StageState::done;
    stage.ended_at = at;
  }

  void begin(StageLine& stage) const {
    if (stage.state != StageState::pending) return;
    stage.state = StageState::running;
    stage.began_at = at;
  }
  void close(const std::string& operation_id, int ask) const {
    std::erase_if(board.questions_,
                  [&](const Question& each) { return each.operation_id == operation_id && each.ask == ask; });
  }
};

namespace {

bool is_urgent(const News& news) {
  return std::holds_alternative<StallSuspected>(news) || std::holds_alternative<ProviderHardError>(news) ||
         std::holds_alternative<FallbackDecision>(news) || std::holds_alternative<Refused>(news);
}

/// Worth a line in a log, but the rows of the screen show it already.
bool is_in_the_rows(const News& news) {
  const auto* finished = std::get_if<StageFinished>(&news);
  return std::holds_alternative<LockTaken>(news) || std::holds_alternative<OperationStarted>(news) ||
         std::holds_alternative<JobOpened>(news) || (finished != nullptr && !finished->step.finished);
}

}  // namespace

void Board::hear(const News& news, milliseconds at) {
  const std::string& job = job_of(news);
  if (!job.empty() && job != job_id_) return;
  std::visit(Fold{*this, at}, news);
  if (is_in_the_rows(news)) return;
  std::string line = told(news, wording_, [this](const std::string& name) {
    const StageLine* line = stage(name);
    return line == nullptr ? 0 : line->items;
  });
  if (!line.empty()) note(std::move(line), at, is_urgent(news));
}

void Board::adopt(const std::vector<api::OperationView>& operations, milliseconds at) {
  for (const api::OperationView& each : operations) {
    if (each.job_id != job_id_ || calls_.contains(each.operation_id)) continue;
    calls_[each.operation_id] = {each, at, true};
    StageLine& stage = row(each.stage_name);
    stage.state = StageState::running;
    if (stage.items == 1 && !stage.began_at) stage.began_at = at - each.elapsed;
  }
}

void Board::watch(std::vector<api::OperationView> operations, milliseconds at) {
  std::erase_if(calls_, [&](const auto& each) {
    return each.second.adopted && std::ranges::none_of(operations, [&](const api::OperationView& live) {
             return live.operation_id == each.first;
           });
  });
  for (api::OperationView& each : operations) {
    const auto call = calls_.find(each.operation_id);
    if (call == calls_.end()) continue;  // its beginning has not been told yet, or its end already has
    call->second.operation = std::move(each);
    call->second.seen_at = at;
  }
}

void Board::note(std::string text, milliseconds at, bool urgent) {
  events_.push_back({at, std::move(text), urgent});
  if (events_.size() > board_events_max) events_.pop_front();
}

const StageLine* Board::stage(std::string_view name) const {
  return const_cast<Board*>(this)->find_row(name);
}

StageLine* Board::find_row(std::string_view name) {
  const auto found = std::ranges::find_if(stages_, [&](const StageLine& each) { return same_name(each.name, name); });
  return found == stages_.end() ? nullptr : &*found;
}

StageLine& Board::row(const std::string& name) {
  if (StageLine* found = find_row(name)) return *found;
  stages_.push_back({.name = name});
  return stages_.back();
}

void Board::end_open_rows(StageState state, milliseconds at) {
  for (StageLine& each : stages_) {
    if (each.state != StageState::running) continue;
    each.state = state;
    each.ended_at = at;
  }
}

std::vector<const LiveCall*> Board::calls_of(std::string_view stage) const {
  std::vector<const LiveCall*> out;
  for (const bool queued : {false, true}) {
    for (const auto& [id, call] : calls_) {
      const bool waits = call.operation.state == OperationPhase::queued;
      if (waits == queued && same_name(call.operation.stage_name, stage)) out.push_back(&call);
    }
  }
  return out;
}

const LiveCall* Board::call(std::string_view operation_id) const {
  const auto found = calls_.find(operation_id);
  return found == calls_.end() ? nullptr : &found->second;
}

CategoryWords Board::words(const api::OperationView& operation) const {
  CategoryWords words = wording_(operation.category, operation.provider_type, operation.provider_name);
  return {harmless(words.label), harmless(words.hint)};
}

std::optional<double> Board::fraction(const StageLine& stage) const {
  if (stage.state == StageState::done) return 1.0;
  double done = static_cast<double>(stage.items_done);
  bool known = stage.items > 1;
  for (const LiveCall* each : calls_of(stage.name)) {
    const auto& percent = each->operation.progress.percent;
    if (!percent) continue;
    known = true;
    done += std::clamp(*percent, 0.0, 100.0) / 100;
  }
  if (!known || stage.items == 0) return std::nullopt;
  return std::min(done / static_cast<double>(stage.items), 1.0);
}

}  // namespace holdfast::cli
