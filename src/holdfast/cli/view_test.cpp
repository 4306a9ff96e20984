#include "holdfast/cli/view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "holdfast/cli/line/session.hpp"
#include "holdfast/cli/log.hpp"
#include "holdfast/cli/screen/board_bench.hpp"
#include "holdfast/cli/summary.hpp"
#include "holdfast/control/views.hpp"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Notice notice(News news, std::uint64_t seq = 1) {
  return {seq, WallTime(std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 7h),
          std::make_shared<News>(std::move(news))};
}

/// A file in memory, to be looked at.
class Sheet {
 public:
  Sheet() : file_(::open_memstream(&text_, &size_)) {}
  ~Sheet() {
    std::fclose(file_);
    std::free(text_);
  }
  Sheet(const Sheet&) = delete;
  Sheet& operator=(const Sheet&) = delete;
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* file_;
};

struct Cancels {
  int count = 0;
  JobControl control() {
    return {.answer = [](const Answer&) { return AnswerResult{}; }, .cancel = [this](const std::string&) { ++count; }};
  }
};

TEST(JsonView, prints_one_document_a_line_for_every_event) {
  Sheet sheet;
  Cancels cancels;
  JsonView view(sheet.file(), cancels.control());
  view.hear(notice(bench::stage_started("tts", "P", 2), 7), 0ms);
  view.hear(notice(QuestionClosed{"j", "op", 1, "answer"}, 8), 0ms);
  std::istringstream lines(sheet.text());
  std::string line;
  std::vector<std::string> events;
  while (std::getline(lines, line)) {
    events.push_back(std::string(boost::json::parse(line).at("event").as_string()));
  }
  EXPECT_THAT(events, ElementsAre("stage.started", "question.closed"));
}

TEST(JsonView, is_cancelled_by_the_first_interrupt) {
  Sheet sheet;
  Cancels cancels;
  JsonView(sheet.file(), cancels.control()).interrupted(0ms);
  EXPECT_EQ(cancels.count, 1);
  EXPECT_EQ(sheet.text(), "");
}

TEST(PlainView, prints_events_with_their_time_and_a_question_with_advice) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {});
  view.hear(notice(bench::stage_started("tts", "P", 2)), 0ms);
  view.hear(notice(OperationProgress{}), 0ms);  // not worth a line
  view.hear(notice(QuestionOpened{bench::question()}), 0ms);
  const std::string text = sheet.text();
  EXPECT_TRUE(
      text.starts_with("2026-11-23T07:00:00Z  tts on P: started, 2 items\n"
                       "2026-11-23T07:00:00Z  question 1 about tts-synthesis on eSpeak (op-1): is it stalled?\n"))
      << text;
  EXPECT_THAT(text, HasSubstr("option continue_30s: Continue Waiting (30s)\n"));
  EXPECT_THAT(text, HasSubstr("The job waits"));
  EXPECT_THAT(text, HasSubstr("--consent"));
}

TEST(PlainView, without_utf8_its_signs_are_ascii) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {.utf8 = false, .holdfast = "holdfast"});
  view.hear(notice(CategoryChanged{.stage_name = "s", .to = LatencyCategory::Extended}), 0ms);
  view.hear(notice(FallbackDecision::user_requested("j", "A", "B", 5s, "c")), 0ms);
  view.hear(notice(QuestionOpened{bench::question()}), 0ms);
  const std::string text = sheet.text();
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) << text;
  EXPECT_THAT(text, HasSubstr("A -> B"));
}

TEST(PlainView, has_no_escape_sequences_whatever_a_provider_says) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {});
  view.hear(notice(ProviderHardError{.stage_name = "s", .fault = {ErrorClass::other, 1, "", "\x1b[2Jgone\n"}}), 0ms);
  EXPECT_THAT(sheet.text(), Not(HasSubstr("\x1b")));
}

TEST(PlainView, a_person_is_asked_to_press_it_again) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {.interrupt_asks = true});
  view.interrupted(0ms);
  EXPECT_EQ(cancels.count, 0);
  EXPECT_THAT(sheet.text(), HasSubstr("Press Ctrl-C again"));
  view.interrupted(6s);  // too late: asked again
  EXPECT_EQ(cancels.count, 0);
  view.interrupted(7s);
  EXPECT_EQ(cancels.count, 1);
}

