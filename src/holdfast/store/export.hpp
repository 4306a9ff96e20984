#pragma once

#include <iosfwd>
#include <string>

#include "holdfast/store/store.hpp"

/// The trail outside the store: JSON lines, canonical (RFC 8785).
///
/// Job after job: its records, oldest first, then `{"count":…,"jobId":…,"lastHash":…}`; the last line of all is
/// `{"jobs":…,"records":…}`. Count and last hash are those of the job's own row, not of what was read. So an end that
/// was cut off shows, of one job and of the whole.
namespace holdfast::store {

/// Longest line that is read: records are far below (texts, names and lists have limits), and memory stays bounded.
inline constexpr std::size_t export_line_bytes_max = std::size_t{1} << 20;
/// Of so many jobs a check remembers that it has seen them, to find one that comes twice.
inline constexpr std::size_t export_jobs_remembered_max = 1'000'000;

/// Writes the trail of one job, or of all (empty), and checks each chain as it passes: what is wrong is written as it
/// stands, and is a finding. Fails where the store cannot be read, the job is unknown or `out` does not take it.
result<AuditReport> write_export(Store& store, const std::string& job_id, std::ostream& out);

/// Checks an export by itself, with no store at hand. Fails only where `in` cannot be read or a line is too long; what
/// is wrong with the contents is a finding.
result<AuditReport> verify_export(std::istream& in);

}  // namespace holdfast::store
