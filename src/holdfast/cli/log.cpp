#include "holdfast/cli/log.hpp"

#include <fcntl.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/api/json.hpp"
#include "holdfast/base/wall_time.hpp"

namespace holdfast::cli {
namespace {

/// Some ten thousand events, and the ones before them: a log that nobody looks after must not fill the disk.
constexpr std::size_t log_bytes_max = 10 * 1024 * 1024;
constexpr std::size_t log_files_max = 2;

struct Entry {
  std::string_view event{};  ///< empty: the policy names none
  spdlog::level::level_enum level = spdlog::level::info;
};

/// Policy §11.
struct EntryOf {
  Entry operator()(const LockTaken&) const { return {"PROVIDER_LOCK_CREATED"}; }
  Entry operator()(const LockEnded&) const { return {"PROVIDER_LOCK_RELEASED"}; }
  Entry operator()(const OperationStarted& news) const {
    return news.queued ? Entry{} : Entry{"PROVIDER_REQUEST_START"};
  }
  Entry operator()(const OperationProgress&) const { return {"PROVIDER_HEARTBEAT", spdlog::level::debug}; }
  Entry operator()(const CategoryChanged&) const { return {"PROVIDER_LATENCY_CATEGORY_CHANGE"}; }
  Entry operator()(const StallSuspected&) const { return {"PROVIDER_STALL_SUSPECTED", spdlog::level::warn}; }
  Entry operator()(const StallResolved&) const { return {"PROVIDER_STALL_RESOLVED"}; }
  Entry operator()(const OperationEnded&) const { return {"PROVIDER_REQUEST_COMPLETE"}; }
  Entry operator()(const ProviderHardError&) const { return {"PROVIDER_HARD_ERROR", spdlog::level::err}; }
  Entry operator()(const QuestionAnswered&) const { return {"USER_ANSWER"}; }
  Entry operator()(const FallbackDecision&) const { return {"USER_FALLBACK_INITIATED"}; }
  Entry operator()(const Refused& news) const {
    const bool by_lock = news.code == Errc::provider_locked || news.code == Errc::lock_conflict ||
                         news.code == Errc::lock_not_overridable;
    return by_lock ? Entry{"LOCK_VIOLATION", spdlog::level::warn} : Entry{};
  }
  Entry operator()(const auto&) const { return {}; }
};

std::string_view word(spdlog::level::level_enum level) {
  const auto text = spdlog::level::to_string_view(level);
  return {text.data(), text.size()};
}

/// It says who works on what: one that is made is its owner's alone, and of one that is there others lose theirs. What
/// an owner has given to a group stays. Only a file: the rights of a device are nobody's to change here.
void keep_to_owner(const std::string& file) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
  const int made = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (made < 0) return;  // whoever opens it next says why
  struct stat facts{};
  if (::fstat(made, &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & S_IRWXO) != 0) {
    ::fchmod(made, facts.st_mode & (S_IRWXU | S_IRWXG));
  }
  ::close(made);
}

/// Of what belongs to no job.
std::string own_line(spdlog::level::level_enum level, std::string_view event, const std::string& what) {
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  return api::text(
      boost::json::object{{"time", rfc3339(now)}, {"level", word(level)}, {"event", event}, {"message", what}});
}

}  // namespace

std::string log_line(const Notice& notice) {
  const Entry entry = std::visit(EntryOf{}, *notice.news);
  if (entry.event.empty()) return {};
  auto line = api::event_line(notice.seq, notice.time, *notice.news);
  boost::json::value& data = line.at("data");
  const auto* correlation = data.as_object().if_contains("correlationId");
  boost::json::object out;
  out.reserve(7);
  out.emplace("time", std::move(line.at("time")));
  out.emplace("level", word(entry.level));
  out.emplace("event", entry.event);
  out.emplace("correlationId", correlation == nullptr ? nullptr : *correlation);
  out.emplace("jobId", std::move(line.at("jobId")));
  out.emplace("operationId", std::move(line.at("operationId")));
  out.emplace("data", std::move(data));
  return api::text(std::move(out));
}

EventLog::EventLog(const std::filesystem::path& file, const std::string& level, bool to_stderr) {
  spdlog::sink_ptr sink;
  if (!file.empty()) {
    try {
      spdlog::file_event_handlers handlers;
      handlers.before_open = keep_to_owner;
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), log_bytes_max, log_files_max, false,
                                                                    handlers);
    } catch (const spdlog::spdlog_ex& error) {
      throw Error(Errc::config, "--log-file: " + std::string(error.what()));
    }
  } else if (to_stderr) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::null_sink_mt>();
  }
  logger_ = std::make_shared<spdlog::logger>("holdfast", std::move(sink));
  logger_->set_pattern("%v");
  logger_->set_level(level.empty() ? spdlog::level::info : spdlog::level::from_str(level));
  logger_->flush_on(spdlog::level::info);
  logger_->set_error_handler(
      [](const std::string&) {});  // a full disk is told by whoever needs it, not over the screen
}

EventLog::~EventLog() {
  logger_->flush();
}

void EventLog::complain(const std::string& what) {
  logger_->warn("{}", own_line(spdlog::level::warn, "HOLDFAST_WARNING", what));
}

void EventLog::tell(std::string_view event, const std::string& what) {
  logger_->info("{}", own_line(spdlog::level::info, event, what));
}

void EventLog::hear(const Notice& notice) {
  const Entry entry = std::visit(EntryOf{}, *notice.news);
  if (entry.event.empty() || !logger_->should_log(entry.level)) return;
  logger_->log(entry.level, "{}", log_line(notice));
}

}  // namespace holdfast::cli
