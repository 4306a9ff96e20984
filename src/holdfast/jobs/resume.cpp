#include "holdfast/jobs/resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "holdfast/store/audit.hpp"

namespace holdfast::jobs {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& values) {
  return json::array(values.begin(), values.end());
}

void add_inputs(const Template& source, StageNames& names) {
  for (const Reference& each : source.references()) {
    if (each.kind == Reference::Kind::inputs) names.insert(each.rest);
  }
}

/// All that decides what a stage makes, but for the work of the stages before it: those have fingerprints of their own.
std::string fingerprint_of(const Stage& stage, const JobFile& job) {
  const CommandSpec& command = stage.command;
  json::array what{stage.name,
                   name(stage.kind),
                   stage.provider,
                   stage.model,
                   stage.max_tokens,
                   text(stage.prompt),
                   text(stage.output),
                   stage.for_each ? text(*stage.for_each) : std::string(),
                   texts(command.arguments),
                   command.cwd.string(),
                   json::array(command.success_exit_codes.begin(), command.success_exit_codes.end()),
                   store::sha256(stage.schema)};
  StageNames inputs;
  add_inputs(stage.prompt, inputs);
  add_inputs(stage.output, inputs);
  if (stage.for_each && stage.for_each->kind == Reference::Kind::inputs) inputs.insert(stage.for_each->rest);
  if (const auto templates = parse_command(command)) {
    for (const Template& each : templates->arguments)
      add_inputs(each, inputs);
    for (const auto& [key, value] : templates->env) {
      what.push_back(json::array{key, text(value)});
      add_inputs(value, inputs);
    }
  }
  for (const std::string& each : inputs) {
    if (const JobInput* input = job.input(each)) what.push_back(json::array{each, store::sha256(input->value)});
  }
  return store::sha256(json::serialize(what));
}

const StagePlan* planned(const JobRow& kept, const std::string& stage) {
  if (!kept.plan) return nullptr;
  const auto found =
      std::ranges::find_if(kept.plan->stages, [&](const StagePlan& each) { return same_name(each.name, stage); });
  return found == kept.plan->stages.end() ? nullptr : &*found;
}

bool is_changed(const Stage& stage, const JobFile& job, const JobRow& kept) {
  const StagePlan* plan = planned(kept, stage.name);
  return plan == nullptr || fingerprint_of(stage, job) != plan->fingerprint;
}

/// What is wrong with the finished work of one stage; empty: nothing.
std::string stage_problem(const JobFile& job, const JobRow& kept, const StageRow& row) {
  const Stage* stage = job.stage(row.stage_name);
  if (stage == nullptr) {
    return fmt::format("stage {} is finished, and the job file does not have it any more; put it back", row.stage_name);
  }
  if (is_changed(*stage, job, kept)) {
    return fmt::format(
        "stage {} is finished, and the job file or an input that it uses says something else now; put that back, or "
        "run it again with --from {}",
        row.stage_name, row.stage_name);
  }
  for (const std::string& each : row.artifacts) {
    std::error_code ignored;
    if (each.empty() || std::filesystem::exists(each, ignored)) continue;
    return fmt::format("'{}', which stage {} made, is gone; put it back, or run the stage again with --from {}", each,
                       row.stage_name, row.stage_name);
  }
  return {};
}

}  // namespace

JobPlan plan_of(const JobFile& job, const std::filesystem::path& out) {
  JobPlan plan{.file = job.path.string(), .text = job.text, .out = std::filesystem::absolute(out).string()};
  for (const Stage& each : job.stages)
    plan.stages.push_back({each.name, std::string(name(each.kind)), fingerprint_of(each, job)});
  for (const JobInput& each : job.inputs)
    plan.inputs.emplace_back(each.name, store::sha256(each.value));
  return plan;
}

StageNames stages_from(const JobFile& job, const std::string& from) {
  StageNames names;
  for (const Stage& each : job.stages) {
    if (!from.empty() && (!names.empty() || same_name(each.name, from))) names.insert(each.name);
  }
  return names;
}

StageNames changed_stages(const JobFile& job, const JobRow& kept) {
  StageNames names;
  for (const Stage& each : job.stages) {
    if (is_changed(each, job, kept)) names.insert(each.name);
  }
  return names;
}

bool can_resume(const JobRow& kept) {
  const bool open = kept.state == JobState::interrupted || kept.state == JobState::failed ||
                    kept.state == JobState::running || kept.state == JobState::waiting;
  return open && !kept.owner;
}

std::vector<std::string> resume_problems(const JobFile& job, const JobRow& kept, const StageNames& anew) {
  std::vector<std::string> problems;
  if (kept.owner) {
    problems.push_back(fmt::format("job {} runs: process {} ({}) holds it; answer or cancel it from here instead",
                                   kept.job_id, kept.owner->pid, kept.owner->program));
    return problems;
  }
  if (!can_resume(kept)) {
    problems.push_back(fmt::format("job {} is {}: there is nothing to resume; run the job file for a new one",
                                   kept.job_id, name(kept.state)));
    return problems;
  }
  for (const StageRow& row : kept.stages) {
    if (row.items_done == 0 || anew.contains(row.stage_name)) continue;
    if (std::string problem = stage_problem(job, kept, row); !problem.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace holdfast::jobs
