#include "holdfast/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "holdfast/base/name.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/target.hpp"
#include "holdfast/providers/command_keys.hpp"
#include "holdfast/toml/toml_reader.hpp"

namespace holdfast {
namespace {

struct ProtocolRow {
  Protocol protocol;
  std::string_view name;
};

constexpr std::array protocols = {
    ProtocolRow{Protocol::openai, "openai"},       ProtocolRow{Protocol::anthropic, "anthropic"},
    ProtocolRow{Protocol::ollama, "ollama"},       ProtocolRow{Protocol::elevenlabs, "elevenlabs"},
    ProtocolRow{Protocol::sdwebui, "sdwebui"},     ProtocolRow{Protocol::command, "command"},
    ProtocolRow{Protocol::rulebased, "rulebased"},
};

const std::vector<std::string_view> kinds = {"text", "speech", "image", "video", "embedding"};
const std::vector<std::string_view> scopes = {"proxy", "read", "answer", "admin"};

constexpr std::string_view never_the_key =
    "is refused: never the key itself, use api_key_env or api_key_file (this file is shown, copied and backed up)";
constexpr std::string_view never_the_secret = "is refused: never the secret itself, use webhook_secret_env";

std::string joined(const std::vector<std::string_view>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::vector<std::string_view> protocol_names() {
  std::vector<std::string_view> out;
  for (const ProtocolRow& row : protocols)
    out.push_back(row.name);
  return out;
}

/// What is wrong with an http address, as the end of a sentence.
std::optional<std::string> url_problem(std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return fmt::format("is '{}'; it must begin with http:// or https://", shown(url));
  }
  const bool odd = std::ranges::any_of(rest, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (odd) return "contains a blank or a control character";
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos) return "contains a user name or password; secrets do not belong here";
  if (host.empty() || host.starts_with(':')) return fmt::format("is '{}'; it names no host", shown(url));
  return std::nullopt;
}

/// One reading of one file. Each function reads one table of it.
class Reading {
 public:
  Reading(const TomlDocument& document, const std::filesystem::path& file)
      : document_(document), folder_(std::filesystem::absolute(file).parent_path()), problems_(document.file) {
    config_.file = std::filesystem::absolute(file).lexically_normal();
  }

  checked<Config> run() {
    TomlReader top(document_.table(), 1, "the configuration", problems_);
    read_store(top);
    if (const auto profiles = top.text("profiles")) {
      if (profiles->empty()) top.problem("profiles", "profiles is empty; leave it out for the built-in ones");
      config_.profiles = against(folder_, *profiles);
    }
    if (const auto patience = top.text("patience")) {
      if (const auto wrong = name_problem(*patience)) top.problem("patience", "patience " + *wrong);
      config_.patience = *patience;
    }
    if (const TomlValue* server = top.table("server")) read_server(*server);
    if (const TomlValue* notify = top.table("notify")) read_notify(*notify);
    for (const TomlValue* each : top.tables("providers", providers_max))
      read_provider(*each);
    top.finish();
    if (!problems_.empty()) return problems_;
    return std::move(config_);
  }

 private:
  void read_store(TomlReader& top) {
    const auto store = top.text("store");
    if (!store) return;
    constexpr std::string_view sqlite = "sqlite:";
    config_.store = *store;
    if (store->starts_with(sqlite) && store->size() > sqlite.size()) {
      config_.store = fmt::format("sqlite:{}", against(folder_, store->substr(sqlite.size())).string());
    } else if (*store != "memory:") {
      // Only its kind is shown: behind that a password may stand.
      top.problem("store", fmt::format("store is '{}'; this version has sqlite:PATH and memory: only",
                                       shown(store->substr(0, store->find("://")))));
    }
  }

