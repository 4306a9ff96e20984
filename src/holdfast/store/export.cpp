#include "holdfast/store/export.hpp"

#include <boost/json/parse.hpp>
#include <istream>
#include <optional>
#include <ostream>
#include <unordered_set>

#include "holdfast/api/canonical.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/store/audit.hpp"

namespace holdfast::store {
namespace {

namespace json = boost::json;

constexpr std::size_t page_records = 500;  // so many are in memory at a time
constexpr std::size_t page_jobs = 500;

std::string closing_line(const std::string& job_id, const TrailEnd& end) {
  return api::canonical(json::object{{"jobId", job_id}, {"count", end.count}, {"lastHash", end.last_hash}});
}

/// False where there is no such trail.
result<bool> write_job(Store& store, const std::string& job_id, std::ostream& out, AuditReport& report) {
  ChainCheck check(job_id, report);
  TrailEnd end;
  for (std::uint64_t next = 1;;) {
    // The row before the records: what it counts was there by then.
    auto row = store.trail_end(job_id);
    if (!row) return row.error();
    if (*row) end = std::move(**row);
    const auto page = store.trail(job_id, next, page_records);
    if (!page) return page.error();
    if (page->empty()) break;
    for (const AuditRecord& record : *page) {
      check.next(record);
      out << record_line(record) << '\n';
    }
    next = page->back().seq + 1;
  }
  if (end.count == 0 && check.seen() == 0) return false;
  check.end(end.count, end.last_hash);
  out << closing_line(job_id, end) << '\n';
  if (!out) return Failure{Errc::store_unavailable, "the export could not be written: is the disk full?"};
  return true;
}

result<void> write_all(Store& store, std::ostream& out, AuditReport& report) {
  std::string after;
  for (;;) {
    const auto page = store.trails(after, page_jobs);
    if (!page) return page.error();
    for (const std::string& each : *page) {
      if (const auto written = write_job(store, each, out, report); !written) return written.error();
    }
    if (page->size() < page_jobs) break;
    after = page->back();
  }
  const auto nameless = store.nameless_trails();
  if (!nameless) return nameless.error();
  for (const std::string& each : *nameless)
    ChainCheck(each, report).end_unknown();
  return {};
}

/// Reads an export line by line.
class Reader {
 public:
  explicit Reader(AuditReport& report) : report_(report) {}

  void line(const std::string& text) {
    ++number_;
    if (ended_) return note(0, "line", "stands behind the last line of the export");
    boost::system::error_code error;
    const json::value value = json::parse(text, error);
    const json::object* object = error ? nullptr : value.if_object();
    if (object == nullptr) return note(0, "line", "is no JSON object");
    if (object->contains("hash")) return record(*object, text);
    if (object->contains("lastHash")) return closing(*object);
    if (object->contains("jobs")) return trailer(*object);
    note(0, "line", "is neither a record nor the end of a job");
  }
  void end() {
    leave_job();
    if (!ended_) note(0, "jobs", "the last line of the export is missing: its end was cut off");
  }

