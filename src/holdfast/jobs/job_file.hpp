#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/jobs/template.hpp"
#include "holdfast/providers/provider_config.hpp"
#include "holdfast/toml/problems.hpp"

/// Job files: what is to be made, by whom, from what. Everything wrong with one is said before anything runs.
namespace holdfast {

/// Stages are shown on one screen and locked one by one.
inline constexpr std::size_t stages_max = 256;
inline constexpr std::size_t inputs_max = 256;
/// Inputs are held in memory and put into prompts; a model reads a hundredth of this.
inline constexpr std::size_t input_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t inputs_bytes_max = 64 * 1024 * 1024;
/// Items of one stage at a time; each is a call to a provider that somebody pays for.
inline constexpr std::uint32_t parallel_max = 64;
/// A schema goes into each request; providers take far less.
inline constexpr std::size_t schema_bytes_max = 256 * 1024;
/// No model answers at such length.
inline constexpr std::int64_t max_tokens_max = 10'000'000;

enum class StageKind : unsigned char { text, speech, image, video, command };

/// "text", "speech", "image", "video", "command".
std::string_view name(StageKind kind) noexcept;
std::optional<StageKind> stage_kind_from_name(std::string_view name) noexcept;

struct JobInput {
  std::string name;            ///< compares exactly
  std::string value;           ///< what `${inputs.NAME}` stands for
  std::filesystem::path file;  ///< absolute, where the value came from one
  std::uint32_t line = 0;      ///< of its default in the job file; 0: only the command line gives it
  bool overridden = false;     ///< the command line gave the value

  bool operator==(const JobInput&) const = default;
};

struct Stage {
  std::string name;  ///< compares without regard to ASCII case
  StageKind kind = StageKind::text;
  std::string provider;       ///< never empty; where only a command was given, the name of its program
  std::string provider_type;  ///< empty: by the provider's configuration or name
  Template prompt;
  Template output;  ///< expands to a name inside the folder of the job, see `expand_outputs`
  std::optional<Reference> for_each;
  /// Two stages with the same one run over the same items: there `${files.NAME}` is the file of the same item.
  std::string item_source;  ///< empty: no `for_each`
  std::uint32_t parallel = 1;
  bool absolute = false;        ///< its lock cannot be overridden
  std::string model{};          ///< of kind text; empty: the provider's default
  std::int64_t max_tokens = 0;  ///< of kind text: the most that may be answered; 0: not said
  std::string schema{};  ///< JSON Schema that the artifact must follow, `check_schema` has been through it; empty: none
  /// What the stage says about its command. `arguments` given: that command is run; else the rest is laid over what the
  /// provider's configuration says, see `command_of`.
  CommandSpec command;
  std::uint32_t line = 0;  ///< of its `[[stages]]`
  std::map<std::string, std::uint32_t, std::less<>> key_lines{};

  /// Where the key stands, else where the stage begins.
  std::uint32_t line_of(std::string_view key) const;
  bool operator==(const Stage&) const = default;
};

struct JobFile {
  std::filesystem::path path;  ///< absolute
  std::string shown_as;        ///< how messages call it: as it was named
  std::string text;            ///< as it was read, for the store
  std::string name;
  std::string patience;  ///< empty: not said; whether there is such a profile is for the caller to check
  std::uint32_t patience_line = 0;
  std::vector<JobInput> inputs;  ///< in the order of the file, then those that only the command line gave
  std::vector<Stage> stages;     ///< in the order in which they run

  const Stage* stage(std::string_view name) const;
  const JobInput* input(std::string_view name) const;
};

/// What could be read of a job file, and everything that is wrong with it.
struct JobReading {
  /// With problems, only the stages with which nothing is wrong: good for looking for more problems, and not to be run.
  JobFile job;
  Problems problems;
};

/// What the command line changes.
struct JobOverrides {
  std::vector<std::pair<std::string, std::string>> inputs;  ///< `--input NAME=VALUE`, the last of a name wins
  /// `--provider STAGE=NAME`: only looked at for what is wrong. Stages keep the provider of the file, to whom a command
  /// of theirs belongs; who serves them in a run is said by its options.
  std::vector<std::pair<std::string, std::string>> providers;
  std::filesystem::path working_folder;  ///< `@FILE` in `inputs` is relative to it; empty: the process's own
};

/// "NAME=VALUE" at its first `=`. Failure `invalid_argument` where there is none, or nothing before it. `flag` is for
/// the message.
result<std::pair<std::string, std::string>> parse_assignment(std::string_view text, std::string_view flag);

/// Reads the text of a job file. `file` names it in messages; `@FILE` inside is relative to its folder. A value that
/// begins with `@@` is a text that begins with `@`. Problems: all of them, each with its line; those of the command
/// line name the flag instead of the file.
JobReading read_job_text(std::string_view text, const std::filesystem::path& file, const JobOverrides& overrides = {});

/// The same from a file of at most `toml_bytes_max`.
JobReading read_job_file(const std::filesystem::path& file, const JobOverrides& overrides = {});

/// The same where only a whole one is of use.
checked<JobFile> parse_job_file(std::string_view text, const std::filesystem::path& file,
                                const JobOverrides& overrides = {});
checked<JobFile> load_job_file(const std::filesystem::path& file, const JobOverrides& overrides = {});

/// A command with its variables read.
struct CommandTemplates {
  std::vector<Template> arguments;
  std::vector<std::pair<std::string, Template>> env;

  bool mentions(Reference::Kind kind) const;
};

/// Failure `config`: what is wrong with the variables. The commands of stages have been through it; call it for those
/// of the configuration before anything runs.
result<CommandTemplates> parse_command(const CommandSpec& command);

/// What is run for a stage: its own command, or its provider's with what the stage says laid over it (`env` key by
/// key). `success_exit_codes` and `progress` are filled in.
CommandSpec command_of(const Stage& stage, const CommandSpec& provider);

/// What `holdfast init` writes as `job.toml`.
std::string_view job_template() noexcept;

}  // namespace holdfast
