#include "holdfast/wire/assembly.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "holdfast/wire/limits.hpp"
#include "holdfast/wire/request.hpp"
#include "holdfast/wire/transcript_driver.hpp"

namespace holdfast::wire {
namespace {

using testing::HasSubstr;

result<std::string> assemble(const Transcript& of, const std::vector<std::string_view>& pieces) {
  Assembler assembler(of.route(), of.server());
  for (const std::string_view piece : pieces)
    assembler.feed(piece);
  return assembler.whole();
}

/// Both outcomes as a text, to be compared and shown.
std::string said(const result<std::string>& whole) {
  return whole ? *whole : std::string(name(whole.error().code)) + ": " + whole.error().message;
}

std::string text_of(const Route& route, Framing framing, std::string_view bytes) {
  AnswerReader reader(route, 200, framing);
  std::string text;
  reader.collect_text(&text);
  reader.feed(bytes);
  reader.finish();
  EXPECT_TRUE(reader.ended());
  return text + " (" + reader.stop() + ")";
}

TEST(Assembly, GivesTheDocumentOrSaysWhyNot) {
  const auto all = assembled_transcripts();
  ASSERT_GE(all.size(), 45u);
  for (const Transcript& each : all) {
    SCOPED_TRACE(each.name);
    const auto whole = assemble(each, {each.bytes});
    const std::string failure = each.get("failure");
    if (failure.empty()) {
      ASSERT_TRUE(whole) << whole.error().message;
      EXPECT_EQ(boost::json::parse(*whole), boost::json::parse(each.get("whole"))) << *whole;
      // Whoever reads either sees the same.
      EXPECT_EQ(text_of(each.route(), Framing::whole, *whole), text_of(each.route(), each.framing(), each.bytes));
    } else {
      ASSERT_FALSE(whole) << *whole;
      EXPECT_EQ(name(whole.error().code), failure.substr(0, failure.find(' ')));
      if (failure.find(' ') != std::string::npos) {
        EXPECT_THAT(whole.error().message, HasSubstr(failure.substr(failure.find(' ') + 1)));
      }
    }
  }
}

TEST(Assembly, NumbersKeepTheirDigits) {
  for (const Transcript& each : assembled_transcripts()) {
    for (const std::string digits : {"12.345678901234567", "-0.1234567890123456", "1.50", "1e2"}) {
      if (each.get("whole").find(digits) == std::string::npos) continue;
      EXPECT_THAT(assemble(each, {each.bytes}).value(), HasSubstr(digits)) << each.name;
    }
  }
}

TEST(Assembly, WhereTheBytesAreCutChangesNothing) {
  auto all = assembled_transcripts();
  for (Transcript& each : all_transcripts())
    all.push_back(std::move(each));
  for (const Transcript& each : all) {
    SCOPED_TRACE(each.name);
    const std::string_view bytes = each.bytes;
    const std::string whole = said(assemble(each, {bytes}));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
      ASSERT_EQ(said(assemble(each, {bytes.substr(0, cut), bytes.substr(cut)})), whole) << "cut at " << cut;
  }
}

TEST(Assembly, OfAStreamThatIsCutShortIsNeverADocument) {
  for (const Transcript& each : assembled_transcripts()) {
    SCOPED_TRACE(each.name);
    const auto whole = assemble(each, {each.bytes});
    if (!whole) continue;
    for (std::size_t cut = 0; cut < each.bytes.size(); ++cut) {
      const auto shorter = assemble(each, {std::string_view(each.bytes).substr(0, cut)});
      // What follows the last word that matters ([DONE], an end of line) may be missing.
      if (shorter) {
        ASSERT_EQ(*shorter, *whole) << "cut at " << cut;
      }
    }
  }
}

TEST(Assembly, HasALimit) {
  const Route chat = *route_of("POST", "/api/chat", false);
  Assembler assembler(chat);
  const std::string line = R"({"message":{"content":")" + std::string(1 << 20, 'x') + "\"},\"done\":false}\n";
  for (std::size_t fed = 0; fed <= document_bytes_max; fed += line.size())
    assembler.feed(line);
  EXPECT_EQ(assembler.whole().error().code, Errc::too_large);
  Assembler parts(chat);
  std::string members = "{\"done\":true";
  for (std::size_t i = 0; i < parts_max; ++i)
    members += ",\"m" + std::to_string(i) + "\":1";
  parts.feed(members + "}\n");
  EXPECT_EQ(parts.whole().error().code, Errc::provider_failed);
}

TEST(StreamingRequest, AsksForTheSameAsAStream) {
  const Route chat = *route_of("POST", "/v1/chat/completions", false);
  const Route messages = *route_of("POST", "/v1/messages", false);
  const Route generate = *route_of("POST", "/api/generate", false);
  EXPECT_EQ(streaming_request(chat, R"({"model":"m","n":2,"stream":false})").value(),
            R"({"model":"m","n":2,"stream":true, "stream_options": {"include_usage": true}})");
  EXPECT_EQ(streaming_request(messages, R"({"model":"m"})").value(), R"({"model":"m", "stream": true})");
  EXPECT_EQ(streaming_request(generate, R"({"stream":false,"logprobs":true})").value(),
            R"({"stream":true,"logprobs":true})");
  for (const char* body : {R"({"logprobs":true})", R"({"modalities":["audio"]})", R"({"functions":[]})", "[]",
                           R"({"stream":true,"stream":false})", R"({"x":1,"x":2})"}) {
    EXPECT_EQ(streaming_request(chat, body).error().code, Errc::invalid_argument) << body;
  }
  EXPECT_FALSE(streaming_request(messages, R"({"mcp_servers":[{}]})"));
  EXPECT_FALSE(streaming_request(*route_of("POST", "/v1/responses", false), "{}"));
  EXPECT_TRUE(streaming_request(chat, R"({"logprobs":null})"));
}

}  // namespace
}  // namespace holdfast::wire
