#include "holdfast/jobs/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "holdfast/toml/problems.hpp"

namespace holdfast {
namespace {

using Kind = Reference::Kind;

/// What follows the word of a variable.
enum class Rest : unsigned char { none, may, must };

struct KindRow {
  Kind kind;
  std::string_view name;
  Rest rest;
};

constexpr std::array rows = {
    KindRow{Kind::inputs, "inputs", Rest::must},         KindRow{Kind::stages, "stages", Rest::must},
    KindRow{Kind::files, "files", Rest::must},           KindRow{Kind::item, "item", Rest::may},
    KindRow{Kind::index, "index", Rest::none},           KindRow{Kind::job, "job", Rest::none},
    KindRow{Kind::stage, "stage", Rest::none},           KindRow{Kind::input, "input", Rest::none},
    KindRow{Kind::input_file, "input_file", Rest::none}, KindRow{Kind::output, "output", Rest::none},
};

std::vector<std::string_view> words() {
  std::vector<std::string_view> out;
  for (const KindRow& row : rows)
    out.push_back(row.name);
  return out;
}

/// What stands between the braces, or what is wrong with it.
result<Reference> parse_reference(std::string_view content) {
  const auto wrong = [&](std::string_view what) {
    return Failure{Errc::invalid_argument, fmt::format("'${{{}}}' {}", shown(content), what)};
  };
  const std::size_t bar = content.find('|');
  const std::string_view variable = content.substr(0, bar);
  if (variable.empty()) return wrong("names no variable; write $$ for a dollar sign");
  if (variable.front() == ' ' || variable.back() == ' ') return wrong("has blanks inside its braces; leave them out");
  const std::size_t dot = variable.find('.');
  const std::string_view word = variable.substr(0, dot);
  const auto row = std::ranges::find(rows, word, &KindRow::name);
  if (row == rows.end()) {
    return wrong(fmt::format("is no variable{}; known are {} (write $${{ for the text itself)",
                             suggestion(word, words()), fmt::join(words(), ", ")));
  }
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : variable.substr(dot + 1);
  if (row->rest == Rest::must && rest.empty()) return wrong(fmt::format("names none; write ${{{}.NAME}}", word));
  if (dot != std::string_view::npos && row->rest == Rest::none) {
    return wrong(fmt::format("has something after ${{{}}}{}", word, suggestion(std::string(word) + "s", words())));
  }
  if (dot != std::string_view::npos && rest.empty()) return wrong("ends with a dot");
  Reference out;
  out.kind = row->kind;
  out.rest = rest;
  if (bar == std::string_view::npos) return out;
  if (out.kind != Kind::files) return wrong("has a '|'; only ${files.NAME|…} wraps what it stands for");
  out.wrap = content.substr(bar + 1);
  if (out.wrap.find('%') == std::string::npos) return wrong("has no '%' after its '|', where the path goes");
  return out;
}

/// `%` becomes the path, `%%` a percent sign. Where `%` stands between single quotes, as in FFmpeg's lists and in
/// shells, a single quote of the path is written as both of them want it.
std::string wrapped(std::string_view wrap, const std::string& path) {
  if (wrap.empty()) return path;
  std::string out;
  for (std::size_t i = 0; i < wrap.size(); ++i) {
    if (wrap[i] != '%') {
      out += wrap[i];
    } else if (i + 1 < wrap.size() && wrap[i + 1] == '%') {
      out += wrap[i++];
    } else if (i > 0 && wrap[i - 1] == '\'' && i + 1 < wrap.size() && wrap[i + 1] == '\'') {
      for (const char c : path)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    } else {
      out += path;
    }
  }
  return out;
}

result<std::vector<std::string>> wrapped_files(const Reference& reference, const Scope& scope) {
  auto files = scope.files(reference.rest);
  if (!files) return files;
  for (std::string& each : *files)
    each = wrapped(reference.wrap, each);
  return files;
}

result<std::string> command_value(Kind kind, const Scope& scope) {
  if (!scope.command) return Failure{Errc::invalid_argument, "is only known in a command"};
  switch (kind) {
    case Kind::input:
      return scope.command->input;
    case Kind::input_file:
      return scope.command->input_file;
    default:
      return scope.command->output;
  }
}

/// `whole_files`: several files may stand there, one a line.
result<std::string> value_of(const Reference& reference, const Scope& scope, bool whole_files) {
  switch (reference.kind) {
    case Kind::inputs:
      return scope.input(reference.rest);
    case Kind::stages:
      return scope.stage_value(reference.rest);
    case Kind::item:
      return scope.item_value(reference.rest);
    case Kind::index:
      return scope.index();
    case Kind::job:
      return result<std::string>(boost::system::in_place_value, scope.job);
    case Kind::stage:
      return result<std::string>(boost::system::in_place_value, scope.stage);
    case Kind::input:
    case Kind::input_file:
    case Kind::output:
      return command_value(reference.kind, scope);
    case Kind::files:
      break;
  }
  const auto files = wrapped_files(reference, scope);
  if (!files) return files.error();
  if (!whole_files && files->size() != 1) {
    return Failure{
        Errc::invalid_argument,
        fmt::format("stands for {} files inside an argument; make it an argument of its own", files->size())};
  }
  return fmt::format("{}", fmt::join(*files, "\n"));
}

result<std::string> expanded(const Template& text, const Scope& scope, bool whole_files) {
  std::string out;
  for (const auto& part : text.parts()) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      out += *literal;
    } else {
      const auto& reference = std::get<Reference>(part);
      const auto value = value_of(reference, scope, whole_files);
      if (!value) {
        return Failure{value.error().code,
                       fmt::format("{}: {}", shown(holdfast::text(reference)), value.error().message)};
      }
      out += *value;
    }
    if (out.size() > expanded_bytes_max) {
      return Failure{Errc::too_large, fmt::format("a text grows above {} MiB when its variables are replaced",
                                                  expanded_bytes_max / (1024 * 1024))};
    }
  }
  return result<std::string>(boost::system::in_place_value, std::move(out));
}

