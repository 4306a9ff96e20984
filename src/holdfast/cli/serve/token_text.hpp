#pragma once

#include <string>
#include <vector>

namespace holdfast::cli {

/// Makes a token, which is kept nowhere: the text shows it once, with what the configuration says of it. `json`: one
/// document. `scopes`: of "proxy", "read", "answer", "admin". Throws `Error` where the machine has no randomness.
std::string new_token_text(const std::string& name, const std::vector<std::string>& scopes, bool json);

}  // namespace holdfast::cli
