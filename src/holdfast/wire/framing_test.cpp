#include "holdfast/wire/framing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wire {
namespace {

using Read = std::vector<std::pair<std::string, std::string>>;

Read read(Framing framing, std::string_view bytes, std::size_t at_once = 1 << 20, std::size_t bytes_max = 1 << 20) {
  FrameSplitter splitter(framing, bytes_max);
  Read out;
  const auto add = [&out](const Frame& frame) {
    out.emplace_back(frame.event, frame.readable ? std::string(frame.data) : "too long");
  };
  for (std::size_t at = 0; at < bytes.size(); at += at_once) {
    std::string_view piece = bytes.substr(at, at_once);
    while (const auto frame = splitter.next(piece))
      add(*frame);
  }
  if (const auto frame = splitter.last()) add(*frame);
  return out;
}

TEST(Framing, IsWhatTheTypeSays) {
  EXPECT_EQ(framing_of("text/event-stream"), Framing::sse);
  EXPECT_EQ(framing_of("Text/Event-Stream; charset=utf-8"), Framing::sse);
  EXPECT_EQ(framing_of(" text/event-stream ;charset=utf-8"), Framing::sse);
  EXPECT_EQ(framing_of("application/x-ndjson"), Framing::ndjson);
  EXPECT_EQ(framing_of("application/json; charset=utf-8"), Framing::whole);
  EXPECT_EQ(framing_of("application/problem+json"), Framing::whole);
  EXPECT_EQ(framing_of("audio/mpeg"), Framing::bytes);
  EXPECT_EQ(framing_of("application/jsonish"), Framing::bytes);
  EXPECT_EQ(framing_of(""), Framing::bytes);
  EXPECT_EQ(framing_of(";"), Framing::bytes);
}

TEST(Keepalive, IsWhatEachDialectTolerates) {
  const Route chat{Dialect::openai, Action::chat, "text"}, messages{Dialect::anthropic, Action::messages, "text"},
      generate{Dialect::ollama, Action::generate, "text"};
  EXPECT_EQ(keepalive(chat, Framing::sse), ": holdfast\n\n");
  EXPECT_EQ(keepalive(messages, Framing::sse), "event: ping\ndata: {\"type\": \"ping\"}\n\n");
  EXPECT_EQ(keepalive(generate, Framing::ndjson), " ");
  EXPECT_EQ(keepalive(chat, Framing::whole), " ");
  EXPECT_EQ(keepalive(chat, Framing::bytes), "");
}

TEST(FrameSplitter, ReadsEventsAsTheStandardSays) {
  const std::string_view bytes =
      "\xEF\xBB\xBF: a comment\nid: 1\nevent: stall\ndata: one\ndata: two\n\n"
      "data:no space\r\n\r\n"
      "data:  two spaces\r\r"
      "unknown: x\nid\ndata\n\n"
      "event: without data\n\n"
      "event: a\nevent: b\ndata: last\n\n"
      "data: cut off by the end\n";
  const Read expected = {{"stall", "one\ntwo"}, {"", "no space"}, {"", " two spaces"}, {"", ""}, {"b", "last"}};
  for (std::size_t at_once = 1; at_once <= bytes.size(); ++at_once)
    EXPECT_EQ(read(Framing::sse, bytes, at_once), expected) << at_once;
}

TEST(FrameSplitter, ReadsLines) {
  const std::string_view bytes = "{\"a\":1}\r\n\n \t\r\n  {\"b\":\"\r\"}\n{\"c\":3}";
  const Read expected = {{"", "{\"a\":1}"}, {"", "  {\"b\":\"\r\"}"}, {"", "{\"c\":3}"}};
  for (std::size_t at_once = 1; at_once <= bytes.size(); ++at_once)
    EXPECT_EQ(read(Framing::ndjson, bytes, at_once), expected) << at_once;
}

TEST(FrameSplitter, WhatIsTooLongIsSkippedAndTheNextIsRead) {
  const std::string line(50, 'x');
  const std::string events = "data: " + line + "\n\ndata: a\n\ndata: " + line.substr(0, 20) +
                             "\ndata: " + line.substr(0, 20) + "\n\nevent: b\ndata: b\n\n: " + line + "\ndata: c\n\n";
  const std::string lines = line + "\nshort\n" + line;
  for (const std::size_t at_once : {1u, 7u, 1000u}) {
    EXPECT_EQ(read(Framing::sse, events, at_once, 32),
              (Read{{"", "too long"}, {"", "a"}, {"", "too long"}, {"b", "b"}, {"", "c"}}));
    EXPECT_EQ(read(Framing::ndjson, lines, at_once, 32), (Read{{"", "too long"}, {"", "short"}, {"", "too long"}}));
  }
}

/// The places, marked by `|`, where something may be put in.
std::string boundaries(Framing framing, std::string_view bytes) {
  FrameSplitter splitter(framing);
  std::string out;
  for (const char& c : bytes) {
    if (splitter.at_boundary()) out += '|';
    std::string_view piece(&c, 1);
    while (splitter.next(piece)) {
    }
    out += c == '\r' ? 'R' : c == '\n' ? 'N' : c;
  }
  if (splitter.at_boundary()) out += '|';
  return out;
}

TEST(FrameSplitter, KnowsWhereForeignBytesMayStand) {
  EXPECT_EQ(boundaries(Framing::sse, "data: a\n\ndata: b\n\n"), "|data: aNN|data: bNN|");
  EXPECT_EQ(boundaries(Framing::sse, ": c\n\nevent: e\ndata: a\n\n"), "|: cN|N|event: eNdata: aNN|");
  EXPECT_EQ(boundaries(Framing::sse, "data: a\n: c\n\n"), "|data: aN: cNN|");
  EXPECT_EQ(boundaries(Framing::sse, "data: a\r\n\r\ndata: b\r\n\r\n"), "|data: aRNRN|data: bRNRN|");
  // Whether a line feed follows a CR is known once one has not.
  EXPECT_EQ(boundaries(Framing::sse, ":\rdata: a\r\rdata: b\r\r"), "|:Rdata: aRR|data: bRR|");
  EXPECT_EQ(boundaries(Framing::ndjson, "{}\n\n{}\r\n{"), "|{}N|N|{}RN|{");
}

TEST(FrameSplitter, LinesThatEndWithReturnsAreReadInOnePass) {
  std::string bytes;
  for (int i = 0; i < 200000; ++i)
    bytes += "data: x\r\r";
  EXPECT_EQ(read(Framing::sse, bytes, bytes.size()).size(), 200000u);
}

}  // namespace
}  // namespace holdfast::wire