 private:
  void note(std::uint64_t seq, std::string field, const std::string& what) {
    if (report_.findings.size() >= findings_max) return;
    report_.findings.push_back({job_, seq, std::move(field), "line " + std::to_string(number_) + " " + what});
  }
  static std::string words(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  static std::optional<std::uint64_t> number(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    boost::system::error_code error;
    if (value == nullptr || !value->is_number()) return std::nullopt;
    const auto out = value->to_number<std::uint64_t>(error);
    if (error) return std::nullopt;
    return out;
  }

  void record(const json::object& object, const std::string& text) {
    AuditRecord record{.seq = number(object, "seq").value_or(0),
                       .time = parse_rfc3339(words(object, "time")).value_or(WallTime{}),
                       .kind = words(object, "kind"),
                       .job_id = words(object, "jobId"),
                       .data = {},
                       .previous = words(object, "previous"),
                       .hash = words(object, "hash")};
    enter(record.job_id);
    // The bytes of data as they stand are what was hashed: a number that is parsed and printed again may differ.
    constexpr std::string_view begin = "{\"data\":";
    const std::string rest = record_line(record).substr(begin.size());  // data is still empty
    if (!text.starts_with(begin) || !text.ends_with(rest) || text.size() < begin.size() + rest.size()) {
      note(record.seq, "line", "is not the canonical form of a record (see the keys seq, time, kind, previous, hash)");
      return;
    }
    record.data = text.substr(begin.size(), text.size() - begin.size() - rest.size());
    check_->next(record);
  }
  void closing(const json::object& object) {
    enter(words(object, "jobId"));
    const auto count = number(object, "count");
    if (!count) note(0, "count", "has no count");
    check_->end(count.value_or(0), words(object, "lastHash"));
    check_.reset();
    ++jobs_;
    job_.clear();
  }
  void trailer(const json::object& object) {
    leave_job();
    ended_ = true;
    job_.clear();
    const auto expect = [&](const char* key, std::uint64_t seen) {
      const auto said = number(object, key);
      if (said == seen) return;
      note(0, key,
           "says " + (said ? std::to_string(*said) : "nothing") + " for " + key + "; " + std::to_string(seen) +
               " are there");
    };
    expect("jobs", jobs_);
    expect("records", report_.records);
  }
  void enter(const std::string& job_id) {
    if (check_ && job_ == job_id) return;
    leave_job();
    job_ = job_id;
    check_.emplace(job_id, report_);
    if (seen_.contains(std::hash<std::string>{}(job_id))) note(0, "jobId", "begins a job that was there before");
    if (seen_.size() < export_jobs_remembered_max) seen_.insert(std::hash<std::string>{}(job_id));
  }
  void leave_job() {
    if (!check_) return;
    note(0, "count", "ends job " + job_ + " without its closing line: the end of the job was cut off");
    check_.reset();
    ++jobs_;
    ++report_.jobs;
  }

  AuditReport& report_;
  std::string job_;
  std::optional<ChainCheck> check_;
  std::unordered_set<std::size_t> seen_;
  std::uint64_t number_ = 0, jobs_ = 0;
  bool ended_ = false;
};

/// One line without its end. False at the end of the input.
result<bool> read_line(std::istream& in, std::string& line, std::uint64_t number) {
  line.clear();
  std::streambuf* const bytes = in.rdbuf();
  for (int c = bytes->sbumpc();; c = bytes->sbumpc()) {
    if (c == std::char_traits<char>::eof()) return !line.empty();
    if (c == '\n') return true;
    if (line.size() == export_line_bytes_max) {
      return Failure{Errc::too_large, "line " + std::to_string(number) + " of the export is over " +
                                          std::to_string(export_line_bytes_max) + " bytes: this is no export"};
    }
    line += static_cast<char>(c);
  }
}

}  // namespace

result<AuditReport> write_export(Store& store, const std::string& job_id, std::ostream& out) {
  AuditReport report;
  if (job_id.empty()) {
    if (const auto written = write_all(store, out, report); !written) return written.error();
  } else {
    const auto written = write_job(store, job_id, out, report);
    if (!written) return written.error();
    if (!*written) return Failure{Errc::no_such_job, "the store has no trail of a job " + job_id};
  }
  out << api::canonical(json::object{{"jobs", report.jobs}, {"records", report.records}}) << '\n' << std::flush;
  if (!out) return Failure{Errc::store_unavailable, "the export could not be written: is the disk full?"};
  return report;
}

result<AuditReport> verify_export(std::istream& in) {
  AuditReport report;
  if (!in || in.rdbuf() == nullptr) return Failure{Errc::invalid_argument, "the export cannot be read"};
  Reader reader(report);
  std::string line;
  for (std::uint64_t number = 1;; ++number) {
    const auto more = read_line(in, line, number);
    if (!more) return more.error();
    if (!*more) break;
    reader.line(line);
  }
  reader.end();
  return report;
}

}  // namespace holdfast::store
