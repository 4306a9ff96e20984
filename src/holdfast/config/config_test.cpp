#include "holdfast/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Config config_of(std::string_view text) {
  auto config = parse_config(text, "/etc/holdfast/holdfast.toml");
  EXPECT_TRUE(config) << config.error().text();
  return config ? *config : Config();
}

/// The problems without the name of the file: "LINE: …".
std::string problems_of(std::string_view text) {
  const auto config = parse_config(text, "h.toml");
  if (config) return "";
  std::string out;
  const Problems problems = config.error();
  for (const Problem& each : problems.list()) {
    out += (out.empty() ? "" : "\n") + std::to_string(each.line) + ": " + each.message;
  }
  return out;
}

constexpr std::string_view full = R"(
store = "sqlite:db/holdfast.db"
profiles = "profiles.json"
patience = "longForm"
[server]
listen = "0.0.0.0:80"
hosts = ["example.org"]
[server.tls]
certificate = "cert.pem"
key = "/keys/key.pem"
[[server.tokens]]
name = "ana"
sha256 = "ABCDEF0000000000000000000000000000000000000000000000000000000000"
scopes = ["proxy", "answer"]
[notify]
command = ["./tell", "Holdfast"]
webhook_url = "https://example.org/hook"
webhook_secret_env = "SECRET"
[[providers]]
name = "Ollama"
type = "local_llm"
protocol = "ollama"
base_url = "http://127.0.0.1:11434/"
models = { default = "llama3.1:8b", "gpt-4o-mini" = "llama3.1:8b" }
requires_network = false
concurrent_max = 1
api_key_env = "KEY"
speaks = ["openai"]
kinds = ["text"]
[[providers]]
name = "eSpeak"
protocol = "command"
command = ["espeak-ng", "-w", "${output}"]
env = { B = "2", A = "1" }
cwd = "work"
success_exit_codes = [0, 3]
progress = "percent-regex:([0-9]+)%"
[[providers]]
name = "Eleven"
protocol = "elevenlabs"
api_key_file = "eleven.key"
)";

TEST(Config, ReadsEveryKeyAndMakesPathsRelativeToItsFile) {
  const Config config = config_of(full);
  EXPECT_EQ(config.file, "/etc/holdfast/holdfast.toml");
  EXPECT_EQ(config.store, "sqlite:/etc/holdfast/db/holdfast.db");
  EXPECT_EQ(config.profiles, "/etc/holdfast/profiles.json");
  EXPECT_EQ(config.patience, "longForm");
  EXPECT_EQ(config.server.listen, "0.0.0.0:80");
  EXPECT_THAT(config.server.hosts, ElementsAre("example.org"));
  ASSERT_TRUE(config.server.tls);
  EXPECT_EQ(config.server.tls->certificate, "/etc/holdfast/cert.pem");
  EXPECT_EQ(config.server.tls->key, "/keys/key.pem");
  ASSERT_EQ(config.server.tokens.size(), 1u);
  EXPECT_EQ(config.server.tokens[0].sha256.substr(0, 7), "abcdef0");
  EXPECT_THAT(config.server.tokens[0].scopes, ElementsAre("proxy", "answer"));
  EXPECT_THAT(config.notify.command, ElementsAre("/etc/holdfast/tell", "Holdfast"));
  EXPECT_EQ(config.notify.webhook_secret_env, "SECRET");
  ASSERT_EQ(config.providers.size(), 3u);
  const ProviderConfig& ollama = config.providers[0];
  EXPECT_EQ(ollama.base_url, "http://127.0.0.1:11434");
  EXPECT_THAT(ollama.models, ElementsAre(Pair("default", "llama3.1:8b"), Pair("gpt-4o-mini", "llama3.1:8b")));
  EXPECT_EQ(ollama.requires_network, false);
  EXPECT_EQ(ollama.concurrent_max, 1u);
  EXPECT_THAT(ollama.speaks, ElementsAre(Protocol::openai));
  EXPECT_EQ(ollama.line, 19u);
  const ProviderConfig* speak = config.provider("ESPEAK");
  ASSERT_TRUE(speak);
  EXPECT_THAT(speak->command.arguments, ElementsAre("espeak-ng", "-w", "${output}"));
  EXPECT_THAT(speak->command.env, ElementsAre(Pair("B", "2"), Pair("A", "1")));
  EXPECT_EQ(speak->command.cwd, "/etc/holdfast/work");
  EXPECT_THAT(speak->command.success_exit_codes, ElementsAre(0, 3));
  EXPECT_EQ(speak->command.progress, "percent-regex:([0-9]+)%");
  EXPECT_EQ(speak->requires_network, std::nullopt);
  EXPECT_EQ(config.providers[2].api_key_file, "/etc/holdfast/eleven.key");
  EXPECT_EQ(config.provider("nobody"), nullptr);
}

