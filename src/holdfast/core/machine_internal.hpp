#pragma once

// What the Machine's sources share; nobody else includes it.

#include "holdfast/base/check.hpp"
#include "holdfast/core/limits.hpp"
#include "holdfast/core/machine.hpp"

namespace holdfast {

template <class E>
Job* Machine::ready_job(const std::string& id, const E& event) {
  if (const auto why = name_problem(id)) {
    refuse(event.ticket, Errc::invalid_argument, "the job id " + *why);
    return nullptr;
  }
  if (id.starts_with(anonymous_prefix)) {
    refuse(event.ticket, Errc::invalid_argument,
           "the job id begins with '" + std::string(anonymous_prefix) + "', which is kept for requests without a job");
    return nullptr;
  }
  Job& job = job_for(id);
  touch(id);
  if (!commands_wait(job)) {
    if (!end_unwritten(job)) return &job;
    refuse(event.ticket, Errc::store_unavailable, "job " + id + " is over, and the store has not heard of it yet");
    return nullptr;
  }
  if constexpr (!std::is_same_v<E, event::CancelRequested>) {  // which is never turned away
    if (job.waiting.size() >= limits::waiting_per_job_max) {
      refuse(event.ticket, Errc::store_unavailable,
             "too many commands of job " + id + " wait for the store; try again later");
      return nullptr;
    }
  }
  job.waiting.push_back(event);
  return nullptr;
}

template <class N>
N Machine::about(const Operation& operation) const {
  N news;
  news.job_id = operation.terms->job_id;
  news.stage_name = operation.terms->stage_name;
  news.provider_name = operation.terms->provider_name;
  news.correlation_id = operation.correlation_id;
  if constexpr (requires { news.provider_type; }) news.provider_type = operation.terms->provider_type;
  if constexpr (std::is_same_v<N, OperationStarted>) news.kind = operation.terms->kind;
  if constexpr (requires { news.operation_id; }) news.operation_id = text(operation.id);
  return news;
}

}  // namespace holdfast
