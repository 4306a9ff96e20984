#include "holdfast/store/audit.hpp"

#include <boost/json/parse.hpp>

#include "holdfast/api/canonical.hpp"
#include "holdfast/store/export.hpp"
#include "holdfast/store/memory.hpp"
#include "holdfast/store/redact.hpp"
#include "store_driver.hpp"

namespace holdfast::store {
namespace {

// The chain.

TEST(Audit, the_hash_is_that_of_the_canonical_json_of_everything_else) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const AuditRecord record = make_record("", 1, noon, JobClosed{"job", JobState::done, "ana"});
  EXPECT_EQ(record.data, R"({"by":"ana","state":"done"})");
  EXPECT_EQ(hashed_text(record),
            R"({"data":{"by":"ana","state":"done"},"jobId":"job","kind":"job.closed","previous":"","seq":1,)"
            R"("time":"2026-11-23T07:22:00.000Z"})");
  EXPECT_EQ(record.hash, sha256(hashed_text(record)));
  const std::string line = record_line(record);
  EXPECT_EQ(line, api::canonical(boost::json::parse(line)));
  std::string without = line;  // sed 's/"hash":"[0-9a-f]*",//' | sha256sum
  without.erase(without.find("\"hash\""), 64 + 10);
  EXPECT_EQ(without, hashed_text(record));
}

TEST(Audit, the_operations_id_is_hashed_with_the_data_and_comes_back) {
  const AuditRecord record = make_record("x", 2, noon, Cancelled{"job", "op-1", "ana"});
  EXPECT_EQ(record.data, R"({"by":"ana","operationId":"op-1","recorded":true})");
  EXPECT_EQ(std::get<Cancelled>(decode(record).value()).operation_id, "op-1");
  AuditRecord broken = record;
  broken.data = "[]";
  EXPECT_NE(decode(broken).error().message.find("data"), std::string::npos);
  broken.data = "{}";
  EXPECT_NE(decode(broken).error().message.find("'by'"), std::string::npos);
}

std::vector<AuditRecord> chain(int records) {
  std::vector<AuditRecord> out;
  std::string previous;
  for (int i = 1; i <= records; ++i) {
    out.push_back(make_record(previous, static_cast<std::uint64_t>(i), noon, Cancelled{"job", "", std::to_string(i)}));
    previous = out.back().hash;
  }
  return out;
}

std::string checked(const std::vector<AuditRecord>& records, std::uint64_t count, const std::string& last) {
  AuditReport report;
  ChainCheck check("job", report);
  for (const AuditRecord& record : records)
    check.next(record);
  check.end(count, last);
  std::string out;
  for (const AuditFinding& each : report.findings)
    out += std::to_string(each.seq) + " " + each.field + "; ";
  return out;
}

TEST(Audit, each_fault_of_a_chain_is_found_once_where_it_stands) {
  const std::vector<AuditRecord> good = chain(5);
  const std::string last = good.back().hash;
  EXPECT_EQ(checked(good, 5, last), "");
  EXPECT_EQ(checked({}, 0, ""), "");
  auto records = good;
  records[2].data = R"({"by":"somebody else"})";
  EXPECT_EQ(checked(records, 5, last), "3 hash; ");
  records = good;
  records.erase(records.begin() + 1);
  EXPECT_EQ(checked(records, 5, last), "3 seq; 3 previous; 0 count; ");
  records = good;
  records.insert(records.begin() + 2, good[1]);
  EXPECT_EQ(checked(records, 5, last), "2 seq; 2 previous; 0 count; ");
  records = good;
  std::swap(records[1], records[2]);
  EXPECT_EQ(checked(records, 5, last), "3 seq; 3 previous; 2 seq; 2 previous; 4 seq; 4 previous; ");
  records = good;
  records.pop_back();
  EXPECT_EQ(checked(records, 5, last), "0 count; 0 lastHash; ");
  records = good;
  records[3].previous = "";
  EXPECT_EQ(checked(records, 5, last), "4 previous; 4 hash; ");
}

TEST(Audit, so_many_findings_are_told_and_no_more) {
  AuditReport report;
  ChainCheck check("job", report);
  for (std::size_t i = 0; i < findings_max + 10; ++i)
    check.note(i, "f", "m");
  EXPECT_EQ(report.findings.size(), findings_max);
}

// Exports.

class Export : public testing::Test {
 protected:
  void SetUp() override {
    must(store_, {JobOpened{"a"}, taken("a", "Ollama", 1)});
    must(store_, switched("a", "Ollama", "OpenAI", 2));
    OperationEnded ended = ended_as(started("a", "op-1", "s"), OperationPhase::completed);
    StallSuspected stall = suspected(started("a", "op-1", "s"), 1);
    stall.progress.percent = 33.333333333333336;  // more digits than some parsers keep
    must(store_, {stall, ended});
    must(store_, {JobOpened{"b"}, JobClosed{"b"}});
    std::ostringstream out;
    ASSERT_TRUE(write_export(store_, "", out).has_value());
    text_ = out.str();
    for (std::size_t at = 0; at < text_.size(); at = text_.find('\n', at) + 1)
      lines_.push_back(text_.substr(at, text_.find('\n', at) - at));
  }
  static AuditReport verified(const std::string& text) {
    std::istringstream in(text);
    return verify_export(in).value();
  }
  static std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines)
      out += line + "\n";
    return out;
  }
  static bool found(const AuditReport& report, const std::string& field) {
    return std::ranges::any_of(report.findings, [&](const auto& each) { return each.field == field; });
  }

  Memory store_;
  std::string text_;
  std::vector<std::string> lines_;
};

