// Request bodies of the control API, problems and event lines from bytes. The first byte says which reader; what is
// read must come back as it was when it is written and read again.

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/api/problem.hpp"
#include "holdfast/api/requests.hpp"

namespace {

using namespace holdfast;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

template <class Read>
void round_trip(Read read, const boost::json::object& body) {
  const auto value = read(body);
  if (!value) {
    must(value.error().code == Errc::invalid_argument && !value.error().message.empty(), "a refusal has no sentence");
    return;
  }
  const boost::json::object written = api::to_json(*value);
  const auto again = read(written);
  must(again.has_value(), "what was written is refused");
  must(api::to_json(*again) == written, "what was written reads differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned which = data[0] % 8;
  if (which == 6) {
    const auto problem = api::problem_from_json(text);
    if (problem) must(api::problem_from_json(api::text(api::to_json(*problem))).has_value(), "a problem is lost");
    return 0;
  }
  if (which == 7) {
    const auto told = api::told_from_line(text);
    if (!told) return 0;
    const std::string line = api::text(api::event_line(told->seq, told->time, told->news));
    const auto again = api::told_from_line(line);
    must(again.has_value(), "an event's line is refused");
    must(api::text(api::event_line(again->seq, again->time, again->news)) == line, "an event's line reads differently");
    return 0;
  }
  const auto body = api::parse_body(text);
  if (!body) return 0;
  switch (which) {
    case 0:
      round_trip(api::job_from_json, *body);
      break;
    case 1:
      round_trip([](const auto& object) { return api::lock_request_from_json("job", object); }, *body);
      break;
    case 2:
      round_trip([](const auto& object) { return api::decision_from_json("job", object); }, *body);
      break;
    case 3:
      round_trip([](const auto& object) { return api::answer_from_json("op", object); }, *body);
      break;
    case 4:
      round_trip(api::cancel_from_json, *body);
      break;
    default:
      round_trip(api::answer_result_from_json, *body);
  }
  return 0;
}
