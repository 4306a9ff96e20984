#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/providers/provider_config.hpp"
#include "holdfast/toml/problems.hpp"

/// `holdfast.toml`: what of it is said, checked as far as the file alone can be, and nothing else.
namespace holdfast {

/// Alternatives are shown as a list to choose from; nobody reads a longer one.
inline constexpr std::size_t providers_max = 256;
/// Every request of a client compares its token with all of them.
inline constexpr std::size_t tokens_max = 1024;
inline constexpr std::uint32_t concurrent_max_limit = 100'000;

struct TlsConfig {
  std::filesystem::path certificate, key;  ///< absolute; PEM

  bool operator==(const TlsConfig&) const = default;
};

struct TokenConfig {
  std::string name;
  std::string sha256;               ///< of the token: 64 hexadecimal digits in lower case
  std::vector<std::string> scopes;  ///< of "proxy", "read", "answer", "admin"

  bool operator==(const TokenConfig&) const = default;
};

struct ServerConfig {
  std::string listen = "127.0.0.1:7411";  ///< HOST:PORT or [IPV6]:PORT
  std::vector<std::string> hosts;         ///< names by which it may be called, beside those of the loopback interface
  bool insecure = false;                  ///< a public address without tokens and TLS is meant
  std::optional<TlsConfig> tls;
  std::vector<TokenConfig> tokens;

  bool operator==(const ServerConfig&) const = default;
};

struct NotifyConfig {
  std::vector<std::string> command;  ///< gets the question as JSON on stdin; empty: none
  std::string webhook_url;           ///< empty: none
  std::string webhook_secret_env;    ///< an environment variable that holds the secret; empty: unsigned

  bool operator==(const NotifyConfig&) const = default;
};

/// Empty texts and paths were not said: the caller's default holds.
struct Config {
  std::filesystem::path file;         ///< where it was read; empty: built in
  std::string store;                  ///< "sqlite:/absolute/path" or "memory:"
  std::filesystem::path profiles;     ///< absolute
  std::string patience = "balanced";  ///< whether there is such a profile is for the caller to check
  ServerConfig server;
  NotifyConfig notify;
  std::vector<ProviderConfig> providers;  ///< in the order of the file; names differ without regard to ASCII case

  /// The provider of this name, without regard to ASCII case.
  const ProviderConfig* provider(std::string_view name) const;

  bool operator==(const Config&) const = default;
};

std::string_view name(Protocol protocol) noexcept;
std::optional<Protocol> protocol_from_name(std::string_view name) noexcept;

/// Reads the text of a configuration. `file` names it in messages, and relative paths inside are relative to its
/// folder. Problems: all of them, each with its line; the syntax of template variables in commands is not looked at.
checked<Config> parse_config(std::string_view text, const std::filesystem::path& file);

/// The same from a file of at most `toml_bytes_max`.
checked<Config> load_config(const std::filesystem::path& file);

/// The value of an environment variable; nothing where it is not set. An empty one counts as not set.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view)>;

/// Where the configuration stands: what `--config` said, `HOLDFAST_CONFIG`, `$XDG_CONFIG_HOME/holdfast/holdfast.toml`
/// (`~/.config` where that is not set), `SYSTEM/holdfast/holdfast.toml`; nothing: built in. The first two are returned
/// whether or not there is such a file, so that a mistyped one is an error and not the next in line. Never the working
/// folder: the file names commands to run.
std::optional<std::filesystem::path> find_config(const std::filesystem::path& said,
                                                 const EnvironmentLookup& environment,
                                                 const std::filesystem::path& system_folder = "/etc");

/// What `holdfast init` writes: every key of the configuration, explained, commented out.
std::string_view config_template() noexcept;

}  // namespace holdfast
