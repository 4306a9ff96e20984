#include <algorithm>
#include <fstream>
#include <iostream>
#include <ostream>

#include "holdfast/api/json.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/kept/kept.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/telling.hpp"
#include "holdfast/control/views.hpp"
#include "holdfast/store/audit.hpp"
#include "holdfast/store/export.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t records_at_a_time = 1000;

/// What the screen shows elsewhere, and has no line of its own for.
struct Detail {
  static std::string where(const auto& news) { return news.stage_name + " on " + news.provider_name; }

  std::string operator()(const OperationStarted& news) const {
    return where(news) + " (" + news.operation_id + "), epoch " + std::to_string(news.epoch);
  }
  std::string operator()(const OperationEnded& news) const {
    return where(news) + " (" + news.operation_id + "): " + std::string(name(news.outcome)) + " after " +
           spoken(news.elapsed) + (news.outcome == OperationPhase::failed ? ": " + told_fault(news.fault) : "");
  }
  std::string operator()(const QuestionOpened& news) const {
    return "question " + std::to_string(news.question.ask) + " about " + where(news.question) + ": " +
           news.question.evidence;
  }
  /// Which answer it was, the record before says.
  std::string operator()(const StallResolved& news) const {
    return "question " + std::to_string(news.ask) + " about " + where(news) + ": closed by the " + news.by +
           ", stalled for " + spoken(news.stalled_for);
  }
  std::string operator()(const QuestionClosed& news) const {
    return "question " + std::to_string(news.ask) + " of " + news.operation_id + ": closed by the " + news.by;
  }
  std::string operator()(const Cancelled& news) const {
    return "the job" + (news.by.empty() ? std::string() : ", by " + news.by);
  }
  std::string operator()(const LockEnded& news) const { return news.lock.text(); }
  std::string operator()(const auto&) const { return {}; }
};

Exit show(const AuditArguments& arguments, store::Store& store, std::ostream& out) {
  // A screen has no profiles at hand here: categories keep their own names.
  const auto plain = [](LatencyCategory category, const std::string&, const std::string&) {
    return CategoryWords{std::string(name(category)), {}};
  };
  std::uint64_t next = 1, shown = 0;
  for (;;) {
    const auto records = store.trail(arguments.job, next, records_at_a_time).value();
    if (records.empty()) break;
    for (const AuditRecord& each : records) {
      ++shown;
      if (arguments.json) {
        out << store::record_line(each) << "\n";
        continue;
      }
      const auto news = store::decode(each);
      std::string said = news ? told(*news, plain) : news.error().message;
      if (said.empty()) said = std::visit(Detail{}, *news);
      out << each.seq << "  " << rfc3339(each.time) << "  " << harmless(each.kind)
          << (said.empty() ? "" : "  " + harmless(said)) << "\n";
    }
    next = records.back().seq + 1;
  }
  if (next == 1) throw Error(Errc::no_such_job, "there is no record of job " + arguments.job + "; see `holdfast jobs`");
  if (next - 1 == shown) return Exit::done;
  std::cerr << "the last of " << shown << " records of job " << harmless(arguments.job) << " has the number "
            << next - 1 << ", which is impossible: a trail counts from 1 without gaps; see `holdfast audit verify`\n";
  return Exit::failed;
}

Exit print(const AuditReport& report, bool json, std::ostream& out) {
  if (json) {
    out << api::text(control::to_json(report)) << "\n";
  } else {
    for (const AuditFinding& each : report.findings) {
      out << "job " << harmless(each.job_id) << (each.seq == 0 ? "" : ", record " + std::to_string(each.seq)) << ", "
          << harmless(each.field) << ": " << harmless(each.message) << "\n";
    }
    const std::string found = !report.findings.empty() ? "NOT as they were written."
                              : report.records == 0    ? "there is nothing to check."
                                                       : "whole and unchanged.";
    out << report.records << " records of " << report.jobs << " jobs: " << found << "\n";
  }
  return report.findings.empty() ? Exit::done : Exit::failed;
}

AuditReport verified_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  file.peek();  // a folder opens, and cannot be read
  if (!file.is_open() || file.bad()) throw Error(Errc::config, "--file: '" + path.string() + "' cannot be read");
  AuditReport report = store::verify_export(file).value();
  // Not one line of it was ever written by an export: what is wrong with each of them is of no use to anybody.
  const auto of_no_job = [](const AuditFinding& each) { return each.job_id.empty(); };
  if (report.records == 0 && !report.findings.empty() && report.findings.front().field == "line" &&
      std::ranges::all_of(report.findings, of_no_job)) {
    throw Error(Errc::config,
                "--file: '" + path.string() + "' is no export of Holdfast: " + report.findings.front().message);
  }
  return report;
}

}  // namespace

Exit audit_command(const AuditArguments& arguments, const Session& session, std::ostream& out) {
  if (!arguments.file.empty()) return print(verified_file(arguments.file), arguments.json, out);
  const auto store = open_store(session);
  switch (arguments.verb) {
    case AuditArguments::Verb::show:
      return show(arguments, *store, out);
    case AuditArguments::Verb::verify:
      return print(store->verify(arguments.job).value(), arguments.json, out);
    case AuditArguments::Verb::export_all: {
      const AuditReport report = store::write_export(*store, arguments.job, out).value();
      if (report.findings.empty()) return Exit::done;
      print(report, false, std::cerr);
      return Exit::failed;
    }
  }
  __builtin_unreachable();
}

Exit prune_command(const PruneArguments& arguments, const Session& session, std::ostream& out) {
  const auto store = open_store(session);
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  const store::Pruned pruned = store->prune(now - arguments.closed_before, arguments.with_audit).value();
  if (arguments.json) {
    out << api::text(boost::json::object{{"jobs", pruned.jobs}, {"records", pruned.records}}) << "\n";
    return Exit::done;
  }
  out << "Took away " << pruned.jobs << " jobs"
      << (arguments.with_audit ? " and " + std::to_string(pruned.records) + " records." : "; their record stays.")
      << "\n";
  return Exit::done;
}

}  // namespace holdfast::cli
