#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/cli/screen/telling.hpp"

namespace holdfast::cli {

/// Events kept for the screen; what is older is in the log.
inline constexpr std::size_t board_events_max = 50;

/// One stage as the screen shows it. Times are since the board began.
struct StageLine {
  std::string name{}, provider{}, provider_type{};
  bool locked = false, absolute = false;
  std::size_t items = 1, items_done = 0;
  StageState state = StageState::pending;
  std::optional<milliseconds> began_at{}, ended_at{};  ///< absent: it was before anybody looked
};

/// One call that runs or waits for its turn, or one that failed and is not yet decided about; as it was last heard of.
struct LiveCall {
  api::OperationView operation{};
  milliseconds seen_at{};  ///< when `operation` held
  bool adopted = false;    ///< its beginning was not heard
};

struct BoardEvent {
  milliseconds at{};
  std::string text{};
  bool urgent = false;  ///< a question, an error, a switch
};

/// What the screen shows of one job: news folded into rows, questions and the last few events.
///
/// Pure. Time: told, since the board began. Owns no terminal and asks nobody.
class Board {
 public:
  Board(std::string job_id, std::vector<StageLine> plan, CategoryWording wording)
      : job_id_(std::move(job_id)), wording_(std::move(wording)), stages_(std::move(plan)) {}

  void hear(const News& news, milliseconds at);
  /// Operations that ran before anybody listened. One that ended unheard is gone with the next `watch`.
  void adopt(const std::vector<api::OperationView>& operations, milliseconds at);
  /// Consents that were given before anybody listened.
  void adopt(std::vector<StandingConsent> given) { consents_ = std::move(given); }
  /// All operations not ended, for the numbers that move between two pieces of news.
  void watch(std::vector<api::OperationView> operations, milliseconds at);
  /// Something of the terminal's own, worth a line among the events.
  void note(std::string text, milliseconds at, bool urgent = false);

  const std::string& job_id() const { return job_id_; }
  JobState state() const { return state_; }
  const std::vector<StageLine>& stages() const { return stages_; }
  const StageLine* stage(std::string_view name) const;
  /// Those that run before those that wait, oldest first.
  std::vector<const LiveCall*> calls_of(std::string_view stage) const;
  const LiveCall* call(std::string_view operation_id) const;
  /// Open ones, oldest first.
  const std::deque<Question>& questions() const { return questions_; }
  const std::deque<BoardEvent>& events() const { return events_; }
  const std::vector<FallbackDecision>& decisions() const { return decisions_; }
  const std::vector<StandingConsent>& consents() const { return consents_; }
  CategoryWords words(const api::OperationView& operation) const;
  /// 0 to 1, of items and of the percent of those that run; nothing where only the end will tell.
  std::optional<double> fraction(const StageLine& stage) const;

 private:
  struct Fold;

  StageLine& row(const std::string& name);
  StageLine* find_row(std::string_view name);
  void end_open_rows(StageState state, milliseconds at);

  std::string job_id_;
  CategoryWording wording_;
  std::vector<StageLine> stages_;
  JobState state_ = JobState::running;
  std::map<std::string, LiveCall, std::less<>> calls_;
  std::deque<Question> questions_;
  std::deque<BoardEvent> events_;
  std::vector<FallbackDecision> decisions_;
  std::vector<StandingConsent> consents_;
};

}  // namespace holdfast::cli
