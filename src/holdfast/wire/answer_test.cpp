#include "holdfast/wire/answer.hpp"

#include <gmock/gmock.h>

#include "holdfast/wire/transcript_driver.hpp"

namespace holdfast::wire {
namespace {

struct Outcome {
  std::int64_t progress = 0;
  std::optional<double> percent{};
  bool ended = false, boundary = false;
  std::optional<ProviderFault> fault{};
  std::uint64_t unreadable = 0;
  std::string text{}, stop{};
  std::optional<std::int64_t> sequence{};

  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const AnswerReader& reader, const std::string& text) {
  return {reader.progress(),       reader.percent(),    reader.ended(), reader.at_boundary(),
          reader.fault(),          reader.unreadable(), text,           reader.stop(),
          reader.sequence_number()};
}

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "progress " << outcome.progress << ", percent " << outcome.percent.value_or(-1) << ", ended " << outcome.ended
       << ", boundary " << outcome.boundary << ", unreadable " << outcome.unreadable << ", text '" << outcome.text
       << "', stop '" << outcome.stop << "', sequence " << outcome.sequence.value_or(-1);
  if (outcome.fault) {
    *out << ", fault " << name(outcome.fault->error_class) << " " << outcome.fault->status << " " << outcome.fault->code
         << " " << outcome.fault->message;
  }
}

/// In the middle and at the end: both must not depend on the cuts.
struct Outcomes {
  Outcome before, after;
  bool operator==(const Outcomes&) const = default;
};

Outcomes read(const Transcript& transcript, const std::vector<std::string_view>& pieces) {
  AnswerReader reader(transcript.route(), transcript.status(), transcript.framing());
  std::string text;
  reader.collect_text(&text);
  for (const std::string_view piece : pieces)
    reader.feed(piece);
  Outcomes out;
  out.before = outcome_of(reader, text);
  reader.finish();
  out.after = outcome_of(reader, text);
  return out;
}

std::vector<std::string_view> bytes_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size(); ++at)
    out.push_back(text.substr(at, 1));
  return out;
}

Outcome expected_of(const Transcript& transcript) {
  Outcome out;
  const std::string progress = transcript.get("progress");
  out.progress = progress == "bytes" ? static_cast<std::int64_t>(transcript.bytes.size()) : std::stoll(progress);
  if (const std::string percent = transcript.get("percent"); !percent.empty()) out.percent = std::stod(percent);
  out.ended = transcript.get("ended", "yes") == "yes";
  out.boundary = transcript.get("boundary", "yes") == "yes";
  out.unreadable = std::stoull(transcript.get("unreadable", "0"));
  out.text = transcript.get("text");
  out.stop = transcript.get("stop");
  if (const std::string sequence = transcript.get("sequence"); !sequence.empty()) out.sequence = std::stoll(sequence);
  return out;
}

/// "CLASS STATUS CODE MESSAGE"
void expect_fault(const std::optional<ProviderFault>& fault, const std::string& said) {
  if (said.empty()) {
    EXPECT_FALSE(fault) << fault->message;
    return;
  }
  ASSERT_TRUE(fault);
  const std::string text = std::string(name(fault->error_class)) + " " + std::to_string(fault->status) + " " +
                           (fault->code.empty() ? "-" : fault->code) + " " + fault->message;
  EXPECT_EQ(text, said);
}

TEST(Transcripts, AreThere) {
  EXPECT_GE(all_transcripts().size(), 55u);
}

TEST(Transcripts, SayWhatTheyAreExpectedToSay) {
  for (const Transcript& transcript : all_transcripts()) {
    SCOPED_TRACE(transcript.name);
    const Outcome got = read(transcript, {transcript.bytes}).after;
    Outcome expected = expected_of(transcript);
    expect_fault(got.fault, transcript.get("fault"));
    expected.fault = got.fault;
    EXPECT_EQ(got, expected);
  }
}

TEST(Transcripts, WhereTheBytesAreCutChangesNothing) {
  for (const Transcript& transcript : all_transcripts()) {
    SCOPED_TRACE(transcript.name);
    const std::string_view bytes = transcript.bytes;
    const Outcomes whole = read(transcript, {bytes});
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
      ASSERT_EQ(read(transcript, {bytes.substr(0, cut), bytes.substr(cut)}), whole) << "cut at " << cut;
    ASSERT_EQ(read(transcript, bytes_of(bytes)), whole) << "byte by byte";
  }
}

TEST(Transcripts, BeforeEveryByteWhatWasReadDoesNotDependOnTheCuts) {
  for (const Transcript& transcript : all_transcripts()) {
    SCOPED_TRACE(transcript.name);
    const std::string_view bytes = transcript.bytes;
    AnswerReader creeping(transcript.route(), transcript.status(), transcript.framing());
    std::string text;
    creeping.collect_text(&text);
    for (std::size_t at = 0; at <= bytes.size(); ++at) {
      ASSERT_EQ(outcome_of(creeping, text), read(transcript, {bytes.substr(0, at)}).before) << "at " << at;
      creeping.feed(bytes.substr(at, 1));
    }
  }
}

TEST(Transcripts, CutBeforeTheirEndMarkerTheyAreTruncated) {
  std::size_t cuts = 0;
  for (const Transcript& transcript : all_transcripts()) {
    SCOPED_TRACE(transcript.name);
    const Route route = transcript.route();
    const bool judged = route.action != Action::other && route.dialect != Dialect::elevenlabs;
    if (!judged || transcript.status() != 200 || transcript.framing() == Framing::bytes) continue;
    for (std::size_t at = 0; at <= transcript.bytes.size(); ++at) {
      const Outcomes cut = read(transcript, {std::string_view(transcript.bytes).substr(0, at)});
      if (cut.after.ended || (cut.after.fault && cut.after.fault->error_class != ErrorClass::truncated)) continue;
      ASSERT_TRUE(cut.after.fault) << "cut at " << at;
      ++cuts;
    }
  }
  EXPECT_GT(cuts, 10000u);
}

