#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/id.hpp"
#include "holdfast/base/instant.hpp"

/// What callers say to the gateway, and the closed sets that API, records and console share.
namespace holdfast {

struct LockRequest {
  std::string job_id{};
  std::string provider_name{};
  std::string provider_type{};  ///< empty: the mapping of the profiles decides
  std::string correlation_id{};
  bool overridable = true;
  std::vector<std::string> stages{};  ///< empty: all
};

struct OperationRequest {
  std::string job_id{};  ///< empty: anonymous, no lock and no record in front of it
  std::string provider_name{};
  std::string provider_type{};  ///< empty: the mapping of the profiles decides
  std::string stage_name{};
  std::string correlation_id{};
  std::string patience{};  ///< empty: the job's, else the gateway's
  std::string kind{};      ///< text, speech, image, video, …: which providers are alternatives; empty: any
  std::optional<std::uint64_t> epoch{};  ///< the job's epoch that the caller read; a newer one refuses the call
  std::string protocol{};      ///< what the caller speaks, so that alternatives must speak it too; empty: any will do
  bool recorded_first = true;  ///< false: its start is journalled behind it, never in front (proxied requests)
};

/// A stage as a job was going to run it.
struct StagePlan {
  std::string name{}, kind{};
  std::string fingerprint{};  ///< SHA-256 in hex of what the job file says of it and of the inputs that it uses

  bool operator==(const StagePlan&) const = default;
};

/// What a job was going to be when it was opened: kept beside its record, so that it can be looked at and resumed.
struct JobPlan {
  std::string file{};  ///< where the job file was: an absolute path
  std::string text{};  ///< the job file
  std::string out{};   ///< the folder of the artifacts: an absolute path
  std::vector<StagePlan> stages{};
  std::vector<std::pair<std::string, std::string>> inputs{};  ///< name and SHA-256 in hex; what they say is not kept

  bool operator==(const JobPlan&) const = default;
};

struct JobRequest {
  std::string job_id{};
  std::string name{};
  std::string patience{};
  std::string opened_by{};
  std::shared_ptr<const JobPlan> plan{};  ///< of those who run whole jobs
  bool resume = false;                    ///< goes on with a job that failed or was interrupted, locks and all
  std::vector<std::string> anew{};        ///< resume: stages that begin from their start, finished or not
};

/// A switch asked for out of the blue: one transaction, then the running calls of these stages end as `switched`.
struct SwitchRequest {
  std::string job_id{};
  std::string to_provider{};
  std::string to_type{};              ///< empty: the mapping of the profiles decides
  std::vector<std::string> stages{};  ///< empty: those of the lock that have not finished
  bool confirmed = false;
  std::string by{};
  std::string correlation_id{};
  std::string from_provider{};  ///< which lock; empty: the newest active one that governs the stages
};

struct CancelRequest {
  std::string job_id{};  ///< cancels the job, unless an operation is named
  std::string operation_id{};
  bool confirmed = false;
  std::string by{};
};

/// How far an operation has come. Totals, not increments; absent is unknown.
struct Progress {
  std::optional<std::int64_t> tokens{}, chunks{}, bytes{};
  std::optional<double> percent{};  ///< 0 to 100
  std::optional<milliseconds> remaining{};
  std::string message{};

  /// "512 tokens", "37 %, about 2 min left"; "nothing yet".
  std::string text() const;
  bool operator==(const Progress&) const = default;
};

/// A provider as the core knows it: enough to be an alternative, and to queue.
struct ProviderInfo {
  std::string name{};
  std::string type{};
  std::vector<std::string> kinds{};  ///< the stage kinds it serves; empty: any
  std::string model{};
  bool requires_network = false;
  int concurrent_max = 0;                ///< operations at once; 0: no limit
  std::vector<std::string> protocols{};  ///< those it speaks; empty: whatever is asked for

  /// Whether it can do the work of a stage of this kind, for a client that speaks this protocol; either may be unknown.
  bool serves(std::string_view kind) const;
  bool speaks(std::string_view protocol) const;
};

enum class OperationPhase : unsigned char { queued, running, completed, failed, cancelled, switched, interrupted };
/// "queued", "running", …
std::string_view name(OperationPhase phase) noexcept;
inline bool ended(OperationPhase phase) {
  return phase >= OperationPhase::completed;
}

enum class JobState : unsigned char { running, waiting, interrupted, done, failed, cancelled, released };
std::string_view name(JobState state) noexcept;

/// What kind of hard error ended a call. `other`: a caller's function threw something unclassified.
enum class ErrorClass : unsigned char { none, http, auth, quota, protocol, connection, truncated, command, other };
std::string_view name(ErrorClass error) noexcept;

/// A hard error of a provider, in the words that may enter a record.
struct ProviderFault {
  ErrorClass error_class = ErrorClass::none;
  int status = 0;         ///< HTTP or exit status; 0: none
  std::string code{};     ///< the provider's own
  std::string message{};  ///< at most 200 bytes enter a record

  bool operator==(const ProviderFault&) const = default;
};

/// A stage or item of a job that is whole.
struct StageProgress {
  std::string job_id{};
  std::string stage_name{};
  std::size_t items = 1, items_done = 0;
  bool finished = false;
  std::vector<std::string> artifacts{};  ///< of this step
  std::size_t item = 0;                  ///< which one is whole, from 1; 0: not said
};

}  // namespace holdfast
