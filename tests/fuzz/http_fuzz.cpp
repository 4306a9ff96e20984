// Any bytes as a request's head and body, as an answer's, and as a stream of events. Whatever they are: no crash, the
// same outcome wherever they are cut, and never more consumed than was shown. The first byte says how they are cut.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/check.hpp"
#include "holdfast/net/parser.hpp"
#include "holdfast/net/sse.hpp"
#include "holdfast/net/target.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::net;

struct Outcome {
  bool refused = false, head_done = false, done = false;
  int status = 0;
  std::size_t consumed = 0;
  std::string body, method, target;
  Fields fields;

  bool operator==(const Outcome&) const = default;
};

Outcome parse(MessageParser::Kind kind, std::string_view bytes, std::size_t at_once) {
  MessageParser parser(kind, {.line_bytes_max = 256, .head_bytes_max = 1024, .fields_max = 16});
  Outcome outcome;
  std::size_t shown = 0;
  while (shown < bytes.size() && !parser.done() && !outcome.refused) {
    shown = std::min(shown + at_once, bytes.size());
    for (bool more = false; !more && !parser.done() && !outcome.refused;) {
      const std::string_view window = bytes.substr(outcome.consumed, shown - outcome.consumed);
      const ParserStep step = parser.feed(window);
      HOLDFAST_CHECK(step.consumed <= window.size(), "no more is consumed than was shown");
      HOLDFAST_CHECK(step.error || step.needs_more || step.consumed > 0, "a step goes forward");
      outcome.consumed += step.consumed;
      outcome.body.append(step.body);
      outcome.refused = bool(step.error);
      more = step.needs_more;
    }
  }
  outcome.head_done = parser.head_done();
  outcome.done = parser.done();
  outcome.status = parser.refusal_status();
  if (outcome.head_done) {
    const bool request = kind == MessageParser::Kind::request;
    outcome.fields = request ? parser.request().fields : parser.response().fields;
    if (request) {
      outcome.method = parser.request().method;
      outcome.target = parser.request().target;
    }
    HOLDFAST_CHECK(outcome.fields.count("Content-Length") + outcome.fields.count("Transfer-Encoding") <= 1,
                   "there is one opinion about where the body ends");
  }
  if (!outcome.done && !outcome.refused) static_cast<void>(parser.feed_end());
  return outcome;
}

void check_message(MessageParser::Kind kind, std::string_view bytes, std::size_t at_once) {
  Outcome whole = parse(kind, bytes, bytes.size() + 1), cut = parse(kind, bytes, at_once);
  // What of a refused message was consumed before the refusal depends on the cuts.
  if (whole.refused && cut.refused && whole.head_done == cut.head_done) {
    whole.consumed = cut.consumed;
    HOLDFAST_CHECK(whole.body == cut.body || whole.head_done, "a head has no body");
    whole.body = cut.body;
    whole.status = cut.status;
  }
  HOLDFAST_CHECK(whole == cut, "where the bytes are cut changes nothing");
  if (!whole.head_done || kind != MessageParser::Kind::request) return;
  if (const auto target = parse_target(whole.method, whole.target)) {
    if (const auto segments = split_path(target->path)) {
      for (const std::string& segment : *segments) {
        HOLDFAST_CHECK(percent_decode(percent_encode(segment)).value() == segment, "encoding is undone by decoding");
      }
    }
    static_cast<void>(parse_query(target->query));
  }
}

void check_events(std::string_view bytes, std::size_t at_once) {
  SseReader whole(512), cut(512);
  std::vector<SseEvent> events, cut_events;
  bool failed = bool(whole.feed(bytes, events)), cut_failed = false;
  for (std::size_t at = 0; at < bytes.size(); at += at_once) {
    cut_failed = bool(cut.feed(bytes.substr(at, at_once), cut_events));
  }
  HOLDFAST_CHECK(failed == cut_failed && events == cut_events, "where the bytes are cut changes nothing");
  for (const SseEvent& event : events) {
    SseReader again;
    std::vector<SseEvent> read;
    static_cast<void>(again.feed(format_sse(event), read));
    HOLDFAST_CHECK(read == std::vector<SseEvent>{event}, "what is written is read back");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t at_once = 1 + data[0] % 17;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_message(MessageParser::Kind::request, bytes, at_once);
  check_message(MessageParser::Kind::response, bytes, at_once);
  check_events(bytes, at_once);
  return 0;
}
