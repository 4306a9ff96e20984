#include "holdfast/proxy/forwarding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::proxy {
namespace {

ProviderOptions provider(std::string key = {}) {
  ProviderOptions options{.name = "GPT", .dialect = wire::Dialect::openai};
  options.base = net::parse_origin("https://api.openai.com/v1").value();
  options.api_key = Secret(std::move(key));
  return options;
}

/// Holdfast's own: "hf_ours".
net::Tokens tokens() {
  const std::vector<net::TokenEntry> entries = {
      {.name = "ana", .sha256 = net::sha256_of_token("hf_ours"), .scopes = {"proxy"}}};
  return net::Tokens::make(entries).value();
}

TEST(Forwarding, FieldsOfTheHopAndHoldfastsOwnStayHere) {
  const net::RequestHead from{.method = "POST",
                              .fields = {{"Host", "localhost:7411"},
                                         {"Connection", "keep-alive, X-Hop"},
                                         {"X-Hop", "1"},
                                         {"Keep-Alive", "timeout=5"},
                                         {"TE", "trailers"},
                                         {"Transfer-Encoding", "chunked"},
                                         {"Upgrade", "h2c"},
                                         {"Expect", "100-continue"},
                                         {"Accept-Encoding", "gzip"},
                                         {"holdfast-job", "film"},
                                         {"traceparent", "00-a-b-01"},
                                         {"X-Stainless-Retry-Count", "0"}}};
  const net::RequestHead to = request_for(provider("key"), from, "/v1/x", tokens(), false);
  const net::Fields expected = {{"traceparent", "00-a-b-01"},
                                {"X-Stainless-Retry-Count", "0"},
                                {"Authorization", "Bearer key"},
                                {"Accept-Encoding", "identity"},
                                {"Host", "api.openai.com"}};
  EXPECT_EQ(to.fields, expected);
  EXPECT_EQ(to.target, "/v1/x");
  EXPECT_EQ(to.method, "POST");
}

TEST(Forwarding, TheProvidersKeyTakesThePlaceOfTheClients) {
  const net::RequestHead from{.fields = {{"Authorization", "Bearer client"}, {"x-api-key", "client"}}};
  EXPECT_EQ(request_for(provider("key"), from, "/", tokens(), false).fields.find("Authorization"), "Bearer key");
  EXPECT_EQ(request_for(provider("key"), from, "/", tokens(), false).fields.count("x-api-key"), 0u);
  EXPECT_EQ(request_for(provider(), from, "/", tokens(), false).fields.find("Authorization"), "Bearer client");
}

TEST(Forwarding, AKeyThatWasMeantForOneProviderIsNotSentToAnother) {
  const net::RequestHead from{.fields = {{"authorization", "Bearer client"},
                                         {"x-api-key", "client"},
                                         {"xi-api-key", "client"},
                                         {"api-key", "client"},
                                         {"X-Goog-Api-Key", "client"},
                                         {"Cookie", "session=client"},
                                         {"traceparent", "00-a-b-01"}}};
  const net::Fields expected = {
      {"traceparent", "00-a-b-01"}, {"Accept-Encoding", "identity"}, {"Host", "api.openai.com"}};
  EXPECT_EQ(request_for(provider(), from, "/", tokens(), true).fields, expected);
  EXPECT_EQ(request_for(provider("key"), from, "/", tokens(), true).fields.find("Authorization"), "Bearer key");
}

TEST(Forwarding, NoProviderSeesATokenOfHoldfast) {
  for (const net::Field& field : {net::Field{"Authorization", "Bearer hf_ours"},
                                  {"x-api-key", "hf_ours"},
                                  {"xi-api-key", "hf_ours"},
                                  {"authorization", "bearer hf_ours"}}) {
    net::RequestHead from;
    from.fields.add(field.name, field.value);
    EXPECT_EQ(request_for(provider(), from, "/", tokens(), false).fields.count(field.name), 0u) << field.name;
  }
}

TEST(Forwarding, AnAnswerKeepsItsLengthOnlyWhereItsBytesStayTheSame) {
  const net::ResponseHead from{
      .fields = {{"Content-Length", "5"}, {"Connection", "close"}, {"Holdfast-Job", "forged"}, {"x-request-id", "r"}}};
  EXPECT_EQ(fields_for_client(from, true), (net::Fields{{"Content-Length", "5"}, {"x-request-id", "r"}}));
  EXPECT_EQ(fields_for_client(from, false), (net::Fields{{"x-request-id", "r"}}));
}

TEST(Forwarding, AModelNameIsMappedAndAfterASwitchTheDefaultStandsIn) {
  ProviderOptions options = provider();
  options.models = {{"default", "llama3.1:8b"}, {"gpt-4o-mini", "qwen2:7b"}};
  EXPECT_EQ(options.model("gpt-4o-mini", false), "qwen2:7b");
  EXPECT_EQ(options.model("mistral", false), "mistral");
  EXPECT_EQ(options.model("mistral", true), "llama3.1:8b");
  EXPECT_EQ(options.model("", false), "llama3.1:8b");
}

}  // namespace
}  // namespace holdfast::proxy
