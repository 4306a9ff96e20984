#include "holdfast/jobs/job_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "holdfast/base/name.hpp"
#include "holdfast/jobs/answer_schema.hpp"
#include "holdfast/jobs/job_check.hpp"
#include "holdfast/jobs/schema_source.hpp"
#include "holdfast/providers/command_keys.hpp"
#include "holdfast/toml/text_file.hpp"

namespace holdfast {
namespace {

using detail::StageCheck;
using detail::Use;

constexpr std::array<std::string_view, 5> kind_names = {"text", "speech", "image", "video", "command"};

constexpr std::string_view slow_is_not_failed =
    "is refused: slow is not failed, a stage is never ended by elapsed time (a stall asks; --on-stall or --consent "
    "answer in advance)";

std::string value_text(const TomlValue& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* whole = value.as<std::int64_t>()) return std::to_string(*whole);
  if (const auto* real = value.as<double>()) return fmt::format("{}", *real);
  return *value.as<bool>() ? "true" : "false";
}

bool is_plain(const TomlValue& value) {
  return value.as<std::string>() || value.as<std::int64_t>() || value.as<double>() || value.as<bool>();
}

/// One reading of one job file. `[job]` and `[inputs]` first, then the names of all stages, then each of them.
class Reading {
 public:
  Reading(const TomlDocument& document, std::string_view text, const std::filesystem::path& file,
          const JobOverrides& overrides)
      : document_(document),
        overrides_(overrides),
        folder_(std::filesystem::absolute(file).parent_path()),
        problems_(document.file) {
    job_.path = std::filesystem::absolute(file).lexically_normal();
    job_.shown_as = document.file;
    job_.text = text;
  }

  JobReading run() {
    TomlReader top(document_.table(), 1, "the job file", problems_);
    const TomlValue* job = top.table("job");
    if (job) {
      read_job(*job);
    } else if (std::ranges::count(document_.table(), "job", &TomlEntry::key) == 0) {
      problems_.add(1, "the job file: [job] is missing; it holds the name of the job");
    }
    if (const TomlValue* inputs = top.table("inputs")) read_inputs(*inputs->as<TomlTable>(), inputs->place.line);
    add_overrides();
    const auto stages = top.tables("stages", stages_max);
    const TomlValue* said = top.find("stages");
    if (!said || (said->as<TomlArray>() && said->as<TomlArray>()->empty())) {
      problems_.add(1, "the job file: there are no [[stages]]; a job has at least one");
    }
    top.refuse("timeout", slow_is_not_failed);
    top.finish();
    collect_names(stages);
    std::vector<Stage> sound;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const std::size_t before = problems_.list().size();
      read_stage(*stages[i], i);
      if (problems_.list().size() == before) sound.push_back(job_.stages.back());
    }
    detail::check_outputs(job_.stages, problems_);
    check_unknown_overrides();
    if (!problems_.empty()) job_.stages = std::move(sound);
    return {std::move(job_), std::move(problems_)};
  }

 private:
  void read_job(const TomlValue& value) {
    TomlReader job(*value.as<TomlTable>(), value.place.line, "[job]", problems_);
    job_.name = read_name(job, "name", true);
    job_.patience = read_name(job, "patience", false);
    job_.patience_line = job.line("patience");
    job.refuse("timeout", slow_is_not_failed);
    job.finish();
  }

  /// A good name, or nothing with the problem said.
  std::string read_name(TomlReader& reader, std::string_view key, bool required) {
    const TomlValue* said = reader.find(key);
    if (!said && required) reader.problem(key, fmt::format("{} is missing", key));
    auto name = reader.text(key);
    if (!name) return {};
    const auto wrong = name_problem(*name);
    if (!wrong) return std::move(*name);
    reader.problem(key, fmt::format("{} {}", key, *wrong));
    return {};
  }

  // Inputs.

