#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/providers/provider_config.hpp"

namespace holdfast::providers {

/// One call for one stage or item of it.
struct StageCall {
  std::string job_id{}, stage_name{}, kind{};
  std::string input{};                 ///< the prompt, expanded
  std::filesystem::path output{};      ///< where the artifact is to be written, whole or not at all by rename
  std::vector<std::string> command{};  ///< what to run, expanded: the stage's own, or the provider's
  std::map<std::string, std::string> env{};
  std::filesystem::path cwd{};
  std::vector<int> success_exit_codes{0};
  std::string progress{};       ///< the stage's own, empty: the provider's
  std::string model{};          ///< said by the stage; empty: the provider's own choice
  bool moved = false;           ///< the stage was meant for another provider: so was `model`
  std::int64_t max_tokens = 0;  ///< the most that may be answered; 0: not said
  std::string schema{};         ///< JSON Schema that the answer is to follow, for those who can be told; empty: any
  /// What is known beside the prompt: `index` and `count` of the item, `language` of the text ("en", "de", "fr").
  std::map<std::string, std::string> values{};
  bool input_on_stdin = true;    ///< kind `command`: no argument mentions the prompt
  bool output_on_stdout = true;  ///< kind `command`: no argument mentions the output
  /// Told the process group of each program that is started for the call, before it is waited for.
  std::function<void(int group)> on_process{};

  /// A further value; empty where nobody gave it.
  std::string value(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

/// What a stage asks of a provider, as far as it is known before anything runs.
struct StageNeeds {
  std::string kind{}, model{};
};

/// What can serve a stage. One interface; what a call did is in its output file.
///
/// Threads: `run` is called on any thread, several at once. Errors: throws `ProviderError`; after a stop, anything.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual const ProviderInfo& info() const = 0;
  /// "command", "rulebased", …
  virtual std::string protocol() const = 0;
  /// What prevents this provider from working here ("program ffmpeg is not installed: apt-get install ffmpeg"); empty:
  /// nothing.
  virtual std::vector<std::string> problems() const = 0;
  /// Beside `problems`: why it cannot serve this stage ("no model is named").
  virtual std::vector<std::string> problems_with(const StageNeeds&) const { return {}; }
  /// Why it can make nothing of this prompt ("there is nothing to read aloud"), as far as that shows before it is
  /// called. Pure; called with the prompts that are known before anything runs.
  virtual std::optional<std::string> prompt_problem(const std::string&) const { return std::nullopt; }
  /// As `problems`, and what the provider itself says where it is asked over the network: whether it is there, takes
  /// the key, has the models. Blocks, for `check_time_max` at most.
  virtual std::vector<std::string> check() const { return problems(); }
  /// False: it serves clients of the proxy only.
  virtual bool runs_jobs() const { return true; }
  /// The kinds of a job's stages that `run` can do; empty: any. `info().kinds` is what it serves at all.
  virtual std::vector<std::string> job_kinds() const { return info().kinds; }
  /// What it runs, as it was configured: whoever calls `run` replaces the variables and gives the result as
  /// `StageCall::command`. Nothing where this provider knows by itself what to do.
  virtual const CommandSpec* command() const { return nullptr; }
  /// How its progress is learned; what `execute_with_patience` is given.
  virtual SharedHeartbeat heartbeat() const = 0;
  /// Reports progress through `operation`, ends when its stop token fires.
  virtual void run(const StageCall& call, OperationContext& operation) const = 0;
};

}  // namespace holdfast::providers