  void read_server(const TomlValue& value) {
    TomlReader server(*value.as<TomlTable>(), value.place.line, "[server]", problems_);
    ServerConfig& out = config_.server;
    if (const auto listen = server.text("listen")) out.listen = *listen;
    if (auto hosts = server.texts("hosts")) {
      for (const std::string& each : *hosts) {
        if (net::is_host(net::as_host(each))) continue;
        server.problem("hosts", fmt::format("hosts: '{}' is no name and no address", shown(each)));
      }
      out.hosts = std::move(*hosts);
    }
    out.insecure = server.boolean("insecure").value_or(false);
    if (const TomlValue* tls = server.table("tls")) read_tls(*tls);
    for (const TomlValue* each : server.tables("tokens", tokens_max))
      read_token(*each);
    const auto endpoint = net::parse_endpoint(out.listen);
    if (!endpoint || endpoint->is_unix() || !net::is_host(out.listen)) {
      server.problem("listen", fmt::format("listen is '{}'; it must be HOST:PORT, such as 127.0.0.1:7411 or [::1]:7411",
                                           shown(out.listen)));
    } else if (!net::is_loopback(endpoint->host) && !out.insecure && (!out.tls || out.tokens.empty())) {
      server.problem("listen", fmt::format("listen is '{}', which others can reach: it needs [server.tls] and "
                                           "[[server.tokens]], or says insecure = true",
                                           shown(out.listen)));
    }
    server.finish();
  }

  void read_tls(const TomlValue& value) {
    TomlReader tls(*value.as<TomlTable>(), value.place.line, "[server.tls]", problems_);
    TlsConfig out;
    out.certificate = required_path(tls, "certificate");
    out.key = required_path(tls, "key");
    config_.server.tls = std::move(out);
    tls.finish();
  }

  std::filesystem::path required_path(TomlReader& reader, std::string_view key) {
    const TomlValue* said = reader.find(key);
    if (!said) reader.problem(key, fmt::format("{} is missing; it names a PEM file", key));
    const auto path = reader.text(key);
    if (path && path->empty()) reader.problem(key, fmt::format("{} is empty; it names a PEM file", key));
    return path ? against(folder_, *path) : std::filesystem::path();
  }

  void read_token(const TomlValue& value) {
    TomlReader token(*value.as<TomlTable>(), value.place.line, "[[server.tokens]]", problems_);
    TokenConfig out;
    out.name = required_name(token, "name");
    if (!out.name.empty()) token.rename(fmt::format("token '{}'", shown(out.name)));
    const bool twice = std::ranges::any_of(config_.server.tokens, [&](const auto& t) { return t.name == out.name; });
    if (twice && !out.name.empty()) token.problem("name", "there is already a token of this name");
    token.refuse("token", "is refused: never the token itself, give its sha256 (holdfast token makes one)");
    out.sha256 = folded(token.text("sha256").value_or(""));
    const bool hex = out.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (out.sha256.size() != 64 || !hex) {
      token.problem("sha256",
                    "sha256 must be the 64 hexadecimal digits of the token's SHA-256 (holdfast token makes one)");
    }
    out.scopes = token.texts("scopes").value_or(std::vector<std::string>());
    if (out.scopes.empty()) token.problem("scopes", fmt::format("scopes must name some of {}", joined(scopes)));
    for (const std::string& each : out.scopes)
      check_word(token, "scopes", each, scopes);
    config_.server.tokens.push_back(std::move(out));
    token.finish();
  }

  void read_notify(const TomlValue& value) {
    TomlReader notify(*value.as<TomlTable>(), value.place.line, "[notify]", problems_);
    NotifyConfig& out = config_.notify;
    // The same rules for the program as a provider's; the other keys of a command have no meaning here.
    if (notify.find("command")) out.command = read_program(notify, folder_);
    if (const auto url = notify.text("webhook_url")) {
      if (const auto wrong = url_problem(*url)) notify.problem("webhook_url", "webhook_url " + *wrong);
      out.webhook_url = *url;
    }
    notify.refuse("webhook_secret", never_the_secret);
    if (const auto secret = notify.text("webhook_secret_env")) {
      if (!is_environment_name(*secret)) {
        notify.problem("webhook_secret_env", "webhook_secret_env must be the name of an environment variable");
      }
      if (out.webhook_url.empty())
        notify.problem("webhook_secret_env", "webhook_secret_env has no webhook_url to sign");
      out.webhook_secret_env = *secret;
    }
    notify.finish();
  }

