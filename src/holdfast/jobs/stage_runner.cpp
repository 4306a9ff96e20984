#include "holdfast/jobs/stage_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <thread>

#include "holdfast/jobs/answer_check.hpp"
#include "holdfast/jobs/children.hpp"
#include "holdfast/jobs/run_check.hpp"
#include "holdfast/net/pause.hpp"

namespace holdfast::jobs {
namespace {

namespace fs = std::filesystem;

/// A template that reads more of an artifact would not fit into a prompt.
result<std::string> read_artifact(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return Failure{Errc::store_unavailable, fmt::format("cannot read '{}': {}", path, error.message())};
  if (size > expanded_bytes_max) {
    return Failure{Errc::too_large,
                   fmt::format("'{}' has {} bytes; as a text, at most {} are read", path, size, expanded_bytes_max)};
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return Failure{Errc::store_unavailable, fmt::format("cannot read '{}'", path)};
  return result<std::string>(boost::system::in_place_value, std::move(text));
}

std::string text_member(const boost::json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  const auto* found = object != nullptr ? object->if_contains(key) : nullptr;
  const auto* text = found != nullptr ? found->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

/// A script says its language once, beside its scenes: `${stages.script.scenes}` → the script's "language".
std::string language_beside(const Reference& items, const JobFile& job, const Scope& scope) {
  if (items.kind != Reference::Kind::stages) return {};
  const auto stage = longest_name(items.rest, [&](std::string_view name) { return job.stage(name) != nullptr; });
  if (!stage) return {};
  const auto root = scope.stage_json(*stage);
  return root ? text_member(*root, "language") : std::string();
}

/// Asked for inside the operation, so that an empty artifact is a hard error of the provider.
void check_written(const fs::path& output) {
  std::error_code error;
  const auto size = fs::file_size(output, error);
  if (!error && size > 0) return;
  throw ProviderError(ProviderFault{
      .error_class = ErrorClass::command,
      .message = fmt::format("it ended without an error, but {} '{}'", error ? "did not write" : "wrote nothing into",
                             output.filename().string())});
}

/// A disk that hiccups is given some seconds; one that is full is said to be.
constexpr int record_tries_max = 4;
constexpr milliseconds record_retry(1000);

}  // namespace

std::string first_provider(const Stage& stage, const RunOptions& options) {
  const auto said = options.providers.find(stage.name);
  return said == options.providers.end() ? stage.provider : said->second;
}

bool runs_own_command(const Stage& stage, const std::string& provider) {
  return !stage.command.arguments.empty() && same_name(stage.provider, provider);
}

void JobRun::take_over(const StageNames& anew) {
  const auto kept = gateway.job(options.job_id);
  for (const StageRow& row : kept ? kept->stages : std::vector<StageRow>{}) {
    if (row.items_done != 0 || row.state == StageState::done) finished[row.stage_name] = row.artifacts;
  }
  for (const OperationState& each : gateway.interrupted_operations(options.job_id)) {
    if (!anew.contains(each.stage_name)) interrupted[each.correlation_id] = {each.operation_id, each.started_at};
  }
}

StageRunner::StageRunner(JobRun& run, std::size_t position)
    : run_(run), stage_(run.job.stages[position]), position_(position) {}

StageEnd StageRunner::run() {
  try {
    prepare();
    find_finished_items();
    if (!whole()) {
      run_.gateway.stage_started({.job_id = run_.options.job_id,
                                  .stage_name = stage_.name,
                                  .provider_name = governing_provider(run_.gateway, run_.options.job_id, stage_.name),
                                  .items = items_.size()});
      if (items_.empty()) {
        run_.gateway.stage_finished(
            {.job_id = run_.options.job_id, .stage_name = stage_.name, .items = 0, .finished = true});
      }
    }
  } catch (const Ended& ended) {
    return ended.end;
  } catch (const Error& error) {
    return {JobState::failed, error.errc(), fmt::format("stage {}: {}", stage_.name, error.what())};
  }
  {
    const std::stop_callback stops(run_.stop, [this] { stopped_.request_stop(); });
    const std::size_t threads = std::min<std::size_t>(std::max(1u, stage_.parallel), items_.size());
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < threads; ++i)
      workers.emplace_back([this] { work(); });
  }
  StageOutput output{.files = {}, .read = {}, .each = stage_.for_each.has_value(), .item_source = stage_.item_source};
  for (const auto& artifact : artifacts_) {
    if (!artifact) continue;
    run_.artifacts.push_back(*artifact);
    output.files.push_back(artifact->string());
  }
  if (end_) return *end_;
  output.read = [files = output.files](std::size_t i) { return read_artifact(files[i]); };
  run_.scope.set_stage(stage_.name, std::move(output));
  return {};
}

/// What the stage runs over, and what its artifacts will be called.
void StageRunner::prepare() {
  Scope scope = run_.scope;
  scope.stage = stage_.name;
  const auto failed = [&](const Failure& failure) {
    throw Ended{{JobState::failed, failure.code, fmt::format("stage {}: {}", stage_.name, failure.message)}};
  };
  if (!stage_.for_each) {
    items_.emplace_back(nullptr);
    auto names = expand_outputs(stage_.output, scope, run_.taken);
    if (!names) failed(names.error());
    outputs_ = std::move(*names);
  } else {
    auto items = expand_items(*stage_.for_each, scope);
    if (!items) failed(items.error());
    items_ = std::move(*items);
    auto names = expand_outputs(stage_.output, scope, items_, stage_.item_source, run_.taken);
    if (!names) failed(names.error());
    outputs_ = std::move(*names);
    language_ = language_beside(*stage_.for_each, run_.job, scope);
  }
  artifacts_.resize(items_.size());
}

/// Those of an earlier run stay as they are.
void StageRunner::find_finished_items() {
  const auto found = run_.finished.find(stage_.name);
  if (found == run_.finished.end()) return;
  for (std::size_t i = 0; i < std::min(items_.size(), found->second.size()); ++i) {
    if (found->second[i].empty()) continue;
    artifacts_[i] = found->second[i];
    ++items_done_;
  }
}

void StageRunner::work() {
  for (;;) {
    if (stopped_.stop_requested() || run_.desk.job_closed()) break;
    const std::size_t item = next_++;
    if (item >= items_.size()) return;
    if (artifacts_[item]) continue;
    try {
      run_item(item);
    } catch (const Ended& ended) {
      return end(ended.end);
    } catch (const Error& error) {
      return end({JobState::failed, error.errc(), fmt::format("stage {}: {}", stage_.name, error.what())});
    } catch (const std::exception& error) {
      return end({JobState::failed, Errc::provider_failed, fmt::format("stage {}: {}", stage_.name, error.what())});
    }
  }
  if (next_ < items_.size()) end({JobState::cancelled, Errc::cancelled, {}});
}

void StageRunner::run_item(std::size_t item) {
  if (auto artifact = made_before(item)) return finish_item(item, std::move(*artifact));
  ask_where_interrupted(item);
  while (!attempt(item)) {
    if (stopped_.stop_requested() || run_.desk.job_closed()) throw Ended{{JobState::cancelled, Errc::cancelled, {}}};
  }
}

bool StageRunner::attempt(std::size_t item) {
  const std::string& job_id = run_.options.job_id;
  std::string provider_name = governing_provider(run_.gateway, job_id, stage_.name);
  if (provider_name.empty()) provider_name = first_provider(stage_, run_.options);
  const providers::Provider& provider = provider_named(provider_name);
  const auto made = run_.folder.attempt(position_ + 1, item + 1, outputs_[item]);
  if (!made) fail(item, provider_name, made.error().code, made.error().message);
  const providers::StageCall call = call_for(item, *made, provider, provider_name);
  const OperationRequest request{.job_id = job_id,
                                 .provider_name = provider_name,
                                 .provider_type = type_of(stage_, provider_name, run_.catalogue),
                                 .stage_name = stage_.name,
                                 .correlation_id = correlation_id(item),
                                 .kind = std::string(name(stage_.kind))};
  std::string operation_id;
  std::optional<Ended> unkept;  // the provider has done its part
  try {
    run_.gateway.execute_with_patience(
        request, provider.heartbeat(),
        [&](OperationContext& operation) {
          operation_id = operation.operation_id();
          provider.run(call, operation);
          check_written(call.output);
          if (!stage_.schema.empty()) check_answer(stage_.schema, call.output);
          operation.progress().hold();  // what the disk takes its time for is not the provider's silence
          try {
            keep(item, *made, provider_name);
          } catch (const Ended& ended) {
            unkept = ended;
          }
        },
        run_.stop);
  } catch (const ProviderError& error) {
    after_failure(operation_id, provider_name, error, item);
    return false;
  } catch (const Error& error) {
    if (error.errc() == Errc::cancelled) throw Ended{{JobState::cancelled, Errc::cancelled, {}}};
    if (unkept) throw Ended(*unkept);
    if (error.errc() == Errc::switched) return artifacts_[item].has_value();
    if (error.errc() != Errc::provider_locked) fail(item, provider_name, error.errc(), error.what());
    // The stage moved between the look at its lock and the call; to where, a second step may still have to say.
    run_.desk.wait_for_lock(stage_.name, stopped_.get_token());
    if (!same_name(governing_provider(run_.gateway, job_id, stage_.name), provider_name)) return false;
    fail(item, provider_name, error.errc(), error.what());
  } catch (const std::exception& error) {
    fail(item, provider_name, Errc::provider_failed, error.what());
  }
  if (unkept) throw Ended(*unkept);
  return true;
}

void StageRunner::keep(std::size_t item, const Attempt& made, const std::string& provider) {
  auto kept = run_.folder.keep(made, outputs_[item]);
  if (!kept) fail(item, provider, kept.error().code, kept.error().message);
  try {
    finish_item(item, std::move(*kept));
  } catch (const Error& error) {
    fail(item, provider, error.errc(), error.what());
  }
}

const providers::Provider& StageRunner::provider_named(const std::string& name) const {
  if (runs_own_command(stage_, name)) return run_.catalogue.own_commands();
  if (const providers::Provider* provider = run_.catalogue.find(name)) {
    const auto wrong = kind_problem(stage_, *provider);
    if (!wrong) return *provider;
    throw Ended{{JobState::failed, Errc::config,
                 fmt::format("stage {} is locked to a provider that cannot do it: {}; `holdfast switch` moves it",
                             stage_.name, *wrong)}};
  }
  throw Ended{{JobState::failed, Errc::config,
               fmt::format("stage {} is locked to {}, and no provider of that name is configured", stage_.name, name)}};
}

Scope StageRunner::scope_of(std::size_t item) const {
  Scope scope = run_.scope;
  scope.stage = stage_.name;
  if (stage_.for_each) {
    scope.item =
        ItemValues{.value = items_[item], .index = item + 1, .count = items_.size(), .source = stage_.item_source};
  }
  return scope;
}

providers::StageCall StageRunner::call_for(std::size_t item, const Attempt& attempt,
                                           const providers::Provider& provider, const std::string& provider_name) {
  const std::lock_guard lock(scope_mutex_);
  const Scope scope = scope_of(item);
  providers::StageCall call{.job_id = run_.options.job_id,
                            .stage_name = stage_.name,
                            .kind = std::string(name(stage_.kind)),
                            .output = attempt.output};
  call.model = stage_.model;
  call.moved = !same_name(provider_name, first_provider(stage_, run_.options));
  call.max_tokens = stage_.max_tokens;
  call.schema = stage_.schema;
  call.on_process = [note = attempt.process_note](int group) { note_child(note, group); };
  auto prompt = expand(stage_.prompt, scope);
  if (!prompt) fail(item, provider_name, prompt.error().code, prompt.error().message);
  call.input = std::move(*prompt);
  if (stage_.for_each) {
    call.values["index"] = std::to_string(item + 1);
    call.values["count"] = std::to_string(items_.size());
    const std::string own = text_member(items_[item], "language");
    if (const std::string& language = own.empty() ? language_ : own; !language.empty()) {
      call.values["language"] = language;
    }
  }
  const bool own_command = runs_own_command(stage_, provider_name);
  if (!own_command && provider.command() == nullptr) return call;
  try {
    add_command(call, scope, attempt, provider, own_command);
  } catch (const Error& error) {
    fail(item, provider_name, error.errc(), error.what());
  }
  return call;
}

void StageRunner::add_command(providers::StageCall& call, const Scope& scope, const Attempt& attempt,
                              const providers::Provider& provider, bool own_command) {
  const CommandSpec configured = provider.command() != nullptr ? *provider.command() : CommandSpec{};
  // A stage that brings a whole command of its own says nothing about somebody else's.
  const bool overlaid = own_command || stage_.command.arguments.empty();
  const CommandSpec spec = command_of(overlaid ? stage_ : Stage{}, configured);
  const CommandTemplates templates = parse_command(spec).value();
  Scope with_command = scope;
  with_command.command =
      CommandValues{.input = call.input, .input_file = attempt.input_file.string(), .output = attempt.output.string()};
  if (templates.mentions(Reference::Kind::input_file)) {
    std::ofstream file(attempt.input_file, std::ios::binary | std::ios::trunc);
    file << call.input << std::flush;
    if (!file) throw Error(Errc::store_unavailable, fmt::format("cannot write '{}'", attempt.input_file.string()));
  }
  call.command = expand_arguments(templates.arguments, with_command).value();
  for (const auto& [key, value] : templates.env)
    call.env[key] = expand(value, with_command).value();
  call.cwd = spec.cwd.empty() ? run_.folder.out() : spec.cwd;
  call.success_exit_codes = spec.success_exit_codes;
  call.progress = spec.progress;
  call.input_on_stdin = !templates.mentions(Reference::Kind::input) && !templates.mentions(Reference::Kind::input_file);
  call.output_on_stdout = !templates.mentions(Reference::Kind::output);
}

/// Waits for the answer where somebody can give one; throws where nobody can, and where the answer is to cancel.
void StageRunner::after_failure(const std::string& operation_id, const std::string& provider,
                                const ProviderError& error, std::size_t item) {
  if (run_.stop.stop_requested() || run_.desk.job_cancelled()) throw Ended{{JobState::cancelled, Errc::cancelled, {}}};
  // A sibling's question may have moved the stage already.
  const std::string now_on = governing_provider(run_.gateway, run_.options.job_id, stage_.name);
  if (!now_on.empty() && !same_name(now_on, provider)) return;
  const auto whom = run_.options.ask_on_error ? Gateway::Asked::anybody : Gateway::Asked::consents;
  if (!run_.gateway.ask_about_failure(operation_id, whom)) {
    fail(item, provider, error.errc(), error.what());
  }
  wait_for_answer(operation_id, provider);
}

std::optional<fs::path> StageRunner::made_before(std::size_t item) const {
  const auto lost = run_.interrupted.find(correlation_id(item));
  if (lost == run_.interrupted.end() || run_.changed.contains(stage_.name)) return std::nullopt;
  return run_.folder.made_since(position_ + 1, item + 1, outputs_[item], lost->second.started_at);
}

/// It was running when an earlier run died, and may have been done and paid for: nobody sends it again unasked.
void StageRunner::ask_where_interrupted(std::size_t item) {
  const auto lost = run_.interrupted.find(correlation_id(item));
  if (lost == run_.interrupted.end()) return;
  const std::string& operation_id = lost->second.operation_id;
  if (run_.gateway.ask_about_failure(operation_id)) wait_for_answer(operation_id, "");
}

void StageRunner::wait_for_answer(const std::string& operation_id, const std::string& provider) {
  const auto verdict = run_.desk.wait(operation_id, stage_.name, provider, stopped_.get_token());
  if (verdict == AnswerDesk::Verdict::cancelled) throw Ended{{JobState::cancelled, Errc::cancelled, {}}};
}

std::string StageRunner::correlation_id(std::size_t item) const {
  return fmt::format("{}/{}/{}", run_.options.job_id, stage_.name, item + 1);
}

void StageRunner::finish_item(std::size_t item, fs::path artifact) {
  // Given up at once, a call that is still open would end and have made nothing, and be paid for again.
  for (int tries = 1; !record_item(item, artifact, tries == record_tries_max); ++tries) {
    if (!net::wait_unless_stopped(record_retry, stopped_.get_token())) tries = record_tries_max - 1;
  }
}

/// False where the store did not take it and may take it later; then it is no error unless this was the `last` try.
bool StageRunner::record_item(std::size_t item, const fs::path& artifact, bool last) {
  const std::lock_guard lock(finish_mutex_);
  artifacts_[item] = artifact;
  const std::size_t done = items_done_ + 1;
  try {
    run_.gateway.stage_finished({.job_id = run_.options.job_id,
                                 .stage_name = stage_.name,
                                 .items = items_.size(),
                                 .items_done = done,
                                 .finished = done == items_.size(),
                                 .artifacts = {artifact.string()},
                                 .item = item + 1});
  } catch (const Error& error) {
    if (!last && error.errc() == Errc::store_unavailable) return false;
    throw Error(error.errc(),
                fmt::format("'{}' is whole, and is not on the record: {}", artifact.string(), error.what()));
  }
  items_done_ = done;
  return true;
}

void StageRunner::fail(std::size_t item, const std::string& provider, Errc code, const std::string& why) const {
  const std::string which = stage_.for_each ? fmt::format(", item {} of {}", item + 1, items_.size()) : std::string();
  throw Ended{{JobState::failed, code, fmt::format("stage {}{}, provider {}: {}", stage_.name, which, provider, why)}};
}

void StageRunner::end(StageEnd end) {
  {
    const std::lock_guard lock(finish_mutex_);
    if (!end_) end_ = std::move(end);
  }
  stopped_.request_stop();
}

}  // namespace holdfast::jobs
