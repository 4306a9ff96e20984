#include "holdfast/jobs/job_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "holdfast/base/name.hpp"

namespace holdfast::detail {
namespace {

using Kind = Reference::Kind;

std::vector<std::string_view> views(const std::vector<std::string>& names) {
  std::vector<std::string_view> out;
  for (const std::string& each : names) {
    if (!each.empty()) out.push_back(each);
  }
  return out;
}

Failure wrong(std::string message) {
  return {Errc::config, std::move(message)};
}

/// The output with something harmless for each variable, to look at what is written around them.
std::string with_variables_as(const Template& output, std::string_view stand_in) {
  std::string out;
  for (const auto& part : output.parts()) {
    const auto* text = std::get_if<std::string>(&part);
    out += text ? std::string_view(*text) : stand_in;
  }
  return out;
}

/// A stage without a good name has a number.
std::string called(const std::vector<Stage>& stages, std::size_t i) {
  return stages[i].name.empty() ? fmt::format("stage {}", i + 1) : fmt::format("stage '{}'", shown(stages[i].name));
}

/// Two outputs with the same one give the same names.
std::string pattern_of(const Template& output) {
  std::string out;
  for (const auto& part : output.parts()) {
    const auto* written = std::get_if<std::string>(&part);
    out += written ? *written : text(std::get<Reference>(part));
  }
  return std::filesystem::path(out).lexically_normal().string();
}

/// Whether `name` is what a pattern with nothing but one `${index}` gives for some index.
bool is_indexed_name(const Template& pattern, std::string_view name) {
  const auto references = pattern.references();
  if (references.size() != 1 || references.front().kind != Kind::index) return false;
  const std::string whole = with_variables_as(pattern, "\x01");
  const std::string normal = std::filesystem::path(whole).lexically_normal().string();
  const std::size_t at = normal.find('\x01');
  const std::string_view before = std::string_view(normal).substr(0, at);
  const std::string_view after = std::string_view(normal).substr(at + 1);
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return false;
  name = name.substr(before.size(), name.size() - before.size() - after.size());
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

result<std::size_t> StageCheck::earlier_stage(std::string_view rest, bool whole) const {
  const auto position = [&](std::string_view name) {
    const auto found = std::ranges::find_if(names_.stages, [&](const auto& each) { return same_name(each, name); });
    return static_cast<std::size_t>(found - names_.stages.begin());
  };
  const auto known = [&](std::string_view name) { return position(name) < names_.stages.size(); };
  const auto name = whole ? (known(rest) ? std::optional(rest) : std::nullopt) : longest_name(rest, known);
  if (!name) {
    const std::string_view first = whole ? rest : rest.substr(0, rest.find('.'));
    return wrong(fmt::format("there is no stage '{}'{}", shown(first), suggestion(first, views(names_.stages))));
  }
  const std::size_t at = position(*name);
  if (at == position_) return wrong("a stage cannot refer to itself");
  if (at > position_) return wrong(fmt::format("stage '{}' comes later; stages run in order", shown(*name)));
  return at;
}

std::optional<std::string> StageCheck::stage_problem(const Reference& reference, Use use) const {
  const bool files = reference.kind == Kind::files;
  if (files && use == Use::output) return "a path has no place in the name of an output";
  const auto at = earlier_stage(reference.rest, files);
  if (!at) return at.error().message;
  const StageKind kind = names_.kinds[*at];
  if (!files && kind != StageKind::text && kind != StageKind::command) {
    return fmt::format("stage '{0}' makes {1}, which is no text; ${{files.{0}}} is the path of its file",
                       shown(names_.stages[*at]), name(kind));
  }
  return std::nullopt;
}

std::optional<std::string> StageCheck::problem(const Reference& reference, Use use) const {
  switch (reference.kind) {
    case Kind::stages:
    case Kind::files:
      return stage_problem(reference, use);
    case Kind::inputs:
      if (std::ranges::count(names_.inputs, reference.rest) > 0) return std::nullopt;
      return fmt::format("there is no input '{0}'{1}; add it below [inputs] or give it with --input {0}=VALUE",
                         shown(reference.rest), suggestion(reference.rest, views(names_.inputs)));
    case Kind::item:
    case Kind::index:
      if (has_items_) return std::nullopt;
      return "it is only known in a stage with for_each";
    case Kind::job:
    case Kind::stage:
      return std::nullopt;
    case Kind::input:
    case Kind::input_file:
    case Kind::output:
      if (use == Use::command) return std::nullopt;
      return "it is only known in a command";
  }
  return std::nullopt;
}

Template StageCheck::read(std::string_view text, std::uint32_t line, std::string_view key, Use use) {
  TomlValue value;
  value.place.line = value.last_line = value.text_line = line;
  value.data = std::string(text);
  return read(value, key, use);
}

Template StageCheck::read(const TomlValue& value, std::string_view key, Use use) {
  std::vector<TemplateProblem> found;
  Template out = Template::parse(*value.as<std::string>(), found);
  for (const TemplateProblem& each : found) {
    problems_.add(value.line_of(each.offset), fmt::format("{}: {}: {}", where_, key, each.message));
  }
  for (const Reference& each : out.references()) {
    if (const auto said = problem(each, use)) {
      problems_.add(value.line_of(each.offset), fmt::format("{}: {}: {}: {}", where_, key, shown(text(each)), *said));
    }
  }
  return out;
}

void check_outputs(const std::vector<Stage>& stages, Problems& problems) {
  OutputNames taken;
  std::map<std::string, std::string> patterns;
  std::vector<std::pair<std::string, std::string>> plain;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    const std::string where = called(stages, i);
    if (stage.output.parts().empty()) continue;
    if (const auto said = output_problem(with_variables_as(stage.output, "x"))) {
      problems.add(stages[i].line_of("output"), fmt::format("{}: output {}", where, *said));
      continue;
    }
    const std::string pattern = pattern_of(stage.output);
    if (const auto [same, fresh] = patterns.emplace(pattern, where); !fresh) {
      problems.add(stages[i].line_of("output"),
                   fmt::format("{}: output '{}' is already the output of {}", where, shown(pattern), same->second));
      continue;
    }
    const bool varies = stage.output.mentions(Kind::index) || stage.output.mentions(Kind::item);
    if (stage.for_each && !varies) {
      problems.add(
          stages[i].line_of("output"),
          fmt::format("{}: output '{}' is the same for every item; put ${{index}} into it", where, shown(pattern)));
    }
    if (!stage.output.references().empty()) continue;
    plain.emplace_back(where, pattern);
    if (const auto said = taken.take(where, pattern)) {
      problems.add(stages[i].line_of("output"), fmt::format("{}: output {}", where, *said));
    }
  }
  for (std::size_t i = 0; i < stages.size(); ++i) {
    for (const auto& [other, pattern] : plain) {
      if (!is_indexed_name(stages[i].output, pattern)) continue;
      problems.add(stages[i].line_of("output"),
                   fmt::format("{}: output '{}' can become '{}', the output of {}", called(stages, i),
                               shown(pattern_of(stages[i].output)), shown(pattern), other));
    }
  }
}

}  // namespace holdfast::detail