TEST(PlainView, a_script_is_not_asked) {
  Sheet sheet;
  Cancels cancels;
  PlainView(sheet.file(), bench::words, cancels.control(), {}).interrupted(0ms);
  EXPECT_EQ(cancels.count, 1);
}

TEST(Advice, after_a_failure_names_what_decides_about_failures) {
  Question question = bench::question();
  question.kind = QuestionKind::hard_error;
  EXPECT_THAT(unattended_advice(question).back(), HasSubstr("--on-error fail"));
  EXPECT_THAT(unattended_advice(bench::question()).back(), HasSubstr("--on-stall cancel"));
}

// "Nothing is switched or cancelled." stood there a second before it was switched.
TEST(PlainView, a_question_says_what_a_consent_will_do_about_it_and_not_that_nothing_happens) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {});
  view.hear(notice(ConsentGiven{"film-k3f9q2", parse_consent("stall after 1m: switch to Piper").value()}), 0ms);
  Question question = bench::question();
  question.silence = 46s;
  view.hear(notice(QuestionOpened{question}), 0ms);
  EXPECT_THAT(sheet.text(), AllOf(HasSubstr("stall after 1m: switch to Piper. That comes in 14 s"),
                                  Not(HasSubstr("Nothing is switched")), Not(HasSubstr("To decide in advance"))));
}

// A resumed run and a second terminal said that nothing would happen by itself.
TEST(Views, lines_know_what_was_given_in_advance_before_anybody_listened) {
  Sheet sheet;
  Cancels cancels;
  PlainView view(sheet.file(), bench::words, cancels.control(), {});
  JobRow job{.job_id = "film-k3f9q2"};
  job.consents = {parse_consent("stall after 1m: switch to Piper").value()};
  view.begin(job, {}, 0ms);
  Question question = bench::question();
  question.silence = 46s;
  view.hear(notice(QuestionOpened{question}), 0ms);
  EXPECT_THAT(sheet.text(), AllOf(HasSubstr("stall after 1m: switch to Piper. That comes in 14 s"),
                                  Not(HasSubstr("Nothing is switched"))));
}

TEST(Views, lines_look_up_what_was_given_in_advance_at_a_jobs_first_question) {
  Sheet sheet;
  Cancels cancels;
  int asked = 0;
  PlainView::Manner manner;
  manner.look_up = [&asked](const std::string& id) -> std::optional<JobRow> {
    if (++asked == 1) throw Error(Errc::store_unavailable, "no answer");
    return JobRow{.job_id = id, .consents = {parse_consent("stall after 1m: cancel").value()}};
  };
  PlainView view(sheet.file(), bench::words, cancels.control(), manner);
  Question question = bench::question();
  question.silence = 46s;
  view.hear(notice(QuestionOpened{question}), 0ms);
  EXPECT_THAT(sheet.text(), HasSubstr("Nothing is switched")) << "what cannot be read is not known";
  question.job_id = "film-other";
  for (int i = 0; i < 2; ++i)
    view.hear(notice(QuestionOpened{question}), 0ms);
  EXPECT_THAT(sheet.text(), HasSubstr("stall after 1m: cancel. That comes in 14 s"));
  EXPECT_EQ(asked, 2);
}

TEST(Views, an_operation_keeps_everything_that_the_gateway_knows_of_it) {
  OperationState state{.operation_id = "op",
                       .job_id = "j",
                       .stage_name = "s",
                       .provider_name = "P",
                       .provider_type = "tts",
                       .correlation_id = "c"};
  state.elapsed_time = 5s;
  state.heartbeat_count = 3;
  state.time_since_last_progress = 2s;
  state.progress = Progress{.tokens = 4};
  state.stall_threshold = 9s;
  const api::OperationView view = control::view_of(state);
  EXPECT_EQ(view.operation_id, "op");
  EXPECT_EQ(view.elapsed, 5s);
  EXPECT_EQ(view.heartbeat_count, 3);
  EXPECT_EQ(view.since_last_progress, 2s);
  EXPECT_EQ(view.progress.tokens, 4);
  EXPECT_EQ(view.stall_threshold, 9s);
}

