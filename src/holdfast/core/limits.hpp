#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of the core, with its reason.
namespace holdfast::limits {

inline constexpr std::size_t stages_per_lock_max = 256;  ///< more is a list that nobody reads before confirming
inline constexpr std::size_t locks_per_job_max = 256;    ///< a job that moves more often is a loop
inline constexpr std::size_t consents_per_job_max = 16;
inline constexpr std::size_t waiting_per_job_max = 1024;  ///< commands of one job behind one transaction
inline constexpr std::size_t operations_max = 1u << 21;   ///< twice what is measured in bench/
inline constexpr std::size_t shared_terms_max = 64;  ///< kinds of operations that are found at once; others hold a copy
inline constexpr std::size_t ended_kept_max = 1024;  ///< ended operations that can still be looked at
inline constexpr std::size_t closed_questions_kept_max = 10000;  ///< so that a late answer hears who won
inline constexpr std::size_t backlog_max = 10000;                ///< records that wait for the store, of all jobs
inline constexpr std::size_t anonymous_bundle_max = 2048;    ///< in one transaction: jobs wait some tens of ms for it
inline constexpr std::size_t anonymous_waiting_max = 65536;  ///< seconds of ten thousand a second; about 40 MB
inline constexpr std::size_t text_bytes_max = 4096;          ///< notes, reasons, contexts
inline constexpr std::size_t error_text_bytes_max = 200;     ///< policy §10: of a provider's error in a record
inline constexpr std::chrono::milliseconds backlog_retry{1000};
inline constexpr std::chrono::milliseconds anonymous_linger{250};  ///< a sync for each request would wear the disk

}  // namespace holdfast::limits
