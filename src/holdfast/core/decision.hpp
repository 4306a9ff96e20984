#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/instant.hpp"

namespace holdfast {

enum class ReasonCode : unsigned char { user_request, user_after_stall, provider_fatal_error, legacy_auto };

/// "USER_REQUEST", "USER_AFTER_STALL", "PROVIDER_FATAL_ERROR", "LEGACY_AUTO".
std::string_view name(ReasonCode reason) noexcept;
std::optional<ReasonCode> reason_from_name(std::string_view name) noexcept;

/// The record of a switch: who, from, to, why, after how long, which stages.
struct FallbackDecision {
  std::string job_id{};
  WallTime timestamp{};  ///< set when it is recorded
  std::string from_provider{};
  std::string to_provider{};
  ReasonCode reason_code = ReasonCode::user_request;
  milliseconds elapsed_before_switch{};
  bool user_confirmed = false;
  std::vector<std::string> affected_stages{};  ///< empty: the lock's stages that have not finished
  std::string correlation_id{};
  std::string additional_context{};
  std::string decided_by{};
  std::string operation_id{};  ///< of the question answered, if any
  int ask = 0;                 ///< its number; 0: no question
  std::string consent_id{};    ///< of the standing consent applied, if any

  static FallbackDecision user_requested(std::string job_id, std::string from, std::string to, milliseconds elapsed,
                                         std::string correlation_id, std::vector<std::string> stages = {});
  static FallbackDecision after_stall(std::string job_id, std::string from, std::string to, milliseconds elapsed,
                                      std::string correlation_id, std::vector<std::string> stages,
                                      milliseconds stalled_for);
  static FallbackDecision after_fatal_error(std::string job_id, std::string from, std::string to, milliseconds elapsed,
                                            std::string correlation_id, std::vector<std::string> stages,
                                            std::string error, bool user_confirmed);
  /// History of a system that switched by itself. Never moves a lock.
  static FallbackDecision legacy_auto(std::string job_id, std::string from, std::string to, milliseconds elapsed,
                                      std::string correlation_id, std::vector<std::string> stages = {});

  bool operator==(const FallbackDecision&) const = default;
};

/// What is wrong with a decision before any lock is looked at: names, from = to, a duration below zero.
std::optional<Failure> problem(const FallbackDecision& decision);

}  // namespace holdfast