  void read_inputs(const TomlTable& table, std::uint32_t line) {
    if (table.size() > inputs_max) {
      problems_.add(line, fmt::format("[inputs]: there are {} inputs; {} are allowed", table.size(), inputs_max));
      return;
    }
    for (const TomlEntry& each : table) {
      const std::string where = fmt::format("input '{}'", shown(each.key));
      if (const auto wrong = name_problem(each.key)) {
        problems_.add(each.place.line, fmt::format("{}: its name {}", where, *wrong));
      } else if (each.key.find_first_of("=|}") != std::string::npos) {
        problems_.add(each.place.line, fmt::format("{}: its name contains one of = | }}, which end a name", where));
      }
      if (!is_plain(each.value)) {
        problems_.add(each.value.place.line, fmt::format("{}: is {}; it must be a text, a number or true or false",
                                                         where, name(each.value.type())));
        continue;
      }
      job_.inputs.push_back({each.key, value_text(each.value), {}, each.value.place.line, false});
      // A default that the command line replaces is not read: its file need not be there.
      if (!overridden(each.key))
        fill(job_.inputs.back(), folder_, {problems_.file(), each.value.place.line, where + ": "});
    }
  }

  bool overridden(std::string_view name) const {
    return std::ranges::any_of(overrides_.inputs, [&](const auto& each) { return each.first == name; });
  }

  void add_overrides() {
    std::filesystem::path folder = overrides_.working_folder;
    if (folder.empty()) folder = std::filesystem::current_path();
    for (auto each = overrides_.inputs.begin(); each != overrides_.inputs.end(); ++each) {
      const auto& [name, value] = *each;
      const auto later = [&](const auto& other) { return other.first == name; };
      if (std::any_of(each + 1, overrides_.inputs.end(), later)) continue;
      auto input = std::ranges::find(job_.inputs, name, &JobInput::name);
      if (input == job_.inputs.end()) input = job_.inputs.insert(input, JobInput{name, {}, {}, 0, false});
      input->value = value;
      input->overridden = true;
      fill(*input, folder, {"--input", 0, fmt::format("input '{}': ", shown(name))});
    }
  }

  /// Follows `@FILE`. `at`: where a problem is reported, its message the beginning.
  void fill(JobInput& input, const std::filesystem::path& folder, Problem at) {
    const auto wrong = [&](std::string message) {
      at.message += message;
      problems_.add(at);
    };
    if (input.value.starts_with("@@")) {
      input.value.erase(0, 1);
    } else if (input.value.starts_with('@')) {
      if (input.value.size() == 1) return wrong("names no file after its @; a text that begins with @ is written @@");
      input.file = against(folder, input.value.substr(1));
      auto text = read_text_file(input.file, input_bytes_max);
      if (!text) return wrong(text.error().text());
      input.value = std::move(*text);
    }
    if (input.value.size() > input_bytes_max) {
      return wrong(fmt::format("is larger than {}, which is the limit", spoken_bytes(input_bytes_max)));
    }
    if (!is_utf8(input.value)) return wrong("is not valid UTF-8");
    if (input.value.find('\0') != std::string::npos) return wrong("contains a NUL character");
    input_bytes_ += input.value.size();
    if (input_bytes_ > inputs_bytes_max) {
      wrong(fmt::format("with it the inputs are larger than {} together, which is the limit",
                        spoken_bytes(inputs_bytes_max)));
      input.value.clear();
    }
  }

  /// A name that is neither below [inputs] nor spoken of by any template is a mistyped one.
  void check_unknown_overrides() {
    std::vector<std::string_view> known(spoken_of_.begin(), spoken_of_.end());
    for (const JobInput& each : job_.inputs) {
      if (each.line != 0) known.push_back(each.name);
    }
    for (const JobInput& each : job_.inputs) {
      if (std::ranges::count(known, each.name) > 0) continue;
      problems_.add(Problem{
          "--input", 0,
          fmt::format("{} has no input '{}'{}", document_.file, shown(each.name), suggestion(each.name, known))});
    }
    for (const auto& [stage, provider] : overrides_.providers) {
      if (job_.stage(stage)) continue;
      std::vector<std::string_view> stages;
      for (const Stage& each : job_.stages)
        stages.push_back(each.name);
      problems_.add(
          Problem{"--provider", 0,
                  fmt::format("{} has no stage '{}'{}", document_.file, shown(stage), suggestion(stage, stages))});
    }
  }

  // Stages.

