#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/listing.hpp"
#include "holdfast/core/news.hpp"

/// The words of the control API and of `--json`: structs → JSON.
///
/// Keys are camelCase and keep the order in which they are written here; times are RFC 3339 in UTC with milliseconds,
/// durations integers whose keys end in `Ms`. What is absent is null, never left out. Bytes of a provider that are not
/// UTF-8 become U+FFFD: a document is always valid JSON.
namespace holdfast::api {

/// An operation as it stands. `error` and `question` are absent where there is none.
struct OperationView {
  std::string operation_id{}, job_id{}, stage_name{}, provider_name{}, provider_type{}, correlation_id{};
  OperationPhase state = OperationPhase::running;
  LatencyCategory category = LatencyCategory::Normal;
  WallTime started_at{};
  milliseconds elapsed{};
  std::int64_t heartbeat_count = 0;
  std::optional<WallTime> last_heartbeat{};
  std::optional<milliseconds> since_last_heartbeat{}, since_last_progress{};
  milliseconds stall_threshold{};
  Progress progress{};
  std::optional<Question> question{};
  std::optional<ProviderFault> error{};
};

struct ProviderView {
  ProviderInfo info{};
  std::string protocol{};
  bool built_in = false;
  std::optional<std::vector<std::string>> problems{};  ///< absent: nobody looked
};

struct ProfileView {
  std::string provider_name{}, provider_type{}, patience_profile{};
  milliseconds normal_threshold{}, extended_threshold{}, deep_wait_threshold{}, heartbeat_interval{}, stall_threshold{};
  std::optional<milliseconds> first_progress_threshold{};
};

/// A text as JSON can hold it.
boost::json::string words(std::string_view text);

boost::json::object to_json(const ProviderLock& lock);
boost::json::object to_json(const FallbackDecision& decision);
boost::json::object to_json(const Progress& progress);
boost::json::object to_json(const ProviderFault& fault);
/// Kind, ask, times, options, evidence and alternatives; the operation that it belongs to names job and stage.
boost::json::object to_json(const Question& question);
boost::json::object to_json(const StandingConsent& consent);
boost::json::object to_json(const OperationView& operation);
boost::json::object to_json(const StageRow& stage);
/// Whom to ask about a job: its process, and where that answers.
boost::json::object to_json(const Owner& owner);
boost::json::object to_json(const JobRow& job);
/// What became of an answer or a cancel.
boost::json::object to_json(const AnswerResult& result);
boost::json::object to_json(const Statistics& statistics);
boost::json::object to_json(const ProviderView& provider);
boost::json::object to_json(const ProfileView& profile);
/// "extend", "wait", "fallback", "cancel", "retry".
std::string_view name(AnswerAction action) noexcept;
/// The `data` of an event. Says everything but the job's and the operation's id, so that `news_from_json` can read it
/// again; a job's plan is no part of it.
boost::json::object to_json(const News& news);

/// The operation that news is about; empty where it is about none.
std::string_view operation_of(const News& news) noexcept;

/// {"event", "seq", "time", "jobId", "operationId", "data"}: a line of `run --json`, and what the event feed sends.
boost::json::object event_line(std::uint64_t seq, WallTime time, const News& news);

/// {"NAME": […], "next": null}
boost::json::object listing(std::string_view name, boost::json::array entries);

/// One line, a blank after each colon and comma. Numbers as people write them: 0.25, not 2.5E-1.
std::string text(const boost::json::value& value);

}  // namespace holdfast::api
