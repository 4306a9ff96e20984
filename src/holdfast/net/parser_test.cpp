#include "holdfast/net/parser.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "holdfast/net/net_driver.hpp"

namespace holdfast::net {
namespace {

struct Sample {
  int status = 0;
  std::string name, bytes;
};

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out.push_back(text[at]);
      continue;
    }
    switch (text[++at]) {
      case 'r':
        out.push_back('\r');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 't':
        out.push_back('\t');
        break;
      case '0':
        out.push_back('\0');
        break;
      default:
        out.push_back(static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16)));
        at += 2;
    }
  }
  return out;
}

std::vector<Sample> samples() {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/src/holdfast/net/testdata/requests.txt");
  std::vector<Sample> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    all.push_back({std::stoi(line), line.substr(first + 1, second - first - 1), unescaped(line.substr(second + 1))});
  }
  return all;
}

class MalformedRequests : public ServerTest {};

TEST_F(MalformedRequests, AreAnsweredAsTheTableSaysAndTheConnectionIsClosed) {
  const auto all = samples();
  ASSERT_GT(all.size(), 80u);
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{4096}}) {
    for (const Sample& sample : all) {
      // A second request behind the first: where the first is refused, it must not be read as one.
      const std::string answer = exchange(sample.bytes + "GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                                          {.read_bytes_max = at_once});
      EXPECT_EQ(status_of(answer), sample.status) << sample.name << ", " << at_once << " at once:\n" << answer;
      if (sample.status == 200) continue;
      EXPECT_EQ(occurrences(answer, "HTTP/1.1 "), 1u) << sample.name << ":\n" << answer;
      EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << sample.name;
    }
  }
}

/// Feeds as connections do: what is not consumed is shown again, with more.
struct Read {
  error_code error;
  std::string body;
  bool done = false;
  std::size_t consumed = 0;
};

Read feed_all(MessageParser& parser, std::string_view bytes, std::size_t at_once) {
  Read read;
  std::size_t used = 0, shown = 0;
  while (!parser.done() && shown < bytes.size()) {
    shown = std::min(shown + at_once, bytes.size());
    for (bool more = false; !more && !parser.done();) {
      const ParserStep step = parser.feed(bytes.substr(used, shown - used));
      used += step.consumed;
      read.body.append(step.body);
      read.error = step.error;
      if (step.error) return read;
      more = step.needs_more;
    }
  }
  read.done = parser.done();
  read.consumed = used;
  return read;
}

TEST(Parser, ChunksAreOneBodyWhereverTheBytesAreCut) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string bytes = head + "5\r\nhello\r\n1;name=\"v;\"\r\n \r\n00A\r\n0123456789\r\n0\r\nX: y\r\nZ: w\r\n\r\n";
  for (std::size_t at_once = 1; at_once <= bytes.size(); ++at_once) {
    MessageParser parser(MessageParser::Kind::response);
    const Read read = feed_all(parser, bytes + "next", at_once);
    EXPECT_FALSE(read.error) << read.error.message();
    EXPECT_TRUE(read.done);
    EXPECT_EQ(read.body, "hello 0123456789") << at_once;
    EXPECT_EQ(read.consumed, bytes.size());
    EXPECT_EQ(parser.response().fields.count("X"), 0u) << "a trailer is no field of the head";
  }
}

TEST(Parser, AnEndBeforeTheEndIsTruncatedAtEveryByte) {
  for (const std::string bytes : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      MessageParser parser(MessageParser::Kind::response);
      const Read read = feed_all(parser, std::string_view(bytes).substr(0, length), 1);
      EXPECT_FALSE(read.error);
      EXPECT_EQ(parser.feed_end(), Fault::truncated) << length;
    }
  }
}

TEST(Parser, AnAnswerWithoutLengthLastsUntilTheEndAndSaysSo) {
  MessageParser parser(MessageParser::Kind::response);
  const Read read = feed_all(parser, "HTTP/1.1 200 OK\r\n\r\nsome", 3);
  EXPECT_EQ(read.body, "some");
  EXPECT_TRUE(parser.lasts_until_close());
  EXPECT_FALSE(parser.keep_alive());
  EXPECT_FALSE(parser.feed_end());
  EXPECT_TRUE(parser.done());
}