TEST(Config, NothingSaidIsTheDefault) {
  Config plain;
  plain.file = "/etc/holdfast/holdfast.toml";
  EXPECT_EQ(config_of(""), plain);
}

TEST(Config, TheTemplateIsTheDefaultAsItStands) {
  Config plain;
  plain.file = "/etc/holdfast/holdfast.toml";
  EXPECT_EQ(config_of(config_template()), plain);
}

TEST(Config, TheTemplateParsesWithEveryKeyUncommented) {
  std::istringstream in{std::string(config_template())};
  std::string text;
  for (std::string line; std::getline(in, line);) {
    const bool key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    text += (key ? line.substr(1) : line) + "\n";
  }
  const Config config = config_of(text);
  EXPECT_EQ(config.providers.size(), 5u);
  EXPECT_EQ(config.server.tokens.size(), 1u);
  EXPECT_TRUE(config.server.tls);
  EXPECT_FALSE(config.notify.webhook_secret_env.empty());
  EXPECT_FALSE(config.provider("eSpeak")->command.env.empty());
  EXPECT_FALSE(config.provider("OpenAI")->ca_file.empty());
  EXPECT_EQ(config.provider("Ollama")->stream_to_provider, StreamToProvider::always);
}

TEST(Config, TheExampleForServeIsOne) {
  const auto config = load_config(std::string(HOLDFAST_SOURCE_DIR) + "/examples/configs/serve.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_GE(config->providers.size(), 3u);
}

TEST(Config, SaysEverythingThatIsWrongInTheOrderOfTheLines) {
  EXPECT_EQ(problems_of("stor = \"x\"\npatience = \"\"\n[[providers]]\nname = \"A\"\nprotocol = \"olama\"\n"),
            "1: the configuration: unknown key 'stor'; did you mean 'store'?\n"
            "2: the configuration: patience is empty\n"
            "5: provider 'A': protocol: there is no 'olama'; known are openai, anthropic, ollama, elevenlabs, sdwebui, "
            "command, rulebased; did you mean 'ollama'?");
}

TEST(Config, RefusesAKeyGivenLiterallyWithoutRepeatingIt) {
  const std::string said = problems_of("[[providers]]\nname = \"A\"\nprotocol = \"openai\"\napi_key = \"sk-secret\"\n");
  EXPECT_THAT(said,
              HasSubstr("4: provider 'A': api_key is refused: never the key itself, use api_key_env or api_key_file"));
  const std::string env =
      problems_of("[[providers]]\nname = \"A\"\nprotocol = \"openai\"\napi_key_env = \"sk-secret\"\n");
  EXPECT_THAT(env, HasSubstr("4: provider 'A': api_key_env must be the name of an environment variable"));
  EXPECT_EQ((said + env).find("sk-secret"), std::string::npos);
}

TEST(Config, NamesTheLineAndWhatWouldBeRight) {
  const std::string a = "[[providers]]\nname = \"A\"\nprotocol = \"ollama\"\n";
  const std::string c = "[[providers]]\nname = \"C\"\nprotocol = \"command\"\ncommand = [\"x\"]\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"store = \"mysql://u:p@h\"", "1: the configuration: store is 'mysql'; this version has"},
      {"store = \"sqlite:\"", "store is 'sqlite:'"},
      {"store = 3", "1: the configuration: store is a whole number; it must be a text"},
      {"profiles = \"\"", "profiles is empty"},
      {"providers = 3", "write [[providers]] above each"},
      {"[[providers]]\nprotocol = \"ollama\"", "1: [[providers]]: name is missing"},
      {"[[providers]]\nname = \" \"\nprotocol = \"ollama\"", "2: [[providers]]: name is blank"},
      {"[[providers]]\nname = 3\nprotocol = \"ollama\"", "2: [[providers]]: name is a whole number"},
      {"[[providers]]\nname = \"A\"", "1: provider 'A': protocol is missing; it is one of openai"},
      {a + "[[providers]]\nname = \"a\"\nprotocol = \"ollama\"",
       "5: provider 'a': there is already a provider 'A' in line 1 (names compare without regard to case)"},
      {a + "type = \"\"", "4: provider 'A': type is empty"},
      {a + "base_url = \"ftp://x\"", "base_url is 'ftp://x'; it must begin with http:// or https://"},
      {a + "base_url = \"http://\"", "it names no host"},
      {a + "base_url = \"http://a b\"", "contains a blank"},
      {a + "base_url = \"http://u:p@h\"", "secrets do not belong here"},
      {a + "models = { a = \"\" }", "models holds an empty name"},
      {a + "concurrent_max = 0", "concurrent_max is 0; it must be from 1 to 100000"},
      {a + "api_key_file = \"\"", "api_key_file is empty"},
      {a + "api_key_env = \"K\"\napi_key_file = \"f\"",
       "5: provider 'A': api_key_env and api_key_file: give one of them"},
      {a + "speaks = [\"http\"]", "speaks: there is no 'http'"},
      {a + "kinds = [\"txt\"]",
       "kinds: there is no 'txt'; known are text, speech, image, video, embedding; did you mean 'text'?"},
      {a + "timeout = 3", "timeout is refused: slow is not failed"},
      {a + "command = [\"x\"]", "4: provider 'A': command is only for protocol = \"command\""},
      {"[[providers]]\nname = \"C\"\nprotocol = \"command\"", "1: provider 'C': command is missing"},
      {"[[providers]]\nname = \"C\"\nprotocol = \"command\"\ncommand = \"ls -l\"",
       "4: provider 'C': command is a text; it must be a list"},
      {"[[providers]]\nname = \"C\"\nprotocol = \"command\"\ncommand = []", "command is empty"},
      {"[[providers]]\nname = \"C\"\nprotocol = \"command\"\ncommand = 1",
       "command is a whole number; it must be a list"},
      {"[[providers]]\nname = \"C\"\nprotocol = \"command\"\ncommand = [\"\"]", "begins with an empty text"},
      {c + "base_url = \"http://x\"", "base_url has no meaning for protocol = \"command\""},
      {c + "env = { \"A B\" = \"1\" }", "env has 'A B', which is no name"},
      {c + "cwd = \"\"", "cwd is empty"},
      {c + "success_exit_codes = []", "success_exit_codes is empty"},
      {c + "success_exit_codes = [256]", "no whole number from 0 to 255"},
      {c + "progress = \"line\"",
       "progress is 'line'; it must be output-bytes, lines, ffmpeg or percent-regex:PATTERN; did you mean 'lines'?"},
      {c + "progress = \"percent-regex:\"", "has no pattern"},
      {c + "progress = \"percent-regex:(\"", "is no regular expression"},
      {c + "progress = \"percent-regex:[0-9]\"", "needs one group"},
      {c + "progress = \"percent-regex:" + std::string(300, 'x') + "\"", "has a pattern of 300 bytes; 256 are allowed"},
      {"[server]\nlisten = \"0.0.0.0:80\"", "2: [server]: listen is '0.0.0.0:80', which others can reach: it needs"},
      {"[server]\nlisten = \"127.0.0.1\"", "it must be HOST:PORT"},
      {"[server]\nlisten = \"x:99999\"", "it must be HOST:PORT"},
      {"[server]\nlisten = \"::1:80\"", "it must be HOST:PORT"},
      {"[server]\nlisten = \":80\"", "it must be HOST:PORT"},
      {"[server]\nhosts = [\"\"]", "2: [server]: hosts: '' is no name and no address"},
      {"[server.tls]\nkey = \"\"",
       "1: [server.tls]: certificate is missing; it names a PEM file\n2: [server.tls]: key is empty"},
      {"[[server.tokens]]\nname = \"a\"\nsha256 = \"12\"\nscopes = [\"all\"]\ntoken = \"t\"",
       "3: token 'a': sha256 must be the 64 hexadecimal digits of the token's SHA-256 (holdfast token makes one)\n"
       "4: token 'a': scopes: there is no 'all'; known are proxy, read, answer, admin\n"
       "5: token 'a': token is refused: never the token itself"},
      {"[[server.tokens]]\nname = \"a\"\n[[server.tokens]]\nname = \"a\"",
       "4: token 'a': there is already a token of this name"},
      {"[notify]\nwebhook_secret = \"s\"\nwebhook_secret_env = \"1X\"",
       "2: [notify]: webhook_secret is refused: never the secret itself, use webhook_secret_env\n"
       "3: [notify]: webhook_secret_env must be the name of an environment variable\n"
       "3: [notify]: webhook_secret_env has no webhook_url to sign"},
      {"[notify]\nwebhook_url = \"x\"", "2: [notify]: webhook_url is 'x'"},
      {"[notify]\nprogress = \"lines\"", "2: [notify]: unknown key 'progress'"},
  };
  for (const auto& [text, problem] : cases)
    EXPECT_THAT(problems_of(text), HasSubstr(problem)) << text;
}

