#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/core/patience.hpp"

namespace holdfast {

namespace profiles {
struct ProfileFile;
}

/// How long one provider may take, for one user's patience.
///
/// Numbers: the type's thresholds × the patience's `timeoutMultiplier`; the stall threshold is
/// heartbeatIntervalMs × stallSuspicionMultiplier × stallMultiplier, in real arithmetic, rounded to the millisecond
/// once, at the end (`conservative` on `image_gen`: 20 000 × 2 × 0.8 = 32 000 ms).
struct TimeoutProfile {
  std::string provider_name{}, provider_type{}, patience_profile{};
  milliseconds normal_threshold{}, extended_threshold{}, deep_wait_threshold{}, heartbeat_interval{};
  double stall_suspicion_multiplier = 1.0;  ///< the type's
  double stall_multiplier = 1.0;            ///< the patience's
  /// The silence allowed before the first progress, × the patience's stallMultiplier already, as silence is: a file
  /// that gives it the value of the stall threshold changes nothing. Absent: the stall threshold serves.
  std::optional<milliseconds> first_progress_threshold{};
  std::string notice{};  ///< where the type was guessed: how; else empty

  milliseconds stall_threshold() const;
  /// The terms of an operation: its strategy's interval and multiplier where given, else the profile's; × the patience.
  /// Without heartbeats silence is judged by the deep-wait threshold. Throws invalid_argument where the strategy's
  /// numbers are not positive, or the silence they lead to is not between 1 ms and 366 days.
  Patience terms(std::optional<milliseconds> strategy_interval, std::optional<double> strategy_multiplier,
                 bool gives_heartbeats, const std::vector<AnswerOption>& stall_options) const;
};

/// One line of JSON: `providerName`, `providerType`, `patienceProfile`, then the times, in milliseconds.
std::string to_json(const TimeoutProfile& profile);

/// One way of being patient.
struct PatienceProfile {
  std::string name{}, label{}, description{};
  double timeout_multiplier = 1.0, stall_multiplier = 1.0;
};

/// What is said to the user in a latency category.
struct CategoryMessage {
  std::string status_label{};
  std::string context_hint{};  ///< empty: none; may name {providerName} and {providerType}

  /// The hint with both names put in; what the names themselves contain is left as it is.
  std::string hint_for(std::string_view provider_name, std::string_view provider_type) const;
};

/// Timeout and patience profiles: a file laid over the built-in numbers.
///
/// Threads: immutable, cheap to copy. Errors: `Error` config with «FILE:LINE: key: what would be right».
class TimeoutProfiles {
 public:
  /// A missing file gives the defaults and a notice; one that is broken or cannot be read throws.
  static TimeoutProfiles load(const std::filesystem::path& path);
  /// JSON, at most 1 MiB. `file_name` is for messages only.
  static TimeoutProfiles parse(std::string_view text, std::string_view file_name);
  static TimeoutProfiles defaults();

  /// Throws invalid_argument for a patience or an explicit type that has no profile, naming those there are.
  TimeoutProfile for_provider(std::string_view provider, std::string_view patience = "balanced",
                              std::string_view provider_type = {}) const;
  /// By the mapping: exact, then without regard to case, then the longest mapped name contained, then local_llm.
  std::string type_of(std::string_view provider) const;
  std::vector<std::string> provider_types() const;
  std::vector<PatienceProfile> patience_profiles() const;
  /// Provider and type: those of the file in its order, then the built-in ones.
  std::vector<std::pair<std::string, std::string>> mapped_providers() const;
  /// Those of the file, with `wait_until_done` behind the last one that extends.
  std::vector<AnswerOption> stall_options() const;
  /// One for every category, in the order of the enum.
  std::vector<std::pair<LatencyCategory, CategoryMessage>> messages() const;
  CategoryMessage message(LatencyCategory category) const;
  /// 250 ms, or less where stallBehavior.checkIntervalMs says less.
  milliseconds sweep_interval() const;
  /// What a person should know though nothing is wrong: the file was not there.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  explicit TimeoutProfiles(std::shared_ptr<const profiles::ProfileFile> file) : file_(std::move(file)) {}

  std::shared_ptr<const profiles::ProfileFile> file_;
  std::vector<std::string> notices_;
};

}  // namespace holdfast