TEST(Parser, AnswersWithoutABodyEndWithTheirHead) {
  for (const char* head : {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                           "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    MessageParser parser(MessageParser::Kind::response);
    EXPECT_TRUE(feed_all(parser, head, 1).done) << head;
  }
  MessageParser parser(MessageParser::Kind::response);
  parser.expect_no_body();
  EXPECT_TRUE(feed_all(parser, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 7).done);
  EXPECT_EQ(parser.response().fields.find("Content-Length"), "5");
}

TEST(Parser, RefusesAnswersWhoseEndIsAMatterOfOpinion) {
  for (const char* head : {
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
           "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/2.0 200 OK\r\n\r\n",
           "220 smtp.example ESMTP\r\n\r\n",
       }) {
    MessageParser parser(MessageParser::Kind::response);
    EXPECT_EQ(feed_all(parser, head, 4096).error, Fault::malformed) << head;
    EXPECT_EQ(parser.feed("more").error, Fault::malformed) << "for good";
  }
}

TEST(Parser, EachLimitOfAHeadHasItsAnswer) {
  const HeadLimits limits{.line_bytes_max = 64, .head_bytes_max = 256, .fields_max = 4};
  const auto status = [&](const std::string& bytes, std::size_t at_once) {
    MessageParser parser(MessageParser::Kind::request, limits);
    feed_all(parser, bytes, at_once);
    return parser.head_done() ? 200 : parser.refusal_status();
  };
  for (const std::size_t at_once : {1, 4096}) {
    const std::string host = "Host: a\r\n";
    EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "B: c\r\nD: e\r\nF: g\r\n\r\n", at_once), 200);
    EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "B: c\r\nD: e\r\nF: g\r\nH: i\r\n\r\n", at_once), 431);
    EXPECT_EQ(status("GET /" + std::string(64, 'x') + " HTTP/1.1\r\n" + host + "\r\n", at_once), 414);
    EXPECT_EQ(status("GET /" + std::string(64, 'x'), at_once), 414) << "without waiting for its end";
    EXPECT_EQ(status("GET / HTTP/1.1\r\n" + host + "B: " + std::string(256, 'x'), at_once), 431);
  }
}

TEST(Parser, ALineOfAChunkThatDoesNotEndIsRefused) {
  for (const std::string& line :
       {"3;" + std::string(3 * chunk_line_bytes_max, 'x'), "0\r\nX: " + std::string(3 * chunk_line_bytes_max, 'x')}) {
    MessageParser parser(MessageParser::Kind::response);
    const Read read = feed_all(parser, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line, 100);
    EXPECT_EQ(read.error, Fault::malformed);
  }
}

TEST(Message, FieldsThatCannotBeWrittenDownAreRefused) {
  EXPECT_EQ(format_head(ResponseHead{.status = 200, .fields = {{"X", "a\r\nY: b"}}}).error(), Fault::malformed);
  EXPECT_EQ(format_head(ResponseHead{.status = 200, .fields = {{"X Y", "a"}}}).error(), Fault::malformed);
  EXPECT_EQ(format_head(RequestHead{.target = "/a b"}).error(), Fault::malformed);
  EXPECT_EQ(format_head(RequestHead{.method = "GET /x HTTP/1.1\r\n"}).error(), Fault::malformed);
  EXPECT_EQ(format_head(ResponseHead{.status = 404}).value(), "HTTP/1.1 404 Not Found\r\n\r\n");
}

TEST(Message, FieldsCompareWithoutRegardToCase) {
  Fields fields = {{"Accept", "a"}, {"Connection", "Keep-Alive,  CLOSE "}};
  EXPECT_EQ(fields.find("ACCEPT"), "a");
  EXPECT_TRUE(fields.lists("connection", "close"));
  EXPECT_FALSE(fields.lists("connection", "clos"));
  fields.set("accept", "b");
  EXPECT_EQ(fields.count("Accept"), 1u);
  EXPECT_EQ(fields.remove("accept"), 1u);
  EXPECT_EQ(fields.find("Accept"), std::nullopt);
}

TEST(MessageParser, AnEmptyChunkedBodyMayComeByteByByteAndStopsNobody) {
  for (const std::string_view end : {"0\r\n\r\n", "0\r\n\n\r\n", "0\r\n\rx\n", "0\r\n\n", "0;a\r\n\r\n"}) {
    MessageParser parser(MessageParser::Kind::request, {});
    std::string window = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    window.erase(0, parser.feed(window).consumed);
    ASSERT_TRUE(parser.head_done());
    bool refused = false;
    for (const char byte : end) {
      window += byte;
      const ParserStep step = parser.feed(window);
      refused = refused || step.error;
      if (refused) break;
      window.erase(0, step.consumed);
    }
    EXPECT_EQ(parser.done(), end == "0\r\n\r\n" || end == "0;a\r\n\r\n") << end;
  }
}

TEST(MessageParser, AChunkThatIsNoneIsRefusedWhereverTheBytesAreCut) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& [chunks, at_once] : {std::pair{"3\r\nabc\r\n\r\n", 1},
                                        {"3\r\nabc\r\n\r\n", 3},
                                        {"3\r\nabc\r\n\r\n", 99},
                                        {"3\r\nabc\n\r\nx", 1},
                                        {"3\r\nabc\n\r\nx", 3},
                                        {"3\r\nabc\n\r\nx", 99}}) {
    const std::string message = head + chunks;
    MessageParser parser(MessageParser::Kind::request, {});
    bool refused = false;
    std::string window;
    for (std::size_t at = 0; at < message.size() && !refused; at += static_cast<std::size_t>(at_once)) {
      window += message.substr(at, static_cast<std::size_t>(at_once));
      for (bool more = false; !more && !refused;) {
        const ParserStep step = parser.feed(window);
        window.erase(0, step.consumed);
        refused = bool(step.error);
        more = step.needs_more;
      }
    }
    EXPECT_TRUE(refused) << chunks << ", " << at_once << " at once";
  }
}

}  // namespace
}  // namespace holdfast::net
