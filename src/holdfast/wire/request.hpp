#pragma once

#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::wire {

/// What of a client's request matters for keeping it alive.
struct RequestFacts {
  std::string model{};
  bool stream = false;  ///< Ollama streams unless told otherwise

  bool operator==(const RequestFacts&) const = default;
};

/// Reads a body strictly: two readers of it must not see two models. Anything that says `multipart` gives empty facts,
/// so does a body that neither says that it is JSON nor begins like an object, and on a route of `Action::other` one
/// that cannot be read.
///
/// Errors: `invalid_argument`, with what is wrong and where: no JSON, no object, `model` or `stream` twice (however
/// escaped) or of the wrong kind; for Ollama, which reads names without regard to case, one in another case.
/// `too_large`: above `body_bytes_max`.
result<RequestFacts> read_request(const Route& route, std::string_view content_type, std::string_view body);

/// The body with one member at its top replaced, or added behind the last; every other byte as it was. `value` is JSON;
/// blanks around it are dropped.
///
/// Errors: `invalid_argument`: body or value is no JSON, the body no object, or the member is there twice.
/// `too_large`: above `body_bytes_max`.
result<std::string> with_member(std::string_view body, std::string_view name, std::string_view value);

}  // namespace holdfast::wire
