#include "holdfast/providers/http_access.hpp"

#include <fstream>

#include "holdfast/net/tls/tls.hpp"

namespace holdfast::providers {
namespace {

constexpr std::size_t key_bytes_max = 16 * 1024;  ///< the longest keys are tokens of some thousand bytes

[[noreturn]] void refuse(const ProviderConfig& config, const std::string& why) {
  throw Error(Errc::config, "provider " + config.name +
                                (config.line != 0 ? " (line " + std::to_string(config.line) + ")" : "") + ": " + why);
}

std::string_view default_base_url(Protocol protocol) {
  switch (protocol) {
    case Protocol::openai:
      return "https://api.openai.com/v1";
    case Protocol::anthropic:
      return "https://api.anthropic.com";
    case Protocol::ollama:
      return "http://127.0.0.1:11434";
    case Protocol::elevenlabs:
      return "https://api.elevenlabs.io";
    case Protocol::sdwebui:
      return "http://127.0.0.1:7860";
    case Protocol::command:
    case Protocol::rulebased:
      break;
  }
  return {};
}

std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

Secret key_of(const ProviderConfig& config,
              const std::function<std::optional<std::string>(std::string_view)>& environment) {
  std::string key;
  if (!config.api_key_env.empty()) {
    key = environment(config.api_key_env).value_or("");
    if (key.empty()) refuse(config, "the environment variable " + config.api_key_env + " (api_key_env) is not set");
  } else if (!config.api_key_file.empty()) {
    std::ifstream file(config.api_key_file, std::ios::binary);
    if (!file) refuse(config, "cannot read " + config.api_key_file.string() + " (api_key_file)");
    key.resize(key_bytes_max + 1);
    file.read(key.data(), static_cast<std::streamsize>(key.size()));
    key.resize(static_cast<std::size_t>(file.gcount()));
    key = without_line_end(std::move(key));
    if (key.empty()) refuse(config, config.api_key_file.string() + " (api_key_file) is empty");
  }
  if (key.size() > key_bytes_max) refuse(config, "the key is over " + std::to_string(key_bytes_max) + " bytes");
  for (const char each : key) {
    if (each < '!' || each > '~') refuse(config, "the key holds a byte that no header may carry");
  }
  return Secret(std::move(key));
}

}  // namespace

std::optional<wire::Dialect> dialect_of(Protocol protocol) noexcept {
  switch (protocol) {
    case Protocol::openai:
      return wire::Dialect::openai;
    case Protocol::anthropic:
      return wire::Dialect::anthropic;
    case Protocol::ollama:
      return wire::Dialect::ollama;
    case Protocol::elevenlabs:
      return wire::Dialect::elevenlabs;
    case Protocol::sdwebui:
      return wire::Dialect::sdwebui;
    case Protocol::command:
    case Protocol::rulebased:
      break;
  }
  return std::nullopt;
}

HttpAccess http_access(const ProviderConfig& config,
                       const std::function<std::optional<std::string>(std::string_view)>& environment) {
  HttpAccess access;
  access.dialect = dialect_of(config.protocol).value();
  for (const Protocol each : config.speaks) {
    if (const auto dialect = dialect_of(each)) access.speaks.push_back(*dialect);
  }
  // Ollama serves OpenAI's paths too.
  if (config.protocol == Protocol::ollama) access.speaks.push_back(wire::Dialect::openai);
  auto base = net::parse_origin(config.base_url.empty() ? default_base_url(config.protocol) : config.base_url);
  if (!base) refuse(config, "base_url: " + base.error().message);
  access.base = std::move(*base);
  if (access.base.origin.tls) {
    auto trusted = net::TlsClientContext::make(config.ca_file.string());
    if (!trusted) refuse(config, trusted.error().message);
    access.connector = net::connector(access.base.origin, std::move(*trusted));
  } else {
    access.connector = net::plain_connector(access.base.origin);
  }
  access.api_key = key_of(config, environment);
  return access;
}

}  // namespace holdfast::providers
