#include "holdfast/core/decision.hpp"

#include <array>

#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast {
namespace {

constexpr std::array reasons = {ReasonCode::user_request, ReasonCode::user_after_stall,
                                ReasonCode::provider_fatal_error, ReasonCode::legacy_auto};

FallbackDecision decision(std::string job_id, std::string from, std::string to, milliseconds elapsed,
                          std::string correlation_id, std::vector<std::string> stages) {
  FallbackDecision made;
  made.job_id = std::move(job_id);
  made.from_provider = std::move(from);
  made.to_provider = std::move(to);
  made.elapsed_before_switch = elapsed;
  made.correlation_id = std::move(correlation_id);
  made.affected_stages = std::move(stages);
  made.user_confirmed = true;
  return made;
}

}  // namespace

std::string_view name(ReasonCode reason) noexcept {
  switch (reason) {
    case ReasonCode::user_request:
      return "USER_REQUEST";
    case ReasonCode::user_after_stall:
      return "USER_AFTER_STALL";
    case ReasonCode::provider_fatal_error:
      return "PROVIDER_FATAL_ERROR";
    case ReasonCode::legacy_auto:
      return "LEGACY_AUTO";
  }
  __builtin_unreachable();
}

std::optional<ReasonCode> reason_from_name(std::string_view text) noexcept {
  for (const ReasonCode reason : reasons) {
    if (name(reason) == text) return reason;
  }
  return std::nullopt;
}

FallbackDecision FallbackDecision::user_requested(std::string job_id, std::string from, std::string to,
                                                  milliseconds elapsed, std::string correlation_id,
                                                  std::vector<std::string> stages) {
  return decision(std::move(job_id), std::move(from), std::move(to), elapsed, std::move(correlation_id),
                  std::move(stages));
}

FallbackDecision FallbackDecision::after_stall(std::string job_id, std::string from, std::string to,
                                               milliseconds elapsed, std::string correlation_id,
                                               std::vector<std::string> stages, milliseconds stalled_for) {
  FallbackDecision made = decision(std::move(job_id), std::move(from), std::move(to), elapsed,
                                   std::move(correlation_id), std::move(stages));
  made.reason_code = ReasonCode::user_after_stall;
  made.additional_context = "no progress for " + spoken(stalled_for);
  return made;
}

FallbackDecision FallbackDecision::after_fatal_error(std::string job_id, std::string from, std::string to,
                                                     milliseconds elapsed, std::string correlation_id,
                                                     std::vector<std::string> stages, std::string error,
                                                     bool user_confirmed) {
  FallbackDecision made = decision(std::move(job_id), std::move(from), std::move(to), elapsed,
                                   std::move(correlation_id), std::move(stages));
  made.reason_code = ReasonCode::provider_fatal_error;
  made.additional_context = std::move(error);
  made.user_confirmed = user_confirmed;
  return made;
}

FallbackDecision FallbackDecision::legacy_auto(std::string job_id, std::string from, std::string to,
                                               milliseconds elapsed, std::string correlation_id,
                                               std::vector<std::string> stages) {
  FallbackDecision made = decision(std::move(job_id), std::move(from), std::move(to), elapsed,
                                   std::move(correlation_id), std::move(stages));
  made.reason_code = ReasonCode::legacy_auto;
  made.user_confirmed = false;
  return made;
}

std::optional<Failure> problem(const FallbackDecision& decision) {
  const auto invalid = [](std::string why) { return Failure{Errc::invalid_argument, std::move(why)}; };
  if (const auto why = name_problem(decision.job_id)) return invalid("the decision's job id " + *why);
  if (const auto why = name_problem(decision.from_provider)) return invalid("the provider to leave " + *why);
  if (const auto why = name_problem(decision.to_provider)) return invalid("the provider to go to " + *why);
  if (same_name(decision.from_provider, decision.to_provider)) {
    return invalid("a switch from " + decision.from_provider + " to " + decision.to_provider +
                   " changes nothing: name another provider");
  }
  if (decision.reason_code == ReasonCode::legacy_auto && decision.user_confirmed) {
    return invalid("LEGACY_AUTO is the record of a switch that nobody confirmed: say user_confirmed false");
  }
  if (decision.elapsed_before_switch < milliseconds(0)) return invalid("the elapsed time is below zero");
  if (decision.affected_stages.size() > limits::stages_per_lock_max) return invalid("too many affected stages");
  for (const std::string& stage : decision.affected_stages) {
    if (const auto why = name_problem(stage)) return invalid("an affected stage's name " + *why);
  }
  if (decision.additional_context.size() > limits::text_bytes_max) return invalid("the context is over 4096 bytes");
  return std::nullopt;
}

}  // namespace holdfast
