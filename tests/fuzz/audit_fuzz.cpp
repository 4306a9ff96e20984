#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "holdfast/api/canonical.hpp"
#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/core/redact.hpp"
#include "holdfast/store/audit.hpp"
#include "holdfast/store/export.hpp"

using namespace holdfast;

/// Any bytes as an export, and each of its lines as a record and as a line of the event feed: findings or values, never
/// a crash; what was decoded is written as it was read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::istringstream in(text);
  const auto report = store::verify_export(in);
  if (report && report->findings.empty() && report->jobs == 0 && report->records != 0) __builtin_trap();

  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (redact(line).size() > 200) __builtin_trap();
    boost::system::error_code error;
    const auto value = boost::json::parse(line, error);
    if (error || !value.is_object()) continue;
    if (api::canonical(value).empty()) __builtin_trap();
    const auto& object = value.get_object();
    const auto* payload = object.if_contains("data");
    const auto* kind = object.if_contains("kind");
    if (kind == nullptr) kind = object.if_contains("event");
    if (payload == nullptr || !payload->is_object() || kind == nullptr || !kind->is_string()) continue;
    const auto news = api::news_from_json(kind->get_string(), "job", "op-1", payload->get_object());
    if (!news) {
      if (news.error().message.empty()) __builtin_trap();
      continue;
    }
    const auto again =
        api::news_from_json(event_name(*news), job_of(*news), api::operation_of(*news), api::to_json(*news));
    if (!again || api::to_json(*again) != api::to_json(*news)) __builtin_trap();
  }
  return 0;
}
