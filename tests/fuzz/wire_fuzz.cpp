// Any bytes as a streamed or whole answer, as a request's body that is edited, as an error and as lines of frames. The
// first byte says what for, the second how the bytes are cut. Whatever they are: no crash, and the same outcome
// wherever they are cut; an edited body is the body but for that one member; what is put together is JSON.

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "holdfast/base/check.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/wire/answer.hpp"
#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/fault.hpp"
#include "holdfast/wire/request.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::wire;

struct Kind {
  const char *method, *path;
  Framing framing;
};

constexpr Kind kinds[] = {
    {"POST", "/v1/chat/completions", Framing::sse}, {"POST", "/v1/responses", Framing::sse},
    {"POST", "/v1/messages", Framing::sse},         {"POST", "/api/chat", Framing::ndjson},
    {"POST", "/api/generate", Framing::ndjson},     {"POST", "/v1/chat/completions", Framing::whole},
    {"POST", "/v1/messages", Framing::whole},       {"GET", "/v1/videos/v", Framing::whole},
    {"POST", "/api/pull", Framing::ndjson},         {"GET", "/sdapi/v1/progress", Framing::whole},
};

template <class Feed>
void feed_in_pieces(std::string_view bytes, std::size_t at_once, Feed feed) {
  for (std::size_t at = 0; at < bytes.size(); at += at_once)
    feed(bytes.substr(at, at_once));
}

auto read(const Route& route, Framing framing, std::string_view bytes, std::size_t at_once) {
  AnswerReader reader(route, 200, framing);
  std::string text;
  reader.collect_text(&text);
  feed_in_pieces(bytes, at_once, [&](std::string_view piece) { reader.feed(piece); });
  const auto now = [&] {
    return std::tuple(reader.progress(), reader.percent(), reader.ended(), reader.at_boundary(), reader.unreadable(),
                      reader.stop(), reader.sequence_number(), text, reader.fault());
  };
  const auto before = now();
  reader.finish();
  HOLDFAST_CHECK(reader.ended() || reader.fault(), "an answer without end or error is truncated");
  if (reader.fault()) HOLDFAST_CHECK(reader.fault()->message.size() <= 200, "a fault is short");
  return std::pair(before, now());
}

void check_answer(const Kind& kind, std::string_view bytes, std::size_t at_once) {
  const Route route = *route_of(kind.method, kind.path, false);
  HOLDFAST_CHECK(read(route, kind.framing, bytes, bytes.size() + 1) == read(route, kind.framing, bytes, at_once),
                 "where the bytes are cut changes nothing");
  // A keepalive wherever one may stand: what is read stays.
  if (kind.framing != Framing::sse && kind.framing != Framing::ndjson) return;
  AnswerReader places(route, 200, kind.framing);
  std::string kept;
  bool marked = false;
  for (const char& byte : bytes) {
    const bool begins_a_mark = kind.framing == Framing::sse && kept.empty();
    if (places.at_boundary() && !begins_a_mark) {
      kept += keepalive(route, kind.framing);
      marked = true;
    }
    places.feed(std::string_view(&byte, 1));
    kept += byte;
  }
  const auto plain = read(route, kind.framing, bytes, at_once).second;
  const auto with = read(route, kind.framing, kept, at_once).second;
  // Where bytes are counted, ours count too.
  if (route.action == Action::other || !marked) return;
  HOLDFAST_CHECK(std::get<0>(plain) == std::get<0>(with) && std::get<2>(plain) == std::get<2>(with) &&
                     std::get<4>(plain) == std::get<4>(with) && std::get<7>(plain) == std::get<7>(with) &&
                     std::get<8>(plain) == std::get<8>(with),
                 "a keepalive means nothing");
}

void check_assembly(const Kind& kind, std::string_view bytes, std::size_t at_once) {
  const Route route = *route_of(kind.method, kind.path, false);
  Assembler whole(route), cut(route);
  whole.feed(bytes);
  feed_in_pieces(bytes, at_once, [&](std::string_view piece) { cut.feed(piece); });
  const auto document = whole.whole(), other = cut.whole();
  HOLDFAST_CHECK(document.has_value() == other.has_value(), "where the bytes are cut changes nothing");
  if (!document) {
    HOLDFAST_CHECK(document.error() == other.error(), "where the bytes are cut changes nothing");
    return;
  }
  HOLDFAST_CHECK(*document == *other, "where the bytes are cut changes nothing");
  HOLDFAST_CHECK(!json_problem(*document), "a document is JSON");
}

/// The body up to a zero byte, the name up to the next, the value.
void check_edit(std::string_view bytes) {
  const std::size_t first = std::min(bytes.find('\0'), bytes.size());
  const std::string_view body = bytes.substr(0, first), rest = bytes.substr(std::min(first + 1, bytes.size()));
  const std::size_t second = std::min(rest.find('\0'), rest.size());
  const std::string name(second > 0 ? rest.substr(0, second) : "model");
  const std::string value(second < rest.size() ? rest.substr(second + 1) : "\"m\"");
  const auto edited = with_member(body, name, value);
  for (const bool ollama : {false, true}) {
    const auto facts =
        read_request(*route_of("POST", ollama ? "/api/chat" : "/v1/chat/completions", false), "application/json", body);
    if (!facts) HOLDFAST_CHECK(facts.error().code == Errc::invalid_argument, "a refusal says what is wrong");
    if (facts) HOLDFAST_CHECK(!json_problem(body), "facts are of JSON");
  }
  if (!edited) return;
  boost::json::parse_options deep;
  deep.max_depth = json_depth_max;
  boost::json::value expected = boost::json::parse(boost::json::string_view(body.data(), body.size()), {}, deep);
  expected.get_object()[name] = boost::json::parse(value, {}, deep);
  HOLDFAST_CHECK(boost::json::parse(*edited, {}, deep) == expected, "one member is changed and nothing else");
  const auto again = with_member(*edited, name, value);
  HOLDFAST_CHECK(again && *again == *edited, "the same edit again changes nothing");
}

void check_error(std::string_view bytes) {
  const Route route = *route_of("POST", "/v1/chat/completions", false);
  const ProviderFault fault = fault_of(route, 500, bytes);
  HOLDFAST_CHECK(fault.message.size() <= 200 && is_utf8(fault.message) && is_utf8(fault.code), "a fault is short");
  for (const Dialect dialect :
       {Dialect::openai, Dialect::anthropic, Dialect::ollama, Dialect::elevenlabs, Dialect::sdwebui}) {
    const std::string body = error_body(dialect, Errc::provider_failed, bytes);
    HOLDFAST_CHECK(!json_problem(body) && body.find_first_of("\r\n") == std::string::npos,
                   "an error is a line of JSON");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t at_once = 1 + data[1] % 17;
  const std::size_t which = data[0] % (std::size(kinds) + 2);
  if (which == std::size(kinds)) {
    check_edit(bytes);
  } else if (which > std::size(kinds)) {
    check_error(bytes);
  } else {
    check_answer(kinds[which], bytes, at_once);
    check_assembly(kinds[which], bytes, at_once);
  }
  return 0;
}
