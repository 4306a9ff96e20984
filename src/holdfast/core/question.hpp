#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "holdfast/core/patience.hpp"
#include "holdfast/core/words.hpp"

namespace holdfast {

enum class QuestionKind : unsigned char { stall, hard_error, interrupted };
std::string_view name(QuestionKind kind) noexcept;

/// A configured provider that could serve the stage instead, with what would change.
struct Alternative {
  std::string provider_name{};
  std::string provider_type{};
  std::string model{};
  bool requires_network = false;
  bool allowed = true;
  std::string why_not{};                           ///< where it is not allowed
  bool failed_here = false;                        ///< a decision ended its lock over the stage because it had failed
  std::optional<milliseconds> normal_threshold{};  ///< calls of its type are Normal below it; absent: not known

  bool operator==(const Alternative&) const = default;
};

/// What is asked of a person about one operation. One at a time; `ask` counts them within the operation.
struct Question {
  std::string job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{}, operation_id{};
  QuestionKind kind = QuestionKind::stall;
  int ask = 0;
  WallTime opened_at{};
  std::vector<AnswerOption> options{};
  std::vector<Alternative> alternatives{};
  std::string evidence{};  ///< one or two sentences
  milliseconds total_elapsed{};
  milliseconds silence{};  ///< stall only: without progress, own pauses taken off

  const AnswerOption* option(std::string_view id) const;
  /// "continue_30s, continue_5m, …"
  std::string option_ids() const;
};

struct Answer {
  std::string operation_id{};
  int ask = 0;  ///< 0: the open question
  std::string option{};
  std::string provider{};  ///< try_alternative only
  bool confirmed = false;
  std::string by{};  ///< who
  std::string note{};
  std::string idempotency_key{};  ///< repeating an answer with the same key is harmless
  std::string door = "library";   ///< through which it came: terminal, api, console, webhook, library, consent

  /// The first one sent again under its key. Another answer under that key is no repetition.
  bool repeats(const Answer& first) const;
};

/// What became of an answer. A lost race is no exception.
struct AnswerResult {
  bool applied = false;
  Errc refused = Errc::ok;
  std::string winning_option{};  ///< already_answered: the answer that was first
  std::string message{};         ///< refused: what to do
  bool recorded = true;          ///< false: a cancel that stopped the call, though the trail could not be written
};

/// Open questions, and the closed ones that a late answer may still ask about.
class QuestionTable {
 public:
  enum class ClosedBy : unsigned char { progress, answer, end };

  struct Open {
    Question question;
    Instant asked_at{};
    Nanoseconds silence{};   ///< of a stall: since the last progress, as far as was heard
    bool recording = false;  ///< an answer is on its way to the disk
    bool news = false;       ///< progress came while it was being recorded
    Answer answer;           ///< the one being recorded
  };
  struct Closed {
    ClosedBy by = ClosedBy::end;
    Answer answer{};  ///< by answer only
    bool recorded = true;
  };

  Open* find(OperationId operation);
  const Open* find(OperationId operation) const;
  Open& open(OperationId operation, Open question);
  void close(OperationId operation, Closed closed);
  /// What became of question `ask`; of the newest closed one where `ask` is 0.
  const Closed* closed(OperationId operation, int ask) const;
  /// The one that this answer, which names none, has answered before under its key; null: there is none.
  const Closed* repeated(OperationId operation, const Answer& answer) const;
  std::size_t open_count() const { return open_.size(); }
  const std::unordered_map<OperationId, Open>& all_open() const { return open_; }
  /// What failed or was interrupted, of the job, and has an open question; oldest first.
  const std::set<OperationId>& failures_of(const std::string& job_id) const;

 private:
  std::unordered_map<OperationId, Open> open_;
  std::unordered_map<std::string, std::set<OperationId>> failures_;  ///< by job; no set is empty
  std::map<std::pair<OperationId, int>, Closed> closed_;
  std::deque<std::pair<OperationId, int>> closed_in_order_;  ///< oldest first, at most closed_questions_kept_max
};

/// The options of a question that follows a hard error or an interruption.
std::vector<AnswerOption> failure_options();

}  // namespace holdfast
