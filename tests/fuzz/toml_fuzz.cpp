#include <cstddef>
#include <cstdint>
#include <string_view>

#include "holdfast/config/config.hpp"
#include "holdfast/toml/toml.hpp"

/// Any bytes as TOML and as a configuration: a value or problems, each with a place inside the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = holdfast::parse_toml(text, "fuzz.toml");
  const auto config = holdfast::parse_config(text, "/fuzz/holdfast.toml");
  if (!document && config) __builtin_trap();
  if (!config) {
    const holdfast::Problems problems = config.error();
    if (problems.empty() || problems.text().empty()) __builtin_trap();
  }
  return 0;
}
