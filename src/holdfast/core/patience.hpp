#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/instant.hpp"

namespace holdfast {

/// How a running operation is spoken of. Informs, and has no other effect.
enum class LatencyCategory : unsigned char { Normal, Extended, DeepWait, StallSuspected, Error };

/// "Normal", "Extended", "DeepWait", "StallSuspected", "Error".
std::string_view name(LatencyCategory category) noexcept;

/// What an answer does to the operation that was asked about.
enum class AnswerAction : unsigned char { extend, wait, fallback, cancel, retry };

/// One choice of a question, as the person sees it.
struct AnswerOption {
  std::string id{};  ///< "continue_30s", "try_alternative", …
  std::string label{};
  AnswerAction action = AnswerAction::extend;
  milliseconds extension{};  ///< extend only: how much longer without progress before the next question
  bool requires_confirmation = false;
  bool offer_partial_artifacts = false;

  bool operator==(const AnswerOption&) const = default;
};

inline constexpr std::string_view wait_until_done = "wait_until_done";

/// How long a silent provider is still worth waiting for, and what is asked when it is silent for longer.
///
/// Like a caller on hold: music is not an answer, but the line is alive. A heartbeat keeps the line; only progress
/// renews patience. An operation keeps the terms it started with, whatever is reloaded later.
///
/// Threads: immutable once shared. Numbers: the timeout profile of the provider's type × the job's patience profile.
struct Patience {
  milliseconds normal{};     ///< Extended from here on
  milliseconds extended{};   ///< DeepWait from here on
  milliseconds deep_wait{};  ///< one more notice; the stall threshold of those who give no heartbeats
  milliseconds stall{};      ///< silence after which a question is asked
  std::optional<milliseconds> first_progress{};  ///< the same before the first progress; absent: `stall`
  std::vector<AnswerOption> stall_options{};     ///< in the order shown; `wait_until_done` among them
  /// What `normal` would be with another provider, by its type.
  std::map<std::string, milliseconds, std::less<>> normal_by_type{};

  /// The category that elapsed time alone gives.
  LatencyCategory category_after(Nanoseconds elapsed) const;
  /// The next elapsed time at which there is something to announce; nothing once all of them have passed.
  std::optional<milliseconds> next_threshold(Nanoseconds elapsed) const;

  bool operator==(const Patience&) const = default;
};

using SharedPatience = std::shared_ptr<const Patience>;

}  // namespace holdfast
