#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <system_error>

namespace holdfast {

/// Why a command was refused: one code for each reaction a caller can have. The HTTP API answers with `http_status`.
enum class Errc {
  ok = 0,
  invalid_argument,  ///< mend the call
  config,            ///< mend the file that the message names
  unauthorized,      ///< bring a token
  forbidden,         ///< bring a token with the scope that the message names
  no_such_job,
  no_such_operation,
  lock_conflict,          ///< another lock of the job governs one of the stages
  provider_locked,        ///< the stage is locked to another provider: switch, or use that one
  lock_not_overridable,   ///< an absolute lock: only release or cancel ends it
  stale_answer,           ///< the question is gone: progress resumed, or the operation ended
  already_answered,       ///< somebody was first; the winning answer comes along
  confirmation_required,  ///< ask the person, then say confirmed
  stale_epoch,            ///< the job's locks changed meanwhile: read them again
  switched,               ///< a confirmed decision moved the stage to another provider: run it there
  cancelled,
  too_large,
  provider_unreachable,
  provider_failed,
  truncated,          ///< the provider's answer ended without its end marker
  store_unavailable,  ///< nothing was changed; try again
  store_held,         ///< a living process owns the job
  outcome_unknown,    ///< it may have happened: look before doing it again
};

/// The name as it stands in the API and in records, e.g. "lock_conflict".
std::string_view name(Errc code) noexcept;
/// The code of a name; `Errc::ok` where there is none of that name.
Errc errc_from_name(std::string_view name) noexcept;
/// 200 for ok, else the status of the control API and the proxy.
int http_status(Errc code) noexcept;

const std::error_category& error_category() noexcept;
inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// What the public `Gateway` throws for refused commands. `what()` is a sentence for the person who must act.
class Error : public std::system_error {
 public:
  Error(Errc code, const std::string& message) : std::system_error(make_error_code(code)), message_(message) {}

  Errc errc() const noexcept { return static_cast<Errc>(code().value()); }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// An outcome that is not there, as a value: the code to react to, and the sentence to show.
struct Failure {
  Errc code = Errc::ok;
  std::string message;

  bool operator==(const Failure&) const = default;
};

[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

/// A value or a `Failure`. `value()` on a failure throws `Error`.
template <class T>
using result = boost::system::result<T, Failure>;

}  // namespace holdfast

template <>
struct std::is_error_code_enum<holdfast::Errc> : std::true_type {};
