#include "holdfast/control/views.hpp"

#include <boost/json/parse.hpp>

#include "holdfast/base/wall_time.hpp"

namespace holdfast::control {

namespace json = boost::json;

api::OperationView view_of(const OperationState& state) {
  return {.operation_id = state.operation_id,
          .job_id = state.job_id,
          .stage_name = state.stage_name,
          .provider_name = state.provider_name,
          .provider_type = state.provider_type,
          .correlation_id = state.correlation_id,
          .state = state.outcome,
          .category = state.current_category,
          .started_at = state.started_at,
          .elapsed = state.elapsed_time,
          .heartbeat_count = state.heartbeat_count,
          .last_heartbeat = state.last_heartbeat,
          .since_last_heartbeat = state.time_since_last_heartbeat,
          .since_last_progress = state.time_since_last_progress,
          .stall_threshold = state.stall_threshold,
          .progress = state.progress.value_or(Progress{}),
          .question = state.question,
          .error = state.fault};
}

api::ProfileView view_of(const TimeoutProfile& profile) {
  return {.provider_name = profile.provider_name,
          .provider_type = profile.provider_type,
          .patience_profile = profile.patience_profile,
          .normal_threshold = profile.normal_threshold,
          .extended_threshold = profile.extended_threshold,
          .deep_wait_threshold = profile.deep_wait_threshold,
          .heartbeat_interval = profile.heartbeat_interval,
          .stall_threshold = profile.stall_threshold(),
          .first_progress_threshold = profile.first_progress_threshold};
}

json::object to_json(const AuditRecord& record) {
  boost::system::error_code error;
  json::value data = json::parse(record.data, error);
  if (error || !data.is_object()) data = json::object();  // somebody changed it; the check says so
  return {{"seq", record.seq},
          {"time", rfc3339(record.time)},
          {"kind", api::words(record.kind)},
          {"jobId", api::words(record.job_id)},
          {"data", std::move(data)},
          {"previous", api::words(record.previous)},
          {"hash", api::words(record.hash)}};
}

json::object to_json(const AuditReport& report) {
  json::array findings;
  for (const AuditFinding& each : report.findings) {
    findings.emplace_back(json::object{{"jobId", api::words(each.job_id)},
                                       {"seq", each.seq},
                                       {"field", api::words(each.field)},
                                       {"message", api::words(each.message)}});
  }
  return {{"valid", report.findings.empty()},
          {"jobs", report.jobs},
          {"records", report.records},
          {"findings", std::move(findings)}};
}

}  // namespace holdfast::control
