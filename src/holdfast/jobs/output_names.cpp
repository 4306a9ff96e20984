#include "holdfast/jobs/output_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "holdfast/base/name.hpp"
#include "holdfast/toml/problems.hpp"

namespace holdfast {
namespace {

std::string normal(std::string_view output) {
  return std::filesystem::path(output).lexically_normal().string();
}

result<std::string> one_output(const Template& output, const Scope& scope, OutputNames& taken) {
  const std::string whose = scope.item ? fmt::format("stage '{}', item {}", scope.stage, scope.item->index)
                                       : fmt::format("stage '{}'", scope.stage);
  auto name = expand(output, scope);
  if (!name) return Failure{name.error().code, fmt::format("{}: output: {}", whose, name.error().message)};
  auto wrong = output_problem(*name);
  if (!wrong) wrong = taken.take(whose, *name);
  if (wrong) return Failure{Errc::invalid_argument, fmt::format("{}: output {}", whose, *wrong)};
  return normal(*name);
}

}  // namespace

std::optional<std::string> output_problem(std::string_view output) {
  const std::string name = shown(output);
  if (output.empty()) return "is empty; it names the file to make";
  if (!is_utf8(output)) return fmt::format("'{}' is not valid UTF-8", name);
  if (output.size() > output_bytes_max) {
    return fmt::format("'{}' is {} bytes long; {} are allowed", name, output.size(), output_bytes_max);
  }
  if (output.starts_with('/')) return fmt::format("'{}' is absolute; it must stay inside the folder of the job", name);
  if (output.ends_with('/')) return fmt::format("'{}' ends with a slash; it must name a file", name);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(output, control)) return fmt::format("'{}' contains a control character", name);
  bool first = true;
  for (const std::filesystem::path& path : std::filesystem::path(output)) {
    const std::string part = path.string();
    if (part == "..") return fmt::format("'{}' contains '..'; it must stay inside the folder of the job", name);
    if (part.size() > output_part_bytes_max) {
      return fmt::format("'{}' has a part of {} bytes; {} are allowed", name, part.size(), output_part_bytes_max);
    }
    if (part == ".") continue;
    if (first && same_name(part, ".holdfast")) {
      return fmt::format("'{}' lies in .holdfast, which is Holdfast's own", name);
    }
    first = false;
  }
  if (first || output.ends_with("/.")) return fmt::format("'{}' is a folder; it must name a file", name);
  return std::nullopt;
}

std::optional<std::string> OutputNames::take(std::string_view owner, std::string_view output) {
  const std::string name = normal(output);
  if (const auto same = owner_of_.find(name); same != owner_of_.end()) {
    return fmt::format("'{}' is already the output of {}", shown(name), same->second);
  }
  if (const auto folder = folder_of_.find(name); folder != folder_of_.end()) {
    return fmt::format("'{}' is already a folder in the output of {}", shown(name), folder->second);
  }
  std::vector<std::string> folders;
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    folders.push_back(name.substr(0, slash));
    if (const auto file = owner_of_.find(folders.back()); file != owner_of_.end()) {
      return fmt::format("'{}' needs a folder where {} puts a file", shown(name), file->second);
    }
  }
  for (std::string& each : folders)
    folder_of_.try_emplace(std::move(each), owner);
  owner_of_.emplace(name, owner);
  return std::nullopt;
}

result<std::vector<std::string>> expand_outputs(const Template& output, Scope scope, OutputNames& taken) {
  scope.item.reset();
  auto name = one_output(output, scope, taken);
  if (!name) return name.error();
  return std::vector{std::move(*name)};
}

result<std::vector<std::string>> expand_outputs(const Template& output, Scope scope,
                                                const std::vector<boost::json::value>& items, std::string_view source,
                                                OutputNames& taken) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < items.size(); ++i) {
    scope.item = ItemValues{items[i], i + 1, items.size(), std::string(source)};
    auto name = one_output(output, scope, taken);
    if (!name) return name.error();
    out.push_back(std::move(*name));
  }
  return out;
}

}  // namespace holdfast