TEST(Views, whoever_runs_it_has_a_name) {
  EXPECT_FALSE(user_name().empty());
}

TEST(Views, the_words_of_the_profiles_are_used) {
  const auto wording = wording_of(TimeoutProfiles::defaults());
  EXPECT_FALSE(wording(LatencyCategory::Extended, "tts", "eSpeak").label.empty());
  EXPECT_THAT(wording(LatencyCategory::DeepWait, "tts", "eSpeak").hint, Not(HasSubstr("{provider")));
}

TEST(Log, lines_have_the_event_names_of_the_policy_and_the_correlation_id) {
  const auto event = [](const News& news) {
    const std::string line = log_line(notice(news));
    return line.empty() ? std::string() : std::string(boost::json::parse(line).at("event").as_string());
  };
  EXPECT_EQ(event(bench::lock("P", {})), "PROVIDER_LOCK_CREATED");
  EXPECT_EQ(event(LockEnded{}), "PROVIDER_LOCK_RELEASED");
  EXPECT_EQ(event(bench::call_started("op", "s", "P")), "PROVIDER_REQUEST_START");
  EXPECT_EQ(event(bench::call_started("op", "s", "P", true)), "");
  EXPECT_EQ(event(OperationProgress{}), "PROVIDER_HEARTBEAT");
  EXPECT_EQ(event(CategoryChanged{}), "PROVIDER_LATENCY_CATEGORY_CHANGE");
  EXPECT_EQ(event(StallSuspected{}), "PROVIDER_STALL_SUSPECTED");
  EXPECT_EQ(event(StallResolved{}), "PROVIDER_STALL_RESOLVED");
  EXPECT_EQ(event(OperationEnded{}), "PROVIDER_REQUEST_COMPLETE");
  EXPECT_EQ(event(ProviderHardError{}), "PROVIDER_HARD_ERROR");
  EXPECT_EQ(event(QuestionAnswered{}), "USER_ANSWER");
  EXPECT_EQ(event(FallbackDecision{}), "USER_FALLBACK_INITIATED");
  EXPECT_EQ(event(Refused{.code = Errc::provider_locked}), "LOCK_VIOLATION");
  EXPECT_EQ(event(Refused{.code = Errc::stale_epoch}), "");
  EXPECT_EQ(event(JobOpened{}), "");
  const auto line = boost::json::parse(log_line(notice(StallSuspected{.correlation_id = "corr-1"})));
  EXPECT_EQ(line.at("correlationId"), "corr-1");
}

TEST(Log, a_file_holds_what_its_level_lets_through) {
  const auto file = std::filesystem::path(testing::TempDir()) / "holdfast-log-test.json";
  std::filesystem::remove(file);
  {
    EventLog log(file, "info", false);
    log.hear(notice(OperationProgress{}));  // debug
    log.hear(notice(StallSuspected{}));
    log.hear(notice(JobOpened{}));
  }
  std::ifstream in(file);
  std::string line, more;
  std::getline(in, line);
  EXPECT_EQ(boost::json::parse(line).at("level"), "warning");
  EXPECT_FALSE(std::getline(in, more));
}

TEST(Log, a_file_that_is_made_is_its_owners_alone_and_one_that_is_there_is_no_longer_everybodys) {
  namespace fs = std::filesystem;
  const auto folder = fs::path(testing::TempDir()) / "holdfast-log-rights";
  fs::remove_all(folder);
  const auto rights = [](const fs::path& file) { return static_cast<unsigned>(fs::status(file).permissions()); };
  {
    EventLog(folder / "new", "info", false).complain("x");
  }
  EXPECT_EQ(rights(folder / "new"), 0600U);
  std::ofstream(folder / "old") << "";
  fs::permissions(folder / "old", static_cast<fs::perms>(0644));
  {
    EventLog(folder / "old", "info", false).complain("x");
  }
  EXPECT_EQ(rights(folder / "old"), 0640U) << "a group that its owner gave it to keeps it";
  fs::remove_all(folder);
}

