#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace holdfast {

/// How a provider is talked to. Each name is the one of `holdfast.toml`.
enum class Protocol : unsigned char { openai, anthropic, ollama, elevenlabs, sdwebui, command, rulebased };

/// A program to run, as it was written: `arguments` and the values of `env` still hold their template variables.
///
/// An argument list, never a shell line. Empty members were not said: see each for what that means.
struct CommandSpec {
  std::vector<std::string> arguments{};                    ///< the program first; empty: no command was given
  std::vector<std::pair<std::string, std::string>> env{};  ///< added to the environment of the program, in file order
  std::filesystem::path cwd{};                             ///< absolute; empty: the folder of the artifacts
  std::vector<int> success_exit_codes{};                   ///< 0 to 255; empty: only 0
  std::string progress{};  ///< "output-bytes", "lines", "percent-regex:…", "ffmpeg"; empty: "output-bytes"

  /// Its program is looked for in folders of its own.
  bool sets_path() const {
    return std::ranges::any_of(env, [](const auto& variable) { return variable.first == "PATH"; });
  }

  bool operator==(const CommandSpec&) const = default;
};

/// Whether a provider is asked to stream where the client did not ask for it, so that there is progress to be heard.
enum class StreamToProvider : unsigned char { automatic, always, never };

/// One `[[providers]]` of `holdfast.toml`: checked, relative paths made absolute, the key itself never in it.
struct ProviderConfig {
  std::string name{};
  std::string type{};  ///< selects the timeout profile; empty: by the name's mapping
  Protocol protocol = Protocol::command;
  std::string base_url{};                                     ///< without a slash at its end; empty: the protocol's own
  std::vector<std::pair<std::string, std::string>> models{};  ///< what a model name of the client means here
  std::optional<bool> requires_network{};                     ///< absent: as the protocol and base_url suggest
  std::uint32_t concurrent_max = 0;                           ///< operations at a time; 0: as many as come
  std::string api_key_env{};                                  ///< an environment variable that holds the key
  std::filesystem::path api_key_file{};                       ///< or a file that does
  std::filesystem::path ca_file{};                            ///< who signs its certificate; empty: the system's roots
  StreamToProvider stream_to_provider = StreamToProvider::automatic;
  std::vector<Protocol> speaks{};    ///< protocols beside its own
  std::vector<std::string> kinds{};  ///< stages it can serve; empty: those of its protocol
  CommandSpec command{};
  std::uint32_t line = 0;  ///< in `holdfast.toml`; 0: built in

  bool operator==(const ProviderConfig&) const = default;
};

}  // namespace holdfast
