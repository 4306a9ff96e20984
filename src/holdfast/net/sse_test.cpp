#include "holdfast/net/sse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using Events = std::vector<SseEvent>;

Events read(std::string_view bytes, std::size_t cut = std::string_view::npos) {
  SseReader reader;
  Events events;
  EXPECT_FALSE(reader.feed(bytes.substr(0, cut), events));
  if (cut < bytes.size()) {
    EXPECT_FALSE(reader.feed(bytes.substr(cut), events));
  }
  return events;
}

constexpr std::string_view stream_with_everything =
    "\xEF\xBB\xBF: a comment\n"
    "id: 1\nevent: stall\ndata: one\ndata: two\n\n"
    "data:no space\r\n\r\n"
    "data:  two spaces\r\r"
    "unknown: x\nid\ndata\n\n"
    "event: without data\n\n"
    "retry: 2500\nretry: soon\ndata: last\nid: 9\n\n"
    "data: cut off by the end";

const Events everything = {
    {.id = "1", .event = "stall", .data = "one\ntwo"},
    {.id = "1", .data = "no space"},
    {.id = "1", .data = " two spaces"},
    {.id = "", .data = ""},
    {.id = "9", .data = "last"},
};

TEST(Sse, ReadsAsTheStandardSays) {
  EXPECT_EQ(read(stream_with_everything), everything);
}

TEST(Sse, WhereTheBytesAreCutChangesNothing) {
  for (std::size_t cut = 0; cut <= stream_with_everything.size(); ++cut) {
    EXPECT_EQ(read(stream_with_everything, cut), everything) << "cut at " << cut;
  }
  SseReader reader;
  Events events;
  for (const char c : stream_with_everything)
    EXPECT_FALSE(reader.feed(std::string_view(&c, 1), events));
  EXPECT_EQ(events, everything);
  EXPECT_EQ(reader.retry(), std::chrono::milliseconds(2500));
  EXPECT_EQ(reader.last_id(), "9");
}

TEST(Sse, EveryKindOfLineEndMeansTheSame) {
  const Events expected = {{.event = "e", .data = "a\nb"}, {.data = "c"}};
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    const std::string text = "event: e" + end + "data: a" + end + "data: b" + end + end + "data: c" + end + end;
    for (std::size_t cut = 0; cut <= text.size(); ++cut)
      EXPECT_EQ(read(text, cut), expected) << cut;
  }
}

TEST(Sse, AnIdWithAZeroByteIsIgnored) {
  using namespace std::string_view_literals;
  EXPECT_EQ(read("id: 1\nid: 2\0\ndata: x\n\n"sv), (Events{{.id = "1", .data = "x"}}));
}

TEST(Sse, AnEventThatGrowsTooLargeIsAnErrorForGood) {
  for (const std::string& bytes :
       {std::string(100, 'x'), "data: " + std::string(60, 'x') + "\ndata: " + std::string(60, 'x') + "\n"}) {
    SseReader reader(80);
    Events events;
    EXPECT_EQ(reader.feed(bytes, events), Fault::body_too_large);
    EXPECT_EQ(reader.feed("\n\ndata: x\n\n", events), Fault::body_too_large);
    EXPECT_TRUE(events.empty());
  }
  SseReader reader(80);
  Events events;
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "data: fits\n\n";
  EXPECT_FALSE(reader.feed(many, events));
  EXPECT_EQ(events.size(), 100u);
}

TEST(Sse, WhatIsWrittenIsReadBack) {
  for (const SseEvent& event : everything) {
    EXPECT_EQ(read(format_sse(event)), Events{event});
  }
  EXPECT_EQ(format_sse({.id = "B-1", .event = "reset", .data = "{}"}), "id: B-1\nevent: reset\ndata: {}\n\n");
  EXPECT_EQ(format_sse_comment("holdfast"), ": holdfast\n\n");
  EXPECT_TRUE(read(format_sse_comment("holdfast")).empty());
}

TEST(Sse, WhateverCameInCanBeSentOn) {
  using namespace std::string_view_literals;
  const Events events = read("event: e\0f\nid: \xff\ndata: \0\n\n"sv);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(read(format_sse(events[0])), events);
}

TEST(Sse, DataCannotSmuggleAnEventInto) {
  EXPECT_EQ(read(format_sse({.data = "a\n\nevent: evil\r\n\r\ndata: b\rid: 3"})),
            (Events{{.data = "a\n\nevent: evil\n\ndata: b\nid: 3"}}));
  EXPECT_DEATH(format_sse({.event = "a\ndata: b", .data = ""}), "one line");
}

}  // namespace
}  // namespace holdfast::net
