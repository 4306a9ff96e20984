#include <cstddef>
#include <cstdint>
#include <string_view>

#include "holdfast/jobs/job_file.hpp"

namespace {

/// `@FILE` would read this machine's files, which makes runs differ.
bool names_a_file(std::string_view text) {
  return text.find('@') != std::string_view::npos;
}

}  // namespace

/// Any bytes as a job file: problems, or a job whose templates hold what the check promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (names_a_file(text)) return 0;
  holdfast::JobOverrides overrides;
  overrides.inputs = {{"article", "a text"}};
  const auto job = holdfast::parse_job_file(text, "/fuzz/job.toml", overrides);
  if (!job) {
    const holdfast::Problems problems = job.error();
    if (problems.empty() || problems.text().empty()) __builtin_trap();
    return 0;
  }
  if (job->name.empty() || job->stages.empty()) __builtin_trap();
  for (const holdfast::Stage& stage : job->stages) {
    if (stage.name.empty() || stage.provider.empty() || stage.output.parts().empty()) __builtin_trap();
    if (stage.for_each.has_value() == stage.item_source.empty()) __builtin_trap();
    if (!holdfast::parse_command(stage.command)) __builtin_trap();
  }
  return 0;
}
