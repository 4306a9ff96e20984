#include "holdfast/wire/compose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "holdfast/wire/answer.hpp"
#include "holdfast/wire/request.hpp"

namespace holdfast::wire {
namespace {

using boost::json::parse;
using testing::HasSubstr;

const Prompt plain{.model = "m\"1", .text = "Write \"it\"\nwell, ä"};
const Prompt formed{.model = "m",
                    .text = "x",
                    .schema_json = R"({"type": "object", "properties": {"n": {"maximum": 1.50}}})",
                    .max_tokens = 700};

TEST(Compose, AsksEachDialectForAText) {
  const auto openai = compose(Dialect::openai, plain).value();
  EXPECT_EQ(openai.method, "POST");
  EXPECT_EQ(openai.path, "/chat/completions");
  EXPECT_EQ(parse(openai.body),
            parse(R"({"model":"m\"1","messages":[{"role":"user","content":"Write \"it\"\nwell, ä"}],"stream":true})"));

  const auto anthropic = compose(Dialect::anthropic, plain).value();
  EXPECT_EQ(anthropic.path, "/v1/messages");
  EXPECT_THAT(anthropic.headers,
              testing::Contains(std::pair<std::string, std::string>("anthropic-version", "2023-06-01")));
  EXPECT_EQ(
      parse(anthropic.body),
      parse(
          R"({"model":"m\"1","messages":[{"role":"user","content":"Write \"it\"\nwell, ä"}],"stream":true,"max_tokens":4096})"));

  const auto ollama = compose(Dialect::ollama, plain).value();
  EXPECT_EQ(ollama.path, "/api/chat");
  EXPECT_EQ(parse(ollama.body),
            parse(R"({"model":"m\"1","messages":[{"role":"user","content":"Write \"it\"\nwell, ä"}],"stream":true})"));
}

TEST(Compose, PutsTheSchemaWhereEachDialectWantsIt) {
  const auto openai = compose(Dialect::openai, formed).value();
  EXPECT_EQ(parse(openai.body).at("response_format"), parse(R"({"type":"json_schema","json_schema":{"name":"answer",
    "strict":true,"schema":)" + formed.schema_json + "}}"));
  EXPECT_EQ(parse(openai.body).at("max_completion_tokens"), 700);

  const auto anthropic = compose(Dialect::anthropic, formed).value();
  const auto body = parse(anthropic.body);
  EXPECT_EQ(body.at("tools").at(0).at("name"), answer_tool.data());
  EXPECT_EQ(body.at("tools").at(0).at("input_schema"), parse(formed.schema_json));
  EXPECT_EQ(body.at("tool_choice"), parse(R"({"type":"tool","name":"holdfast_answer"})"));
  EXPECT_EQ(body.at("max_tokens"), 700);

  const auto ollama = compose(Dialect::ollama, formed).value();
  EXPECT_EQ(parse(ollama.body).at("format"), parse(formed.schema_json));
  EXPECT_EQ(parse(ollama.body).at("options").at("num_predict"), 700);
  for (const Outgoing& each : {openai, anthropic, ollama})
    EXPECT_THAT(each.body, HasSubstr("1.50"));
}

TEST(Compose, IsReadAsWhatItIs) {
  for (const Dialect dialect : {Dialect::openai, Dialect::anthropic, Dialect::ollama}) {
    const auto outgoing = compose(dialect, formed).value();
    const std::string base = dialect == Dialect::openai ? "/v1" : "";
    EXPECT_EQ(route_of(outgoing.method, base + outgoing.path, false), outgoing.route);
    EXPECT_EQ(read_request(outgoing.route, "application/json", outgoing.body).value(), (RequestFacts{"m", true}));
    EXPECT_EQ(outgoing.headers.front(), (std::pair<std::string, std::string>("Content-Type", "application/json")));
  }
}

TEST(Compose, AModelMayBeTheProvidersChoice) {
  EXPECT_EQ(parse(compose(Dialect::openai, {.text = "x"})->body).as_object().if_contains("model"), nullptr);
}

TEST(Compose, IsRefusedBeforeAnythingIsSent) {
  for (const Prompt& each :
       {Prompt{.text = "\xff"}, Prompt{.model = "\xff", .text = "x"}, Prompt{.text = "x", .schema_json = "{"},
        Prompt{.text = "x", .schema_json = "[]"}, Prompt{.text = "x", .schema_json = "{}, \"model\": 1"}}) {
    EXPECT_EQ(compose(Dialect::openai, each).error().code, Errc::invalid_argument);
  }
  EXPECT_EQ(compose(Dialect::sdwebui, plain).error().code, Errc::invalid_argument);
  EXPECT_EQ(compose(Dialect::elevenlabs, plain).error().code, Errc::invalid_argument);
}

TEST(Compose, TheKeyHasTheHeaderOfItsDialect) {
  using Header = std::pair<std::string, std::string>;
  EXPECT_EQ(auth_header(Dialect::openai, "k"), Header("Authorization", "Bearer k"));
  EXPECT_EQ(auth_header(Dialect::ollama, "k"), Header("Authorization", "Bearer k"));
  EXPECT_EQ(auth_header(Dialect::anthropic, "k"), Header("x-api-key", "k"));
  EXPECT_EQ(auth_header(Dialect::elevenlabs, "k"), Header("xi-api-key", "k"));
}

}  // namespace
}  // namespace holdfast::wire