  void collect_names(const std::vector<const TomlValue*>& stages) {
    for (const JobInput& each : job_.inputs)
      names_.inputs.push_back(each.name);
    for (const TomlValue* each : stages) {
      // Only looked at here; `read_stage` says what is wrong.
      const auto text = [&](std::string_view key) -> std::string {
        const auto& table = *each->as<TomlTable>();
        const auto found = std::ranges::find(table, key, &TomlEntry::key);
        const auto* value = found == table.end() ? nullptr : found->value.as<std::string>();
        return value ? *value : std::string();
      };
      const std::string name = text("name");
      names_.stages.push_back(name_problem(name) ? std::string() : name);
      // An unknown kind is one problem; what refers to that stage is not another.
      names_.kinds.push_back(stage_kind_from_name(text("kind")).value_or(StageKind::command));
    }
  }

  void read_stage(const TomlValue& value, std::size_t position) {
    TomlReader reader(*value.as<TomlTable>(), value.place.line, fmt::format("stage {}", position + 1), problems_);
    Stage stage;
    stage.line = value.place.line;
    for (const TomlEntry& each : *value.as<TomlTable>())
      stage.key_lines.emplace(each.key, each.place.line);
    stage.name = read_name(reader, "name", true);
    if (!stage.name.empty()) reader.rename(fmt::format("stage '{}'", shown(stage.name)));
    if (const Stage* first = job_.stage(stage.name); first && !stage.name.empty()) {
      reader.problem("name",
                     fmt::format("there is already a stage '{}' in line {} (names compare without regard to case)",
                                 shown(first->name), first->line));
    }
    read_kind(reader, stage);
    stage.provider_type = read_name(reader, "provider_type", false);
    stage.parallel = static_cast<std::uint32_t>(reader.integer("parallel", 1, parallel_max).value_or(1));
    stage.absolute = reader.boolean("absolute").value_or(false);
    reader.refuse("timeout", slow_is_not_failed);
    const bool has_items = reader.find("for_each") != nullptr;
    StageCheck check(names_, position, has_items, reader.where(), problems_);
    read_for_each(reader, check, stage);
    read_templates(reader, check, stage);
    read_stage_command(reader, check, stage);
    read_provider(reader, stage);
    read_answer_keys(reader, stage);
    reader.finish();
    job_.stages.push_back(std::move(stage));
  }

  void read_kind(TomlReader& reader, Stage& stage) {
    const std::string known = fmt::format("{}", fmt::join(kind_names, ", "));
    if (!reader.find("kind")) reader.problem("kind", fmt::format("kind is missing; it is one of {}", known));
    const auto said = reader.text("kind");
    if (!said) return;
    const auto kind = stage_kind_from_name(*said);
    if (!kind) {
      reader.problem("kind", fmt::format("there is no kind '{}'; known are {}{}", shown(*said), known,
                                         suggestion(*said, {kind_names.begin(), kind_names.end()})));
    }
    stage.kind = kind.value_or(StageKind::command);
  }

  void read_for_each(TomlReader& reader, StageCheck& check, Stage& stage) {
    const TomlValue* value = reader.find("for_each");
    if (!value || !reader.text("for_each")) return;
    const std::size_t before = problems_.list().size();
    const Template said = check.read(*value, "for_each", Use::for_each);
    note(said);
    if (problems_.list().size() != before) return;
    const Reference* only = said.only_reference();
    using Kind = Reference::Kind;
    if (!only || (only->kind != Kind::stages && only->kind != Kind::files && only->kind != Kind::inputs)) {
      reader.problem("for_each", "for_each must be a single ${stages.NAME.path}, ${files.NAME} or ${inputs.NAME}");
      return;
    }
    stage.for_each = *only;
    stage.item_source = item_source(check, *only);
    if (only->kind != Kind::inputs) return;
    const JobInput* input = job_.input(only->rest);
    const auto list = parse_json(input ? input->value : "");
    if (!list || !list->is_array()) {
      reader.problem("for_each", fmt::format("input '{}' {}; a for_each runs over the entries of a JSON list",
                                             shown(only->rest), list ? "is no list" : list.error().message));
    } else if (const std::size_t items = list->as_array().size(); items > items_max) {
      reader.problem("for_each",
                     fmt::format("input '{}' has {} items; {} are allowed", shown(only->rest), items, items_max));
    }
  }

