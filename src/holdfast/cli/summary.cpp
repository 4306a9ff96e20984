#include "holdfast/cli/summary.hpp"

#include <algorithm>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen/telling.hpp"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

/// Two of these are the same series: "narration-01.wav" and "narration-02.wav".
std::string without_digits(const fs::path& file) {
  std::string out = file.string();
  std::erase_if(out, [](char c) { return c >= '0' && c <= '9'; });
  return out;
}

/// One artifact, or a series of them.
struct Line {
  std::string text;
  bool film = false;
};

std::vector<Line> lines_of(const std::vector<fs::path>& artifacts) {
  std::vector<Line> lines;
  for (std::size_t i = 0; i < artifacts.size();) {
    std::size_t end = i + 1;
    while (end < artifacts.size() && without_digits(artifacts[end]) == without_digits(artifacts[i]))
      ++end;
    const std::size_t count = end - i;
    const std::string more = " … " + artifacts[end - 1].filename().string() + " (" + std::to_string(count) + " files)";
    lines.push_back({artifacts[i].string() + (count == 1 ? "" : more), artifacts[i].extension() == ".mp4"});
    i = end;
  }
  return lines;
}

/// First the film, or else what was made last: what the job was run for.
void add_artifacts(const std::vector<fs::path>& artifacts, std::vector<std::string>& out) {
  std::vector<Line> lines = lines_of(artifacts);
  if (lines.empty()) return;
  const auto film = std::find_if(lines.rbegin(), lines.rend(), [](const Line& each) { return each.film; });
  const auto first = film == lines.rend() ? lines.end() - 1 : film.base() - 1;
  std::rotate(lines.begin(), first, first + 1);
  for (const Line& each : lines)
    out.push_back("  " + each.text);
}

}  // namespace

std::vector<std::string> summary(const jobs::RunResult& result, milliseconds elapsed,
                                 const std::vector<FallbackDecision>& decisions, const std::string& holdfast) {
  std::vector<std::string> out;
  const std::string after = std::string(name(result.state)) + " after " + spoken(elapsed);
  out.push_back(result.job_id + ": " + after);
  if (!result.error.empty()) out.push_back(result.error);
  if (!result.recorded) {
    out.push_back(
        "The cancel is not on the record: the store could not be written. It may show the job as interrupted; "
        "when it can be written again: " +
        holdfast + " cancel " + shell_quoted(result.job_id) + " --confirm");
  }
  if (result.state != JobState::done) {
    out.push_back(result.artifacts.empty() ? "Nothing was finished." : "What is finished is kept:");
  }
  add_artifacts(result.artifacts, out);
  for (const fs::path& each : result.partial)
    out.push_back("  unfinished: " + each.string());
  if (decisions.empty()) {
    if (result.state == JobState::done) out.push_back("No switch: every stage ran on the provider it was locked to.");
  } else {
    out.push_back("Decisions:");
    for (const FallbackDecision& each : decisions)
      out.push_back("  " + told_decision(each));
  }
  for (std::string& each : out)
    each = harmless(each);
  return out;
}

std::string again(const std::vector<std::string>& words, const std::string& resume) {
  std::string out;
  for (const std::string& each : words)
    out += (out.empty() ? "" : " ") + shell_quoted(each);
  return resume.empty() ? out : out + " --resume " + shell_quoted(resume);
}

Exit exit_of(const jobs::RunResult& result) {
  switch (result.state) {
    case JobState::done:
    case JobState::released:
      return Exit::done;
    case JobState::cancelled:
      return Exit::cancelled;
    case JobState::running:
    case JobState::waiting:
    case JobState::interrupted:
    case JobState::failed:
      break;
  }
  const Exit exit = exit_for(result.code);
  return exit == Exit::refused || exit == Exit::unreachable ? exit : Exit::failed;
}

}  // namespace holdfast::cli
