#include "holdfast/providers/command_provider.hpp"

#include "holdfast/process/progress_reader.hpp"
#include "holdfast/providers/programs.hpp"
#include "holdfast/providers/run_program.hpp"

namespace holdfast::providers {
namespace {

class CommandProvider final : public Provider {
 public:
  CommandProvider(ProviderInfo info, CommandSpec spec, process::Spawner& spawner)
      : info_(std::move(info)), spec_(std::move(spec)), spawner_(spawner) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return "command"; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }
  const CommandSpec* command() const override { return spec_.arguments.empty() ? nullptr : &spec_; }

  std::vector<std::string> problems() const override {
    // A program that a variable names, or that is looked for in folders of its own, is known only when it is run.
    if (spec_.arguments.empty() || spec_.sets_path()) return {};
    if (spec_.arguments.front().find("${") != std::string::npos) return {};
    if (const auto missing = missing_program(spec_.arguments.front(), spec_.cwd)) return {*missing};
    return {};
  }

  void run(const StageCall& call, OperationContext& operation) const override {
    if (call.command.empty() || call.command.front().empty()) {
      throw ProviderError(ProviderFault{.error_class = ErrorClass::command,
                                        .message = "there is no command to run: its first argument is empty"});
    }
    ProgramRun run{.arguments = call.command,
                   .env = call.env,
                   .cwd = call.cwd,
                   .success_exit_codes = call.success_exit_codes,
                   .progress = call.progress.empty() ? spec_.progress : call.progress};
    if (call.input_on_stdin) run.input = call.input;
    (call.output_on_stdout ? run.stdout_file : run.output) = call.output;
    run_program(spawner_, call, run, operation);
  }

 private:
  const ProviderInfo info_;
  const CommandSpec spec_;
  process::Spawner& spawner_;
};

}  // namespace

std::unique_ptr<Provider> command_provider(ProviderInfo info, CommandSpec spec, process::Spawner& spawner) {
  if (const auto kind = process::parse_progress_kind(spec.progress); !kind) {
    throw Error(Errc::config, "provider " + info.name + ": " + kind.error().message);
  }
  return std::make_unique<CommandProvider>(std::move(info), std::move(spec), spawner);
}

}  // namespace holdfast::providers
