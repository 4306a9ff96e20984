#include "holdfast/base/name.hpp"

#include <algorithm>
#include <boost/locale/utf.hpp>

namespace holdfast {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

using Utf8 = boost::locale::utf::utf_traits<char>;

bool is_control(boost::locale::utf::code_point c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool is_space(boost::locale::utf::code_point c) {
  return c == ' ' || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) || c == 0x202f || c == 0x205f ||
         c == 0x3000 || c == 0xfeff;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (auto at = text.begin(); at != text.end();) {
    if (!boost::locale::utf::is_valid_codepoint(Utf8::decode(at, text.end()))) return false;
  }
  return true;
}

std::optional<std::string> name_problem(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > name_bytes_max) {
    return "is " + std::to_string(name.size()) + " bytes long; " + std::to_string(name_bytes_max) + " are allowed";
  }
  bool blank = true;
  for (auto at = name.begin(); at != name.end();) {
    const auto c = Utf8::decode(at, name.end());
    if (!boost::locale::utf::is_valid_codepoint(c)) return "is not valid UTF-8";
    if (is_control(c)) return "contains a control character";
    blank = blank && is_space(c);
  }
  if (blank) return "is blank";
  return std::nullopt;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string folded(std::string_view name) {
  std::string out(name);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool NameLess::operator()(std::string_view a, std::string_view b) const {
  return std::ranges::lexicographical_compare(a, b, [](char x, char y) { return lower(x) < lower(y); });
}

}  // namespace holdfast