/// What a client sees of a stream in which something of ours was put wherever it may stand.
std::string with_keepalives(const Transcript& transcript) {
  AnswerReader reader(transcript.route(), transcript.status(), transcript.framing());
  std::string out;
  for (const std::string_view byte : bytes_of(transcript.bytes)) {
    if (reader.at_boundary()) out += keepalive(transcript.route(), transcript.framing());
    reader.feed(byte);
    out += byte;
  }
  if (reader.at_boundary()) out += keepalive(transcript.route(), transcript.framing());
  return out;
}

TEST(Keepalives, WhereverTheyMayStandTheyChangeNoMeaning) {
  for (const Transcript& transcript : all_transcripts()) {
    // A mark of the byte order is one at the beginning only.
    if (transcript.bytes.starts_with("\xEF")) continue;
    SCOPED_TRACE(transcript.name);
    Transcript kept = transcript;
    kept.bytes = with_keepalives(transcript);
    if (transcript.framing() != Framing::bytes) {
      ASSERT_GT(kept.bytes.size(), transcript.bytes.size());
    }
    Outcome got = read(kept, {kept.bytes}).after, without = read(transcript, {transcript.bytes}).after;
    EXPECT_EQ(got.text, without.text);
    EXPECT_EQ(got.stop, without.stop);
    EXPECT_EQ(got.ended, without.ended);
    EXPECT_EQ(got.unreadable, without.unreadable);
    EXPECT_EQ(got.fault.has_value(), without.fault.has_value());
    if (transcript.get("progress") != "bytes") {
      EXPECT_EQ(got.progress, without.progress);
    }
  }
}

TEST(AnswerReader, AFrameThatIsTooLongIsCountedAndTheNextOneRead) {
  const Route route = *route_of("POST", "/api/chat", false);
  AnswerReader reader(route, 200, Framing::ndjson);
  reader.feed("{\"message\":{\"content\":\"");
  const std::string piece(1 << 20, 'x');
  for (std::size_t fed = 0; fed <= frame_bytes_max; fed += piece.size())
    reader.feed(piece);
  reader.feed("\"}}\n{\"message\":{\"content\":\"a\"}}\n{\"done\":true}\n");
  reader.finish();
  EXPECT_EQ(reader.unreadable(), 1u);
  EXPECT_EQ(reader.progress(), 1);
  EXPECT_TRUE(reader.ended());
}

TEST(AnswerReader, TheFirstFaultStays) {
  AnswerReader reader(*route_of("POST", "/api/chat", false), 200, Framing::ndjson);
  reader.feed("{\"error\":\"first\"}\n{\"error\":\"second\"}\n");
  reader.finish();
  EXPECT_EQ(reader.fault()->message, "first");
}

TEST(AnswerReader, AChoiceBeyondTheLimitIsNotWaitedFor) {
  AnswerReader reader(*route_of("POST", "/v1/chat/completions", false), 200, Framing::sse);
  reader.feed("data: {\"choices\":[{\"index\":4000000000,\"delta\":{\"content\":\"x\"}}]}\n\n");
  EXPECT_FALSE(reader.ended());
  reader.feed("data: {\"choices\":[{\"index\":-1,\"delta\":{\"content\":\"x\"}}]}\n\n");
  EXPECT_FALSE(reader.ended());
  EXPECT_EQ(reader.progress(), 2);
  reader.feed("data: [DONE]\n\n");
  EXPECT_TRUE(reader.ended());
}

TEST(AnswerReader, DeepJsonIsUnreadableAndNoMore) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  AnswerReader frames(*route_of("POST", "/api/chat", false), 200, Framing::ndjson);
  frames.feed("{\"message\":" + deep + "}\n");
  EXPECT_EQ(frames.unreadable(), 1u);
  AnswerReader whole(*route_of("POST", "/api/chat", false), 200, Framing::whole);
  whole.feed("{\"message\":" + deep + "}\n");
  whole.finish();
  EXPECT_EQ(whole.fault()->error_class, ErrorClass::protocol);
}

TEST(AnswerReader, ALongErrorOfAWholeAnswerIsAnErrorWithoutItsWords) {
  AnswerReader reader(*route_of("POST", "/v1/chat/completions", false), 200, Framing::whole);
  reader.feed("{\"x\":\"" + std::string(error_bytes_max, 'x') + "\",\"error\":{\"message\":\"m\"}}");
  reader.finish();
  EXPECT_EQ(reader.fault()->error_class, ErrorClass::http);
}

TEST(AnswerReader, CollectsFromTheMomentItIsAskedTo) {
  AnswerReader reader(*route_of("POST", "/api/chat", false), 200, Framing::ndjson);
  std::string text = "before: ";
  reader.feed("{\"message\":{\"content\":\"lost \"}}\n");
  reader.collect_text(&text);
  reader.feed("{\"message\":{\"content\":\"kept\",\"thinking\":\"not this\"}}\n");
  reader.collect_text(nullptr);
  reader.feed("{\"message\":{\"content\":\" lost\"}}\n");
  EXPECT_EQ(text, "before: kept");
}

}  // namespace
}  // namespace holdfast::wire