TEST_F(Export, of_all_jobs_verifies_by_itself) {
  ASSERT_EQ(lines_.size(), 7 + 1 + 2 + 1 + 1u);
  EXPECT_EQ(lines_.back(), R"({"jobs":2,"records":9})");
  const AuditReport report = verified(text_);
  EXPECT_EQ(report.jobs, 2u);
  EXPECT_EQ(report.records, 9u);
  EXPECT_EQ(findings(report), "");
  must(store_, {anonymous_end(1), anonymous_end(2)});
  std::ostringstream all;
  EXPECT_EQ(write_export(store_, "", all)->records, 11u);
  EXPECT_EQ(findings(verified(all.str())), "");
  std::ostringstream one;
  EXPECT_EQ(write_export(store_, "b", one)->records, 2u);
  EXPECT_EQ(findings(verified(one.str())), "");
  EXPECT_EQ(write_export(store_, "never", one).error().code, Errc::no_such_job);
}

TEST_F(Export, a_changed_value_a_cut_end_and_a_record_that_is_gone_or_doubled_are_found) {
  std::string changed = text_;
  changed.replace(changed.find("\"toProvider\":\"OpenAI\""), 21, "\"toProvider\":\"Claude\"");
  EXPECT_TRUE(found(verified(changed), "hash"));
  auto lines = lines_;
  lines.erase(lines.begin() + 2);
  EXPECT_TRUE(found(verified(joined(lines)), "seq"));
  EXPECT_TRUE(found(verified(joined(lines)), "previous"));
  lines = lines_;
  lines.insert(lines.begin() + 2, lines[1]);
  EXPECT_TRUE(found(verified(joined(lines)), "seq"));
  lines = lines_;
  std::swap(lines[1], lines[2]);
  EXPECT_TRUE(found(verified(joined(lines)), "seq"));
  for (std::size_t kept = 0; kept < lines_.size(); ++kept) {
    lines = lines_;
    lines.resize(kept);
    EXPECT_FALSE(verified(joined(lines)).findings.empty()) << kept << " lines";
  }
  lines = lines_;
  lines.erase(lines.begin() + 6);  // the last record of a job, its closing line is still there
  EXPECT_TRUE(found(verified(joined(lines)), "count"));
  EXPECT_TRUE(found(verified(joined(lines)), "lastHash"));
}

TEST_F(Export, a_job_that_is_gone_whole_or_stands_there_twice_is_found) {
  auto lines = lines_;
  lines.erase(lines.begin() + 8, lines.begin() + 11);
  EXPECT_TRUE(found(verified(joined(lines)), "jobs"));
  lines = lines_;
  lines.insert(lines.end() - 1, lines_.begin() + 8, lines_.begin() + 11);
  EXPECT_TRUE(found(verified(joined(lines)), "jobId"));
}

TEST_F(Export, what_is_no_export_is_told_line_by_line) {
  for (const std::string text : {"x\n", "[]\n", "{}\n", "{\"hash\":1}\n", "{\"lastHash\":1}\n", "{\"jobs\":\"x\"}\n"})
    EXPECT_FALSE(verified(text).findings.empty()) << text;
  EXPECT_TRUE(found(verified(text_ + lines_[0] + "\n"), "line"));
  std::string spaced = lines_[0];
  spaced.insert(1, " ");
  EXPECT_TRUE(found(verified(spaced + "\n"), "line"));
  std::istringstream endless(std::string(export_line_bytes_max + 1, '{'));
  EXPECT_EQ(verify_export(endless).error().code, Errc::too_large);
}

TEST_F(Export, that_cannot_be_written_is_a_failure) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_FALSE(write_export(store_, "", out).has_value());
}

// Words of providers.

TEST(Redact, is_done_where_words_of_a_provider_enter_a_record_and_nowhere_else) {
  const std::string secret = "sk-abcdefgh12345678";
  FallbackDecision fatal = decision("job", "A", "B");
  fatal.reason_code = ReasonCode::provider_fatal_error;
  fatal.additional_context = secret;
  EXPECT_EQ(std::get<FallbackDecision>(redacted(fatal)).additional_context, "***");
  FallbackDecision asked = decision("job", "A", "B");
  asked.additional_context = std::string(300, 'y');
  EXPECT_EQ(std::get<FallbackDecision>(redacted(asked)).additional_context.size(), 300u);
  Question question;
  question.kind = QuestionKind::hard_error;
  question.evidence = secret;
  EXPECT_EQ(std::get<QuestionOpened>(redacted(QuestionOpened{question})).question.evidence, "***");
}

}  // namespace
}  // namespace holdfast::store