std::optional<Failure> argument_problem(const std::string& argument) {
  if (argument.size() > argument_bytes_max) {
    return Failure{Errc::too_large, fmt::format("an argument of {} bytes is longer than the system takes ({}); pass "
                                                "${{input_file}} instead",
                                                argument.size(), argument_bytes_max)};
  }
  if (argument.find('\0') != std::string::npos) {
    return Failure{Errc::invalid_argument, "an argument contains a NUL character"};
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Reference::Kind kind) noexcept {
  return std::ranges::find(rows, kind, &KindRow::kind)->name;
}

std::string text(const Reference& reference) {
  std::string out = "${" + std::string(name(reference.kind));
  if (!reference.rest.empty()) out += "." + reference.rest;
  if (!reference.wrap.empty()) out += "|" + reference.wrap;
  return out + "}";
}

void Template::add(std::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || !std::holds_alternative<std::string>(parts_.back())) parts_.emplace_back(std::string());
  std::get<std::string>(parts_.back()) += text;
}

Template Template::parse(std::string_view text, std::vector<TemplateProblem>& problems) {
  Template out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t dollar = std::min(text.find('$', at), text.size());
    out.add(text.substr(at, dollar - at));
    at = dollar;
    if (at == text.size()) break;
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (next != '{') {
      out.add("$");
      at += next == '$' ? 2 : 1;
      continue;
    }
    const std::size_t end = text.find_first_of("}\n", at);
    if (end == std::string_view::npos || text[end] == '\n') {
      problems.push_back({at, "'${' is not closed in its line; write $${ for the text itself"});
      at += 2;
      continue;
    }
    auto reference = parse_reference(text.substr(at + 2, end - at - 2));
    if (reference) {
      reference->offset = at;
      out.parts_.emplace_back(std::move(*reference));
    } else {
      problems.push_back({at, reference.error().message});
    }
    at = end + 1;
  }
  return out;
}

result<Template> Template::parse(std::string_view text) {
  std::vector<TemplateProblem> problems;
  Template out = parse(text, problems);
  if (problems.empty()) return out;
  return Failure{Errc::config, problems.front().message};
}

Template Template::literal(std::string_view text) {
  Template out;
  out.add(text);
  return out;
}

std::vector<Reference> Template::references() const {
  std::vector<Reference> out;
  for (const auto& part : parts_) {
    if (const auto* reference = std::get_if<Reference>(&part)) out.push_back(*reference);
  }
  return out;
}

bool Template::mentions(Reference::Kind kind) const {
  return std::ranges::any_of(parts_, [&](const auto& part) {
    const auto* reference = std::get_if<Reference>(&part);
    return reference && reference->kind == kind;
  });
}

const Reference* Template::only_reference() const {
  return parts_.size() == 1 ? std::get_if<Reference>(&parts_.front()) : nullptr;
}

std::string text(const Template& source) {
  std::string out;
  for (const auto& part : source.parts()) {
    const auto* literal = std::get_if<std::string>(&part);
    out += literal != nullptr ? *literal : text(std::get<Reference>(part));
  }
  return out;
}

result<std::string> expand(const Template& text, const Scope& scope) {
  return expanded(text, scope, true);
}

result<std::vector<std::string>> expand_arguments(const std::vector<Template>& arguments, const Scope& scope) {
  std::vector<std::string> out;
  for (const Template& each : arguments) {
    const Reference* reference = each.only_reference();
    if (reference && reference->kind == Kind::files) {
      auto files = wrapped_files(*reference, scope);
      if (!files)
        return Failure{files.error().code, fmt::format("{}: {}", shown(text(*reference)), files.error().message)};
      std::ranges::move(*files, std::back_inserter(out));
      continue;
    }
    auto argument = expanded(each, scope, false);
    if (!argument) return argument.error();
    out.push_back(std::move(*argument));
  }
  for (const std::string& each : out) {
    if (const auto wrong = argument_problem(each)) return *wrong;
  }
  return out;
}

result<std::vector<boost::json::value>> expand_items(const Reference& reference, const Scope& scope) {
  std::vector<boost::json::value> out;
  const auto about = [&](const Failure& failure) {
    return Failure{failure.code, fmt::format("{}: {}", shown(text(reference)), failure.message)};
  };
  if (reference.kind == Kind::files) {
    const auto files = wrapped_files(reference, scope);
    if (!files) return about(files.error());
    for (const std::string& each : *files)
      out.emplace_back(each);
  } else {
    result<boost::json::value> value = boost::json::value();
    if (reference.kind == Kind::stages) {
      value = scope.stage_json(reference.rest);
    } else {
      const auto raw = value_of(reference, scope, true);
      value = raw ? parse_json(*raw) : result<boost::json::value>(raw.error());
    }
    if (!value) return about(value.error());
    const auto* list = value->if_array();
    if (!list) return about({Errc::invalid_argument, "is no list; a for_each runs over the entries of one"});
    out.assign(list->begin(), list->end());
  }
  if (out.size() <= items_max) return out;
  return about({Errc::too_large, fmt::format("has {} items; {} are allowed", out.size(), items_max)});
}

}  // namespace holdfast
