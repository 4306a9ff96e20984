#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "holdfast/cli/screen/board.hpp"

namespace holdfast::cli {

/// The keys of options, in their order. Without c, which cancels, and y, which confirms.
inline constexpr std::string_view option_keys = "123456789abdefghijklmnopqrstuvwxz";

/// A question that has just come up does not take keys: a finger on its way to the one before would answer this one.
inline constexpr milliseconds question_settles{400};

/// One key: a character, or what is no character.
struct Key {
  enum class Kind : unsigned char { character, interrupt, suspend, other };
  Kind kind = Kind::other;
  char character = 0;
};

/// Keys → answers. Asks for a second key before a switch and before a cancel.
///
/// Pure. Bound to the question that it shows: when that is withdrawn, so is what was begun with it.
class Dialog {
 public:
  enum class Mode : unsigned char { watching, choosing_provider, confirming_answer, confirming_cancel };
  struct CancelJob {};
  /// A key that can do nothing, and why.
  struct Said {
    std::string text{};
  };
  using Action = std::variant<std::monostate, Answer, CancelJob, Said>;

  /// `prompts_stalls` false: stall questions are not shown (`--on-stall wait`).
  explicit Dialog(bool prompts_stalls = true) : prompts_stalls_(prompts_stalls) {}

  /// Looks which question is to be shown now. True where it is another one than before.
  bool see(const Board& board, milliseconds now);
  Action press(Key key, const Board& board, milliseconds now);

  Mode mode() const { return mode_; }
  /// The question shown; null where there is none.
  const Question* question(const Board& board) const;
  /// What is being confirmed; valid while `confirming_answer`.
  const Answer& draft() const { return draft_; }
  /// How many questions that would be shown are open.
  std::size_t open_count(const Board& board) const;

 private:
  Action choose_option(const Question& question, char key);
  bool prompts(const Question& question) const;

  bool prompts_stalls_;
  Mode mode_ = Mode::watching;
  std::pair<std::string, int> shown_{};  ///< operation and ask
  milliseconds shown_since_{};
  Answer draft_{};
};

/// Those of the alternatives that may be switched to.
std::vector<const Alternative*> allowed_alternatives(const Question& question);

}  // namespace holdfast::cli
