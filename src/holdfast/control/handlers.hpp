#pragma once

#include "holdfast/control/routes.hpp"

/// The handlers, by subject. What each answers stands in `api/openapi.json`.
namespace holdfast::control {

// job_routes.cpp
Reply list_jobs(const Call& call);
Reply open_job(const Call& call);
Reply show_job(const Call& call);
Reply release_job(const Call& call);
Reply cancel_job(const Call& call);
Reply list_locks(const Call& call);
Reply take_lock(const Call& call);
Reply list_decisions(const Call& call);
Reply decide(const Call& call);

// operation_routes.cpp
Reply list_operations(const Call& call);
Reply show_operation(const Call& call);
Reply answer_question(const Call& call);
Reply cancel_operation(const Call& call);

// report_routes.cpp
Reply show_welcome(const Call& call);
Reply show_metrics(const Call& call);
Reply say_live(const Call& call);
Reply say_ready(const Call& call);
Reply show_document(const Call& call);
Reply show_statistics(const Call& call);
Reply list_providers(const Call& call);
Reply list_profiles(const Call& call);
Reply show_profile(const Call& call);
Reply list_audit(const Call& call);
Reply verify_audit(const Call& call);

/// An answer's or a cancel's result: the object, or the problem that it is.
Reply result_reply(const AnswerResult& result);
/// Throws what the failure says.
template <class T>
T checked(result<T> outcome) {
  if (!outcome) throw Error(outcome.error().code, outcome.error().message);
  return std::move(*outcome);
}

}  // namespace holdfast::control
