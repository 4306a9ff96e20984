#pragma once

#include <boost/json/object.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/gateway/gateway.hpp"

/// What the gateway tells, as the words of the API.
namespace holdfast::control {

api::OperationView view_of(const OperationState& state);
api::ProfileView view_of(const TimeoutProfile& profile);
/// {"seq", "time", "kind", "jobId", "data", "previous", "hash"}
boost::json::object to_json(const AuditRecord& record);
/// {"valid", "jobs", "records", "findings"}
boost::json::object to_json(const AuditReport& report);

}  // namespace holdfast::control
