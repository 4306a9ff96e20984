#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "holdfast/core/news.hpp"

/// Everything the Machine can order. Orders, in the imperative; each is carried out in the order given.
namespace holdfast::effect {

/// The reply to a caller.
struct Reply {
  Ticket ticket{};
  /// bool: whether anything changed.
  std::variant<bool, Failure, ProviderLock, FallbackDecision, AnswerResult> value;
};
/// Write these in one transaction, in order, and say `Saved`, `SaveFailed` or `SaveUnknown`.
struct Save {
  SaveId save{};
  std::vector<News> records{};
};
/// Is transaction `save` on disk? Say `SaveLookedUp`.
struct LookUp {
  SaveId save{};
};
/// Say what the store knows of a job: `JobLoaded` or `JobLoadFailed`.
struct LoadJob {
  std::string job_id{};
};
/// The lock allows it and its start is on the record: let the call begin.
struct OpenCall {
  Ticket ticket{};
  OperationId operation{};
  std::string job_id{}, stage_name{}, provider_name{};
  std::uint64_t epoch = 0;
};
/// End the call at the provider, unless it has returned by itself, and say `CallEnded`.
struct CancelCall {
  OperationId operation{};
  Errc why = Errc::cancelled;  ///< cancelled or switched: what the caller hears
};
/// Watch an operation's slot. Replaces what was ordered before.
struct Watch {
  OperationId operation{};
  Instant since{};                              ///< silence is measured from here or from later progress
  std::optional<milliseconds> silence_limit{};  ///< then `SilenceExceeded`, once; absent: silence is of no interest
  std::optional<Instant> category_at{};         ///< then `CategoryDue`, once
  bool armed = false;                           ///< the next progress is posted as `ProgressMade`, once
  std::uint32_t number = 0;                     ///< of the operation's orders: `SilenceExceeded` brings it back
};
/// The same watch, and `CategoryDue` at this instant.
struct WatchCategory {
  OperationId operation{};
  Instant at{};
};
struct EndWatch {
  OperationId operation{};
};
/// Tell whoever listens.
struct Announce {
  News news{};
};

}  // namespace holdfast::effect

namespace holdfast {

using Effect =
    std::variant<effect::Reply, effect::Save, effect::LookUp, effect::LoadJob, effect::OpenCall, effect::CancelCall,
                 effect::Watch, effect::WatchCategory, effect::EndWatch, effect::Announce>;
using Effects = std::vector<Effect>;

/// One line for logs and replays: "OpenCall op-… script-generation at Ollama, epoch 1".
std::string describe(const Effect& effect);

}  // namespace holdfast
