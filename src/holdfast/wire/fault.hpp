#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/core/words.hpp"
#include "holdfast/wire/framing.hpp"
#include "holdfast/wire/route.hpp"

/// Errors: what a provider says in its dialect, and what Holdfast says in it.
namespace holdfast::wire {

/// A hard error of an answer that is not 2xx: class by status (401 and 403 auth; 402 and 429 quota; else http), the
/// provider's code, and at most 200 bytes of its message, keys removed. `body` may be cut or no JSON at all; of it at
/// most `error_bytes_max` are looked at.
ProviderFault fault_of(const Route& route, int status, std::string_view body);

/// The status that an error would have had, which came as an event of a stream that had begun with 200: by its type, or
/// by the number that some put into its code. 0: it does not say.
int status_meant(Dialect dialect, std::string_view document);

/// Holdfast's own error in the shape of the dialect: `type` is "holdfast_error", `code` the name of `code`. One line.
std::string error_body(Dialect dialect, Errc code, std::string_view message);

/// The same as the last frame of a stream that has begun. Empty for `whole` and `bytes`: there the connection is cut.
/// `sequence_number`: that of the last event, for OpenAI's responses, whose events count upwards.
std::string error_frames(const Route& route, Framing framing, Errc code, std::string_view message,
                         std::int64_t sequence_number = -1);

}  // namespace holdfast::wire
