#include "holdfast/proxy/address.hpp"

#include <algorithm>
#include <charconv>

#include "holdfast/base/name.hpp"
#include "holdfast/net/target.hpp"

namespace holdfast::proxy {
namespace {

Failure wrong(std::string message) {
  return {Errc::invalid_argument, std::move(message)};
}

/// The first segment of a path behind its slash, and what follows.
std::pair<std::string_view, std::string_view> first_segment(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  return {path.substr(0, end), path.substr(end)};
}

/// Takes `/NAME/VALUE` off the path.
result<std::string> take_pair(std::string_view& path, std::string_view name) {
  const auto [first, behind] = first_segment(path);
  if (first != name) return std::string();
  const auto [value, rest] = first_segment(behind);
  auto decoded = net::percent_decode(value);
  if (!decoded) return decoded.error();
  if (const auto why = name_problem(*decoded)) {
    return wrong("the name behind /" + std::string(name) + "/ in the path " + *why);
  }
  path = rest;
  return decoded;
}

std::optional<Failure> given_twice(const net::Fields& fields, std::string_view field) {
  if (fields.count(field) < 2) return std::nullopt;
  return wrong("the field " + std::string(field) + " is given twice");
}

/// The field, as a name; empty where it was not sent.
result<std::string> name_field(const net::Fields& fields, std::string_view field) {
  const auto value = fields.find(field);
  if (!value) return std::string();
  if (const auto why = given_twice(fields, field)) return *why;
  if (const auto why = name_problem(*value)) return wrong("the field " + std::string(field) + " " + *why);
  return std::string(*value);
}

/// What path and field say together.
result<std::string> either(result<std::string> in_path, result<std::string> in_field, std::string_view what) {
  if (!in_path) return in_path;
  if (!in_field) return in_field;
  if (in_path->empty()) return in_field;
  if (!in_field->empty() && *in_field != *in_path) {
    return wrong("the path names the " + std::string(what) + " '" + *in_path + "', the field Holdfast-" +
                 (what == "job" ? "Job" : "Stage") + " '" + *in_field + "': say one");
  }
  return in_path;
}

std::optional<Failure> read_words(const net::Fields& fields, Address& out) {
  for (const char* field : {"Holdfast-On-Stall", "Holdfast-On-Disconnect"}) {
    if (const auto why = given_twice(fields, field)) return why;
  }
  if (const auto said = fields.find("Holdfast-On-Stall")) {
    if (*said == "wait") {
      out.on_stall = OnStall::wait;
    } else if (*said == "cancel") {
      out.on_stall = OnStall::cancel;
    } else if (*said != "ask") {
      return wrong("the field Holdfast-On-Stall says ask, wait or cancel");
    }
  }
  if (const auto said = fields.find("Holdfast-On-Disconnect")) {
    if (*said == "detach") {
      out.on_disconnect = OnDisconnect::detach;
    } else if (*said != "cancel") {
      return wrong("the field Holdfast-On-Disconnect says cancel or detach");
    }
  }
  return std::nullopt;
}

std::optional<Failure> read_names(const net::Fields& fields, Address& out) {
  for (const auto& [field, into] : {std::pair{"Holdfast-Provider", &out.provider},
                                    {"Holdfast-Patience", &out.patience},
                                    {"Holdfast-Correlation-Id", &out.correlation_id}}) {
    auto value = name_field(fields, field);
    if (!value) return value.error();
    *into = std::move(*value);
  }
  return std::nullopt;
}

/// The trace id of a `traceparent` (W3C Trace Context): VERSION-TRACE-PARENT-FLAGS in lower-case hexadecimal digits,
/// neither id all zero. A version that is not known may have more behind it. Empty: it is none, and is ignored.
std::string trace_id_of(const net::Fields& fields) {
  if (fields.count("traceparent") != 1) return {};
  const std::string_view value = *fields.find("traceparent");
  constexpr std::string_view form = "vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff";
  if (value.size() < form.size()) return {};
  for (std::size_t at = 0; at < form.size(); ++at) {
    const char c = value[at];
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (form[at] == '-' ? c != '-' : !is_digit) return {};
  }
  const std::string_view version = value.substr(0, 2), trace = value.substr(3, 32), parent = value.substr(36, 16);
  const std::string_view more = value.substr(form.size());
  if (version == "ff" || (version == "00" ? !more.empty() : !more.empty() && more.front() != '-')) return {};
  const auto is_zero = [](std::string_view id) { return id.find_first_not_of('0') == std::string_view::npos; };
  if (is_zero(trace) || is_zero(parent)) return {};
  return std::string(trace);
}

/// A whole number; SDKs write seconds with a fraction, too, which is cut off.
std::optional<unsigned> number_field(const net::Fields& fields, std::string_view field) {
  const auto said = fields.find(field);
  if (!said) return std::nullopt;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(said->data(), said->data() + said->size(), number);
  if (error != std::errc() || (end != said->data() + said->size() && *end != '.')) return std::nullopt;
  return number;
}

void read_sdk(const net::Fields& fields, Address& out) {
  out.retry_count = number_field(fields, "x-stainless-retry-count");
  for (const char* field : {"x-stainless-timeout", "x-stainless-read-timeout"}) {
    const auto seconds = number_field(fields, field);
    if (!seconds || *seconds == 0) continue;
    const std::chrono::seconds wait(*seconds);
    out.announced_wait = std::min(out.announced_wait.value_or(wait), wait);
  }
}

}  // namespace

result<Address> address_of(std::string_view method, std::string_view path, std::string_view query,
                           const net::Fields& fields) {
  Address out;
  auto job_in_path = take_pair(path, "jobs");
  result<std::string> stage_in_path = std::string();
  if (job_in_path && !job_in_path->empty()) stage_in_path = take_pair(path, "stages");
  auto job = either(std::move(job_in_path), name_field(fields, "Holdfast-Job"), "job");
  if (!job) return job.error();
  auto stage = either(std::move(stage_in_path), name_field(fields, "Holdfast-Stage"), "stage");
  if (!stage) return stage.error();
  if (!stage->empty() && job->empty()) return wrong("a stage is one of a job: say Holdfast-Job too");
  if (const auto why = read_words(fields, out)) return *why;
  if (const auto why = read_names(fields, out)) return *why;
  if (out.correlation_id.empty()) out.correlation_id = trace_id_of(fields);
  read_sdk(fields, out);

  out.path = path.empty() ? "/" : std::string(path);
  out.query = query;
  const auto route = wire::route_of(method, out.path, fields.find("anthropic-version").has_value());
  out.known_path = route.has_value();
  if (route) out.route = *route;
  // A list is no work of a job: it is asked for at the job's provider, and nothing of the job begins.
  out.job = std::move(*job);
  out.stage_was_said = !stage->empty();
  out.stage = out.stage_was_said ? std::move(*stage) : std::string(out.route.kind);
  if (out.stage.empty()) out.stage = "request";
  return out;
}

}  // namespace holdfast::proxy
