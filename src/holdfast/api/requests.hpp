#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/core/consent.hpp"
#include "holdfast/core/decision.hpp"
#include "holdfast/core/question.hpp"
#include "holdfast/core/words.hpp"

/// The bodies of the control API: JSON → structs for who answers, structs → JSON for who asks.
///
/// Strict: a key that is not known, is there twice, is missing or has another type is refused, and the failure
/// (`invalid_argument`) names it. A key that may be left out may be null too. Threads: any. Errors: values, whatever
/// the input is.
namespace holdfast::api {

/// `POST /jobs`: a job, and what binds it from its first moment on.
struct JobBody {
  std::string job_id{};  ///< empty: whoever opens it makes one
  std::string name{}, patience{}, correlation_id{}, by{};
  std::vector<LockRequest> locks{};  ///< their jobs are not said
  std::vector<StandingConsent> consents{};
};

/// `POST /jobs/{job}/decisions`.
struct DecisionBody {
  FallbackDecision decision{};
  std::string to_type{};  ///< of the provider that takes over; empty: the mapping of the profiles decides
};

/// A body as text: one JSON object, no key twice, not nested deeper than 32.
result<boost::json::object> parse_body(std::string_view text);

result<JobBody> job_from_json(const boost::json::object& body);
result<LockRequest> lock_request_from_json(std::string_view job_id, const boost::json::object& body);
result<DecisionBody> decision_from_json(std::string_view job_id, const boost::json::object& body);
/// Without its idempotency key, which is a header, and without its door, which the answerer knows.
result<Answer> answer_from_json(std::string_view operation_id, const boost::json::object& body);
/// `confirmed` and `by`; what is cancelled stands in the path.
result<CancelRequest> cancel_from_json(const boost::json::object& body);
/// What `to_json(AnswerResult)` makes.
result<AnswerResult> answer_result_from_json(const boost::json::object& object);

boost::json::object to_json(const JobBody& body);
boost::json::object to_json(const LockRequest& request);
boost::json::object to_json(const DecisionBody& body);
boost::json::object to_json(const Answer& answer);
boost::json::object to_json(const CancelRequest& request);

}  // namespace holdfast::api
