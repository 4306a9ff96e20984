#pragma once

#include <string>
#include <string_view>

namespace holdfast {

/// A provider's own words without what does not belong in a trail: keys, tokens, passwords, and long quoted text, which
/// may be a piece of a prompt, become `***`; at most 200 bytes are kept, whole characters only.
///
/// It errs on the side of removing: a long run of letters and digits is taken for a key. What looks like a sentence is
/// kept, so an unquoted prompt is only cut, not recognised.
std::string redact(std::string_view message);

/// The same, of whatever length.
std::string without_secrets(std::string_view message);

}  // namespace holdfast
