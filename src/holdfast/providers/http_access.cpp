#include "holdfast/providers/http_access.hpp"

#include <boost/system/errc.hpp>
#include <fstream>
#include <memory>
#include <mutex>

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

net::awaitable<net::Connected> without_roots() {
  co_return net::Connected{.error =
                               boost::system::errc::make_error_code(boost::system::errc::no_such_file_or_directory)};
}

/// The system's roots are read for the first connection: that takes a tenth of a second, which no start needs.
net::Connector with_system_roots(const net::Origin& origin) {
  struct Roots {
    std::once_flag once;
    std::optional<net::TlsClientContext> context;
  };
  return [origin, roots = std::make_shared<Roots>()] {
    std::call_once(roots->once, [&] {
      if (auto made = net::TlsClientContext::make()) roots->context = std::move(*made);
    });
    return roots->context ? net::connector(origin, *roots->context)() : without_roots();
  };
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
  if (!access.base.origin.tls) {
    access.connector = net::plain_connector(access.base.origin);
  } else if (config.ca_file.empty()) {
    access.connector = with_system_roots(access.base.origin);
  } else {
    auto trusted = net::TlsClientContext::make(config.ca_file.string());
    if (!trusted) refuse(config, trusted.error().message);
    access.connector = net::connector(access.base.origin, std::move(*trusted));
  }
  access.api_key = key_of(config, environment);
  return access;
}

}  // namespace holdfast::providers
