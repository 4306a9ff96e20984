#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "holdfast/base/error.hpp"
#include "holdfast/base/id.hpp"
#include "holdfast/base/instant.hpp"

namespace holdfast {

/// Proof that a person's decision is on disk.
///
/// Made inside the Machine when the transaction of a decision comes back as `Saved`, moved, never copied, and used up
/// by the one change of a lock that it allows. A silent switch does not compile.
class Consent {
 public:
  Consent(Consent&& other) noexcept : saved_(std::exchange(other.saved_, {})) {}
  Consent& operator=(Consent&& other) noexcept {
    saved_ = std::exchange(other.saved_, {});
    return *this;
  }
  Consent(const Consent&) = delete;
  Consent& operator=(const Consent&) = delete;

  /// The transaction that holds the decision; 0 once this consent was moved away.
  SaveId saved() const { return saved_; }

 private:
  friend class Machine;
  friend class ConsentForTests;
  explicit Consent(SaveId saved) : saved_(saved) {}

  SaveId saved_;
};

/// An answer that a user gave in advance, in so many words, for one job. Off unless given.
struct StandingConsent {
  enum class When : unsigned char { stall, error };

  std::string id{};  ///< unique within the job: "consent-1"
  When when = When::stall;
  milliseconds minimum_silence{};  ///< stall only
  std::string switch_to{};         ///< a provider; empty: cancel
  std::string provider_type{};     ///< of `switch_to`; filled in by whoever knows the providers
  std::string given_by{};

  bool cancels() const { return switch_to.empty(); }
  /// As it is written on the command line: "stall after 10m: switch to OpenAI".
  std::string text() const;

  bool operator==(const StandingConsent&) const = default;
};

/// `stall after DURATION: switch to NAME`, `stall after DURATION: cancel`, `error: switch to NAME`, `error: cancel`;
/// DURATION is 90s, 10m or 2h. The failure says which of these the text came nearest to.
result<StandingConsent> parse_consent(std::string_view text);

}  // namespace holdfast
