#include "holdfast/wire/request.hpp"

#include <optional>
#include <utility>

#include "holdfast/base/name.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/framing.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::wire {
namespace {

constexpr std::string_view blanks = " \t\r\n";

Failure invalid(std::string message) {
  return {Errc::invalid_argument, std::move(message)};
}

std::optional<Failure> too_large(std::string_view body) {
  if (body.size() <= body_bytes_max) return std::nullopt;
  return Failure{Errc::too_large, "the body is " + std::to_string(body.size()) + " bytes long; " +
                                      std::to_string(body_bytes_max) + " are allowed"};
}

/// Whether the body is to be read at all. Ollama's documentation sends JSON without saying so, and it is taken.
bool claims_json(std::string_view content_type, std::string_view body) {
  if (framing_of(content_type) == Framing::whole) return true;
  const std::string type = folded(content_type.substr(0, content_type.find(';')));
  if (type.find("multipart/") != std::string::npos) return false;
  const std::size_t first = body.find_first_not_of(blanks);
  return first != std::string_view::npos && body[first] == '{';
}

/// As Go compares names of members: without case, and the long s is an s.
std::string folded_as_go(std::string_view name) {
  std::string out = folded(name);
  for (std::size_t at; (at = out.find("\xC5\xBF")) != std::string::npos;)
    out.replace(at, 2, "s");
  return out;
}

std::string at_byte(std::size_t place) {
  return " (byte " + std::to_string(place + 1) + ")";
}

/// The facts as they are read, and the first thing that is wrong with them.
class Facts {
 public:
  Facts(const Route& route, std::string_view body) : route_(route), body_(body) {
    const bool streams = route.action == Action::chat || route.action == Action::generate;
    facts_.stream = route.dialect == Dialect::ollama && streams;
  }

  std::optional<Failure> read() {
    if (const auto problem = json_problem(body_)) return invalid("the body " + *problem);
    MemberWalk walk(body_);
    if (!walk.is_object()) return invalid("the body is JSON, but no object");
    while (const auto member = walk.next()) {
      if (auto wrong = take(*member)) return wrong;
    }
    return std::nullopt;
  }
  RequestFacts& facts() { return facts_; }

 private:
  std::optional<Failure> take(const MemberPlace& member) {
    const std::string name = string_of_token(body_.substr(member.name, member.name_end - member.name));
    const std::string_view value = body_.substr(member.value, member.value_end - member.value);
    const std::string_view model = model_member(route_.dialect);
    if (name == model) {
      return std::exchange(seen_model_, true) ? twice(name, member) : take_model(name, value, member);
    }
    if (name == "stream") {
      return std::exchange(seen_stream_, true) ? twice(name, member) : take_stream(name, value, member);
    }
    if (name == "stream_format" && route_.action == Action::speech) facts_.stream = value == "\"sse\"";
    if (route_.dialect == Dialect::ollama && name.size() <= 2 * model.size() + 2) {
      for (const std::string_view known : {model, std::string_view("stream")}) {
        if (folded_as_go(name) == known) {
          return invalid("'" + name + "' would be read as '" + std::string(known) + "': write it so" +
                         at_byte(member.name));
        }
      }
    }
    return std::nullopt;
  }
  static std::optional<Failure> twice(const std::string& name, const MemberPlace& member) {
    return invalid("'" + name + "' is there twice" + at_byte(member.name));
  }
  std::optional<Failure> take_model(const std::string& name, std::string_view value, const MemberPlace& member) {
    if (value == "null") return std::nullopt;
    if (value.front() != '"') return invalid("'" + name + "' is no string" + at_byte(member.value));
    facts_.model = string_of_token(value);
    return std::nullopt;
  }
  std::optional<Failure> take_stream(const std::string& name, std::string_view value, const MemberPlace& member) {
    if (value == "null") return std::nullopt;
    if (value != "true" && value != "false") {
      return invalid("'" + name + "' is neither true nor false" + at_byte(member.value));
    }
    facts_.stream = value == "true";
    return std::nullopt;
  }

  const Route& route_;
  std::string_view body_;
  RequestFacts facts_;
  bool seen_model_ = false, seen_stream_ = false;
};

}  // namespace

result<RequestFacts> read_request(const Route& route, std::string_view content_type, std::string_view body) {
  if (auto failure = too_large(body)) return *std::move(failure);
  if (body.empty() && route.kind.empty()) return RequestFacts{};
  if (!claims_json(content_type, body)) return RequestFacts{};
  Facts facts(route, body);
  if (auto failure = facts.read()) {
    if (route.action == Action::other) return RequestFacts{};
    return *std::move(failure);
  }
  return std::move(facts.facts());
}

result<std::string> with_member(std::string_view body, std::string_view name, std::string_view value) {
  if (auto failure = too_large(body)) return *std::move(failure);
  if (const auto problem = json_problem(value)) return invalid("the value " + *problem);
  // Blanks around it are no part of it: the same edit again changes nothing.
  value.remove_prefix(value.find_first_not_of(blanks));
  value = value.substr(0, value.find_last_not_of(blanks) + 1);
  if (!is_utf8(name)) return invalid("the member's name is not UTF-8");
  if (const auto problem = json_problem(body)) return invalid("the body " + *problem);
  MemberWalk walk(body);
  if (!walk.is_object()) return invalid("the body is JSON, but no object");

  std::optional<MemberPlace> found, last;
  while (const auto member = walk.next()) {
    last = member;
    if (string_of_token(body.substr(member->name, member->name_end - member->name)) != name) continue;
    if (found) return invalid("'" + std::string(name) + "' is there twice" + at_byte(member->name));
    found = member;
  }
  std::string added;
  std::size_t from, to;
  if (found) {
    added = value;
    from = found->value;
    to = found->value_end;
  } else {
    added = token_of_string(name);
    added.append(": ").append(value);
    if (last) added.insert(0, ", ");
    from = to = last ? last->value_end : walk.open() + 1;
  }
  std::string out;
  out.reserve(body.size() - (to - from) + added.size());
  out.append(body.substr(0, from)).append(added).append(body.substr(to));
  if (auto failure = too_large(out)) return *std::move(failure);
  return out;
}

}  // namespace holdfast::wire
