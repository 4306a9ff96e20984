#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "holdfast/cli/line/arguments.hpp"
#include "holdfast/cli/line/session.hpp"
#include "holdfast/core/question.hpp"

/// The commands for jobs that ran, run or wait, whoever runs them.
///
/// Those that look read the store, beside whoever writes it. Those that act speak to the process that holds the job,
/// over its socket; where nobody holds it, they act themselves. Each prints to `out`, throws `Error` for what is
/// refused, and returns the process's status.
namespace holdfast::cli {

Exit jobs_command(const JobsArguments& arguments, const Session& session, std::ostream& out);
Exit show_command(const ShowArguments& arguments, const Session& session, std::ostream& out);
Exit history_command(const HistoryArguments& arguments, const Session& session, std::ostream& out);
Exit stats_command(const StatsArguments& arguments, const Session& session, std::ostream& out);

/// `failed` where the check found something.
Exit audit_command(const AuditArguments& arguments, const Session& session, std::ostream& out);
Exit prune_command(const PruneArguments& arguments, const Session& session, std::ostream& out);

/// Throws `Error` for an answer that the open question cannot have been given with. Without an option, the error names
/// the command of each that it has. What else is wrong, the process that asks says.
void check_answer(const AnswerArguments& answer, const std::optional<Question>& question, const std::string& holdfast);
Exit answer_command(const AnswerArguments& arguments, const Session& session, std::ostream& out);
Exit switch_command(const SwitchArguments& arguments, const Session& session, std::ostream& out);
Exit cancel_command(const CancelArguments& arguments, const Session& session, std::ostream& out);
Exit release_command(const ReleaseArguments& arguments, const Session& session, std::ostream& out);

}  // namespace holdfast::cli