TEST(Config, APublicAddressIsFineWhenItIsMeant) {
  EXPECT_EQ(config_of("[server]\nlisten = \"0.0.0.0:80\"\ninsecure = true").server.insecure, true);
  EXPECT_EQ(config_of("[server]\nlisten = \"[::1]:80\"").server.listen, "[::1]:80");
  EXPECT_EQ(config_of("store = \"memory:\"").store, "memory:");
}

TEST(Config, AStoreThatThisVersionDoesNotHaveIsRefusedWhereItStandsAndItsPasswordIsNotShown) {
  for (const std::string kind : {"postgresql", "postgres"}) {
    EXPECT_EQ(problems_of("\nstore = \"" + kind + "://ana:s3cret@h/d\""),
              "2: the configuration: store is '" + kind + "'; this version has sqlite:PATH and memory: only");
  }
}

TEST(Config, WhatServeWouldRefuseIsRefusedHere) {
  for (const char* public_one : {"127.evil.example:80", "127.0.0.1.evil.example:80", "127.1.2.3.4:80", "[::]:80"}) {
    EXPECT_THAT(problems_of("[server]\nlisten = \"" + std::string(public_one) + "\""), HasSubstr("others can reach"))
        << public_one;
  }
  for (const char* own : {"localhost:80", "127.8.8.8:80", "[::1]:80"}) {
    EXPECT_EQ(problems_of("[server]\nlisten = \"" + std::string(own) + "\""), "") << own;
  }
  EXPECT_THAT(problems_of("[server]\nlisten = \"unix:/run/h.sock\""), HasSubstr("it must be HOST:PORT"));
  EXPECT_THAT(problems_of("[server]\nhosts = [\"https://box.example\"]"),
              HasSubstr("'https://box.example' is no name"));
  EXPECT_EQ(problems_of("[server]\nhosts = [\"box.example\", \"::1\", \"tunnel.example:8443\"]"), "");
}

