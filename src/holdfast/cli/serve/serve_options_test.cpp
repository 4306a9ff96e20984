#include "holdfast/cli/serve/serve_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "holdfast/cli/serve/token_text.hpp"
#include "holdfast/providers/http_access.hpp"

namespace holdfast::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

EnvironmentLookup environment(std::string value) {
  return [value](std::string_view name) -> std::optional<std::string> {
    if (name == "KEY") return value;
    return std::nullopt;
  };
}

Config config(const std::string& text) {
  auto parsed = parse_config(text, "/etc/holdfast.toml");
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  return parsed ? std::move(*parsed) : Config();
}

std::string refusal(const std::string& text, const std::string& key = {}) {
  try {
    http_providers(config(text), environment(key));
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::config);
    return error.what();
  }
}

TEST(ServeOptions, ProvidersOverHttpAreTakenWithTheirDialectsAndAddresses) {
  const auto all =
      http_providers(config("[[providers]]\nname = \"Local\"\nprotocol = \"ollama\"\n"
                            "[[providers]]\nname = \"GPT\"\nprotocol = \"openai\"\napi_key_env = \"KEY\"\n"
                            "models = { default = \"gpt-5\" }\n"
                            "[[providers]]\nname = \"Voice\"\nprotocol = \"command\"\ncommand = [\"say\"]\n"),
                     environment("secret"));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "Local");
  EXPECT_EQ(all[0].base.origin.text(), "http://127.0.0.1:11434");
  EXPECT_TRUE(all[0].understands(wire::Dialect::ollama));
  EXPECT_TRUE(all[0].understands(wire::Dialect::openai)) << "Ollama serves OpenAI's paths too";
  EXPECT_FALSE(all[0].understands(wire::Dialect::anthropic));
  EXPECT_EQ(all[1].base.origin.text() + all[1].base.path, "https://api.openai.com/v1");
  EXPECT_EQ(all[1].api_key.reveal(), "secret");
  EXPECT_EQ(all[1].model("", false), "gpt-5");
}

TEST(ServeOptions, ANewTokenIsOneThatItsConfigurationAdmits) {
  const std::string text = new_token_text("ana \"the\" admin", {"proxy", "answer"}, false);
  const std::string token = text.substr(text.find("hf_"), 67);
  const net::Access access = access_of(config("[server]\n" + text.substr(text.find("[[server"))).server);
  net::Fields fields;
  fields.add("Authorization", "Bearer " + token);
  const auto found = access.tokens().find(fields);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "ana \"the\" admin");
  EXPECT_TRUE(found->allows(net::Scope::proxy) && found->allows(net::Scope::read));
  EXPECT_FALSE(found->allows(net::Scope::admin));
}

TEST(ServeOptions, AKeyThatIsNotThereIsNamedAndNeverShown) {
  const std::string gpt = "[[providers]]\nname = \"GPT\"\nprotocol = \"openai\"\n";
  EXPECT_THAT(refusal(gpt + "api_key_env = \"OTHER\"\n"),
              AllOf(HasSubstr("GPT (line 1)"), HasSubstr("OTHER (api_key_env) is not set")));
  EXPECT_THAT(refusal(gpt + "api_key_file = \"/nowhere/key\"\n"), HasSubstr("cannot read /nowhere/key"));
  EXPECT_THAT(refusal(gpt + "api_key_env = \"KEY\"\n", "se\ncret"),
              AllOf(HasSubstr("no header may carry"), Not(HasSubstr("cret"))));
}

TEST(ServeOptions, AKeyFileMayEndWithALineEnd) {
  const auto file = std::filesystem::temp_directory_path() / ("holdfast-key-" + std::to_string(::getpid()));
  std::ofstream(file) << "from-file\n";
  const auto all = http_providers(
      config("[[providers]]\nname = \"GPT\"\nprotocol = \"openai\"\napi_key_file = \"" + file.string() + "\"\n"),
      environment(""));
  std::filesystem::remove(file);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].api_key.reveal(), "from-file");
}

}  // namespace
}  // namespace holdfast::cli