TEST(Log, a_file_that_cannot_be_opened_is_an_error_that_names_the_flag) {
  try {
    EventLog("/dev/null/no/such/file", "info", false);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::config);
    EXPECT_THAT(error.what(), HasSubstr("--log-file"));
  }
}

TEST(Summary, names_the_film_first_and_series_in_one_line) {
  const jobs::RunResult result{.job_id = "film-1",
                               .artifacts = {"o/script.json", "o/n-1.wav", "o/n-2.wav", "o/n-3.wav", "o/film.mp4"}};
  EXPECT_THAT(
      summary(result, 65s, {}, "holdfast"),
      ElementsAre("film-1: done after 1 min 05 s", "  o/film.mp4", "  o/script.json", "  o/n-1.wav … n-3.wav (3 files)",
                  "No switch: every stage ran on the provider it was locked to."));
}

TEST(Summary, without_a_film_what_was_made_last_comes_first) {
  const auto lines = summary({.job_id = "j", .artifacts = {"a.txt", "b.wav"}}, 1s, {}, "holdfast");
  EXPECT_EQ(lines[1], "  b.wav");
}

TEST(Summary, a_failure_says_why_and_what_is_kept) {
  const jobs::RunResult result{.state = JobState::failed,
                               .job_id = "j",
                               .artifacts = {"a.txt"},
                               .partial = {"b.part"},
                               .error = "it broke\x1b[2J"};
  EXPECT_THAT(summary(result, 1s, {}, "holdfast"),
              ElementsAre("j: failed after 1 s", "it broke␛[2J", "What is finished is kept:", "  a.txt",
                          "  unfinished: b.part"));
  EXPECT_THAT(summary({.state = JobState::cancelled, .job_id = "j"}, 1s, {}, "holdfast"),
              ElementsAre("j: cancelled after 1 s", "Nothing was finished."));
}

TEST(Summary, a_cancel_that_could_not_be_written_says_so) {
  const jobs::RunResult result{.state = JobState::cancelled, .job_id = "j", .recorded = false};
  EXPECT_THAT(summary(result, 1s, {}, "holdfast --store sqlite:a.db")[1],
              AllOf(HasSubstr("not on the record"), HasSubstr("holdfast --store sqlite:a.db cancel j --confirm")));
}

// It began with the fourth, and went on with the first.
TEST(Summary, a_series_is_named_once_in_its_order) {
  const auto lines =
      summary({.job_id = "j", .artifacts = {"a.txt", "n-1.txt", "n-2.txt", "n-3.txt"}}, 1s, {}, "holdfast");
  EXPECT_EQ(lines[1], "  n-1.txt … n-3.txt (3 files)");
  EXPECT_EQ(lines[2], "  a.txt");
}

TEST(Summary, decisions_are_listed) {
  const auto lines =
      summary({.job_id = "j"}, 1s, {FallbackDecision::user_requested("j", "A", "B", 5s, "c")}, "holdfast");
  EXPECT_THAT(lines.back(), HasSubstr("A → B"));
}

TEST(Summary, the_command_can_be_pasted) {
  const std::vector<std::string> words{"holdfast", "run", "job.toml", "--input", "a=b c"};
  EXPECT_EQ(again(words, ""), "holdfast run job.toml --input 'a=b c'");
  EXPECT_EQ(again(words, "film-1"), "holdfast run job.toml --input 'a=b c' --resume film-1");
}

TEST(Summary, the_exit_status_tells_failed_from_refused_and_cancelled) {
  const auto status = [](JobState state, Errc code) {
    jobs::RunResult result;
    result.state = state;
    result.code = code;
    return exit_of(result);
  };
  EXPECT_EQ(status(JobState::done, Errc::ok), Exit::done);
  EXPECT_EQ(status(JobState::cancelled, Errc::ok), Exit::cancelled);
  EXPECT_EQ(status(JobState::failed, Errc::provider_failed), Exit::failed);
  EXPECT_EQ(status(JobState::failed, Errc::invalid_argument), Exit::failed);
  EXPECT_EQ(status(JobState::failed, Errc::lock_not_overridable), Exit::refused);
  EXPECT_EQ(status(JobState::failed, Errc::store_unavailable), Exit::unreachable);
}

}  // namespace
}  // namespace holdfast::cli