  /// The same for two stages that run over the same items: the name in the case of the file, and where a stage runs
  /// over the files of another, that one's items.
  std::string item_source(const StageCheck& check, const Reference& over) const {
    if (over.kind == Reference::Kind::inputs) return text(over);
    const auto at = check.earlier_stage(over.rest, over.kind == Reference::Kind::files);
    if (!at) return {};
    if (over.kind == Reference::Kind::files && !job_.stages[*at].item_source.empty())
      return job_.stages[*at].item_source;
    const std::string path = over.rest.substr(names_.stages[*at].size());
    return fmt::format("${{{}.{}{}}}", name(over.kind), folded(names_.stages[*at]), path);
  }

  void read_templates(TomlReader& reader, StageCheck& check, Stage& stage) {
    const bool has_command = reader.find("command") != nullptr;
    const bool needs_prompt = stage.kind != StageKind::command && stage.kind != StageKind::video && !has_command;
    if (const TomlValue* value = reader.find("prompt")) {
      if (reader.text("prompt")) stage.prompt = check.read(*value, "prompt", Use::prompt);
    } else if (needs_prompt) {
      reader.problem("prompt", fmt::format("prompt is missing; a stage of kind {} needs one", name(stage.kind)));
    }
    if (const TomlValue* value = reader.find("output")) {
      if (const auto output = reader.text("output")) {
        if (output->empty()) reader.problem("output", "output is empty; it names the file to make");
        stage.output = check.read(*value, "output", Use::output);
      }
    } else {
      reader.problem("output", "output is missing; it names the file to make, such as \"script.json\"");
    }
    note(stage.prompt);
    note(stage.output);
  }

  void read_stage_command(TomlReader& reader, StageCheck& check, Stage& stage) {
    stage.command = read_command(reader, folder_);
    const TomlValue* arguments = reader.find("command");
    if (arguments && !stage.command.arguments.empty()) {
      for (const TomlValue& each : *arguments->as<TomlArray>())
        note(check.read(each, "command", Use::command));
    }
    const TomlValue* env = reader.find("env");
    if (!env || !env->as<TomlTable>()) return;
    for (const TomlEntry& each : *env->as<TomlTable>()) {
      if (each.value.as<std::string>())
        note(check.read(each.value, fmt::format("env.{}", shown(each.key)), Use::command));
    }
  }

  void read_provider(TomlReader& reader, Stage& stage) {
    stage.provider = read_name(reader, "provider", false);
    if (!reader.find("provider")) {
      if (!reader.find("command")) {
        reader.problem("provider",
                       "provider is missing; it names who does the work (a stage with a command of its own "
                       "can do without)");
      }
      // The lock needs a name that says who works: that of the program.
      const auto& arguments = stage.command.arguments;
      stage.provider = arguments.empty() ? "command" : std::filesystem::path(arguments.front()).filename().string();
      if (name_problem(stage.provider) || stage.provider.find('$') != std::string::npos) stage.provider = "command";
    }
    for (const auto& [name, provider] : overrides_.providers) {
      if (!same_name(name, stage.name)) continue;
      if (const auto wrong = name_problem(provider)) {
        problems_.add(Problem{"--provider", 0, fmt::format("stage '{}': the provider's name {}", shown(name), *wrong)});
      }
    }
  }

  /// What is said of the answer of a language model.
  void read_answer_keys(TomlReader& reader, Stage& stage) {
    stage.model = read_name(reader, "model", false);
    stage.max_tokens = reader.integer("max_tokens", 1, max_tokens_max).value_or(0);
    for (const std::string_view key : {"model", "max_tokens"}) {
      if (reader.find(key) && stage.kind != StageKind::text) {
        reader.problem(key, fmt::format("{} is for stages of kind text", key));
      }
    }
    if (!reader.find("schema")) return;
    if (stage.kind != StageKind::text && stage.kind != StageKind::command) {
      reader.problem("schema", "schema is for stages of kind text and command: the others make no JSON");
    }
    auto schema = detail::read_schema(*reader.find("schema"), folder_);
    if (!schema) return reader.problem("schema", schema.error().message);
    stage.schema = std::move(*schema);
  }

  void note(const Template& text) {
    for (const Reference& each : text.references()) {
      if (each.kind == Reference::Kind::inputs) spoken_of_.insert(each.rest);
    }
  }

