#include "holdfast/core/consent.hpp"

#include "holdfast/base/name.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast {
namespace {

constexpr std::string_view forms =
    "write 'stall after 10m: switch to NAME', 'stall after 10m: cancel', 'error: switch to NAME' or 'error: cancel'";

Failure refused(std::string_view text, const std::string& why) {
  return {Errc::invalid_argument, "consent '" + std::string(text) + "': " + why + "; " + std::string(forms)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

std::string duration_text(milliseconds duration) {
  const auto ms = duration.count();
  if (ms != 0 && ms % 3600000 == 0) return std::to_string(ms / 3600000) + "h";
  if (ms != 0 && ms % 60000 == 0) return std::to_string(ms / 60000) + "m";
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

}  // namespace

std::string StandingConsent::text() const {
  const std::string condition = when == When::error ? "error" : "stall after " + duration_text(minimum_silence);
  return condition + ": " + (cancels() ? "cancel" : "switch to " + switch_to);
}

result<StandingConsent> parse_consent(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return refused(text, "there is no ':' between condition and consequence");
  const std::string_view condition = trimmed(text.substr(0, colon));
  const std::string_view consequence = trimmed(text.substr(colon + 1));

  StandingConsent consent;
  constexpr std::string_view stall = "stall after ";
  constexpr std::string_view change = "switch to ";
  if (condition == "error") {
    consent.when = StandingConsent::When::error;
  } else if (condition.starts_with(stall)) {
    const auto duration = parse_duration(trimmed(condition.substr(stall.size())));
    if (!duration) return refused(text, "the duration is a whole number with s, m or h, a year at most");
    consent.minimum_silence = *duration;
  } else {
    return refused(text, "the condition is 'stall after DURATION' or 'error'");
  }
  if (consequence == "cancel") return consent;
  if (!consequence.starts_with(change)) return refused(text, "the consequence is 'switch to NAME' or 'cancel'");
  consent.switch_to = trimmed(consequence.substr(change.size()));
  if (const auto problem = name_problem(consent.switch_to)) return refused(text, "the provider's name " + *problem);
  return consent;
}

}  // namespace holdfast
