#include "holdfast/base/id.hpp"

namespace holdfast {
namespace {

constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view prefix = "op-";
constexpr int digits_count = 13;  // 13 * 5 = 65 bits hold any 64-bit number

}  // namespace

std::string text(OperationId id) {
  std::string out(prefix);
  for (int shift = 5 * (digits_count - 1); shift >= 0; shift -= 5)
    out += digits[(id.value >> shift) & 31];
  return out;
}

std::optional<OperationId> parse_operation_id(std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + digits_count) return std::nullopt;
  text.remove_prefix(prefix.size());
  if (digits.find(text.front()) > 15) return std::nullopt;  // would not fit into 64 bits
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value << 5 | digit;
  }
  return OperationId{value};
}

}  // namespace holdfast