  void read_provider(const TomlValue& value) {
    TomlReader reader(*value.as<TomlTable>(), value.place.line, "[[providers]]", problems_);
    ProviderConfig out;
    out.line = value.place.line;
    out.name = required_name(reader, "name");
    if (!out.name.empty()) reader.rename(fmt::format("provider '{}'", shown(out.name)));
    if (const ProviderConfig* first = config_.provider(out.name); first && !out.name.empty()) {
      reader.problem("name", fmt::format("there is already a provider '{}' in line {} (names compare without regard to "
                                         "case)",
                                         shown(first->name), first->line));
    }
    if (const auto type = reader.text("type")) {
      if (const auto wrong = name_problem(*type)) reader.problem("type", "type " + *wrong);
      out.type = *type;
    }
    const auto protocol = read_protocol(reader);
    out.protocol = protocol.value_or(Protocol::command);
    read_address(reader, out);
    read_key(reader, out);
    read_connection(reader, out);
    out.requires_network = reader.boolean("requires_network");
    out.concurrent_max =
        static_cast<std::uint32_t>(reader.integer("concurrent_max", 1, concurrent_max_limit).value_or(0));
    read_words(reader, out);
    reader.refuse("timeout", "is refused: slow is not failed, no operation is ended by elapsed time");
    out.command = read_command(reader, folder_);
    if (protocol) check_command(reader, *value.as<TomlTable>(), out);
    reader.finish();
    config_.providers.push_back(std::move(out));
  }

  std::optional<Protocol> read_protocol(TomlReader& reader) {
    const TomlValue* said = reader.find("protocol");
    if (!said)
      reader.problem("protocol", fmt::format("protocol is missing; it is one of {}", joined(protocol_names())));
    const auto text = reader.text("protocol");
    if (!text) return std::nullopt;
    check_word(reader, "protocol", *text, protocol_names());
    return protocol_from_name(*text);
  }

  void read_address(TomlReader& reader, ProviderConfig& out) {
    if (auto url = reader.text("base_url")) {
      if (const auto wrong = url_problem(*url)) reader.problem("base_url", "base_url " + *wrong);
      while (url->ends_with('/'))
        url->pop_back();
      out.base_url = std::move(*url);
    }
    out.models = reader.texts_by_name("models");
    for (const auto& [client, ours] : out.models) {
      if (client.empty() || ours.empty()) reader.problem("models", "models holds an empty name");
    }
  }

  void read_key(TomlReader& reader, ProviderConfig& out) {
    for (const std::string_view key : {"api_key", "apikey", "key", "token"})
      reader.refuse(key, never_the_key);
    if (const auto variable = reader.text("api_key_env")) {
      if (!is_environment_name(*variable)) {
        // Not shown: it may be the key, put in the wrong place.
        reader.problem("api_key_env",
                       "api_key_env must be the name of an environment variable, such as OPENAI_API_KEY");
      }
      out.api_key_env = *variable;
    }
    if (const auto path = reader.text("api_key_file")) {
      if (path->empty()) reader.problem("api_key_file", "api_key_file is empty");
      if (!out.api_key_env.empty()) reader.problem("api_key_file", "api_key_env and api_key_file: give one of them");
      out.api_key_file = against(folder_, *path);
    }
  }

  void read_connection(TomlReader& reader, ProviderConfig& out) {
    if (const auto path = reader.text("ca_file")) {
      if (path->empty()) reader.problem("ca_file", "ca_file is empty");
      out.ca_file = against(folder_, *path);
    }
    if (const auto word = reader.text("stream_to_provider")) {
      check_word(reader, "stream_to_provider", *word, {"auto", "always", "never"});
      out.stream_to_provider = *word == "always"  ? StreamToProvider::always
                               : *word == "never" ? StreamToProvider::never
                                                  : StreamToProvider::automatic;
    }
  }

  void read_words(TomlReader& reader, ProviderConfig& out) {
    for (const std::string& each : reader.texts("speaks").value_or(std::vector<std::string>())) {
      check_word(reader, "speaks", each, protocol_names());
      if (const auto protocol = protocol_from_name(each)) out.speaks.push_back(*protocol);
    }
    out.kinds = reader.texts("kinds").value_or(std::vector<std::string>());
    for (const std::string& each : out.kinds)
      check_word(reader, "kinds", each, kinds);
  }