TEST(Config, ProtocolsHaveNames) {
  for (const Protocol each : {Protocol::openai, Protocol::sdwebui, Protocol::rulebased}) {
    EXPECT_EQ(protocol_from_name(name(each)), each);
  }
  EXPECT_EQ(protocol_from_name("telnet"), std::nullopt);
}

class FindConfig : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* each : {"xdg", "home/.config", "etc"}) {
      std::filesystem::create_directories(root_ / each / "holdfast");
      std::ofstream(file(each)) << "patience = \"longForm\"\n";
    }
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::filesystem::path file(const std::string& folder) const { return root_ / folder / "holdfast" / "holdfast.toml"; }
  std::optional<std::filesystem::path> find(const std::filesystem::path& said = {}) const {
    const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
      const auto found = environment_.find(std::string(name));
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return find_config(said, lookup, root_ / "etc");
  }

  std::filesystem::path root_ =
      std::filesystem::path(testing::TempDir()) / ("find_config-" + std::to_string(::getpid()));
  std::map<std::string, std::string> environment_;
};

TEST_F(FindConfig, LooksInTheOrderOfThePage) {
  environment_ = {{"HOLDFAST_CONFIG", "/named.toml"}, {"XDG_CONFIG_HOME", root_ / "xdg"}, {"HOME", root_ / "home"}};
  EXPECT_EQ(find("said.toml"), "said.toml");
  EXPECT_EQ(find(), "/named.toml");
  environment_["HOLDFAST_CONFIG"] = "";
  EXPECT_EQ(find(), file("xdg"));
  std::filesystem::remove(file("xdg"));
  EXPECT_EQ(find(), file("etc")) << "XDG_CONFIG_HOME replaces ~/.config";
  environment_["XDG_CONFIG_HOME"] = "xdg";
  EXPECT_EQ(find(), file("home/.config")) << "a relative one is to be ignored";
  std::filesystem::remove(file("home/.config"));
  EXPECT_EQ(find(), file("etc"));
  std::filesystem::remove(file("etc"));
  EXPECT_EQ(find(), std::nullopt);
}

TEST_F(FindConfig, WhatItFindsIsLoaded) {
  const auto config = load_config(*find());
  ASSERT_TRUE(config);
  EXPECT_EQ(config->patience, "longForm");
  EXPECT_EQ(config->file, file("etc"));
  EXPECT_THAT(load_config(root_ / "no.toml").error().text(), HasSubstr("no.toml: cannot be read"));
  EXPECT_THAT(parse_config("a =", "x.toml").error().text(), HasSubstr("x.toml:1: is not TOML"));
}

}  // namespace
}  // namespace holdfast
