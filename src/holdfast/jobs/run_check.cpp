#include "holdfast/jobs/run_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "holdfast/jobs/stage_runner.hpp"
#include "holdfast/providers/programs.hpp"

namespace holdfast::jobs {
namespace {

namespace fs = std::filesystem;

/// Whether everything that the template speaks of has its value before anything runs.
bool is_known(const Template& text, bool items) {
  using Kind = Reference::Kind;
  return std::ranges::all_of(text.references(), [&](const Reference& each) {
    if (each.kind == Kind::item || each.kind == Kind::index) return items;
    return each.kind == Kind::inputs || each.kind == Kind::job || each.kind == Kind::stage;
  });
}

bool is_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

}  // namespace

std::string known_providers(const providers::Catalogue& catalogue) {
  std::string names;
  for (const auto& each : catalogue.all())
    names += (names.empty() ? "" : ", ") + each->info().name;
  return names;
}

std::optional<std::string> kind_problem(const Stage& stage, const providers::Provider& provider) {
  const std::vector<std::string> kinds = provider.job_kinds();
  if (kinds.empty() || std::ranges::find(kinds, name(stage.kind)) != kinds.end()) return std::nullopt;
  return fmt::format("provider {} serves {}, and not {}", provider.info().name, fmt::join(kinds, ", "),
                     name(stage.kind));
}

std::string type_of(const Stage& stage, const std::string& provider, const providers::Catalogue& catalogue) {
  if (const providers::Provider* known = catalogue.find(provider)) return known->info().type;
  return same_name(stage.provider, provider) ? stage.provider_type : std::string();
}

RunCheck::RunCheck(const JobFile& job, const RunOptions& options, const providers::Catalogue& catalogue,
                   const TimeoutProfiles& profiles, Problems& problems)
    : options_(options),
      catalogue_(catalogue),
      profiles_(profiles),
      problems_(problems),
      out_(fs::absolute(options.out).lexically_normal()) {
  scope_.job = options.job_id;
  for (const JobInput& each : job.inputs)
    scope_.set_input(each.name, each.value);
}

void RunCheck::add(const Stage& stage, std::string_view key, const std::string& what) {
  problems_.add(stage.line_of(key), fmt::format("stage '{}': {}", shown(stage.name), what));
}

void RunCheck::add_to_provider(const Stage& stage, const std::string& what) {
  if (!options_.providers.contains(stage.name)) return add(stage, "provider", what);
  problems_.add(Problem{"--provider", 0, fmt::format("stage '{}': {}", shown(stage.name), what)});
}

void RunCheck::check(const Stage& stage, const std::string& provider) {
  scope_.stage = stage.name;
  const bool own_command = runs_own_command(stage, provider);
  const providers::Provider* known = catalogue_.find(provider);
  if (own_command) {
    check_own_command(stage);
  } else if (known != nullptr) {
    check_provider(stage, provider, *known);
  } else {
    add_to_provider(
        stage, fmt::format("no provider named {} is configured; there are {}", provider, known_providers(catalogue_)));
  }
  // It may be made by a stage before only where stages write.
  const fs::path& cwd = stage.command.cwd;
  std::error_code ignored;
  if (!cwd.empty() && !fs::is_directory(cwd, ignored) && !is_below(cwd, out_)) {
    add(stage, "cwd", fmt::format("cwd '{}' is no folder", shown(cwd.string())));
  }
  check_type(stage, provider);
}

void RunCheck::check_own_command(const Stage& stage) {
  const std::string& program = stage.command.arguments.front();
  const auto parsed = Template::parse(program);
  if (!parsed || !parsed->references().empty() || stage.command.sets_path()) return;
  if (const auto missing = providers::missing_program(program, stage.command.cwd)) add(stage, "command", *missing);
}

void RunCheck::check_provider(const Stage& stage, const std::string& provider, const providers::Provider& known) {
  const std::string kind(name(stage.kind));
  if (const auto wrong = kind_problem(stage, known)) return add_to_provider(stage, *wrong);
  for (const std::string& each : known.problems())
    add_to_provider(stage, fmt::format("provider {}: {}", provider, each));
  for (const std::string& each : known.problems_with({.kind = kind, .model = stage.model}))
    add_to_provider(stage, fmt::format("provider {}: {}", provider, each));
  if (const auto prompt = prompt_of(stage)) {
    if (const auto wrong = known.prompt_problem(*prompt)) {
      add(stage, "prompt", fmt::format("provider {}: {}", provider, *wrong));
    }
  }
  if (known.command() == nullptr) return;
  if (const auto parsed = parse_command(*known.command()); !parsed) add_to_provider(stage, parsed.error().message);
}

void RunCheck::check_type(const Stage& stage, const std::string& provider) {
  try {
    // What the stage says of its provider must be right even where it is served by another.
    if (!stage.provider_type.empty()) (void)profiles_.for_provider(stage.provider, "balanced", stage.provider_type);
  } catch (const Error& error) {
    return add(stage, "provider_type", error.what());
  }
  try {
    (void)profiles_.for_provider(provider, "balanced", type_of(stage, provider, catalogue_));
  } catch (const Error& error) {
    add_to_provider(stage, error.what());
  }
}

void RunCheck::check_outputs(const Stage& stage) {
  scope_.stage = stage.name;
  const auto items = items_of(stage);
  if (!is_known(stage.output, items.has_value())) return;
  const auto names = stage.for_each ? expand_outputs(stage.output, scope_, *items, stage.item_source, taken_)
                                    : expand_outputs(stage.output, scope_, taken_);
  if (!names) problems_.add(stage.line_of("output"), names.error().message);  // it says the stage and the item
}

std::optional<std::vector<boost::json::value>> RunCheck::items_of(const Stage& stage) const {
  if (!stage.for_each) return std::vector<boost::json::value>{nullptr};
  if (stage.for_each->kind != Reference::Kind::inputs) return std::nullopt;
  auto items = expand_items(*stage.for_each, scope_);
  if (!items) return std::nullopt;
  return std::move(*items);
}

std::optional<std::string> RunCheck::prompt_of(const Stage& stage) const {
  // Of items, only the run looks at each.
  if (stage.for_each || !is_known(stage.prompt, false)) return std::nullopt;
  auto prompt = expand(stage.prompt, scope_);
  if (!prompt) return std::nullopt;
  return std::move(*prompt);
}

}  // namespace holdfast::jobs