  void check_command(TomlReader& reader, const TomlTable& table, const ProviderConfig& provider) {
    const auto said = [&](std::string_view key) { return std::ranges::count(table, key, &TomlEntry::key) > 0; };
    if (provider.protocol == Protocol::command) {
      if (!said("command")) reader.problem("command", "command is missing; protocol = \"command\" runs it");
      for (const std::string_view key : {"base_url", "models", "speaks", "ca_file", "stream_to_provider"}) {
        if (said(key)) reader.problem(key, fmt::format("{} has no meaning for protocol = \"command\"", key));
      }
      return;
    }
    for (const std::string_view key : {"command", "env", "cwd", "success_exit_codes", "progress"}) {
      if (said(key)) reader.problem(key, fmt::format("{} is only for protocol = \"command\"", key));
    }
  }

  std::string required_name(TomlReader& reader, std::string_view key) {
    const TomlValue* said = reader.find(key);
    if (!said) reader.problem(key, fmt::format("{} is missing", key));
    auto text = reader.text(key);
    if (!text) return {};
    if (const auto wrong = name_problem(*text)) {
      reader.problem(key, fmt::format("{} {}", key, *wrong));
      return {};
    }
    return std::move(*text);
  }

  static void check_word(TomlReader& reader, std::string_view key, std::string_view word,
                         const std::vector<std::string_view>& known) {
    if (std::ranges::count(known, word) > 0) return;
    reader.problem(key, fmt::format("{}: there is no '{}'; known are {}{}", key, shown(word), joined(known),
                                    suggestion(word, known)));
  }

  const TomlDocument& document_;
  std::filesystem::path folder_;
  Problems problems_;
  Config config_;
};

}  // namespace

std::string_view name(Protocol protocol) noexcept {
  return std::ranges::find(protocols, protocol, &ProtocolRow::protocol)->name;
}

std::optional<Protocol> protocol_from_name(std::string_view name) noexcept {
  const auto row = std::ranges::find(protocols, name, &ProtocolRow::name);
  return row == protocols.end() ? std::nullopt : std::optional(row->protocol);
}

const ProviderConfig* Config::provider(std::string_view name) const {
  const auto found = std::ranges::find_if(providers, [&](const auto& each) { return same_name(each.name, name); });
  return found == providers.end() ? nullptr : &*found;
}

checked<Config> parse_config(std::string_view text, const std::filesystem::path& file) {
  const auto document = parse_toml(text, file.string());
  if (!document) return document.error();
  return Reading(*document, file).run();
}

checked<Config> load_config(const std::filesystem::path& file) {
  const auto document = load_toml(file);
  if (!document) return document.error();
  return Reading(*document, file).run();
}

std::optional<std::filesystem::path> find_config(const std::filesystem::path& said,
                                                 const EnvironmentLookup& environment,
                                                 const std::filesystem::path& system_folder) {
  const auto value = [&](std::string_view name) { return environment(name).value_or(std::string()); };
  if (!said.empty()) return said;
  if (const std::string named = value("HOLDFAST_CONFIG"); !named.empty()) return named;
  std::vector<std::filesystem::path> folders;
  // A relative one is to be ignored: the XDG specification says so, and the working folder is nobody's.
  if (const std::filesystem::path xdg = value("XDG_CONFIG_HOME"); xdg.is_absolute()) {
    folders.push_back(xdg);
  } else if (const std::filesystem::path home = value("HOME"); home.is_absolute()) {
    folders.push_back(home / ".config");
  }
  folders.push_back(system_folder);
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path file = folder / "holdfast" / "holdfast.toml";
    std::error_code unknown;
    // One that cannot be looked at (no permission) is returned too: reading it will say why.
    const auto status = std::filesystem::status(file, unknown);
    if (status.type() != std::filesystem::file_type::not_found) return file;
  }
  return std::nullopt;
}

}  // namespace holdfast
