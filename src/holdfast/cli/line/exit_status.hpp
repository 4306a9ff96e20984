#pragma once

#include "holdfast/base/error.hpp"

namespace holdfast::cli {

/// What the process tells its caller.
enum class Exit : int {
  done = 0,
  failed = 1,   ///< the job failed
  usage = 2,    ///< usage or configuration
  refused = 3,  ///< by policy
  cancelled = 4,
  unreachable = 5,  ///< daemon or store
};

/// Of a command that was refused or failed.
constexpr Exit exit_for(Errc code) {
  switch (code) {
    case Errc::ok:
      return Exit::done;
    case Errc::invalid_argument:
    case Errc::config:
    case Errc::no_such_job:
    case Errc::no_such_operation:
    case Errc::too_large:
      return Exit::usage;
    case Errc::unauthorized:
    case Errc::forbidden:
    case Errc::lock_conflict:
    case Errc::provider_locked:
    case Errc::lock_not_overridable:
    case Errc::stale_answer:
    case Errc::already_answered:
    case Errc::confirmation_required:
    case Errc::stale_epoch:
    case Errc::switched:
    case Errc::store_held:
      return Exit::refused;
    case Errc::cancelled:
      return Exit::cancelled;
    case Errc::provider_unreachable:
    case Errc::provider_failed:
    case Errc::truncated:
      return Exit::failed;
    case Errc::store_unavailable:
    case Errc::outcome_unknown:
      return Exit::unreachable;
  }
  __builtin_unreachable();
}

}  // namespace holdfast::cli
