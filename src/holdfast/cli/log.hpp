#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "holdfast/gateway/gateway.hpp"

namespace spdlog {
class logger;
}

namespace holdfast::cli {

/// The structured log: one line of JSON for each event that the policy names, with its correlation id. A file that it
/// makes is its owner's alone.
///
/// Threads: any. Errors: a log file that cannot be opened throws `Error` config; one that cannot be written to any more
/// is no reason to stop a job.
class EventLog {
 public:
  /// `file` empty: stderr where `to_stderr`, else nowhere. `level`: trace, debug, info, warn, error or off; empty:
  /// info.
  EventLog(const std::filesystem::path& file, const std::string& level, bool to_stderr);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void hear(const Notice& notice);
  /// Something of this process's own that went wrong and stops nothing.
  void complain(const std::string& what);
  /// Something of this process's own that went as it should.
  void tell(std::string_view event, const std::string& what);

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

/// The line of one piece of news; empty where the policy names no event for it.
std::string log_line(const Notice& notice);

}  // namespace holdfast::cli