  const TomlDocument& document_;
  const JobOverrides& overrides_;
  std::filesystem::path folder_;
  Problems problems_;
  JobFile job_;
  detail::Names names_;
  std::set<std::string> spoken_of_;
  std::size_t input_bytes_ = 0;
};

}  // namespace

std::string_view name(StageKind kind) noexcept {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<StageKind> stage_kind_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kind_names, name);
  if (found == kind_names.end()) return std::nullopt;
  return static_cast<StageKind>(found - kind_names.begin());
}

std::uint32_t Stage::line_of(std::string_view key) const {
  const auto found = key_lines.find(key);
  return found == key_lines.end() ? line : found->second;
}

const Stage* JobFile::stage(std::string_view name) const {
  const auto found = std::ranges::find_if(stages, [&](const Stage& each) { return same_name(each.name, name); });
  return found == stages.end() ? nullptr : &*found;
}

const JobInput* JobFile::input(std::string_view name) const {
  const auto found = std::ranges::find(inputs, name, &JobInput::name);
  return found == inputs.end() ? nullptr : &*found;
}

result<std::pair<std::string, std::string>> parse_assignment(std::string_view text, std::string_view flag) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return Failure{Errc::invalid_argument, fmt::format("{} '{}': it must be NAME=VALUE", flag, shown(text))};
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

JobReading read_job_text(std::string_view text, const std::filesystem::path& file, const JobOverrides& overrides) {
  const auto document = parse_toml(text, file.string());
  if (!document) return {.job = {}, .problems = document.error()};
  return Reading(*document, text, file, overrides).run();
}

JobReading read_job_file(const std::filesystem::path& file, const JobOverrides& overrides) {
  const auto text = read_text_file(file, toml_bytes_max);
  if (!text) return {.job = {}, .problems = text.error()};
  return read_job_text(*text, file, overrides);
}

namespace {

checked<JobFile> whole(JobReading reading) {
  if (!reading.problems.empty()) return std::move(reading.problems);
  return std::move(reading.job);
}

}  // namespace

checked<JobFile> parse_job_file(std::string_view text, const std::filesystem::path& file,
                                const JobOverrides& overrides) {
  return whole(read_job_text(text, file, overrides));
}

checked<JobFile> load_job_file(const std::filesystem::path& file, const JobOverrides& overrides) {
  return whole(read_job_file(file, overrides));
}

bool CommandTemplates::mentions(Reference::Kind kind) const {
  return std::ranges::any_of(arguments, [&](const Template& each) { return each.mentions(kind); }) ||
         std::ranges::any_of(env, [&](const auto& each) { return each.second.mentions(kind); });
}

result<CommandTemplates> parse_command(const CommandSpec& command) {
  CommandTemplates out;
  for (const std::string& each : command.arguments) {
    auto argument = Template::parse(each);
    if (!argument) return Failure{Errc::config, "command: " + argument.error().message};
    out.arguments.push_back(std::move(*argument));
  }
  for (const auto& [name, text] : command.env) {
    auto value = Template::parse(text);
    if (!value) return Failure{Errc::config, fmt::format("env.{}: {}", shown(name), value.error().message)};
    out.env.emplace_back(name, std::move(*value));
  }
  return out;
}

CommandSpec command_of(const Stage& stage, const CommandSpec& provider) {
  CommandSpec out = stage.command;
  if (out.arguments.empty()) {
    out = provider;
    for (const auto& [name, value] : stage.command.env) {
      const auto same = std::ranges::find(out.env, name, &std::pair<std::string, std::string>::first);
      if (same == out.env.end()) {
        out.env.emplace_back(name, value);
      } else {
        same->second = value;
      }
    }
    if (!stage.command.cwd.empty()) out.cwd = stage.command.cwd;
    if (!stage.command.success_exit_codes.empty()) out.success_exit_codes = stage.command.success_exit_codes;
    if (!stage.command.progress.empty()) out.progress = stage.command.progress;
  }
  if (out.success_exit_codes.empty()) out.success_exit_codes = {0};
  if (out.progress.empty()) out.progress = "output-bytes";
  return out;
}

}  // namespace holdfast
