#include "holdfast/providers/run_program.hpp"

#include "holdfast/core/redact.hpp"
#include "holdfast/process/child.hpp"
#include "holdfast/providers/programs.hpp"

namespace holdfast::providers {
namespace {

[[noreturn]] void fail(std::string why, int status = 0) {
  throw ProviderError(
      ProviderFault{.error_class = ErrorClass::command, .status = status, .code = {}, .message = std::move(why)});
}

void tell(const process::ChildProgress& progress, const ProgressReporter& reporter) {
  if (progress.alive_only) return reporter.alive();
  reporter.report(Progress{.tokens = {},
                           .chunks = progress.lines,
                           .bytes = progress.bytes,
                           .percent = progress.percent,
                           .remaining = progress.remaining,
                           .message = {}});
}

[[noreturn]] void fail_to_run(const process::Command& command, const Failure& failure) {
  if (failure.code == Errc::cancelled) throw Error(Errc::cancelled, failure.message);
  const auto missing = missing_program(command.argv.front(), command.cwd);
  fail(missing ? *missing : failure.message);
}

}  // namespace

void run_program(process::Spawner& spawner, const StageCall& call, const ProgramRun& run, OperationContext& operation) {
  const bool silent = run.progress == "none";
  auto kind = process::parse_progress_kind(silent ? "lines" : run.progress);
  if (!kind) fail(kind.error().message);
  process::Command command{.argv = run.arguments,
                           .env = run.env,
                           .cwd = run.cwd,
                           .stdin_bytes = run.input,
                           .stdout_file = {},
                           .success_exit_codes = run.success_exit_codes,
                           .watched_output = run.output,
                           .progress = std::move(*kind)};
  if (!run.stdout_file.empty()) command.stdout_file = run.stdout_file;
  process::RunOptions options;
  if (run.total > milliseconds(0)) options.media_duration = run.total;
  if (call.on_process) options.on_started = [&call](pid_t group) { call.on_process(group); };
  // What a program prints while it writes its artifact elsewhere is dropped here, so it may be much.
  if (run.stdout_file.empty()) command.stdout_file = "/dev/null";
  const ProgressReporter reporter = operation.progress();
  const auto sink = [&](const process::ChildProgress& progress) {
    if (silent) return reporter.alive();
    tell(progress, reporter);
  };
  const auto ended = process::run(spawner, command, operation.stop_token(), sink, options);
  if (!ended) fail_to_run(command, ended.error());
  if (ended->cancelled) throw Error(Errc::cancelled, ended->describe());
  // As of an answer over HTTP: what a program prints when it fails may be its key, and goes wherever errors go.
  if (!ended->succeeded) {
    fail(without_secrets(ended->describe()), ended->signal != 0 ? 128 + ended->signal : ended->status);
  }
}

}  // namespace holdfast::providers
