#include "holdfast/core/words.hpp"

#include <algorithm>
#include <cstdio>

#include "holdfast/base/wall_time.hpp"
#include "holdfast/core/listing.hpp"

namespace holdfast {
namespace {

std::string printed(const char* format, double number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string counted(std::int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string sized(std::int64_t bytes) {
  constexpr std::int64_t kib = 1024, mib = kib * kib;
  const auto size = static_cast<double>(bytes);
  if (bytes < kib) return counted(bytes, "byte");
  if (bytes < mib) return printed("%.0f KiB", size / kib);
  return printed("%.1f MiB", size / mib);
}

}  // namespace

std::string Progress::text() const {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (percent) add(printed("%.0f %%", *percent));
  if (tokens) add(counted(*tokens, "token"));
  if (chunks) add(counted(*chunks, "chunk"));
  if (bytes) add(sized(*bytes));
  if (remaining) add("about " + spoken(*remaining) + " left");
  if (!message.empty()) add(message);
  return out.empty() ? "nothing yet" : out;
}

bool ProviderInfo::serves(std::string_view kind) const {
  return kind.empty() || kinds.empty() || std::ranges::find(kinds, kind) != kinds.end();
}

bool ProviderInfo::speaks(std::string_view protocol) const {
  return protocol.empty() || protocols.empty() || std::ranges::find(protocols, protocol) != protocols.end();
}

std::string_view name(OperationPhase phase) noexcept {
  switch (phase) {
    case OperationPhase::queued:
      return "queued";
    case OperationPhase::running:
      return "running";
    case OperationPhase::completed:
      return "completed";
    case OperationPhase::failed:
      return "failed";
    case OperationPhase::cancelled:
      return "cancelled";
    case OperationPhase::switched:
      return "switched";
    case OperationPhase::interrupted:
      return "interrupted";
  }
  __builtin_unreachable();
}

std::string_view name(JobState state) noexcept {
  switch (state) {
    case JobState::running:
      return "running";
    case JobState::waiting:
      return "waiting";
    case JobState::interrupted:
      return "interrupted";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::cancelled:
      return "cancelled";
    case JobState::released:
      return "released";
  }
  __builtin_unreachable();
}

std::string_view name(ErrorClass error) noexcept {
  switch (error) {
    case ErrorClass::none:
      return "none";
    case ErrorClass::http:
      return "http";
    case ErrorClass::auth:
      return "auth";
    case ErrorClass::quota:
      return "quota";
    case ErrorClass::protocol:
      return "protocol";
    case ErrorClass::connection:
      return "connection";
    case ErrorClass::truncated:
      return "truncated";
    case ErrorClass::command:
      return "command";
    case ErrorClass::other:
      return "other";
  }
  __builtin_unreachable();
}

std::string_view name(StageState state) noexcept {
  switch (state) {
    case StageState::pending:
      return "pending";
    case StageState::running:
      return "running";
    case StageState::done:
      return "done";
    case StageState::interrupted:
      return "interrupted";
    case StageState::failed:
      return "failed";
    case StageState::cancelled:
      return "cancelled";
  }
  __builtin_unreachable();
}

}  // namespace holdfast
