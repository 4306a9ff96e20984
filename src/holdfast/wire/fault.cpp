#include "holdfast/wire/fault.hpp"

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "holdfast/base/name.hpp"
#include "holdfast/core/redact.hpp"
#include "holdfast/wire/dialects.hpp"
#include "holdfast/wire/json.hpp"

namespace holdfast::wire {
namespace {

namespace json = boost::json;

constexpr std::string_view own_type = "holdfast_error";

ErrorClass class_of(int status) {
  if (status == 401 || status == 403) return ErrorClass::auth;
  if (status == 402 || status == 429) return ErrorClass::quota;
  return ErrorClass::http;
}

/// An error event has no status of its own; its code says as much.
ErrorClass class_of(std::string_view code) {
  for (const std::string_view auth : {"authentication", "permission", "api_key", "unauthorized"}) {
    if (code.find(auth) != std::string_view::npos) return ErrorClass::auth;
  }
  for (const std::string_view quota : {"rate_limit", "quota", "billing"}) {
    if (code.find(quota) != std::string_view::npos) return ErrorClass::quota;
  }
  return ErrorClass::http;
}

/// In one line, without control characters, and no longer than anybody reads.
std::string plain(std::string_view text, std::size_t bytes_max) {
  std::string out = as_utf8(text.substr(0, bytes_max));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

/// Members `code`, `type` and the like are words or numbers.
std::string word_in(const json::object& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const std::string_view word = text_in(object, name); !word.empty()) return std::string(word);
    if (const auto number = integer_in(object, name)) return std::to_string(*number);
  }
  return {};
}

/// Where the words of an error stand: in it, in the first of a list of wrong fields, or it is the words.
const json::object* holder_of(const json::object& object, std::string& message) {
  for (const std::string_view name : {"error", "detail"}) {
    const json::value* inner = member(object, name);
    if (inner == nullptr) continue;
    if (const json::object* holder = inner->if_object()) return holder;
    if (message.empty()) message = text_of(*inner);
    const json::array* list = inner->if_array();
    if (list != nullptr && !list->empty() && list->front().is_object()) return &list->front().get_object();
  }
  return &object;
}

json::object own_error(Errc code, std::string_view message) {
  return {{"type", own_type}, {"code", name(code)}, {"message", as_utf8(message)}};
}

json::object own_document(Dialect dialect, Errc code, std::string_view message) {
  json::object error = own_error(code, message);
  switch (dialect) {
    case Dialect::openai:
      error["param"] = nullptr;
      return {{"error", std::move(error)}};
    case Dialect::anthropic:
      return {{"type", "error"}, {"error", std::move(error)}};
    case Dialect::ollama:
      return {{"error", as_utf8(message)}, {"type", own_type}, {"code", name(code)}};
    case Dialect::elevenlabs:
      error["status"] = name(code);
      return {{"detail", std::move(error)}};
    case Dialect::sdwebui:
      return {{"error", own_type},
              {"detail", as_utf8(message)},
              {"errors", as_utf8(message)},
              {"type", own_type},
              {"code", name(code)}};
  }
  __builtin_unreachable();
}

}  // namespace

std::string as_utf8(std::string_view text) {
  // A character that a limit has cut in two is dropped; any other fault costs every byte above ASCII.
  for (std::size_t cut = 0; cut < 4 && cut <= text.size(); ++cut) {
    if (is_utf8(text.substr(0, text.size() - cut))) return std::string(text.substr(0, text.size() - cut));
  }
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

bool add_text(std::string_view part, Findings& out) {
  // The input of the answer's tool is the text: what is said beside it is not.
  if (out.text != nullptr && !out.answer_block) out.text->append(part);
  return !part.empty();
}

ProviderFault fault_in(const json::object& object, int status) {
  std::string message;
  const json::object* holder = holder_of(object, message);
  ProviderFault fault{.error_class = class_of(status), .status = status};
  fault.code = word_in(*holder, {"code", "status", "type"});
  if (holder == &object && fault.code == "error") fault.code = word_in(*holder, {"code"});
  for (const std::string_view name : {"message", "msg", "errors"}) {
    if (const std::string_view words = text_in(*holder, name); !words.empty()) {
      message = words;
      // Stable Diffusion: `error` is what kind, `errors` the words.
      if (name == "errors" && fault.code.empty()) fault.code = text_in(*holder, "error");
      break;
    }
  }
  if (status >= 200 && status < 300) {
    // An error after the head: some put the status that it would have had into the code.
    const int meant = fault.code.size() == 3 ? std::atoi(fault.code.c_str()) : 0;
    if (meant >= 400 && meant < 600) {
      fault.status = meant;
      fault.error_class = class_of(meant);
    } else {
      fault.error_class = class_of(fault.code + " " + word_in(*holder, {"type"}));
    }
  }
  fault.code = redact(plain(fault.code, error_code_bytes_max));
  fault.message = redact(plain(message, error_bytes_max));
  return fault;
}

ProviderFault fault_of(const Route&, int status, std::string_view body) {
  body = body.substr(0, error_bytes_max);
  const ParsedObject parsed(body);
  if (parsed.get() != nullptr) return fault_in(*parsed.get(), status);
  ProviderFault fault{.error_class = class_of(status), .status = status};
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  // A page for a browser says nothing in its first 200 bytes.
  if (first != std::string_view::npos && body[first] != '<')
    fault.message = redact(plain(body.substr(first), body.size()));
  return fault;
}

int status_meant(Dialect dialect, std::string_view document) {
  const ParsedObject parsed(document);
  if (parsed.get() == nullptr) return 0;
  const ProviderFault fault = fault_in(*parsed.get(), 200);
  if (fault.status != 200) return fault.status;
  if (dialect == Dialect::ollama) return 500;
  const json::object* error = object_in(*parsed.get(), "error");
  const std::string_view type = error == nullptr ? std::string_view() : text_in(*error, "type");
  for (const auto& [word, status] : {std::pair<std::string_view, int>{"invalid_request_error", 400},
                                     {"authentication_error", 401},
                                     {"billing_error", 402},
                                     {"permission_error", 403},
                                     {"not_found_error", 404},
                                     {"request_too_large", 413},
                                     {"rate_limit_error", 429},
                                     {"rate_limit_exceeded", 429},
                                     {"insufficient_quota", 429},
                                     {"api_error", 500},
                                     {"server_error", 500},
                                     {"timeout_error", 504},
                                     {"overloaded_error", 529}}) {
    if (type == word || fault.code == word) return status;
  }
  return 0;
}

std::string error_body(Dialect dialect, Errc code, std::string_view message) {
  return json::serialize(own_document(dialect, code, message));
}

std::string error_frames(const Route& route, Framing framing, Errc code, std::string_view message,
                         std::int64_t sequence_number) {
  json::object document = own_document(route.dialect, code, message);
  const bool typed = route.dialect == Dialect::openai && route.action == Action::responses;
  if (typed) {
    // Readers differ in where they look: the error's members stand in the event and in its `error`.
    json::object event{{"type", "error"}, {"sequence_number", sequence_number + 1}, {"param", nullptr}};
    event["code"] = name(code);
    event["message"] = as_utf8(message);
    event["error"] = std::move(document["error"]);
    document = std::move(event);
  }
  switch (framing) {
    case Framing::sse:
      return (typed || route.dialect == Dialect::anthropic ? "event: error\ndata: " : "data: ") +
             json::serialize(document) + "\n\n";
    case Framing::ndjson:
      return json::serialize(document) + "\n";
    case Framing::whole:
    case Framing::bytes:
      return {};
  }
  __builtin_unreachable();
}

}  // namespace holdfast::wire
