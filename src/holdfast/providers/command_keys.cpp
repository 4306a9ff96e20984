#include "holdfast/providers/command_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace holdfast {
namespace {

constexpr std::string_view percent_prefix = "percent-regex:";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::string> pattern_problem(std::string_view pattern) {
  if (pattern.empty()) return "has no pattern after 'percent-regex:'";
  if (pattern.size() > pattern_bytes_max) {
    return fmt::format("has a pattern of {} bytes; {} are allowed", pattern.size(), pattern_bytes_max);
  }
  try {
    const std::regex compiled(pattern.begin(), pattern.end());
    if (compiled.mark_count() < 1) return "needs one group around the number, such as '([0-9.]+)%'";
  } catch (const std::regex_error& error) {
    return fmt::format("has a pattern that is no regular expression: {}", error.what());
  }
  return std::nullopt;
}

void read_exit_codes(TomlReader& reader, CommandSpec& out) {
  constexpr std::string_view key = "success_exit_codes";
  const TomlValue* value = reader.find(key, TomlType::array);
  if (!value) return;
  const auto& codes = *value->as<TomlArray>();
  if (codes.empty()) reader.problem(key, "success_exit_codes is empty; leave it out for 0 alone");
  for (const TomlValue& each : codes) {
    const auto* code = each.as<std::int64_t>();
    if (!code || *code < 0 || *code > 255) {
      reader.problem(key, "success_exit_codes holds something that is no whole number from 0 to 255");
      return;
    }
    out.success_exit_codes.push_back(static_cast<int>(*code));
  }
}

}  // namespace

std::filesystem::path against(const std::filesystem::path& folder, const std::filesystem::path& path) {
  return (folder / path).lexically_normal();
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c); });
}

std::optional<std::string> progress_problem(std::string_view progress) {
  if (progress == "output-bytes" || progress == "lines" || progress == "ffmpeg") return std::nullopt;
  if (progress.starts_with(percent_prefix)) return pattern_problem(progress.substr(percent_prefix.size()));
  return fmt::format("is '{}'; it must be output-bytes, lines, ffmpeg or percent-regex:PATTERN{}", shown(progress),
                     suggestion(progress, {"output-bytes", "lines", "ffmpeg"}));
}

std::vector<std::string> read_program(TomlReader& reader, const std::filesystem::path& folder) {
  constexpr std::string_view key = "command";
  const TomlValue* value = reader.find(key);
  if (!value) return {};
  if (value->type() == TomlType::string) {
    reader.problem(key,
                   "command is a text; it must be a list of arguments such as [\"espeak-ng\", \"-f\", "
                   "\"${input_file}\"], never a shell line");
    return {};
  }
  auto arguments = reader.texts(key).value_or(std::vector<std::string>());
  if (arguments.empty()) {
    if (const auto* list = value->as<TomlArray>(); list && list->empty()) reader.problem(key, "command is empty");
    return {};
  }
  if (arguments.size() > arguments_max) {
    reader.problem(key, fmt::format("command has {} arguments; {} are allowed", arguments.size(), arguments_max));
  }
  std::string& program = arguments.front();
  if (program.empty()) reader.problem(key, "command begins with an empty text; the first entry is the program");
  // With a slash it is a file, and a file is looked for beside the one that names it, never in the working folder.
  if (program.find('/') != std::string::npos && !program.starts_with('$')) program = against(folder, program).string();
  return arguments;
}

CommandSpec read_command(TomlReader& reader, const std::filesystem::path& folder) {
  CommandSpec out;
  out.arguments = read_program(reader, folder);
  out.env = reader.texts_by_name("env");
  for (const auto& [name, value] : out.env) {
    if (!is_environment_name(name)) {
      reader.problem("env", fmt::format("env has '{}', which is no name of an environment variable", shown(name)));
    }
  }
  if (const auto cwd = reader.text("cwd")) {
    if (cwd->empty()) reader.problem("cwd", "cwd is empty");
    out.cwd = against(folder, *cwd);
  }
  read_exit_codes(reader, out);
  if (const auto progress = reader.text("progress")) {
    if (const auto wrong = progress_problem(*progress)) reader.problem("progress", "progress " + *wrong);
    out.progress = *progress;
  }
  return out;
}

}  // namespace holdfast
